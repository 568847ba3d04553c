"""The ingest loop: one film after another into the catalog, and no film's failure stops the next.

Running it twice changes nothing: a title whose film, subtitles, metadata, detector and encoders are what they were is
skipped. A film that cannot be read becomes a failure row with its reason.
"""

import hashlib
import json
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

from mediafm.catalog import (
    Catalog,
    CatalogSpec,
    EncoderSpec,
    ShotRecord,
    TitleRecord,
    TitleSource,
    source_fingerprint,
)
from mediafm.encoders import DetectorChoice, Preset, TextEncoder, load_preset
from mediafm.errors import CatalogError, MediaError, MediafmError, UsageError
from mediafm.ingest.encoding import encode_shots, keyframes
from mediafm.ingest.title_pass import ReadShot, TitlePass
from mediafm.media import TitleReader, find_films, find_sidecars, load_cues, load_metadata, open_title
from mediafm.progress import SILENT, Progress
from mediafm.shots import Detector, make_detector
from mediafm.types import SAMPLE_RATE, FloatArray, Metadata

BATCH = 16  # shots an encoder sees at once; bounds memory together with the sampled frames a shot
OPTIMIZE_EVERY = 100  # titles: every append leaves a file and a version behind
LOST_SOUND_S = 0.5  # holes in the sound that sum to less are the rounding of timestamps
KEYFRAME_SIDE = 180  # pixels of the shorter side, unless an encoder asks for more


@dataclass
class IngestSummary:
    """What `ingest` and `import` did. Keys of `as_json` are the command line's contract.

    failures: titles that are not stored, or not to their end. damaged: titles that are, but with a hole in them.
    """

    titles_ok: int = 0
    titles_failed: int = 0
    titles_skipped: int = 0
    shots: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)
    damaged: list[tuple[str, str]] = field(default_factory=list)
    seconds: float = 0.0
    peak_rss_mb: float = 0.0

    def fail(self, title: str, reason: str) -> None:
        """Count a failed title."""
        self.titles_failed += 1
        self.failures.append((title, reason))

    def as_json(self) -> dict[str, Any]:
        """The document `--json` prints."""
        return {
            "titles_ok": self.titles_ok,
            "titles_failed": self.titles_failed,
            "titles_skipped": self.titles_skipped,
            "shots": self.shots,
            "failures": [{"title": t, "reason": r} for t, r in self.failures],
            "damaged": [{"title": t, "reason": r} for t, r in self.damaged],
            "seconds": round(self.seconds, 3),
            "peak_rss_mb": round(self.peak_rss_mb, 1),
        }


def peak_rss_mb() -> float:
    """Largest resident memory of this process so far, in megabytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)


def ingest(
    paths: Sequence[Path],
    catalog_uri: str,
    preset_name: str = "offline",
    *,
    detector: str = "",
    metadata: Path | None = None,
    language: str = "",
    progress: Progress = SILENT,
) -> IngestSummary:
    """Ingest films and folders of films into the catalog at `catalog_uri`, which is made if it is not there.

    Raises UsageError for wrong paths, clashing title ids or an unknown preset, MismatchError where the catalog was made
    with other encoders. A film that cannot be read is a failure in the summary, not an error.
    """
    started = time.monotonic()
    films = title_ids(find_films(paths))
    known = load_metadata(metadata) if metadata else {}
    preset = with_detector(load_preset(preset_name), detector)
    catalog = Catalog.open_or_create(catalog_uri, catalog_spec(preset))
    summary = IngestSummary()
    progress.start("ingest", len(films), "titles")
    for done, (title_id, path) in enumerate(films.items(), 1):
        job = TitleJob(title_id, path, known.get(title_id, Metadata(name=title_id)), language)
        _ingest_counted(job, catalog, preset, summary)
        progress.advance(1, title=title_id, shots=summary.shots)
        if done % OPTIMIZE_EVERY == 0 or done == len(films):
            catalog.optimize()
    summary.seconds, summary.peak_rss_mb = time.monotonic() - started, peak_rss_mb()
    progress.end(ok=summary.titles_ok, failed=summary.titles_failed, skipped=summary.titles_skipped)
    return summary


def title_ids(films: Sequence[Path]) -> dict[str, Path]:
    """Title id -> film: the file's stem. Two films with one stem are a UsageError."""
    out: dict[str, Path] = {}
    for film in films:
        if film.stem in out and out[film.stem] != film:
            raise UsageError(
                f"two films would both be title '{film.stem}': {out[film.stem]} and {film}.",
                "Rename one of the files: a title's id is its file name without the ending.",
            )
        out[film.stem] = film
    return out


def catalog_spec(preset: Preset) -> CatalogSpec:
    """What a catalog made by this preset says of itself."""
    encoders = {m: EncoderSpec(e.name, e.dim, e.fingerprint, e.licence) for m, e in preset.encoders.items()}
    return CatalogSpec(preset.name, preset_detector(preset).fingerprint, encoders)


def preset_detector(preset: Preset) -> Detector:
    """A fresh detector as the preset names it."""
    return make_detector(preset.detector.name, **preset.detector.options)


def with_detector(preset: Preset, name: str) -> Preset:
    """The preset with another detector; the preset itself for an empty name. UsageError for an unknown one."""
    if not name:
        return preset
    make_detector(name)
    return replace(preset, detector=DetectorChoice.model_validate({"name": name}))


