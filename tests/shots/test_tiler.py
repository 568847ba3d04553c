from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from numpy.random import Generator

from mediafm.errors import UsageError
from mediafm.shots import ShotTiler
from mediafm.types import Shot

TB = Fraction(1, 1000)


def reference(
    pts: list[int], end_pts: int, cuts: list[int], min_frames: int, max_ticks: int
) -> list[tuple[int, int, int, int]]:
    """The rules of the tiler with everything known beforehand."""
    accepted = [0]
    for cut in cuts:
        if cut - accepted[-1] >= min_frames and len(pts) - cut >= min_frames:
            accepted.append(cut)
    bounds = []
    for start, end in zip(accepted, [*accepted[1:], len(pts)], strict=True):
        bounds.append(start)
        while True:
            left = 0 if start == 0 else pts[start]
            right = end_pts if end == len(pts) else pts[end]
            if right - left <= max_ticks:
                break
            fitting = [f for f in range(start, end) if pts[f] <= left + max_ticks]
            split = min(max([*fitting, start + min_frames]), end - min_frames)
            if split < start + min_frames:
                break
            bounds.append(split)
            start = split
    times = [0, *(pts[b] for b in bounds[1:]), end_pts]
    frames = [*bounds, len(pts)]
    return [(times[i], times[i + 1], frames[i], frames[i + 1]) for i in range(len(bounds))]


