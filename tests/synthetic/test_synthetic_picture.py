"""Rendered frames: the same bytes again, cuts where the plan says, nothing of the story in ambiguous shots."""

from dataclasses import replace

import numpy as np
import pytest

from mediafm.synthetic import TitlePlan, plan_catalogue, shot_frame, title_frames
from mediafm.synthetic.backdrops import HEIGHT, WIDTH, paint_place
from mediafm.synthetic.genres import PLACE_KINDS
from mediafm.synthetic.plan import DISSOLVE_FRAMES, Place

SMALL = (160, 90)


@pytest.fixture(scope="module")
def plan() -> TitlePlan:
    return plan_catalogue(seed=5, titles=4, shots_per_title=40)[3]


@pytest.fixture(scope="module")
def frames(plan: TitlePlan) -> np.ndarray:
    return np.stack(list(title_frames(plan, SMALL)))


def test_frames_have_the_planned_number_size_and_kind(plan: TitlePlan, frames: np.ndarray) -> None:
    assert frames.shape == (plan.frames, 90, 160, 3)
    assert frames.dtype == np.uint8


def test_the_same_plan_gives_the_same_bytes(plan: TitlePlan, frames: np.ndarray) -> None:
    again = title_frames(plan, SMALL)
    for index in range(120):
        assert np.array_equal(next(again), frames[index])


def test_hard_cuts_stand_out_from_movement_within_shots(plan: TitlePlan, frames: np.ndarray) -> None:
    change = np.abs(np.diff(frames.astype(np.int16), axis=0)).mean(axis=(1, 2, 3))
    starts = {s.start_frame: s.dissolve for s in plan.shots[1:]}
    near = {f + k for f, soft in starts.items() if soft for k in range(-DISSOLVE_FRAMES, DISSOLVE_FRAMES + 1)}
    hard = [change[f - 1] for f, soft in starts.items() if not soft]
    within = [c for f, c in enumerate(change, start=1) if f not in starts and f not in near]
    assert np.median(hard) > 5 * np.median(within)
    assert np.mean(np.asarray(hard) > np.quantile(within, 0.99)) > 0.9


def test_something_moves_in_every_shot_with_people(plan: TitlePlan, frames: np.ndarray) -> None:
    for shot in plan.shots:
        if not shot.ambiguous:
            own = frames[shot.start_frame : shot.end_frame]
            assert (own != own[0]).any()


def test_a_dissolve_runs_smoothly_from_one_shot_to_the_next() -> None:
    plan = next(p for p in plan_catalogue(0, 24, 72) if any(s.dissolve for s in p.shots[:30]))
    shot = next(s for s in plan.shots if s.dissolve)
    half = DISSOLVE_FRAMES // 2
    frames = [f for k, f in zip(range(shot.start_frame + half + 1), title_frames(plan, SMALL), strict=False)]
    window = np.stack(frames[shot.start_frame - half - 1 : shot.start_frame + half + 1]).astype(float)
    steps = np.abs(np.diff(window, axis=0)).mean(axis=(1, 2, 3))
    whole = np.abs(window[-1] - window[0]).mean()
    assert steps.max() < 0.5 * whole


def test_ambiguous_shots_look_the_same_in_any_story(plan: TitlePlan) -> None:
    other = replace(
        plan, genre="Comedy", scenes=tuple(replace(s, tones=("joyful",), intensity=0.1) for s in plan.scenes)
    )
    for shot in [s for s in plan.shots if s.ambiguous][:5]:
        assert np.array_equal(shot_frame(plan, shot, 3, SMALL), shot_frame(other, shot, 3, SMALL))
    shown = next(s for s in plan.shots if not s.ambiguous and s.grade > 0.5)
    assert not np.array_equal(shot_frame(plan, shown, 3, SMALL), shot_frame(other, shown, 3, SMALL))


@pytest.mark.parametrize("kind", PLACE_KINDS)
def test_places_differ_by_seed_and_return_with_it(kind: str) -> None:
    one = paint_place(Place(kind, 1, False))  # type: ignore[arg-type]
    assert one.shape == (HEIGHT, WIDTH, 3)
    assert np.array_equal(one, paint_place(Place(kind, 1, False)))  # type: ignore[arg-type]
    assert not np.array_equal(one, paint_place(Place(kind, 2, False)))  # type: ignore[arg-type]
