"""Ingest of an event while it goes on: shots are stored as they close, and the end is what ingest makes of the whole.

One title at a time. A killed command is started again: it reads the event from its beginning, faster than it went on,
and what was stored stands until the new reading has come as far.
"""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from mediafm.catalog import Catalog, LiveWriter, TitleRecord, TitleSource, Words
from mediafm.encoders import Preset, checked
from mediafm.encoders.text import SentenceEncoder
from mediafm.errors import EncoderError, MediafmError, UsageError
from mediafm.ingest.batches import BatchPool, features_of
from mediafm.ingest.choosing import catalog_spec, chosen, stored_titles
from mediafm.ingest.encoding import (
    frames_wanted,
    global_vector,
    keyframes,
    sample_rate_wanted,
    shot_records,
    title_record,
)
from mediafm.ingest.feed import Failed, Feed, Item
from mediafm.ingest.jobs import TitleJob, title_jobs
from mediafm.ingest.paying import set_cap, tell_beforehand, tell_spending
from mediafm.ingest.summary import IngestSummary, peak_rss_mb
from mediafm.ingest.titles import Readers, processors_here
from mediafm.interrupts import on_interrupt
from mediafm.media import Languages
from mediafm.progress import SILENT, Progress
from mediafm.reading import Beat, Closed, Limits, Opened, ReadingProcess, ReadRequest, ReadShot, Retold
from mediafm.types import SAMPLE_RATE, ShotInput

SHOW_EVERY_S = 2.0  # between two changes of what can be seen
OPTIMIZE_EVERY = 100  # of them: each leaves files and versions behind
LEAST_IDLE_S = 1.0


def ingest_live(
    path: Path,
    catalog_uri: str,
    preset_name: str = "",
    *,
    detector: str = "",
    metadata: Path | None = None,
    language: str = "",
    idle_s: float = 60.0,
    limits: Limits | None = None,
    max_cost: float | None = None,
    progress: Progress = SILENT,
) -> IngestSummary:
    """Follow one file or folder of segments that is being written, until its event is over (`media.Following`).

    Its title is in the catalog from its first shots on, `record.live` until the end. The options are those of
    `ingest`. Ctrl-C ends it as well: what is certain is stored, and the title stays `live`. `summary.live` says how it
    ended and how far it came. Raises UsageError for a path that is not there, CatalogError where another process
    stores the title meanwhile. An event that cannot be read is a failure in the summary.
    """
    started = time.monotonic()
    Languages.parse(language)
    if not path.exists():
        raise UsageError(f"{path} does not exist yet.", "Start the recording first, then follow it.")
    if not LEAST_IDLE_S <= idle_s < float("inf"):
        raise UsageError(f"--idle is {idle_s:g} seconds.", f"Give {LEAST_IDLE_S:g} at least.")
    preset, summary = chosen(catalog_uri, preset_name, detector), IngestSummary()
    _require_words_apart(preset)
    set_cap(preset, max_cost)
    title_id = path.resolve().name if path.is_dir() else path.stem
    (job,) = title_jobs({title_id: path}, metadata, language, summary, stored_titles(catalog_uri))
    readers = Readers(1, limits or Limits(), processors_here(), ReadingProcess)
    with readers:
        catalog = Catalog.open_or_create(catalog_uri, catalog_spec(preset))
        tell_beforehand(preset.encoders.values(), progress)
        progress.start("live", None, "shots")
        with on_interrupt(readers.stop.set):
            _Event(job, catalog, preset, summary, progress).follow(readers, idle_s)
    tell_spending(preset.encoders.values(), progress)
    if readers.unconfined:
        progress.note(readers.unconfined)
    summary.seconds, summary.peak_rss_mb = time.monotonic() - started, peak_rss_mb() + readers.peak_rss_mb
    progress.end(ok=summary.titles_ok, failed=summary.titles_failed)
    return summary


def _require_words_apart(preset: Preset) -> None:
    """Words of a shot may come late, and then its text is embedded again; other vectors must not depend on them."""
    for modality, encoder in preset.encoders.items():
        if modality != "text" and "text" in encoder.inputs:
            raise UsageError(
                f"The {modality} encoder of preset {preset.name!r} reads words too, which may come after their shot.",
                "Follow the event with another preset, or ingest its recording when it is over.",
            )


