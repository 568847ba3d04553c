"""Metrics of decisions: accuracy, accuracy balanced over classes, F1. Each is a ratio of sums over clusters."""

import numpy as np
from numpy.typing import NDArray

from mediafm.probes.metrics.rows import FoldRows, Predictions, Values, Weights, ratio


def drawn_accuracy(rows: FoldRows, predictions: Predictions, weights_BT: Weights) -> Values:
    """Share of rows whose class is the one of highest score, [B, 1]."""
    right = (predictions.scores.argmax(axis=1) == rows.truth[:, 0])[:, None]
    held = weights_BT @ rows.sums(np.concatenate([right, np.ones_like(right)], axis=1), weights_BT.shape[1])
    return ratio(held[:, :1], held[:, 1:])


def chance_accuracy(rows: FoldRows, predictions: Predictions, weights_BT: Weights) -> Values:
    """Classes said as often, but of any row, [B, 1]."""
    _, given, true = _class_counts(rows, predictions, weights_BT)
    count_B1 = true.sum(axis=1, keepdims=True)
    return ratio((given * true).sum(axis=1, keepdims=True), count_B1 * count_B1)


def drawn_class_recall(rows: FoldRows, predictions: Predictions, weights_BT: Weights) -> Values:
    """Share of each class's rows that are told as such, [B, C]; their mean is the balanced accuracy."""
    hit, _, true = _class_counts(rows, predictions, weights_BT)
    return ratio(hit, true)


def chance_class_recall(rows: FoldRows, predictions: Predictions, weights_BT: Weights) -> Values:
    """How often each class is said, [B, C]; NaN for one that no row is of."""
    _, given, true = _class_counts(rows, predictions, weights_BT)
    return np.where(true > 0, ratio(given, true.sum(axis=1, keepdims=True)), np.nan)


def drawn_f1(rows: FoldRows, predictions: Predictions, weights_BT: Weights) -> Values:
    """F1 of each label or class, [B, V]; NaN where it is neither there nor said."""
    hit, given, true = _counts(rows, predictions, weights_BT)
    return ratio(2 * hit, given + true)


def chance_f1(rows: FoldRows, predictions: Predictions, weights_BT: Weights) -> Values:
    """Labels said as often, but of any row, [B, V]."""
    _, given, true = _counts(rows, predictions, weights_BT)
    count_B1 = weights_BT @ rows.sums(np.ones((len(rows), 1)), weights_BT.shape[1])
    return ratio(2 * given * true, (given + true) * count_B1)


def _counts(rows: FoldRows, predictions: Predictions, weights_BT: Weights) -> tuple[Weights, Weights, Weights]:
    """Right, said and true of each label or class, [B, V] each."""
    if predictions.decided is None:
        return _class_counts(rows, predictions, weights_BT)
    said, true = predictions.decided, rows.truth.astype(bool)
    return _drawn_sums(rows, said, true, weights_BT)


def _class_counts(rows: FoldRows, predictions: Predictions, weights_BT: Weights) -> tuple[Weights, Weights, Weights]:
    classes = np.arange(predictions.scores.shape[1])
    said = predictions.scores.argmax(axis=1)[:, None] == classes
    return _drawn_sums(rows, said, rows.truth == classes, weights_BT)


def _drawn_sums(
    rows: FoldRows, said: NDArray[np.bool_], true: NDArray[np.bool_], weights_BT: Weights
) -> tuple[Weights, Weights, Weights]:
    hit, given, held = (weights_BT @ rows.sums(part, weights_BT.shape[1]) for part in (said & true, said, true))
    return hit, given, held
