from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mediafm.media import Picture, open_title
from mediafm.shots import Detector, make_detector
from mediafm.shots.auto import QUIET, SHARP, SPAN, SPREAD, FrameStore, Judge, doubtful
from mediafm.shots.transnet import MARGIN, STEP, WINDOW


def glances(*values: tuple[int, float], n: int = 60) -> np.ndarray:
    out = np.zeros(n, np.float32)
    for frame, value in values:
        out[frame] = value
    return out


def open_frames(line: np.ndarray) -> list[int]:
    return np.flatnonzero(doubtful(line, 0.05, 0.8)).tolist()


def around(first: int, last: int) -> list[int]:
    return list(range(first - SPREAD, last + SPREAD + 1))


def test_three_ways() -> None:
    assert open_frames(glances()) == []
    assert open_frames(glances((30, 0.04))) == []
    assert open_frames(glances((30, 0.95))) == []
    assert open_frames(glances((29, 0.2), (30, 0.95), (31, 0.1))) == []
    assert open_frames(glances((30, 0.5))) == around(30, 30)
    assert open_frames(glances(*((k, 0.9) for k in range(30, 31 + SHARP)))) == around(30, 30 + SHARP)
    assert open_frames(glances((29, 0.9), (30, 0.3), (31, 0.9))) == around(29, 31)  # two peaks
    near = 31 + QUIET - 1
    assert open_frames(glances((30, 0.95), (near, 0.9))) == around(30, near)
    assert open_frames(glances((30, 0.95), (near + 1, 0.9))) == []


def test_edges_of_the_title() -> None:
    assert open_frames(glances((0, 0.5))) == list(range(SPREAD + 1))
    assert open_frames(glances((59, 0.5))) == list(range(59 - SPREAD, 60))


class Spy:
    """A network whose answer for a frame is written in its picture, and which keeps count of what it was shown."""

    def __init__(self) -> None:
        self.shown: list[np.ndarray] = []

    def __call__(self, frames: np.ndarray) -> np.ndarray:
        self.shown.append(frames[:, 0, 0, 1].astype(int) + 256 * frames[:, 0, 0, 2].astype(int))
        return frames[:, 0, 0, 0].astype(np.float32) / 255


def picture(number: int, answer: float) -> np.ndarray:
    image = np.zeros((27, 48, 3), np.uint8)
    image[0, 0] = round(255 * answer), number % 256, number // 256
    return image


def settle(line: np.ndarray, answers: np.ndarray, chunk: int = 50) -> tuple[np.ndarray, Spy]:
    """What the judge makes of a title's glances, handed over 40 frames after their pictures at the earliest."""
    spy = Spy()
    judge = Judge(spy, spy, threshold=0.5, low=0.05, high=0.8)
    parts, given = [], 0
    for number, answer in enumerate(answers):
        judge.add_frame(picture(number, answer))
        if number + 1 - given == chunk + 40:
            parts.append(judge.push(line[given : given + chunk]))
            given += chunk
    parts.append(judge.finish(line[given:]))
    assert judge.frames_seen == sum(map(len, spy.shown))
    return np.concatenate(parts), spy


def test_what_is_certain_is_not_shown_to_the_network() -> None:
    line = glances((100, 0.95), (500, 0.9), n=700)
    final, spy = settle(line, np.zeros(700))
    np.testing.assert_array_equal(final, line)
    assert spy.shown == []


def test_the_networks_word_counts_where_in_doubt() -> None:
    line = glances((100, 0.95), (300, 0.3), n=700)
    final, spy = settle(line, np.where(np.arange(700) == 301, 0.95, 0.0))
    assert final[100] == np.float32(0.95) and final[300] == 0 and final[301] == pytest.approx(0.95, abs=0.01)
    (shown,) = spy.shown
    assert np.all(np.diff(shown) == 1) and shown[0] < 290 and shown[-1] > 310


def test_near_a_half_the_network_sees_what_transnet_sees() -> None:
    answers = np.where(np.arange(700) == 320, 0.52, 0.0)
    final, spy = settle(glances((320, 0.4), n=700), answers)
    assert final[320] == pytest.approx(0.52, abs=0.01)
    first = 320 // STEP * STEP - MARGIN
    assert spy.shown[-1].tolist() == list(range(first, first + WINDOW))
    assert len(spy.shown) > 1


@pytest.mark.parametrize("chunk", [1, 7, 50])
@pytest.mark.parametrize("seed", range(3))
def test_every_frame_is_settled_once_whatever_the_chunks(chunk: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    line = np.where(rng.random(900) < 0.03, rng.random(900), 0.01).astype(np.float32)
    line[400:520] = 0.4  # longer than a look may be
    answers = rng.random(900)
    final, _ = settle(line, answers, chunk)
    expected, _ = settle(line, answers, chunk=60)
    assert len(final) == 900
    np.testing.assert_array_equal(final, expected)
    asked = doubtful(line, 0.05, 0.8)
    np.testing.assert_allclose(final[asked], answers[asked], atol=0.01)
    assert 400 + 2 * SPAN < 520


def test_frames_outside_are_the_first_and_the_last() -> None:
    store = FrameStore()
    for number in range(1500):
        store.add(picture(number, 0))
        store.forget(number - 300)
    found = store.stretch(1400, 1510)
    numbers = found[:, 0, 0, 1].astype(int) + 256 * found[:, 0, 0, 2].astype(int)
    assert numbers.tolist() == [min(n, 1499) for n in range(1400, 1510)]


def film_cuts(path: Path, detector: Detector) -> list[int]:
    with open_title(path) as reader:
        pictures = (item for item in reader if isinstance(item, Picture))
        cuts = [c for p in pictures for c in detector.push(p.index, Fraction(0), p.rgb(48, 27, scaling="bicubic"))]
    return cuts + detector.finish()


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["tears_of_steel_clip.webm", "sintel_trailer.webm", "cuts_testvideo.mp4", "fades.mp4", "big_buck_bunny.mp4"]
)
def test_cuts_of_real_films_are_those_of_transnet(films: Path, name: str) -> None:
    """To two frames; one in fifty may differ, or one of a short film (docs/shots.md says which)."""
    found = film_cuts(films / name, make_detector("auto"))
    expected = film_cuts(films / name, make_detector("transnet"))
    unmatched = sum(min((abs(c - e) for e in expected), default=9) > 2 for c in found)
    unmatched += sum(min((abs(c - e) for c in found), default=9) > 2 for e in expected)
    assert unmatched <= max(1, 0.02 * (len(found) + len(expected)))


def test_the_film_of_cuts_is_settled_as_by_transnet(cuts_clip: Callable[[int, int, str], Any]) -> None:
    detector = make_detector("auto")
    clip = cuts_clip(48, 27, "bicubic")[:200]
    assert [c for i, (t, image) in enumerate(clip) for c in detector.push(i, t, image)] + detector.finish() == [30, 180]
    assert detector.frames_seen < 200  # type: ignore[attr-defined]
