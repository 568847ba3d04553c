"""The ingest loop: one film after another into the catalog, and no film's failure stops the next.

Running it twice changes nothing: a title whose film, subtitles, metadata, detector and encoders are what they were is
skipped. A film that cannot be read becomes a failure row with its reason.
"""

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from mediafm.catalog import Catalog, CatalogSpec, TitleRecord, TitleSource, source_fingerprint
from mediafm.encoders import DetectorChoice, Preset, load_preset
from mediafm.errors import MediaError, UsageError
from mediafm.ingest.encoding import (
    batches,
    encode_shots,
    encoder_specs,
    frames_wanted,
    global_vector,
    keyframes,
    shot_records,
)
from mediafm.ingest.summary import IngestSummary, peak_rss_mb, store_counted
from mediafm.ingest.title_pass import TitlePass
from mediafm.media import TitleReader, find_films, find_sidecars, load_cues, load_metadata, open_title
from mediafm.progress import SILENT, Progress
from mediafm.shots import Detector, make_detector
from mediafm.types import SAMPLE_RATE, Metadata

OPTIMIZE_EVERY = 100  # titles: every append leaves a file and a version behind
LOST_SOUND_S = 0.5  # holes in the sound that sum to less are the rounding of timestamps


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
        made_of, write = partial(_source, job), partial(ingest_title, job, catalog, preset)
        store_counted(catalog, summary, title_id, path, made_of, write)
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


def _source(job: TitleJob) -> TitleSource:
    return TitleSource(str(job.path.absolute()), source_fingerprint(job.path), job.inputs_fingerprint())


def ingest_title(job: TitleJob, catalog: Catalog, preset: Preset, source: TitleSource) -> TitleRecord:
    """Read, cut, encode and store one title; all or nothing. Returns what was committed. Raises MediaError."""
    frames, side = frames_wanted(preset)
    with open_title(job.path, audio_language=job.language or None) as reader:
        cues = load_cues(job.path, reader.info, language=job.language or None)
        passed = TitlePass(reader, preset_detector(preset), cues, frames=frames, short_side=side)
        n_shots = 0
        with catalog.writer(job.title_id, source) as writer:
            for batch in batches(passed):
                writer.append(shot_records(batch, reader.time_base), encode_shots(preset, batch), keyframes(batch))
                n_shots += len(batch)
            if n_shots == 0:
                raise MediaError(f"{job.path}: no picture or sound could be decoded.", reader.failure)
            record = _title_record(job, reader, passed, n_shots, bool(cues))
            writer.commit(record, global_vector(preset, job.metadata))
    return replace(record, n_shots=n_shots)


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
