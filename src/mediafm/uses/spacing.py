"""The best places on a line that keep their distance, by dynamic programming."""

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


def best_spaced(places: Values, values: Values, gap: float, count: int) -> NDArray[np.int64]:
    """Numbers, rising, of up to `count` places, any two at least `gap` apart, whose values sum to the most.

    places: [n], rising; values: [n]. As many as asked for are taken wherever so many fit, else as many as fit; of equal
    sums the earliest places. Exact; O(n count).
    """
    n, count = len(places), min(count, len(places))
    if count <= 0:
        return np.zeros(0, dtype=np.int64)
    before = np.searchsorted(places, places - gap + 1e-9, side="right") if gap > 0 else np.arange(n)
    before = np.minimum(before, np.arange(n))  # how many places may stand beside place i, left of it
    best = np.full((count + 1, n + 1), -np.inf)  # of so many among the first so many places
    best[0] = 0.0
    taken = np.zeros((count + 1, n + 1), dtype=bool)
    for k in range(1, count + 1):
        with_it = values + best[k - 1, before]
        for i in range(n):
            taken[k, i + 1] = with_it[i] > best[k, i]
            best[k, i + 1] = max(best[k, i], with_it[i])
    k = int(np.flatnonzero(np.isfinite(best[:, n]))[-1])
    found, i = [], n
    while k:
        if taken[k, i]:
            found.append(i - 1)
            i, k = int(before[i - 1]), k - 1
        else:
            i -= 1
    return np.array(found[::-1], dtype=np.int64)
