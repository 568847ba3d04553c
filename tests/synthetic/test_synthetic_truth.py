"""The tables of known answers against the plans they are made from."""

import csv
import json
from itertools import pairwise
from pathlib import Path

import pytest

from mediafm.synthetic import TONES, TitlePlan, cuts, plan_catalogue, tables, write_truth
from mediafm.synthetic.plan import FPS


@pytest.fixture(scope="module")
def plans() -> list[TitlePlan]:
    return plan_catalogue(seed=1, titles=6, shots_per_title=40)


def test_spans_of_shot_tables_are_the_shots(plans: list[TitlePlan]) -> None:
    spans = [(p.title_id, s.start_frame, s.end_frame) for p in plans for s in p.shots]
    for name, rows in tables(plans).items():
        if name not in ("labels_clipworthy", "labels_genre"):
            assert [(r["title"], round(r["start"] * FPS), round(r["end"] * FPS)) for r in rows] == spans, name
            assert all(abs(r["start"] * FPS - round(r["start"] * FPS)) < 1e-4 for r in rows)


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
