from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

Clip = list[tuple[Fraction, NDArray[np.uint8]]]  # (seconds, uint8 RGB) a frame


@pytest.fixture(scope="session")
def films() -> Path:
    for parent in Path(__file__).resolve().parents:
        folder = parent.parent / "shared" / "data" / "films"
        if folder.is_dir():
            return folder
    pytest.skip("the films are not there: no ../shared/data/films beside the repository")


def read_clip(path: Path, width: int, height: int, scaling: Interpolation, frames: int | None = None) -> Clip:
    scaler = VideoReformatter()
    clip = []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            small = scaler.reformat(frame, width, height, "rgb24", interpolation=scaling)
            clip.append((frame.pts * Fraction(frame.time_base), small.to_ndarray()))
            if len(clip) == frames:
                break
    return clip


@pytest.fixture(scope="session")
def cuts_film(films: Path) -> Path:
    """720 frames, 29.97 a second: black, hard cut to a still at frame 30, hard cut to black at 180; then slow fades."""
    return films / "cuts_testvideo.mp4"


@pytest.fixture(scope="session")
def cuts_clip(cuts_film: Path) -> Callable[[int, int, str], Clip]:
    """That film, decoded once a size."""
    seen: dict[tuple[int, int, str], Clip] = {}

    def clip(width: int, height: int, scaling: str) -> Clip:
        key = width, height, scaling
        if key not in seen:
            seen[key] = read_clip(cuts_film, width, height, Interpolation[scaling.upper()])
        return seen[key]

    return clip
