"""Ingest: films into the catalog, several at a time, and no film's failure stops the next.

Running it twice changes nothing: a title whose film, subtitles, metadata, detector and encoders are what they were is
skipped. A film that cannot be read becomes a failure row with its reason.
"""

import os
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mediafm.catalog import Catalog, CatalogSpec, TitleRecord, TitleSource
from mediafm.encoders import DetectorChoice, Preset, load_preset
from mediafm.errors import UsageError
from mediafm.ingest.encoding import encoder_specs, frames_wanted
from mediafm.ingest.feed import Feed, tell_unconfined
from mediafm.ingest.jobs import TitleJob, title_ids
from mediafm.ingest.paying import set_cap, tell_beforehand, tell_spending
from mediafm.ingest.pipeline import Pipeline
from mediafm.ingest.storing import Storing
from mediafm.ingest.summary import IngestSummary, peak_rss_mb
from mediafm.interrupts import on_interrupt
from mediafm.media import find_films, load_metadata
from mediafm.progress import SILENT, Progress
from mediafm.reading import Limits, ReadingProcess, ReadRequest
from mediafm.shots import Detector, make_detector
from mediafm.types import Metadata


def ingest(
    paths: Sequence[Path],
    catalog_uri: str,
    preset_name: str = "offline",
    *,
    detector: str = "",
    metadata: Path | None = None,
    language: str = "",
    workers: int = 0,
    limits: Limits | None = None,
    max_cost: float | None = None,
    progress: Progress = SILENT,
) -> IngestSummary:
    """Ingest films and folders of films into the catalog at `catalog_uri`, which is made if it is not there.

    workers: films that are read at the same time, each by a process of its own; 0: one for every two processors.
    limits: what reading one film may take. max_cost: dollars that encoders which are paid for may cost this run.

    Raises UsageError for wrong paths, clashing title ids or an unknown preset, MismatchError where the catalog was made
    with other encoders. A film that cannot be read is a failure in the summary, not an error.
    """
    started = time.monotonic()
    films = title_ids(find_films(paths))
    preset = with_detector(load_preset(preset_name), detector)
    set_cap(preset, max_cost)
    workers = _workers(workers, len(films))
    stop = threading.Event()
    threads = max(1, (os.cpu_count() or 1) // workers) if workers > 1 else 0
    processes = [ReadingProcess(limits or Limits(), threads, stop.is_set) for _ in range(workers)]
    processes[0].start()  # while it gets ready the catalog is opened
    summary = IngestSummary()
    try:
        known = load_metadata(metadata) if metadata else {}
        jobs = [TitleJob(t, path, known.get(t, Metadata(name=t)), language) for t, path in films.items()]
        catalog = Catalog.open_or_create(catalog_uri, catalog_spec(preset))
        tell_beforehand(preset.encoders.values(), progress)
        progress.start("ingest", len(jobs), "titles")
        with on_interrupt(stop.set):
            _run(jobs, catalog, preset, processes, threads, stop, summary, progress)
    finally:
        stop.set()
        for process in processes:
            process.close()
    tell_spending(preset.encoders.values(), progress)
    tell_unconfined(processes, progress)
    readers = sum(process.peak_rss_mb for process in processes)
    summary.seconds, summary.peak_rss_mb = time.monotonic() - started, peak_rss_mb() + readers
    progress.end(ok=summary.titles_ok, failed=summary.titles_failed, skipped=summary.titles_skipped)
    return summary


def _run(
    jobs: Sequence[TitleJob],
    catalog: Catalog,
    preset: Preset,
    processes: list[ReadingProcess],
    threads: int,
    stop: threading.Event,
    summary: IngestSummary,
    progress: Progress,
) -> None:
    stored = {record.title_id: record for record in catalog.titles()}
    frames, side = frames_wanted(preset)

    def is_current(title_id: str, source: TitleSource) -> bool:
        record: TitleRecord | None = stored.get(title_id)
        fingerprints = source.source_fingerprint, source.inputs_fingerprint
        return record is not None and catalog.is_made_of(record, *fingerprints)

    def request(job: TitleJob) -> ReadRequest:
        choice = preset.detector
        return ReadRequest(job.path, choice.name, choice.options, frames, side, job.language, threads)

    failing = {failure.title_id for failure in catalog.failures()}
    with Storing(catalog, preset.encoders) as storing:
        feed = Feed(iter(jobs), is_current, request, processes, stop)
        try:
            Pipeline(preset, storing, summary, progress, stored, failing).run(feed)
        finally:
            feed.close()


def _workers(asked: int, films: int) -> int:
    if asked < 0:
        raise UsageError(f"{asked} workers cannot read anything.", "Give a number of at least 1, or 0 to choose one.")
    return max(1, min(asked or (os.cpu_count() or 1) // 2, films))


def catalog_spec(preset: Preset) -> CatalogSpec:
    """What a catalog made by this preset says of itself."""
    return CatalogSpec(preset.name, preset_detector(preset).fingerprint, encoder_specs(preset))


def preset_detector(preset: Preset) -> Detector:
    """A fresh detector as the preset names it."""
    return make_detector(preset.detector.name, **preset.detector.options)


def with_detector(preset: Preset, name: str) -> Preset:
    """The preset with another detector; the preset itself for an empty name. UsageError for an unknown one."""
    if not name:
        return preset
    make_detector(name)
    return replace(preset, detector=DetectorChoice.model_validate({"name": name}))
