"""The plainest index: every shot's vector under a name, in memory, compared with a product of matrices."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mediafm.errors import UsageError
from mediafm.fusion import FusionSpec, FusionStats, fuse, unit_rows
from mediafm.progress import SILENT, Progress
from mediafm.types import BoolArray, Features, FloatArray, Modality

if TYPE_CHECKING:
    from mediafm.catalog import Catalog

CONCAT = "concat"


class VectorIndex:
    """Unit rows of all shots under one name, in id order; a zero row has nothing to compare."""

    def __init__(self, name: str, fingerprint: str, rows: dict[str, FloatArray], stats: FusionStats | None) -> None:
        self.name, self.fingerprint, self._stats = name, fingerprint, stats
        self.titles = list(rows)
        self.starts: NDArray[np.int64] = np.cumsum([0, *(len(r) for r in rows.values())], dtype=np.int64)
        self._rows_ND: FloatArray = np.concatenate(list(rows.values())).astype(np.float32)
        self._absent_N = ~self._rows_ND.any(axis=1)
        self.dim = int(self._rows_ND.shape[1])

    def __len__(self) -> int:
        return len(self._rows_ND)

    def encode(self, shots_nD: NDArray[Any]) -> FloatArray:
        """Raw vectors of this name as the index compares them: standardised features, unit rows."""
        shots_nD = np.asarray(shots_nD, dtype=np.float32)
        if self._stats is None or self.name == CONCAT:
            return np.asarray(unit_rows(shots_nD), dtype=np.float32)
        modality: Modality = self.name  # type: ignore[assignment]
        features = Features({modality: shots_nD}, {modality: np.asarray(shots_nD.any(axis=1))})
        return fuse(features, self._stats)[0]

    def rows(self, first: int, end: int) -> FloatArray:
        """Rows [first, end), float32."""
        return self._rows_ND[first:end]

    def scores(self, query_D: FloatArray) -> FloatArray:
        """Cosine with every row, float32 [N]; -inf for absent rows."""
        scores_N = self._rows_ND @ np.asarray(unit_rows(query_D[None])[0], dtype=np.float32)
        return np.where(self._absent_N, -np.inf, scores_N).astype(np.float32)

    def nearest(
        self, queries_QD: FloatArray, k: int, allowed: BoolArray | None = None
    ) -> tuple[FloatArray, NDArray[np.int64]]:
        """Scores [Q, k] and rows [Q, k], best first; -inf and -1 where there are fewer."""
        scores_Qk = np.full((len(queries_QD), k), -np.inf, dtype=np.float32)
        rows_Qk = np.full((len(queries_QD), k), -1, dtype=np.int64)
        for q, query_D in enumerate(queries_QD):
            scores_N = self.scores(query_D)
            if allowed is not None:
                scores_N[~allowed] = -np.inf
            best = np.argsort(-scores_N, kind="stable")[:k]
            best = best[np.isfinite(scores_N[best])]
            scores_Qk[q, : len(best)], rows_Qk[q, : len(best)] = scores_N[best], best
        return scores_Qk, rows_Qk


def open_index(catalog: "Catalog", name: str, progress: Progress = SILENT) -> VectorIndex:
    """The index of an embedding set, a modality or `concat`; UsageError where the catalog has none of that name."""
    if name == CONCAT or name in catalog.spec.encoders:
        dims = {m: dim for m, dim in catalog.spec.dims.items() if name in (CONCAT, m)}
        spec = FusionSpec(dims, centring="standard")
        stats = FusionStats.fit((features for _, features in catalog.iter_features()), spec)
        rows = {title: fuse(features, stats)[0] for title, features in catalog.iter_features()}
        return VectorIndex(name, ",".join(catalog.spec.fingerprints[m] for m in dims), rows, stats)
    prints = {s.name: f"{s.checkpoint_fingerprint}/{s.context}" for s in catalog.embedding_sets()}
    if name not in prints:
        raise UsageError(f"The catalog has no features {name!r}.", f"It has {', '.join([*prints, CONCAT])}.")
    return VectorIndex(name, prints[name], dict(_embedded(catalog, name)), None)


def _embedded(catalog: "Catalog", name: str) -> Iterator[tuple[str, FloatArray]]:
    """Unit rows of every title the set covers; live titles that went on since are left out."""
    live = {record.title_id for record in catalog.titles() if record.live}
    left_out = live & set(catalog.missing_embeddings(name)) if live else set()
    titles = [t for t in catalog.title_ids() if t not in left_out] if left_out else None
    for title, shots_SD, _ in catalog.iter_embeddings(name, titles):
        yield title, np.asarray(unit_rows(np.asarray(shots_SD, dtype=np.float32)), dtype=np.float32)
