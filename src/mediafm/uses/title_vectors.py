"""One vector a title: of an embedding set its own, of features the mean of its shots, or its metadata."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mediafm.catalog.contents import global_vectors
from mediafm.catalog.rows import TitleRows
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


def all_title_vectors(catalog: "Catalog") -> list[TitleVectors]:
    """All there are: metadata, each modality, all of them, and embedding sets that cover all titles.

    What no title has is left out.
    """
    sets = [spec.name for spec in catalog.embedding_sets() if not catalog.missing_embeddings(spec.name)]
    modalities = list(catalog.spec.encoders)
    found = []
    for name in [METADATA, *(modalities if len(modalities) > 1 else []), CONCAT, *sets]:
        vectors = _read(catalog, name, catalog.title_ids())
        if vectors.known.any():
            found.append(vectors)
    return found


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
    sets = [spec.name for spec in catalog.embedding_sets()]
    known_names = [METADATA, *catalog.spec.encoders, CONCAT, *sets]
    if name not in known_names:
        raise UsageError(f"The catalog has no features {name!r}.", f"It has {', '.join(known_names)}.")
    found = _read(catalog, name, titles)
    if not found.known.any():
        raise CatalogError(f"No title of {catalog.uri} has {name}.", "Choose other --features.")
    return found


def _read(catalog: "Catalog", name: str, titles: list[str]) -> TitleVectors:
    if name == METADATA:
        rows, known = _told(catalog, titles)
    elif name in (CONCAT, *catalog.spec.encoders):
        rows, known = _means(catalog, name, titles)
    else:
        rows = np.stack([whole for _, _, whole in catalog.iter_embeddings(name, titles)]).astype(np.float32)
        known = np.abs(rows).max(axis=1) > 0
    several = known.sum() > 2  # around their own mean two titles are always opposites
    centred = (rows - rows[known].mean(axis=0)) * known[:, None] if several else rows
    return TitleVectors(name, unit_rows(centred).astype(np.float32), known)


def _means(catalog: "Catalog", name: str, titles: list[str]) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Mean over each title's shots that have the modality, standardised over the catalog."""
    dims = {m: dim for m, dim in catalog.spec.dims.items() if name in (CONCAT, m)}
    spec = FusionSpec(dims, centring="standard")
    stats = FusionStats.of_part((features for _, features in catalog.iter_features()), spec)
    rows, known = np.zeros((len(titles), spec.dim), np.float32), np.zeros(len(titles), dtype=bool)
    for number, (_, features) in enumerate(catalog.iter_features(titles)):
        shots, present = fuse(features, stats)
        there = present.any(axis=1)
        if there.any():
            rows[number], known[number] = shots[there].mean(axis=0), True
    return rows, known


def _told(catalog: "Catalog", titles: list[str]) -> tuple[FloatArray, NDArray[np.bool_]]:
    records = catalog.titles()
    told = global_vectors(TitleRows(catalog.store), catalog.spec, records)  # one scan, not one a title
    of_title = {record.title_id: told.get((record.title_id, record.revision)) for record in records}
    rows = np.zeros((len(titles), catalog.spec.dims.get("text", 1)), np.float32)
    for number, title in enumerate(titles):
        if (vector := of_title.get(title)) is not None:
            rows[number] = vector
    return rows, np.abs(rows).max(axis=1) > 0


def _right(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Right singular vectors as columns, strongest last, as eigh has them."""
    return np.asarray(np.linalg.svd(rows, full_matrices=False)[2].T[:, ::-1])
