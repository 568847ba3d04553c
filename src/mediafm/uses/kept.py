"""What a map keeps: mapped queries must find, in the new index, the shots that the new vectors themselves find.

Shapes: Q queries, N rows searched, E size of the new vectors.
"""

import numpy as np
from numpy.typing import NDArray

from mediafm.types import FloatArray

DEPTHS = (1, 10, 100)
QUERIES_AT_ONCE = 64


def nearest_rows(
    queries_QE: FloatArray, rows_NE: FloatArray, k: int, own_Q: NDArray[np.int64] | None = None
) -> NDArray[np.int64]:
    """The k rows of highest cosine for each query, best first, without its own: [Q, k]. Rows and queries are unit.

    Ties go to the earlier row. k is at most N less one where `own` is given.
    """
    found = np.empty((len(queries_QE), k), np.int64)
    for at in range(0, len(queries_QE), QUERIES_AT_ONCE):
        part = slice(at, at + QUERIES_AT_ONCE)
        scores = queries_QE[part] @ rows_NE.T
        if own_Q is not None:
            scores[np.arange(len(scores)), own_Q[part]] = -np.inf
        held = np.sort(np.argpartition(-scores, k - 1, axis=1)[:, :k], axis=1)
        order = np.argsort(-np.take_along_axis(scores, held, axis=1), axis=1, kind="stable")
        found[part] = np.take_along_axis(held, order, axis=1)
    return found


def shared(found_Qk: NDArray[np.int64], wanted_Qk: NDArray[np.int64], k: int) -> NDArray[np.float64]:
    """For each query the share of its first k wanted rows that are among its first k found ones, [Q]."""
    same = found_Qk[:, :k, None] == wanted_Qk[:, None, :k]
    return np.asarray(same.any(axis=1).mean(axis=1), dtype=np.float64)


def kept_at(
    queries_QE: FloatArray, rows_NE: FloatArray, own_Q: NDArray[np.int64], wanted_Qk: NDArray[np.int64]
) -> dict[int, NDArray[np.float64]]:
    """Depth -> share of wanted neighbours that these queries find, [Q], for every depth there are rows for."""
    found = nearest_rows(queries_QE, rows_NE, wanted_Qk.shape[1], own_Q)
    return {k: shared(found, wanted_Qk, k) for k in DEPTHS if k <= wanted_Qk.shape[1]}