class _LiveFeed(Feed):
    """The events of one title that may change while it is read."""

    def _read(self, job: TitleJob) -> None:
        assert isinstance(job.path, Path)
        try:
            with self._process() as process:
                for event in process.read(self._request(job, job.path)):
                    self._put(job, event)
        except MediafmError as error:
            self._put(job, Failed(str(error)))


class _Event:
    """One event being followed."""

    def __init__(
        self, job: TitleJob, catalog: Catalog, preset: Preset, summary: IngestSummary, progress: Progress
    ) -> None:
        self._job, self._catalog, self._preset = job, catalog, preset
        self._summary, self._progress = summary, progress
        self._vector = global_vector(preset, job.metadata)
        self._pool = BatchPool(preset.encoders)
        self._retold: dict[int, Retold] = {}
        self._closed: Closed | None = None
        self._time_base = Fraction(1)
        self._before = next((r for r in catalog.titles() if r.title_id == job.title_id), None)
        self._again = False  # spans are being made anew: what is shown stands until they are whole
        self._begin()

    def _begin(self) -> None:
        self._n_shots = self._end_pts = self._frames = self._shown = self._shows = 0
        self._kinds: set[str] = set()
        self._due = time.monotonic()
        source = TitleSource(self._job.address, "")
        self._writer: LiveWriter = self._catalog.live_writer(self._job.title_id, source)

    def follow(self, readers: Readers, idle_s: float) -> None:
        """Until the event is over, cannot be read on, or `readers.stop` is set."""
        if self._is_stored():
            self._summary.titles_skipped += 1
            assert self._before is not None
            self._summary.tell(self._before)
            return
        (frames, side), rate = frames_wanted(self._preset), sample_rate_wanted(self._preset)
        choice = self._preset.detector

        def request(job: TitleJob, path: Path) -> ReadRequest:
            return ReadRequest(path, choice.name, choice.options, frames, side, job.language, 0, rate, idle_s)

        feed = _LiveFeed(iter([self._job]), lambda *_: False, request, readers.processes, readers.stop)
        failed = ""
        try:
            self._get_ready()  # as the reading process does meanwhile
            self._progress.note(f"following {self._job.path}; its event is over after {idle_s:g} s without growth")
            failed = self._work(iter(feed), feed)
            ended = "" if self._closed is None else self._closed.ended
        except KeyboardInterrupt:
            ended = "interrupted"
            self._collect()
        finally:
            feed.close()
        with self._writer:
            self._finish(ended, failed)

    def _get_ready(self) -> None:
        """Load the encoders now: the first shots are not to wait for them."""
        frame = np.zeros((180, 320, 3), np.uint8)
        something = ShotInput((frame,), (0.0,), np.zeros(SAMPLE_RATE, np.float32), "A word.", 1.0)
        for modality, encoder in self._preset.encoders.items():
            if modality != "text" or isinstance(encoder, SentenceEncoder):  # others may ask a service, for money
                with contextlib.suppress(EncoderError):  # if it cannot be, the first shot says so
                    checked(encoder, [something])

    def _work(self, items: Iterator[Item | None], feed: Feed) -> str:
        """Take what comes; why it cannot go on, or ""."""
        self._writer.__enter__()
        for item in items:
            event = None if item is None else item[1]
            if isinstance(event, Failed):
                return event.reason
            if event is not None:
                self._take(event)
            if feed.idle:
                self._collect()
            if self._pool.failed:
                return next(iter(self._pool.failed.values()))
            if time.monotonic() >= self._due and self._may_show:
                self._show(self._so_far())
        self._collect()
        return ""

    def _take(self, event: object) -> None:
        if isinstance(event, Opened):
            if self._n_shots:  # the second time: its spans were planned otherwise than they turned out
                self._writer.__exit__(None, None, None)
                self._pool.drop(self._job.title_id)
                self._retold = {}
                self._begin()
                self._writer.__enter__()
                self._again = True
            self._time_base = event.time_base
        elif isinstance(event, ReadShot):
            self._pool.add(self._job.title_id, event)
        elif isinstance(event, Retold):
            self._retold[event.shot] = event
        elif isinstance(event, Beat):
            self._progress.advance(0, minute=round(float(self._end_pts * self._time_base) / 60, 1))
        elif isinstance(event, Closed):
            self._closed = event

    def _collect(self) -> None:
        """Encode what came and hand it to the writer."""
        self._pool.flush()
        done = self._pool.take(self._job.title_id)
        if done:
            reads = [read for read, _ in done]
            features = features_of(self._preset.encoders, [rows for _, rows in done])
            self._writer.append(shot_records(reads, self._time_base), features, keyframes(reads))
            self._n_shots += len(done)
            self._end_pts, self._frames = reads[-1].shot.end_pts, reads[-1].shot.end_frame
            self._kinds |= {m for read in reads for m in ("video", "audio", "text") if read.input.has(m)}
            self._progress.advance(len(done))
        for shot in [shot for shot in self._retold if shot < self._n_shots]:
            self._writer.retell(shot, self._words(self._retold.pop(shot)))
            self._shown = min(self._shown, self._n_shots - 1)  # there is something to show

    def _words(self, told: Retold) -> Words:
        encoder = self._preset.encoders.get("text")
        inside = ShotInput((), (), None, told.text, 0.0)
        if encoder is None or not inside.has("text"):
            return Words(told.text, told.cues, None)
        self._kinds.add("text")
        encoded = checked(encoder, [inside])
        return Words(told.text, told.cues, encoded.vectors[0] if encoded.present[0] else None)

    # -------------------------------------------------------------------------------------------- what is stored

    def _is_stored(self) -> bool:
        """Whether the event was followed, or ingested, to this very end."""
        if self._before is None or self._before.live:
            return False
        source = self._job.source_now()
        return self._catalog.is_made_of(self._before, source.source_fingerprint, source.inputs_fingerprint)

    @property
    def _may_show(self) -> bool:
        """Whether there is more to show than is stored; of a title so far, the new reading has to come as far first."""
        if self._again or self._n_shots <= self._shown:
            return False
        before = self._before
        going_on = before is not None and before.path == self._job.address
        return not going_on or before is None or self._n_shots >= before.n_shots

    def _so_far(self) -> TitleRecord:
        return TitleRecord(
            title_id=self._job.title_id,
            time_base=self._time_base,
            end_pts=self._end_pts,
            frames=self._frames,
            has_video="video" in self._kinds,
            has_audio="audio" in self._kinds,
            has_text="text" in self._kinds,
            metadata=self._job.metadata,
            extra={"live": {"shown": self._shows + 1}},
        )

    def _show(self, record: TitleRecord, source: TitleSource | None = None) -> None:
        self._writer.show(record, self._vector, source)
        self._before = None  # what was there is behind us
        self._shown, self._shows = self._n_shots, self._shows + 1
        self._due = time.monotonic() + SHOW_EVERY_S
        if self._shows % OPTIMIZE_EVERY == 0:
            self._catalog.optimize()

    def _finish(self, ended: str, failed: str) -> None:
        title_id, summary = self._job.title_id, self._summary
        if self._closed is not None and not failed:
            record = title_record(self._job, self._closed, self._time_base, self._n_shots)
            self._show(record, self._job.source_now())
            summary.titles_ok += not record.warning
            summary.tell(replace(record, n_shots=self._n_shots))
            failed_with = record.warning
        else:
            if self._may_show:
                self._show(self._so_far())
            failed_with = failed
            if failed:
                summary.fail(title_id, failed)
        if failed_with:
            self._catalog.record_failure(title_id, str(self._job.path), failed_with)
        elif self._closed is not None:
            self._catalog.clear_failure(title_id)
        summary.shots = self._n_shots
        # What is stored, which is what an earlier reading stored where this one did not come as far.
        stored = next((r for r in self._catalog.titles() if r.title_id == title_id), None)
        shots, end_s = (0, 0.0) if stored is None else (stored.n_shots, stored.duration_s)
        summary.live = {"title": title_id, "ended": ended, "shots": shots, "end_s": end_s}
        if self._shows:
            self._catalog.optimize()
