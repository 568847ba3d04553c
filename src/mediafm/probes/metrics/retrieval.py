"""Metrics of scores that sort rows: average precision, area under the ROC curve, recall among the first k.

Rows of equal score enter together everywhere, so that no order among them is made up.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mediafm.probes.metrics.rows import FoldRows, Measure, Predictions, Values, Weights, ratio

CHUNK = 4_000_000  # row weights held at once


def average_precision(truth: NDArray[Any], scores: NDArray[Any]) -> float:
    """Average precision of scores [N] for 0/1 truth [N]; NaN without a positive.

    Equal to scikit-learn's `average_precision_score`: rows with equal scores enter together, so a constant score gives
    the prevalence.
    """
    return float(_sorted_by(_precisions)(truth, scores, np.zeros(len(truth), dtype=np.int64), np.ones((1, 1)))[0])


def expected_average_precision(positives: NDArray[Any], rows: int) -> NDArray[np.float64]:
    """Mean average precision of a random order of `rows` rows, for each number of positives; NaN without one.

    Larger than the prevalence, and much larger for few rows: Bestgen, "Exact expected average precision of the random
    baseline for system evaluation", 2015.
    """
    harmonic = float(np.sum(1 / np.arange(1, rows + 1)))
    rest = ratio(np.asarray(positives, dtype=np.float64) - 1, np.array(max(rows - 1, 1), dtype=np.float64))
    value = (rest * (rows - harmonic) + harmonic) / rows
    return np.where(np.asarray(positives) > 0, value, np.nan)


def chance_average_precision(rows: FoldRows, predictions: Predictions, weights_BT: Weights) -> Values:
    """Of each label, [B, L]: that of a random order of the rows, moved along with the prevalence in each draw."""
    truth = _labels(rows, predictions)
    held_BL = weights_BT @ rows.sums(truth, weights_BT.shape[1])
    count_B1 = weights_BT @ rows.sums(np.ones((len(rows), 1)), weights_BT.shape[1])
    positives = truth.sum(axis=0)
    return ratio(held_BL, count_B1) + expected_average_precision(positives, len(rows)) - positives / len(rows)


def constant_chance(value: float) -> Measure:
    """The same for every label and draw."""

    def chance(rows: FoldRows, predictions: Predictions, weights_BT: Weights) -> Values:
        return np.full((len(weights_BT), predictions.scores.shape[1]), value)

    return chance


def drawn_average_precision(rows: FoldRows, predictions: Predictions, weights_BT: Weights) -> Values:
    """Of each label, [B, L]."""
    return _each_label(_sorted_by(_precisions), rows, predictions, weights_BT)


def drawn_roc_auc(rows: FoldRows, predictions: Predictions, weights_BT: Weights) -> Values:
    """Share of (positive, negative) pairs in the right order, equal scores counting half, [B, L]."""
    return _each_label(_sorted_by(_pairs), rows, predictions, weights_BT)


def drawn_recall(k: int) -> Measure:
    """Share of a label's positives among the k rows of highest score, [B, L]; of rows that tie for the last places, the
    share that has room."""

    def measure(rows: FoldRows, predictions: Predictions, weights_BT: Weights) -> Values:
        return _each_label(_sorted_by(lambda *sorted_rows: _found(k, *sorted_rows)), rows, predictions, weights_BT)

    return measure


def chance_recall(k: int) -> Measure:
    """Of each label, [B, L]: the share of rows that is looked at."""

    def chance(rows: FoldRows, predictions: Predictions, weights_BT: Weights) -> Values:
        count_B1 = weights_BT @ rows.sums(np.ones((len(rows), 1)), weights_BT.shape[1])
        return np.repeat(np.minimum(ratio(np.array(float(k)), count_B1), 1.0), predictions.scores.shape[1], axis=1)

    return chance


_Label = Callable[[NDArray[Any], NDArray[Any], NDArray[np.int64], Weights], NDArray[np.float64]]
# Of rows sorted by falling score: weights [B, n], numbers of the positives [P], and for each positive the numbers of
# the first and the last row of its group of equal scores.
_Sorted = Callable[[Weights, NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]], NDArray[np.float64]]


def _each_label(measure: _Label, rows: FoldRows, predictions: Predictions, weights_BT: Weights) -> Values:
    truth = _labels(rows, predictions)
    columns = [measure(truth[:, i], predictions.scores[:, i], rows.cluster, weights_BT) for i in range(truth.shape[1])]
    return np.stack(columns, axis=1)


def _labels(rows: FoldRows, predictions: Predictions) -> NDArray[np.bool_]:
    """Truth as one label a column, also where it is a class, [n, C]."""
    if rows.truth.dtype == np.bool_:
        return rows.truth
    return np.asarray(rows.truth == np.arange(predictions.scores.shape[1]))


def _sorted_by(measure: _Sorted) -> _Label:
    """A measure of sorted rows as one of rows as they come."""

    def of_label(
        truth: NDArray[Any], scores: NDArray[Any], clusters: NDArray[np.int64], weights_BT: Weights
    ) -> NDArray[np.float64]:
        order = np.argsort(-scores, kind="stable")
        falling, clusters = -scores[order], clusters[order]
        hits = np.flatnonzero(truth[order])
        out = np.full(len(weights_BT), np.nan)
        if not len(hits):
            return out
        first = np.searchsorted(falling, falling[hits], side="left")
        last = np.searchsorted(falling, falling[hits], side="right") - 1
        step = max(1, CHUNK // len(truth))
        for at in range(0, len(weights_BT), step):
            out[at : at + step] = measure(weights_BT[at : at + step, clusters], hits, first, last)
        return out

    return of_label


def _precisions(
    weights_Bn: Weights, hits: NDArray[np.int64], first: NDArray[np.int64], last: NDArray[np.int64]
) -> NDArray[np.float64]:
    """A row counts as found at the end of its group of equal scores."""
    last_hit = np.searchsorted(hits, last, side="right") - 1
    weights_BP = weights_Bn[:, hits]
    found_BP = np.cumsum(weights_BP, axis=1)
    retrieved_BP = np.cumsum(weights_Bn, axis=1)[:, last]
    gained_B = (found_BP[:, last_hit] / np.maximum(retrieved_BP, 1) * weights_BP).sum(axis=1)
    return ratio(gained_B, found_BP[:, -1])


def _pairs(
    weights_Bn: Weights, hits: NDArray[np.int64], first: NDArray[np.int64], last: NDArray[np.int64]
) -> NDArray[np.float64]:
    negative_Bn = weights_Bn.copy()
    negative_Bn[:, hits] = 0
    above_Bn = np.concatenate([np.zeros((len(negative_Bn), 1)), np.cumsum(negative_Bn, axis=1)], axis=1)
    all_B1 = above_Bn[:, -1:]
    below_BP = all_B1 - (above_Bn[:, first] + above_Bn[:, last + 1]) / 2
    weights_BP = weights_Bn[:, hits]
    return ratio((below_BP * weights_BP).sum(axis=1), weights_BP.sum(axis=1) * all_B1[:, 0])


def _found(
    k: int, weights_Bn: Weights, hits: NDArray[np.int64], first: NDArray[np.int64], last: NDArray[np.int64]
) -> NDArray[np.float64]:
    until_Bn = np.concatenate([np.zeros((len(weights_Bn), 1)), np.cumsum(weights_Bn, axis=1)], axis=1)
    begin_BP, end_BP = until_Bn[:, first], until_Bn[:, last + 1]
    room_BP = np.clip(ratio(k - begin_BP, end_BP - begin_BP), 0, 1)
    weights_BP = weights_Bn[:, hits]
    return ratio((np.nan_to_num(room_BP) * weights_BP).sum(axis=1), weights_BP.sum(axis=1))
