"""Embedding sets: context embeddings of one checkpoint, bound to the features they were computed from.

Each set has a table of its own, entered in the registry `embedding_sets` last. A row carries the revision of the title
it was computed from, so embeddings of a title that was written anew since are not found: they are missing, not wrong.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from mediafm.catalog.clock import now
from mediafm.catalog.records import EmbeddingSetSpec, TitleRecord
from mediafm.catalog.rows import TitleRows
from mediafm.catalog.store import quote
from mediafm.catalog.tables import (
    EMBEDDING_SETS,
    EMBEDDING_SETS_SCHEMA,
    column_vectors,
    embeddings_schema,
    embeddings_table_name,
    embeddings_to_rows,
)
from mediafm.errors import CatalogError, MismatchError, UsageError
from mediafm.types import FloatArray


class EmbeddingSets:
    """The embedding sets of one store."""

    def __init__(self, rows: TitleRows) -> None:
        self._rows = rows
        self._store = rows.store

    def specs(self) -> list[EmbeddingSetSpec]:
        """All sets in order of their names."""
        rows = self._store.scan(EMBEDDING_SETS, columns=["name", "checkpoint_fingerprint", "context", "dim"])
        return sorted((EmbeddingSetSpec(**row) for row in rows.to_pylist()), key=lambda s: s.name)

    def spec(self, name: str) -> EmbeddingSetSpec:
        """One set; CatalogError where there is none of that name."""
        known = {s.name: s for s in self.specs()}
        if name not in known:
            has = f"it has {', '.join(known)}" if known else "it has none"
            raise CatalogError(
                f"The catalog {self._store.uri} has no embedding set {name!r} ({has}).",
                f"Run `mediafm embed --catalog {self._store.uri} --model RUN` first.",
            )
        return known[name]

    def add(self, spec: EmbeddingSetSpec, replace: bool) -> None:
        """Enter an empty set; nothing happens where the same is there already."""
        if not spec.name or spec.dim < 1:
            raise UsageError(f"An embedding set needs a name and a size, not {spec}.", "Give both.")
        stored = {s.name: s for s in self.specs()}.get(spec.name)
        if stored == spec:
            return
        if stored is not None and not replace:
            raise MismatchError(
                f"The embedding set {spec.name!r} in {self._store.uri} was made by {_describe(stored)}; "
                f"asked for is {_describe(spec)}.",
                "Choose another name for the new set, or replace the old one.",
            )
        table = embeddings_table_name(spec.name)
        self._store.delete(EMBEDDING_SETS, f"name = {quote(spec.name)}")
        self._store.create(table, embeddings_schema(spec.dim))
        row = {
            "name": spec.name,
            "table_name": table,
            "checkpoint_fingerprint": spec.checkpoint_fingerprint,
            "context": spec.context,
            "dim": spec.dim,
            "created_at": now(),
        }
        self._store.upsert(EMBEDDING_SETS, pa.Table.from_pylist([row], EMBEDDING_SETS_SCHEMA), "name")

    def write(
        self, name: str, title_id: str, shots: FloatArray, title: FloatArray, revision: int | None, first: int = 0
    ) -> None:
        """Put a title's embeddings, from shot `first` on, in place of those it had in the set."""
        spec, record = self.spec(name), self._rows.record(title_id)
        if revision is not None and revision != record.revision:
            raise MismatchError(
                f"Title {title_id} was written anew since its features were read for embedding "
                f"(revision {revision} then, {record.revision} now).",
                "Run `mediafm embed` again.",
            )
        # A title that is live may have gone on since.
        n_shots = min(first + len(shots), record.n_shots) if record.live else record.n_shots
        wanted = (n_shots - first, spec.dim)
        if np.shape(shots) != wanted or np.shape(title) != (spec.dim,):
            raise CatalogError(
                f"Embeddings of title {title_id} for the set {name!r} have shapes {np.shape(shots)} and "
                f"{np.shape(title)}; the catalog wants {wanted} and ({spec.dim},).",
                "Embed the whole title with the set's own checkpoint.",
            )
        if not (np.isfinite(shots).all() and np.isfinite(title).all()):
            raise CatalogError(
                f"Embeddings of title {title_id} for the set {name!r} are not finite.", "Check the model."
            )
        table = embeddings_table_name(name)
        mine = f"title_id = {quote(title_id)}"
        stay = f" AND NOT (revision = {record.revision} AND shot >= 0 AND shot < {first})" if first else ""
        self._store.delete(table, mine + stay)
        self._store.add(table, embeddings_to_rows(title_id, record.revision, shots, title, first))

    def kept(self, name: str, title_id: str) -> FloatArray:
        """Vectors of the title's first shots, up to the first that is not there."""
        spec, record = self.spec(name), self._rows.record(title_id)
        where = f"title_id = {quote(title_id)} AND revision = {record.revision} AND shot >= 0"
        rows = self._store.scan(embeddings_table_name(name), where, ["shot", "vector"])
        shots, order = np.unique(rows["shot"].to_numpy(), return_index=True)
        n = int((shots == np.arange(len(shots))).cumprod().sum())
        vectors = column_vectors(rows["vector"]) if len(rows) else np.zeros((0, spec.dim), np.float32)
        return vectors[order[: min(n, record.n_shots)]]

    def read(self, name: str, ids: Sequence[str] | None) -> Iterator[tuple[str, FloatArray, FloatArray]]:
        """(title id, shots [n, h], title [h]) in the order of ids (None: all, in id order)."""
        yield from self._read(self.spec(name), self._rows.select(ids))

    def read_one(self, name: str, title_id: str) -> tuple[FloatArray, FloatArray]:
        """(shots [n, h], title [h])."""
        spec, record = self.spec(name), self._rows.record(title_id)
        try:
            ((_, shots, title),) = self._read(spec, [record])
        except CatalogError:
            now = self._rows.record(title_id, fresh=True)
            if now.revision == record.revision:
                raise
            ((_, shots, title),) = self._read(spec, [now])  # it was held, and written anew meanwhile
        return shots, title

    def missing(self, name: str) -> list[str]:
        """Titles without embeddings of their present features, in id order."""
        table = embeddings_table_name(self.spec(name).name)
        return [r.title_id for r, rows in self._rows.scan(table, [], self._rows.records(), more=1) if rows is None]

    def _read(
        self, spec: EmbeddingSetSpec, records: Sequence[TitleRecord]
    ) -> Iterator[tuple[str, FloatArray, FloatArray]]:
        table = embeddings_table_name(spec.name)
        for record, rows in self._rows.scan(table, ["vector"], records, more=1):
            if rows is None:
                raise CatalogError(
                    f"The embedding set {spec.name!r} does not cover title {record.title_id} as it is stored now.",
                    f"Run `mediafm {'migrate' if spec.mapped else 'embed'} --catalog {self._store.uri}` with its "
                    f"{'map' if spec.mapped else 'model'} again.",
                )
            vectors = column_vectors(rows["vector"])  # the title's own is numbered -1 and so comes first
            yield record.title_id, vectors[1:], vectors[0]


def _describe(spec: EmbeddingSetSpec) -> str:
    return f"checkpoint {spec.checkpoint_fingerprint} (context {spec.context}, {spec.dim} wide)"
