"""MovieNet's folder becomes a catalog: its shots, features of its keyframes and of its subtitles. Sound is missing.

The films themselves are not given out, so what `ingest` would see of a film is put together from what is: a shot's
sampled pictures are its keyframes, its words the subtitles over its time. A title's time base is one frame, so that
spans are exact. Shots come from MovieNet, not from the preset's detector, and the catalog says so.
"""

import hashlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

from mediafm.catalog import Catalog, CatalogSpec, TitleRecord, TitleSource, source_fingerprint
from mediafm.encoders import Preset, load_preset
from mediafm.errors import ImportDataError, MediaError, UsageError
from mediafm.ingest.encoding import (
    batches,
    encode_shots,
    encoder_specs,
    frames_wanted,
    global_vector,
    keyframes,
    shot_records,
)
from mediafm.ingest.scene_labels import write_scene_labels
from mediafm.ingest.summary import IngestSummary, peak_rss_mb, store_counted
from mediafm.layouts import read_scenes
from mediafm.layouts.movienet import MovieNetFolder, MovieNetShot, frame_rate, read_json
from mediafm.media import cues_by_shot, read_cue_file, read_still
from mediafm.progress import SILENT, Progress
from mediafm.reading import ReadShot
from mediafm.types import Cue, ImageArray, Metadata, Shot, ShotCue, ShotInput

DETECTOR = "movienet:shots"  # stands where a detector's fingerprint would
OPTIMIZE_EVERY = 100  # titles


def import_movienet(
    root: Path,
    catalog_uri: str,
    preset_name: str = "offline",
    *,
    fps: float = 0.0,
    language: str = "en",
    labels_out: Path | None = None,
    progress: Progress = SILENT,
) -> IngestSummary:
    """Store all titles of MovieNet's folder that have shots and keyframes; docs/tasks/scenes.md says what lies where.

    fps: pictures a second of all titles; 0: as the folder's video_info file says. language: of the subtitles, which
    helps where their encoding must be guessed. labels_out: folder for the table and task that the folder's scene labels
    become; None: beside a local catalog, with `-labels` behind its name. A title stored already just so is skipped.
    What is wrong with one title is a failure in the summary and a row of the catalog. Raises UsageError where the
    folder holds no shots, no keyframes, or neither frame rates nor `fps`; MismatchError where the catalog was made
    otherwise.
    """
    started = time.monotonic()
    folder = MovieNetFolder.find(root)
    if folder.keyframes is None:
        raise UsageError(f"No keyframes (ID/shot_0000_img_0.jpg) under {root}.", "Unpack the 240P keyframes there.")
    rates = _rates(folder, fps, root)
    preset = load_preset(preset_name)
    catalog = Catalog.open_or_create(catalog_uri, CatalogSpec(preset.name, DETECTOR, encoder_specs(preset)))
    summary, titles = IngestSummary(), folder.titles()
    progress.start("import", len(titles), "titles")
    for done, title in enumerate(titles, 1):
        job = _Job(folder, title, rates.get(title), language)
        path = folder.shots / f"{title}.txt"
        store_counted(catalog, summary, title, path, job.source, partial(_store, job, catalog, preset))
        progress.advance(1, title=title, shots=summary.shots)
        if done % OPTIMIZE_EVERY == 0 or done == len(titles):
            catalog.optimize()
    out = labels_out or (None if "://" in catalog_uri else Path(f"{catalog_uri.rstrip('/')}-labels"))
    if folder.labels is not None and out is not None:
        summary.labels = write_scene_labels(read_scenes(root, "movienet"), catalog, out)
    summary.seconds, summary.peak_rss_mb = time.monotonic() - started, peak_rss_mb()
    progress.end(ok=summary.titles_ok, failed=summary.titles_failed, skipped=summary.titles_skipped)
    return summary


def _rates(folder: MovieNetFolder, fps: float, root: Path) -> Mapping[str, Fraction]:
    if fps:
        try:
            return dict.fromkeys(folder.titles(), frame_rate(fps))
        except ValueError:
            raise UsageError(f"--fps is {fps:g}.", "Give the pictures a second, such as 23.976.") from None
    if not folder.frame_rates:
        raise UsageError(
            f"{root} does not say how many pictures a second its films have.",
            "Put movie1K.video_info.v1.json of MovieNet there, or give --fps for all of them.",
        )
    return folder.frame_rates


@dataclass(frozen=True, slots=True)
class _Job:
    """One title and what it is made of."""

    folder: MovieNetFolder
    title: str
    rate: Fraction | None
    language: str

    def source(self) -> TitleSource:
        """Fingerprints: of shots, rate and keyframes (their names and sizes, not their bytes); of what lies beside."""
        path = self.folder.shots / f"{self.title}.txt"
        digest = hashlib.sha256(f"{source_fingerprint(path)} {self.rate}".encode())
        for images in self.folder.keyframe_files(self.title).values():
            for image in images.values():
                digest.update(f"{image.name} {image.stat().st_size}".encode())
        beside = hashlib.sha256(self.language.encode())
        for file in (self.folder.subtitle_file(self.title), self.folder.metadata_file(self.title)):
            beside.update((source_fingerprint(file) if file else "none").encode())
        return TitleSource(str(path.absolute()), digest.hexdigest(), beside.hexdigest())

    def cues(self) -> tuple[Cue, ...]:
        """The title's subtitles; none where it has no file."""
        path = self.folder.subtitle_file(self.title)
        return read_cue_file(path, self.language).cues if path else ()

    def metadata(self) -> Metadata:
        """Name, genres and overview from the title's meta file."""
        path = self.folder.metadata_file(self.title)
        about = read_json(path) if path else {}
        if not isinstance(about, dict):
            raise ImportDataError(f"{path} is no JSON object.", "Fetch it again, or remove it.")
        genres = about.get("genres")
        return Metadata(
            name=_words(about.get("title")) or self.title,
            synopsis=_words(about.get("overview")) or _words(about.get("storyline")),
            genres=tuple(filter(None, map(_words, genres))) if isinstance(genres, list) else (),
        )


