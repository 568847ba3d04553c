from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from scenedetect import AdaptiveDetector, detect

from mediafm.errors import UsageError
from mediafm.shots import Detector, make_detector
from mediafm.shots.content import ContentDetector, _QuickAdaptive


def cuts_of(detector: Detector, clip: list[tuple[Fraction, NDArray[np.uint8]]]) -> list[int]:
    found = [cut for i, (time, image) in enumerate(clip) for cut in detector.push(i, time, image)]
    return found + detector.finish()


@pytest.fixture(scope="module")
def opencv_clip(cuts_film: Path) -> list[tuple[Fraction, NDArray[np.uint8]]]:
    """Decoded and scaled as scenedetect does it."""
    capture = cv2.VideoCapture(str(cuts_film))
    size = ContentDetector().frame_size(int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(4)))
    rate = Fraction(capture.get(cv2.CAP_PROP_FPS)).limit_denominator(1001)
    clip = []
    while (read := capture.read())[0]:
        small = cv2.resize(read[1], size, interpolation=cv2.INTER_LINEAR)
        clip.append((len(clip) / rate, cv2.cvtColor(small, cv2.COLOR_BGR2RGB)))
    return clip


@pytest.mark.parametrize(
    ("threshold", "min_score", "window", "min_seconds"), [(3.0, 15.0, 2, 0.2), (1.3, 1.0, 2, 0.1), (1.2, 0.5, 4, 1.0)]
)
def test_cuts_are_those_of_scenedetect(
    threshold: float, min_score: float, window: int, min_seconds: float, cuts_film: Path, opencv_clip: Any
) -> None:
    theirs = AdaptiveDetector(
        adaptive_threshold=threshold, min_content_val=min_score, window_width=window, min_scene_len=min_seconds
    )
    expected = [start.frame_num for start, _ in detect(str(cuts_film), theirs)[1:]]
    ours = make_detector("content", threshold=threshold, min_score=min_score, window=window, min_seconds=min_seconds)
    assert cuts_of(ours, opencv_clip) == expected
    assert expected == [30, 180, 394, 691] if threshold == 3.0 else len(expected) > 10


def test_scores_are_those_of_scenedetect_to_the_bit() -> None:
    rng = np.random.default_rng(0)
    theirs, ours = AdaptiveDetector(), _QuickAdaptive()
    for image in rng.integers(0, 256, (12, 31, 57, 3), dtype=np.uint8):
        expected = theirs._calculate_frame_score(None, np.ascontiguousarray(image[:, :, ::-1]))
        assert ours._calculate_frame_score(None, image) == expected


def test_same_cuts_from_frames_scaled_by_the_reader(cuts_clip: Callable[[int, int, str], Any]) -> None:
    """At 691, deep in a fade to black, scenedetect's ratio is 3.1; another bilinear filter leaves it below 3."""
    detector = make_detector("content")
    assert cuts_of(detector, cuts_clip(*detector.frame_size(1280, 720), detector.scaling)) == [30, 180, 394]


def test_frame_size_follows_scenedetect() -> None:
    detector = make_detector("content")
    sizes = {(1920, 1080): (256, 144), (1280, 544): (256, 109), (200, 100): (200, 100), (1080, 1920): (144, 256)}
    assert {size: detector.frame_size(*size) for size in sizes} == sizes
    assert detector.frame_size(4000, 1) == (256, 1)


def flat_shots(*lengths: int) -> list[NDArray[np.uint8]]:
    colours = [(200, 30, 30), (30, 30, 200), (30, 200, 30), (220, 220, 220)]
    return [np.full((20, 30, 3), colours[k % 4], np.uint8) for k, n in enumerate(lengths) for _ in range(n)]


def test_only_shots_of_a_frame_or_two_at_the_ends_are_missed() -> None:
    def cuts(*lengths: int) -> list[int]:
        frames = [(Fraction(i, 25), image) for i, image in enumerate(flat_shots(*lengths))]
        return cuts_of(make_detector("content", min_seconds=0.0), frames)

    assert cuts(3, 20, 3) == [3, 23]
    assert cuts(2, 20, 3) == [2, 22]
    assert cuts(1, 20, 2) == []


def test_min_seconds_is_exact_and_follows_the_real_times() -> None:
    """Shots of 5 frames, 1/6 s and 1/10 s a frame in turn: no common frame rate and changing denominators."""
    images = flat_shots(*[5] * 8)
    times = [Fraction(0)]
    for i in range(len(images) - 1):
        times.append(times[-1] + (Fraction(1, 6) if i // 5 % 2 == 0 else Fraction(1, 10)))
    frames = list(zip(times, images, strict=True))
    # The cuts 5, 10, 15 ... lie 5/6 s, 1/2 s, 5/6 s ... apart.
    assert cuts_of(make_detector("content", min_seconds=0.5), frames) == [5, 10, 15, 20, 25, 30, 35]
    assert cuts_of(make_detector("content", min_seconds=0.51), frames) == [5, 15, 25, 35]
    assert cuts_of(make_detector("content", min_seconds=5 / 6 + 0.01), frames) == [10, 20, 30]


def test_wrong_options_are_named() -> None:
    for option, value in {"threshold": -1, "min_score": 300, "window": 0, "min_seconds": float("nan")}.items():
        with pytest.raises(UsageError, match=option):
            make_detector("content", **{option: value})
    with pytest.raises(UsageError, match="whole number"):
        make_detector("content", window=2.5)
