"""One title followed while it is being written: its shots as they close, its words also when they come later.

Cues that arrive after their shot closed are sent as `Retold`; so is all text of tracks inside the file, which are read
when the event is over. What is sent by then is what reading the finished file gives. Spans of a title without picture
hang on its cues and its length: where they turn out otherwise than planned, the finished file is read once more, and a
second `Opened` says so.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from mediafm.errors import MediaError
from mediafm.media import (
    Following,
    GrowingFile,
    Languages,
    Sidecar,
    TextTrack,
    TitleReader,
    choose_text,
    cues_by_shot,
    open_title,
    read_text,
)
from mediafm.reading.title import Closed, Event, Opened, ReadRequest, Retold, closed, read_title
from mediafm.reading.title_pass import ReadShot, TitlePass, spans_of
from mediafm.shots import make_detector
from mediafm.types import Cue, Shot, ShotCue

_LOOK_S = 1.0  # between two looks at the subtitle files
_SHARE = 20  # reading them takes no more than one part in so many of the time


def follow_title(request: ReadRequest, waiting: Callable[[], None]) -> Iterator[Event]:
    """As `read_title`, of a file or a folder of segments that grows; ends when the event is over.

    waiting: called every second while nothing comes. Raises MediaError.
    """
    languages = Languages.parse(request.language)
    _get_ready(request)
    source = GrowingFile(request.path, Following(request.follow_s), waiting)
    with (
        contextlib.closing(source),
        open_title(request.path, request.sample_rate, languages.audio, request.threads, source) as reader,
    ):
        yield Opened(reader.time_base, None)
        words = _Words(request.path, languages.text)
        detector = make_detector(request.detector, **request.options)
        passed = TitlePass(reader, detector, words.cues, frames=request.frames, short_side=request.short_side)
        told = _Told(reader)
        for item in passed:
            yield item
            if isinstance(item, ReadShot):
                told.add(item.shot, item.cues)
            if words.look():
                passed.cues = words.cues
                yield from told.again(words.cues)
        if not told.shots:
            raise MediaError(f"{request.path}: no picture or sound could be decoded.", reader.failure)
        text, unreadable = words.settle(reader)
        if reader.info.video is None and spans_of(reader, words.cues) != told.shots:
            yield from _once_more(request, source)
            return
        yield from told.again(words.cues)
        last = closed(reader, passed, len(told.shots), bool(words.cues), text)
        yield replace(last, ended=source.ended, warning=last.warning or unreadable)


def _get_ready(request: ReadRequest) -> None:
    """Load what the detector needs now: the first shots are not to wait for it."""
    detector = make_detector(request.detector, **request.options)
    width, height = detector.frame_size(160, 90)
    if width and height:
        detector.push(0, Fraction(0), np.zeros((height, width, 3), np.uint8))
    detector.finish()


def _once_more(request: ReadRequest, source: GrowingFile) -> Iterator[Event]:
    if request.path.is_dir():
        raise MediaError(
            f"{request.path}: its words put the spans of its sound elsewhere.",
            "Join the segments to one file and ingest that.",
        )
    for event in read_title(replace(request, follow_s=0.0)):
        yield replace(event, ended=source.ended) if isinstance(event, Closed) else event


class _Words:
    """The cues of a title that is being written, as far as they are there."""

    def __init__(self, path: Path, languages: Sequence[str]) -> None:
        self._path, self._languages = path, languages
        self._seen: object = None
        self._due = 0.0
        self.cues: list[Cue] = []
        self.look()

    def look(self) -> bool:
        """Read the subtitle file beside the title if it is time to and it has changed; whether there are other cues.

        One that cannot be read now is being written: it is looked at again.
        """
        began = time.monotonic()
        if began < self._due:
            return False
        self._due = began + _LOOK_S
        with contextlib.suppress(MediaError, OSError):
            chosen = choose_text(self._path, (), self._languages)
            if not isinstance(chosen, Sidecar):
                return False
            about = chosen.path.stat()
            seen = (chosen.path, about.st_size, about.st_mtime_ns)
            if seen == self._seen:
                return False
            cues = chosen.read()
            self._seen, before, self.cues = seen, self.cues, cues
            self._due = time.monotonic() + max(_LOOK_S, _SHARE * (time.monotonic() - began))
            return cues != before
        return False

    def settle(self, reader: TitleReader) -> tuple[Sidecar | TextTrack | None, str]:
        """The cues of the finished title: (what they were read from, why they could not be read or "")."""
        tracks = () if self._path.is_dir() else reader.info.text
        try:
            chosen = choose_text(self._path, tracks, self._languages)
            self.cues = [] if chosen is None else read_text(self._path, reader.info, chosen)
        except MediaError as error:
            return None, str(error)
        return chosen, ""


class _Told:
    """The shots that were sent, and their words."""

    def __init__(self, reader: TitleReader) -> None:
        self._reader = reader
        self.shots: list[Shot] = []
        self._words: list[tuple[ShotCue, ...]] = []
        self._cues: Sequence[Cue] = ()

    def add(self, shot: Shot, words: tuple[ShotCue, ...]) -> None:
        """The next shot that was sent."""
        self.shots.append(shot)
        self._words.append(words)

    def again(self, cues: Sequence[Cue]) -> Iterator[Retold]:
        """What is to be sent again, since these are the cues now."""
        same = next((n for n, (a, b) in enumerate(zip(self._cues, cues, strict=False)) if a != b), None)
        if same is None:
            same = min(len(self._cues), len(cues))
        others = [*self._cues[same:], *cues[same:]]
        self._cues = list(cues)
        if not others:
            return
        # Ticks are as fine as cues' times or finer; a shot too many only costs a comparison.
        since = min(cue.start_ms for cue in others) * self._reader.time_base.denominator
        unit = 1000 * self._reader.time_base.numerator
        first = next((s.index for s in self.shots if s.end_pts * unit >= since), len(self.shots))
        for shot, words in zip(
            self.shots[first:], cues_by_shot(cues, self.shots[first:], self._reader.time_base), strict=True
        ):
            if words != self._words[shot.index]:
                self._words[shot.index] = words
                yield Retold(shot.index, words)
