"""Which parameter learns under which optimiser."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from mediafm.config import OptimizerRecipe
from mediafm.train.distributed import World
from mediafm.train.learner import Learner
from mediafm.train.muon import Muon


@dataclass(frozen=True)
class ParameterGroups:
    """Every parameter that learns in exactly one group, by name.

    hidden: matrices inside the blocks. projections: weights of linear maps elsewhere, into the hidden space and out of
    it. plain: embeddings, norms, biases and learnable vectors, which take no weight decay.
    """

    hidden: dict[str, Tensor]
    projections: dict[str, Tensor]
    plain: dict[str, Tensor]


def parameter_groups(model: Learner) -> ParameterGroups:
    """Sort the model's parameters; those that are only averaged are in no group."""
    hidden_names = model.hidden_matrices()
    linear_names = {f"{name}.weight" for name, module in model.named_modules() if isinstance(module, nn.Linear)}
    groups = ParameterGroups({}, {}, {})
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        if name in hidden_names:
            groups.hidden[name] = parameter
        elif name in linear_names:
            groups.projections[name] = parameter
        else:
            groups.plain[name] = parameter
    return groups


def make_optimizers(
    model: Learner,
    recipe: OptimizerRecipe,
    world: World | None = None,
    muon_dtype: torch.dtype | None = None,
) -> dict[str, torch.optim.Optimizer]:
    """`muon` for the hidden matrices and `adamw` for the rest; `adamw` alone where the recipe says so.

    Each group keeps its full rate as `base_lr`, for the schedule to scale. world: the processes that share Muon's work.
    muon_dtype: see `Muon`.
    """
    groups = parameter_groups(model)
    adamw: list[dict[str, Any]] = [
        {"params": list(groups.projections.values()), "lr": recipe.adamw_rate, "weight_decay": recipe.weight_decay},
        {"params": list(groups.plain.values()), "lr": recipe.adamw_rate, "weight_decay": 0.0},
    ]
    optimizers: dict[str, torch.optim.Optimizer] = {}
    if recipe.hidden == "muon":
        hidden = _by_stack(model, groups.hidden)
        optimizers["muon"] = Muon(
            hidden, recipe.rate, recipe.momentum, recipe.weight_decay, world=world, dtype=muon_dtype
        )
    else:
        matrices = list(groups.hidden.values())
        adamw.append({"params": matrices, "lr": recipe.rate, "weight_decay": recipe.weight_decay})
    optimizers["adamw"] = torch.optim.AdamW(adamw, betas=recipe.betas, fused=next(model.parameters()).is_cuda)
    for optimizer in optimizers.values():
        for group in optimizer.param_groups:
            group["base_lr"] = group["lr"]
    return optimizers


def _by_stack(model: Learner, hidden: dict[str, Tensor]) -> list[dict[str, Any]]:
    stacks = model.hidden_matrices()
    return [
        {"params": [p for name, p in hidden.items() if stacks[name] == count], "stacked": count}
        for count in sorted(set(stacks.values()))
    ]
