"""Spans of whole shots, and the best few of them: good, unlike each other, and none over another.

Shapes: n shots, C candidate spans, D numbers a vector.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mediafm.types import FloatArray

MOST_SPANS = 2_000_000  # of one title
SLACK_S = 1e-6  # of lengths: times are sums of fractions

Numbers = NDArray[np.int64]
Values = NDArray[np.float64]


def runs_of_length(
    start_s: Values, end_s: Values, shortest_s: float, longest_s: float, until_s: float = np.inf,
    scene: Numbers | None = None,
) -> Numbers:  # fmt: skip
    """Every run of whole shots of a wanted length that ends by `until_s`: [C, 2], first shot and end.

    scene: [n] number of each shot's scene; given, a run stays inside one. In order of their first shots, then lengths.
    """
    first = np.searchsorted(end_s, start_s + shortest_s - SLACK_S, side="left")
    last = np.searchsorted(end_s, np.minimum(start_s + longest_s, until_s) + SLACK_S, side="right")
    if scene is not None:
        last = np.minimum(last, np.searchsorted(scene, scene, side="right"))
    sizes = np.maximum(last - first, 0)
    starts = np.repeat(np.arange(len(start_s)), sizes)
    within = np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return np.stack([starts, np.repeat(first, sizes) + within + 1], axis=1)


def span_means(values_n: Values, seconds_n: Values, runs_C2: Numbers) -> Values:
    """The mean of a value over each run, shots counting by their seconds, [C]."""
    total = np.concatenate([[0.0], np.cumsum(values_n * seconds_n)])
    length = np.concatenate([[0.0], np.cumsum(seconds_n)])
    return np.asarray((total[runs_C2[:, 1]] - total[runs_C2[:, 0]]) / (length[runs_C2[:, 1]] - length[runs_C2[:, 0]]))


@dataclass(frozen=True)
class SpanVectors:
    """Directions of many runs without a vector for each: differences of running sums."""

    sums: Values  # [n + 1, D], by seconds
    runs: Numbers  # [C, 2]
    norms: Values  # [C]

    @classmethod
    def of(cls, vectors_nD: FloatArray, seconds_n: Values, runs_C2: Numbers) -> "SpanVectors":
        """vectors_nD: of shots, as they are to be compared."""
        sums = np.zeros((len(vectors_nD) + 1, vectors_nD.shape[1]))
        np.cumsum(vectors_nD * seconds_n[:, None], axis=0, dtype=np.float64, out=sums[1:])
        norms = np.empty(len(runs_C2))
        for at in range(0, len(runs_C2), 4096):
            part = runs_C2[at : at + 4096]
            norms[at : at + 4096] = np.linalg.norm(sums[part[:, 1]] - sums[part[:, 0]], axis=1)
        return cls(sums, runs_C2, norms)

    def direction(self, run: int) -> Values:
        """Unit vector of a run, [D]; zero where its shots cancel out."""
        first, end = self.runs[run]
        return np.asarray((self.sums[end] - self.sums[first]) / max(self.norms[run], 1e-12))

    def cosines(self, direction_D: Values) -> Values:
        """With every run, [C]."""
        along = self.sums @ direction_D
        return np.asarray((along[self.runs[:, 1]] - along[self.runs[:, 0]]) / np.maximum(self.norms, 1e-12))


def most_relevant_unlike(
    worth_C: Values, vectors: SpanVectors, count: int, diversity: float, avoid: tuple[Values, ...] = (),
    blocked_C: NDArray[np.bool_] | None = None,
) -> list[int]:  # fmt: skip
    """Up to `count` runs by maximal marginal relevance, the first the best; none overlaps one that was taken.

    Each next one has the highest (1 - diversity) * worth - diversity * its greatest cosine with those taken and with
    the directions to `avoid` (Carbonell and Goldstein, SIGIR 1998); worth is scaled to 0 ... 1 over the candidates. Of
    equals the first. blocked_C: runs that may not be taken.
    """
    low, high = float(worth_C.min()), float(worth_C.max())
    worth = (worth_C - low) / (high - low) if high > low else np.zeros(len(worth_C))
    free = np.ones(len(worth), dtype=bool) if blocked_C is None else ~blocked_C
    nearest = np.full(len(worth), -np.inf)
    for direction in avoid:
        nearest = np.maximum(nearest, vectors.cosines(direction))
    chosen: list[int] = []
    while len(chosen) < count and free.any():
        penalty = np.where(np.isfinite(nearest), nearest, 0.0)
        value = np.where(free, (1 - diversity) * worth - diversity * penalty, -np.inf)
        best = int(value.argmax())
        chosen.append(best)
        first, end = vectors.runs[best]
        free &= (vectors.runs[:, 1] <= first) | (vectors.runs[:, 0] >= end)
        nearest = np.maximum(nearest, vectors.cosines(vectors.direction(best)))
    return chosen
