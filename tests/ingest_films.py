"""Small films with known cuts, sound and words."""

import itertools
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

from mediafm.media import write_film, write_subtitles
from mediafm.types import Cue, ImageArray

FPS = 24
CUTS = (0, 30, 71, 100)  # first frames of three shots, and the end
SIZE = (160, 96)


def shot_pictures(seed: int) -> Iterator[ImageArray]:
    """Three shots, each a still of coarse noise that drifts sideways: nothing alike across a cut."""
    rng = np.random.default_rng(seed)
    for start, end in itertools.pairwise(CUTS):
        blocks = rng.integers(0, 256, (6, 20, 3), np.uint8)
        still = blocks.repeat(16, axis=0).repeat(16, axis=1)
        for i in range(end - start):
            yield np.ascontiguousarray(still[:, i : i + SIZE[0]])


def tone(seconds: float, rate: int = 48_000) -> np.ndarray:
    t = np.arange(int(seconds * rate)) / rate
    return (0.3 * np.sin(2 * np.pi * 440 * t)).astype(np.float32)


def make_film(path: Path, seed: int = 1, sound: bool = True, cues: bool = True) -> Path:
    write_film(path, Fraction(FPS), SIZE, shot_pictures(seed), tone(CUTS[-1] / FPS) if sound else None)
    if cues:
        write_subtitles(path.with_suffix(".en.srt"), [Cue(1000, 2000, "Where are we going?")])
    return path
