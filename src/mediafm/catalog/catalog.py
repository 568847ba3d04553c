"""The catalog: titles, shots, features, keyframes and embeddings in one place; docs/catalog.md says how they lie."""

import hashlib
import json
import os
from collections import Counter
from datetime import timedelta
from typing import Any

import pyarrow as pa

from mediafm.catalog.clock import fresh_revision, now
from mediafm.catalog.commit import Committer
from mediafm.catalog.compaction import Tidied
from mediafm.catalog.handles import ClipHandle, TitleHandle
from mediafm.catalog.live import LiveWriter
from mediafm.catalog.making import is_made, make, open_spec
from mediafm.catalog.records import (
    CatalogSpec,
    Failure,
    TitleRecord,
    TitleSource,
)
from mediafm.catalog.rows import newest
from mediafm.catalog.sets import WithSets
from mediafm.catalog.store import Store, quote
from mediafm.catalog.tables import (
    FAILURES,
    FAILURES_SCHEMA,
    KEYFRAMES,
    META,
    SCHEMA_VERSION,
)
from mediafm.catalog.upgrade import upgrade
from mediafm.catalog.upkeep import GRACE, litter, optimize, verify
from mediafm.catalog.writer import BatchWriter, TitleWriter
from mediafm.errors import CatalogError, MismatchError


