"""Linear probes of one feature set: penalties chosen inside training titles, then one fit a fold.

Everything that one fold decides (standardisation, penalty, threshold) sees its training titles alone. Penalties are
chosen label by label for what the kind of task is about: average precision, likelihood of the class, order within
groups, R2.

Shapes: N examples, D features, L labels, C outputs (one a class for a multiclass task, else L), F folds, P penalties.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax

from mediafm.errors import ImportDataError
from mediafm.probes.metrics import FoldRows, Predictions, average_precision, find_metric, mean_known
from mediafm.probes.solver import Logistic, Loss, PairwiseRank, Softmax, Squared, fit_linear
from mediafm.probes.splits import Fold
from mediafm.probes.tasks import CLASSIFYING, Task
from mediafm.probes.units import Examples
from mediafm.types import BoolArray, FloatArray

HELD_WEIGHTS = 64_000_000  # numbers of weights that may be held at once while penalties are chosen


@dataclass(frozen=True, slots=True)
class LinearProbe:
    """A fitted probe on raw features: scores = x @ weights + intercept.

    weights: float32 [D, C]; intercept: float32 [C]; penalty: [L], L2 a training row, as chosen; threshold: [L], the
    score from which a label is given, best F1 inside training (zero where nothing is decided); gradient_norm: the
    largest left over by the solver.
    """

    weights: FloatArray
    intercept: FloatArray
    penalty: NDArray[np.float64]
    threshold: FloatArray
    gradient_norm: float

    def score(self, features: FloatArray) -> FloatArray:
        """Logits or values of raw features [N, D], float32 [N, C]."""
        return features @ self.weights + self.intercept

    def predict(self, features: FloatArray, task: Task) -> Predictions:
        """What the task's metrics are computed on."""
        scores = self.score(features)
        if task.kind == "multiclass":
            return Predictions(log_softmax(scores, axis=1))
        return Predictions(scores, scores >= self.threshold if task.kind in CLASSIFYING else None)


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows of one fold. train: bool [N]; inner: bool [N] each, held out in turn while penalties are chosen."""

    train: BoolArray
    inner: tuple[BoolArray, ...]


def fit_folds(features_ND: FloatArray, examples: Examples, folds: list[Fold], task: Task) -> list[LinearProbe]:
    """A probe for every fold. Raises TrainingError if a fit does not converge, ImportDataError if a label's positives
    sit in too few titles to choose its penalty."""
    rows = [_rows(examples, fold) for fold in folds]
    loss, penalties_P = loss_of(examples, task), np.sort(task.penalties)[::-1]
    outputs = len(examples.classes) or examples.truth.shape[1]
    weights = features_ND.shape[1] * outputs * len(penalties_P) * sum(len(fold.inner) for fold in rows)
    at_once = max(1, len(rows) * HELD_WEIGHTS // max(weights, 1))
    chosen: list[tuple[NDArray[np.float64], FloatArray]] = []
    for at in range(0, len(rows), at_once):
        chosen += _choose(features_ND, examples, rows[at : at + at_once], loss, penalties_P, task)
    penalty_FL = np.stack([penalty for penalty, _ in chosen])
    fit = fit_linear(features_ND, loss, np.stack([fold.train for fold in rows]), penalty_FL[:, None, :])
    return [
        LinearProbe(
            np.ascontiguousarray(fit.weights[number, 0].T),
            fit.intercepts[number, 0],
            penalty,
            threshold,
            float(np.nanmax(fit.gradient_norm[number])),
        )
        for number, (penalty, threshold) in enumerate(chosen)
    ]


def refit(
    features_ND: FloatArray,
    examples: Examples,
    penalties: list[list[float]],
    thresholds: list[list[float]],
    task: Task,
) -> LinearProbe:
    """One probe on all examples, at the folds' mean penalties (of their logarithms) and mean thresholds."""
    penalty_L = np.exp(np.log(np.array(penalties)).mean(axis=0))
    everyone = np.ones((1, len(examples)), dtype=bool)
    fit = fit_linear(features_ND, loss_of(examples, task), everyone, penalty_L[None, None, :])
    return LinearProbe(
        np.ascontiguousarray(fit.weights[0, 0].T),
        fit.intercepts[0, 0],
        penalty_L,
        np.array(thresholds, np.float32).mean(axis=0),
        float(np.nanmax(fit.gradient_norm)),
    )


def loss_of(examples: Examples, task: Task) -> Loss:
    """What the solver minimises for a kind of task."""
    if task.kind in CLASSIFYING:
        return Logistic(examples.truth.astype(bool))
    if task.kind == "multiclass":
        return Softmax(examples.truth[:, 0].astype(np.int64), len(examples.classes))
    values = examples.truth.astype(np.float64)
    return PairwiseRank(values, examples.group) if task.kind == "ranking" else Squared(values)


def _rows(examples: Examples, fold: Fold) -> _Rows:
    return _Rows(np.isin(examples.title, fold.train), tuple(np.isin(examples.title, group) for group in fold.inner))


