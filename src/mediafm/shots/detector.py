"""The detector contract: frames in order go in, cuts come out.

A cut is the number of the first frame of a new shot. A detector never says 0 and never says the same cut twice; cuts
come in rising order, each at most `latency` frames after the frame it names. Detectors are final: wrap, do not
override. One test suite (`tests/shots/test_contract.py`) runs over all of them.
"""

from abc import ABC, abstractmethod
from fractions import Fraction
from typing import Literal

from mediafm.types import ImageArray

Scaling = Literal["area", "bicubic", "bilinear"]


class Detector(ABC):
    """Finds cuts in one title. Made new for every title: it holds the state of one pass."""

    name: str
    fingerprint: str  # changes whenever the same frames could give other cuts
    latency: int  # a cut is known at most this many frames after its own frame
    scaling: Scaling  # how the reader is to shrink frames for this detector

    @abstractmethod
    def frame_size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height in pixels that this detector wants of a film of that display size; (0, 0): no picture."""

    @abstractmethod
    def push(self, index: int, time_s: Fraction, image: ImageArray) -> list[int]:
        """Take frame `index` (0, 1, 2 ...), shown at `time_s` seconds; return the cuts that are certain now."""

    @abstractmethod
    def finish(self) -> list[int]:
        """No more frames: return the cuts still owed."""
