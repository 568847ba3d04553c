"""The encoder contract: a batch of shots goes in, one vector a shot comes out.

Rows are finite float32, unit-norm where the flag says present and exactly zero where it does not. The vector of a shot
depends on nothing but the shot: not on its neighbours in the batch, their order or number. Encoders are final. One test
suite (`tests/encoders/test_contract.py`) runs over all of them.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from mediafm.types import SAMPLE_RATE, BoolArray, FloatArray, Modality, ShotInput


@dataclass(frozen=True, slots=True)
class Encoded:
    """vectors: float32 [n, dim]; present: bool [n]."""

    vectors: FloatArray
    present: BoolArray


class Encoder(ABC):
    """A frozen model that gives one vector a shot. Loading happens in the constructor, never at import."""

    name: str
    modality: Modality  # the slot of a preset and the column of a catalog that its vectors fill
    dim: int
    fingerprint: str  # of code version, settings and weights: equal fingerprints give equal vectors
    licence: str  # SPDX name of the weights' licence
    frames: int = 0  # how many sampled frames a shot it wants; 0: it looks at none
    batch: int = 16  # shots it likes to be handed at a time
    frame_side: int = 0  # the shorter side, in pixels, of those frames
    sample_rate: int = SAMPLE_RATE  # hertz of the sound it wants, if it listens

    @property
    def inputs(self) -> tuple[Modality, ...]:
        """What it looks at; a subclass that sees more than its own modality says so (`inputs = ("video", "audio")`)."""
        return (self.modality,)

    def sees(self, shot: ShotInput) -> bool:
        """Whether there is anything in the shot that it looks at. Shots without are absent and not handed to it."""
        return any(shot.has(modality) for modality in self.inputs)

    def check_ready(self) -> None:
        """Raise what would stop the first batch anyway and can be known before: a key that is missing."""
        return

    @abstractmethod
    def encode(self, batch: Sequence[ShotInput]) -> Encoded:
        """Encode shots; [len(batch), dim]."""
