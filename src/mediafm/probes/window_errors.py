"""Pk and WindowDiff: how often a window sliding over a title sees other boundaries than there are; 0 is right.

Sources: Beeferman, Berger and Lafferty, "Statistical models for text segmentation", Machine Learning 1999 (Pk);
Pevzner and Hearst, "A critique and improvement of an evaluation metric for text segmentation", Computational
Linguistics 2002 (WindowDiff). Positions are shots; a boundary is the shot that starts a scene, as in `boundaries`.
"""

import numpy as np
from numpy.typing import NDArray

from mediafm.probes.boundaries import Numbers


def usual_window(true: Numbers, shots: int) -> int:
    """Half the mean length of the true scenes, in shots, as both measures are used; 1 at least."""
    return max(1, round(shots / (len(true) + 1) / 2))


def pk(true: Numbers, predicted: Numbers, shots: int, window: int | None = None) -> float:
    """Share of pairs of shots `window` apart of which one side says one scene and the other says two.

    true, predicted: shots that start scenes, without shot 0. NaN for a title no longer than the window.
    """
    seen = [counts > 0 for counts in _seen(true, predicted, shots, window)]
    return float(np.mean(seen[0] != seen[1])) if len(seen[0]) else float("nan")


def window_diff(true: Numbers, predicted: Numbers, shots: int, window: int | None = None) -> float:
    """Share of windows in which the numbers of boundaries differ. Arguments as in `pk`."""
    seen = _seen(true, predicted, shots, window)
    return float(np.mean(seen[0] != seen[1])) if len(seen[0]) else float("nan")


def _seen(true: Numbers, predicted: Numbers, shots: int, window: int | None) -> list[NDArray[np.int64]]:
    """How many boundaries lie between shot i and shot i + window, for each i, on both sides."""
    size = usual_window(true, shots) if window is None else window
    counts = []
    for numbers in (true, predicted):
        marks = np.zeros(shots + 1, dtype=np.int64)
        marks[np.asarray(numbers, dtype=np.int64) + 1] = 1
        scene = np.cumsum(marks)[1:]  # of each shot
        counts.append(scene[size:] - scene[:-size])
    return counts
