"""Another encoder for one modality: that modality of all titles is made anew, and nothing else.

Text comes from the stored words, so no film is touched; sound and pictures come from the films, read again with the
shots they have. The new vectors wait beside the old ones until all titles have theirs (`catalog.re_encoding`): a
killed run changes nothing that anybody reads, and the same command goes on where it stood.
"""

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mediafm.catalog import BatchWriter, Catalog, ReEncoding, TitleRecord, TitleSource
from mediafm.encoders import DetectorChoice, load_preset
from mediafm.errors import CatalogError, MediaError, MediafmError, UsageError
from mediafm.ingest.batches import BatchPool
from mediafm.ingest.change import Change, ReEncodeSummary, plan_change, summary_of
from mediafm.ingest.choosing import detector_of
from mediafm.ingest.feed import Begun, Failed, Feed
from mediafm.ingest.jobs import TitleJob, title_ids
from mediafm.ingest.paying import set_cap, tell_beforehand, tell_estimate, tell_spending
from mediafm.ingest.redoing import Redone, needs_film, refuse_import, request_of
from mediafm.ingest.titles import Readers, processors_here, workers_for
from mediafm.interrupts import on_interrupt
from mediafm.media import RemoteFilm, find_films
from mediafm.progress import SILENT, Progress
from mediafm.reading import Closed, Limits, ReadRequest, ReadShot
from mediafm.storage import is_remote

FAILED = "not re-encoded: "  # how reasons of failures begin that are of a re-encoding
NOT_WHOLE = (
    "Its rows are not all there, or it was stored anew just now. Run the command again, or else ingest the title again."
)
COMMIT_EVERY_S = 5.0
_ROUNDS = 5  # titles that others store meanwhile are caught up with so often


def reencode(
    catalog_uri: str,
    preset_name: str,
    modalities: Sequence[str] = (),
    *,
    films: Sequence[Path | str] = (),
    language: str = "",
    workers: int = 0,
    limits: Limits | None = None,
    max_cost: float | None = None,
    leave_out: bool = False,
    progress: Progress = SILENT,
) -> ReEncodeSummary:
    """Give the catalog the preset's encoders, re-doing the modalities that differ and copying the others.

    modalities: those to take from the preset; none named: all. films: where films are now that are no longer where they
    were ingested from. language: default is the one that a film was ingested with. leave_out: titles that cannot be
    re-done leave the catalog; otherwise it stays what it was until they can. Raises UsageError for what cannot be asked
    for, MismatchError where another re-encoding is under way.
    """
    started = time.monotonic()
    preset = load_preset(preset_name)
    catalog = Catalog.open(catalog_uri)
    moved = title_ids(find_films(films)) if films else {}
    spec, change = plan_change(catalog.spec, preset, modalities)
    set_cap(preset, max_cost)
    summary = summary_of(catalog.spec, spec)
    if not catalog.spec.changed(spec):
        summary.switched = True
        return summary
    tell_beforehand(change.redo.values(), progress)
    detector = detector_of(spec.detector, preset)
    run = _Run(catalog, ReEncoding.begin(catalog, spec), change, detector, moved, language, summary, progress)
    run.work(workers, limits or Limits(), leave_out)
    tell_spending(change.redo.values(), progress)
    if summary.switched:
        Catalog.open(catalog_uri).optimize()
    summary.seconds = time.monotonic() - started
    progress.end(ok=summary.titles_ok, failed=len(summary.failures))
    return summary


