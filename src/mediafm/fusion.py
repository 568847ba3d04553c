"""Fusion: a shot's features become one vector.

As published: every present block is scaled to unit norm, the blocks are joined, and the whole is scaled to unit norm;
a missing block is zeros. Two options go beyond that, both from training statistics that travel with a checkpoint:

- "mean" takes the training mean off each unit-normed block before it is scaled again. Embeddings of one encoder share a
  large common direction (Mu & Viswanath 2018), which would otherwise make any two shots look alike.
- "standard" takes mean and deviation of every raw number off the block before it is scaled: for imported features whose
  numbers have units of their own.

numpy only.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray

from mediafm.errors import ImportDataError, MismatchError, UsageError
from mediafm.types import MODALITIES, BoolArray, Features, FloatArray, Modality

Centring = Literal["none", "mean", "standard"]
# A number whose deviation is less than this share of its mean (or of nothing) is constant but for rounding, and says
# nothing: "standard" leaves it out instead of blowing the rounding up.
_CONSTANT = 1e-5
_UNIT_NORM_TOLERANCE = 1e-2  # float16 rows are this near to unit norm
_TINY = 1e-12  # a block shorter than this has no direction
# Fused at once: intermediate results of this many rows lie in memory that is at hand already, where those of thousands
# are fetched from the system and given back each time, which can cost more than the arithmetic.
_ROWS_AT_ONCE = 512


@dataclass(frozen=True)
class FusionSpec:
    """Which blocks are fused, how large each is, and what is taken off them first.

    dims: modality -> vector size. Only the modalities named here are fused; features may hold more.
    Raises UsageError on an unknown modality or centring, a size below one, or no modality at all.
    """

    dims: Mapping[Modality, int]
    centring: Centring = "none"

    def __post_init__(self) -> None:
        if not self.dims or any(m not in MODALITIES or d < 1 for m, d in self.dims.items()):
            raise UsageError(
                f"Cannot fuse blocks {dict(self.dims)}.", f"Name sizes for some of {', '.join(MODALITIES)}."
            )
        if self.centring not in get_args(Centring):
            raise UsageError(f"Unknown centring {self.centring!r}.", f"Choose one of {', '.join(get_args(Centring))}.")
        object.__setattr__(self, "dims", {m: int(self.dims[m]) for m in MODALITIES if m in self.dims})

    @property
    def dim(self) -> int:
        """Size of a fused embedding."""
        return sum(self.dims.values())


@dataclass(frozen=True)
class _Moments:
    """Of the present rows seen so far: count, mean float64 [dim], and summed squared distance from the mean [dim]."""

    count: int
    mean: NDArray[np.float64]
    squares: NDArray[np.float64]

    @classmethod
    def of(cls, rows: NDArray[np.float64]) -> Self:
        mean = rows.mean(axis=0) if len(rows) else np.zeros(rows.shape[1])
        return cls(len(rows), mean, ((rows - mean) ** 2).sum(axis=0))

    def merged(self, other: "_Moments") -> "_Moments":
        """Chan et al. 1979: exact, and stable however unlike the two parts are."""
        count = self.count + other.count
        if count == 0:
            return self
        step = other.mean - self.mean
        mean = self.mean + step * (other.count / count)
        squares = self.squares + other.squares + step**2 * (self.count * other.count / count)
        return _Moments(count, mean, squares)


@dataclass(frozen=True)
class FusionStats:
    """What fusion knows of the training titles. Made by `fit`, joined by `merge`, kept as plain arrays."""

    spec: FusionSpec
    moments: Mapping[Modality, _Moments]

    @classmethod
    def fit(cls, features: Iterable[Features], spec: FusionSpec) -> Self:
        """Statistics of the present rows of many titles, in one pass, in float64.

        A modality that is never present gets no statistics: "standard" then treats it as missing ever after.
        Raises MismatchError if sizes differ from the spec's, ImportDataError if a number is not finite, UsageError if
        there is to be centring but not one present row to learn it from.
        """
        return cls.of_part(features, spec).checked()

    @classmethod
    def of_part(cls, features: Iterable[Features], spec: FusionSpec) -> Self:
        """As `fit`, of a part that may be empty: to be merged with other parts, then `checked`."""
        total = {m: _Moments.of(np.zeros((0, dim))) for m, dim in spec.dims.items()}
        for part in features:
            for modality in spec.dims:
                rows = _rows(part, spec, modality)[part.present[modality]].astype(np.float64)
                if not np.isfinite(rows).all():
                    raise _not_finite(modality)
                if spec.centring != "standard":
                    rows = unit_rows(rows)
                total[modality] = total[modality].merged(_Moments.of(rows))
        return cls(spec, total)

    def checked(self) -> Self:
        """Itself; UsageError if there is to be centring but not one present row to learn it from."""
        if self.spec.centring != "none" and not any(moments.count for moments in self.moments.values()):
            raise UsageError("No training shot has any features to centre on.", "Give at least one title with shots.")
        return self

    def merge(self, other: "FusionStats") -> "FusionStats":
        """Statistics of both parts together, as if fitted on all of it; MismatchError if the specs differ."""
        if self.spec != other.spec:
            raise MismatchError(
                f"Fusion statistics of {self.spec} and {other.spec} cannot be joined.", "Fit both with one spec."
            )
        return FusionStats(self.spec, {m: self.moments[m].merged(other.moments[m]) for m in self.spec.dims})

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Arrays for safetensors: `<modality>.count` int64 [1], `.mean` and `.squares` float64 [dim]."""
        arrays: dict[str, NDArray[Any]] = {}
        for modality, moments in self.moments.items():
            arrays[f"{modality}.count"] = np.array([moments.count], dtype=np.int64)
            arrays[f"{modality}.mean"] = moments.mean
            arrays[f"{modality}.squares"] = moments.squares
        return arrays

    def to_meta(self) -> dict[str, Any]:
        """The spec as JSON-able values."""
        return {"dims": dict(self.spec.dims), "centring": self.spec.centring}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, Any]) -> Self:
        """What `to_arrays` and `to_meta` gave; MismatchError if the two do not belong together."""
        try:
            spec = FusionSpec(meta["dims"], meta["centring"])
            moments = {
                m: _Moments(
                    int(arrays[f"{m}.count"][0]),
                    np.array(arrays[f"{m}.mean"], dtype=np.float64),
                    np.array(arrays[f"{m}.squares"], dtype=np.float64),
                )
                for m in spec.dims
            }
        except (KeyError, TypeError, IndexError) as error:
            raise MismatchError(f"Fusion statistics lack {error}.", "The checkpoint is not whole.") from error
        if any(moments[m].mean.shape != (d,) or moments[m].squares.shape != (d,) for m, d in spec.dims.items()):
            raise MismatchError(
                f"Fusion statistics do not have sizes {dict(spec.dims)}.", "The checkpoint is mixed up."
            )
        return cls(spec, moments)

    @cached_property
    def shifts(self) -> dict[Modality, FloatArray]:
        """Modality -> float32 [dim] taken off each row."""
        zero = self.spec.centring == "none"
        return {m: (s.mean * (0.0 if zero else 1.0)).astype(np.float32) for m, s in self.moments.items()}

    @cached_property
    def scales(self) -> dict[Modality, FloatArray]:
        """Modality -> float32 [dim] each row is multiplied by after the shift."""
        if self.spec.centring != "standard":
            return {m: np.ones(len(s.mean), dtype=np.float32) for m, s in self.moments.items()}
        return {m: _inverse_deviation(s) for m, s in self.moments.items()}


