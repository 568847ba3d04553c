"""The vectors of a catalog's shots under one name, in memory: unit rows, and zeros where a shot has none."""

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mediafm.errors import CatalogError, UsageError
from mediafm.fusion import FusionSpec, FusionStats, fuse, unit_rows
from mediafm.progress import SILENT, Progress
from mediafm.types import BoolArray, Features, FloatArray

if TYPE_CHECKING:
    from mediafm.catalog import Catalog

CONCAT = "concat"


@dataclass(frozen=True)
class VectorIndex:
    """One row a shot, titles in id order: titles[i] has rows starts[i] to starts[i + 1]."""

    titles: list[str]
    starts: NDArray[np.int64]
    name: str
    fingerprint: str
    matrix: FloatArray
    stats: FusionStats | None

    @property
    def dim(self) -> int:
        """Size of a vector."""
        return int(self.matrix.shape[1])

    def __len__(self) -> int:
        return len(self.matrix)

    def encode(self, shots_nD: NDArray[np.float32]) -> FloatArray:
        """Raw vectors of this name as the index compares them: standardised if they are features, unit rows."""
        rows = np.asarray(shots_nD, dtype=np.float32)
        if self.stats is None:
            return unit_rows(rows)
        there = np.ones(len(rows), dtype=bool)
        edges = np.cumsum([0, *self.stats.spec.dims.values()])
        dims = list(self.stats.spec.dims)
        vectors = {m: rows[:, edges[i] : edges[i + 1]] for i, m in enumerate(dims)}
        present = {m: there & (np.abs(block).max(axis=1) > 0) for m, block in vectors.items()}
        return fuse(Features(vectors, present), self.stats)[0]

    def rows(self, first: int, end: int) -> FloatArray:
        """Rows [end - first, dim]."""
        return self.matrix[first:end]

    def scores(self, query_D: FloatArray) -> FloatArray:
        """Cosine with every row, [N]; -inf for absent rows."""
        cosines = self.matrix @ unit_rows(query_D[None])[0].astype(np.float32)
        return np.where(np.abs(self.matrix).max(axis=1) > 0, cosines, -np.inf).astype(np.float32)

    def nearest(
        self, queries_QD: FloatArray, k: int, allowed: BoolArray | None = None
    ) -> tuple[FloatArray, NDArray[np.int64]]:
        """Scores and rows [Q, k] of the nearest, best first; -inf and -1 where there are fewer."""
        scores = np.full((len(queries_QD), k), -np.inf, np.float32)
        rows = np.full((len(queries_QD), k), -1, np.int64)
        for number, query in enumerate(queries_QD):
            all_N = self.scores(query)
            if allowed is not None:
                all_N[~allowed] = -np.inf
            best = np.argsort(-all_N, kind="stable")[:k]
            best = best[np.isfinite(all_N[best])]
            scores[number, : len(best)], rows[number, : len(best)] = all_N[best], best
        return scores, rows


def open_index(catalog: "Catalog", name: str, progress: Progress = SILENT) -> VectorIndex:
    """The index of an embedding set, a modality or `concat`; UsageError for a name the catalog does not have."""
    sets = {spec.name: spec for spec in catalog.embedding_sets()}
    if name in sets:
        if missing := catalog.missing_embeddings(name):
            raise CatalogError(
                f"The embedding set {name!r} does not cover {len(missing)} titles, such as {missing[0]}.",
                f"Run `mediafm embed --catalog {catalog.uri}` with its model again.",
            )
        held = [(title, unit_rows(shots)) for title, shots, _ in catalog.iter_embeddings(name)]
        spec = sets[name]
        return _joined(held, name, f"{spec.checkpoint_fingerprint}:{spec.context}", spec.dim, None)
    if name != CONCAT and name not in catalog.spec.encoders:
        known = [*sets, *catalog.spec.encoders, CONCAT]
        raise UsageError(f"The catalog has no features {name!r}.", f"It has {', '.join(known)}.")
    dims = {m: dim for m, dim in catalog.spec.dims.items() if name in (CONCAT, m)}
    fusion = FusionSpec(dims, centring="standard")
    stats = FusionStats.fit((features for _, features in catalog.iter_features()), fusion)
    held = [(title, fuse(features, stats)[0]) for title, features in catalog.iter_features()]
    made = [[m, catalog.spec.encoders[m].fingerprint] for m in dims]
    parts = [array.tobytes() for _, array in sorted(stats.to_arrays().items())]
    mark = hashlib.sha256(repr(made).encode() + b"".join(parts)).hexdigest()
    return _joined(held, name, f"features:{mark}", fusion.dim, stats)


def _joined(
    held: list[tuple[str, FloatArray]], name: str, fingerprint: str, dim: int, stats: FusionStats | None
) -> VectorIndex:
    starts = np.cumsum([0, *(len(rows) for _, rows in held)]).astype(np.int64)
    matrix = np.concatenate([np.zeros((0, dim), np.float32), *(rows for _, rows in held)])
    return VectorIndex([title for title, _ in held], starts, name, fingerprint, matrix, stats)
