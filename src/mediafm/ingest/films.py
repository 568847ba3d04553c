"""Ingest: films into the catalog, several at a time, and no film's failure stops the next.

Running it twice changes nothing: a title whose film, subtitles, metadata, detector and encoders are what they were is
skipped. A film that cannot be read becomes a failure row with its reason.
"""

import time
from collections.abc import Sequence
from pathlib import Path

from mediafm.catalog import Catalog
from mediafm.ingest.choosing import catalog_spec, chosen, stored_titles
from mediafm.ingest.jobs import title_ids, title_jobs
from mediafm.ingest.paying import set_cap, tell_beforehand, tell_spending
from mediafm.ingest.summary import IngestSummary, peak_rss_mb
from mediafm.ingest.titles import Readers, ingest_titles, processors_here, workers_for
from mediafm.interrupts import on_interrupt
from mediafm.media import Languages, find_films
from mediafm.progress import SILENT, Progress
from mediafm.reading import Limits, ReadingProcess


def ingest(
    paths: Sequence[Path | str],
    catalog_uri: str,
    preset_name: str = "",
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

    paths: of this machine, or addresses of object storage (`s3://bucket/films`).
    preset_name, detector: where empty those that the catalog was made with, `offline` and its own for a new one.
    language: of sound and subtitles: a list such as `de,en`, or `Languages.spec` where they differ.
    workers: films that are read at the same time, each by a process of its own; 0: one for every two processors.
    limits: what reading one film may take. max_cost: dollars that encoders which are paid for may cost this run.

    Raises UsageError for wrong paths, clashing title ids or an unknown preset, MismatchError where the catalog was made
    with other encoders. A film that cannot be read is a failure in the summary, not an error.
    """
    started = time.monotonic()
    Languages.parse(language)  # what is no language is told at once
    films = title_ids(find_films(paths))
    preset = chosen(catalog_uri, preset_name, detector)
    set_cap(preset, max_cost)
    processors = processors_here()
    readers = Readers(workers_for(workers, len(films), processors), limits or Limits(), processors, ReadingProcess)
    summary = IngestSummary()
    with readers:
        jobs = title_jobs(films, metadata, language, summary, stored_titles(catalog_uri))
        catalog = Catalog.open_or_create(catalog_uri, catalog_spec(preset))
        tell_beforehand(preset.encoders.values(), progress)
        progress.start("ingest", len(jobs), "titles")
        with on_interrupt(readers.stop.set):
            ingest_titles(iter(jobs), catalog, preset, readers, summary.count, progress=progress)
    tell_spending(preset.encoders.values(), progress)
    if readers.unconfined:
        progress.note(readers.unconfined)
    summary.seconds, summary.peak_rss_mb = time.monotonic() - started, peak_rss_mb() + readers.peak_rss_mb
    progress.end(ok=summary.titles_ok, failed=summary.titles_failed, skipped=summary.titles_skipped)
    return summary
