"""One vector a title: of an embedding set its own, of features the mean of its shots, or its metadata."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mediafm.errors import CatalogError, UsageError
from mediafm.fusion import FusionSpec, FusionStats, fuse, unit_rows
from mediafm.types import FloatArray

if TYPE_CHECKING:
    from mediafm.catalog import Catalog

METADATA, CONCAT = "metadata", "concat"
MOST_AXES = 256  # a map to tastes learns no more directions than that


@dataclass(frozen=True)
class TitleVectors:
    """unit: centred unit rows [T, D], compared by cosine; zeros where the title has none (known [T] is False)."""

    name: str
    unit: FloatArray
    known: NDArray[np.bool_]

    def axes(self) -> NDArray[np.float64]:
        """The same rows in their strongest directions, [T, at most MOST_AXES]: what a map is learned on."""
        rows = self.unit.astype(np.float64)
        _, turn = np.linalg.eigh(rows.T @ rows) if len(rows) >= rows.shape[1] else (None, _right(rows))
        return np.asarray(rows @ turn[:, ::-1][:, :MOST_AXES])


def default_names(catalog: "Catalog") -> list[str]:
    """Metadata where there is any, each modality, all of them, and every embedding set that covers all titles."""
    sets = [spec.name for spec in catalog.embedding_sets() if not catalog.missing_embeddings(spec.name)]
    modalities = list(catalog.spec.encoders)
    told = [METADATA] if _has_metadata(catalog) else []
    return [*told, *(modalities if len(modalities) > 1 else []), CONCAT, *sets]


def title_vectors(catalog: "Catalog", name: str) -> TitleVectors:
    """Vectors of all titles in id order. UsageError for a name that the catalog does not have, CatalogError where it
    holds fewer than two titles, or no title has anything under the name."""
    titles = catalog.title_ids()
    if len(titles) < 2:
        raise CatalogError(
            f"The catalog {catalog.uri} holds {len(titles)} title{'s' * (len(titles) != 1)}: there is nothing to "
            "compare.",
            "Add titles with `mediafm ingest` or `mediafm import`.",
        )
    sets = {spec.name: spec for spec in catalog.embedding_sets()}
    known_names = [METADATA, *catalog.spec.encoders, CONCAT, *sets]
    if name not in known_names:
        raise UsageError(f"The catalog has no features {name!r}.", f"It has {', '.join(known_names)}.")
    if name == METADATA:
        rows, known = _told(catalog, titles)
    elif name in sets:
        rows = np.stack([whole for _, _, whole in catalog.iter_embeddings(name, titles)]).astype(np.float32)
        known = np.abs(rows).max(axis=1) > 0
    else:
        rows, known = _means(catalog, name, titles)
    if not known.any():
        raise CatalogError(f"No title of {catalog.uri} has {name}.", "Choose other --features.")
    centred = (rows - rows[known].mean(axis=0)) * known[:, None]
    return TitleVectors(name, unit_rows(centred).astype(np.float32), known)


def _means(catalog: "Catalog", name: str, titles: list[str]) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Mean over each title's shots that have the modality, standardised over the catalog."""
    dims = {m: dim for m, dim in catalog.spec.dims.items() if name in (CONCAT, m)}
    spec = FusionSpec(dims, centring="standard")
    stats = FusionStats.fit((features for _, features in catalog.iter_features()), spec)
    rows, known = np.zeros((len(titles), spec.dim), np.float32), np.zeros(len(titles), dtype=bool)
    for number, (_, features) in enumerate(catalog.iter_features(titles)):
        shots, present = fuse(features, stats)
        there = present.any(axis=1)
        if there.any():
            rows[number], known[number] = shots[there].mean(axis=0), True
    return rows, known


def _told(catalog: "Catalog", titles: list[str]) -> tuple[FloatArray, NDArray[np.bool_]]:
    told = [catalog.global_vector(title) for title in titles]
    size = catalog.spec.dims.get("text", 1)
    known = np.array([vector is not None for vector in told])
    rows = np.stack([np.zeros(size, np.float32) if vector is None else vector for vector in told])
    return rows.astype(np.float32), known


def _has_metadata(catalog: "Catalog") -> bool:
    return any(catalog.global_vector(title) is not None for title in catalog.title_ids()[:20])


def _right(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Right singular vectors as columns, strongest last, as eigh has them."""
    return np.asarray(np.linalg.svd(rows, full_matrices=False)[2].T[:, ::-1])
