"""Average precision, its chance value, and intervals by drawing whole titles again.

Shots of one title are anything but independent, so an interval that draws shots would be far too narrow: every interval
here comes from a bootstrap over the held-out titles. All feature sets of one probe are scored on the same draws, which
makes their differences paired.

Shapes: N rows, L labels, B draws, T titles.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95  # of every interval
CHUNK = 4_000_000  # row weights held at once


def average_precision(truth: NDArray[Any], scores: NDArray[Any]) -> float:
    """Average precision of scores [N] for 0/1 truth [N]; NaN without a positive.

    Equal to scikit-learn's `average_precision_score`: rows with equal scores enter together, so a constant score gives
    the prevalence.
    """
    return float(_drawn(truth, scores, np.zeros(len(truth), dtype=np.int64), np.ones((1, 1)))[0])


def _drawn(
    truth: NDArray[Any], scores: NDArray[Any], titles: NDArray[np.int64], weights_BT: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Average precision [B] when every row counts as often as its title was drawn."""
    order = np.argsort(-scores, kind="stable")
    ordered, titles = -scores[order], titles[order]
    hits = np.flatnonzero(truth[order])
    if not len(hits):
        return np.full(len(weights_BT), np.nan)
    # A row counts as found at the end of its group of equal scores.
    group_end = np.searchsorted(ordered, ordered[hits], side="right") - 1
    last_hit = np.searchsorted(hits, group_end, side="right") - 1
    out = np.empty(len(weights_BT))
    step = max(1, CHUNK // len(truth))
    for at in range(0, len(weights_BT), step):
        weights_BN = weights_BT[at : at + step, titles]
        weights_BP = weights_BN[:, hits]
        found_BP = np.cumsum(weights_BP, axis=1)
        retrieved_BP = np.cumsum(weights_BN, axis=1)[:, group_end]
        gained_B = (found_BP[:, last_hit] / np.maximum(retrieved_BP, 1) * weights_BP).sum(axis=1)
        positives_B = found_BP[:, -1]
        out[at : at + step] = np.where(positives_B > 0, gained_B / np.maximum(positives_B, 1), np.nan)
    return out


@dataclass(frozen=True, slots=True)
class HeldOut:
    """The rows a probe is judged on.

    truth: bool [N, L]; title: [N] number of each row's title, below T; fold: [N] the outer fold it was held out in
    (a label's score is the mean over folds: scores of differently fitted probes are never sorted into one list).
    """

    truth: NDArray[np.bool_]
    title: NDArray[np.int64]
    fold: NDArray[np.int64]

    def draws(self, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """How often each title is drawn, [B, T], with replacement inside its own fold."""
        titles = int(self.title.max()) + 1
        weights_BT = np.zeros((count, titles))
        for fold in np.unique(self.fold):
            members = np.unique(self.title[self.fold == fold])
            share = np.full(len(members), 1 / len(members))
            weights_BT[:, members] = rng.multinomial(len(members), share, size=count)
        return weights_BT

    def per_label(self, scores: NDArray[Any], weights_BT: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """Average precision of scores [N, L] for each label, the mean over folds, [B, L]."""
        columns = [self._over_folds(self.truth[:, i], scores[:, i], weights_BT) for i in range(self.truth.shape[1])]
        return np.stack(columns, axis=1)

    def micro(self, scores: NDArray[Any], weights_BT: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """Average precision over all (row, label) pairs in one list, the mean over folds, [B]."""
        return self._over_folds(self.truth, scores, weights_BT)

    def _over_folds(
        self, truth: NDArray[np.bool_], scores: NDArray[Any], weights_BT: NDArray[np.float64] | None
    ) -> NDArray[np.float64]:
        if weights_BT is None:
            weights_BT = np.ones((1, int(self.title.max()) + 1))
        values = []
        for fold in np.unique(self.fold):
            rows = np.flatnonzero(self.fold == fold)
            titles = np.repeat(self.title[rows], truth[0].size)
            values.append(_drawn(truth[rows].reshape(-1), scores[rows].reshape(-1), titles, weights_BT))
        return mean_known(np.stack(values), axis=0)


def mean_known(values: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Mean along an axis of the entries that are not NaN; NaN where there is none."""
    known = ~np.isnan(values)
    count = known.sum(axis=axis)
    total = np.where(known, values, 0.0).sum(axis=axis)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """The central 95 % of bootstrap values [B]; a draw that is NaN (it held no positive at all) is left out."""
    known = values[~np.isnan(values)]
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
