"""Annotations of films that are in a catalog: names, times, and what does not fit."""

import itertools
import json
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from layout_folders import bbc_folder, ovsd_folder, write
from mediafm.catalog import Catalog, CatalogSpec, EncoderSpec, ShotRecord, TitleRecord
from mediafm.ingest import write_scene_labels
from mediafm.layouts import read_scenes
from mediafm.probes import load_task
from mediafm.types import Features, Shot

# First frames of the shots of both sample layouts, and the end.
CUTS = (0, 48, 120, 144, 240, 288)


def make_catalog(path: Path, titles: Mapping[str, Sequence[int]], fps: int = 24, frames: bool = True) -> Catalog:
    """Titles whose shots start at these frames (the last number is the end)."""
    catalog = Catalog.create(path, CatalogSpec("tiny", "none", {"video": EncoderSpec("tiny", 2, "tiny")}))
    time_base = Fraction(1, fps)
    for title, cuts in titles.items():
        spans = itertools.pairwise(cuts)
        shots = [Shot(i, a, b, a * frames, b * frames) for i, (a, b) in enumerate(spans)]
        ones = np.tile(np.array([[1, 0]], np.float32), (len(shots), 1))
        with catalog.writer(title) as writer:
            rows = [ShotRecord.from_shot(shot, time_base) for shot in shots]
            writer.append(rows, Features({"video": ones}, {"video": np.ones(len(shots), bool)}))
            writer.commit(TitleRecord(title_id=title, time_base=time_base, end_pts=cuts[-1], has_video=True))
    return catalog


def rows(folder: Path) -> list[tuple[str, float, float]]:
    lines = (folder / "scenes.csv").read_text().splitlines()
    assert lines[0] == "title,start_s,end_s"
    return [(t, float(a), float(b)) for t, a, b in (line.split(",") for line in lines[1:])]


def test_names_are_matched_with_care(tmp_path: Path) -> None:
    catalog = make_catalog(tmp_path / "catalog", {"big_noise": CUTS, "bbc_01": CUTS, "BBC 2006 - 02": CUTS})
    found = write_scene_labels(read_scenes(ovsd_folder(tmp_path / "ovsd"), "ovsd"), catalog, tmp_path / "a")
    assert found.titles == 1 and [title for title, _ in found.failures] == ["Small_Noise"]
    assert "no such title" in found.failures[0][1] and "BBC 2006 - 02, bbc_01, big_noise" in found.failures[0][1]
    assert rows(tmp_path / "a") == [("big_noise", 0, 5), ("big_noise", 5, 6), ("big_noise", 6, 12)]
    # Episodes go by their number where it is the only number of a title.
    episodes = write_scene_labels(read_scenes(bbc_folder(tmp_path / "bbc"), "bbc"), catalog, tmp_path / "b")
    assert {row[0] for row in rows(tmp_path / "b")} == {"bbc_01"}
    assert [title for title, _ in episodes.failures] == ["02_Last_Things"]


def test_two_annotations_of_one_title_or_two_titles_of_one_name(tmp_path: Path) -> None:
    catalog = make_catalog(tmp_path / "catalog", {"a film": CUTS, "b-film": CUTS, "B film": CUTS})
    root = ovsd_folder(tmp_path / "ovsd", ["A Film", "a_film", "bfilm"])
    reasons = dict(write_scene_labels(read_scenes(root, "ovsd"), catalog, tmp_path / "out").failures)
    assert "second annotation of title a film" in reasons["a_film"]
    assert "2 titles like it (B film, b-film)" in reasons["bfilm"]


def test_frames_become_seconds_by_the_films_own_shots(tmp_path: Path) -> None:
    """Twice the rate: half the time. A rate that is given goes before the film's."""
    catalog = make_catalog(tmp_path / "catalog", {"Big Noise": CUTS}, fps=48)
    annotations = read_scenes(ovsd_folder(tmp_path / "ovsd", ["Big Noise"]), "ovsd")
    write_scene_labels(annotations, catalog, tmp_path / "a")
    assert [row[1:] for row in rows(tmp_path / "a")] == [(0, 2.5), (2.5, 3), (3, 6)]
    write_scene_labels(annotations, catalog, tmp_path / "b", fps=96)
    assert [row[1:] for row in rows(tmp_path / "b")] == [(0, 1.25), (1.25, 1.5), (1.5, 3)]


