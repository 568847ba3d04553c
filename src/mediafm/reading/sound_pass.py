"""One pass over a title's sound alone, cut at shots that are known: no picture is decoded."""

import time
from collections import deque
from collections.abc import Iterator, Sequence
from fractions import Fraction

from mediafm.media import Picture, SoundCutter, TitleReader
from mediafm.reading.title_pass import BEAT_S, Beat, ReadShot
from mediafm.types import Shot, ShotInput


class SoundPass:
    """Iterates over the given shots of a title that was opened for its sound only, with a `Beat` now and then.

    The sound of each is what `TitlePass` would have cut for it.
    """

    def __init__(self, reader: TitleReader, shots: Sequence[Shot]) -> None:
        self._reader, self._shots = reader, shots
        self._cutter = SoundCutter()

    def __iter__(self) -> Iterator[ReadShot | Beat]:
        waiting, due = deque(self._shots), time.monotonic() + BEAT_S
        for item in self._reader:
            assert not isinstance(item, Picture)
            if time.monotonic() > due:
                yield Beat(item.start / self._reader.sample_rate)
                due = time.monotonic() + BEAT_S
            self._cutter.push(item)
            while waiting and self._cutter.have_until >= self._span(waiting[0])[1]:
                yield self._read(waiting.popleft())
        while waiting:
            yield self._read(waiting.popleft())

    def _span(self, shot: Shot) -> tuple[int, int]:
        rate: Fraction = self._reader.sample_rate * self._reader.time_base
        return round(shot.start_pts * rate), round(shot.end_pts * rate)

    def _read(self, shot: Shot) -> ReadShot:
        duration = float((shot.end_pts - shot.start_pts) * self._reader.time_base)
        samples = self._cutter.cut(*self._span(shot))
        return ReadShot(shot, (), ShotInput((), (), samples, "", duration, self._reader.sample_rate))
