"""What runs on each machine: one actor that reads, encodes and stores the titles it is handed.

Reading and encoding stand on one machine, and pictures go from one to the other as they do without Ray: they never
enter Ray's object store. Only where encoders have machines of their own (`encoding`) do pictures travel, a batch at a
time. Titles go into the catalog from here, by the commit rule, which needs no go-between.
"""

import platform
import queue
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

from mediafm.catalog import Catalog
from mediafm.encoders import Preset, load_preset
from mediafm.errors import MediafmError
from mediafm.ingest import Outcome, Readers, TitleJob, catalog_spec, ingest_titles, peak_rss_mb, with_detector
from mediafm.reading import Limits, few_arenas
from mediafm.scale.encoding import RemoteEncoder
from mediafm.storage import set_options

_LOOK_S = 0.2


class Station:
    """Ingests titles into one catalog. `ingest_title` may be called by many threads at once.

    preset, detector: as for `ingest`. workers: films read at the same time. processors: of this machine, that it may
    use. encoders: an actor that encodes, or None for encoders of its own, on processors. storage: options of object
    storage.
    """

    def __init__(
        self,
        preset: str,
        detector: str,
        workers: int,
        limits: Limits,
        processors: int,
        storage: Mapping[str, str],
        encoders: Any = None,
    ) -> None:
        if storage:
            set_options(storage)
        few_arenas()
        self._asked, self._encoders = (preset, detector), encoders
        self._readers = Readers(workers, limits, processors)
        self._jobs: queue.Queue[TitleJob | None] = queue.Queue()
        self._promised: dict[str, Future[Outcome]] = {}
        self._again: set[str] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._error: Exception | None = None

    def open(self, catalog_uri: str, make: bool, films: list[tuple[str, int]]) -> tuple[str, str]:
        """Get ready; returns this machine's name and what the catalog says it is.

        make: whether to make the catalog if there is none. films: some of this machine's files and their sizes, which
        must be here. Raises MediafmError, as `Catalog` does, and where a film is not here.
        """
        name, detector = self._asked
        preset = with_detector(load_preset(name, device="cpu"), detector)
        if self._encoders is not None:
            preset = replace(preset, _loaded=RemoteEncoder.all_of(self._encoders))
        self._preset: Preset = preset
        if not make:
            Catalog.open(catalog_uri)  # where there is none, none is to be made
        self._catalog = Catalog.open_or_create(catalog_uri, catalog_spec(self._preset))
        for path, size in films:
            if not Path(path).is_file() or Path(path).stat().st_size != size:
                raise MediafmError(f"the film {path} is not there, or is another one.")
        return platform.node(), self._catalog.identity

    def ingest_title(self, job: TitleJob, again: bool) -> Outcome:
        """Bring one title into the catalog; returns when it is stored, or the row of its failure.

        again: whether another station may have stored it without having said so. Raises what storage raises.
        """
        promise: Future[Outcome] = Future()
        with self._lock:
            if self._error is not None:
                raise self._error
            self._promised[job.title_id] = promise
            if again:
                self._again.add(job.title_id)
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, daemon=True)
                self._thread.start()
            self._jobs.put(job)
        return promise.result()

    def close(self) -> tuple[str, float]:
        """Finish what is under way and end the readers: (what could not be closed to them, peak memory in MB)."""
        with self._lock:
            thread, self._thread = self._thread, None
        self._jobs.put(None)
        if thread is not None:
            thread.join()
        self._readers.__exit__()
        return self._readers.unconfined, peak_rss_mb() + self._readers.peak_rss_mb

    def _serve(self) -> None:
        try:
            ingest_titles(
                self._arriving(),
                self._catalog,
                self._preset,
                self._readers,
                self._report,
                alone=False,
                again=self._again.__contains__,
            )
        except BaseException as error:  # all who wait must hear of it
            failed = error if isinstance(error, Exception) else RuntimeError("the station was stopped")
            with self._lock:
                self._error = failed
                waiting, self._promised = list(self._promised.values()), {}
            for promise in waiting:
                promise.set_exception(failed)

    def _arriving(self) -> Iterator[TitleJob]:
        while not self._readers.stop.is_set():
            try:
                job = self._jobs.get(timeout=_LOOK_S)
            except queue.Empty:
                continue
            if job is None:
                return
            yield job

    def _report(self, outcome: Outcome) -> None:
        with self._lock:
            promise = self._promised.pop(outcome.title_id, None)
        if promise is not None:
            promise.set_result(outcome)
