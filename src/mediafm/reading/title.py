"""One title read from beginning to end: what it is, its shots one by one, and how it ended.

This is all that ever opens a film for ingest. It knows no encoder and no catalog, so that it can run where nothing can
be harmed (`reading.child`) and its results can be sent anywhere.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from mediafm.errors import MediaError
from mediafm.media import Only, TitleReader, load_cues, open_title
from mediafm.reading.sound_pass import SoundPass
from mediafm.reading.title_pass import Beat, ReadShot, TitlePass
from mediafm.shots import make_detector
from mediafm.types import SAMPLE_RATE, Cue, Shot

LOST_SOUND_S = 0.5  # holes in the sound that sum to less are the rounding of timestamps


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """What to read and how.

    frames: pictures sampled a shot, `short_side` pixels on their shorter side. language: of sound and subtitles, "" for
    the file's own choice. threads: of the picture's decoder, 0 for as many as there are processors.

    Of a title that was read before, more can be said. only: "video" or "audio" alone is wanted; no words are read.
    shots: its shots (the five numbers of `Shot`), which sound alone is cut at. least_end_pts: where it ended, for its
    pictures alone do not tell.
    """

    path: Path
    detector: str
    options: Mapping[str, Any] = field(default_factory=dict)
    frames: int = 6
    short_side: int = 180
    language: str = ""
    threads: int = 0
    only: Only = ""
    shots: Sequence[tuple[int, ...]] = ()
    least_end_pts: int = 0


@dataclass(frozen=True, slots=True)
class Opened:
    """The title can be read. duration_s: as declared, None where the file does not say."""

    time_base: Fraction
    duration_s: float | None


@dataclass(frozen=True, slots=True)
class Closed:
    """The title has ended.

    warning: why it is not whole, or "". damage: what is missing inside a title that was read to its end, or "".
    """

    end_pts: int
    frames: int
    width: int
    height: int
    fps: float
    has_video: bool
    has_audio: bool
    has_text: bool
    decode_failures: int
    warning: str
    damage: str


Event = Opened | ReadShot | Beat | Closed


def read_title(request: ReadRequest) -> Iterator[Event]:
    """`Opened`, then `ReadShot`s in order with `Beat`s between them, then `Closed`. Raises MediaError."""
    language = request.language or None
    with open_title(request.path, audio_language=language, threads=request.threads, only=request.only) as reader:
        duration = reader.info.duration
        yield Opened(reader.time_base, None if duration is None else float(duration))
        cues = () if request.only else load_cues(request.path, reader.info, language=language)
        passed = _pass(reader, request, cues)
        n_shots = 0
        for item in passed:
            n_shots += isinstance(item, ReadShot)
            yield item
        if n_shots == 0:
            raise MediaError(f"{request.path}: no picture or sound could be decoded.", reader.failure)
        yield _closed(reader, passed, n_shots, bool(cues))


def _pass(reader: TitleReader, request: ReadRequest, cues: Sequence[Cue]) -> TitlePass | SoundPass:
    if request.only == "audio":
        return SoundPass(reader, [Shot(*numbers) for numbers in request.shots])
    detector = make_detector(request.detector, **request.options)
    return TitlePass(
        reader,
        detector,
        cues,
        frames=request.frames,
        short_side=request.short_side,
        least_end_pts=request.least_end_pts,
    )


def _closed(reader: TitleReader, passed: TitlePass | SoundPass, n_shots: int, has_text: bool) -> Closed:
    video = reader.info.video
    return Closed(
        end_pts=reader.end_pts,
        frames=reader.frames_read,
        width=video.display_width if video else 0,
        height=video.display_height if video else 0,
        fps=float(video.average_rate or 0) if video else 0.0,
        has_video=video is not None,
        has_audio=reader.audio_index is not None,
        has_text=has_text,
        decode_failures=reader.decode_failures,
        warning=_warning(reader, passed, n_shots),
        damage=_damage(reader),
    )


def _warning(reader: TitleReader, passed: TitlePass | SoundPass, n_shots: int) -> str:
    """Why the title is not whole, or an empty string."""
    if reader.failure:
        end = float(reader.end_pts * reader.time_base)
        kept = "1 shot" if n_shots == 1 else f"{n_shots} shots"
        return f"{reader.failure}; {kept} up to {end:.2f} s kept"
    if isinstance(passed, TitlePass) and passed.soundless_late:
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
