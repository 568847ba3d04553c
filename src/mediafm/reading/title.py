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
from mediafm.media import (
    Languages,
    Only,
    Sidecar,
    TextTrack,
    TitleReader,
    choose_text,
    open_title,
    read_still,
    read_text,
)
from mediafm.reading.described import chapters_of, tracks_of
from mediafm.reading.sound_pass import SoundPass
from mediafm.reading.title_pass import Beat, ReadShot, TitlePass
from mediafm.shots import make_detector
from mediafm.types import SAMPLE_RATE, Cue, Shot, ShotCue, ShotInput

LOST_SOUND_S = 0.5  # holes in the sound that sum to less are the rounding of timestamps


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """What to read and how.

    frames: pictures sampled a shot, `short_side` pixels on their shorter side. language: of sound and subtitles, as
    `Languages.spec` has it; "" for the file's own choice. threads: of the picture's decoder, 0 for as many as there
    are processors. sample_rate: hertz of the mono sound. follow_s: of a file that grows, seconds without growth after
    which it is whole; 0: it is.

    Of a title that was read before, more can be said. only: "video" or "audio" alone is wanted; no words are read.
    shots: its shots (the five numbers of `Shot`), which sound alone is cut at. least_end_pts: where it ended, for its
    pictures alone do not tell.

    still: the file is a single picture, not a film: one shot that shows it, its short side `short_side` at most.
    """

    path: Path
    detector: str
    options: Mapping[str, Any] = field(default_factory=dict)
    frames: int = 6
    short_side: int = 180
    language: str = ""
    threads: int = 0
    sample_rate: int = SAMPLE_RATE
    follow_s: float = 0.0
    only: Only = ""
    shots: Sequence[tuple[int, ...]] = ()
    least_end_pts: int = 0
    still: bool = False


@dataclass(frozen=True, slots=True)
class Opened:
    """The title can be read. duration_s: as declared, None where the file does not say."""

    time_base: Fraction
    duration_s: float | None


@dataclass(frozen=True, slots=True)
class Closed:
    """The title has ended.

    warning: why it is not whole, or "". damage: what is missing inside a title that was read to its end, or "".
    tracks: which tracks of sound and words were read, as JSON values. chapters: the container's, likewise.
    ended: why a file that grew is whole now ("idle", "done", "endlist"), "" for one that always was.
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
    tracks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    chapters: Sequence[Mapping[str, Any]] = field(default_factory=list)
    ended: str = ""

    @property
    def extra(self) -> dict[str, Any]:
        """What a record keeps of this besides its columns."""
        return {k: v for k in ("damage", "tracks", "chapters") if (v := getattr(self, k))}


@dataclass(frozen=True, slots=True)
class Retold:
    """Other words for a shot that came before: cues that arrived after it closed."""

    shot: int
    cues: tuple[ShotCue, ...]

    @property
    def text(self) -> str:
        """As `ShotInput.text`."""
        return " ".join(c.cue.text for c in self.cues)


Event = Opened | ReadShot | Retold | Beat | Closed


def read_picture(request: ReadRequest) -> Iterator[Event]:
    """A picture file as a title of one shot. Raises MediaError."""
    image = read_still(request.path, request.short_side)
    yield ReadShot(Shot(0, 0, 1, 0, 1), (), ShotInput((image,), (0.0,), None, "", 1.0))
    height, width = image.shape[:2]
    yield Closed(1, 1, width, height, 0.0, True, False, False, 0, "", "")


def read_title(request: ReadRequest) -> Iterator[Event]:
    """`Opened`, then `ReadShot`s in order with `Beat`s between them, then `Closed`. Raises MediaError."""
    languages = Languages.parse(request.language)
    with open_title(request.path, request.sample_rate, languages.audio, request.threads, only=request.only) as reader:
        duration = reader.info.duration
        yield Opened(reader.time_base, None if duration is None else float(duration))
        text = None if request.only else choose_text(request.path, reader.info.text, languages.text)
        cues = [] if text is None else read_text(request.path, reader.info, text)
        passed = _pass(reader, request, cues)
        n_shots = 0
        for item in passed:
            n_shots += isinstance(item, ReadShot)
            yield item
        if n_shots == 0:
            raise MediaError(f"{request.path}: no picture or sound could be decoded.", reader.failure)
        yield closed(reader, passed, n_shots, bool(cues), text)


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


def closed(
    reader: TitleReader, passed: TitlePass | SoundPass, n_shots: int, has_text: bool, text: Sidecar | TextTrack | None
) -> Closed:
    """The last event of a title that has been read."""
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
        tracks=tracks_of(reader, text),
        chapters=chapters_of(reader),
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
    if reader.samples_filled >= LOST_SOUND_S * reader.sample_rate:
        found.append(f"{reader.samples_filled / reader.sample_rate:.1f} s of sound are missing and stand as silence")
    return "; ".join(found)