def _words(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _store(job: _Job, catalog: Catalog, preset: Preset, source: TitleSource) -> TitleRecord:
    """Read, encode and store one title; all or nothing."""
    if job.rate is None:
        raise ImportDataError(
            f"{job.title} is not in MovieNet's video_info, so its frames have no times.", "Give --fps."
        )
    metadata, cues = job.metadata(), job.cues()
    shots = job.folder.read_shots(job.title)
    pictures = _Pictures(job, len(shots), frames_wanted(preset)[1])
    with catalog.writer(job.title, source) as writer:
        for batch in batches(_read(shots, cues, 1 / job.rate, pictures)):
            writer.append(shot_records(batch, 1 / job.rate), encode_shots(preset, batch), keyframes(batch))
        record = _record(job, shots, job.rate, pictures, metadata, bool(cues))
        writer.commit(record, global_vector(preset, metadata))
    return replace(record, n_shots=len(shots))


def _read(
    shots: list[MovieNetShot], cues: tuple[Cue, ...], time_base: Fraction, pictures: "_Pictures"
) -> Iterator[ReadShot]:
    """The shots as one pass over the film would have handed them on, without sound."""
    spans = [Shot(i, shot.start, shot.end, shot.start, shot.end) for i, shot in enumerate(shots)]
    words = cues_by_shot(cues, spans, time_base)
    for span, shot, said in zip(spans, shots, words, strict=True):
        yield ReadShot(span, said, _input(span, said, time_base, *pictures.of(span.index, shot)))


def _input(
    span: Shot, said: tuple[ShotCue, ...], time_base: Fraction, images: list[ImageArray], frames: list[int]
) -> ShotInput:
    return ShotInput(
        frames=tuple(images),
        frame_times=tuple(float((frame - span.start_pts) * time_base) for frame in frames),
        samples=None,
        text=" ".join(cue.cue.text for cue in said),
        duration=float((span.end_pts - span.start_pts) * time_base),
    )


class _Pictures:
    """Reads a title's keyframes and counts those that are not there or damaged."""

    def __init__(self, job: _Job, n_shots: int, short_side: int) -> None:
        self._files = job.folder.keyframe_files(job.title)
        self._short_side = short_side
        self.read = self.missing = self.damaged = self.blind = 0
        if not self._files:
            raise MediaError(f"{job.title} has no keyframes in {job.folder.keyframes}.", "Unpack them there.")
        if max(self._files) >= n_shots:
            raise ImportDataError(
                f"{job.title} has keyframes of shot {max(self._files)}, but {n_shots} shots.",
                "Shots and keyframes are of different releases: take both from one.",
            )

    def of(self, index: int, shot: MovieNetShot) -> tuple[list[ImageArray], list[int]]:
        """A shot's keyframes and their frames of the film, in order; a frame that stands there twice is taken once."""
        images: list[ImageArray] = []
        frames: list[int] = []
        files = self._files.get(index, {})
        for number in sorted({*files, *range(len(shot.keyframes))}):
            frame = _frame_of(shot, number, len(files))
            if number not in files:
                self.missing += 1
            elif not frames or frame > frames[-1]:
                image = self._image(files[number])
                if image is None or (images and image.shape != images[0].shape):
                    self.damaged += 1
                else:
                    images.append(image)
                    frames.append(frame)
        self.read += len(images)
        self.blind += not images
        return images, frames

    def _image(self, path: Path) -> ImageArray | None:
        try:
            return read_still(path, self._short_side)
        except MediaError:
            return None

    def damage(self) -> str:
        """What is missing, in a sentence; empty: nothing."""
        found = [f"{self.missing} keyframes are missing"] if self.missing else []
        found += [f"{self.damaged} keyframes cannot be read"] if self.damaged else []
        found += [f"{self.blind} shots have no picture"] if self.blind else []
        return "; ".join(found)


def _frame_of(shot: MovieNetShot, number: int, count: int) -> int:
    """The film's frame of a keyframe; where the shot file does not say, keyframes part the shot evenly."""
    if number < len(shot.keyframes):
        frame = shot.keyframes[number]
    else:
        frame = shot.start + (number + 1) * (shot.end - shot.start) // (count + 1)
    return min(max(frame, shot.start), shot.end - 1)


def _record(
    job: _Job, shots: list[MovieNetShot], rate: Fraction, pictures: _Pictures, metadata: Metadata, has_text: bool
) -> TitleRecord:
    return TitleRecord(
        title_id=job.title,
        time_base=1 / rate,
        end_pts=shots[-1].end,
        frames=pictures.read,
        fps=float(rate),
        has_video=pictures.read > 0,
        has_audio=False,
        has_text=has_text,
        metadata=metadata,
        decode_failures=pictures.missing + pictures.damaged,
        extra={"damage": damage} if (damage := pictures.damage()) else {},
    )
