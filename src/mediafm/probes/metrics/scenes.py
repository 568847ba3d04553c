"""Metrics of scenes: rows are shots, a given label says that a scene starts there. Each is a ratio of title sums."""

import numpy as np
from numpy.typing import NDArray

from mediafm.probes.boundaries import boundaries, scene_titles
from mediafm.probes.boundary_scores import Measure as Boundaries
from mediafm.probes.boundary_scores import TitleSums, chance_sums, title_sums
from mediafm.probes.metrics.rows import FoldRows, Metric, Predictions, Values, Weights, ratio

CHANCE_DRAWS = 20  # of boundaries placed at random, a title


def scene_metric(name: str, measure: Boundaries, tolerance_s: float = 0.0) -> Metric:
    """Mean IoU of scenes, or F1 of their starts within a tolerance in seconds."""

    def drawn(rows: FoldRows, predictions: Predictions, weights_BT: Weights) -> Values:
        titles = scene_titles(rows.title, rows.start_s, rows.end_s, rows.truth[:, 0])
        return _drawn(rows, title_sums(titles, _predicted(rows, predictions), measure, tolerance_s), weights_BT)

    def chance(rows: FoldRows, predictions: Predictions, weights_BT: Weights) -> Values:
        titles = scene_titles(rows.title, rows.start_s, rows.end_s, rows.truth[:, 0])
        counts = [len(found) for found in _predicted(rows, predictions)]
        # The same draws for every feature set, so that their chance values differ by how much they predict alone.
        sums = chance_sums(titles, counts, measure, np.random.default_rng(0), tolerance_s, CHANCE_DRAWS)
        return _drawn(rows, sums, weights_BT)

    return Metric(name, drawn, chance)


def _predicted(rows: FoldRows, predictions: Predictions) -> list[NDArray[np.int64]]:
    """Numbers of the shots of each title at which a scene is said to start."""
    assert predictions.decided is not None
    return [boundaries(given) for given in np.split(predictions.decided[:, 0], _begins(rows)[1:])]


def _begins(rows: FoldRows) -> NDArray[np.int64]:
    return np.flatnonzero(np.diff(rows.title, prepend=-1))


def _drawn(rows: FoldRows, sums: TitleSums, weights_BT: Weights) -> Values:
    weights = weights_BT[:, rows.cluster[_begins(rows)]]
    return ratio(weights @ sums.numerator, weights @ sums.denominator)[:, None]
