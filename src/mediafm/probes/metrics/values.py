"""Metrics of numbers: R2 and correlations over all rows, rank correlations within groups."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau, spearmanr

from mediafm.probes.metrics.rows import FoldRows, Predictions, Values, Weights, ratio


def drawn_r2(rows: FoldRows, predictions: Predictions, weights_BT: Weights) -> Values:
    """1 - squared error / squared deviation from the mean, of each label, [B, L]."""
    y = rows.truth.astype(np.float64)
    n, ys, yy, ee = _sums(rows, [np.ones_like(y), y, y * y, (y - predictions.scores) ** 2], weights_BT)
    return 1 - ratio(ee, yy - ys * ys / n)


def chance_r2(rows: FoldRows, predictions: Predictions, weights_BT: Weights) -> Values:
    """The same values said of any row, [B, L]."""
    y, said = rows.truth.astype(np.float64), predictions.scores.astype(np.float64)
    n, ys, yy, ps, pp = _sums(rows, [np.ones_like(y), y, y * y, said, said * said], weights_BT)
    spread, error = yy / n - (ys / n) ** 2, pp / n - (ps / n) ** 2 + (ys / n - ps / n) ** 2
    return -ratio(error, spread)


def drawn_pearson(rows: FoldRows, predictions: Predictions, weights_BT: Weights) -> Values:
    """Correlation over all rows, of each label, [B, L]; 0 where predictions are all equal."""
    return _correlation(rows, rows.truth.astype(np.float64), predictions.scores.astype(np.float64), weights_BT)


def drawn_spearman(rows: FoldRows, predictions: Predictions, weights_BT: Weights) -> Values:
    """Correlation of ranks over all rows, ranks taken in each draw anew, [B, L]."""
    weights_Bn = weights_BT[:, rows.cluster]
    columns = []
    for label in range(rows.truth.shape[1]):
        true, said = (_ranks(v[:, label], weights_Bn) for v in (rows.truth, predictions.scores))
        n = weights_Bn.sum(axis=1)
        t, s = (r - (r * weights_Bn).sum(axis=1, keepdims=True) / n[:, None] for r in (true, said))
        tt, ss, ts = ((weights_Bn * product).sum(axis=1) for product in (t * t, s * s, t * s))
        columns.append(_normed(ts, tt, ss))
    return np.stack(columns, axis=1)


def drawn_kendall(rows: FoldRows, predictions: Predictions, weights_BT: Weights) -> Values:
    """Kendall's tau-b within each group, mean over groups that are not all of one value, [B, L]."""
    return _over_groups(rows, predictions, weights_BT, lambda y, said: kendalltau(y, said).statistic)


def drawn_group_spearman(rows: FoldRows, predictions: Predictions, weights_BT: Weights) -> Values:
    """Spearman's correlation within each group, mean over groups that are not all of one value, [B, L]."""
    return _over_groups(rows, predictions, weights_BT, lambda y, said: spearmanr(y, said).statistic)


def _over_groups(rows: FoldRows, predictions: Predictions, weights_BT: Weights, correlation: Any) -> Values:
    """Mean of groups' correlations; one whose predictions are all equal counts as 0: it has found no order."""
    order = np.argsort(rows.group, kind="stable")
    begins = np.flatnonzero(np.diff(rows.group[order], prepend=-1))
    labels = rows.truth.shape[1]
    total, count = np.zeros((weights_BT.shape[1], labels)), np.zeros((weights_BT.shape[1], labels))
    for members in np.split(order, begins[1:]):
        cluster = rows.cluster[members[0]]
        for label in range(labels):
            y, said = rows.truth[members, label], predictions.scores[members, label]
            if (y == y[0]).all():
                continue
            count[cluster, label] += 1
            if (said != said[0]).any():
                total[cluster, label] += correlation(y, said)
    return ratio(weights_BT @ total, weights_BT @ count)


def _sums(rows: FoldRows, parts: list[NDArray[Any]], weights_BT: Weights) -> list[NDArray[np.float64]]:
    return [weights_BT @ rows.sums(part, weights_BT.shape[1]) for part in parts]


def _correlation(rows: FoldRows, y: NDArray[Any], said: NDArray[Any], weights_BT: Weights) -> Values:
    y, said = y - y.mean(axis=0), said - said.mean(axis=0)  # or rounding would eat small deviations
    n, ys, ss, yy, pp, yp = _sums(rows, [np.ones_like(y), y, said, y * y, said * said, y * said], weights_BT)
    return _normed(yp - ys * ss / n, yy - ys * ys / n, pp - ss * ss / n)


def _normed(product: NDArray[np.float64], true: NDArray[np.float64], said: NDArray[np.float64]) -> NDArray[np.float64]:
    """Correlation from sums of squares; NaN where the truth, 0 where the prediction is constant."""
    flat = said <= 1e-12 * np.maximum(said.max(initial=0.0), 1e-300)
    value = ratio(product, np.sqrt(np.maximum(true, 0) * np.where(flat, 1.0, said)))
    return np.where(flat & ~np.isnan(value), 0.0, value)


def _ranks(values: NDArray[Any], weights_Bn: Weights) -> NDArray[np.float64]:
    """Mid-ranks of rows that count as often as their weights say, [B, n]."""
    order = np.argsort(values, kind="stable")
    rising = values[order]
    until = np.concatenate([np.zeros((len(weights_Bn), 1)), np.cumsum(weights_Bn[:, order], axis=1)], axis=1)
    first = np.searchsorted(rising, rising, side="left")
    stop = np.searchsorted(rising, rising, side="right")
    ranks = np.empty_like(weights_Bn)
    ranks[:, order] = (until[:, first] + until[:, stop]) / 2
    return ranks
