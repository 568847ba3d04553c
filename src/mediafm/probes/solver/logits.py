"""What the iterative losses look like from the logits: residuals, which are all that a product with the features needs,
and how strongly the loss bends there, which scales the first guess of the curvature.

B lanes (one label in one fold each), K logits a row and lane, n rows of a block, L labels.
"""

from itertools import pairwise
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mediafm.probes.solver.losses import Logistic, PairwiseRank, Softmax

PAIR_ENTRIES = {"cpu": 2**17, "cuda": 2**26}  # pairs times lanes that are looked at together


class BlockTargets(Protocol):
    """The targets of one block of rows."""

    def residual(self, logits_BKn: Tensor, label_B: Tensor) -> tuple[Tensor, Tensor]:
        """Gradient of each lane's loss by its logits, [B, K, n], and a [B, K, K] that stands for the sum over rows of
        its second derivative."""


class Objective(Protocol):
    """A loss as the descent sees it. outputs: K; intercept: whether it has one."""

    outputs: int
    intercept: bool

    def block(self, rows: NDArray[np.int64], like: Tensor) -> BlockTargets:
        """The targets of these rows, on the device and in the precision of `like`."""

    def start(self, taught: NDArray[np.bool_], label: int) -> NDArray[np.float64]:
        """Intercepts [K] that are best without weights."""


class LogisticObjective:
    """Logits of one-vs-rest labels."""

    outputs, intercept = 1, True

    def __init__(self, loss: Logistic) -> None:
        self.loss = loss

    def block(self, rows: NDArray[np.int64], like: Tensor) -> BlockTargets:
        """Truth of these rows."""
        return _LogisticBlock(torch.from_numpy(self.loss.truth[rows].T.copy()).to(like))

    def start(self, taught: NDArray[np.bool_], label: int) -> NDArray[np.float64]:
        """The logit of the prevalence."""
        share = self.loss.truth[taught, label].mean()
        return np.log([share / (1 - share)])


class _LogisticBlock:
    def __init__(self, truth_Ln: Tensor) -> None:
        self.sign_Ln = 1 - 2 * truth_Ln

    def residual(self, logits_BKn: Tensor, label_B: Tensor) -> tuple[Tensor, Tensor]:
        sign_B1n = self.sign_Ln.index_select(0, label_B)[:, None]
        # The chance of the wrong answer, not 1 less that of the right one: it keeps its digits where it is small.
        wrong_BKn = torch.sigmoid_(logits_BKn * sign_B1n)
        bend_B = wrong_BKn.sum(dim=(1, 2)) - torch.linalg.vecdot(wrong_BKn, wrong_BKn)[:, 0]
        return wrong_BKn.mul_(sign_B1n), bend_B[:, None, None]


class SoftmaxObjective:
    """Logits of classes of which one is right."""

    intercept = True

    def __init__(self, loss: Softmax) -> None:
        self.loss, self.outputs = loss, loss.count

    def block(self, rows: NDArray[np.int64], like: Tensor) -> BlockTargets:
        """Classes of these rows."""
        return _SoftmaxBlock(torch.from_numpy(self.loss.classes[rows]).to(like.device))

    def start(self, taught: NDArray[np.bool_], label: int) -> NDArray[np.float64]:
        """Logarithms of the shares, less their mean."""
        logs = np.log(np.bincount(self.loss.classes[taught], minlength=self.outputs) / taught.sum())
        return logs - logs.mean()


class _SoftmaxBlock:
    def __init__(self, classes_n: Tensor) -> None:
        self.classes_n = classes_n
        self.rows_n = torch.arange(len(classes_n), device=classes_n.device)

    def residual(self, logits_BKn: Tensor, label_B: Tensor) -> tuple[Tensor, Tensor]:
        chance_BKn = torch.softmax(logits_BKn, dim=1)
        bend_BKK = torch.diag_embed(chance_BKn.sum(dim=-1)) - chance_BKn @ chance_BKn.mT
        # The right class: less the sum of the others, which keeps its digits where 1 less the chance loses them.
        chance_BKn[:, self.classes_n, self.rows_n] = 0
        chance_BKn[:, self.classes_n, self.rows_n] = -chance_BKn.sum(dim=1)
        return chance_BKn, bend_BKK


