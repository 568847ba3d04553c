"""The tables of known answers against the plans they are made from."""

import csv
import hashlib
import json
from itertools import pairwise
from pathlib import Path

import pytest

from mediafm.synthetic import (
    FILM_TABLES,
    TONES,
    TableFacts,
    TitlePlan,
    cuts,
    plan_catalogue,
    render_title,
    tables,
    write_truth,
)
from mediafm.synthetic.films import VERSION
from mediafm.synthetic.plan import FPS

SHOTS = TableFacts("shot", "multilabel", "story")  # stands for tables that are no labels


@pytest.fixture(scope="module")
def plans() -> list[TitlePlan]:
    return plan_catalogue(seed=1, titles=6, shots_per_title=40)


def test_spans_of_shot_tables_are_the_shots(plans: list[TitlePlan]) -> None:
    spans = [(p.title_id, s.start_frame, s.end_frame) for p in plans for s in p.shots]
    by_shot = {name for name, facts in FILM_TABLES.items() if facts.unit == "shot"} - {"labels_scenes"}
    for name, rows in tables(plans).items():
        if name in by_shot | {"shots"}:
            assert [(r["title"], round(r["start"] * FPS), round(r["end"] * FPS)) for r in rows] == spans, name
            assert all(abs(r["start"] * FPS - round(r["start"] * FPS)) < 1e-4 for r in rows)


def test_spans_of_clips_and_scenes_lie_inside_their_title_and_are_there_once(plans: list[TitlePlan]) -> None:
    length = {plan.title_id: plan.seconds for plan in plans}
    for name, rows in tables(plans).items():
        if FILM_TABLES.get(name, SHOTS).unit != "title":
            assert all(0 <= r["start"] < r["end"] <= length[r["title"]] + 1e-6 for r in rows), name
            assert len({(r["title"], r["start"], r["end"]) for r in rows}) == len(rows), name
        elif name != "labels_similar_titles":
            assert [r["title"] for r in rows] == list(length), name


def test_labels_are_those_of_the_scene(plans: list[TitlePlan]) -> None:
    made = tables(plans)
    expected = [(p, p.scenes[s.scene], s) for p in plans for s in p.shots]
    for (plan, scene, shot), tone, start, place in zip(
        expected, made["labels_tone"], made["labels_scene_start"], made["labels_location"], strict=True
    ):
        assert {t for t in TONES if tone[t]} == set(scene.tones)
        assert start["scene_start"] == (shot.index == scene.first_shot)
        assert place[plan.places[scene.place].kind] == 1
    assert sum(r["scene_start"] for r in made["labels_scene_start"]) == sum(len(p.scenes) for p in plans)


def test_scenes_tile_their_titles_and_some_are_worth_a_clip(plans: list[TitlePlan]) -> None:
    rows = tables(plans)["labels_clipworthy"]
    for plan in plans:
        own = [r for r in rows if r["title"] == plan.title_id]
        assert own[0]["start"] == 0
        assert own[-1]["end"] == pytest.approx(plan.seconds)
        assert all(a["end"] == b["start"] for a, b in pairwise(own))
        assert 0 < sum(r["clip_worthy"] for r in own) < len(own)


def test_cuts_are_the_starts_of_shots(plans: list[TitlePlan]) -> None:
    for plan in plans:
        known = cuts([plan])[plan.title_id]
        assert [c["frame"] for c in known["cuts"]] == [s.start_frame for s in plan.shots[1:]]
        assert known["frames"] == plan.frames


def test_written_tables_read_back(plans: list[TitlePlan], tmp_path: Path) -> None:
    write_truth(tmp_path / "truth", plans)
    for name, rows in tables(plans).items():
        with (tmp_path / "truth" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            assert list(csv.DictReader(file)) == [{k: str(v) for k, v in row.items()} for row in rows]
    assert json.loads((tmp_path / "truth" / "cuts.json").read_text()) == cuts(plans)
    facts = json.loads((tmp_path / "truth" / "tables.json").read_text())
    assert {name: TableFacts(**said) for name, said in facts.items()} == FILM_TABLES


def test_the_same_plans_give_the_same_tables_and_more_plans_begin_alike(plans: list[TitlePlan]) -> None:
    made, again = tables(plans), tables(plan_catalogue(seed=1, titles=6, shots_per_title=40))
    assert made == again
    few = {plan.title_id for plan in plans[:3]}
    for name, rows in tables(plans[:3]).items():
        assert rows == [r for r in made[name] if r["title"] in few and r.get("other", r["title"]) in few], name


def test_a_single_film_has_every_table_but_that_of_similar_titles(tmp_path: Path) -> None:
    alone = plan_catalogue(seed=0, titles=1, shots_per_title=16)
    assert set(tables(alone)) == {"shots", "clips", *FILM_TABLES} - {"labels_similar_titles"}
    write_truth(tmp_path, alone)
    assert "labels_similar_titles" not in json.loads((tmp_path / "tables.json").read_text())


def test_truth_does_not_touch_the_films() -> None:
    """Both the plan, against what it was when these tables came to be, and its pictures and sound."""
    (plan,) = plan_catalogue(seed=1, titles=1, shots_per_title=16)
    before = _film(plan)
    tables([plan])
    assert _film(plan) == before
    told = [(s.start_frame, s.role, s.scale, s.people, s.subject, s.line, s.seed) for s in plan.shots]
    # If this fails the same seed gives other films: raise films.VERSION along with it.
    assert hashlib.sha256(repr((VERSION, told)).encode()).hexdigest()[:16] == "5662d89473a13e32"


def _film(plan: TitlePlan) -> str:
    film, seen = render_title(plan, (64, 36)), hashlib.sha256()
    for frame in film.frames:
        seen.update(frame.tobytes())
    seen.update(film.samples.tobytes() + repr(film.cues).encode())
    return seen.hexdigest()