class _Run:
    """One run: titles in, `ReEncoding.write` out."""

    def __init__(
        self,
        catalog: Catalog,
        target: ReEncoding,
        change: Change,
        detector: DetectorChoice | None,
        moved: dict[str, Path | RemoteFilm],
        language: str,
        summary: ReEncodeSummary,
        progress: Progress,
    ) -> None:
        self._catalog, self._target, self._change, self._moved = catalog, target, change, moved
        self._detector, self._language, self._summary, self._progress = detector, language, summary, progress
        self._pool = BatchPool(change.redo)
        self._titles: dict[str, Redone] = {}
        self._begun: dict[str, Redone] = {}  # filled by the threads that read
        self._failing = {f.title_id for f in catalog.failures() if f.reason.startswith(FAILED)}
        self._flushed = time.monotonic()

    def work(self, workers: int, limits: Limits, leave_out: bool) -> None:
        """Re-do what is due, and switch once nothing is; catch up with titles that are stored meanwhile."""
        due = self._target.due()
        self._progress.start("reencode", len(due), "titles")
        for _ in range(_ROUNDS):
            self._redo([r for r in due if r.title_id not in self._summary.failures], workers, limits)
            if not self._summary.switched:
                self._summary.switched = self._target.switch(leave_out)
            due = self._target.due()
            if not self._summary.switched or all(r.title_id in self._summary.failures for r in due):
                break
        self._summary.titles_left = 0 if self._summary.switched else len(due)

    def _redo(self, due: Sequence[TitleRecord], workers: int, limits: Limits) -> None:
        for encoder in self._change.redo.values():
            if due:
                encoder.check_ready()
        from_films = [r for r in due if needs_film(r, self._change)]
        from_store = [r for r in due if not needs_film(r, self._change)]
        if "text" in self._change.redo and due:
            texts = (text for *_, text in self._catalog.iter_texts([r.title_id for r in due]) if text)
            tell_estimate(self._change.redo["text"], texts, self._progress)
        with self._target.batch_writer() as writer:
            stop = threading.Event()
            with on_interrupt(stop.set):
                self._from_store(from_store, writer, stop)
                self._from_films(from_films, writer, stop, workers, limits)

    # without films --------------------------------------------------------------------------------------------

    def _from_store(self, due: Sequence[TitleRecord], writer: BatchWriter, stop: threading.Event) -> None:
        for record, stored in self._target.read(due):
            if stop.is_set():
                raise KeyboardInterrupt
            if stored is None:
                self._fail(record.title_id, record.path, NOT_WHOLE)
                continue
            title = self._titles[record.title_id] = Redone.of(stored)
            for shot in title.shots:
                self._pool.add(record.title_id, title.from_words(shot))
            title.complete = True
            self._settle(writer)
        self._pool.flush()
        self._settle(writer)

    # with films -----------------------------------------------------------------------------------------------

    def _from_films(
        self, due: Sequence[TitleRecord], writer: BatchWriter, stop: threading.Event, workers: int, limits: Limits
    ) -> None:
        if not due:
            return
        processors = processors_here()
        readers = Readers(workers_for(workers, len(due), processors), limits, processors, stop=stop)
        with readers:
            feed = self._feed(due, readers)
            try:
                for item in feed:
                    if item is not None:
                        self._handle(*item)
                    if feed.idle and any(t.complete for t in self._titles.values()):
                        self._pool.flush()
                    self._settle(writer)
            finally:
                feed.close()
        if readers.unconfined:
            self._progress.note(readers.unconfined)
        self._pool.flush()
        self._settle(writer)

    def _feed(self, due: Sequence[TitleRecord], readers: Readers) -> Feed:
        records = {r.title_id: r for r in due}

        def is_current(title_id: str, source: TitleSource) -> bool:
            record = records[title_id]
            refuse_import(record)
            if source.source_fingerprint != record.source_fingerprint:
                raise MediaError(
                    f"{source.path} is not the film that is stored.",
                    "Ingest it anew, or say where the right one is: mediafm reencode FILMS ...",
                )
            ((_, stored),) = self._target.read([record])
            if stored is None:
                raise MediaError(NOT_WHOLE)
            self._begun[title_id] = Redone.of(stored, Path(source.path))
            return False

        def request(job: TitleJob, path: Path) -> ReadRequest:
            return request_of(self._begun[job.title_id], job, path, self._change, self._detector, readers.threads)

        jobs = (
            TitleJob(r.title_id, f, r.metadata, self._language or r.language)
            for r in due
            if (f := self._film(r)) is not None
        )
        return Feed(jobs, is_current, request, readers.processes, readers.stop)

    def _film(self, record: TitleRecord) -> Path | RemoteFilm | None:
        if record.title_id in self._moved:
            return self._moved[record.title_id]
        if not is_remote(record.path):
            return Path(record.path)
        try:
            return find_films([record.path])[0]
        except MediafmError as error:
            self._fail(record.title_id, record.path, str(error))
            return None

    def _handle(self, job: TitleJob, event: Any) -> None:
        if isinstance(event, Begun):
            self._titles[job.title_id] = self._begun[job.title_id]
        title = self._titles.get(job.title_id)
        if isinstance(event, Failed):
            self._fail(job.title_id, str(job.path), event.reason)
        elif title is None:
            return  # it has failed already
        elif isinstance(event, ReadShot):
            try:
                self._pool.add(job.title_id, title.matched(event))
            except MediaError as error:
                self._fail(job.title_id, str(job.path), str(error))
        elif isinstance(event, Closed):
            title.complete = True
            if title.read != len(title.shots):
                reason = f"{job.path}: {title.read} of its {len(title.shots)} shots could be read again."
                self._fail(job.title_id, str(job.path), reason)

    # both -----------------------------------------------------------------------------------------------------

    def _settle(self, writer: BatchWriter) -> None:
        """Write the titles that are done."""
        for title_id, reason in list(self._pool.failed.items()):
            self._fail(title_id, self._titles[title_id].source.path, reason)
        for title_id, title in list(self._titles.items()):
            title.take(self._pool.take(title_id))
            if title.complete and len(title.done) == len(title.shots):
                self._write(title, writer)
        if time.monotonic() - self._flushed > COMMIT_EVERY_S:
            writer.flush()
            self._flushed = time.monotonic()

    def _write(self, title: Redone, writer: BatchWriter) -> None:
        title_id = title.record.title_id
        try:
            self._target.write(writer, title.rewritten(self._change))
        except (CatalogError, UsageError):
            raise  # of every title, not of this one
        except MediafmError as error:
            self._fail(title_id, title.source.path, str(error))
            return
        self._forget(title_id)
        if title_id in self._failing:
            self._catalog.clear_failure(title_id)
            if title.record.warning:
                self._catalog.record_failure(title_id, title.source.path, title.record.warning)
        self._summary.titles_ok += 1
        self._summary.shots += len(title.shots)
        self._progress.advance(1, title=title_id)

    def _forget(self, title_id: str) -> None:
        self._pool.drop(title_id)
        self._titles.pop(title_id, None)
        self._begun.pop(title_id, None)

    def _fail(self, title_id: str, path: str, reason: str) -> None:
        self._forget(title_id)
        self._catalog.record_failure(title_id, path, FAILED + reason)
        self._summary.failures[title_id] = reason
        self._progress.advance(1, title=title_id)
