"""Maps from one vector space to another that have a closed form, from the moments of paired rows alone.

All take x [D] to `(x - mean_old) W + mean_new`. How W comes about:

- procrustes: the rotation (and one scale) that brings rows nearest (Schoenemann, "A generalized solution of the
  orthogonal Procrustes problem", 1966). It cannot bend the space, so a handful of titles is enough.
- ridge: least squares with a penalty on W. Best where there are many titles.
- delta: ridge with a penalty on what W differs from the rotation. With few titles it is the rotation, with many ridge.
- low_rank: the rotation and only the strongest directions of that difference.
- whitened: the rotation between both spaces after each was made round (Artetxe, Labaka & Agirre, "Generalizing and
  improving bilingual word embedding mappings with a multi-step framework of linear transformations", 2018).

Shapes: D size of the old vectors, E of the new.
"""

# ruff: noqa: N815 (fields carry their shapes)

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from mediafm.types import FloatArray

Matrix = NDArray[np.float64]
RIDGES = (1e-3, 1e-2, 1e-1, 1.0)  # penalties, in means of the old vectors' variances
DELTAS = (1e-2, 1e-1, 1.0, 10.0)
RANKS = (8, 32, 128)
ROUNDINGS = (1e-2, 1e-1)
FAMILIES = ("procrustes", "ridge", "delta", "low_rank", "whitened")


@dataclass(frozen=True)
class Moments:
    """Sums over paired rows: what every linear map is made of. Adding two gives those of both parts."""

    count: int
    old_D: Matrix
    new_E: Matrix
    old_DD: Matrix
    cross_DE: Matrix
    new_EE: Matrix

    @classmethod
    def of(cls, old_nD: FloatArray, new_nE: FloatArray) -> "Moments":
        """Of rows that both sides have; a row of zeros is absent."""
        there = (np.abs(old_nD).max(axis=1, initial=0) > 0) & (np.abs(new_nE).max(axis=1, initial=0) > 0)
        old, new = old_nD[there].astype(np.float64), new_nE[there].astype(np.float64)
        return cls(len(old), old.sum(axis=0), new.sum(axis=0), old.T @ old, old.T @ new, new.T @ new)

    def __add__(self, other: "Moments") -> "Moments":
        return Moments(
            self.count + other.count,
            self.old_D + other.old_D,
            self.new_E + other.new_E,
            self.old_DD + other.old_DD,
            self.cross_DE + other.cross_DE,
            self.new_EE + other.new_EE,
        )

    def centred(self) -> tuple[Matrix, Matrix, Matrix, Matrix, Matrix]:
        """Means of old and new, and covariances old-old, old-new, new-new."""
        n = max(self.count, 1)
        old, new = self.old_D / n, self.new_E / n
        return (
            old,
            new,
            self.old_DD / n - np.outer(old, old),
            self.cross_DE / n - np.outer(old, new),
            self.new_EE / n - np.outer(new, new),
        )


@dataclass(frozen=True, slots=True)
class LinearMap:
    """x -> (x - mean_old) weight + mean_new. family: how it came about; setting: its penalty or rank, in words."""

    family: str
    setting: str
    mean_old_D: FloatArray
    weight_DE: FloatArray
    mean_new_E: FloatArray

    def __call__(self, rows_nD: FloatArray) -> FloatArray:
        """Mapped rows [n, E], not scaled."""
        return np.asarray((rows_nD - self.mean_old_D) @ self.weight_DE + self.mean_new_E, dtype=np.float32)


def linear_maps(moments: Moments, families: tuple[str, ...] = FAMILIES) -> Iterator[LinearMap]:
    """Every candidate of the families, one after the other."""
    mean_old, mean_new, old_DD, cross_DE, new_EE = moments.centred()

    def made(family: str, setting: str, weight: Matrix) -> LinearMap:
        arrays = (part.astype(np.float32) for part in (mean_old, weight, mean_new))
        return LinearMap(family, setting, *arrays)

    rotation = procrustes(old_DD, cross_DE)
    if "procrustes" in families:
        yield made("procrustes", "", rotation)
    if "ridge" in families:
        for penalty in RIDGES:
            yield made("ridge", f"penalty {penalty:g}", _ridge(old_DD, cross_DE, penalty, np.zeros_like(cross_DE)))
    if "delta" in families:
        for penalty in DELTAS:
            yield made("delta", f"penalty {penalty:g}", _ridge(old_DD, cross_DE, penalty, rotation))
    if "low_rank" in families:
        left, strengths, right = linalg.svd(
            _ridge(old_DD, cross_DE, DELTAS[1], rotation) - rotation, full_matrices=False
        )
        for rank in (r for r in RANKS if r < len(strengths)):
            part = (left[:, :rank] * strengths[:rank]) @ right[:rank]
            yield made("low_rank", f"rank {rank}", rotation + part)
    if "whitened" in families:
        for rounding in ROUNDINGS:
            yield made("whitened", f"rounding {rounding:g}", _whitened(old_DD, cross_DE, new_EE, rounding))


def procrustes(old_DD: Matrix, cross_DE: Matrix) -> Matrix:
    """The rotation (semi-orthogonal where sizes differ) that brings rows nearest, times the best scale: [D, E]."""
    left, strengths, right = linalg.svd(cross_DE, full_matrices=False)
    rotation = left @ right
    spread = float(np.einsum("de,df,fe->", rotation, old_DD, rotation, optimize=True))
    return np.asarray(rotation * (strengths.sum() / spread if spread > 0 else 1.0))


def _ridge(old_DD: Matrix, cross_DE: Matrix, penalty: float, toward_DE: Matrix) -> Matrix:
    """The least squares map with a penalty on its distance from another."""
    own = penalty * max(float(np.trace(old_DD)) / len(old_DD), 1e-12)
    return np.asarray(
        linalg.solve(old_DD + own * np.eye(len(old_DD)), cross_DE + own * toward_DE, assume_a="pos"), dtype=np.float64
    )


def _whitened(old_DD: Matrix, cross_DE: Matrix, new_EE: Matrix, rounding: float) -> Matrix:
    """Rotation between whitened spaces, and back to the new one's own shape."""
    whiten_old, _ = _roots(old_DD, rounding)
    whiten_new, shape_new = _roots(new_EE, rounding)
    left, _, right = linalg.svd(whiten_old @ cross_DE @ whiten_new, full_matrices=False)
    return np.asarray(whiten_old @ left @ right @ shape_new)


def _roots(covariance: Matrix, rounding: float) -> tuple[Matrix, Matrix]:
    """Inverse square root and square root of a covariance whose small directions are lifted."""
    values, axes = linalg.eigh(covariance)
    lifted = np.sqrt(np.maximum(values, 0) + rounding * max(float(values.mean()), 1e-12))
    return (axes / lifted) @ axes.T, (axes * lifted) @ axes.T
