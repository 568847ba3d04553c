"""Cuts that are known already: a film is read again, and its shots stay what they were."""

from collections.abc import Sequence
from fractions import Fraction

from mediafm.shots.checks import expect_frame, fingerprint_of
from mediafm.shots.detector import Detector, Scaling
from mediafm.types import ImageArray


class GivenDetector(Detector):
    """Cuts at the frames it is told. cuts: first frames of shots, in rising order, without 0."""

    name = "given"
    latency = 0
    scaling: Scaling = "area"

    def __init__(self, cuts: Sequence[int]) -> None:
        self._cuts = frozenset(cuts)
        self.fingerprint = fingerprint_of(self.name, cuts=sorted(self._cuts))
        self._due = 0

    def frame_size(self, width: int, height: int) -> tuple[int, int]:
        """(0, 0): no picture is wanted."""
        return 0, 0

    def push(self, index: int, time_s: Fraction, image: ImageArray) -> list[int]:
        """Look up frame `index`; `image` may be empty."""
        expect_frame(self.name, self._due, index)
        self._due += 1
        return [index] if index in self._cuts else []

    def finish(self) -> list[int]:
        """Nothing is ever owed."""
        return []
