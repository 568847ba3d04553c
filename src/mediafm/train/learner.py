"""What a micro-batch costs: the model, the heads that only training needs, and the recipe's objective.

Shapes: N shots of a micro-batch, B sequences, K scored shots, D fused size, M modalities, H hidden.
"""

# ruff: noqa: N815 (fields carry their shapes)

import copy
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm, smooth_l1_loss

from mediafm.config import ObjectiveRecipe
from mediafm.model import (
    InfoNce,
    Loss,
    ShotTransformer,
    StandardisedLoss,
    Targets,
    cosine_distance,
    cosine_loss,
    neighbour_contrast,
)
from mediafm.train.surroundings import PARTS, most_alike_neighbour, surroundings

INIT_STD = 0.02


@dataclass(frozen=True, slots=True)
class Micro:
    """A masked micro-batch.

    input_ND: what the model is shown; target_ND: what it was. scored_K, visible_K: rows that count. counted_KD: which
    numbers of a scored row count; None: all. sequence_N: whose each shot is.
    """

    lengths: list[int]
    input_ND: Tensor
    target_ND: Tensor
    masked_N: Tensor
    scored_K: Tensor
    visible_K: Tensor
    counted_KD: Tensor | None
    global_BG: Tensor
    times_N2: Tensor
    sequence_N: Tensor

    def pinned(self) -> "Micro":
        """In memory from which a GPU copies beside its work."""
        return self._map(Tensor.pin_memory)

    def to(self, device: torch.device) -> "Micro":
        """On the device; from pinned memory the copy runs beside what the device does."""
        return self._map(lambda tensor: tensor.to(device, non_blocking=True))

    def _map(self, change: Callable[[Tensor], Tensor]) -> "Micro":
        done: dict[int, Tensor] = {}  # what stands twice, as an input that nothing was changed of, is changed once
        held = {f.name: getattr(self, f.name) for f in fields(self)}
        for name, value in held.items():
            if isinstance(value, Tensor):
                held[name] = done[id(value)] = done[id(value)] if id(value) in done else change(value)
        return Micro(**held)


@dataclass(frozen=True, slots=True)
class Cost:
    """objective: to be made small, summed over `count` shots. distance: summed cosine distance at scored shots, which
    is comparable between objectives and to the trivial predictors; zero where nothing was predicted.
    """

    objective: Tensor
    distance: Tensor
    count: int


