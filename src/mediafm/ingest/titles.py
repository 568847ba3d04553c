"""One way to bring titles into a catalog, whoever hands them out: a list on this machine, or a cluster's driver."""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from mediafm.catalog import Catalog, TitleRecord, TitleSource
from mediafm.encoders import Preset
from mediafm.errors import UsageError
from mediafm.ingest.encoding import frames_wanted, sample_rate_wanted
from mediafm.ingest.feed import Feed
from mediafm.ingest.jobs import TitleJob
from mediafm.ingest.pipeline import Pipeline
from mediafm.ingest.storing import Storing
from mediafm.ingest.summary import Outcome
from mediafm.progress import SILENT, Progress
from mediafm.reading import Limits, ReadingProcess, ReadRequest


class Readers:
    """Reading processes, and the switch that stops them. A context manager: none is left after its block.

    processors: of this machine, to be shared between `workers` processes.
    """

    def __init__(
        self,
        workers: int,
        limits: Limits,
        processors: int,
        kind: Callable[[Limits, int, Callable[[], bool]], ReadingProcess] = ReadingProcess,
        stop: threading.Event | None = None,
    ) -> None:
        self.stop = stop or threading.Event()
        self.threads = max(1, processors // workers) if workers > 1 else 0
        self.processes = [kind(limits, self.threads, self.stop.is_set) for _ in range(workers)]

    def __enter__(self) -> "Readers":
        self.processes[0].start()  # while it gets ready the catalog is opened
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        for process in self.processes:
            process.close()

    @property
    def unconfined(self) -> str:
        """What this system could not close to the processes: a sentence for the user, or an empty string."""
        open_ = sorted(set().union(*(process.unconfined for process in self.processes)))
        if not open_:
            return ""
        return (
            f"This system could not close {' and '.join(open_)} to the processes that read films: "
            "ingest only films you trust, or where the kernel has seccomp and Landlock (Linux 5.13 on)."
        )

    @property
    def peak_rss_mb(self) -> float:
        """Largest resident memory of the processes that have ended, added up."""
        return sum(process.peak_rss_mb for process in self.processes)


def workers_for(asked: int, films: int, processors: int) -> int:
    """How many films are read at once: as asked, or one for every two processors; never more than there are films."""
    if asked < 0:
        raise UsageError(f"{asked} workers cannot read anything.", "Give a number of at least 1, or 0 to choose one.")
    return max(1, min(asked or processors // 2, films))


def processors_here() -> int:
    """Processors of this machine."""
    return os.cpu_count() or 1


def ingest_titles(
    jobs: Iterator[TitleJob],
    catalog: Catalog,
    preset: Preset,
    readers: Readers,
    report: Callable[[Outcome], None],
    *,
    progress: Progress = SILENT,
    alone: bool = True,
    again: Callable[[str], bool] = lambda title_id: False,
) -> None:
    """Read, encode and store titles as they come; returns when the last one of `jobs` is stored.

    jobs: may make its caller wait. report: told what became of each title when that is certain, on another thread.
    alone: as `Storing`. again: titles that another process may have stored since this began. Raises what storage
    raises, KeyboardInterrupt once `readers.stop` is set.
    """
    stored = {record.title_id: record for record in catalog.titles()}
    (frames, side), rate = frames_wanted(preset), sample_rate_wanted(preset)

    def is_current(title_id: str, source: TitleSource) -> bool:
        if again(title_id):
            stored.update({title_id: record} if (record := _find(catalog, title_id)) else {})
        known = stored.get(title_id)
        fingerprints = source.source_fingerprint, source.inputs_fingerprint
        return known is not None and catalog.is_made_of(known, *fingerprints)

    def request(job: TitleJob, path: Path) -> ReadRequest:
        choice = preset.detector
        return ReadRequest(path, choice.name, choice.options, frames, side, job.language, readers.threads, rate)

    failing = {failure.title_id for failure in catalog.failures()}
    with Storing(catalog, preset.encoders, report, alone) as storing:
        feed = Feed(jobs, is_current, request, readers.processes, readers.stop)
        try:
            Pipeline(preset, storing, progress, stored, failing).run(feed)
        finally:
            feed.close()


def _find(catalog: Catalog, title_id: str) -> TitleRecord | None:
    return catalog.title_record(title_id) if title_id in catalog.title_ids() else None
