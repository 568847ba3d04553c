"""What the charts show, as numbers: curves, bins and counts that are computed from predictions alone.

Scores of differently fitted probes are never sorted into one list: curves over thresholds are made in each fold and
averaged. Probabilities and decisions mean the same in every fold, so that bins and counts are pooled over folds.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau, rankdata

from mediafm.probes.metrics import average_precision, mean_known
from mediafm.probes.report.predictions import Said

RECALLS = (np.arange(100) + 0.5) / 100  # the mean precision at these is the area under the curve
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Curve:
    """precision: at each of RECALLS; area: the average precision; prevalence: the share of positives."""

    precision: Floats
    area: float
    prevalence: float


@dataclass(frozen=True, slots=True)
class Bins:
    """Predictions in ten bins of equal width over [0, 1]: mean probability, share that was true, how many."""

    probability: Floats
    share: Floats
    count: NDArray[np.int64]

    @property
    def error(self) -> float:
        """Expected calibration error: mean distance of the two over predictions (Naeini et al., "Obtaining well
        calibrated probabilities using Bayesian binning", 2015)."""
        held = self.count > 0
        gaps = np.abs(self.probability - self.share)[held]
        return float((gaps * self.count[held]).sum() / max(self.count.sum(), 1))


@dataclass(frozen=True, slots=True)
class Decisions:
    """Counts of one label at the chosen threshold."""

    hits: int
    given: int
    true: int

    @property
    def precision(self) -> float | None:
        """Share of what was given that is true; None where nothing was given."""
        return self.hits / self.given if self.given else None

    @property
    def recall(self) -> float | None:
        """Share of what is true that was given; None where nothing is true."""
        return self.hits / self.true if self.true else None

    @property
    def f1(self) -> float | None:
        """Harmonic mean of the two; None where the label is neither there nor given."""
        return 2 * self.hits / (self.given + self.true) if self.given + self.true else None


def precision_at(recalls: Floats, truth: NDArray[Any], scores: NDArray[Any]) -> Floats:
    """Precision at the highest threshold that reaches each recall; NaN without a positive. Equal scores enter together.

    As scikit-learn's `precision_recall_curve` has it; the area under this step function is the average precision.
    """
    order = np.argsort(-scores, kind="stable")
    falling, hits = -scores[order], np.flatnonzero(truth[order])
    if not len(hits):
        return np.full(len(recalls), np.nan)
    last = np.searchsorted(falling, falling[hits], side="right") - 1
    precision = np.searchsorted(hits, last, side="right") / (last + 1)
    needed = np.ceil(recalls * len(hits) - 1e-9).astype(np.int64)
    return np.asarray(precision[np.maximum(needed, 1) - 1])


def precision_recall(said: Said, label: int | None, micro: bool = False) -> Curve:
    """Of one label: the mean over folds. Of all (None): the mean over labels of that or, `micro`, all (example, label)
    pairs of a fold in one list, and the mean over folds."""
    if label is None and not micro:
        curves = [precision_recall(said, i) for i in range(len(said.labels))]
        mean = mean_known(np.stack([c.precision for c in curves]), axis=0)
        areas, shares = np.array([c.area for c in curves]), np.array([c.prevalence for c in curves])
        return Curve(mean, float(mean_known(areas, 0)), float(shares[~np.isnan(areas)].mean()))
    columns = slice(None) if label is None else slice(label, label + 1)
    parts = [(said.truth_NL[rows, columns].ravel() > 0, said.score_NL[rows, columns].ravel()) for rows in said.folds]
    precision = np.stack([precision_at(RECALLS, truth, scores) for truth, scores in parts])
    areas = np.array([average_precision(truth, scores) for truth, scores in parts])
    shares = np.array([truth.mean() for truth, _ in parts])
    return Curve(mean_known(precision, 0), float(mean_known(areas, 0)), float(shares.mean()))


def calibration(truth: NDArray[Any], probability: Floats, bins: int = 10) -> Bins:
    """Of 0/1 truth and probabilities of any equal shape; NaN in bins that nothing falls into."""
    truth, probability = np.asarray(truth, np.float64).ravel(), np.asarray(probability, np.float64).ravel()
    edges = np.linspace(0, 1, bins + 1)
    number = np.searchsorted(edges[1:-1], probability)
    count = np.bincount(number, minlength=bins)
    sums = [np.bincount(number, weights=values, minlength=bins) for values in (probability, truth)]
    mean, share = (np.divide(s, count, out=np.full(bins, np.nan), where=count > 0) for s in sums)
    return Bins(mean, share, count)


def calibration_of(said: Said, kind: str, label: int | None) -> Bins:
    """Of one label or class. Of all (None): every (example, label) pair or, of classes, each example's likeliest."""
    probability = said.probabilities(kind)
    if label is not None:
        return calibration(said.truth_NL[:, label], probability[:, label])
    if kind == "multiclass":
        each, likeliest = np.arange(len(said)), probability.argmax(axis=1)
        return calibration(said.truth_NL[each, likeliest], probability[each, likeliest])
    return calibration(said.truth_NL, probability)


def decisions(said: Said) -> list[Decisions]:
    """Of each label or class, over all folds; empty where nothing is decided."""
    if said.given_NL is None:
        return []
    true = said.truth_NL > 0
    counts = ((said.given_NL & true).sum(0), said.given_NL.sum(0), true.sum(0))
    return [Decisions(int(hits), int(given), int(held)) for hits, given, held in zip(*counts, strict=True)]


def confusion(said: Said) -> NDArray[np.int64]:
    """Counts of examples, [true class, likeliest class]."""
    classes = len(said.labels)
    pairs = said.truth_NL.argmax(axis=1) * classes + said.score_NL.argmax(axis=1)
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def group_taus(said: Said, label: int) -> Floats:
    """Kendall's tau-b within each group whose truth is not all of one value; 0 where all predictions are equal."""
    assert said.group is not None
    taus = []
    for rows in _members(said.group):
        true, score = said.truth_NL[rows, label], said.score_NL[rows, label]
        if (true != true[0]).any():
            taus.append(float(kendalltau(true, score).statistic) if (score != score[0]).any() else 0.0)
    return np.array(taus)


def binned_means(said: Said, label: int, bins: int = 10) -> tuple[Floats, Floats]:
    """Mean prediction and mean truth in bins of about equally many examples, by rising prediction."""
    order = np.argsort(said.score_NL[:, label], kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    values = [(said.score_NL[part, label].mean(), said.truth_NL[part, label].mean()) for part in parts]
    predicted, true = zip(*values, strict=True)
    return np.array(predicted), np.array(true)


def rank_shares(values: Floats, group: NDArray[np.int64]) -> Floats:
    """Each value's place within its group, from 0 (lowest) to 1 (highest); 0.5 in a group of one."""
    shares = np.full(len(values), 0.5)
    for rows in _members(group):
        if len(rows) > 1:
            shares[rows] = (rankdata(values[rows]) - 1) / (len(rows) - 1)
    return shares


def _members(group: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Numbers of each group's rows."""
    order = np.argsort(group, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(group[order])) + 1)
