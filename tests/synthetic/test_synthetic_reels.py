from fractions import Fraction
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest

from mediafm.media import Picture, open_title, write_film
from mediafm.synthetic.reels import DISTURBANCES, STYLES, TRANSITIONS, match_cuts, plan_reel, plan_reels, reel_frames

SIZE = (64, 36)


def test_same_seed_same_reel_and_other_seed_another() -> None:
    plan = plan_reel(3, 4, 24)
    assert plan == plan_reel(3, 4, 24) != plan_reel(4, 4, 24)
    frames = list(reel_frames(plan, SIZE))
    assert len(frames) == plan.frames == 96
    assert all(a.shape == (36, 64, 3) and a.dtype == np.uint8 for a in frames)
    assert all(np.array_equal(a, b) for a, b in zip(frames, reel_frames(plan, SIZE), strict=True))


def test_an_hour_has_everything() -> None:
    plans = plan_reels(0)
    assert sum(plan.frames / plan.fps for plan in plans) == pytest.approx(3600, abs=1)
    assert {plan.style for plan in plans} == set(STYLES)
    assert {plan.fps for plan in plans} == {Fraction(r) for r in (12, 24, 25, 60)} | {Fraction(30000, 1001)}
    assert {t.kind for plan in plans for t in plan.transitions} == set(TRANSITIONS)
    assert {d.kind for plan in plans for d in plan.disturbances} == set(DISTURBANCES)
    dissolves = [t.frames for plan in plans for t in plan.transitions if t.kind == "dissolve"]
    assert min(dissolves) <= 5 and max(dissolves) >= 58 and all(4 <= n <= 60 for n in dissolves)


@pytest.mark.parametrize("seed", range(5))
def test_shots_and_transitions_fit_together(seed: int) -> None:
    plan = plan_reel(seed, 60, 25)
    assert len(plan.shots) == len(plan.transitions) + 1
    assert plan.shots[0].start == 0 and plan.shots[-1].end == plan.frames
    for (old, new), transition in zip(pairwise(plan.shots), plan.transitions, strict=True):
        assert new.start == transition.first
        assert old.end == (transition.first if transition.kind == "cut" else transition.last + 1)
    assert all(a.last < b.first for a, b in pairwise(plan.transitions))
    for disturbance in plan.disturbances:
        assert all(disturbance.last < t.first or disturbance.first > t.last for t in plan.transitions)


def test_pictures_change_where_the_plan_says() -> None:
    """A cut between different worlds is a larger change than any of the quiet frames around it."""
    plan = plan_reel(1, 40, 24, "animation")
    frames = [frame.astype(np.float32) for frame in reel_frames(plan, SIZE)]
    change = [np.abs(b - a).mean() for a, b in pairwise(frames)]  # change[k]: from frame k to k + 1
    cuts = [
        t.first
        for t, (old, new) in zip(plan.transitions, pairwise(plan.shots), strict=True)
        if t.kind == "cut" and old.world != new.world and not old.disturbance and not new.disturbance
    ]
    assert cuts
    for cut in cuts:
        assert change[cut - 1] > 2 * max(change[cut - 4 : cut - 1] + change[cut : cut + 3])


def test_a_dissolve_runs_from_one_shot_to_the_other() -> None:
    plan = next(p for p in (plan_reel(s, 20, 24, "animation") for s in range(50)) if _long_dissolve(p))
    dissolve = _long_dissolve(plan)
    frames = [f.astype(np.float32) for f in reel_frames(plan, SIZE)][dissolve.first - 1 : dissolve.last + 2]
    steps = [np.abs(f - frames[0]).mean() for f in frames]
    assert steps[0] == 0 and steps[-1] > 4 * steps[2] and steps[-1] > 1.5 * steps[len(steps) // 3]


def _long_dissolve(plan):  # type: ignore[no-untyped-def]
    return next((t for t in plan.transitions if t.kind == "dissolve" and t.frames > 30), None)


def test_a_reel_becomes_a_film(tmp_path: Path) -> None:
    plan = plan_reel(0, 3, Fraction(30000, 1001))
    write_film(tmp_path / "reel.mp4", plan.fps, SIZE, reel_frames(plan, SIZE), None)
    with open_title(tmp_path / "reel.mp4") as reader:
        assert sum(isinstance(item, Picture) for item in reader) == plan.frames


def test_matches_are_the_most_that_can_be_had() -> None:
    """Against all ways to pair."""
    rng = np.random.default_rng(0)
    for _ in range(60):
        starts = np.sort(rng.choice(40, 3, replace=False))
        spans = [(int(s), int(s + rng.integers(0, 4))) for s in starts]
        cuts = sorted(int(c) for c in rng.choice(40, 4, replace=False))
        found = match_cuts(spans, cuts, slack=1)
        fits = [(i, j) for i, (a, b) in enumerate(spans) for j, c in enumerate(cuts) if a - 1 <= c <= b + 1]
        best = max(
            k
            for k in range(4)
            for pairs in combinations(fits, k)
            if len({i for i, _ in pairs}) == len({j for _, j in pairs}) == k
        )
        assert found.found == best
        assert len(found.missed) == 3 - best and len(found.extra) == 4 - best


def test_scores_of_matches() -> None:
    some = match_cuts([(10, 10), (50, 60)], [12, 70, 80])
    assert (some.found, some.missed, some.extra) == (1, (1,), (1, 2))
    assert (some.recall, some.precision, some.f1) == (0.5, pytest.approx(1 / 3), pytest.approx(0.4))
    nothing = match_cuts([], [])
    assert (nothing.recall, nothing.precision, nothing.f1) == (1, 1, 1)
    assert match_cuts([(1, 1)], []).f1 == 0
