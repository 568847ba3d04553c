"""Turning a stream's timestamps, as they come, into times that can be trusted.

Real files have timestamps that are missing, that repeat, or that jump when two recordings were glued together. Whatever
is changed here is counted, so that nobody takes a filled-in time for a true one.
"""

from fractions import Fraction

# A step back longer than this is no jitter: another recording begins, and its clock is laid behind what went before.
_GLUED_BEHIND_S = Fraction(1)
# A jump ahead to this much past the declared end cannot be a pause in the film either.
_GLUED_AHEAD_S = Fraction(60)


class Timeline:
    """Timestamps of one stream, in ticks of `time_base`, made whole.

    Small disorder (less than a second back) is passed on for the caller to settle, who alone knows what it means for
    pictures or for samples. `end` is where the last item ended.
    """

    def __init__(self, time_base: Fraction, last_end: Fraction | None) -> None:
        self.time_base = time_base
        self.end: int | None = None
        self.filled = 0  # items that came without a timestamp
        self.glued = 0  # jumps of the clock that were closed
        self._shift = 0
        self._behind = int(_GLUED_BEHIND_S / time_base)
        self._latest = None if last_end is None else int((last_end + _GLUED_AHEAD_S) / time_base)

    def place(self, pts: int | None, duration: int) -> int:
        """Where an item with this timestamp (None: it has none) and length in ticks stands."""
        if pts is None:
            self.filled += 1
            at = self.end or 0
        else:
            at = pts + self._shift
            if self.end is not None and self._is_glued(at):
                self.glued += 1
                self._shift += self.end - at
                at = self.end
        self.end = at + duration
        return at

    def _is_glued(self, at: int) -> bool:
        assert self.end is not None
        if at < self.end - self._behind:
            return True
        return self._latest is not None and at > self._latest and at > self.end + self._behind
