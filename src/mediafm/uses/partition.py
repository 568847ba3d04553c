"""The best cut of a sequence into segments: optimal partition by dynamic programming over within-segment scatter.

A segment costs the summed squared distance of its rows from their mean. The sum over segments is least either for so
many segments, or with a price on each: both exactly, in O(n^2) time a count and O(n) rows of memory at a time, after
Fisher, "On grouping for maximum homogeneity", JASA 1958, and Jackson et al., "An algorithm for optimal partitioning of
data on an interval", IEEE Signal Processing Letters 2005.

Shapes: n rows of D numbers, K segments.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from mediafm.errors import UsageError
from mediafm.types import FloatArray

MOST_ROWS = 20_000  # of one title: the time grows with the square, half a minute there
MOST_SEGMENTS = 500
BLOCK = 256  # segment ends whose costs are computed in one product

Numbers = NDArray[np.int64]
Values = NDArray[np.float64]


def best_of_count(rows_ND: FloatArray, count: int, edges: Values | None = None, shortest: float = 0.0) -> Numbers:
    """First rows [count] of the segments of the cheapest cut into so many; the first is 0.

    rows_ND: a row of zeros has nothing to say and costs nothing wherever it goes. edges: [n + 1] where rows begin and
    end (default 0, 1, ... n); no segment is shorter than `shortest`, in their unit. UsageError where no cut into so
    many exists, or the sequence is too long.
    """
    n = _checked(rows_ND)
    if not 1 <= count <= min(n, MOST_SEGMENTS):
        raise UsageError(f"Cannot cut {n} shots into {count} parts.", f"Ask for 1 to {min(n, MOST_SEGMENTS)}.")
    least = np.full((count + 1, n + 1), np.inf)
    least[0, 0] = 0.0
    back = np.zeros((count + 1, n + 1), dtype=np.int32)
    places = np.arange(count)
    for end, cost in _costs(rows_ND, edges, shortest):
        totals = least[:-1, :end] + cost
        back[1:, end] = totals.argmin(axis=1)
        least[1:, end] = totals[places, back[1:, end]]
    if not np.isfinite(least[count, n]):
        raise UsageError(
            f"There are no {count} parts of {shortest:g} s or more.", "Ask for fewer, or let them be shorter."
        )
    starts, end = [], n
    for number in range(count, 0, -1):
        end = int(back[number, end])
        starts.append(end)
    return np.array(starts[::-1], dtype=np.int64)


def best_of_price(rows_ND: FloatArray, price: float, edges: Values | None = None, shortest: float = 0.0) -> Numbers:
    """First rows of the segments of the cut that is cheapest when each segment costs `price` beside its scatter.

    Arguments as in `best_of_count`. A sequence shorter than `shortest` is one segment.
    """
    n = _checked(rows_ND)
    if edges is not None and edges[-1] - edges[0] < shortest:
        return np.zeros(1, dtype=np.int64)
    least = np.full(n + 1, np.inf)
    least[0] = 0.0
    back = np.zeros(n + 1, dtype=np.int64)
    for end, cost in _costs(rows_ND, edges, shortest):
        totals = least[:end] + cost
        back[end] = totals.argmin()
        least[end] = totals[back[end]] + price
    starts, end = [], n
    while end > 0:
        end = int(back[end])
        starts.append(end)
    return np.array(starts[::-1], dtype=np.int64)


def scatter_of(rows_ND: FloatArray, starts: Numbers) -> float:
    """The summed scatter of a cut."""
    parts = [part[part.any(axis=1)].astype(np.float64) for part in np.split(rows_ND, starts[1:])]
    return float(sum(((part - part.mean(axis=0)) ** 2).sum() for part in parts if len(part)))


def noise_price(rows_ND: FloatArray, chance: float = 0.1) -> float:
    """What a segment must save to be more than chance: the price of `best_of_price` that the sequence itself teaches.

    Cutting pure noise in two saves a sum of squares weighted by the eigenvalues l of its covariance, which is about
    g times a chi-squared of h degrees with g = sum(l^2) / sum(l), h = sum(l)^2 / sum(l^2) (Satterthwaite, Biometrics
    1946). The price is what such a sum exceeds with probability chance / n, so that noise of n rows is cut with about
    that `chance`; it grows with log(n), as in BIC, and with how many directions the noise has. Noise is taken from
    neighbours, most of which stand on one side of a cut, and is one for the whole title. Where
    neighbours' noise is itself alike (lag correlation r), chance saves (1 + r) / (1 - r) as much.
    """
    rows = rows_ND[rows_ND.any(axis=1)].astype(np.float64)
    if len(rows) < 4:
        return float("inf")
    one, two = rows[1:] - rows[:-1], rows[2:] - rows[:-2]
    size = (one**2).sum(axis=1)
    near, far = float(np.median(size)), float(np.median((two**2).sum(axis=1)))
    if near <= 0:
        return 1e-9  # neighbours are equal: whatever differs is a cut
    r = float(np.clip(far / near - 1, 0.0, 0.9))
    steps = one[size <= near]
    small = steps @ steps.T if len(steps) < steps.shape[1] else steps.T @ steps
    degrees = float(np.trace(small) ** 2 / max(float((small**2).sum()), 1e-300)) or 1.0
    # The nearer half says how many directions there are; how much noise, the median (its mean by Wilson and Hilferty).
    total = near / (2 * (1 - r)) / (1 - 2 / (9 * degrees)) ** 3
    return float(total * chi2.isf(chance / len(rows), degrees) / degrees * (1 + r) / (1 - r))


def _checked(rows_ND: FloatArray) -> int:
    if not 1 <= len(rows_ND) <= MOST_ROWS:
        raise UsageError(f"Cannot cut a title of {len(rows_ND)} shots.", f"Titles of 1 to {MOST_ROWS} shots can be.")
    return len(rows_ND)


def _costs(rows_ND: FloatArray, edges: Values | None, shortest: float) -> Iterator[tuple[int, Values]]:
    """(end, cost [end] of the segments [0, end), [1, end) ... [end - 1, end)) for end = 1 ... n; inf: too short."""
    n = len(rows_ND)
    sums = np.zeros((n + 1, rows_ND.shape[1]))
    np.cumsum(rows_ND, axis=0, dtype=np.float64, out=sums[1:])
    squares = np.concatenate([[0.0], np.cumsum((rows_ND.astype(np.float64) ** 2).sum(axis=1))])
    there = np.concatenate([[0.0], np.cumsum(rows_ND.any(axis=1))])
    lengths = np.einsum("nd,nd->n", sums, sums)
    for first in range(1, n + 1, BLOCK):
        stop = min(first + BLOCK, n + 1)
        products = sums[first:stop] @ sums[:stop].T
        for end in range(first, stop):
            whole = lengths[end] + lengths[:end] - 2 * products[end - first, :end]
            cost = squares[end] - squares[:end] - whole / np.maximum(there[end] - there[:end], 1)
            cost = np.maximum(cost, 0.0)
            if shortest > 0 and edges is not None:
                cost[edges[end] - edges[:end] < shortest] = np.inf
            yield end, cost