def fuse(features: Features, stats: FusionStats) -> tuple[FloatArray, BoolArray]:
    """Fuse n shots: (fused float32 [n, stats.spec.dim], present bool [n, M]), M as in stats.spec.dims.

    A fused row is unit-norm if any of its flags is true and exactly zero if none is. A block that is flagged present
    but has no direction (all zeros, or exactly the training mean) counts as missing.
    Raises MismatchError if a modality is lacking or has another size, ImportDataError if a number is not finite.
    """
    fused = np.empty((len(features), stats.spec.dim), dtype=np.float32)
    present = np.empty((len(features), len(stats.spec.dims)), dtype=np.bool_)
    for start in range(0, max(len(features), 1), _ROWS_AT_ONCE):
        part = slice(start, start + _ROWS_AT_ONCE)
        _fuse_part(features, stats, part, fused[part], present[part])
    return fused, present


def _fuse_part(features: Features, stats: FusionStats, part: slice, fused: FloatArray, present: BoolArray) -> None:
    blocks = [_block(features, stats, m, part) for m in stats.spec.dims]
    np.stack([flags for _, _, flags in blocks], axis=1, out=present)
    share = 1 / np.sqrt(np.maximum(present.sum(axis=1), 1), dtype=np.float32)
    start = 0
    for rows, norms, flags in blocks:
        np.multiply(rows, _inverse(norms, flags) * share[:, None], out=fused[:, start : start + rows.shape[1]])
        start += rows.shape[1]


