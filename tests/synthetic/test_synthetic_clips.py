"""Truth about clips and whole films: laws that hold whatever the seed, and rules restated on the written columns."""

from collections import Counter, defaultdict
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from mediafm.synthetic import TitlePlan, plan_catalogue, tables
from mediafm.synthetic.advertising import AD_CATEGORIES
from mediafm.synthetic.clips import title_clips
from mediafm.synthetic.runs import cut_runs, thinned, truth_rng
from mediafm.synthetic.whole_titles import RATING_BANDS, severity, tone_shares

Row = dict[str, Any]


@pytest.fixture(scope="module")
def plans() -> list[TitlePlan]:
    return plan_catalogue(seed=0, titles=24, shots_per_title=72)


@pytest.fixture(scope="module")
def made(plans: list[TitlePlan]) -> dict[str, list[Row]]:
    return tables(plans)


def test_runs_tile_all_shots_but_a_single_one() -> None:
    rng = np.random.default_rng(0)
    assert cut_runs(0, rng) == cut_runs(1, rng) == []
    for shots in list(range(2, 30)) * 3:
        runs = cut_runs(shots, rng)
        assert (runs[0][0], runs[-1][1]) == (0, shots)
        assert all(a[1] == b[0] for a, b in pairwise(runs))
        assert all(end - first in (2, 3, 4) for first, end in runs)


@pytest.mark.parametrize(
    ("positives", "others", "kept"),
    [(2, 12, (2, 6)), (8, 40, (8, 24)), (14, 60, (10, 30)), (14, 28, (9, 27)), (9, 9, (6, 9)), (3, 0, (3, 0))],
)
def test_thinning_keeps_six_to_ten_positives_and_three_others_for_each(
    positives: int, others: int, kept: tuple[int, int]
) -> None:
    rng = np.random.default_rng(3)
    positive = rng.permutation(np.arange(positives + others) < positives)
    rows = thinned(positive, rng)
    assert (np.diff(rows) > 0).all()
    assert (positive[rows].sum(), (~positive[rows]).sum()) == kept


def test_luck_of_the_truth_differs_by_title_and_by_what_it_is_for() -> None:
    drawn = {truth_rng(seed, stream).random() for seed in ((0, 1), (0, 2)) for stream in ("clips", "rating")}
    assert len(drawn) == 4
    assert truth_rng((0, 1), "clips").random() in drawn


def test_clips_tile_their_scenes_and_each_shows_its_scene_somewhere(plans: list[TitlePlan]) -> None:
    for plan in plans:
        clips = title_clips(plan)
        assert (clips[0].first_shot, clips[-1].end_shot) == (0, len(plan.shots))
        assert all(a.end_shot == b.first_shot for a, b in pairwise(clips))
        for clip in clips:
            assert clip.scene.first_shot <= clip.first_shot < clip.end_shot <= clip.scene.end_shot
            assert not all(shot.ambiguous for shot in clip.shots(plan))
            assert clip.build_up == (plan.scenes[clip.scene.index - 1].intensity if clip.scene.index else 0)


def test_all_clip_tables_have_the_same_clips_and_say_what_is_known_of_them(made: dict[str, list[Row]]) -> None:
    genre = {r["title"]: r for r in made["labels_genre"]}
    for name in ("labels_ad_relevancy", "labels_clip_popularity", "labels_clip_tone", "labels_clip_genre"):
        assert [_span(r) for r in made[name]] == [_span(r) for r in made["clips"]]
    for clip, tone, of_title in zip(made["clips"], made["labels_clip_tone"], made["labels_clip_genre"], strict=True):
        assert {name for name, value in tone.items() if value == 1 and name not in SPAN} == set(clip["tones"].split())
        assert {k: v for k, v in of_title.items() if k not in SPAN} == {
            k: v for k, v in genre[clip["title"]].items() if k != "title"
        }


def test_advertisements_follow_place_things_and_tones(made: dict[str, list[Row]]) -> None:
    for clip, row in zip(made["clips"], made["labels_ad_relevancy"], strict=True):
        tones, things = set(clip["tones"].split()), set(clip["subjects"].split())
        for ad in AD_CATEGORIES:
            about = clip["location"] in ad.places or bool(things & set(ad.things))
            welcome = (not ad.wanted or bool(tones & set(ad.wanted))) and not tones & set(ad.unwanted)
            assert row[ad.name] == (about and welcome)
    for ad in AD_CATEGORIES:
        share = np.mean([row[ad.name] for row in made["labels_ad_relevancy"]])
        titles = {row["title"] for row in made["labels_ad_relevancy"] if row[ad.name]}
        assert 0.05 < share < 0.5 and len(titles) > 8, ad.name


def test_climaxes_are_clicked_more_than_surges_that_look_alike(made: dict[str, list[Row]]) -> None:
    clicks, intensity, by_title = defaultdict(list), defaultdict(list), defaultdict(list)
    for clip, row in zip(made["clips"], made["labels_clip_popularity"], strict=True):
        clicks[clip["beat"]].append(row["popularity"])
        intensity[clip["beat"]].append(clip["intensity"])
        by_title[clip["title"]].append(row["popularity"])
    mean = {beat: np.mean(values) for beat, values in clicks.items()}
    assert mean["climax"] > 1.7 * mean["surge"]
    assert mean["surge"] > mean["rising"] > mean["setup"]
    assert abs(np.mean(intensity["climax"]) - np.mean(intensity["surge"])) < 0.02
    assert all(np.mean(values) == pytest.approx(1, abs=1e-3) for values in by_title.values())
    assert min(min(values) for values in by_title.values()) > 0


