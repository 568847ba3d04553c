"""The one copy of the features, read a few rows at a time, and how each fold would standardise it.

No fold gets a copy. A chunk of rows is gathered, moved by one offset that all folds share (`shift`, so that what is
left is small and single precision keeps its digits), and multiplied; what a fold's own mean and scale change is put
into its weights before the product and into its gradient after it.

N rows, D features, F folds, n rows of a chunk.
"""

# ruff: noqa: N815 (fields carry their shapes)

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mediafm.errors import UsageError
from mediafm.types import BoolArray

CONSTANT = 1e-6  # a column whose deviation is this small a part of its mean tells rows apart by rounding only
NOTHING = 1e-15  # a deviation below this is rounding of zeros, and its square no number of single precision
SHIFT_ROWS = 255  # rows that the shared offset is the median of
CHUNK_ENTRIES = {"cpu": 2**20, "cuda": 2**25}  # of a chunk of features: on a CPU it stays in the cache between products
SMALL_PATTERN = 64  # rows taught to the same folds that are worth products of their own
PANEL = 1024  # columns of a Gram matrix that are made at once


class Rows:
    """Features [N, D] on their device, raw as given, and the rows that each fold may see (bool [F, N]).

    double: single precision features are read in double precision, chunk by chunk.
    """

    def __init__(self, features: NDArray[Any], teaches_FN: BoolArray, device: str, double: bool = False) -> None:
        if device.split(":")[0] not in CHUNK_ENTRIES or (device != "cpu" and not torch.cuda.is_available()):
            raise UsageError(f"There is no device {device!r} to fit probes on.", "Use cpu, or cuda where there is one.")
        kind = np.float64 if features.dtype == np.float64 else np.float32
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # torch warns of arrays that it must not write: it does not
            self.features_ND = torch.from_numpy(np.asarray(features, dtype=kind)).to(device)
        self.teaches_FN = teaches_FN
        self.taught = np.flatnonzero(teaches_FN.any(axis=0))
        self.device, self.kind = self.features_ND.device, torch.float64 if double else self.features_ND.dtype
        self.width = self.features_ND.shape[1]
        self.chunk = max(CHUNK_ENTRIES[self.device.type] // max(self.width, 1), 32)
        sample = np.unique(np.linspace(0, len(self.taught) - 1, SHIFT_ROWS).astype(np.int64))
        self.shift_D = self.features_ND[self._index(self.taught[sample])].median(dim=0).values.to(self.kind)
        self._buffer_nD = torch.empty(self.chunk, self.width, dtype=self.kind, device=self.device)

    def _index(self, rows: NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(rows).to(self.device)

    def cut(self, rows: NDArray[np.int64]) -> list["Chunk"]:
        """The rows in chunks that `read` takes."""
        pieces = np.array_split(rows, max(-(-len(rows) // self.chunk), 1))
        return [Chunk(piece, self._index(piece)) for piece in pieces if len(piece)]

    def read(self, chunk: "Chunk") -> Tensor:
        """Features of a chunk less `shift_D`, [n, D], until the next call."""
        view_nD = self._buffer_nD[: len(chunk.rows)]
        if chunk.adjoining:
            first = int(chunk.rows[0])
            return torch.sub(self.features_ND[first : first + len(chunk.rows)], self.shift_D, out=view_nD)
        if self.kind == self.features_ND.dtype:
            torch.index_select(self.features_ND, 0, chunk.index, out=view_nD)
        else:
            view_nD.copy_(self.features_ND[chunk.index])
        return view_nD.sub_(self.shift_D)


class Chunk:
    """Row numbers, on the host and on the device. adjoining: they follow one another, so nothing need be gathered."""

    def __init__(self, rows: NDArray[np.int64], index: Tensor) -> None:
        self.rows, self.index = rows, index
        self.adjoining = bool((np.diff(rows) == 1).all())


@dataclass(frozen=True)
class Moments:
    """Of each fold's taught rows. count [F]; offset [F, D]: mean less `Rows.shift_D`; scale [F, D]. All float64."""

    count_F: Tensor
    offset_FD: Tensor
    scale_FD: Tensor


def moments(rows: Rows, teaches_FN: BoolArray) -> Moments:
    """Mean and deviation of every column, fold by fold, in double precision and one pass.

    Raises UsageError if a feature of a taught row is not finite.
    """
    sums_FD = torch.zeros(len(teaches_FN), rows.width, dtype=torch.float64, device=rows.device)
    squares_FD = torch.zeros_like(sums_FD)
    for chunk in rows.cut(rows.taught):
        features_nD = rows.read(chunk).double()
        teaches_Fn = torch.from_numpy(teaches_FN[:, chunk.rows]).to(features_nD)
        sums_FD += teaches_Fn @ features_nD
        squares_FD += teaches_Fn @ features_nD.square_()
    wrong = torch.nonzero(~squares_FD.isfinite().all(dim=0))
    if len(wrong):
        raise UsageError(f"Feature column {int(wrong[0])} holds values that are not finite.", "Leave such rows out.")
    count_F = torch.from_numpy(teaches_FN.sum(axis=1)).to(sums_FD).clamp(min=1)
    offset_FD = sums_FD / count_F[:, None]
    scale_FD = (squares_FD / count_F[:, None] - offset_FD.square()).clamp(min=0).sqrt()
    mean_FD = offset_FD + rows.shift_D
    # Beside the mean, the offset counts as well: a column that is constant in this fold only has lost its digits to it.
    constant_FD = scale_FD <= CONSTANT * torch.maximum(mean_FD.abs(), offset_FD.abs())
    scale_FD[constant_FD | (scale_FD < NOTHING)] = 1.0
    return Moments(count_F, offset_FD, scale_FD)


def gram(rows: Rows, which: NDArray[np.int64], kind: torch.dtype, groups: NDArray[np.int64] | None = None) -> Tensor:
    """Sum of x xᵀ over these rows, less the shift, or less their group's mean (then rows come sorted by group), [D, D],
    in the precision `kind`."""
    total_DD = torch.zeros(rows.width, rows.width, dtype=kind, device=rows.device)
    for chunk in rows.cut(which):
        features_nD = rows.read(chunk)
        if groups is not None:
            features_nD = less_group_mean(features_nD, groups[chunk.rows])
        features_nD = features_nD.to(kind)
        for left in range(0, rows.width, PANEL):  # nothing below the diagonal blocks is computed
            panel = slice(left, left + PANEL)
            total_DD[panel, left:].addmm_(features_nD[:, panel].T, features_nD[:, left:])
    return total_DD.triu() + total_DD.triu(1).T


def less_group_mean(features_nD: Tensor, groups: NDArray[np.int64]) -> Tensor:
    """Rows less the mean of those of their group that are among them, [n, D]."""
    _, inverse, counts = np.unique(groups, return_inverse=True, return_counts=True)
    index = torch.from_numpy(inverse.reshape(-1)).to(features_nD.device)
    means_GD = torch.zeros(len(counts), features_nD.shape[1], dtype=features_nD.dtype, device=features_nD.device)
    means_GD.index_add_(0, index, features_nD)
    means_GD /= torch.from_numpy(counts).to(means_GD)[:, None]
    return features_nD.sub_(means_GD[index])


def patterns(teaches_FN: BoolArray, groups: NDArray[np.int64] | None = None) -> Iterator[tuple[NDArray[np.int64], Any]]:
    """Rows that teach the same folds, and those folds' numbers: what one product can serve together.

    In k-fold validation there are k such patterns. Where patterns hold few rows (many unrelated folds), or cut through
    a group, their rows come fold by fold instead, once for each fold that they teach. Rows come sorted by group.
    """
    order = np.arange(teaches_FN.shape[1]) if groups is None else np.argsort(groups, kind="stable")
    packed = np.packbits(teaches_FN[:, order], axis=0).T
    _, first, kind, count = np.unique(packed, axis=0, return_index=True, return_inverse=True, return_counts=True)
    kind = kind.reshape(-1)
    mixed = count[kind] < SMALL_PATTERN
    if groups is not None:
        _, group, size = np.unique(groups[order], return_inverse=True, return_counts=True)
        starts = np.cumsum(size) - size
        parted = (np.minimum.reduceat(kind, starts) != np.maximum.reduceat(kind, starts)) | np.logical_or.reduceat(
            mixed, starts
        )
        mixed = parted[group.reshape(-1)]
    for number, example in enumerate(first):
        folds, rows = np.flatnonzero(teaches_FN[:, order[example]]), order[(kind == number) & ~mixed]
        if len(folds) and len(rows):
            yield rows, folds
    for fold in range(len(teaches_FN)):
        rows = order[mixed & teaches_FN[fold, order]]
        if len(rows):
            yield rows, np.array([fold])
