"""Negative clips for a task that is told what is worth a clip: thinned out of many, or drawn where there are none.

The published clip retrieval task has three negatives a positive, 6 to 10 positives a title.
"""

import numpy as np
from numpy.typing import NDArray

TRIES = 50  # places tried for each negative before a title counts as full


def thin_negatives(positive: NDArray[np.bool_], wanted: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Numbers of at most `wanted` rows of one title that are not positive, drawn without replacement."""
    others = np.flatnonzero(~positive)
    return others if len(others) <= wanted else np.sort(rng.choice(others, wanted, replace=False))


def draw_negatives(
    start_s: NDArray[np.float64],
    end_s: NDArray[np.float64],
    shots: tuple[NDArray[np.float64], NDArray[np.float64]],
    wanted: int,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Spans of one title that overlap no positive (start_s, end_s) and not each other: runs of whole shots, each about
    as long as a positive drawn at random. Fewer than `wanted` where the title has no more room."""
    begin, end = shots
    taken = list(zip(start_s.tolist(), end_s.tolist(), strict=True))
    found: list[tuple[float, float]] = []
    for _ in range(wanted * TRIES):
        if len(found) == wanted:
            break
        like = int(rng.integers(len(start_s)))
        first = int(rng.integers(len(begin)))
        last = int(np.abs(end[first:] - begin[first] - (end_s[like] - start_s[like])).argmin()) + first
        span = (float(begin[first]), float(end[last]))
        if all(span[1] <= other[0] or span[0] >= other[1] for other in taken):
            taken.append(span)
            found.append(span)
    spans = np.array(sorted(found)).reshape(-1, 2)
    return spans[:, 0], spans[:, 1]
