"""Writing titles: what is appended waits in a spool until the commit, which `commit.Committer` carries out."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import TracebackType

from mediafm.catalog.checks import check_features, check_global_vector, check_record, check_shots, to_half
from mediafm.catalog.clock import now
from mediafm.catalog.commit import Committer, Pending
from mediafm.catalog.records import CatalogSpec, ShotRecord, TitleRecord, TitleSource
from mediafm.catalog.spool import Spool
from mediafm.catalog.store import Store
from mediafm.catalog.tables import (
    FEATURES,
    KEYFRAMES,
    SHOTS,
    features_schema,
    features_to_rows,
    keyframes_to_rows,
    shots_to_rows,
)
from mediafm.errors import UsageError
from mediafm.types import Features, FloatArray

_BATCH_SHOTS = 4096  # held by a batch of titles
_UNSTAMPED = 0  # the revision of rows that wait


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
        self._spool = Spool()
        self._shots: list[ShotRecord] = []  # only the last one is kept, to see that the next begins where it ends
        self._n_shots = 0
        self._open = False

    def __enter__(self) -> "TitleWriter":
        self._open = True
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
        key = (self._title_id, _UNSTAMPED)
        self._spool.add(SHOTS, shots_to_rows(*key, stamped))
        self._spool.add(FEATURES, features_to_rows(*key, self._n_shots, half, features_schema(self._spec)))
        if keyframes:
            self._spool.add(KEYFRAMES, keyframes_to_rows(*key, keyframes))
        self._shots = [shots[-1]]
        self._n_shots += len(shots)

    def commit(self, record: TitleRecord, global_vector: FloatArray | None = None) -> None:
        """Make this the stored title.

        record: its stamped fields are filled in. global_vector: the encoded metadata, float32 [dim of text], or None.
        Inside a batch the title is stored when the batch is.
        """
        self._require_open()
        check_record(self._title_id, record, self._shots)
        check_global_vector(self._title_id, self._spec, global_vector)
        pending = Pending(self._stamped(record), global_vector, self._spool)
        self._open = False
        if self._batch is None:
            self._committer.commit([pending])
            self._spool.close()
        else:
            self._batch.add(pending)
            self._spool = Spool()  # the other is the batch's now

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open = False
        self._spool.close()

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
        )

    def _require_open(self) -> None:
        if not self._open:
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
            self.close()

    def __enter__(self) -> "BatchWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.flush()
        self.close()

    def close(self) -> None:
        """Drop what has gathered and is not stored."""
        for pending in self._pending.values():
            pending.spool.close()
        self._pending = {}
