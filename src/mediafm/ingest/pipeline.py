"""Shots as they are read become features, and features titles: the part of ingest between the readers and the store.

Readers (processes), encoders (this thread) and the store (a thread) work at the same time; what waits between them is
bounded, so the slowest sets the pace and memory stays flat however long a film or a list of films is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from mediafm.catalog import TitleRecord
from mediafm.encoders import Preset
from mediafm.ingest.batches import BatchPool
from mediafm.ingest.encoding import global_vector, title_record
from mediafm.ingest.feed import Begun, Failed, Feed, Item, Unchanged
from mediafm.ingest.jobs import TitleJob
from mediafm.ingest.storing import Storing
from mediafm.progress import Progress
from mediafm.reading import Beat, Closed, Opened, ReadShot


@dataclass(slots=True)
class _Title:
    """A title that is being read."""

    job: TitleJob
    time_base: Fraction = Fraction(1)
    n_shots: int = 0
    end_pts: int = 0  # of the last shot that came
    closed: Closed | None = None


class Pipeline:
    """Takes what readers report, title by title, and hands it on to the store.

    stored: titles that the catalog holds already, and what is said of them. failing: titles it has a failure of.
    """

    def __init__(
        self,
        preset: Preset,
        storing: Storing,
        progress: Progress,
        stored: Mapping[str, TitleRecord],
        failing: set[str],
    ) -> None:
        self._preset, self._storing, self._progress = preset, storing, progress
        self._shots = 0
        self._stored, self._failing = stored, failing
        self._pool = BatchPool(preset.encoders)
        self._titles: dict[str, _Title] = {}

    def run(self, feed: Feed) -> None:
        """Work until all titles have been read and encoded."""
        for item in feed:
            if item is not None:
                self._handle(item)
            if feed.idle and any(t.closed for t in self._titles.values()):
                self._pool.flush()  # the encoders would have nothing to do anyway
                self._move_on()
        self._pool.flush()
        self._move_on()

    def _handle(self, item: Item) -> None:
        job, event = item
        if isinstance(event, Begun):
            for encoder in self._preset.encoders.values():
                encoder.check_ready()
            self._titles[job.title_id] = _Title(job)
            self._storing.begin(job, event.source)
        elif isinstance(event, Unchanged):
            self._keep(job)
        elif isinstance(event, Failed):
            self._titles.setdefault(job.title_id, _Title(job))
            self._fail(self._titles[job.title_id], event.reason, event.passing)
        elif (title := self._titles.get(job.title_id)) is not None:  # else it has failed already
            if isinstance(event, Opened):
                title.time_base = event.time_base
            elif isinstance(event, Beat):
                self._progress.advance(0, title=job.title_id, minute=round(event.seconds / 60, 1))
            elif isinstance(event, ReadShot):
                self._shot(title, event)
            elif isinstance(event, Closed):
                title.closed = event
                self._move_on()

    def _shot(self, title: _Title, read: ReadShot) -> None:
        if (read.shot.index, read.shot.start_pts) != (title.n_shots, title.end_pts):
            self._fail(title, f"{title.job.path}: its reader sent shots that do not follow each other.")
            return
        title.n_shots, title.end_pts = title.n_shots + 1, read.shot.end_pts
        self._pool.add(title.job.title_id, read)
        self._move_on()

    def _move_on(self) -> None:
        """Hand what is encoded to the store."""
        for title_id, reason in list(self._pool.failed.items()):
            self._fail(self._titles[title_id], reason)
        for title in list(self._titles.values()):
            done = self._pool.take(title.job.title_id)
            if done:
                self._storing.append(title.job, done, title.time_base)
            if title.closed is not None and not self._pool.waits(title.job.title_id):
                self._commit(title, title.closed)

    def _commit(self, title: _Title, closed: Closed) -> None:
        record = title_record(title.job, closed, title.time_base, title.n_shots)
        self._storing.commit(title.job, record, global_vector(self._preset, title.job.metadata))
        self._forget(title)
        self._shots += record.n_shots
        self._advance(title.job)

    def _keep(self, job: TitleJob) -> None:
        self._storing.keep(self._stored[job.title_id], job.title_id in self._failing)
        self._advance(job)

    def _fail(self, title: _Title, reason: str, passing: bool = False) -> None:
        self._storing.fail(title.job, reason, passing)
        self._forget(title)
        self._advance(title.job)

    def _forget(self, title: _Title) -> None:
        self._pool.drop(title.job.title_id)
        del self._titles[title.job.title_id]

    def _advance(self, job: TitleJob) -> None:
        self._progress.advance(1, title=job.title_id, shots=self._shots)
