"""The saved state of a run: all that a killed run needs to go on as if nothing had happened.

Tensors lie in `state-<step>.safetensors`; `state.json` names that file and holds the rest. The tensors are written
first, the JSON replaces its predecessor last, and only then is the old tensor file removed: at any moment the folder
holds one whole state. No generator is saved: order, masks and dropout are drawn from (seed, epoch) and (seed, step).
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as tensors_to_bytes
from torch import Tensor

from mediafm.errors import TrainingError
from mediafm.model.folder import replace_file, to_json
from mediafm.train.learner import Learner

MARKER = "state.json"
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
    name = f"state-{state.standing.step}.safetensors"
    tensors = {key: t.detach().cpu().contiguous() for key, t in state.tensors.items()}
    replace_file(folder / name, tensors_to_bytes(tensors))
    marker = {
        "tensors": name,
        "standing": asdict(state.standing),
        "recipe": state.recipe,
        "catalog": state.catalog,
    }
    replace_file(folder / MARKER, to_json(marker))
    for old in folder.glob("state-*"):
        if old.name != name:
            old.unlink()


def load_state(folder: Path) -> State | None:
    """The folder's state; None if it has none. TrainingError if it is damaged."""
    if not (folder / MARKER).is_file():
        return None
    try:
        marker = json.loads((folder / MARKER).read_text(encoding="utf-8"))
        tensors = load_file(folder / marker["tensors"])
        return State(Standing(**marker["standing"]), marker["recipe"], marker["catalog"], tensors)
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise TrainingError(
            f"The saved state in {folder} cannot be read: {error}.", "Train anew into another folder."
        ) from None


def gather(learner: Learner, optimizers: Optimizers) -> dict[str, Tensor]:
    """All tensors of a run by name: `weights/<name>` and `<optimizer>/<name>/<what>`."""
    tensors = {f"weights/{name}": t for name, t in learner.state_dict().items()}
    for name, parameter in learner.named_parameters():
        for kind, optimizer in optimizers.items():
            for what, value in optimizer.state.get(parameter, {}).items():
                tensors[f"{kind}/{name}/{what}"] = value
    return tensors


def scatter(tensors: dict[str, Tensor], learner: Learner, optimizers: Optimizers) -> None:
    """The inverse of `gather`."""
    weights = {key.removeprefix("weights/"): t for key, t in tensors.items() if key.startswith("weights/")}
    learner.load_state_dict(weights, strict=True)
    for name, parameter in learner.named_parameters():
        for kind, optimizer in optimizers.items():
            prefix = f"{kind}/{name}/"
            held = {key.removeprefix(prefix): t for key, t in tensors.items() if key.startswith(prefix)}
            if held:
                optimizer.state[parameter] = {what: _home(what, t, parameter) for what, t in held.items()}


def _home(what: str, value: Tensor, parameter: Tensor) -> Tensor:
    # AdamW counts its steps on the CPU unless it is the fused one.
    return value.clone() if what == "step" and not parameter.is_cuda else value.to(parameter.device, copy=True)
