"""A title's times as whole counts at an exact rate: its pictures, or its own ticks where pictures keep no rate.

Rates of 24000/1001, 30000/1001 and the like are told from 24 and 30 by where the shots' first pictures stand.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mediafm.export.titles import Title

if TYPE_CHECKING:
    from mediafm.catalog import TitleRecord

_NEAR = 2e-4  # what a container's average rate may be off: less than what 24 and 23.976 are apart


@dataclass(frozen=True, slots=True)
class Clock:
    """rate: counts a second. constant: a count is a picture, and pictures come at this rate; else a count is a tick."""

    rate: Fraction
    constant: bool

    def at(self, seconds: float) -> int:
        """The count nearest to a time."""
        return round(Fraction(seconds) * self.rate)

    def at_pts(self, pts: int, time_base: Fraction) -> int:
        """The count nearest to a time in ticks; exact where the clock is of ticks."""
        return round(pts * time_base * self.rate)

    def timecode(self, count: int) -> str:
        """hh:mm:ss:ff of pictures, counted through without dropping any number (non-drop)."""
        whole = round(self.rate)
        seconds, frame = divmod(count, whole)
        return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}:{frame:02}"


def clock_of(title: Title) -> Clock:
    """The clock of a title's pictures where they come at a constant rate, else of its time base."""
    record = title.record
    starts = title.shots["start_pts"].to_numpy().astype(np.float64) * float(record.time_base)
    frames = title.shots["start_frame"].to_numpy()
    if record.fps > 0 and record.frames > 0:
        for rate in _candidates(record.fps):
            if (np.abs(starts * float(rate) - frames) < 0.5).all():
                return Clock(rate, True)
    return Clock(1 / record.time_base, False)


def spans_of(title: Title, clock: Clock) -> NDArray[np.int64]:
    """First and end count of every shot, [n, 2]: they tile, and each holds one count at least where time allows."""
    base = title.record.time_base
    starts = [clock.at_pts(pts, base) for pts in title.shots["start_pts"].to_pylist()]
    end = max(length_of(title.record, clock), starts[-1] + 1)
    return np.stack([np.array(starts), np.array([*starts[1:], end])], axis=1)


def length_of(record: "TitleRecord", clock: Clock) -> int:
    """Counts in all of a title."""
    return clock.at_pts(record.end_pts, record.time_base)


def span_of(start_s: float, end_s: float, clock: Clock, length: int) -> tuple[int, int]:
    """First and end count of some seconds of a title of that length, one count at least."""
    first = min(clock.at(start_s), length - 1)
    return first, min(max(clock.at(end_s), first + 1), length)


def about(clock: Clock, title: Title) -> dict[str, Any]:
    """As told in what is written."""
    base = title.record.time_base
    return {
        "rate": [clock.rate.numerator, clock.rate.denominator],
        "constant_rate": clock.constant,
        "time_base": [base.numerator, base.denominator],
    }


def _candidates(fps: float) -> list[Fraction]:
    """Exact rates near an average one, the usual ones first."""
    whole = round(fps)
    usual = [Fraction(whole * 1000, 1001), Fraction(whole)] if whole else []
    near = [rate for rate in usual if abs(float(rate) - fps) <= _NEAR * fps]
    return list(dict.fromkeys([*near, Fraction(fps).limit_denominator(1001)]))
