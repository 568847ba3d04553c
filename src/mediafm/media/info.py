"""What a media file says of itself: its tracks, sizes, rates, chapters."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from av.container import InputContainer
from av.stream import Disposition

from mediafm.errors import MediaError
from mediafm.media.language import base_language, place_of
from mediafm.media.limits import (
    MAX_PICTURE_RATE,
    MAX_PIXEL_ASPECT,
    MAX_PIXELS,
    MAX_SAMPLE_RATE,
    MAX_SIDE,
    MAX_TICK_S,
    MIN_PICTURE_RATE,
    MIN_SAMPLE_RATE,
    longest,
)
from mediafm.media.picture import Orientation

_FOR_THE_BLIND = Disposition.visual_impaired | Disposition.descriptions
_FOR_THE_DEAF = Disposition.hearing_impaired | Disposition.captions
# In the languages that name it alike: commentary, commentaire, Kommentar, comentario, commento.
_COMMENTARY = re.compile(r"\b(?:k|c)omm?ent(?:ar|air|o\b)", re.IGNORECASE)
_FORCED = re.compile(r"\bforced\b", re.IGNORECASE)
_MOST_CHAPTERS, _LONGEST_NAME = 10_000, 1_000


@dataclass(frozen=True, slots=True)
class VideoTrack:
    """A track of moving pictures.

    width, height: as coded; display_width, display_height: upright and with square pixels, as a viewer sees it.
    rotation: degrees counter-clockwise that the coded picture is turned by for display (0, 90, 180 or 270).
    average_rate: pictures a second over the whole track, None where the container does not know or cannot be believed.
    """

    index: int
    codec: str
    width: int
    height: int
    display_width: int
    display_height: int
    rotation: int
    time_base: Fraction
    average_rate: Fraction | None


@dataclass(frozen=True, slots=True)
class AudioTrack:
    """A track of sound. `rate` in hertz; `language` is a two-letter code where known, else what the file says or ""."""

    index: int
    codec: str
    channels: int
    layout: str
    rate: int
    language: str
    title: str
    commentary: bool = False
    described: bool = False  # for those who cannot see: what the picture shows is told between the lines


@dataclass(frozen=True, slots=True)
class TextTrack:
    """An embedded track of timed text (bitmap subtitles are not text and are not listed)."""

    index: int
    codec: str
    language: str
    title: str
    forced: bool
    described: bool  # for the hard of hearing: descriptions of sound stand in it
    commentary: bool = False


@dataclass(frozen=True, slots=True)
class Chapter:
    """A named span, in seconds from the title's zero, exactly as the container has them."""

    start: Fraction
    end: Fraction
    title: str

    @property
    def start_s(self) -> float:
        """Start as people read it."""
        return float(self.start)

    @property
    def end_s(self) -> float:
        """End as people read it."""
        return float(self.end)


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """All that is known of a file before it is decoded.

    start: seconds on the container's own clock at which the title's zero lies (the first picture or sound presented).
    duration: seconds as the container declares or estimates them, None where it says nothing or more than a file of its
        size can hold.
    video: the track that is read, None for a title without picture. audio: all tracks of sound, in file order.
    """

    path: Path
    format: str
    start: Fraction
    duration: Fraction | None
    video: VideoTrack | None
    audio: tuple[AudioTrack, ...]
    text: tuple[TextTrack, ...]
    chapters: tuple[Chapter, ...]


def pick_video(container: InputContainer) -> Any | None:
    """The video stream that is the film: cover art is passed over, then default before others, then the largest."""
    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not streams:
        return None
    return max(streams, key=lambda s: (bool(s.disposition & Disposition.default), _area(s)))


def pick_audio(container: InputContainer, languages: Sequence[str] = ()) -> Any | None:
    """The audio stream to read: commentary last of all, then by the languages asked for, dearest first.

    Of those that are left, tracks without description for those who cannot see come first, then the default one.
    """

    def rank(stream: Any) -> tuple[bool, int, bool, bool]:
        place = place_of(base_language(stream.language or ""), languages)
        described = bool(stream.disposition & _FOR_THE_BLIND)
        return _is_commentary(stream), place, described, not stream.disposition & Disposition.default

    return min(container.streams.audio, key=rank, default=None)


def _is_commentary(stream: Any) -> bool:
    """By its flag, or by its name where nobody set the flag."""
    named = _COMMENTARY.search(stream.metadata.get("title", "")) is not None
    return named or bool(stream.disposition & Disposition.comment)


