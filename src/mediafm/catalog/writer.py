"""Writing titles by the commit rule.

1. A writing gets a revision number that no other has. 2. Its shots, features and keyframes are appended under that
number; no reader looks at them. 3. Once they are counted, the title's row is put in place, naming the revision: from
that moment on readers see the new rows and only them. 4. The rows of older revisions are deleted. A process that dies
before 3 leaves the title as it was, one that dies after 3 leaves it as it should be; the litter is invisible and goes
with the next writing of the title or with `Catalog.optimize`.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import TracebackType

import pyarrow as pa

from mediafm.catalog.checks import check_features, check_global_vector, check_record, check_shots, to_half
from mediafm.catalog.records import CatalogSpec, ShotRecord, TitleRecord, TitleSource
from mediafm.catalog.store import Store, any_of, quote
from mediafm.catalog.tables import (
    CLIP_SETS,
    EMBEDDING_SETS,
    FAILURES,
    FEATURES,
    KEYFRAMES,
    SHOT_TABLES,
    SHOTS,
    TITLES,
    features_schema,
    features_to_rows,
    keyframes_to_rows,
    shots_to_rows,
    titles_schema,
    titles_to_rows,
)
from mediafm.errors import CatalogError, UsageError
from mediafm.types import Features, FloatArray

_SPILL_ROWS, _SPILL_BYTES = 1024, 1 << 25  # held in memory by one title's writer
_BATCH_SHOTS = 4096  # held in memory by a batch of titles
_DELETE_AT_ONCE = 100  # titles in one filter


def now() -> str:
    """The time as stored: ISO, UTC, whole seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def fresh_revision() -> int:
    """A revision number that no other writing of the title has: nanoseconds of the clock.

    Being a time, it also tells how old an unfinished writing is.
    """
    return time.time_ns()


@dataclass(frozen=True, slots=True)
class Pending:
    """A title all of whose rows are known and whose commit is due."""

    record: TitleRecord
    global_vector: FloatArray | None
    rows: Mapping[str, list[pa.Table]]  # table -> rows not yet appended
    n_keyframes: int


class Committer:
    """Steps 2 to 4 of the commit rule, for one title or for many at once."""

    def __init__(self, store: Store, spec: CatalogSpec) -> None:
        self.store = store
        self.spec = spec

    def append(self, rows: Mapping[str, list[pa.Table]]) -> None:
        """Append rows that no reader sees yet."""
        for table in SHOT_TABLES:
            if rows[table]:
                self.store.add(table, pa.concat_tables(rows[table]))

    def commit(self, pending: Sequence[Pending]) -> None:
        """Make these titles the stored ones."""
        self.append({t: [r for p in pending for r in p.rows[t]] for t in SHOT_TABLES})
        self._count(pending)
        titles = [(p.record, p.global_vector) for p in pending]
        self.store.upsert(TITLES, titles_to_rows(titles, titles_schema(self.spec)), "title_id")
        mine = any_of("title_id", (p.record.title_id for p in pending))
        self.store.delete(FAILURES, mine)
        self._delete(f"{mine} AND NOT ({any_of('revision', (p.record.revision for p in pending))})")
        self._delete_clips([p.record for p in pending])

    def forget(self, title_id: str) -> None:
        """Delete all that is left of a title that is not in the table of titles any more."""
        mine = f"title_id = {quote(title_id)}"
        for table in (*SHOT_TABLES, *self._set_tables(EMBEDDING_SETS), *self._set_tables(CLIP_SETS), FAILURES):
            self.store.delete(table, mine)

    def discard(self, title_id: str, revision: int) -> None:
        """Delete the rows of a writing that will not be committed."""
        self._delete(f"title_id = {quote(title_id)} AND revision = {revision}")

    def _count(self, pending: Sequence[Pending]) -> None:
        where = any_of("revision", (p.record.revision for p in pending))
        where = f"{any_of('title_id', (p.record.title_id for p in pending))} AND {where}"
        shots = sum(p.record.n_shots for p in pending)
        for table, due in ((SHOTS, shots), (FEATURES, shots), (KEYFRAMES, sum(p.n_keyframes for p in pending))):
            stored = self.store.count(table, where)
            if stored != due:
                names = ", ".join(p.record.title_id for p in pending[:5])
                raise CatalogError(
                    f"While {names} was written, its rows in the table {table} changed ({stored} of {due} are there): "
                    "another process wrote the same title or cleaned up.",
                    "What was stored before stands. Run the command again, one process a title.",
                )

    def _delete(self, where: str) -> None:
        for table in (*SHOT_TABLES, *self._set_tables(EMBEDDING_SETS)):
            self.store.delete(table, where)

    def _delete_clips(self, records: Sequence[TitleRecord]) -> None:
        """Clips belong to a title's source, whatever its revision."""
        others = [
            f"(title_id = {quote(r.title_id)} AND source_fingerprint <> {quote(r.source_fingerprint)})" for r in records
        ]
        for table in self._set_tables(CLIP_SETS):
            for start in range(0, len(others), _DELETE_AT_ONCE):
                self.store.delete(table, " OR ".join(others[start : start + _DELETE_AT_ONCE]))

    def _set_tables(self, registry: str) -> list[str]:
        if not self.store.has(registry):
            return []
        names: list[str] = self.store.scan(registry, columns=["table_name"])["table_name"].to_pylist()
        return names