@dataclass(frozen=True, slots=True)
class TitleJob:
    """One film to ingest."""

    title_id: str
    path: Path
    metadata: Metadata
    language: str

    def inputs_fingerprint(self) -> str:
        """Of all that shapes the result beside the film itself: subtitles, metadata, language."""
        digest = hashlib.sha256(json.dumps([repr(self.metadata), self.language]).encode())
        for sidecar in find_sidecars(self.path):
            digest.update(f"{sidecar.path.name}:{source_fingerprint(sidecar.path)}".encode())
        return digest.hexdigest()


def _ingest_counted(job: TitleJob, catalog: Catalog, preset: Preset, summary: IngestSummary) -> None:
    """Ingest one title and count what came of it; a failure is stored as a row."""
    try:
        source = TitleSource(str(job.path.absolute()), source_fingerprint(job.path), job.inputs_fingerprint())
        if catalog.is_current(job.title_id, source.source_fingerprint, source.inputs_fingerprint):
            summary.titles_skipped += 1
            record = catalog.title_record(job.title_id)
        else:
            record = ingest_title(job, catalog, preset, source)
            summary.shots += record.n_shots
            summary.titles_ok += not record.warning
    except CatalogError:
        raise  # storage that fails one title fails the next as well
    except MediafmError as error:
        catalog.record_failure(job.title_id, str(job.path), str(error))
        summary.fail(job.title_id, str(error))
        return
    if record.extra.get("damage"):
        summary.damaged.append((job.title_id, record.extra["damage"]))
    if record.warning:
        catalog.record_failure(job.title_id, str(job.path), record.warning)
        summary.fail(job.title_id, record.warning)
    else:
        catalog.clear_failure(job.title_id)


def ingest_title(job: TitleJob, catalog: Catalog, preset: Preset, source: TitleSource) -> TitleRecord:
    """Read, cut, encode and store one title; all or nothing. Returns what was committed. Raises MediaError."""
    side = max([KEYFRAME_SIDE, *(e.frame_side for e in preset.encoders.values())])
    frames = max([1, *(e.frames for e in preset.encoders.values())])
    with open_title(job.path, audio_language=job.language or None) as reader:
        cues = load_cues(job.path, reader.info, language=job.language or None)
        passed = TitlePass(reader, preset_detector(preset), cues, frames=frames, short_side=side)
        n_shots = 0
        with catalog.writer(job.title_id, source) as writer:
            for batch in _batches(passed):
                writer.append(_records(batch, reader), encode_shots(preset, batch), keyframes(batch))
                n_shots += len(batch)
            if n_shots == 0:
                raise MediaError(f"{job.path}: no picture or sound could be decoded.", reader.failure)
            record = _title_record(job, reader, passed, n_shots, bool(cues))
            writer.commit(record, _global_vector(preset, job.metadata))
    return replace(record, n_shots=n_shots)


def _batches(shots: TitlePass) -> Iterator[list[ReadShot]]:
    iterator = iter(shots)
    while batch := list(islice(iterator, BATCH)):
        yield batch


def _records(batch: Sequence[ReadShot], reader: TitleReader) -> list[ShotRecord]:
    return [ShotRecord.from_shot(r.shot, reader.time_base, text=r.input.text, cues=r.cues) for r in batch]


def _title_record(job: TitleJob, reader: TitleReader, passed: TitlePass, n_shots: int, has_text: bool) -> TitleRecord:
    video = reader.info.video
    return TitleRecord(
        title_id=job.title_id,
        time_base=reader.time_base,
        end_pts=reader.end_pts,
        frames=reader.frames_read,
        width=video.display_width if video else 0,
        height=video.display_height if video else 0,
        fps=float(video.average_rate or 0) if video else 0.0,
        has_video=video is not None,
        has_audio=reader.audio_index is not None,
        has_text=has_text,
        metadata=job.metadata,
        decode_failures=reader.decode_failures,
        warning=_warning(reader, passed, n_shots),
        extra={"damage": damage} if (damage := _damage(reader)) else {},
    )


def _warning(reader: TitleReader, passed: TitlePass, n_shots: int) -> str:
    """Why the title is not whole, or an empty string."""
    if reader.failure:
        end = float(reader.end_pts * reader.time_base)
        kept = "1 shot" if n_shots == 1 else f"{n_shots} shots"
        return f"{reader.failure}; {kept} up to {end:.2f} s kept"
    if passed.soundless_late:
        return f"The sound of {passed.soundless_late} shots lies too far behind their picture in the file. Remux it."
    return ""


def _damage(reader: TitleReader) -> str:
    """What is missing inside a title that was read to its end, or an empty string."""
    found = []
    if reader.decode_failures:
        found.append(f"{reader.decode_failures} pictures or packets would not decode and are left out")
    if reader.samples_filled >= LOST_SOUND_S * SAMPLE_RATE:
        found.append(f"{reader.samples_filled / SAMPLE_RATE:.1f} s of sound are missing and stand as silence")
    return "; ".join(found)


def _global_vector(preset: Preset, metadata: Metadata) -> FloatArray | None:
    """The encoded metadata; None where nothing is known or the preset has no encoder for words."""
    encoder = preset.encoders.get("text")
    text = metadata.as_text()
    return encoder.encode_texts([text])[0] if text and isinstance(encoder, TextEncoder) else None
