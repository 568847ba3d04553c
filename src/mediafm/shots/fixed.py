"""Cuts by the clock alone: no picture is looked at."""

from fractions import Fraction

from mediafm.shots.checks import expect_frame, fingerprint_of, number
from mediafm.shots.detector import Detector, Scaling
from mediafm.types import ImageArray

_RULES = 1  # raise when the same frames could give other cuts


class FixedDetector(Detector):
    """A new shot starts with the first frame at or after every multiple of `seconds` (title time, exact)."""

    name = "fixed"
    latency = 0
    scaling: Scaling = "area"

    def __init__(self, seconds: float = 10.0) -> None:
        self._seconds = Fraction(str(number(self.name, "seconds", seconds, low=0.04)))
        self.fingerprint = fingerprint_of(self.name, rules=_RULES, seconds=str(self._seconds))
        self._due = 0
        self._span = 0  # number of the clock span the last frame lay in

    def frame_size(self, width: int, height: int) -> tuple[int, int]:
        """(0, 0): no picture is wanted."""
        return 0, 0

    def push(self, index: int, time_s: Fraction, image: ImageArray) -> list[int]:
        """Look at the time of frame `index`; `image` may be empty."""
        expect_frame(self.name, self._due, index)
        self._due += 1
        before, self._span = self._span, time_s // self._seconds
        return [index] if index > 0 and self._span > before else []

    def finish(self) -> list[int]:
        """Nothing is ever owed."""
        return []
