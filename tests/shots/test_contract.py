"""One suite over all detectors."""

import random
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from mediafm.errors import UsageError
from mediafm.shots import DETECTORS, Detector, make_detector

SIZE = (1280, 720)
# Hard cuts at 30 and 180, which everyone who looks must find; from 211 on the picture comes out of black.
CUTS = {"auto": [30, 180, 226], "transnet": [30, 180, 226], "content": [30, 180], "fixed": [60, 120, 180, 240]}
OPTIONS: dict[str, dict[str, Any]] = {"auto": {}, "transnet": {}, "content": {}, "fixed": {"seconds": 2}}
OTHER_OPTIONS: dict[str, dict[str, Any]] = {
    "auto": {"low": 0.1},
    "transnet": {"threshold": 0.3},
    "content": {"min_score": 16},
    "fixed": {"seconds": 9},
}


@pytest.fixture(params=DETECTORS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def clip(name: str, cuts_clip: Callable[[int, int, str], Any]) -> list[tuple[Fraction, NDArray[np.uint8]]]:
    detector = make_detector(name)
    width, height = detector.frame_size(*SIZE)
    if (width, height) == (0, 0):
        return [(time, np.empty((0, 0, 3), np.uint8)) for time, _ in cuts_clip(48, 27, "bicubic")]
    return cuts_clip(width, height, detector.scaling)


@pytest.fixture
def make(name: str) -> Callable[[], Detector]:
    return lambda: make_detector(name, **OPTIONS[name])


def detect(detector: Detector, clip: list[tuple[Fraction, NDArray[np.uint8]]]) -> list[tuple[int, int]]:
    """(frame at which it was said, cut) pairs."""
    found = [(i, cut) for i, (time, image) in enumerate(clip) for cut in detector.push(i, time, image)]
    return found + [(len(clip) - 1, cut) for cut in detector.finish()]


def state() -> list[Any]:
    return [
        random.getstate(),
        str(np.random.get_state()),  # noqa: NPY002 - the global generator is what must not be touched
        torch.get_rng_state().tolist(),
        torch.are_deterministic_algorithms_enabled(),
        torch.is_grad_enabled(),
        torch.backends.cudnn.deterministic,
        torch.backends.cudnn.benchmark,
    ]


def test_known_cuts_rising_unique_and_in_time(name: str, make: Callable[[], Detector], clip: Any) -> None:
    detector = make()
    before = state()
    found = detect(detector, clip[:250])
    cuts = [cut for _, cut in found]
    assert cuts == CUTS[name]
    assert cuts == sorted(set(cuts)) and 0 not in cuts
    assert all(0 <= at - cut <= detector.latency for at, cut in found)
    assert state() == before


def test_frames_are_neither_kept_nor_changed(name: str, make: Callable[[], Detector], clip: Any) -> None:
    """A reader may hand the same buffer over again and again."""
    detector = make()
    cuts = []
    buffer = np.empty_like(clip[0][1])
    for i, (time, image) in enumerate(clip[:100]):
        buffer[:] = image
        cuts += detector.push(i, time, buffer)
        assert np.array_equal(buffer, image)
        buffer[:] = 0
    assert cuts + detector.finish() == [cut for cut in CUTS[name] if cut < 100]


def test_instances_do_not_share_state(name: str, make: Callable[[], Detector], clip: Any) -> None:
    """Two titles in turn, one of them running backwards."""
    first, second = make(), make()
    cuts = []
    for i in range(80):
        cuts += first.push(i, *clip[i])
        second.push(i, clip[i][0], clip[100 - i][1])
    assert cuts + first.finish() == [cut for cut in CUTS[name] if cut < 80]


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_shortest_titles(name: str, n: int, clip: Any) -> None:
    assert detect(make_detector(name), clip[:n]) == []


def test_fingerprint_follows_the_options(name: str) -> None:
    assert make_detector(name).fingerprint == make_detector(name).fingerprint
    assert make_detector(name).fingerprint.startswith(f"{name}-")
    assert make_detector(name, **OTHER_OPTIONS[name]).fingerprint != make_detector(name).fingerprint


def test_fingerprints_are_all_different() -> None:
    assert len({make_detector(name).fingerprint for name in DETECTORS}) == len(DETECTORS)


def test_frame_size_is_small_and_depends_on_the_film_alone(name: str) -> None:
    for width, height in ((1920, 1080), (1080, 1920), (16, 16), (320, 3)):
        small = make_detector(name).frame_size(width, height)
        assert small == make_detector(name).frame_size(width, height)
        assert max(small) <= max(256, 48) and (small == (0, 0) or min(small) > 0)


def test_frames_out_of_order_or_of_a_wrong_size_are_refused(name: str, clip: Any) -> None:
    detector = make_detector(name)
    with pytest.raises(UsageError, match="frame 1 where frame 0"):
        detector.push(1, Fraction(0), clip[0][1])
    if detector.frame_size(*SIZE) != (0, 0):
        detector.push(0, Fraction(0), clip[0][1])
        with pytest.raises(UsageError, match="image of shape"):
            detector.push(1, Fraction(1), clip[0][1][:-1])


def test_unknown_names_and_options_list_the_choices(name: str) -> None:
    with pytest.raises(UsageError, match=r"'magic'.*auto, transnet, content, fixed"):
        make_detector("magic")
    with pytest.raises(UsageError, match=rf"'{name}' has no option 'speed'.*{next(iter(OTHER_OPTIONS[name]))}"):
        make_detector(name, speed=3)