def check_track(path: Path, stream: Any) -> None:
    """Raise MediaError where a track that is to be read says of itself what cannot be."""
    if stream.codec_context is None:
        wrong = f"no decoder for its {stream.type} track {stream.index} in this build of PyAV"
        raise MediaError(f"{path}: {wrong}.", "Convert the file to a common codec such as H.264 with AAC.")
    wrong = ""
    if not stream.time_base or not 0 < stream.time_base <= MAX_TICK_S:
        wrong = f"the clock of its {stream.type} ticks once in {stream.time_base} s"
    elif stream.type == "video":
        width, height = stream.width, stream.height
        if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
            most = f"{MAX_SIDE} pixels a side and {MAX_PIXELS} in all"
            wrong = f"its pictures claim to be {width} x {height}, more than {most}"
    elif stream.codec_context.sample_rate and not good_rate(stream.codec_context.sample_rate):
        wrong = f"its sound claims {stream.codec_context.sample_rate} samples a second"
    if wrong:
        raise MediaError(f"{path}: {wrong}.", "The file is damaged: copy it anew, or convert it.")


def good_rate(rate: int) -> bool:
    """Whether sound can have that many samples a second."""
    return MIN_SAMPLE_RATE <= rate <= MAX_SAMPLE_RATE


def picture_rate(stream: Any) -> Fraction | None:
    """Pictures a second as the container states or guesses them; None where none of that can be believed."""
    rates = (stream.average_rate, stream.guessed_rate)
    return next((r for r in rates if r and MIN_PICTURE_RATE <= r <= MAX_PICTURE_RATE), None)


def describe(
    path: Path, container: InputContainer, video: Any | None, orientation: Orientation, start: Fraction
) -> MediaInfo:
    """Gather what an open container says; `video` is the stream that is read, `orientation` its first picture's."""
    duration = None if container.duration is None else Fraction(container.duration, 1_000_000)
    if duration is not None and not 0 < duration <= longest(path):
        duration = None
    return MediaInfo(
        path=path,
        format=container.format.name,
        start=start,
        duration=duration,
        video=None if video is None else _video_track(video, orientation),
        audio=tuple(_audio_track(s) for s in container.streams.audio),
        text=tuple(_text_track(s) for s in container.streams.subtitles if is_text(s)),
        chapters=chapters_of(container, start),
    )


def is_text(stream: Any) -> bool:
    """Whether a subtitle stream holds text that this build of libav can decode."""
    return stream.codec_context is not None and bool(stream.codec_context.codec.text_sub)


def _video_track(stream: Any, orientation: Orientation) -> VideoTrack:
    aspect = stream.sample_aspect_ratio or Fraction(1)
    if not Fraction(1, MAX_PIXEL_ASPECT) <= aspect <= MAX_PIXEL_ASPECT:
        aspect = Fraction(1)
    width, height = max(1, round(stream.width * aspect)), stream.height
    if orientation.transposed:
        width, height = height, width
    return VideoTrack(
        index=stream.index,
        codec=_codec(stream),
        width=stream.width,
        height=stream.height,
        display_width=width,
        display_height=height,
        rotation=orientation.degrees,
        time_base=stream.time_base,
        average_rate=rate if (rate := stream.average_rate) and picture_rate(stream) == rate else None,
    )


def _audio_track(stream: Any) -> AudioTrack:
    known = stream.codec_context is not None
    return AudioTrack(
        index=stream.index,
        codec=_codec(stream),
        channels=stream.codec_context.channels if known else 0,
        layout=stream.codec_context.layout.name if known else "",
        rate=stream.codec_context.sample_rate if known else 0,
        language=base_language(stream.language or ""),
        title=stream.metadata.get("title", ""),
        commentary=_is_commentary(stream),
        described=bool(stream.disposition & _FOR_THE_BLIND),
    )


def _text_track(stream: Any) -> TextTrack:
    title = stream.metadata.get("title", "")
    return TextTrack(
        index=stream.index,
        codec=_codec(stream),
        language=base_language(stream.language or ""),
        title=title,
        forced=bool(stream.disposition & Disposition.forced) or _FORCED.search(title) is not None,
        described=bool(stream.disposition & _FOR_THE_DEAF),
        commentary=_is_commentary(stream),
    )


def chapters_of(container: InputContainer, start: Fraction) -> tuple[Chapter, ...]:
    """The container's chapters in time order, those that end before the title's zero left out."""
    found = []
    for chapter in container.chapters()[:_MOST_CHAPTERS]:
        unit = chapter["time_base"] or Fraction(1)
        begin, end = chapter["start"] * unit - start, chapter["end"] * unit - start
        if end > 0 and begin <= end:
            found.append(Chapter(max(begin, Fraction(0)), end, chapter["metadata"].get("title", "")[:_LONGEST_NAME]))
    return tuple(sorted(found, key=lambda c: (c.start, c.end)))


def _area(stream: Any) -> int:
    return 0 if stream.codec_context is None else stream.codec_context.width * stream.codec_context.height


def _codec(stream: Any) -> str:
    return "unknown" if stream.codec_context is None else stream.codec_context.name