def _block(
    features: Features, stats: FusionStats, modality: Modality, part: slice
) -> tuple[FloatArray, FloatArray, BoolArray]:
    """A modality's rows, centred but not scaled, float32 [n, dim]; their norms [n]; which of them count [n]."""
    with np.errstate(over="ignore"):  # what is too large for float32 is told below
        rows = _rows(features, stats.spec, modality)[part].astype(np.float32)
    flagged = np.asarray(features.present[modality][part], dtype=np.bool_)
    if not flagged.all():
        rows[~flagged] = 0
    if stats.spec.centring == "mean":
        norms = _norms(rows, modality)
        rows *= _inverse(norms, norms > _TINY)
    if stats.spec.centring != "none":
        rows -= stats.shifts[modality]
    if stats.spec.centring == "standard":
        rows *= stats.scales[modality]
    norms = _norms(rows, modality)
    return rows, norms, flagged & (norms > _TINY)


def _norms(rows: FloatArray, modality: Modality) -> FloatArray:
    with np.errstate(over="ignore", invalid="ignore"):
        norms = np.sqrt(np.vecdot(rows, rows))
    if not np.isfinite(norms).all():
        raise _not_finite(modality)
    return norms


def _inverse(norms: FloatArray, where: BoolArray) -> FloatArray:
    """1 / norm, 0 elsewhere; [n, 1]."""
    return np.where(where, 1.0 / np.where(where, norms, 1.0), 0.0).astype(np.float32)[:, None]


def _rows(features: Features, spec: FusionSpec, modality: Modality) -> NDArray[Any]:
    """The modality's vectors, their size checked."""
    if modality not in features.vectors or features.vectors[modality].shape[1] != spec.dims[modality]:
        raise MismatchError(
            f"Features of sizes {features.dims} cannot be fused as {dict(spec.dims)}.",
            "They come from other encoders: use the preset that the checkpoint or catalog was made with.",
        )
    return features.vectors[modality]


def fitting_centring(features: Iterable[Features]) -> Literal["none", "standard"]:
    """Fusion as published ("none") for features of unit norm; imported ones of raw scale are standardised first."""
    for part in features:
        for modality, vectors in part.vectors.items():
            norms = np.linalg.norm(np.asarray(vectors, dtype=np.float32)[part.present[modality]], axis=1)
            if (np.abs(norms - 1) > _UNIT_NORM_TOLERANCE).any():
                return "standard"
    return "none"


def unit_rows(rows: NDArray[Any]) -> NDArray[Any]:
    """Rows [n, d] at unit norm, in the type they came in; a zero row stays zero."""
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(norms > _TINY, norms, 1.0)


def _inverse_deviation(moments: _Moments) -> FloatArray:
    deviation = np.sqrt(moments.squares / max(moments.count, 1))
    varies = deviation > np.maximum(_CONSTANT * np.abs(moments.mean), _TINY)
    return np.where(varies, 1.0 / np.where(varies, deviation, 1.0), 0.0).astype(np.float32)


def _not_finite(modality: Modality) -> ImportDataError:
    return ImportDataError(
        f"The {modality} features hold a number that is not finite or too large.", "Correct them and import them again."
    )
