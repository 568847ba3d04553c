"""Cutting clips out of a film: one decode pass from the start, however many clips are wanted and wherever they lie.

There is no seeking, so a clip's times mean what they mean everywhere in mediafm, also in files whose timestamps jump
or lie. A clip begins with the picture on screen at its start and lasts exactly as long as was asked for.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from mediafm.errors import MediaError
from mediafm.media import ClipWriter, Picture, Sound, TitleReader, open_title
from mediafm.media.clips import TIME_BASE
from mediafm.types import ImageArray

VERSION = 1  # of how clips are cut: another one gives other clips
# A picture that shows for less than this at a clip's edge, and for less than half its own time, belongs to the other
# side of a cut whose time was rounded.
_SLIVER_S = Fraction(1, 50)
_SHORT_OF_S = Fraction(1, 10)  # a clip may miss this much at the film's very end


@dataclass(frozen=True, slots=True)
class CutOptions:
    """What a clip is made like: H.264 with mono AAC in an MP4.

    short_side: pixels of the shorter side at most; min_side: at least, for those who take no smaller pictures.
    crf: quality, 0 (best) to 51. sound_rate: hertz.
    """

    short_side: int = 480
    min_side: int = 0
    crf: int = 23
    sound_rate: int = 48_000

    def size(self, width: int, height: int) -> tuple[int, int]:
        """(width, height) of a clip of such a film: both even, the shape kept."""
        short = min(width, height)
        scale = max(min(1.0, self.short_side / short), self.min_side / short)
        return max(2, 2 * round(width * scale / 2)), max(2, 2 * round(height * scale / 2))


@dataclass(frozen=True, slots=True)
class CutClip:
    """A clip on disk."""

    path: Path
    duration_s: float
    width: int
    height: int
    has_sound: bool


def cut_clips(
    film: Path, spans: Sequence[tuple[float, float]], folder: Path, options: CutOptions
) -> Iterator[tuple[int, CutClip | str]]:
    """(number of the span, its clip or why there is none), in the order in which they get ready.

    spans: starts and ends in seconds from the film's start. Clips lie in `folder` until the caller deletes them. One
    picture and a quarter second of sound are held for each clip that is open at a time. The pass ends with the last
    clip; closing the iterator early deletes clips that are not whole.
    """
    try:
        reader = open_title(film, options.sound_rate)
    except MediaError as error:
        yield from ((number, str(error)) for number in range(len(spans)))
        return
    with reader:
        if reader.info.video is None:
            yield from ((number, f"{film} has no picture") for number in range(len(spans)))
            return
        yield from _Pass(reader, spans, folder, options).run()


class _Pass:
    """One pass over a film: which clips wait for it to come to them, and which are open."""

    def __init__(
        self, reader: TitleReader, spans: Sequence[tuple[float, float]], folder: Path, options: CutOptions
    ) -> None:
        self._reader, self._folder, self._options = reader, folder, options
        exact = [
            (Fraction(round(a * 1_000_000), 1_000_000), Fraction(round(b * 1_000_000), 1_000_000)) for a, b in spans
        ]
        self._waiting = sorted(
            ((a, b, number) for number, (a, b) in enumerate(exact)), reverse=True
        )  # the next is last
        self._open: list[_OpenClip] = []

    def run(self) -> Iterator[tuple[int, CutClip | str]]:
        try:
            for item in self._reader:
                self._take(item)
                yield from self._ready()
                if not self._waiting and not self._open:
                    return
            yield from self._rest()
        finally:
            for clip in self._open:
                clip.writer.discard()

    def _take(self, item: Picture | Sound) -> None:
        rate = self._reader.sample_rate
        if isinstance(item, Picture):
            start, end = (t * self._reader.time_base for t in (item.pts, item.pts + item.duration_pts))
        else:
            start, end = Fraction(item.start, rate), Fraction(item.start + len(item.samples), rate)
        while self._waiting and self._waiting[-1][0] < end:
            self._open.append(self._begin(*self._waiting.pop()))
        image: ImageArray | None = None
        for clip in self._open:
            if not isinstance(item, Picture):
                clip.sound(item)
            elif clip.wants(start, end):
                image = self._image(item) if image is None else image
                clip.picture(image, start, end)
            else:
                clip.passed(start)

    def _begin(self, start: Fraction, end: Fraction, number: int) -> "_OpenClip":
        track = self._reader.info.video
        assert track is not None
        rate = None if self._reader.audio_index is None else self._reader.sample_rate
        fps = min(max(track.average_rate or Fraction(25), Fraction(1)), Fraction(120))
        size = self._options.size(track.display_width, track.display_height)
        path = self._folder / f"{number}.mp4"
        return _OpenClip(ClipWriter(path, size, fps, rate, self._options.crf), number, start, end, size, rate)

    def _image(self, picture: Picture) -> ImageArray:
        track = self._reader.info.video
        assert track is not None
        width, height = self._options.size(track.display_width, track.display_height)
        return picture.rgb(width, height, "area" if height <= track.display_height else "bicubic")

    def _ready(self) -> Iterator[tuple[int, CutClip | str]]:
        for clip in [c for c in self._open if c.complete]:
            self._open.remove(clip)
            yield clip.number, clip.finish()

    def _rest(self) -> Iterator[tuple[int, CutClip | str]]:
        """The film is over: its last clips, and those it does not reach."""
        end = self._reader.end_pts * self._reader.time_base
        short = self._reader.failure or f"the film ends at {float(end):.3f} s"
        while self._open:
            clip = self._open.pop(0)
            if self._reader.failure or clip.end > end + _SHORT_OF_S:
                clip.writer.discard()
                yield clip.number, short
            else:
                yield clip.number, clip.finish()
        yield from ((number, short) for _, _, number in reversed(self._waiting))


class _OpenClip:
    """One clip being written. Times are seconds from the film's start."""

    def __init__(
        self,
        writer: ClipWriter,
        number: int,
        start: Fraction,
        end: Fraction,
        size: tuple[int, int],
        rate: int | None,
    ) -> None:
        self.writer, self.number, self.start, self.end = writer, number, start, end
        self._size, self._rate = size, rate
        self._held: tuple[ImageArray, int] | None = None  # the newest picture: its end is known once the next comes
        self._pictures_over = False
        self._next_sample, self._last_sample = (0, 0) if rate is None else (round(start * rate), round(end * rate))

    @property
    def complete(self) -> bool:
        """Whether all of its pictures and all of its sound have come by."""
        return self._pictures_over and self._next_sample >= self._last_sample

    def wants(self, start: Fraction, end: Fraction) -> bool:
        """Whether a picture that shows from start to end belongs to the clip."""
        shared = min(end, self.end) - max(start, self.start)
        return shared > 0 and (shared >= min((end - start) / 2, _SLIVER_S) or shared == self.end - self.start)

    def picture(self, image: ImageArray, start: Fraction, end: Fraction) -> None:
        """A picture it wants; the first shows from the clip's start, each until the next."""
        at = 0 if self._held is None else self._ticks(start)
        self._show(at)
        self._held = image, at
        self.passed(end)

    def passed(self, time: Fraction) -> None:
        """The pictures have come so far."""
        self._pictures_over = self._pictures_over or time >= self.end

    def sound(self, sound: Sound) -> None:
        """A stretch of sound; what is missing before it is silence."""
        if self._rate is None:
            return
        first, last = max(sound.start, self._next_sample), min(sound.start + len(sound.samples), self._last_sample)
        if first < last:
            self._silence(first)
            self.writer.sound(sound.samples[first - sound.start : last - sound.start])
            self._next_sample = last
        elif sound.start >= self._last_sample:
            self._silence(self._last_sample)

    def finish(self) -> CutClip | str:
        """The clip, whole on disk, or why it could not be made."""
        end = self._ticks(self.end)
        nothing = self._held is None
        try:
            self._show(end)
            self._silence(self._last_sample)
            if nothing:
                self.writer.discard()
                return "no picture of it could be decoded"
            self.writer.close()
        except MediaError as error:
            self.writer.discard()
            return str(error)
        return CutClip(self.writer.path, float(end * TIME_BASE), *self._size, self._rate is not None)

    def _show(self, until: int) -> None:
        if self._held is not None:
            image, at = self._held
            self.writer.picture(image, at, until - at)

    def _silence(self, until: int) -> None:
        while self._rate is not None and self._next_sample < until:
            n = min(until - self._next_sample, self._rate)
            self.writer.sound(np.zeros(n, np.float32))
            self._next_sample += n

    def _ticks(self, time: Fraction) -> int:
        return round((time - self.start) / TIME_BASE)