class Catalog(WithSets):
    """An open catalog. Make one with `create`, `open` or `open_or_create`.

    Readers see only whole titles: a title being written, or one whose writing was killed, is not there yet. Every read
    sees what other processes have committed by then.
    """

    def __init__(self, store: Store, spec: CatalogSpec) -> None:
        super().__init__(store, spec)
        self._prepared = False

    # opening --------------------------------------------------------------------------------------------------

    @classmethod
    def create(cls, uri: str | os.PathLike[str], spec: CatalogSpec) -> "Catalog":
        """Make a new, empty catalog; CatalogError where there is one or where other files are in the folder.

        uri: a local folder or object storage, as LanceDB takes it (`s3://bucket/prefix`).
        """
        store = Store(uri)
        if is_made(store):
            raise CatalogError(f"There is a catalog at {store.uri} already.", "Open it, or choose another place.")
        made = make(store, spec)
        if made.differences(spec):
            raise CatalogError(f"Another process made a catalog at {store.uri}.", "Choose another place.")
        return cls(store, made)

    @classmethod
    def open(cls, uri: str | os.PathLike[str]) -> "Catalog":
        """Open a catalog; CatalogError where there is none or where a newer mediafm made it."""
        store = Store(uri)
        if not is_made(store):
            raise CatalogError(
                f"There is no catalog at {store.uri}.", "Check the path, or make one with `mediafm ingest` or `import`."
            )
        return cls(store, open_spec(store))

    @classmethod
    def open_or_create(cls, uri: str | os.PathLike[str], spec: CatalogSpec) -> "Catalog":
        """Open a catalog made by the same detector and encoders, or make one; MismatchError names what differs."""
        store = Store(uri)
        catalog = cls.open(uri) if is_made(store) else cls(store, make(store, spec))
        differences = catalog.spec.differences(spec)
        if differences:
            raise MismatchError(
                f"The catalog at {catalog.uri} was made with preset {catalog.spec.preset!r}, asked for is "
                f"{spec.preset!r}. They differ in {'; '.join(differences)}.",
                _other_preset(catalog.uri, catalog.spec, spec),
            )
        return catalog

    @property
    def identity(self) -> str:
        """A hash of what was written when it was made: two processes that see the same catalog get the same."""
        rows = self._store.scan(META, columns=["key", "value"]).to_pylist()
        made = sorted((row["key"], row["value"]) for row in rows if row["key"] != "schema_version")
        return hashlib.sha256(json.dumps(made).encode()).hexdigest()[:32]

    @property
    def store(self) -> Store:
        """Its tables, for the modules of this package."""
        return self._store

    # writing --------------------------------------------------------------------------------------------------

    def writer(self, title_id: str, source: TitleSource | None = None) -> TitleWriter:
        """A context manager that writes one title, all or nothing: `append` shots in order, then `commit`.

        Without a `source` the record given to `commit` says what the title was made of.
        """
        self.prepare_writing()
        return TitleWriter(self._store, self.spec, title_id, source)

    def live_writer(self, title_id: str, source: TitleSource) -> LiveWriter:
        """A context manager that writes a title while it goes on: `append`, and `show` now and then."""
        self.prepare_writing()
        return LiveWriter(self._store, self.spec, title_id, source)

    def batch_writer(self) -> BatchWriter:
        """A context manager whose `writer(...)`s are committed many at a time: for many small titles at once."""
        self.prepare_writing()
        return BatchWriter(self._store, self.spec)

    def remove_title(self, title_id: str) -> None:
        """Take a title out, with all that is stored of it; CatalogError where there is none of that id.

        It is gone at once; should the process die before its rows are, `optimize` deletes them.
        """
        self._rows.record(title_id)
        Committer(self._store, self.spec).remove(title_id)

    def is_current(self, title_id: str, source_fingerprint: str, inputs_fingerprint: str = "") -> bool:
        """Whether the stored title was made of just this, by this catalog's detector and encoders.

        Of many titles `current_titles` tells at once.
        """
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

    def current_titles(self) -> dict[str, tuple[str, str]]:
        """Title id -> (source fingerprint, inputs fingerprint) of every title of this catalog's detector and encoders.

        One read for all, for a run that has to know which of its titles are there just so: those for which
        `is_current` of these fingerprints holds.
        """
        return {
            r.title_id: (r.source_fingerprint, r.inputs_fingerprint)
            for r in self._rows.records()
            if self.is_made_of(r, r.source_fingerprint, r.inputs_fingerprint)
        }

    def record_failure(self, title_id: str, path: str, reason: str) -> None:
        """Note that a title could not be written. What is stored of it stays; its next commit clears the note."""
        revision = fresh_revision()
        row = {"title_id": title_id, "revision": revision, "path": path, "reason": reason, "failed_at": now()}
        self._store.add(FAILURES, pa.Table.from_pylist([row], schema=FAILURES_SCHEMA))
        self._store.delete(FAILURES, f"title_id = {quote(title_id)} AND revision < {revision}")

    def clear_failure(self, title_id: str) -> None:
        """Forget a title's failure, if there is one: its source turned out to be what is stored already."""
        if self._store.count(FAILURES):  # takes no look at rows
            self._store.delete(FAILURES, f"title_id = {quote(title_id)}")

    def copy_failures(self, other: "Catalog") -> None:
        """Have the failures that another catalog has, and no others."""
        rows = newest(other.store.scan(FAILURES))
        self._store.delete(FAILURES, "revision >= 0")
        self._store.add(FAILURES, rows.cast(FAILURES_SCHEMA))

    def failures(self) -> list[Failure]:
        """Titles whose last writing failed, in id order."""
        columns = ["title_id", "revision", "path", "reason", "failed_at"]
        rows = newest(self._store.scan(FAILURES, columns=columns)).drop_columns(["revision"])
        return sorted((Failure(**row) for row in rows.to_pylist()), key=lambda f: f.title_id)

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
            "failed": len(self.failures()),
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
            "live": [t.title_id for t in titles if t.live],
            "languages": {
                kind: dict(Counter(t.tracks[kind]["language"] for t in titles if kind in t.tracks))
                for kind in ("audio", "text")
            },
            "keyframes": self._store.count(KEYFRAMES),
            "disk_bytes": self._store.disk_bytes(),
            **({"re_encoding": under_way} if (under_way := self.re_encoding()) else {}),
        }

    def re_encoding(self) -> dict[str, Any]:
        """The re-encoding that is under way: `preset`, `modalities` that differ, `titles_done`, `titles`. Empty: none.

        Until it is finished the catalog is what it was before.
        """
        from mediafm.catalog.re_encoding import ReEncoding

        found = ReEncoding.under_way(self)
        if found is None:
            return {}
        done, total = found.progress()
        modalities = self.spec.changed(found.spec)
        return {"preset": found.spec.preset, "modalities": modalities, "titles_done": done, "titles": total}

    def verify(self) -> list[str]:
        """One sentence for everything that is not as it should be; empty: all well. Reads the whole catalog."""
        return verify(self._rows, self.spec, self._sets, self._clips)

    def litter(self) -> list[str]:
        """One sentence a title for rows that no reader sees: of writings that were killed, or are under way.

        They are no fault of the catalog; `optimize` deletes them once they are older than its grace.
        """
        return litter(self._rows)

    def optimize(self, grace: timedelta = GRACE) -> Tidied:
        """Tidy up: delete what killed writings left, merge small files, drop old versions, refresh the indexes.

        Nothing younger than `grace` is deleted, since another process may be reading or writing it; zero, for when none
        is, gives all space back. Call it at the end of a long ingest and every hundred titles or so: each append makes
        a file and a version. Memory does not grow with the catalog: docs/catalog.md has the figure.
        """
        return optimize(self._rows, self._sets, self._clips, grace)

    def prepare_writing(self) -> None:
        """See that the place can be written, and bring it to today's columns."""
        if not self._prepared:
            self._store.check_writable()
            upgrade(self._store)
            self._prepared = True


def _other_preset(uri: str, stored: CatalogSpec, asked: CatalogSpec) -> str:
    """What to do about a preset that is not the catalog's."""
    if stored.detector != asked.detector or stored.detector.startswith("import"):
        return "Use the preset it was made with, or another catalog."
    changed = " and ".join(stored.changed(asked))
    return (
        f"Use the preset it was made with, or another catalog; or `mediafm reencode --catalog {uri} --preset ...` "
        f"re-does {changed} of all its titles and nothing else."
    )
