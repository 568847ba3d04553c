"""Titles being read: some threads, some reading processes, and the bounded queue in which their events meet.

There is a thread more than processes: while they read, it brings the next film from object storage.
"""

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from mediafm.catalog import TitleSource
from mediafm.errors import MediafmError, StorageError
from mediafm.ingest.fetching import FilmSpool
from mediafm.ingest.jobs import TitleJob
from mediafm.reading import Closed, Event, ReaderDiedError, ReadingProcess, ReadRequest, ReadShot, Stopped

MOST_BYTES = 48 << 20  # pictures and sound that wait to be encoded, of all titles together
_LEAST_BYTES = 4096  # any event counts as this much
_NOTICE_S = 0.2  # how soon a waiting thread sees that it is to stop


@dataclass(frozen=True, slots=True)
class Begun:
    """A title's reading begins; `source` is what it is made of."""

    source: TitleSource


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The title is stored just so."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The title cannot be read, or changed on the way. What was read of it does not count.

    passing: it may be otherwise the next time: its reader died, or object storage did not answer.
    """

    reason: str
    passing: bool = False


Item = tuple[TitleJob, Begun | Event | Unchanged | Failed]


class Feed:
    """Iterates over the events of all titles, as they come, while `processes` read.

    jobs: may make their caller wait; asked by one thread at a time. is_current: whether a title is stored just as it
    would be now. request: what to read, with the film at that path.

    The events of one title come in order. Whoever iterates slower than they read makes them wait, so that what is held
    stays within MOST_BYTES and a shot for each worker. Close it, however the iteration ends; `stop` ends it
    early, as Ctrl-C would.
    """

    def __init__(
        self,
        jobs: Iterator[TitleJob],
        is_current: Callable[[str, TitleSource], bool],
        request: Callable[[TitleJob, Path], ReadRequest],
        processes: list[ReadingProcess],
        stop: threading.Event,
    ) -> None:
        self._jobs, self._is_current, self._request, self._stop = jobs, is_current, request, stop
        self._lock, self._asking = threading.Condition(), threading.Lock()
        self._processes: queue.Queue[ReadingProcess] = queue.Queue()
        for process in processes:
            self._processes.put(process)
        self._spool = FilmSpool(go_on=self._go_on)
        self._items: deque[tuple[Item, int]] = deque()
        self._held = 0
        self._crash: BaseException | None = None
        self._threads = [threading.Thread(target=self._serve, daemon=True) for _ in range(len(processes) + 1)]
        for thread in self._threads:
            thread.start()

    def __iter__(self) -> Iterator[Item | None]:
        """Events; None whenever there is none at the moment, after a fifth of a second at most."""
        while True:
            with self._lock:
                if not self._items:
                    self._lock.wait(_NOTICE_S)
                if self._crash is not None:
                    raise self._crash
                if self._stop.is_set():
                    raise KeyboardInterrupt
                item, size = self._items.popleft() if self._items else (None, 0)
                self._held -= size
                self._lock.notify_all()
                if item is None and not any(t.is_alive() for t in self._threads):
                    return
            yield item

    @property
    def idle(self) -> bool:
        """Whether nothing waits at this moment."""
        return not self._items

    def close(self) -> None:
        """Stop reading; unfinished titles are dropped."""
        with self._lock:
            self._stop.set()
            self._lock.notify_all()
        for thread in self._threads:
            thread.join()
        self._spool.__exit__()

    # ------------------------------------------------------------------------------------ on the readers' threads

    def _serve(self) -> None:
        try:
            while (job := self._next_job()) is not None:
                self._read(job)
        except Stopped:
            pass
        except BaseException as error:  # a mistake of ours: it must come up in the main thread, not die with this one
            self._crash = error
        finally:
            with suppress(queue.Empty):
                process = self._processes.get_nowait()
                process.close()  # another thread may still start it again
                self._processes.put(process)
            with self._lock:
                self._lock.notify_all()

    def _next_job(self) -> TitleJob | None:
        with self._asking:
            return None if self._stop.is_set() else next(self._jobs, None)

    def _read(self, job: TitleJob) -> None:
        try:
            if isinstance(job.path, Path):
                with self._process() as process:
                    self._read_copy(job, process, job.path)
            elif self._stored_so(job):
                self._put(job, Unchanged())
            else:
                with self._spool.copy(job.path) as path, self._process() as process:
                    self._read_copy(job, process, path)
        except MediafmError as error:
            self._put(job, Failed(str(error), isinstance(error, StorageError | ReaderDiedError)))

    def _stored_so(self, job: TitleJob) -> bool:
        return self._is_current(job.title_id, job.source(job.state().fingerprint))

    def _read_copy(self, job: TitleJob, process: ReadingProcess, path: Path) -> None:
        before = job.state()
        source = job.source(before.fingerprint)
        if self._is_current(job.title_id, source):
            self._put(job, Unchanged())
            return
        self._put(job, Begun(source))
        try:
            for event in process.read(self._request(job, path)):
                if isinstance(event, Closed):
                    job.require_unchanged(before)
                    event = replace(event, warning=_as_named(event.warning, job, path))
                self._put(job, event)
        except MediafmError as error:
            error.message = _as_named(error.message, job, path)
            raise

    @contextmanager
    def _process(self) -> Iterator[ReadingProcess]:
        while True:
            self._go_on()
            with suppress(queue.Empty):
                process = self._processes.get(timeout=_NOTICE_S)
                break
        try:
            yield process
        finally:
            self._processes.put(process)

    def _go_on(self) -> None:
        if self._stop.is_set():
            raise Stopped

    def _put(self, job: TitleJob, event: Begun | Event | Unchanged | Failed) -> None:
        size = _LEAST_BYTES + (event.input.nbytes if isinstance(event, ReadShot) else 0)
        with self._lock:
            while self._held and self._held + size > MOST_BYTES and not self._stop.is_set():
                self._lock.wait(_NOTICE_S)
            if self._stop.is_set():
                raise Stopped
            self._items.append(((job, event), size))
            self._held += size
            self._lock.notify_all()


def _as_named(text: str, job: TitleJob, path: Path) -> str:
    """What is said of a copy, as said of the film itself."""
    return text if isinstance(job.path, Path) else text.replace(str(path.parent), job.path.file.folder)
