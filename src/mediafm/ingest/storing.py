"""What an ingest writes, on a thread of its own behind the encoders, so that neither waits for the other."""

import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

from mediafm.catalog import BatchWriter, Catalog, TitleRecord, TitleSource, TitleWriter
from mediafm.encoders import Encoder
from mediafm.ingest.batches import EncodedShot, features_of
from mediafm.ingest.encoding import keyframes, shot_records
from mediafm.ingest.jobs import TitleJob
from mediafm.ingest.summary import Outcome
from mediafm.types import FloatArray, Modality

OPTIMIZE_EVERY = 100  # titles: every append leaves a file and a version behind
COMMIT_EVERY_S = 5.0  # titles that are done wait at most about this long to be committed together
_WAITING = 8  # things to do
_LOOK_S = 0.5  # between looks at what is due


class Storing:
    """Writes titles as their shots come. Calls return at once unless much waits; where storage failed, the next raises.

    report: told, on the storing thread, what became of a title as soon as that is certain. alone: whether the catalog
    is tidied from here, and titles wait for others to be committed together; otherwise they wait only while others are
    being read.
    A context manager: when the block ends well, all that was committed is stored; otherwise titles that wait are
    dropped. Only one thread may call.
    """

    def __init__(
        self,
        catalog: Catalog,
        encoders: Mapping[Modality, Encoder],
        report: Callable[[Outcome], None] = lambda outcome: None,
        alone: bool = True,
    ) -> None:
        self._catalog, self._encoders, self._report, self._alone = catalog, encoders, report, alone
        self._due: list[Outcome] = []  # of titles whose commit waits
        self._batch: BatchWriter = catalog.batch_writer()
        self._writers: dict[str, TitleWriter] = {}
        self._uncommitted, self._since_optimize, self._flushed = 0, 0, time.monotonic()
        self._work: queue.Queue[Callable[[], None] | None] = queue.Queue(_WAITING)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> "Storing":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        if kind is None:
            self._put(self._finish)
        self._work.put(None)
        self._thread.join()
        if kind is None and self._error is not None:
            raise self._error

    def begin(self, job: TitleJob, source: TitleSource) -> None:
        """A title's shots will come."""
        self._put(lambda: self._begin(job, source))

    def append(self, job: TitleJob, shots: Sequence[EncodedShot], time_base: Fraction) -> None:
        """The title's next shots."""
        self._put(lambda: self._append(job, shots, time_base))

    def commit(self, job: TitleJob, record: TitleRecord, vector: FloatArray | None) -> None:
        """The title is whole, or as whole as it gets: a `warning` in its record becomes a row among the failures."""
        self._put(lambda: self._commit(job, record, vector))

    def fail(self, job: TitleJob, reason: str, passing: bool = False) -> None:
        """The title cannot be had; what was stored of it before stays."""
        self._put(lambda: self._fail(job, reason, passing))

    def keep(self, record: TitleRecord, failed_before: bool) -> None:
        """The title is stored just so; whatever failed before is of no concern."""
        self._put(lambda: self._keep(record, failed_before))

    # ------------------------------------------------------------------------------------ on the thread

    def _put(self, work: Callable[[], None]) -> None:
        if self._error is not None:
            raise self._error
        self._work.put(work)

    def _serve(self) -> None:
        while True:
            try:
                work = self._work.get(timeout=_LOOK_S)
            except queue.Empty:
                work = lambda: None  # noqa: E731
            if work is None:
                break
            if self._error is not None:
                continue  # drain, so that nobody waits for room
            try:
                work()
                if self._uncommitted and (self._nothing_else or time.monotonic() - self._flushed > COMMIT_EVERY_S):
                    self._flush()
            except BaseException as error:
                self._error = error
        for writer in self._writers.values():
            writer.__exit__(None, None, None)
        self._batch.close()

    def _begin(self, job: TitleJob, source: TitleSource) -> None:
        self._writers[job.title_id] = self._batch.writer(job.title_id, source).__enter__()

    def _append(self, job: TitleJob, shots: Sequence[EncodedShot], time_base: Fraction) -> None:
        reads = [read for read, _ in shots]
        features = features_of(self._encoders, [rows for _, rows in shots])
        self._writers[job.title_id].append(shot_records(reads, time_base), features, keyframes(reads))

    def _commit(self, job: TitleJob, record: TitleRecord, vector: FloatArray | None) -> None:
        self._writers[job.title_id].commit(record, vector)
        self._close(job)
        self._uncommitted += 1
        self._due.append(Outcome(job.title_id, record))
        if record.warning:
            self._flush()  # a commit clears failures, so it has to come first
            self._catalog.record_failure(job.title_id, str(job.path), record.warning)

    def _fail(self, job: TitleJob, reason: str, passing: bool) -> None:
        self._close(job)
        self._catalog.record_failure(job.title_id, str(job.path), reason)
        self._report(Outcome(job.title_id, reason=reason, passing=passing))

    def _keep(self, record: TitleRecord, failed_before: bool) -> None:
        if failed_before and not record.warning:
            self._catalog.clear_failure(record.title_id)
        self._report(Outcome(record.title_id, record, kept=True))

    @property
    def _nothing_else(self) -> bool:
        return not self._alone and not self._writers and self._work.empty()

    def _close(self, job: TitleJob) -> None:
        writer = self._writers.pop(job.title_id, None)
        if writer is not None:
            writer.__exit__(None, None, None)

    def _flush(self) -> None:
        self._batch.flush()
        self._since_optimize += self._uncommitted
        self._uncommitted, self._flushed = 0, time.monotonic()
        done, self._due = self._due, []
        for outcome in done:
            self._report(outcome)
        if self._alone and self._since_optimize >= OPTIMIZE_EVERY:
            self._catalog.optimize()
            self._since_optimize = 0

    def _finish(self) -> None:
        self._flush()
        if self._alone and self._since_optimize:
            self._catalog.optimize()
