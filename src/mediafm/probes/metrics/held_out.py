"""The rows probes are judged on, scored as they are and on draws of whole titles.

Shots of one title are anything but independent, so an interval that draws shots would be far too narrow: all draws here
are of titles (or of titles kept together). All feature sets of one probe are scored on the same draws, which makes
their differences paired. Shapes: N rows, L labels, B draws, T clusters.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mediafm.probes.metrics.rows import FoldRows, Measure, Metric, Predictions, Values, Weights, mean_known


@dataclass(frozen=True)
class HeldOut:
    """rows: all that is judged; fold: [N] the outer fold each row was held out in. A score is the mean over folds:
    scores of differently fitted probes are never sorted into one list."""

    rows: FoldRows
    fold: NDArray[np.int64]

    @cached_property
    def clusters(self) -> int:
        """T."""
        return int(self.rows.cluster.max()) + 1

    @cached_property
    def folds(self) -> list[NDArray[np.int64]]:
        """Numbers of each fold's rows."""
        return [np.flatnonzero(self.fold == fold) for fold in np.unique(self.fold)]

    @cached_property
    def freedom(self) -> int:
        """Degrees of freedom of what is drawn: clusters less one for each fold; 0 leaves nothing to draw."""
        return sum(len(np.unique(self.rows.cluster[rows])) - 1 for rows in self.folds)

    def draws(self, count: int, rng: np.random.Generator) -> Weights:
        """How often each cluster is drawn, [B, T], with replacement inside its own fold."""
        weights_BT = np.zeros((count, self.clusters))
        for rows in self.folds:
            members = np.unique(self.rows.cluster[rows])
            share = np.full(len(members), 1 / len(members))
            weights_BT[:, members] = rng.multinomial(len(members), share, size=count)
        return weights_BT

    def of(self, rows: NDArray[np.bool_]) -> "HeldOut":
        """Part of the rows, bool [N]."""
        return HeldOut(_part(self.rows, np.flatnonzero(rows)), self.fold[rows])

    def values(self, metric: Metric, said: Predictions, weights_BT: Weights | None = None) -> Values:
        """The metric of each label (or of all), the mean over folds, [B, V]; B is 1 without draws."""
        return self._over_folds(metric.measure, said, weights_BT)

    def chance(self, metric: Metric, said: Predictions, weights_BT: Weights | None = None) -> Values:
        """What such predictions would score if they knew nothing, [B, V]."""
        return self._over_folds(metric.chance, said, weights_BT)

    def _over_folds(self, measure: Measure, said: Predictions, weights_BT: Weights | None) -> Values:
        if weights_BT is None:
            weights_BT = np.ones((1, self.clusters))
        parts = [measure(_part(self.rows, rows), said.of(rows), weights_BT) for rows in self.folds]
        return mean_known(np.stack(parts), axis=0)

    def flat(self, said: Predictions) -> tuple["HeldOut", Predictions]:
        """All labels in one list, for micro averages."""
        rows, flat = self.rows.flat(said)
        return HeldOut(rows, np.repeat(self.fold, self.rows.truth.shape[1])), flat


def _part(rows: FoldRows, numbers: NDArray[np.int64]) -> FoldRows:
    group = rows.group[numbers] if len(rows.group) else rows.group
    return FoldRows(
        rows.truth[numbers], rows.cluster[numbers], group, rows.title[numbers], rows.start_s[numbers],
        rows.end_s[numbers],
    )  # fmt: skip
