"""Laws of the generating process: what every plan must satisfy, whatever the seed."""

import re
from itertools import pairwise

import pytest

from mediafm.errors import UsageError
from mediafm.synthetic import AMBIGUOUS_SHARE, GENRES, TONES, TitlePlan, plan_catalogue
from mediafm.synthetic.genres import SPECS


@pytest.fixture(scope="module")
def plans() -> list[TitlePlan]:
    return plan_catalogue(seed=3, titles=12, shots_per_title=72)


def test_the_same_seed_gives_the_same_plans_and_another_seed_others(plans: list[TitlePlan]) -> None:
    assert plan_catalogue(3, 12, 72) == plans
    assert plan_catalogue(4, 12, 72) != plans


def test_a_longer_catalogue_begins_with_the_shorter_one(plans: list[TitlePlan]) -> None:
    assert plan_catalogue(3, 5, 72) == plans[:5]


@pytest.mark.parametrize("shots", [16, 31, 72, 200])
def test_shots_and_scenes_tile_a_title_of_exactly_the_shots_asked_for(shots: int) -> None:
    for plan in plan_catalogue(0, 6, shots):
        assert [s.index for s in plan.shots] == list(range(shots))
        assert plan.shots[0].start_frame == 0
        assert all(a.end_frame == b.start_frame for a, b in pairwise(plan.shots))
        assert plan.scenes[0].first_shot == 0
        assert plan.scenes[-1].end_shot == shots
        assert all(a.end_shot == b.first_shot for a, b in pairwise(plan.scenes))
        assert all(plan.shots[k].scene == c.index for c in plan.scenes for k in range(c.first_shot, c.end_shot))


def test_genres_take_turns(plans: list[TitlePlan]) -> None:
    assert [p.genre for p in plans] == [*GENRES, *GENRES]
    assert all(place.kind in SPECS[p.genre].places for p in plans for place in p.places)


def test_the_stated_share_of_shots_is_ambiguous_and_no_two_of_them_meet(plans: list[TitlePlan]) -> None:
    for plan in plans:
        flags = [s.ambiguous for s in plan.shots]
        assert sum(flags) == round(AMBIGUOUS_SHARE * len(flags))
        assert not flags[0]
        assert not any(a and b for a, b in pairwise(flags))
        assert all(bool(s.subject) == s.ambiguous for s in plan.shots)
        assert not any(s.line or s.people for s in plan.shots if s.ambiguous)


def test_most_shots_have_speech(plans: list[TitlePlan]) -> None:
    spoken = [bool(s.line) for p in plans for s in p.shots]
    assert 0.58 < sum(spoken) / len(spoken) < 0.72


def test_people_are_seen_and_heard_only_in_their_own_scenes(plans: list[TitlePlan]) -> None:
    for plan in plans:
        for shot in plan.shots:
            scene = plan.scenes[shot.scene]
            assert set(shot.people) <= set(scene.cast)
            assert shot.speaker is None or shot.speaker in scene.cast
        for scene in plan.scenes:
            assert {member // 3 for member in scene.cast} == {scene.storyline}
            assert scene.place // 2 == scene.storyline


def test_a_climax_is_built_up_and_a_surge_is_not(plans: list[TitlePlan]) -> None:
    for plan in plans:
        beats = [scene.beat for scene in plan.scenes]
        assert "climax" in beats
        for before, scene in pairwise(plan.scenes):
            if scene.beat == "climax":
                assert before.beat == "rising"
            if scene.beat == "surge":
                assert before.beat == "setup"
        assert all(scene.clip_worthy == (scene.beat == "climax") for scene in plan.scenes)


def test_climaxes_and_surges_are_alike_but_for_what_comes_before() -> None:
    scenes = [s for p in plan_catalogue(0, 60, 72) for s in p.scenes]
    climax = [s.intensity for s in scenes if s.beat == "climax"]
    surge = [s.intensity for s in scenes if s.beat == "surge"]
    assert abs(sum(climax) / len(climax) - sum(surge) / len(surge)) < 0.02
    assert all("energetic" in s.tones for s in scenes if s.beat in ("climax", "surge"))


def test_tones_persist_within_a_storyline() -> None:
    same = total = 0
    for plan in plan_catalogue(0, 30, 72):
        for line in (0, 1):
            own = [s.tones[0] for s in plan.scenes if s.storyline == line]
            same += sum(a == b for a, b in pairwise(own))
            total += len(own) - 1
    assert same / total > 0.45  # a storyline keeps its tone half of the time; by chance it were about 0.2


def test_cuts_come_faster_as_the_story_rises() -> None:
    plans = plan_catalogue(0, 24, 72)
    lengths: dict[str, list[int]] = {}
    for plan in plans:
        for shot in plan.shots:
            lengths.setdefault("object" if shot.ambiguous else plan.scenes[shot.scene].beat, []).append(shot.frames)
    mean = {beat: sum(v) / len(v) for beat, v in lengths.items()}
    assert mean["climax"] < mean["rising"] < mean["setup"]
    assert abs(mean["climax"] - mean["surge"]) < 1


def test_no_text_names_a_tone_or_a_genre(plans: list[TitlePlan]) -> None:
    labels = {w.lower() for w in (*TONES, *GENRES)}
    for plan in plans:
        text = " ".join([plan.synopsis, *(s.line for s in plan.shots)]).lower()
        assert not labels & set(re.findall(r"[a-z-]+", text))


def test_lines_vary(plans: list[TitlePlan]) -> None:
    lines = [s.line for p in plans for s in p.shots if s.line]
    assert len(set(lines)) > 0.6 * len(lines)
    assert not any("{" in line for line in lines)


@pytest.mark.parametrize(("titles", "shots"), [(0, 72), (3, 15)])
def test_an_impossible_catalogue_is_refused(titles: int, shots: int) -> None:
    with pytest.raises(UsageError, match="at least"):
        plan_catalogue(0, titles, shots)
