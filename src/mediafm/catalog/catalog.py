"""The catalog: titles, shots, features, keyframes and embeddings in one place; docs/catalog.md says how they lie."""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mediafm.catalog.clip_sets import ClipSets
from mediafm.catalog.contents import Contents, content_version, iter_contents
from mediafm.catalog.embedding_sets import EmbeddingSets
from mediafm.catalog.handles import ClipHandle, TitleHandle
from mediafm.catalog.records import (
    CatalogSpec,
    ClipSetSpec,
    EmbeddingSetSpec,
    Failure,
    ShotRecord,
    TitleClips,
    TitleRecord,
    TitleSource,
)
from mediafm.catalog.rows import TitleRows
from mediafm.catalog.store import Store, local_folder, quote
from mediafm.catalog.tables import (
    CLIP_SETS,
    CLIP_SETS_SCHEMA,
    EMBEDDING_SETS,
    EMBEDDING_SETS_SCHEMA,
    FAILURES,
    FAILURES_SCHEMA,
    FEATURES,
    KEYFRAMES,
    KEYFRAMES_SCHEMA,
    META,
    META_SCHEMA,
    SCHEMA_VERSION,
    SHOTS,
    SHOTS_SCHEMA,
    TITLES,
    column_values,
    column_vectors,
    features_schema,
    rows_to_features,
    rows_to_shots,
    titles_schema,
)
from mediafm.catalog.upgrade import upgrade
from mediafm.catalog.upkeep import optimize, verify
from mediafm.catalog.writer import BatchWriter, Committer, TitleWriter, fresh_revision, now
from mediafm.errors import CatalogError, MismatchError, UsageError
from mediafm.types import Features, FloatArray


