"""From decoded audio frames of any layout and rate to one line of mono samples whose numbers are true times."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import floor
from typing import Any

import numpy as np
from av import AudioFrame, AudioResampler, FFmpegError

from mediafm.media.info import good_rate
from mediafm.media.timeline import Timeline
from mediafm.types import FloatArray

_BLOCK = 4096  # samples of a Sound, save for the last and those beside and in a hole
_HOLE_S = 10
_PART = 2048  # samples that leave the resampler at a time
_GAP_S = 0.008  # timestamps further off than this are a hole or an overlap, not jitter
_DRIFT_S = 0.001  # mean deviation at which the line is pulled back to the timestamps
_MEMORY = 16  # frames over which the deviation is averaged


@dataclass(frozen=True, slots=True)
class Sound:
    """A stretch of a title's sound. `start` is the number of its first sample, counted from the title's zero.

    missing: the title has no sound there, the samples are zeros that fill a hole. A stretch is missing whole or not.
    """

    start: int
    samples: FloatArray  # [n] mono, in [-1, 1]
    missing: bool = False


class SoundLine:
    """Resamples one audio stream and lays it on the title's line of samples.

    Within a run of frames that follow each other, samples are counted, not placed by timestamps, so that the jitter of
    coarse clocks (Matroska's milliseconds) does no harm. Where timestamps leave the count by more than 8 ms, the hole
    is filled with zeros or the overlap trimmed. Where they drift away slowly, one block is stretched by the few
    samples that are missing as soon as the mean deviation passes 1 ms.
    """

    def __init__(self, time_base: Fraction, last_end: Fraction | None, zero: Fraction, rate: int) -> None:
        self.timeline: Timeline[AudioFrame] = Timeline(time_base, last_end, floor(zero / time_base))
        self.refused = 0  # frames whose format could not be resampled, or cannot be
        self.filled = 0  # samples of silence put in where the stream has a hole
        self._zero = zero  # the title's zero on the container's clock, in seconds
        self._tick, self._zero_s = float(time_base), float(zero)
        self._rate = rate
        self._resampler: AudioResampler | None = None
        self._shape: tuple[Any, ...] = ()
        self._run_from: float | None = None  # seconds from zero at which the run of frames began; None: there is none
        self._run_n = 0  # samples of the run so far, at the frames' rate
        self._run_owed = 0  # samples at the line's rate by which the run was pulled after its timestamps
        self._deviation = 0.0
        self._owed = 0  # samples by which the next resampled block is to be stretched (or squeezed, below 0)
        self._write_at: int | None = None  # number of the next sample out of the resampler
        self.end: int | None = None  # number of samples known from zero on; None before the first
        self._pending: list[FloatArray] = []
        self._pending_n = 0
        self._silence = np.zeros(_HOLE_S * rate, np.float32)
        self._silence.flags.writeable = False

    def push(self, frame: AudioFrame) -> Iterator[Sound]:
        """Take the next decoded frame; yield what is certain now."""
        if not good_rate(frame.sample_rate):
            self.refused += 1
            return
        base = self.timeline.time_base  # in whole numbers: this is done some fifty times a second of film
        ticks = round(frame.samples * base.denominator / (frame.sample_rate * base.numerator))
        for settled, at in self.timeline.push(frame, frame.pts, ticks):
            yield from self._take(settled, at)

    def flush(self) -> Iterator[Sound]:
        """No more frames: yield the rest."""
        for settled, at in self.timeline.flush():
            yield from self._take(settled, at)
        yield from self._drain()
        if self._pending:
            yield self._emit(self._pending_n)

    def _take(self, frame: AudioFrame, at: int) -> Iterator[Sound]:
        """Resample a frame that sounds at `at` ticks of the container's clock."""
        shape = (frame.sample_rate, frame.format.name, frame.layout.name)
        late = at * self._tick - self._zero_s - self._due
        if self._run_from is None or shape != self._shape or abs(late) > _GAP_S:
            yield from self._restart(at * self.timeline.time_base - self._zero, shape)
        else:
            self._follow(late)
        assert self._resampler is not None
        self._run_n += frame.samples
        try:
            parts = self._resampler.resample(frame)
        except (FFmpegError, ValueError):  # a damaged frame may claim a layout or a rate that cannot be
            self.refused += 1
            self._resampler, self._run_from = None, None
            return
        for resampled in parts:
            yield from self._lay(_samples(resampled))

    @property
    def _due(self) -> float:
        """Seconds from zero at which the next frame of the run is expected."""
        if self._run_from is None:
            return 0.0
        return self._run_from + self._run_n / self._shape[0] + self._run_owed / self._rate

    def _restart(self, at: Fraction, shape: tuple[Any, ...]) -> Iterator[Sound]:
        yield from self._drain()
        # Swresample keeps float mixes of many channels unscaled unless told that 1.0 is the loudest a mix may get.
        self._resampler = AudioResampler("flt", "mono", self._rate, _PART, options={"rematrix_maxval": "1.0"})
        self._shape, self._run_from, self._deviation, self._owed = shape, float(at), 0.0, 0
        self._run_n = self._run_owed = 0
        self._write_at = round(at * self._rate)

    def _drain(self) -> Iterator[Sound]:
        if self._resampler is not None:
            for resampled in self._resampler.resample(None):
                if resampled is not None:  # what a resampler that has nothing to do answers to a flush
                    yield from self._lay(_samples(resampled))

    def _follow(self, deviation: float) -> None:
        """Watch how far timestamps stand from the count, and pull the count after them when they mean it."""
        self._deviation += (deviation - self._deviation) / _MEMORY
        if abs(self._deviation) > _DRIFT_S:
            owed = round(self._deviation * self._rate)
            self._owed += owed
            self._run_owed += owed
            self._deviation -= owed / self._rate

    def _lay(self, samples: FloatArray) -> Iterator[Sound]:
        """Put resampled samples at the place they belong to."""
        assert self._write_at is not None
        if self._owed and len(samples) > 2 * abs(self._owed):
            samples = _stretched(samples, len(samples) + self._owed)
            self._owed = 0
        at, self._write_at = self._write_at, self._write_at + len(samples)
        known = 0 if self.end is None else self.end
        samples = samples[max(0, known - at) :]  # overlap, or sound from before the title's zero
        if not len(samples):
            return
        if self.end is None:
            self.end = max(at, 0)
        yield from self._fill(at - self.end)
        yield from self._append(samples)

    def _fill(self, gap: int) -> Iterator[Sound]:
        """Zeros for a hole, some seconds at a time: they are always the same, so that even a long one costs nothing."""
        if gap > 0 and self._pending_n:
            yield self._emit(self._pending_n)
        while gap > 0:
            assert self.end is not None
            n = min(gap, len(self._silence))
            yield Sound(self.end, self._silence[:n], missing=True)
            self.filled += n
            self.end += n
            gap -= n

    def _append(self, samples: FloatArray) -> Iterator[Sound]:
        assert self.end is not None
        self._pending.append(samples)
        self._pending_n += len(samples)
        self.end += len(samples)
        while self._pending_n >= _BLOCK:
            yield self._emit(_BLOCK)

    def _emit(self, n: int) -> Sound:
        assert self.end is not None
        start = self.end - self._pending_n
        joined = np.concatenate(self._pending)
        self._pending = [joined[n:]] if len(joined) > n else []
        self._pending_n = len(joined) - n
        return Sound(start, joined[:n])


def _samples(frame: AudioFrame) -> FloatArray:
    return np.clip(frame.to_ndarray().reshape(-1).astype(np.float32, copy=False), -1.0, 1.0)


def _stretched(samples: FloatArray, n: int) -> FloatArray:
    grid = np.linspace(0.0, len(samples) - 1.0, n)
    return np.interp(grid, np.arange(len(samples)), samples).astype(np.float32)
