"""What a prediction of a shot costs: distances to the shots that were hidden.

Shapes: K predictions with their targets, D fused size, M modalities.
"""

# ruff: noqa: N815 (fields carry their shapes)

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity, cross_entropy, normalize, smooth_l1_loss

ALONE = -1e9  # a logit that takes no part


def cosine_distance(predicted_KD: Tensor, target_KD: Tensor) -> Tensor:
    """1 - cosine of each row pair, [K], in float32. A zero vector is at distance 1 from everything."""
    return 1.0 - cosine_similarity(predicted_KD.float(), target_KD.float(), dim=-1)


@dataclass(frozen=True, slots=True)
class Targets:
    """vectors_KD: the original fused embeddings. counted_KD: where False, a number takes no part (a modality that was
    not hidden); None counts all. sequence_K: which sequence each comes from.
    """

    vectors_KD: Tensor
    counted_KD: Tensor | None
    sequence_K: Tensor

    def restrict(self, predicted_KD: Tensor) -> tuple[Tensor, Tensor]:
        """Predictions and targets, float32, with zeros where a number takes no part."""
        predicted_KD, target_KD = predicted_KD.float(), self.vectors_KD.float()
        if self.counted_KD is None:
            return predicted_KD, target_KD
        return predicted_KD * self.counted_KD, target_KD * self.counted_KD


Loss = Callable[[Tensor, Targets], Tensor]


def cosine_loss(predicted_KD: Tensor, targets: Targets) -> Tensor:
    """The published objective: cosine distance of each prediction, [K]."""
    return cosine_distance(*targets.restrict(predicted_KD))


@dataclass(frozen=True, slots=True)
class StandardisedLoss:
    """Squared or smooth-L1 distance, [K], the mean over numbers in units of their deviation over training shots.

    deviation_D: those deviations, positive. A number off by its whole deviation costs 1 (squared) or 0.5 (smooth).
    """

    deviation_D: Tensor
    smooth: bool

    def __call__(self, predicted_KD: Tensor, targets: Targets) -> Tensor:
        """The loss of each prediction."""
        predicted_KD, target_KD = (x / self.deviation_D for x in targets.restrict(predicted_KD))
        if self.smooth:
            return smooth_l1_loss(predicted_KD, target_KD, reduction="none").mean(dim=-1)
        return (predicted_KD - target_KD).square().mean(dim=-1)


@dataclass(frozen=True, slots=True)
class InfoNce:
    """Cross-entropy of telling the right shot among the other targets by cosine / temperature, [K] (Oord et al. 2018).

    negatives: "title" takes those of the same sequence, "batch" those of others, "both" all. Every target is compared
    in the numbers that count for the prediction, so that which modalities were hidden tells nobody apart.
    """

    temperature: float
    negatives: str

    def __call__(self, predicted_KD: Tensor, targets: Targets) -> Tensor:
        """The loss of each prediction; 0 where there is no negative."""
        with torch.autocast(predicted_KD.device.type, enabled=False):  # bfloat16 is too coarse for logits
            logits_KK = self._cosines(predicted_KD, targets) / self.temperature
        own_KK = targets.sequence_K[:, None] == targets.sequence_K
        other_KK = {"title": own_KK, "batch": ~own_KK, "both": torch.ones_like(own_KK)}[self.negatives]
        right_K = torch.arange(len(logits_KK), device=logits_KK.device)
        allowed_KK = other_KK | (right_K[:, None] == right_K)
        return cross_entropy(logits_KK.masked_fill(~allowed_KK, ALONE), right_K, reduction="none")

    @staticmethod
    def _cosines(predicted_KD: Tensor, targets: Targets) -> Tensor:
        unit_KD = normalize(targets.restrict(predicted_KD)[0], dim=-1)
        target_KD = targets.vectors_KD.float()
        if targets.counted_KD is None:
            return unit_KD @ normalize(target_KD, dim=-1).T
        length_KK = (targets.counted_KD.float() @ target_KD.square().T).sqrt()
        return unit_KD @ target_KD.T / length_KK.clamp(min=1e-8)


def neighbour_contrast(state_NH: Tensor, neighbour_N: Tensor, temperature: float) -> Tensor:
    """InfoNCE of each shot's state against its neighbour's among all of the batch, [N] (ShotCoL, Chen et al. 2021).

    neighbour_N: row of each shot's neighbour in the same title; its own row where it has none, which costs 0.
    """
    unit_NH = normalize(state_NH.float(), dim=-1)
    with torch.autocast(state_NH.device.type, enabled=False):
        logits_NN = unit_NH @ unit_NH.T / temperature
    own_N = torch.arange(len(logits_NN), device=logits_NN.device)
    lonely_N = neighbour_N == own_N
    itself_NN = own_N[:, None] == own_N
    loss_N = cross_entropy(logits_NN.masked_fill(itself_NN & ~lonely_N[:, None], ALONE), neighbour_N, reduction="none")
    return torch.where(lonely_N, 0.0, loss_N)