class Catalog:
    """An open catalog. Make one with `create`, `open` or `open_or_create`.

    Readers see only whole titles: a title being written, or one whose writing was killed, is not there yet. Every read
    sees what other processes have committed by then.
    """

    def __init__(self, store: Store, spec: CatalogSpec) -> None:
        self._store = store
        self._rows = TitleRows(store)
        self._sets = EmbeddingSets(self._rows)
        self._clips = ClipSets(self._rows)
        self.spec = spec

    # opening --------------------------------------------------------------------------------------------------

    @classmethod
    def create(cls, uri: str | os.PathLike[str], spec: CatalogSpec) -> "Catalog":
        """Make a new, empty catalog; CatalogError where there is one or where other files are in the folder.

        uri: a local folder or object storage, as LanceDB takes it (`s3://bucket/prefix`).
        """
        store = Store(uri)
        if META in store.names():
            raise CatalogError(f"There is a catalog at {store.uri} already.", "Open it, or choose another place.")
        _refuse_foreign_folder(store)
        store.create(TITLES, titles_schema(spec))
        store.create(SHOTS, SHOTS_SCHEMA)
        store.create(FEATURES, features_schema(spec))
        store.create(KEYFRAMES, KEYFRAMES_SCHEMA)
        store.create(FAILURES, FAILURES_SCHEMA)
        store.create(EMBEDDING_SETS, EMBEDDING_SETS_SCHEMA)
        store.create(CLIP_SETS, CLIP_SETS_SCHEMA)
        # Last, and in one step: only this makes the folder a catalog.
        values = {"schema_version": json.dumps(SCHEMA_VERSION), "spec": spec.to_json(), "created_at": json.dumps(now())}
        meta = pa.table([list(values), list(values.values())], schema=META_SCHEMA)
        store.create(META, META_SCHEMA, meta)
        return cls(store, spec)

    @classmethod
    def open(cls, uri: str | os.PathLike[str]) -> "Catalog":
        """Open a catalog; CatalogError where there is none or where a newer mediafm made it."""
        store = Store(uri)
        if META not in store.names():
            raise CatalogError(
                f"There is no catalog at {store.uri}.", "Check the path, or make one with `mediafm ingest` or `import`."
            )
        rows = store.scan(META)
        meta = dict(zip(rows["key"].to_pylist(), rows["value"].to_pylist(), strict=True))
        try:
            version = int(json.loads(meta["schema_version"]))
            if version <= SCHEMA_VERSION:
                return cls(store, CatalogSpec.from_json(meta["spec"]))
        except (KeyError, TypeError, ValueError) as error:
            raise CatalogError(
                f"The table meta of the catalog at {store.uri} is damaged: {error!r}.", "Ingest into a new catalog."
            ) from error
        raise CatalogError(
            f"The catalog at {store.uri} has schema version {version}; this mediafm reads up to {SCHEMA_VERSION}.",
            "Update mediafm.",
        )

    @classmethod
    def open_or_create(cls, uri: str | os.PathLike[str], spec: CatalogSpec) -> "Catalog":
        """Open a catalog made by the same detector and encoders, or make one; MismatchError names what differs."""
        if META not in Store(uri).names():
            return cls.create(uri, spec)
        catalog = cls.open(uri)
        differences = catalog.spec.differences(spec)
        if differences:
            raise MismatchError(
                f"The catalog at {catalog.uri} was made with preset {catalog.spec.preset!r}, asked for is "
                f"{spec.preset!r}. They differ in {'; '.join(differences)}.",
                "Use the preset it was made with, or another catalog.",
            )
        return catalog

    @property
    def uri(self) -> str:
        """Where it is, as given."""
        return self._store.uri

    # writing --------------------------------------------------------------------------------------------------

    def writer(self, title_id: str, source: TitleSource | None = None) -> TitleWriter:
        """A context manager that writes one title, all or nothing: `append` shots in order, then `commit`.

        Without a `source` the record given to `commit` says what the title was made of.
        """
        upgrade(self._store)
        return TitleWriter(self._store, self.spec, title_id, source)

    def batch_writer(self) -> BatchWriter:
        """A context manager whose `writer(...)`s are committed many at a time: for many small titles at once."""
        upgrade(self._store)
        return BatchWriter(self._store, self.spec)

    def remove_title(self, title_id: str) -> None:
        """Take a title out, with all that is stored of it; CatalogError where there is none of that id.

        It is gone at once; should the process die before its rows are, `optimize` deletes them.
        """
        self._rows.record(title_id)
        self._store.delete(TITLES, f"title_id = {quote(title_id)}")
        Committer(self._store, self.spec).forget(title_id)

    def is_current(self, title_id: str, source_fingerprint: str, inputs_fingerprint: str = "") -> bool:
        """Whether the stored title was made of just this, by this catalog's detector and encoders."""
        record = self._rows.find(title_id)
        return record is not None and self.is_made_of(record, source_fingerprint, inputs_fingerprint)

    def is_made_of(self, record: TitleRecord, source_fingerprint: str, inputs_fingerprint: str = "") -> bool:
        """`is_current` of a title at hand."""
        return (
            record.source_fingerprint == source_fingerprint
            and record.inputs_fingerprint == inputs_fingerprint
            and record.detector_fingerprint == self.spec.detector
            and dict(record.encoder_fingerprints) == self.spec.fingerprints
        )

    def record_failure(self, title_id: str, path: str, reason: str) -> None:
        """Note that a title could not be written. What is stored of it stays; its next commit clears the note."""
        row = {"title_id": title_id, "revision": fresh_revision(), "path": path, "reason": reason, "failed_at": now()}
        self._store.upsert(FAILURES, pa.Table.from_pylist([row], schema=FAILURES_SCHEMA), "title_id")

    def clear_failure(self, title_id: str) -> None:
        """Forget a title's failure, if there is one: its source turned out to be what is stored already."""
        self._store.delete(FAILURES, f"title_id = {quote(title_id)}")

    def failures(self) -> list[Failure]:
        """Titles whose last writing failed, in id order."""
        rows = self._store.scan(FAILURES, columns=["title_id", "path", "reason", "failed_at"]).to_pylist()
        return sorted((Failure(**row) for row in rows), key=lambda f: f.title_id)

    # reading --------------------------------------------------------------------------------------------------

    def title_ids(self) -> list[str]:
        """Ids of all stored titles, sorted."""
        return sorted(self._store.scan(TITLES, columns=["title_id"])["title_id"].to_pylist())

    def titles(self) -> list[TitleRecord]:
        """All stored titles in id order."""
        return self._rows.records()

    def title_record(self, title_id: str) -> TitleRecord:
        """One title; CatalogError with close matches where there is none of that id."""
        return self._rows.record(title_id)

    def shots(self, title_id: str) -> list[ShotRecord]:
        """A title's shots in order."""
        columns = [name for name in self._store.columns(SHOTS) if name not in ("title_id", "revision")]
        return rows_to_shots(self._rows.read(SHOTS, columns, title_id)[1])

    def spans(self, title_id: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Starts [n] and ends [n] of a title's shots in seconds."""
        rows = self._rows.read(SHOTS, ["start_s", "end_s"], title_id)[1]
        return column_values(rows["start_s"]), column_values(rows["end_s"])

    def features(self, title_id: str) -> Features:
        """A title's features, float16, in every modality of the catalog."""
        return rows_to_features(
            self._rows.read(FEATURES, self._feature_columns(), title_id)[1], list(self.spec.encoders)
        )

    def iter_features(self, ids: Sequence[str] | None = None) -> Iterator[tuple[str, Features]]:
        """(title id, features) in the order of ids (None: all, in id order), read many titles at a time."""
        modalities = list(self.spec.encoders)
        for record, rows in self._rows.read_many(FEATURES, self._feature_columns(), ids):
            yield record.title_id, rows_to_features(rows, modalities)

    def iter_contents(self) -> Iterator[Contents]:
        """(title id, features, starts, ends, metadata vector or None) of every title in id order, for `FeatureCache`.

        All of a title comes from one writing. Times are seconds, float64 [n].
        """
        return iter_contents(self._rows, self.spec)

    def content_version(self) -> str:
        """Another one whenever a title was added, written anew or removed; reads no shots.

        Embedding sets, failures and tidying up do not change it. A catalog made anew in the same place has another.
        """
        return content_version(self._rows, self.spec)

    def iter_texts(self, ids: Sequence[str] | None = None) -> Iterator[tuple[str, int, float, float, str]]:
        """(title id, shot, start_s, end_s, text) of every shot, also those without text, as `iter_features`."""
        columns = ["shot", "start_s", "end_s", "text"]
        for record, rows in self._rows.read_many(SHOTS, columns, ids):
            for row in zip(*(rows[c].to_pylist() for c in columns), strict=True):
                yield (record.title_id, *row)

    def keyframe(self, title_id: str, shot: int) -> bytes | None:
        """A shot's picture as JPEG; None where it has none. CatalogError for a shot that does not exist."""
        record = self.title_record(title_id)
        if not 0 <= shot < record.n_shots:
            raise CatalogError(f"Title {title_id} has no shot {shot}.", f"Its shots are 0 to {record.n_shots - 1}.")
        where = f"title_id = {quote(title_id)} AND revision = {record.revision} AND shot = {shot}"
        found = self._store.scan(KEYFRAMES, where, ["jpeg"])["jpeg"].to_pylist()
        return found[0] if found else None

    def global_vector(self, title_id: str) -> FloatArray | None:
        """The title's encoded metadata, float32 [dim of text]; None where it has none."""
        has_vectors = "text" in self.spec.encoders
        columns = ["title_id", *(["global_vector"] if has_vectors else [])]
        row = self._store.scan(TITLES, f"title_id = {quote(title_id)}", columns)
        if not len(row):
            raise self._rows.unknown(title_id)
        if not has_vectors or row["global_vector"].null_count:
            return None
        return column_vectors(row["global_vector"])[0]

    # embeddings -----------------------------------------------------------------------------------------------

    def add_embedding_set(self, spec: EmbeddingSetSpec, replace: bool = False) -> None:
        """Enter a set before writing to it; nothing happens where the very same is there.

        MismatchError where the name stands for another checkpoint, context or size, unless `replace`: then what the set
        holds is dropped.
        """
        if spec.name in {s.name for s in self.clip_sets()}:
            raise UsageError(f"The catalog {self.uri} has a clip set {spec.name!r} already.", "Choose another name.")
        self._sets.add(spec, replace)

    def embedding_sets(self) -> list[EmbeddingSetSpec]:
        """All sets in order of their names."""
        return self._sets.specs()

    def write_embeddings(
        self, name: str, title_id: str, shots: FloatArray, title: FloatArray, revision: int | None = None
    ) -> None:
        """Store a title's embeddings, shots [n, h] and its own [h], in place of those it had in the set.

        They count as long as the title is not written anew. revision: the `TitleRecord.revision` whose features were
        embedded; MismatchError if it is not the stored one any more (None: not checked).
        """
        self._sets.write(name, title_id, shots, title, revision)

    def embeddings(self, name: str, title_id: str) -> FloatArray:
        """Context embeddings of a title's shots, float32 [n, h], just as written."""
        return self._sets.read_one(name, title_id)[0]

    def title_embedding(self, name: str, title_id: str) -> FloatArray:
        """A title's own vector, float32 [h]."""
        return self._sets.read_one(name, title_id)[1]

    def iter_embeddings(
        self, name: str, ids: Sequence[str] | None = None
    ) -> Iterator[tuple[str, FloatArray, FloatArray]]:
        """(title id, shots [n, h], title [h]) in the order of ids (None: all, in id order).

        CatalogError at a title that the set does not cover; `missing_embeddings` tells them beforehand.
        """
        return self._sets.read(name, ids)

    def missing_embeddings(self, name: str) -> list[str]:
        """Titles that the set has no embeddings of, or only of features since replaced; in id order."""
        return self._sets.missing(name)

    # clip sets ------------------------------------------------------------------------------------------------

    def add_clip_set(self, spec: ClipSetSpec, replace: bool = False) -> None:
        """Enter a set of clip vectors made elsewhere before writing to it; nothing happens where the same is there.

        UsageError for a name that means something else already (a modality, an embedding set, a probe's own feature
        set). MismatchError where the name stands for another maker or size, unless `replace`: then what it holds is
        dropped.
        """
        self._clips.add(spec, replace, (s.name for s in self.embedding_sets()))

    def clip_sets(self) -> list[ClipSetSpec]:
        """All sets of clip vectors in order of their names."""
        return self._clips.specs()

    def write_clip_vectors(
        self, name: str, title_id: str, start_s: NDArray[Any], end_s: NDArray[Any], vectors_ND: NDArray[Any]
    ) -> None:
        """Store vectors [N, D] of a title's clips, spans [N] in seconds, kept to the microsecond.

        A clip of the same span is replaced, others stay. A whole title is the span from 0 to its duration. They count
        as long as the title is made of the same source. CatalogError where spans are not the title's or vectors do not
        fit the set.
        """
        self.write_clips(name, [TitleClips(title_id, start_s, end_s, vectors_ND)])

    def write_clips(self, name: str, clips: Iterable[TitleClips]) -> None:
        """`write_clip_vectors` of many titles, some thousand clips at a time."""
        self._clips.write(name, clips)

    def clip_vectors(self, name: str, titles: Sequence[str] | None = None) -> Iterator[TitleClips]:
        """(title id, start_s [n], end_s [n], vectors [n, D]) in the order of titles (None: all, in id order).

        Clips come in order of start and end. A title that the set holds nothing of has n = 0.
        """
        return self._clips.read(name, titles)

    # handles --------------------------------------------------------------------------------------------------

    def clip(self, title_id: str, start_s: float, end_s: float) -> ClipHandle:
        """A time span of a title, in seconds; UsageError where it does not lie inside."""
        return ClipHandle(self, title_id, start_s, end_s)

    def title(self, title_id: str) -> TitleHandle:
        """A title as a whole."""
        return TitleHandle(self, title_id)

    # upkeep ---------------------------------------------------------------------------------------------------

    def info(self) -> dict[str, Any]:
        """Numbers and names worth showing; JSON-able."""
        titles = self.titles()
        return {
            "uri": self.uri,
            "schema_version": SCHEMA_VERSION,
            "titles": len(titles),
            "shots": sum(t.n_shots for t in titles),
            "failed": self._store.count(FAILURES),
            "hours": sum(t.duration_s for t in titles) / 3600,
            "preset": self.spec.preset,
            "detector": self.spec.detector,
            "modalities": dict(self.spec.dims),
            "encoders": {
                m: {"name": e.name, "fingerprint": e.fingerprint, "licence": e.licence}
                for m, e in self.spec.encoders.items()
            },
            "embedding_sets": [s.name for s in self.embedding_sets()],
            "clip_sets": {
                s.name: {"source": s.source, "dim": s.dim, "clips": self._clips.count(s.name)} for s in self.clip_sets()
            },
            "keyframes": self._store.count(KEYFRAMES),
            "disk_bytes": self._store.disk_bytes(),
        }

    def verify(self) -> list[str]:
        """One sentence for everything that is not as it should be; empty: all well. Reads the whole catalog."""
        return verify(self._rows, self.spec, self._sets, self._clips)

    def optimize(self, grace: timedelta = timedelta(hours=1)) -> None:
        """Tidy up: delete what killed writings left, merge small files, drop old versions, refresh the indexes.

        Nothing younger than `grace` is deleted, since another process may be reading or writing it. Call it at the end
        of a long ingest and every hundred titles or so: each append makes a file and a version.
        """
        optimize(self._rows, self._sets, self._clips, grace)

    def _feature_columns(self) -> list[str]:
        return [c for m in self.spec.encoders for c in (m, f"{m}_present")]


def _refuse_foreign_folder(store: Store) -> None:
    """Half-made tables of a killed `create` are ours; anything else is somebody's."""
    folder = local_folder(store.uri)
    if folder is None or not folder.exists():
        return
    names = (TITLES, SHOTS, FEATURES, KEYFRAMES, FAILURES, EMBEDDING_SETS, CLIP_SETS, META)
    tables = {f"{name}.lance" for name in names}
    if not folder.is_dir() or any(entry.name not in tables for entry in folder.iterdir()):
        raise CatalogError(
            f"{store.uri} is not an empty folder, so no catalog can be made there.", "Choose a new folder for it."
        )