class RankObjective:
    """Logits whose order counts, within groups; a block holds whole groups, one after the other."""

    outputs, intercept = 1, False

    def __init__(self, loss: PairwiseRank) -> None:
        self.loss = loss

    def block(self, rows: NDArray[np.int64], like: Tensor) -> BlockTargets:
        """Targets and groups of these rows."""
        # Only order counts, so ranks stand for the values: whole numbers that every precision tells apart.
        ranks = np.stack([np.unique(column, return_inverse=True)[1] for column in self.loss.targets[rows].T])
        cuts = np.flatnonzero(np.diff(self.loss.groups[rows])) + 1
        return _RankBlock(torch.from_numpy(ranks.reshape(-1, len(rows))).to(like), [0, *cuts.tolist(), len(rows)])

    def start(self, taught: NDArray[np.bool_], label: int) -> NDArray[np.float64]:
        """None: no pair sees an intercept."""
        return np.zeros(1)


class _RankBlock:
    """The derivative by z_i of the losses of all pairs is the sum over rows j of -s_ij / (1 + exp(s_ij (z_i - z_j))),
    with s_ij the sign of y_i - y_j, 0 where they tie: groups are gone through as squares, and no pair is listed."""

    def __init__(self, ranks_Ln: Tensor, bounds: list[int]) -> None:
        self.ranks_Ln = ranks_Ln
        self.spans = [slice(a, b) for a, b in pairwise(bounds)]
        weights = [(span.stop - span.start) / _untied_pairs(ranks_Ln[:, span]) for span in self.spans]
        self.weight_LG = torch.stack(weights, dim=1).to(ranks_Ln)
        self.weight_LG[self.weight_LG.isinf()] = 0

    def residual(self, logits_BKn: Tensor, label_B: Tensor) -> tuple[Tensor, Tensor]:
        residual_BKn = torch.zeros_like(logits_BKn)
        bend_B = logits_BKn.new_zeros(len(logits_BKn))
        for number, span in enumerate(self.spans):
            weight_B = self.weight_LG[label_B, number]
            size = span.stop - span.start
            lanes = max(PAIR_ENTRIES[logits_BKn.device.type] // size**2, 1)
            for few in (slice(first, first + lanes) for first in range(0, len(label_B), lanes)):
                ranks_bg = self.ranks_Ln[label_B[few], span]
                sums_bg, bend_b = _pairs(logits_BKn[few, 0, span], ranks_bg)
                residual_BKn[few, 0, span] = weight_B[few, None] * sums_bg
                bend_B[few] += weight_B[few] * bend_b
        return residual_BKn, bend_B[:, None, None]


def _untied_pairs(ranks_Lg: Tensor) -> Tensor:
    """Pairs of rows of the group that do not tie, [L]."""
    sorted_Lg = ranks_Lg.sort(dim=-1).values
    below_Lg = torch.searchsorted(sorted_Lg, sorted_Lg)
    return below_Lg.sum(dim=1)


def _pairs(logits_bg: Tensor, ranks_bg: Tensor) -> tuple[Tensor, Tensor]:
    """Derivatives of the sum over pairs by each logit, [b, g], and the sum of second derivatives by the differences
    over ordered pairs, [b]. A few rows i at a time."""
    sums_bg, bend_b = torch.empty_like(logits_bg), logits_bg.new_zeros(len(logits_bg))
    width = logits_bg.shape[1]
    step = max(PAIR_ENTRIES[logits_bg.device.type] // (width * len(logits_bg)), 1)
    for some in (slice(first, first + step) for first in range(0, width, step)):
        sign_big = (ranks_bg[:, some, None] - ranks_bg[:, None, :]).sign_()
        wrong_big = (logits_bg[:, None, :] - logits_bg[:, some, None]).mul_(sign_big).sigmoid_().mul_(sign_big)
        sums_bg[:, some] = -wrong_big.sum(dim=-1)
        bend_b += (wrong_big.abs_() - wrong_big.square()).sum(dim=(1, 2))
    return sums_bg, bend_b
