"""Turning a stream's timestamps, as they come, into times that can be trusted.

Real files have timestamps that are missing, damaged, or jump where two recordings were glued together. Whatever is
changed here is counted, so that nobody takes a filled-in time for a true one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Generic, TypeVar

# Less than this off the expected time is disorder that the caller settles, who knows what it means for pictures or for
# samples. More is a jump, and a jump must be borne out by the item that follows it.
_JUMP_S = Fraction(1)
# A jump to this much past the end is no pause in the film either.
_PAST_END_S = Fraction(60)

T = TypeVar("T")


@dataclass(slots=True)
class _Item(Generic[T]):
    item: T
    at: int
    duration: int


class Timeline(Generic[T]):
    """Lays the items of one stream (its decoded frames, in order) on a clock, in ticks of `time_base`.

    One item is held back. A single timestamp far off both of its neighbours is taken for damaged and replaced; a clock
    that jumps back and stays there belongs to another recording, which is laid behind the one before; so is what claims
    to come after the title's end.

    last_end: seconds on the stream's own clock at which the title ends by what is declared, or at the very latest.
    start: where it starts, in ticks; None: with the first item, wherever that lies.
    """

    def __init__(self, time_base: Fraction, last_end: Fraction | None, start: int | None = None) -> None:
        self.time_base = time_base
        self.filled = 0  # items that came without a timestamp
        self.repaired = 0  # timestamps replaced, and jumps of the clock closed
        self._end: int | None = start  # end of the item last given out
        self._held: _Item[T] | None = None
        self._shift = 0
        self._jump = int(_JUMP_S / time_base)
        self._latest = None if last_end is None else int((last_end + _PAST_END_S) / time_base)

    def within(self, at: int, duration: int, usual: int) -> int:
        """`duration` of an item at `at`, or the usual one where that would last past the title's end."""
        return usual if self._latest is not None and at + duration > max(self._latest, at + usual) else duration

    def push(self, item: T, pts: int | None, duration: int) -> Iterator[tuple[T, int]]:
        """Take the next item, its timestamp (None: it has none) and length; give out the one before with its time."""
        if self._held is not None:
            yield self._settle(self._held, None if pts is None else pts + self._shift)
        if pts is None:
            self.filled += 1
            at = self._end or 0
        else:
            at = pts + self._shift
        self._held = _Item(item, at, duration)

    def flush(self) -> Iterator[tuple[T, int]]:
        """No more items: give out the last."""
        if self._held is not None:
            yield self._settle(self._held, None)
            self._held = None

    def _settle(self, held: _Item[T], following: int | None) -> tuple[T, int]:
        if self._end is not None and abs(held.at - self._end) > self._jump:
            if self._is_outlier(held, following):
                self.repaired += 1
                held.at = self._end
            elif held.at < self._end or (self._latest is not None and held.at > self._latest):
                self.repaired += 1
                self._shift += self._end - held.at
                held.at = self._end
        self._end = held.at + held.duration
        return held.item, held.at

    def _is_outlier(self, held: _Item[T], following: int | None) -> bool:
        if following is None or self._end is None:
            return False
        follows_on = abs(following - (held.at + held.duration)) <= self._jump
        back_in_line = abs(following - (self._end + held.duration)) <= self._jump
        return back_in_line and not follows_on