def test_another_release_is_told(tmp_path: Path) -> None:
    catalog = make_catalog(tmp_path / "catalog", {"long": CUTS, "coarse": (0, 288), "bare": CUTS})
    root = ovsd_folder(tmp_path / "ovsd", [])
    write(root / "scenes/long.txt", "0 143\n144 600\n")
    write(root / "scenes/coarse.txt", "0 143\n144 288\n")  # one frame past the end is cut off
    write(root / "scenes/bare.txt", "0 143\n144 287\n")
    found = write_scene_labels(read_scenes(root, "ovsd"), catalog, tmp_path / "out")
    assert found.notes == [("coarse", "1 of 2 scenes start over 3 s from any shot's start")]
    ((title, reason),) = found.failures
    assert title == "long" and "long.txt ends at frame 601 (25.0 s), but title long ends at 12.0 s" in reason
    assert rows(tmp_path / "out")[-1] == ("coarse", 6, 12)


def test_titles_without_frame_numbers_need_a_rate(tmp_path: Path) -> None:
    catalog = make_catalog(tmp_path / "catalog", {"Big Noise": CUTS}, frames=False)
    annotations = read_scenes(ovsd_folder(tmp_path / "ovsd", ["Big Noise"]), "ovsd")
    nothing = write_scene_labels(annotations, catalog, tmp_path / "out")
    assert nothing.titles == 0 and "--fps" in nothing.failures[0][1] and not (tmp_path / "out").exists()
    assert write_scene_labels(annotations, catalog, tmp_path / "out", fps=24).titles == 1


@pytest.mark.parametrize(("films", "folds"), [(2, 2), (4, 4), (9, 5)])
def test_the_task_has_folds_where_no_split_is_published(tmp_path: Path, films: int, folds: int) -> None:
    names = [f"film {i}" for i in range(films)]
    catalog = make_catalog(tmp_path / "catalog", dict.fromkeys(names, CUTS))
    write_scene_labels(read_scenes(ovsd_folder(tmp_path / "ovsd", names), "ovsd"), catalog, tmp_path / "out")
    task = load_task(tmp_path / "out" / "scenes.toml")
    assert task.split.folds == folds
    assert (task.kind, task.unit, task.columns, task.span_to_shots) == ("binary", "shot", "spans", "start_nearest")
    assert task.labels == (tmp_path / "out/scenes.csv").resolve()


def test_ids_are_written_as_patterns_that_match_themselves_alone(tmp_path: Path) -> None:
    names = ['a"b', "c[1]", "d*", "é"]
    catalog = make_catalog(tmp_path / "catalog", dict.fromkeys(names, CUTS))
    shots = "".join(f"{start} {end - 1}\n" for start, end in itertools.pairwise(CUTS))
    for name in names:
        write(tmp_path / "m/shot_movie318" / f"{name}.txt", shots)
        write(tmp_path / "m/label318" / f"{name}.txt", "0 0\n1 1\n2 0\n3 0\n")
    write(tmp_path / "m/split318.json", json.dumps({"train": names[:2], "val": names[2:3], "test": names[3:]}))
    write_scene_labels(read_scenes(tmp_path / "m", "movienet"), catalog, tmp_path / "out")
    split = load_task(tmp_path / "out/scenes.toml").split
    assert split.train == ['a"b', "c[[]1]", "d[*]"] and split.test == ["é"]


def test_the_pages_task_is_the_one_that_is_written(tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs/tasks/scenes.md").read_text(encoding="utf-8")
    told = load_task(write(tmp_path / "told.toml", page.split("```toml\n")[1].split("```")[0]))
    names = [f"film {i}" for i in range(6)]
    catalog = make_catalog(tmp_path / "catalog", dict.fromkeys(names, CUTS))
    write_scene_labels(read_scenes(ovsd_folder(tmp_path / "ovsd", names), "ovsd"), catalog, tmp_path)
    assert load_task(tmp_path / "scenes.toml") == told