@pytest.mark.parametrize("shots", [210, 333])
def test_long_films_have_six_to_ten_positives_and_three_negatives_for_each(shots: int) -> None:
    rows = tables(plan_catalogue(5, 6, shots))["labels_clip_retrieval"]
    for title in {r["title"] for r in rows}:
        worthy = [r["clip_worthy"] for r in rows if r["title"] == title]
        assert 6 <= sum(worthy) <= 10
        assert len(worthy) == 4 * sum(worthy)


def test_short_films_keep_all_their_climaxes(made: dict[str, list[Row]]) -> None:
    scenes = {_span(r): r["clip_worthy"] for r in made["labels_clipworthy"]}
    assert all(scenes[_span(r)] == r["clip_worthy"] for r in made["labels_clip_retrieval"])
    kept = [_span(r) for r in made["labels_clip_retrieval"] if r["clip_worthy"]]
    assert kept == [span for span, worthy in scenes.items() if worthy]
    assert len(made["labels_clip_retrieval"]) == 4 * len(kept)


def test_shot_labels_say_what_the_shot_shows(made: dict[str, list[Row]]) -> None:
    shots = made["shots"]
    for shot, scale, subject in zip(shots, made["labels_scale"], made["labels_shot_subject"], strict=True):
        assert scale[shot["scale"]] == 1
        assert [k for k, v in subject.items() if k not in SPAN and v] == [shot["subject"]] * bool(shot["subject"])
    assert [_named(r) for r in made["labels_shot_location"]] == [[s["location"]] for s in shots if not s["ambiguous"]]


def test_story_labels_are_of_shots_that_show_nothing_of_them(made: dict[str, list[Row]]) -> None:
    hidden = [s for s in made["shots"] if s["ambiguous"]]
    for shot, place, tone in zip(hidden, made["labels_story_location"], made["labels_story_tone"], strict=True):
        assert _span(place) == _span(tone)
        assert place["title"] == shot["title"]
        quarter = (shot["end"] - shot["start"]) / 4
        assert place["start"] == pytest.approx(shot["start"] + quarter, abs=1e-5)
        assert place["end"] == pytest.approx(shot["end"] - quarter, abs=1e-5)
        assert _named(place) == [shot["location"]]
        assert set(_named(tone)) == set(shot["tones"].split())


def test_climaxes_are_told_from_surges_alone(made: dict[str, list[Row]]) -> None:
    beat = {(s["title"], s["start"]): s["beat"] for s in made["shots"]}
    found = Counter((beat[r["title"], r["start"]], r["climax"]) for r in made["labels_story_climax"])
    assert set(found) == {("climax", 1), ("surge", 0)}
    assert found["climax", 1] == sum(r["clip_worthy"] for r in made["labels_clipworthy"])


def test_scene_spans_tile_their_titles(plans: list[TitlePlan], made: dict[str, list[Row]]) -> None:
    assert [set(r) for r in made["labels_scenes"]] == [SPAN] * sum(len(p.scenes) for p in plans)
    starts = [_span(r)[:2] for r in made["labels_scene_start"] if r["scene_start"]]
    assert [_span(r)[:2] for r in made["labels_scenes"]] == starts
    for a, b in pairwise(made["labels_scenes"]):
        assert a["end"] == b["start"] if a["title"] == b["title"] else b["start"] == 0


def test_rating_bands_follow_how_hard_a_film_is(plans: list[TitlePlan], made: dict[str, list[Row]]) -> None:
    bands = [r["rating_band"] for r in made["labels_rating_band"]]
    assert set(bands) == set(RATING_BANDS)
    hard = np.array([severity(plan) for plan in plans])
    means = [hard[[b == band for b in bands]].mean() for band in RATING_BANDS]
    assert (np.diff(means) > 0.1).all()
    assert all(np.isclose(tone_shares(plan).sum(), 1) for plan in plans)


def test_likeness_is_mutual_and_never_of_a_title_with_itself(
    plans: list[TitlePlan], made: dict[str, list[Row]]
) -> None:
    pairs = {(r["title"], r["other"]): r["relevance"] for r in made["labels_similar_titles"]}
    assert len(pairs) == len(made["labels_similar_titles"])
    assert set(pairs.values()) == {1, 2}
    assert all(a != b and pairs[b, a] == relevance for (a, b), relevance in pairs.items())
    genre = {plan.title_id: plan.genre for plan in plans}
    same = Counter(genre[a] == genre[b] for a, b in pairs)
    assert same[True] > same[False] > 0  # most of a genre, but not by genre alone
    assert all(genre[a] == genre[b] for (a, b), relevance in pairs.items() if relevance == 2)


SPAN = {"title", "start", "end"}


def _span(row: Row) -> tuple[str, float, float]:
    return row["title"], row["start"], row["end"]


def _named(row: Row) -> list[str]:
    return [name for name, value in row.items() if name not in SPAN and value]