def random_title(rng: Generator) -> tuple[list[int], int, list[int]]:
    n = int(rng.integers(1, 120))
    steps = rng.integers(1, 80, n) * rng.choice([1, 1, 1, 20], n)
    pts = (np.cumsum(steps) - (steps[0] if rng.random() < 0.5 else 0)).tolist()
    end_pts = pts[-1] + int(rng.integers(1, 3000))
    cuts = sorted(rng.choice(np.arange(1, n), int(rng.integers(0, n)) // 3, replace=False).tolist()) if n > 1 else []
    return pts, end_pts, cuts


def run(
    tiler: ShotTiler, pts: list[int], end_pts: int, cuts: list[int], latency: int, asked: float, rng: Generator
) -> list[Shot]:
    """Feed a title: each cut is named up to `latency` frames late, `settled` is asked now and then."""
    shots = []
    waiting = [(min(cut + int(rng.integers(0, latency + 1)), len(pts) - 1), cut) for cut in cuts]
    for i, at in enumerate(pts):
        tiler.frame(i, at, 1)
        while waiting and max(known for known, cut in waiting if cut <= waiting[0][1]) <= i:
            tiler.cut(waiting.pop(0)[1])
        named_late = min((cut for _, cut in waiting), default=len(pts))
        if rng.random() < asked:
            shots += tiler.settled(min(i - latency, named_late - 1))
    for _, cut in waiting:
        tiler.cut(cut)
    return shots + tiler.finish(end_pts, len(pts))


@pytest.mark.parametrize("seed", range(300))
def test_random_titles_follow_the_rules(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pts, end_pts, cuts = random_title(rng)
    min_frames, max_ticks = int(rng.integers(1, 6)), int(rng.integers(20, 2000))
    expected = reference(pts, end_pts, cuts, min_frames, max_ticks)
    for latency, asked in ((0, 1.0), (7, 1.0), (7, 0.1), (200, 0.0)):
        tiler = ShotTiler(TB, min_frames, max_ticks / 1000)
        shots = run(tiler, pts, end_pts, cuts, latency, asked, rng)
        assert [(s.start_pts, s.end_pts, s.start_frame, s.end_frame) for s in shots] == expected
        assert [s.index for s in shots] == list(range(len(shots)))
    # The laws, said once more without the rules.
    assert shots[0].start_pts == 0 and shots[-1].end_pts == end_pts
    assert shots[0].start_frame == 0 and shots[-1].end_frame == len(pts)
    assert all(a.end_pts == b.start_pts and a.end_frame == b.start_frame for a, b in pairwise(shots))
    assert all(s.end_pts > s.start_pts for s in shots)
    assert len(shots) == 1 or all(s.end_frame - s.start_frame >= min_frames for s in shots)
    assert {s.start_frame for s in shots[1:]} <= set(range(1, len(pts)))


def feed(tiler: ShotTiler, frames: int, cuts: tuple[int, ...] = (), step: int = 40) -> None:
    for i in range(frames):
        tiler.frame(i, i * step, step)
    for cut in cuts:
        tiler.cut(cut)


def spans(shots: list[Shot]) -> list[tuple[int, int]]:
    return [(s.start_frame, s.end_frame) for s in shots]


def test_short_shots_merge() -> None:
    tiler = ShotTiler(TB, min_frames=3)
    feed(tiler, 30, (2, 10, 12, 20, 28))
    assert spans(tiler.settled(29)) == [(0, 10), (10, 20)]
    assert spans(tiler.finish(1200, 30)) == [(20, 30)]


def test_shot_waits_for_min_frames_after_its_cut() -> None:
    tiler = ShotTiler(TB, min_frames=3)
    feed(tiler, 12, (10,))
    assert tiler.settled(11) == []
    tiler.frame(12, 480, 40)
    assert spans(tiler.settled(12)) == [(0, 10)]


def test_long_take_is_split_while_open_and_memory_stays_bounded() -> None:
    tiler = ShotTiler(Fraction(1, 25), max_seconds=120)
    shots = []
    most = 0
    for i in range(25 * 600 + 1):
        tiler.frame(i, i, 1)
        shots += tiler.settled(i - 100)
        most = max(most, len(tiler._pts))
    assert spans(shots) == [(k * 3000, (k + 1) * 3000) for k in range(5)][: len(shots)] and len(shots) == 4
    assert most <= 3000 + 100 + 4
    # One frame more than five full parts: the last split moves back so that no part is too short.
    assert spans(tiler.finish(15001, 15001)) == [(12000, 14998), (14998, 15001)]


def test_late_first_picture_and_sound_that_goes_on() -> None:
    tiler = ShotTiler(TB)
    for i in range(10):
        tiler.frame(i, 5000 + i * 40, 40)
    tiler.cut(5)
    shots = tiler.finish(60_000, 10)
    assert [(s.start_pts, s.end_pts) for s in shots] == [(0, 5200), (5200, 60_000)]


def test_no_frames_give_no_shots() -> None:
    assert ShotTiler(TB).finish(5000, 0) == []


def test_fewer_frames_than_a_shot_needs_are_one_shot() -> None:
    tiler = ShotTiler(TB, min_frames=3)
    feed(tiler, 2, (1,))
    assert spans(tiler.finish(80, 2)) == [(0, 2)]


def test_wrong_use_is_named() -> None:
    with pytest.raises(UsageError, match="min_frames"):
        ShotTiler(TB, min_frames=0)
    for seconds in (0, -1, float("nan"), float("inf")):
        with pytest.raises(UsageError, match="max_seconds"):
            ShotTiler(TB, max_seconds=seconds)
    tiler = ShotTiler(TB)
    feed(tiler, 20, (5,))
    with pytest.raises(UsageError, match="Frame 30 came where frame 20"):
        tiler.frame(30, 1200, 40)
    with pytest.raises(UsageError, match="pts 760"):
        tiler.frame(20, 760, 40)
    for cut in (0, 5, 20):
        with pytest.raises(UsageError, match=f"cut at frame {cut} "):
            tiler.cut(cut)
    tiler.settled(10)
    with pytest.raises(UsageError, match="cut at frame 10 "):
        tiler.cut(10)
    with pytest.raises(UsageError, match="21 frames but 20"):
        tiler.finish(800, 21)
    with pytest.raises(UsageError, match="ends at 800"):
        tiler.finish(799, 20)
