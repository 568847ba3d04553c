"""Rows in one bit a number: signs after a random rotation, with an estimate of any product and how far it may be off.

A row x of a list with centre c is told as the signs b, of unit length, of its rotated residual r = R (x - c). For a
query q, <x, q> is <c, q> + <r, Rq>, and |r| <b, Rq> / a with a = <b, r> / |r| estimates the latter without bias and
with a deviation of about |r| sqrt((1 - a^2) / (a^2 (D - 1))) (RaBitQ: Gao & Long, SIGMOD 2024). Signs take a sixteenth
of the bytes of half precision, and products with them are counts of bits.

Shapes: N rows, D their numbers, B bits (D up to the next multiple of 64), W = B / 64 words, G groups of 64 rows.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mediafm.types import FloatArray

GROUP = 64  # rows whose words stand beside each other, so that a processor counts the bits of several at once
PLANES = 4  # bits of a query's numbers: what they lose is a seventh of what signs lose
# Deviations that an estimate is trusted to. At this many one true neighbour in 160 is lost where it ties with the last
# one found, and far fewer of those before it.
TRUSTED = 2.5


class Signs(NamedTuple):
    """words uint64 [G, W, 64]: of row 64 g + i the bits stand in [g, :, i]. terms float32 [G, 3, 64]: what a sum over
    bits is multiplied by, what is added, and how far the estimate may be off. Zeros past the last row.
    """

    words: NDArray[np.uint64]
    terms: FloatArray


class Asked(NamedTuple):
    """A rotated query in whole numbers: planes uint64 [PLANES, W], bit p of each; its unit, and the constants of
    sum_i b_i q_i = unit * (2 * counted + of_bits * bits set - of_all).
    """

    planes: NDArray[np.uint64]
    unit: float
    lowest: float
    total: float


def rotation(dim: int, rng: np.random.Generator) -> FloatArray:
    """A random rotation of D numbers into B, float32 [D, B] with orthonormal rows."""
    bits = -(-dim // 64) * 64
    square, triangle = np.linalg.qr(rng.standard_normal((bits, bits)))
    return (square * np.sign(np.diag(triangle)))[:dim].astype(np.float32)


def sign_rows(
    rows_ND: FloatArray, centres_ND: FloatArray, rotation_DB: FloatArray
) -> tuple[NDArray[np.uint64], FloatArray]:
    """words [N, W] and terms [N, 3] of rows, each with the centre of its list."""
    residual = (rows_ND - centres_ND) @ rotation_DB
    size = residual.shape[1]
    set_bits = residual > 0
    length = np.linalg.norm(residual, axis=1)
    along = np.abs(residual).sum(axis=1) / np.sqrt(size)  # <b, r> of unit signs b
    cosine = np.divide(along, length, out=np.ones_like(along), where=length > 0)
    times = np.divide(length, cosine * np.sqrt(size))
    off = TRUSTED * length * np.sqrt(np.maximum(1 - cosine**2, 0) / (size - 1)) / cosine
    counted = set_bits.sum(axis=1, dtype=np.float32)
    words = np.packbits(set_bits, axis=1, bitorder="little").view("<u8")
    return words, np.stack([times, times * (2 * counted - size), off], axis=1).astype(np.float32)


def grouped(rows_NX: NDArray[Any]) -> NDArray[Any]:
    """Words or terms of rows as Signs holds them, [G, X, 64]; zeros fill up the last group."""
    n, width = rows_NX.shape
    padded = np.zeros((-(-n // GROUP) * GROUP, width), rows_NX.dtype)
    padded[:n] = rows_NX
    return np.ascontiguousarray(padded.reshape(-1, GROUP, width).swapaxes(1, 2))


def asked(rotated_B: FloatArray) -> Asked:
    """A rotated query as whole numbers of a few bits: q = unit * u + lowest, u from 0 to 15."""
    lowest, highest = float(rotated_B.min()), float(rotated_B.max())
    unit = (highest - lowest) / (2**PLANES - 1) or 1.0
    whole = np.rint((rotated_B - lowest) / unit).astype(np.uint8)
    planes = np.stack([np.packbits((whole >> p) & 1, bitorder="little").view("<u8") for p in range(PLANES)])
    return Asked(planes, unit, lowest, unit * float(whole.sum()))
