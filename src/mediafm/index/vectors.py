"""The simplest index: in memory, made anew each time it is opened."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mediafm.errors import UsageError
from mediafm.fusion import FusionSpec, FusionStats, fuse, unit_rows
from mediafm.progress import SILENT, Progress
from mediafm.types import BoolArray, FloatArray

if TYPE_CHECKING:
    from mediafm.catalog import Catalog

CONCAT = "concat"


class VectorIndex:
    """Unit rows, a zero row where a shot has nothing under the name; rows starts[i]:starts[i + 1] are titles[i]'s."""

    def __init__(self, name: str, fingerprint: str, stats: FusionStats | None, parts: dict[str, FloatArray]) -> None:
        self.name, self.fingerprint, self._stats = name, fingerprint, stats
        self.titles = list(parts)
        self.starts: NDArray[np.int64] = np.cumsum([0, *(len(part) for part in parts.values())])
        held = [unit_rows(np.asarray(part, dtype=np.float32)) for part in parts.values()]
        self._rows: FloatArray = np.concatenate(held) if held else np.zeros((0, 0), np.float32)
        self.dim = int(self._rows.shape[1])

    def __len__(self) -> int:
        return len(self._rows)

    def encode(self, shots_nD: FloatArray) -> FloatArray:
        """Raw vectors of this name as the index compares them."""
        rows = np.asarray(shots_nD, dtype=np.float32)
        if self._stats is not None and self.name != CONCAT:
            (modality,) = self._stats.spec.dims
            rows = (rows - self._stats.shifts[modality]) * self._stats.scales[modality]
        return np.asarray(unit_rows(rows))

    def rows(self, first: int, end: int) -> FloatArray:
        """float32 [end - first, dim]."""
        return self._rows[first:end]

    def scores(self, query_D: FloatArray) -> FloatArray:
        """Cosine with every row, float32 [N]; -inf for absent rows."""
        return np.where(self._rows.any(axis=1), self._rows @ query_D, -np.inf).astype(np.float32)

    def nearest(
        self, queries_QD: FloatArray, k: int, allowed: BoolArray | None = None
    ) -> tuple[FloatArray, NDArray[np.int64]]:
        """Scores [Q, k] and rows [Q, k], best first; -inf and -1 where there are fewer."""
        scores = np.full((len(queries_QD), k), -np.inf, dtype=np.float32)
        rows = np.full((len(queries_QD), k), -1, dtype=np.int64)
        for number, query in enumerate(queries_QD):
            found = self.scores(query)
            found = found if allowed is None else np.where(allowed, found, -np.inf)
            order = np.argsort(-found, kind="stable")[:k]
            order = order[np.isfinite(found[order])]
            scores[number, : len(order)], rows[number, : len(order)] = found[order], order
        return scores, rows


def open_index(catalog: "Catalog", name: str, progress: Progress = SILENT) -> VectorIndex:
    """The index of an embedding set, a modality or "concat"; UsageError for another name."""
    sets = {spec.name: spec.checkpoint_fingerprint for spec in catalog.embedding_sets()}
    if name in sets:
        parts = {title: shots for title, shots, _ in catalog.iter_embeddings(name)}
        return VectorIndex(name, sets[name], None, parts)
    dims = {m: dim for m, dim in catalog.spec.dims.items() if name in (CONCAT, m)}
    if not dims:
        known = ", ".join([*sets, *catalog.spec.encoders, CONCAT])
        raise UsageError(f"The catalog has no features {name!r}.", f"It has {known}.")
    stats = FusionStats.fit((f for _, f in catalog.iter_features()), FusionSpec(dims, centring="standard"))
    parts = dict(_fused(catalog, stats))
    mark = "+".join(str(catalog.spec.fingerprints[m]) for m in dims)
    return VectorIndex(name, mark, stats, parts)


def _fused(catalog: "Catalog", stats: FusionStats) -> Iterator[tuple[str, FloatArray]]:
    for title, features in catalog.iter_features():
        yield title, fuse(features, stats)[0]
