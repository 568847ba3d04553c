"""The index of all shots' vectors under one name of a catalog, and the nearest rows of it, exactly."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mediafm.errors import CatalogError, UsageError
from mediafm.fusion import FusionStats
from mediafm.index.building import ensure_built, load_stats
from mediafm.index.layout import DTYPES, ROWS, Manifest
from mediafm.index.source import Source, as_compared
from mediafm.progress import SILENT, Progress
from mediafm.sequences.mapping import MappedArrays
from mediafm.types import BoolArray, FloatArray

if TYPE_CHECKING:
    from mediafm.catalog import Catalog

_ATTEMPTS = 3
_ROWS_AT_ONCE = 4096


class VectorIndex:
    """One row a shot, of unit length; a row of zeros for a shot that has nothing under this name.

    titles: ids in order. starts: int64 [titles + 1], rows `starts[i]:starts[i + 1]` are the shots of `titles[i]` in
    order. fingerprint: what made the vectors; those of different fingerprints are never compared.
    """

    def __init__(self, folder: Path, manifest: Manifest, stats: FusionStats | None) -> None:
        self._arrays = MappedArrays(folder, DTYPES, manifest.shapes)
        self._stats = stats
        self.titles = [key[0] for key in manifest.keys]
        self.starts: NDArray[np.int64] = manifest.starts
        self.name, self.dim, self.fingerprint = manifest.name, manifest.dim, manifest.fingerprint

    def __len__(self) -> int:
        return int(self.starts[-1])

    def encode(self, shots_nD: NDArray[Any]) -> FloatArray:
        """Raw vectors of this name as the index compares them, unit rows float32 [n, dim]; zero rows stay zero."""
        return as_compared(shots_nD, self.name, self.dim, self._stats)

    def rows(self, first: int, end: int) -> FloatArray:
        """Rows first to end, float32 [end - first, dim]."""
        self._arrays.touch(max(end - first, 0) * self.dim * 2)
        return self._arrays[ROWS][first:end].astype(np.float32)

    def scores(self, query_D: NDArray[Any]) -> FloatArray:
        """Cosine of a query with every row, float32 [N]; -inf for absent rows."""
        query = self._queries(query_D)[0]
        scores = np.empty(len(self), np.float32)
        for start in range(0, len(self), _ROWS_AT_ONCE):
            rows = self.rows(start, start + _ROWS_AT_ONCE)
            scores[start : start + len(rows)] = np.where(rows.any(axis=1), rows @ query, -np.inf)
        return scores

    def nearest(
        self, queries_QD: NDArray[Any], k: int, allowed: BoolArray | None = None
    ) -> tuple[FloatArray, NDArray[np.int64]]:
        """The k rows of the largest cosine with each query, best first, ties in order of rows.

        allowed: bool [N], rows that may be found. Returns scores [Q, k] and rows [Q, k]; -inf and -1 where there are
        fewer.
        """
        queries = self._queries(queries_QD)
        found = np.full((len(queries), k), -np.inf, np.float32), np.full((len(queries), k), -1, np.int64)
        for i, query in enumerate(queries):
            scores = self.scores(query)
            if allowed is not None:
                scores[~allowed] = -np.inf
            best = np.argsort(-scores, kind="stable")[:k]
            best = best[np.isfinite(scores[best])]
            found[0][i, : len(best)], found[1][i, : len(best)] = scores[best], best
        return found

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


def open_index(catalog: "Catalog", name: str, progress: Progress = SILENT) -> VectorIndex:
    """The index of the vectors under a name as the catalog holds them now; built first where it is missing or stale.

    name: an embedding set, a modality or `concat`. It lies in the cache folder and is written title by title; another
    process that is building it is waited for. UsageError for a name the catalog does not know, CatalogError where an
    embedding set does not cover a title, where the catalog is empty, or where the cache cannot be written.
    """
    source = Source(catalog, name)
    failure: OSError | None = None
    for _ in range(_ATTEMPTS):
        folder, manifest = ensure_built(source, progress)
        try:
            return VectorIndex(folder, manifest, load_stats(folder, manifest))
        except OSError as error:  # a newer version may have taken its place just now
            failure = error
    raise CatalogError(
        f"The vector index {folder} cannot be read: {failure}.",
        "Delete this folder, or set MEDIAFM_CACHE to another place; it is built anew from the catalog.",
    ) from failure
