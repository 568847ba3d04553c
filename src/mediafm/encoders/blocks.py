"""Sub-blocks of the offline descriptors: named, of known size, scaled so that none dominates.

A descriptor is a chain of blocks. Statistics in physical units are centred and divided by documented reference values
(round numbers near what films show), clipped, and divided by the root of the block's size. Histograms enter as
square roots (so that a dot product compares them by the Hellinger distance) less the square roots of a reference
histogram. Every block then has a length near its weight, and two unlike shots point in unlike directions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

CLIP = 3.0  # reference deviations beyond which a statistic says nothing more

Array = NDArray[Any]


@dataclass(frozen=True)
class Statistics:
    """A block of numbers in physical units: weight * clip((x - centre) / deviation) / sqrt(dim)."""

    name: str
    centre: Array  # [dim]
    deviation: Array  # [dim]
    weight: float = 1.0

    @property
    def dim(self) -> int:
        """Number of values."""
        return len(self.centre)

    def scaled(self, values: Array) -> Array:
        """Values [dim] as the block's part of the descriptor."""
        z = np.clip((values - self.centre) / self.deviation, -CLIP, CLIP)
        return self.weight * z / np.sqrt(self.dim)


@dataclass(frozen=True)
class Histogram:
    """A block of shares that sum to one: weight * (sqrt(h) - sqrt(reference)). An empty histogram gives zeros."""

    name: str
    reference: Array  # [dim], sums to 1
    weight: float = 1.0

    @property
    def dim(self) -> int:
        """Number of bins."""
        return len(self.reference)

    def scaled(self, values: Array) -> Array:
        """Counts or shares [dim] as the block's part of the descriptor."""
        total = values.sum()
        if total <= 0:
            return np.zeros(self.dim)
        return self.weight * (np.sqrt(values / total) - np.sqrt(self.reference))


Block = Statistics | Histogram


def statistics(name: str, columns: Sequence[tuple[float, float]], repeat: int = 1, weight: float = 1.0) -> Statistics:
    """A block whose columns have (centre, deviation) as given, the whole list `repeat` times over."""
    table = np.tile(np.asarray(columns, dtype=np.float64), (repeat, 1))
    return Statistics(name, table[:, 0], table[:, 1], weight)


def laplace_shares(edges: Array, centre: float, scale: float) -> Array:
    """Shares [len(edges) - 1] of a Laplace distribution between bin edges, the tails in the outer bins."""
    x = (np.asarray(edges[1:-1], dtype=np.float64) - centre) / scale
    below = np.where(x < 0, 0.5 * np.exp(np.minimum(x, 0)), 1 - 0.5 * np.exp(-np.maximum(x, 0)))
    return np.diff(np.concatenate([[0.0], below, [1.0]]))


def describe(blocks: Sequence[Block], values: Mapping[str, Array]) -> Array:
    """All blocks scaled and joined in order, float64 [sum of dims]; not yet of unit norm."""
    return np.concatenate([block.scaled(np.asarray(values[block.name], dtype=np.float64)) for block in blocks])
