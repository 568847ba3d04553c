"""One linear probe: standardise on the training rows, choose each label's penalty inside them, fit, score."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mediafm.errors import ImportDataError
from mediafm.probes.metrics import average_precision, mean_known
from mediafm.probes.solver import fit_logistic
from mediafm.types import BoolArray, FloatArray

CONSTANT = 1e-6  # a column whose deviation is this small a part of its mean tells rows apart by rounding only


@dataclass(frozen=True, slots=True)
class LinearProbe:
    """A fitted one-vs-rest probe on raw features: logits = x @ weights + intercept.

    weights: float32 [D, L]; intercept: float32 [L]; penalty: [L], L2 a training row, as chosen; gradient_norm: the
    largest left over by the solver.
    """

    weights: FloatArray
    intercept: FloatArray
    penalty: NDArray[np.float64]
    gradient_norm: float

    def score(self, features: FloatArray) -> FloatArray:
        """Logits of raw features [N, D], float32 [N, L]."""
        return features @ self.weights + self.intercept


@dataclass(frozen=True, slots=True)
class TrainingRows:
    """What every feature set of one outer fold is fitted with.

    rows: their numbers among all examples [N]; truth: bool [N, L]; groups: for each inner fold, bool [N], the rows that
    are held out in it (whole titles).
    """

    rows: NDArray[np.int64]
    truth: BoolArray
    groups: tuple[BoolArray, ...]
    names: tuple[str, ...]


def fit_probe(features: FloatArray, training: TrainingRows, penalties: list[float]) -> LinearProbe:
    """Fit all labels on the training rows of `features` [examples, D]. Raises TrainingError if the solver does not
    converge, ImportDataError if a label's positives sit in too few titles to choose its penalty."""
    penalty_L = _choose_penalties(features, training, np.sort(penalties)[::-1])
    standard, mean, scale = _standardised(features, training.rows)
    fit = fit_logistic(standard, training.truth, penalty_L[None] * len(standard))
    weights = fit.weights[0].astype(np.float64).T / scale[:, None]
    intercept = fit.intercepts[0] - mean @ weights
    return LinearProbe(
        weights.astype(np.float32), intercept.astype(np.float32), penalty_L, float(fit.gradient_norm.max())
    )


def _choose_penalties(
    features: FloatArray, training: TrainingRows, penalties: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Each label's penalty with the best mean average precision over the inner folds; the stronger of equals, [L]."""
    labels = training.truth.shape[1]
    scores = np.full((len(training.groups), len(penalties), labels), np.nan)
    for number, held_out in enumerate(training.groups):
        taught, asked = training.truth[~held_out], training.truth[held_out]
        usable = np.flatnonzero(taught.any(axis=0) & ~taught.all(axis=0) & asked.any(axis=0))
        if not len(usable):
            continue
        standard, mean, scale = _standardised(features, training.rows[~held_out])
        fit = fit_logistic(standard, taught[:, usable], penalties * len(standard))
        judged = ((features[training.rows[held_out]] - mean) / scale).astype(np.float32)
        for column, label in enumerate(usable):
            logits = judged @ fit.weights[:, column].T + fit.intercepts[:, column]
            scores[number, :, label] = [average_precision(asked[:, label], logit) for logit in logits.T]
    mean_PL = mean_known(scores, axis=0)
    unknown = np.flatnonzero(np.isnan(mean_PL).all(axis=0))
    if len(unknown):
        raise ImportDataError(
            f"The positives of label {training.names[int(unknown[0])]!r} lie in too few training titles to choose its "
            "penalty.",
            "It needs two training titles with positives: label more, or drop the label from `columns`.",
        )
    return penalties[np.argmax(mean_PL, axis=0)]


def _standardised(
    features: FloatArray, rows: NDArray[np.int64]
) -> tuple[FloatArray, NDArray[np.float64], NDArray[np.float64]]:
    """A standardised copy of the rows, with the mean and scale that made it."""
    standard = features[rows].astype(np.float32)
    mean = standard.mean(axis=0, dtype=np.float64)
    standard -= mean.astype(np.float32)
    scale = np.sqrt(np.square(standard).mean(axis=0, dtype=np.float64))
    scale[scale <= CONSTANT * np.abs(mean)] = 1.0
    scale[scale == 0] = 1.0
    standard /= scale.astype(np.float32)
    return standard, mean, scale
