"""Which parameter learns under which optimiser."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from mediafm.config import OptimizerRecipe
from mediafm.train.learner import Learner
from mediafm.train.muon import Muon


@dataclass(frozen=True)
class ParameterGroups:
    """Every parameter of a model in exactly one group, by name.

    hidden: 2-D weights inside the blocks. projections: matrices between the hidden space and the outside. plain:
    embeddings, norms, biases and the learnable vectors, which take no weight decay.
    """

    hidden: dict[str, Tensor]
    projections: dict[str, Tensor]
    plain: dict[str, Tensor]


def parameter_groups(model: Learner) -> ParameterGroups:
    """Sort the model's parameters."""
    hidden_names = model.hidden_matrices()
    groups = ParameterGroups({}, {}, {})
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        if name in hidden_names:
            groups.hidden[name] = parameter
        elif parameter.ndim == 2 and "positions" not in name:
            groups.projections[name] = parameter
        else:
            groups.plain[name] = parameter
    return groups


def make_optimizers(model: Learner, recipe: OptimizerRecipe) -> dict[str, torch.optim.Optimizer]:
    """`muon` for the hidden matrices and `adamw` for the rest; `adamw` alone where the recipe says so.

    Each group keeps its full rate as `base_lr`, for the schedule to scale.
    """
    groups = parameter_groups(model)
    adamw: list[dict[str, Any]] = [
        {"params": list(groups.projections.values()), "lr": recipe.adamw_rate, "weight_decay": recipe.weight_decay},
        {"params": list(groups.plain.values()), "lr": recipe.adamw_rate, "weight_decay": 0.0},
    ]
    optimizers: dict[str, torch.optim.Optimizer] = {}
    if recipe.hidden == "muon":
        optimizers["muon"] = Muon(_by_stack(model, groups.hidden), recipe.rate, recipe.momentum, recipe.weight_decay)
    else:
        hidden = list(groups.hidden.values())
        adamw.append({"params": hidden, "lr": recipe.rate, "weight_decay": recipe.weight_decay})
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
