"""The words of the house as frozen values, with shapes and units.

Time is an integer `pts` counted in a title's own rational `time_base` (seconds a tick) from the title's zero, the
moment its first picture or sound is presented. Seconds are for people and for formats that know nothing better.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

Modality = Literal["video", "audio", "text"]
# The order of the blocks in a fused embedding, everywhere.
MODALITIES: tuple[Modality, ...] = get_args(Modality)

SAMPLE_RATE = 16_000  # hertz of the mono sound that encoders are handed unless they ask for another rate

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]
ImageArray = NDArray[np.uint8]  # [height, width, 3], RGB, upright, square pixels


@dataclass(frozen=True, slots=True)
class Shot:
    """A half-open span of one title. Shots tile the title: the first starts at 0, each next where the last ended.

    `start_frame`/`end_frame` count decoded pictures from 0, half-open; both are 0 in a title without picture.
    """

    index: int
    start_pts: int
    end_pts: int
    start_frame: int
    end_frame: int

    def start_s(self, time_base: Fraction) -> float:
        """Start in seconds from the title's zero."""
        return float(self.start_pts * time_base)

    def end_s(self, time_base: Fraction) -> float:
        """End in seconds from the title's zero."""
        return float(self.end_pts * time_base)


@dataclass(frozen=True, slots=True)
class Cue:
    """One cleaned line of timed text, times in whole milliseconds from the title's zero, half-open."""

    start_ms: int
    end_ms: int
    text: str


@dataclass(frozen=True, slots=True)
class ShotCue:
    """A cue as one shot sees it: `share` (0, 1] is the part of the cue's duration that lies in the shot."""

    cue: Cue
    share: float


@dataclass(frozen=True, slots=True)
class ShotInput:
    """All that an encoder may look at for one shot.

    frames: uint8 [h, w, 3] pictures sampled uniformly inside the shot, in time order; empty without picture.
    frame_times: their times in seconds from the shot's start.
    samples: float32 [n] mono sound of the shot at `sample_rate` in [-1, 1]; None where the title has no sound there
        (a silent stretch of a title with sound is zeros, not None: silence is not missing sound).
    text: the shot's cues joined in time order; empty where nobody speaks.
    duration: seconds.
    sample_rate: samples a second of `samples`.
    """

    frames: tuple[ImageArray, ...]
    frame_times: tuple[float, ...]
    samples: FloatArray | None
    text: str
    duration: float
    sample_rate: int = SAMPLE_RATE

    def has(self, modality: Modality) -> bool:
        """Whether there is anything to look at: a picture, a sample of sound, a visible character."""
        if modality == "video":
            return bool(self.frames)
        if modality == "audio":
            return self.samples is not None and len(self.samples) > 0
        return bool(self.text.strip())

    @property
    def nbytes(self) -> int:
        """Bytes of pictures and sound."""
        return sum(f.nbytes for f in self.frames) + (0 if self.samples is None else self.samples.nbytes)


@dataclass(frozen=True, slots=True)
class Features:
    """The features of n consecutive shots of one title.

    vectors: modality -> [n, dim] float16 or float32, each row unit-norm or exactly zero (imported features keep the
        scale they came with).
    present: modality -> bool [n]; a row that is not present is zero.
    Both hold the same modalities, in the order of MODALITIES.
    """

    vectors: Mapping[Modality, NDArray[Any]]
    present: Mapping[Modality, BoolArray]

    def __len__(self) -> int:
        return len(next(iter(self.vectors.values())))

    @property
    def dims(self) -> dict[Modality, int]:
        """Modality -> vector size."""
        return {m: int(v.shape[1]) for m, v in self.vectors.items()}


@dataclass(frozen=True, slots=True)
class Metadata:
    """What is known of a title beside its media. Everything but the name may be empty."""

    name: str = ""
    synopsis: str = ""
    tags: tuple[str, ...] = ()
    genres: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)  # further columns, JSON-able

    def as_text(self) -> str:
        """The sentence that becomes the title's [GLOBAL] vector; empty if there is nothing but a name."""
        if not (self.synopsis or self.tags or self.genres):
            return ""
        parts = [self.name, self.synopsis, ", ".join(self.genres), ", ".join(self.tags)]
        return ". ".join(p.strip().rstrip(".") for p in parts if p.strip())