def _with_flags(shot: ShotRecord, features: Features, row: int) -> ShotRecord:
    flags = {m: bool(p[row]) for m, p in features.present.items()}
    return replace(
        shot,
        has_video=flags.get("video", shot.has_video),
        has_audio=flags.get("audio", shot.has_audio),
        has_text=flags.get("text", shot.has_text),
    )


class TitleWriter:
    """Writes one title, all or nothing. A context manager: leaving it without `commit` changes nothing stored."""

    def __init__(
        self,
        store: Store,
        spec: CatalogSpec,
        title_id: str,
        source: TitleSource | None = None,
        batch: "BatchWriter | None" = None,
    ) -> None:
        if not title_id:
            raise UsageError("A title's id is empty.", "Give every title an id.")
        self._title_id, self._source, self._batch, self._spec = title_id, source, batch, spec
        self._committer = Committer(store, spec)
        self._shots: list[ShotRecord] = []  # only the last one is kept, to see that the next begins where it ends
        self._n_shots = self._n_keyframes = 0
        self._pending: dict[str, list[pa.Table]] = {t: [] for t in SHOT_TABLES}
        self._spilled = self._done = False
        self._revision = 0

    def __enter__(self) -> "TitleWriter":
        self._revision = fresh_revision()
        return self

    def append(
        self, shots: Sequence[ShotRecord], features: Features, keyframes: Mapping[int, bytes] | None = None
    ) -> None:
        """The next shots of the title, their features row by row, and JPEG pictures by shot number.

        Features may be float16 or float32; stored are float16. CatalogError where shots do not tile or modalities are
        not the catalog's, EncoderError where vectors or flags break the contract of encoders.
        """
        self._require_open()
        keyframes = keyframes or {}
        check_shots(self._title_id, self._shots, shots, keyframes)
        if not shots:
            return
        half = to_half(features)
        check_features(self._title_id, self._spec, half, self._n_shots, len(shots))
        stamped = [_with_flags(s, half, row) for row, s in enumerate(shots)]
        key, rows = (self._title_id, self._revision), self._pending
        rows[SHOTS].append(shots_to_rows(*key, stamped))
        rows[FEATURES].append(features_to_rows(*key, self._n_shots, half, features_schema(self._spec)))
        if keyframes:
            rows[KEYFRAMES].append(keyframes_to_rows(*key, keyframes))
        self._shots = [shots[-1]]
        self._n_shots += len(shots)
        self._n_keyframes += len(keyframes)
        self._spill()

    def commit(self, record: TitleRecord, global_vector: FloatArray | None = None) -> None:
        """Make this the stored title.

        record: its stamped fields are filled in. global_vector: the encoded metadata, float32 [dim of text], or None.
        Inside a batch the title is stored when the batch is.
        """
        self._require_open()
        check_record(self._title_id, record, self._shots)
        check_global_vector(self._title_id, self._spec, global_vector)
        pending = Pending(self._stamped(record), global_vector, self._pending, self._n_keyframes)
        if self._batch is None:
            self._committer.commit([pending])
        else:
            self._batch.add(pending)
        self._done = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._spilled and not self._done:
            # Only tidiness: what is left behind is invisible, and must not hide why we leave.
            with suppress(CatalogError):
                self._committer.discard(self._title_id, self._revision)
        self._done = True

    def _stamped(self, record: TitleRecord) -> TitleRecord:
        source = self._source or TitleSource(record.path, record.source_fingerprint, record.inputs_fingerprint)
        return replace(
            record,
            title_id=self._title_id,
            path=source.path,
            source_fingerprint=source.source_fingerprint,
            inputs_fingerprint=source.inputs_fingerprint,
            detector_fingerprint=self._spec.detector,
            encoder_fingerprints=self._spec.fingerprints,
            n_shots=self._n_shots,
            created_at=now(),
            revision=self._revision,
        )

    def _spill(self) -> None:
        tables = [t for pending in self._pending.values() for t in pending]
        n_rows = sum(len(t) for t in self._pending[SHOTS])
        if n_rows >= _SPILL_ROWS or sum(t.nbytes for t in tables) >= _SPILL_BYTES:
            self._spilled = True
            self._committer.append(self._pending)
            self._pending = {t: [] for t in SHOT_TABLES}

    def _require_open(self) -> None:
        if not self._revision or self._done:
            raise UsageError(
                f"The writer of title {self._title_id} is not open.",
                "Use it inside its `with` block and before its commit.",
            )


class BatchWriter:
    """Writes many small titles with few appends: commits gather and are carried out together, by the same rule.

    A title is stored once `flush` has run, which happens every few thousand shots and when the block ends well. When
    the block ends by an exception, titles not yet flushed stay as they were.
    """

    def __init__(self, store: Store, spec: CatalogSpec) -> None:
        self._store, self._spec = store, spec
        self._pending: dict[str, Pending] = {}

    def writer(self, title_id: str, source: TitleSource | None = None) -> TitleWriter:
        """As `Catalog.writer`."""
        if title_id in self._pending:
            self.flush()  # one title twice in one commit would leave it to chance which one stays
        return TitleWriter(self._store, self._spec, title_id, source, self)

    def add(self, pending: Pending) -> None:
        """Take a title whose commit is due."""
        self._pending[pending.record.title_id] = pending
        if sum(p.record.n_shots for p in self._pending.values()) >= _BATCH_SHOTS:
            self.flush()

    def flush(self) -> None:
        """Store what has gathered."""
        if self._pending:
            Committer(self._store, self._spec).commit(list(self._pending.values()))
            self._pending = {}

    def __enter__(self) -> "BatchWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.flush()
