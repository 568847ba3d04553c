"""The saved state of a run: all that a killed run needs to go on as if nothing had happened.

Tensors lie in `state-<step>.safetensors`; `state.json` names that file and holds the rest. The tensors are written
first, the JSON replaces its predecessor last, and only then is the old tensor file removed: at any moment the folder
holds one whole state. No generator is saved: order, masks and dropout are drawn from (seed, epoch) and (seed, step).
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as tensors_to_bytes
from torch import Tensor, nn

from mediafm.errors import TrainingError
from mediafm.model.folder import replace_file, to_json

MARKER = "state.json"
Made = TypeVar("Made")
Optimizers = dict[str, torch.optim.Optimizer]


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a run stands. best_msm was measured after best_step; waited: evaluations since. seconds: spent so far."""

    step: int
    best_msm: float
    best_step: int
    waited: int
    seconds: float
    finished: bool


@dataclass(frozen=True, slots=True)
class State:
    """standing, the recipe and catalog it belongs to, and the tensors of learner and optimisers by name."""

    standing: Standing
    recipe: dict[str, Any]
    catalog: str
    tensors: dict[str, Tensor]


def save_state(folder: Path, state: State) -> None:
    """Replace the folder's state."""
    facts = {"standing": asdict(state.standing), "recipe": state.recipe, "catalog": state.catalog}
    save_tensors(folder, state.standing.step, state.tensors, facts)


def load_state(folder: Path) -> State | None:
    """The folder's state; None if it has none. TrainingError if it is damaged."""
    return load_tensors(
        folder, lambda facts, tensors: State(Standing(**facts["standing"]), facts["recipe"], facts["catalog"], tensors)
    )


def save_tensors(folder: Path, step: int, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Replace what the folder holds by these tensors and JSON-able facts, whole or not at all."""
    name = f"state-{step}.safetensors"
    held = {key: t.detach().cpu().contiguous() for key, t in tensors.items()}
    replace_file(folder / name, tensors_to_bytes(held))
    replace_file(folder / MARKER, to_json({"tensors": name, **facts}))
    for old in folder.glob("state-*"):
        if old.name != name:
            old.unlink()


def load_tensors(folder: Path, make: Callable[[dict[str, Any], dict[str, Tensor]], Made]) -> Made | None:
    """`make(facts, tensors)` of what was saved; None if nothing was. TrainingError if it is damaged."""
    if not (folder / MARKER).is_file():
        return None
    try:
        facts = json.loads((folder / MARKER).read_text(encoding="utf-8"))
        return make(facts, load_file(folder / facts["tensors"]))
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise TrainingError(
            f"The saved state in {folder} cannot be read: {error}.", "Train anew into another folder."
        ) from None


def gather(learner: nn.Module, optimizers: Optimizers) -> dict[str, Tensor]:
    """All tensors of a run by name: `weights/<name>` and `<optimizer>/<name>/<what>`."""
    weights = {f"weights/{name}": t for name, t in learner.state_dict().items()}
    return weights | gather_optimizers(dict(learner.named_parameters()), optimizers)


def scatter(tensors: dict[str, Tensor], learner: nn.Module, optimizers: Optimizers) -> None:
    """The inverse of `gather`."""
    weights = {key.removeprefix("weights/"): t for key, t in tensors.items() if key.startswith("weights/")}
    learner.load_state_dict(weights, strict=True)
    scatter_optimizers(tensors, dict(learner.named_parameters()), optimizers)


def gather_optimizers(parameters: Mapping[str, Tensor], optimizers: Optimizers) -> dict[str, Tensor]:
    """What optimisers remember of these parameters: `<optimizer>/<name>/<what>`."""
    return {
        f"{kind}/{name}/{what}": value
        for name, parameter in parameters.items()
        for kind, optimizer in optimizers.items()
        for what, value in optimizer.state.get(parameter, {}).items()
    }


def scatter_optimizers(tensors: Mapping[str, Tensor], parameters: Mapping[str, Tensor], optimizers: Optimizers) -> None:
    """The inverse of `gather_optimizers`."""
    for name, parameter in parameters.items():
        for kind, optimizer in optimizers.items():
            prefix = f"{kind}/{name}/"
            held = {key.removeprefix(prefix): t for key, t in tensors.items() if key.startswith(prefix)}
            if held:
                optimizer.state[parameter] = {what: _home(what, t, parameter) for what, t in held.items()}


def _home(what: str, value: Tensor, parameter: Tensor) -> Tensor:
    # AdamW counts its steps on the CPU unless it is the fused one.
    return value.clone() if what == "step" and not parameter.is_cuda else value.to(parameter.device, copy=True)
