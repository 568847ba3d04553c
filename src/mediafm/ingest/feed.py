"""Titles being read: some threads, a reading process each, and the bounded queue in which their events meet."""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from mediafm.catalog import TitleSource, file_state, require_unchanged
from mediafm.errors import MediafmError
from mediafm.ingest.jobs import TitleJob
from mediafm.progress import Progress
from mediafm.reading import Closed, Event, ReadingProcess, ReadRequest, ReadShot, Stopped

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
    """The title cannot be read, or changed on the way. What was read of it does not count."""

    reason: str


Item = tuple[TitleJob, Begun | Event | Unchanged | Failed]


class Feed:
    """Iterates over the events of all titles, as they come, while `processes` read.

    is_current: whether a title is stored just as it would be now.

    The events of one title come in order. Whoever iterates slower than they read makes them wait, so that what is held
    stays within MOST_BYTES and a shot for each worker. Close it, however the iteration ends; `stop` ends it
    early, as Ctrl-C would.
    """

    def __init__(
        self,
        jobs: Iterator[TitleJob],
        is_current: Callable[[str, TitleSource], bool],
        request: Callable[[TitleJob], ReadRequest],
        processes: list[ReadingProcess],
        stop: threading.Event,
    ) -> None:
        self._jobs, self._is_current, self._request, self._stop = jobs, is_current, request, stop
        self._lock = threading.Condition()
        self._items: deque[tuple[Item, int]] = deque()
        self._held = 0
        self._crash: BaseException | None = None
        self._threads = [threading.Thread(target=self._serve, args=(p,), daemon=True) for p in processes]
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

    # ------------------------------------------------------------------------------------ on the readers' threads

    def _serve(self, process: ReadingProcess) -> None:
        try:
            while (job := self._next_job()) is not None:
                self._read(process, job)
        except Stopped:
            pass
        except BaseException as error:  # a mistake of ours: it must come up in the main thread, not die with this one
            self._crash = error
        finally:
            process.close()
            with self._lock:
                self._lock.notify_all()

    def _next_job(self) -> TitleJob | None:
        with self._lock:
            return None if self._stop.is_set() else next(self._jobs, None)

    def _read(self, process: ReadingProcess, job: TitleJob) -> None:
        try:
            before = file_state(job.path)
            source = job.source(before.fingerprint)
            if self._is_current(job.title_id, source):
                self._put(job, Unchanged())
                return
            self._put(job, Begun(source))
            for event in process.read(self._request(job)):
                if isinstance(event, Closed):
                    require_unchanged(job.path, before)
                self._put(job, event)
        except MediafmError as error:
            self._put(job, Failed(str(error)))

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


def tell_unconfined(processes: Sequence[ReadingProcess], progress: Progress) -> None:
    """Say what this system could not close to the processes that have read films, if anything."""
    if unconfined := sorted(set().union(*(process.unconfined for process in processes))):
        progress.note(
            f"This system could not close {' and '.join(unconfined)} to the processes that read films: "
            "ingest only films you trust, or where the kernel has seccomp and Landlock (Linux 5.13 on)."
        )
