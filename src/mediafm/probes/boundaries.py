"""Scene boundaries of one title: how well predicted ones fit the true ones.

A boundary is a shot that starts a scene. A title's first shot starts its first scene whatever anybody predicts, so it
is no boundary to be found and is left out everywhere. `boundary_scores` sums these measures over titles.

Sources. Mean IoU of scenes: Baraldi, Grana and Cucchiara, "A deep Siamese network for scene detection in broadcast
videos", ACM MM 2015, as used on MovieNet by Rao et al., "A local-to-global approach to multi-modal movie scene
segmentation", CVPR 2020. Hits within a tolerance: as usual for cuts and onsets, one prediction for one truth.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

ROUNDING = 1e-9  # of positions in seconds, relative to which two are called equally far

Numbers = NDArray[np.int64]
Seconds = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SceneTitle:
    """A title's n shots and its true boundaries.

    start_s, end_s: float64 [n], shots in order, tiling the title. true: numbers of the shots that start a scene,
    rising, without shot 0.
    """

    start_s: Seconds
    end_s: Seconds
    true: Numbers

    def __len__(self) -> int:
        return len(self.start_s)


def scene_titles(title: NDArray[Any], start_s: Seconds, end_s: Seconds, truth: NDArray[np.bool_]) -> list[SceneTitle]:
    """Shots of many titles, one title after the other, as one value a title.

    title: [N] number of each shot's title; start_s, end_s: [N]; truth: bool [N], whether a scene starts there.
    """
    cuts = np.flatnonzero(title[1:] != title[:-1]) + 1
    columns = (np.split(values, cuts) for values in (start_s, end_s, truth))
    return [SceneTitle(start, end, boundaries(true)) for start, end, true in zip(*columns, strict=True)]


def boundaries(starts: NDArray[Any]) -> Numbers:
    """Numbers of the shots, without the first, at which a mask [n] is set."""
    found = np.flatnonzero(starts)
    return found[found > 0]


def predicted_boundaries(scores: NDArray[Any], threshold: float) -> Numbers:
    """Numbers of the shots, without the first, whose score [n] reaches the threshold."""
    return boundaries(scores >= threshold)


def scene_iou(true: Numbers, predicted: Numbers, start_s: Seconds, end_s: Seconds) -> float:
    """Mean intersection over union of true and predicted scenes, by their seconds.

    Each true scene gets its best IoU with a predicted one, and these are averaged; the same the other way round; the
    result is the mean of the two. Symmetric, in (0, 1], 1 for equal boundaries alone. Scenes tile the title: what
    comes before the first boundary is a scene, what comes after the last is one, and no boundary at all means one
    scene. (The code published with Rao et al. drops the shots after a title's last boundary and gives a title without
    predictions 0.) O(n log n) in the number of scenes.
    """
    edges = [np.concatenate([start_s[:1], start_s[shots], end_s[-1:]]) for shots in (true, predicted)]
    # Two tilings cut each other into pieces, and every pair of scenes that overlap shares just one piece.
    cuts = np.union1d(*edges)
    pairs = [np.searchsorted(edge, cuts[:-1], side="right") - 1 for edge in edges]
    lengths = [np.diff(edge) for edge in edges]
    shared = np.diff(cuts)
    iou = shared / (lengths[0][pairs[0]] + lengths[1][pairs[1]] - shared)
    return float(np.mean([_best(iou, pair, len(length)).mean() for pair, length in zip(pairs, lengths, strict=True)]))


def _best(values: Seconds, group: Numbers, groups: int) -> Seconds:
    best = np.zeros(groups)
    np.maximum.at(best, group, values)
    return best


class Matches(NamedTuple):
    """How many boundaries were found, made up, and missed. Ratios are NaN where there is nothing to divide by."""

    hits: int
    false_alarms: int
    misses: int

    @property
    def precision(self) -> float:
        """Share of the predicted boundaries that are true ones."""
        return _ratio(self.hits, self.hits + self.false_alarms)

    @property
    def recall(self) -> float:
        """Share of the true boundaries that were found."""
        return _ratio(self.hits, self.hits + self.misses)

    @property
    def f1(self) -> float:
        """Harmonic mean of the two."""
        return _ratio(2 * self.hits, 2 * self.hits + self.false_alarms + self.misses)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")


def boundary_matches(true: Sequence[float], predicted: Sequence[float], tolerance: float = 0.0) -> Matches:
    """Match true and predicted positions one to one, as many pairs as possible no further apart than `tolerance`.

    Positions rise; they and the tolerance are seconds, or shot numbers. Taking the earliest possible partner, front to
    back, is optimal on a line: swapping two crossed pairs brings neither further apart. O(n).
    """
    reach = tolerance + ROUNDING
    i = j = hits = 0
    while i < len(true) and j < len(predicted):
        gap = predicted[j] - true[i]
        if abs(gap) <= reach:
            hits += 1
        i += gap >= -reach
        j += gap <= reach
    return Matches(hits, len(predicted) - hits, len(true) - hits)
