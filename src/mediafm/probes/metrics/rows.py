"""The rows a metric is computed on, and how they are drawn again.

Shapes: n rows of one fold, L labels, C scores of a row (L, or one a class), B draws, T clusters (titles, or titles kept
together). A metric maps rows and how often each cluster was drawn, [B, T], to values [B, V]: one a label, or one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Weights = NDArray[np.float64]
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Predictions:
    """What a probe says of N held-out rows.

    scores: [N, C] logits, log-probabilities of classes, or values. decided: bool [N, L], whether each label is given,
    at the threshold that was best inside training; None where nothing is decided so.
    """

    scores: NDArray[Any]
    decided: NDArray[np.bool_] | None = None

    def of(self, rows: NDArray[np.int64]) -> "Predictions":
        """Those of some rows."""
        return Predictions(self.scores[rows], None if self.decided is None else self.decided[rows])


@dataclass(frozen=True, slots=True)
class FoldRows:
    """Rows of one held-out fold. truth: [n, L]; cluster: [n], below T; group: [n] what a row is ranked in, or empty.

    title, start_s, end_s: [n], for metrics of scenes.
    """

    truth: NDArray[Any]
    cluster: NDArray[np.int64]
    group: NDArray[np.int64]
    title: NDArray[np.int64]
    start_s: NDArray[np.float64]
    end_s: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.truth)

    def sums(self, values: NDArray[Any], clusters: int) -> NDArray[np.float64]:
        """Sums of rows' values [n, V] in each cluster, [T, V]."""
        total = np.zeros((clusters, *values.shape[1:]))
        np.add.at(total, self.cluster, values)
        return total

    def flat(self, predictions: Predictions) -> tuple["FoldRows", Predictions]:
        """The same rows with all labels in one list, for micro averages."""
        labels = self.truth.shape[1]
        cluster, title, group = (np.repeat(values, labels) for values in (self.cluster, self.title, self.group))
        start_s, end_s = (np.repeat(values, labels) for values in (self.start_s, self.end_s))
        rows = FoldRows(self.truth.reshape(-1, 1), cluster, group, title, start_s, end_s)
        decided = None if predictions.decided is None else predictions.decided.reshape(-1, 1)
        return rows, Predictions(predictions.scores.reshape(-1, 1), decided)


Measure = Callable[[FoldRows, Predictions, Weights], Values]


@dataclass(frozen=True, slots=True)
class Metric:
    """One way to score. chance: what predictions that know nothing of the truth, but say each thing as often, score in
    expectation. low, high: what values can be."""

    name: str
    measure: Measure
    chance: Measure
    low: float = 0.0
    high: float = 1.0


def ratio(upper: NDArray[Any], lower: NDArray[Any]) -> NDArray[np.float64]:
    """upper / lower, NaN where lower is zero."""
    return np.divide(upper, lower, out=np.full(np.broadcast(upper, lower).shape, np.nan), where=lower != 0)


def mean_known(values: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Mean along an axis of the entries that are not NaN; NaN where there is none."""
    known = ~np.isnan(values)
    count = known.sum(axis=axis)
    total = np.where(known, values, 0.0).sum(axis=axis)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
