"""Search by example: everything in the catalog compared with it by cosine, exactly, in one pass.

A catalog's own features are standardised over the catalog first, so that no encoder's common direction makes all shots
look alike.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mediafm.errors import UsageError
from mediafm.fusion import FusionSpec, FusionStats, fuse
from mediafm.search.example import Example, example_weights
from mediafm.search.ranking import Hit, Ranking, Unit
from mediafm.types import FloatArray

if TYPE_CHECKING:
    from mediafm.catalog import Catalog

CONCAT = "concat"


def search_like(catalog: "Catalog", example: Example, unit: Unit, k: int, features: str | None) -> list[Hit]:
    """The k units most like the example, which is never found itself; `features` as in `search`."""
    weights = example_weights(catalog, example)
    name = _features_to_compare(catalog, features)
    vectors = _Vectors(catalog, name)
    ((_, shots, whole),) = vectors.of([example.title])
    by_title = unit == "title" and (weights > 0).all()
    wanted = whole if by_title else weights @ shots
    if not np.linalg.norm(wanted) > 0:
        raise UsageError(
            f"The example in title {example.title!r} has no {name} to compare by.", "Choose another span or --features."
        )
    wanted = (wanted / np.linalg.norm(wanted)).astype(np.float32)
    ranking = Ranking()
    for title, shots, whole in vectors.of(None):
        scores = np.full(len(shots), cosines(whole[None], wanted)[0]) if by_title else cosines(shots, wanted)
        if title == example.title:
            scores = np.where((weights > 0) | (unit == "title"), -np.inf, scores)
        ranking.add(title, scores)
    return ranking.hits(catalog, unit, k)


def _features_to_compare(catalog: "Catalog", features: str | None) -> str:
    sets = catalog.embedding_sets()
    names = [spec.name for spec in sets]
    known = [*names, *catalog.spec.encoders, CONCAT]
    if features is not None and features not in known:
        raise UsageError(f"The catalog has no features {features!r}.", f"It has {', '.join(known)}.")
    if features is not None:
        return features
    in_context = [spec.name for spec in sets if spec.context != "none"]
    if len(in_context) > 1:
        raise UsageError(
            f"The catalog has {len(in_context)} embedding sets with context.",
            f"Say which to compare by: {', '.join(in_context)}.",
        )
    return in_context[0] if in_context else CONCAT


class _Vectors:
    """Vectors of shots and titles under a name, read title by title; features are standardised over the catalog."""

    def __init__(self, catalog: "Catalog", name: str) -> None:
        self.catalog, self.name = catalog, name
        self.stats: FusionStats | None = None
        if name == CONCAT or name in catalog.spec.encoders:
            dims = {m: dim for m, dim in catalog.spec.dims.items() if name in (CONCAT, m)}
            spec = FusionSpec(dims, centring="standard")
            self.stats = FusionStats.fit((features for _, features in catalog.iter_features()), spec)

    def of(self, titles: list[str] | None) -> Iterator[tuple[str, FloatArray, FloatArray]]:
        """(title id, shots [n, d], title [d]); None: of all titles."""
        if self.stats is None:
            yield from self.catalog.iter_embeddings(self.name, titles or self._covered())
            return
        for title, features in self.catalog.iter_features(titles):
            shots, _ = fuse(features, self.stats)
            yield title, shots, shots.mean(axis=0)

    def _covered(self) -> list[str] | None:
        """All titles but those that have gone on since they were embedded; None where there is none of these."""
        live = {record.title_id for record in self.catalog.titles() if record.live}
        left_out = live & set(self.catalog.missing_embeddings(self.name)) if live else set()
        return [t for t in self.catalog.title_ids() if t not in left_out] if left_out else None


def cosines(rows: NDArray[Any], wanted: FloatArray) -> FloatArray:
    """Cosine of each row with a unit vector, float32 [n]; -inf for a row of zeros, which has nothing to compare."""
    rows = np.asarray(rows, dtype=np.float32)
    norms = np.linalg.norm(rows, axis=1)
    cosines = (rows @ wanted) / np.where(norms > 0, norms, 1)
    return np.where(norms > 0, cosines, -np.inf).astype(np.float32)
