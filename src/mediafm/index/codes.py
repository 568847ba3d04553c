"""Rows in whole numbers: a quarter of the bytes of float32, with a bound on what they lose.

A stored row x is told as a unit s times whole numbers c in [-127, 127]. For a query q of unit length the product with x
then lies within |x - s c| of the product with s c (Cauchy-Schwarz): a scan of the codes leaves the few rows that may be
among the nearest, and their own numbers decide. So answers are those of the full product, at its price in bytes.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mediafm.index.layout import BOUNDS, CODES, ROWS
from mediafm.types import FloatArray

LARGEST = 127
_ROWS_AT_ONCE = 4096
_ROUNDING = 1.001, 3e-7  # of the bound's own arithmetic in float32: times, plus


def code_rows(unit_nD: FloatArray) -> dict[str, NDArray[Any]]:
    """Rows as they are stored, by file: float16 rows, their codes, and [unit, distance of codes and row]."""
    n, dim = unit_nD.shape
    rows, codes, bounds = np.empty((n, dim), np.float16), np.empty((n, dim), np.int8), np.empty((n, 2), np.float32)
    for start in range(0, n, _ROWS_AT_ONCE):
        part = slice(start, start + _ROWS_AT_ONCE)
        rows[part] = unit_nD[part]
        stored = rows[part].astype(np.float32)
        unit = np.abs(stored).max(axis=1, initial=0) / LARGEST
        codes[part] = np.rint(stored / np.where(unit > 0, unit, 1)[:, None])
        lost = stored - unit[:, None] * codes[part]
        bounds[part, 0] = unit
        times, plus = _ROUNDING
        bounds[part, 1] = np.where(unit > 0, np.linalg.norm(lost, axis=1) * times + plus, 0)
    return {ROWS: rows, CODES: codes, BOUNDS: bounds}
