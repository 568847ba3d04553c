"""What all ways of solving are given, and what they hand back: weights on standardised features.

F folds, P penalties, L labels, M logits (labels, or classes), D features.
"""

# ruff: noqa: N815 (fields carry their shapes)

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mediafm.probes.solver.losses import Loss, PairwiseRank
from mediafm.probes.solver.rows import Moments, Rows
from mediafm.types import BoolArray


@dataclass(frozen=True)
class Problem:
    """Rows and how each fold standardises them, a loss, L2 penalties a taught row [F, P, L], fits wanted [F, L]."""

    rows: Rows
    moments: Moments
    loss: Loss
    penalties_FPL: NDArray[np.float64]
    wanted_FL: BoolArray

    @property
    def groups(self) -> NDArray[np.int64] | None:
        """Groups of rows that only count together, [N], where the loss has such."""
        return self.loss.groups if isinstance(self.loss, PairwiseRank) else None


@dataclass(frozen=True)
class Solution:
    """Of every fit, NaN where it was not wanted. weights: on features standardised by their fold; intercepts;
    norm: largest gradient entry over the number of taught rows; iterations: steps taken."""

    weights_FPMD: Tensor
    intercepts_FPM: Tensor
    norm_FPL: Tensor
    iterations_FPL: NDArray[np.int64]

    def take(self, other: "Solution", labels_FL: BoolArray) -> None:
        """Put another's fits of some labels [F, L] in place of its own."""
        outputs = self.weights_FPMD.shape[2] // self.norm_FPL.shape[2]
        for fold, label in zip(*np.nonzero(labels_FL), strict=True):
            span = slice(label * outputs, (label + 1) * outputs)
            self.weights_FPMD[fold, :, span] = other.weights_FPMD[fold, :, span].to(self.weights_FPMD.dtype)
            self.intercepts_FPM[fold, :, span] = other.intercepts_FPM[fold, :, span]
            self.norm_FPL[fold, :, label] = other.norm_FPL[fold, :, label]
            self.iterations_FPL[fold, :, label] = other.iterations_FPL[fold, :, label]

    @classmethod
    def empty(cls, problem: Problem, outputs: int, kind: torch.dtype) -> "Solution":
        """Nothing solved yet; `outputs`: logits a label."""
        folds, places, labels = shape = problem.penalties_FPL.shape
        return cls(
            torch.full((folds, places, labels * outputs, problem.rows.width), torch.nan, dtype=kind),
            torch.full((folds, places, labels * outputs), torch.nan, dtype=torch.float64),
            torch.full(shape, torch.nan, dtype=torch.float64),
            np.zeros(shape, np.int64),
        )
