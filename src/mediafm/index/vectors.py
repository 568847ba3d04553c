"""The index of all shots' vectors under one name of a catalog, and the nearest rows of it, exactly."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mediafm.errors import CatalogError, UsageError
from mediafm.fusion import FusionStats
from mediafm.index.building import ensure_built, load_stats
from mediafm.index.layout import BOUNDS, CODES, DTYPES, ROWS, Manifest
from mediafm.index.listing import build_lists
from mediafm.index.lists import Lists
from mediafm.index.scan import NO_IDS, Candidates, Codes, exact_best, scan
from mediafm.index.source import Source, as_compared
from mediafm.progress import SILENT, Progress
from mediafm.sequences.mapping import MappedArrays
from mediafm.types import BoolArray, FloatArray

if TYPE_CHECKING:
    from mediafm.catalog import Catalog

# Numbers up to which the full product is taken at once: less than compiling and a scan of codes would cost.
SMALL = 1 << 25
EXACT_UP_TO = 1_000_000  # rows; beyond, lists are looked through
_ATTEMPTS = 3
_ROWS_AT_ONCE = 4096
_QUERIES_AT_ONCE = 16


class VectorIndex:
    """One row a shot, of unit length; a row of zeros for a shot that has nothing under this name.

    titles: ids in order. starts: int64 [titles + 1], rows `starts[i]:starts[i + 1]` are the shots of `titles[i]` in
    order. fingerprint: what made the vectors; those of different fingerprints are never compared.
    """

    def __init__(self, folder: Path, manifest: Manifest, stats: FusionStats | None) -> None:
        shapes = manifest.shapes
        # Codes are gone over at each question and stay; of rows a few are looked at, whose pages may go.
        self._rows = MappedArrays(folder, DTYPES, {ROWS: shapes[ROWS]})
        coded = MappedArrays(folder, DTYPES, {name: shapes[name] for name in (CODES, BOUNDS)})
        self.coded = Codes(coded[CODES], coded[BOUNDS], NO_IDS)
        self.lists: Lists | None = None
        self._stats = stats
        self.keys, self.titles = manifest.keys, [key[0] for key in manifest.keys]
        self.starts: NDArray[np.int64] = manifest.starts
        self.name, self.dim, self.fingerprint = manifest.name, manifest.dim, manifest.fingerprint

    def __len__(self) -> int:
        return int(self.starts[-1])

    @property
    def nbytes(self) -> int:
        """Bytes on disk."""
        own = sum(array.nbytes for array in (self._rows[ROWS], *self.coded[:2]))
        return own + (self.lists.nbytes if self.lists else 0)

    @property
    def standardised(self) -> bool:
        """Whether rows depend on all titles of the catalog."""
        return self._stats is not None

    @property
    def stored(self) -> NDArray[Any]:
        """The rows as they lie on disk, float16 [N, dim]."""
        return self._rows[ROWS]

    def encode(self, shots_nD: NDArray[Any]) -> FloatArray:
        """Raw vectors of this name as the index compares them, unit rows float32 [n, dim]; zero rows stay zero."""
        return as_compared(shots_nD, self.name, self.dim, self._stats)

    def rows(self, first: int, end: int) -> FloatArray:
        """Rows first to end, float32 [end - first, dim]."""
        self._rows.touch(max(end - first, 0) * self.dim * 2)
        return self._rows[ROWS][first:end].astype(np.float32)

    def gather(self, rows: NDArray[np.int64]) -> FloatArray:
        """These rows, float32 [n, dim]."""
        self._rows.touch(len(rows) * self.dim * 2)
        return self._rows[ROWS][rows].astype(np.float32)

    def scores(self, query_D: NDArray[Any]) -> FloatArray:
        """Cosine of a query with every row, float32 [N]; -inf for absent rows."""
        return self._all_scores(self._queries(query_D)[:1])[0]

    def nearest(
        self, queries_QD: NDArray[Any], k: int, allowed: BoolArray | None = None, exact: bool | None = None
    ) -> tuple[FloatArray, NDArray[np.int64]]:
        """The k rows of the largest cosine with each query, best first, ties in order of rows.

        allowed: bool [N], rows that may be found. exact: whether the answer must be that of the full product; None: not
        where the index was opened with lists. Returns float32 scores [Q, k] and rows [Q, k]; -inf and -1 where there
        are fewer. Absent rows are never found, and a query of zeros finds nothing. UsageError for what does not fit.
        """
        queries = self._queries(queries_QD)
        if k < 1:
            raise UsageError(f"k is {k}.", "Ask for one row at least.")
        if allowed is not None:
            allowed = np.ascontiguousarray(allowed, np.bool_)
            if allowed.shape != (len(self),):
                raise UsageError(f"`allowed` has shape {allowed.shape}.", f"Give a flag for each of {len(self)} rows.")
        scores = np.full((len(queries), k), -np.inf, np.float32)
        rows = np.full((len(queries), k), -1, np.int64)
        asked = np.flatnonzero(queries.any(axis=1))
        for i, found in zip(asked, self._candidates(queries[asked], min(k, len(self)), allowed, exact), strict=True):
            best = exact_best(self._rows[ROWS], queries[i], found, k)
            self._rows.touch(len(found.rows) * self.dim * 2)
            scores[i, : len(best.rows)], rows[i, : len(best.rows)] = best.highest, best.rows
        return scores, rows

    def _candidates(
        self, queries: FloatArray, k: int, allowed: BoolArray | None, exact: bool | None
    ) -> Iterator[Candidates]:
        if not len(self):
            yield from (Candidates(np.empty(0, np.int64), np.empty(0, np.float32)) for _ in queries)
        elif self.lists is not None and not exact and self.lists.serves(k, allowed):
            yield from self.lists.candidates(queries, k, allowed)
        elif len(self) * self.dim <= SMALL:
            for start in range(0, len(queries), _QUERIES_AT_ONCE):
                for scores in self._all_scores(queries[start : start + _QUERIES_AT_ONCE]):
                    yield _of_products(scores if allowed is None else np.where(allowed, scores, -np.inf), k, self.dim)
        else:
            yield from scan(self.coded, [(0, len(self))], queries, k, allowed)

    def _all_scores(self, queries_QD: FloatArray) -> FloatArray:
        """[Q, N]"""
        scores = np.empty((len(queries_QD), len(self)), np.float32)
        for start in range(0, len(self), _ROWS_AT_ONCE):
            rows = self.rows(start, start + _ROWS_AT_ONCE)
            absent = self.coded.bounds[start : start + len(rows), 0] == 0
            scores[:, start : start + len(rows)] = np.where(absent, -np.inf, queries_QD @ rows.T)
        return scores

    def _queries(self, queries: NDArray[Any]) -> FloatArray:
        """As unit rows [Q, dim]; UsageError for other shapes and for what is not finite."""
        rows = np.atleast_2d(np.asarray(queries, np.float64))
        if rows.ndim != 2 or rows.shape[1] != self.dim or not np.isfinite(rows).all():
            raise UsageError(
                f"Queries of shape {np.shape(queries)} cannot be compared with {self.name}: rows of {self.dim} finite "
                "numbers are.",
                "Make them with `encode`.",
            )
        norms = np.linalg.norm(rows, axis=1, keepdims=True)
        return (rows / np.where(norms > 0, norms, 1)).astype(np.float32)


def _of_products(scores: FloatArray, k: int, dim: int) -> Candidates:
    """Rows that may be among the k best by their products in float32, [N], with room for how they were summed up."""
    room = np.float32(2 * dim * 2.0**-23 + 1e-6)
    least = max(float(np.partition(scores, len(scores) - k)[len(scores) - k] - 2 * room), -2.0)
    rows = np.flatnonzero(scores >= least)
    rows = rows[np.argsort(-scores[rows], kind="stable")]
    return Candidates(rows, scores[rows] + room)


def open_index(
    catalog: "Catalog",
    name: str,
    progress: Progress = SILENT,
    approximate: bool | None = None,
    partial: bool = False,
    as_encoded: bool = False,
) -> VectorIndex:
    """The index of the vectors under a name as the catalog holds them now; built first where it is missing or stale.

    name: an embedding set, a modality or `concat`. It lies in the cache folder and is written title by title; another
    process that is building it is waited for. approximate: whether `nearest` looks through lists, with the recall that
    `lists.facts` states; None: beyond a million rows. as_encoded: a modality's own vectors, not standardised, for words
    that are compared with them. UsageError for a name the catalog does not know, CatalogError where an embedding set
    does not cover a title (unless partial: then it is left out), where the catalog is empty, or where the cache cannot
    be written.
    """
    source = Source(catalog, name, as_encoded, partial)
    failure: OSError | None = None
    for _ in range(_ATTEMPTS):
        folder, manifest = ensure_built(source, progress)
        try:
            index = VectorIndex(folder, manifest, load_stats(folder, manifest))
            if len(index) > EXACT_UP_TO if approximate is None else approximate:
                beside = folder.parent.with_name(f"{folder.parent.name}.lists")  # where no other version clears it away
                index.lists = build_lists(index, beside / folder.name, manifest.version, progress)
            return index
        except OSError as error:  # a newer version may have taken its place just now
            failure = error
    raise CatalogError(
        f"The vector index {folder} cannot be read: {failure}.",
        "Delete this folder, or set MEDIAFM_CACHE to another place; it is built anew from the catalog.",
    ) from failure
