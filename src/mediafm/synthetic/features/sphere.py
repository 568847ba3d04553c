"""Unit vectors scattered around a direction: the von Mises-Fisher law, whose density is known exactly.

density(x | mu) is proportional to exp(kappa mu.x), with one factor for all mu: between two causes of the same
concentration only kappa mu.x counts. `clarity` is the mean cosine between a vector and its direction.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mediafm.fusion import unit_rows


def concentration(clarity: float, dim: int) -> float:
    """kappa at which the mean cosine is very nearly `clarity` (Banerjee et al. 2005); 0 in one dimension's stead."""
    return clarity * (dim - clarity**2) / (1 - clarity**2)


def scatter(directions: NDArray[Any], kappa: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """One unit vector around each unit row of `directions` [n, d], d > 1."""
    n, dim = directions.shape
    cosine = _cosines(n, dim, kappa, rng)[:, None]
    noise = rng.standard_normal((n, dim), dtype=np.float32)
    noise -= np.einsum("nd,nd->n", noise, directions)[:, None] * directions
    return (cosine * directions + np.sqrt(1 - cosine**2) * unit_rows(noise)).astype(np.float32)


def _cosines(n: int, dim: int, kappa: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Cosines [n] with the direction, by Wood's (1994) rejection."""
    b = (dim - 1) / (2 * kappa + np.sqrt(4 * kappa**2 + (dim - 1) ** 2))
    x = (1 - b) / (1 + b)
    c = kappa * x + (dim - 1) * np.log1p(-(x**2))
    found = np.empty(n)
    missing = np.arange(n)
    while len(missing):
        z = rng.beta((dim - 1) / 2, (dim - 1) / 2, len(missing))
        w = (1 - (1 + b) * z) / (1 - (1 - b) * z)
        good = kappa * w + (dim - 1) * np.log1p(-x * w) - c >= np.log(rng.random(len(missing)))
        found[missing[good]] = w[good]
        missing = missing[~good]
    return found
