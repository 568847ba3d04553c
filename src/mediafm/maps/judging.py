"""How true a map is to the vectors it was drawn from."""

import numpy as np
from numpy.typing import NDArray

from mediafm.types import FloatArray

LOOKED_AT = 1000  # points whose surroundings are compared


def truth(reduced_NR: FloatArray, places_N2: FloatArray, k: int, seed: int = 0) -> tuple[float, float]:
    """(Trustworthiness, share of neighbours kept) over a sample of points; (1, 1) for too few to say.

    Trustworthiness (Venna & Kaski 2001) is 1 where each of the k nearest on the map is one of the k nearest by vector
    too, and lower by how far off in order the others are.
    """
    n = len(reduced_NR)
    if n < 2 * k + 2:
        return 1.0, 1.0
    sample = np.random.default_rng(seed).choice(n, min(n, LOOKED_AT), replace=False)
    off, kept = 0.0, 0.0
    for row in sample:
        ranks = _ranks(reduced_NR, row)[_nearest(places_N2, row, k)]
        off += float(np.maximum(ranks - k, 0).sum())
        kept += float((ranks <= k).mean())
    most = n * k * (2 * n - 3 * k - 1)
    return 1 - 2 * off * (n / len(sample)) / most, kept / len(sample)


def _distances(rows: FloatArray, row: int) -> NDArray[np.float32]:
    """Squared, to all; the row itself is nearest of all."""
    apart = rows - rows[row]
    found = np.einsum("nd,nd->n", apart, apart)
    found[row] = -1
    return np.asarray(found, np.float32)


def _nearest(rows: FloatArray, row: int, k: int) -> NDArray[np.int64]:
    near = np.argpartition(_distances(rows, row), k)[: k + 1]
    return near[near != row][:k]


def _ranks(rows: FloatArray, row: int) -> NDArray[np.int64]:
    """1 for the nearest, and so on; 0 for the row itself."""
    order = np.argsort(_distances(rows, row), kind="stable")
    ranks = np.empty(len(rows), np.int64)
    ranks[order] = np.arange(len(rows))
    return ranks