def _choose(
    features_ND: FloatArray,
    examples: Examples,
    folds: list[_Rows],
    loss: Loss,
    penalties_P: NDArray[np.float64],
    task: Task,
) -> list[tuple[NDArray[np.float64], FloatArray]]:
    """For each fold its labels' penalties [L], the stronger of equals, and thresholds [L]."""
    teaches = np.stack([fold.train & ~held for fold in folds for held in fold.inner])
    labels = len(examples.names)
    wanted = np.ones((len(teaches), labels), dtype=bool)
    if task.kind in CLASSIFYING:
        truth = examples.truth.astype(bool)
        wanted = np.stack([truth[t].any(axis=0) & ~truth[t].all(axis=0) for t in teaches])
    fit = fit_linear(features_ND, loss, teaches, penalties_P[None, :, None], wanted=wanted)
    found, number = [], 0
    for fold in folds:
        scores = np.full((len(fold.inner), len(penalties_P), labels), np.nan)
        for turn, held in enumerate(fold.inner):
            for at in range(len(penalties_P)):
                said = features_ND[held] @ fit.weights[number + turn, at].T + fit.intercepts[number + turn, at]
                scores[turn, at] = _quality(said, examples, held, task)
        best_L = _best(mean_known(scores, axis=0), examples)
        outputs = best_L if task.kind != "multiclass" else np.zeros(0, dtype=np.int64)
        span = range(number, number + len(fold.inner))
        found.append((penalties_P[best_L], _thresholds(features_ND, examples, fold, fit, span, outputs, task)))
        number += len(fold.inner)
    return found


def _best(scores_PL: NDArray[np.float64], examples: Examples) -> NDArray[np.int64]:
    unknown = np.flatnonzero(np.isnan(scores_PL).all(axis=0))
    if len(unknown):
        raise ImportDataError(
            f"The positives of label {examples.names[int(unknown[0])]!r} lie in too few training titles to choose its "
            "penalty.",
            "It needs two training titles with positives: label more, or drop the label from `columns`.",
        )
    return np.asarray(np.nanargmax(scores_PL, axis=0))


def _quality(said: FloatArray, examples: Examples, held: BoolArray, task: Task) -> NDArray[np.float64]:
    """How good scores of held-out rows are for each label, [L]; NaN where that cannot be told."""
    truth = examples.truth[held]
    if task.kind in CLASSIFYING:
        return np.array([
            average_precision(truth[:, i], said[:, i]) if np.isfinite(said[0, i]) else np.nan
            for i in range(truth.shape[1])
        ])  # fmt: skip
    if task.kind == "multiclass":
        likely = log_softmax(said, axis=1)[np.arange(len(truth)), truth[:, 0].astype(np.int64)]
        return np.array([likely.mean()])
    nothing = np.zeros(len(truth))
    number = np.zeros(len(truth), dtype=np.int64)
    group = examples.group[held] if task.kind == "ranking" else number
    rows = FoldRows(truth, number, group, number, nothing, nothing)
    metric = find_metric("kendall_tau" if task.kind == "ranking" else "r2", task.kind)
    return metric.measure(rows, Predictions(said), np.ones((1, 1)))[0]


def _thresholds(
    features_ND: FloatArray,
    examples: Examples,
    fold: _Rows,
    fit: Any,
    span: range,
    best_L: NDArray[np.int64],
    task: Task,
) -> FloatArray:
    """For each label the score with the best F1 over the rows that were held out while its penalty was chosen, [L]."""
    if task.kind not in CLASSIFYING:
        return np.zeros(len(examples.names), np.float32)
    said, true = [], []
    for held, number in zip(fold.inner, span, strict=True):
        weights_LD = fit.weights[number, best_L, np.arange(len(best_L))]
        said.append(features_ND[held] @ weights_LD.T + fit.intercepts[number, best_L, np.arange(len(best_L))])
        true.append(examples.truth[held].astype(bool))
    scores, truth = np.concatenate(said), np.concatenate(true)
    return np.array([best_f1_threshold(truth[:, i], scores[:, i]) for i in range(len(best_L))], np.float32)


def best_f1_threshold(truth: BoolArray, scores: FloatArray) -> float:
    """The score from which F1 of 0/1 truth [N] is best; rows of unknown score (NaN) are left out."""
    known = np.isfinite(scores)
    truth, scores = truth[known], scores[known]
    order = np.argsort(-scores, kind="stable")
    found, said = np.cumsum(truth[order]), np.arange(1, len(truth) + 1)
    f1 = 2 * found / (said + truth.sum())
    ends = np.append(scores[order][1:] != scores[order][:-1], True)  # rows of equal score enter together
    best = int(np.argmax(np.where(ends, f1, -1.0)))
    following = scores[order][best + 1] if best + 1 < len(truth) else scores[order][best] - 1
    return float((scores[order][best] + following) / 2)