class Learner(nn.Module):
    """A shot transformer in training."""

    def __init__(
        self, model: ShotTransformer, recipe: ObjectiveRecipe, deviation_D: Tensor, generator: torch.Generator
    ) -> None:
        """deviation_D: of the numbers of fused training shots, positive, on the device that the learner will be on.
        generator: draws the heads' weights.
        """
        super().__init__()
        self.model, self.recipe = model, recipe
        self.loss = _make_loss(recipe, deviation_D)
        hidden, fused = model.config.hidden, model.config.feature_dim
        self.surround_head = _head(hidden, PARTS * fused, generator) if recipe.surround else None
        averaged = recipe.targets == "average"
        self.average_head = _head(hidden, hidden, generator) if averaged else None
        self.average = copy.deepcopy(model).requires_grad_(False) if averaged else None

    def train(self, mode: bool = True) -> Self:
        """As any module; the averaged model never drops anything out, since it makes targets."""
        super().train(mode)
        if self.average is not None:
            self.average.eval()
        return self

    def hidden_matrices(self) -> dict[str, int]:
        """As the model's own, under the names they have here."""
        return {f"model.{name}": stacked for name, stacked in self.model.hidden_matrices().items()}

    def masked(self, micro: Micro) -> Cost:
        """Masked Shot Modeling, with whatever the recipe adds."""
        found = self.model.encode(micro.input_ND, micro.lengths, micro.masked_N, micro.global_BG, micro.times_N2)
        targets = _targets(micro, micro.scored_K, micro.counted_KD)
        predicted_KD = self.model.head(found.shots_NH[micro.scored_K])
        objective = self.loss(predicted_KD, targets).sum()
        distance = cosine_distance(*targets.restrict(predicted_KD.detach())).sum()
        count = len(micro.scored_K)
        if self.recipe.visible and len(micro.visible_K):
            shown_KD = self.model.head(found.shots_NH[micro.visible_K])
            loss_K = self.loss(shown_KD, _targets(micro, micro.visible_K, None))
            objective = objective + self.recipe.visible * count * loss_K.mean()
        if self.surround_head is not None:
            objective = objective + self.recipe.surround * count * self._surround(found.shots_NH, micro)
        if self.average is not None:
            objective = objective + self._average(found.shots_NH[micro.scored_K], micro)
        return Cost(objective, distance, count)

    def contrast(self, micro: Micro) -> Cost:
        """Neighbouring shots against others, each seen alone: the stage that may come first.

        Shots without any feature are nobody's neighbour.
        """
        alone = [1] * len(micro.target_ND)
        found = self.model.encode(micro.target_ND, alone, times_N2=micro.times_N2)
        real_K = micro.target_ND.any(dim=-1).nonzero().squeeze(-1)
        neighbour_K = most_alike_neighbour(micro.target_ND[real_K], micro.sequence_N[real_K])
        loss_K = neighbour_contrast(found.shots_NH[real_K], neighbour_K, self.recipe.temperature)
        return Cost(loss_K.sum(), loss_K.new_zeros(()), len(loss_K))

    @torch.no_grad()
    def update_average(self) -> None:
        """Move the averaged model a step towards the one that learns."""
        if self.average is None:
            return
        for average, own in zip(self.average.parameters(), self.model.parameters(), strict=True):
            average.lerp_(own, 1 - self.recipe.average_decay)

    def _surround(self, state_NH: Tensor, micro: Micro) -> Tensor:
        """Mean cosine distance of what every state says of its surroundings."""
        assert self.surround_head is not None
        target_NPD = surroundings(micro.target_ND, micro.sequence_N)
        predicted_NPD = self.surround_head(state_NH).unflatten(-1, target_NPD.shape[1:])
        known_NP = (target_NPD != 0).any(dim=-1)
        distance_NP = cosine_distance(predicted_NPD, target_NPD) * known_NP
        return distance_NP.sum() / known_NP.sum().clamp(min=1)

    def _average(self, state_KH: Tensor, micro: Micro) -> Tensor:
        """Summed smooth-L1 distance to the averaged model's view of the whole sequence (data2vec, Baevski 2022)."""
        assert self.average is not None and self.average_head is not None
        with torch.no_grad():
            seen = self.average.encode(micro.target_ND, micro.lengths, None, micro.global_BG, micro.times_N2)
            upper = range(len(seen.outputs) // 2, len(seen.outputs))
            states = [layer_norm(seen.layer(i)[micro.scored_K].float(), state_KH.shape[-1:]) for i in upper]
            target_KH = torch.stack(states).mean(dim=0)
        predicted_KH = self.average_head(state_KH).float()
        return smooth_l1_loss(predicted_KH, target_KH, reduction="none").mean(dim=-1).sum()


def _make_loss(recipe: ObjectiveRecipe, deviation_D: Tensor) -> Loss:
    if recipe.loss == "infonce":
        return InfoNce(recipe.temperature, recipe.negatives)
    if recipe.loss == "cosine":
        return cosine_loss
    return StandardisedLoss(deviation_D, smooth=recipe.loss == "smooth_l1")


def _head(size: int, out: int, generator: torch.Generator) -> nn.Linear:
    head = torch.nn.utils.skip_init(nn.Linear, size, out)
    with torch.no_grad():
        head.weight.normal_(std=INIT_STD, generator=generator)
        head.bias.zero_()
    return head


def _targets(micro: Micro, rows_K: Tensor, counted_KD: Tensor | None) -> Targets:
    return Targets(micro.target_ND[rows_K], counted_KD, micro.sequence_N[rows_K])
