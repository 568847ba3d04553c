"""MovieNet's folder end to end: a catalog by the offline preset's own encoders, its labels, and a probe of them."""

import shutil
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from layout_folders import FPS, draw_keyframes, label_lines, movienet_folder, shot_lines, write
from mediafm.catalog import Catalog
from mediafm.encoders import load_preset
from mediafm.errors import MismatchError, UsageError
from mediafm.ingest import import_movienet, ingest, write_scene_labels
from mediafm.layouts import read_scenes
from mediafm.media import read_still
from mediafm.probes import load_task
from mediafm.probes.labels import check_against_catalog, read_labels
from mediafm.probes.units import make_examples
from mediafm.types import ShotInput


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A folder of six titles and the catalog they were imported into."""
    base = tmp_path_factory.mktemp("movienet")
    root, catalog = movienet_folder(base / "movienet"), base / "catalog"
    summary = import_movienet(root, str(catalog))
    assert (summary.titles_ok, summary.titles_failed, summary.shots) == (6, 0, 30)
    assert not summary.damaged
    return root, catalog


def test_spans_are_exact_and_features_are_the_presets(stored: tuple[Path, Path]) -> None:
    root, uri = stored
    catalog = Catalog.open(str(uri))
    assert catalog.verify() == []
    shots = catalog.shots("tt0000002")
    assert [(s.start_pts, s.end_pts) for s in shots] == [(0, 48), (48, 120), (120, 144), (144, 240), (240, 288)]
    assert [(s.start_frame, s.end_frame) for s in shots] == [(s.start_pts, s.end_pts) for s in shots]
    assert [s.start_s for s in shots] == [0, 2, 5, 6, 10]
    images = tuple(read_still(root / "240P_frames/tt0000002" / f"shot_0001_img_{i}.jpg", 180) for i in range(3))
    times = (17 / FPS, 34 / FPS, 51 / FPS)
    expected = load_preset("offline").encoder("video").encode([ShotInput(images, times, None, "", 3.0)]).vectors[0]
    found = catalog.features("tt0000002")
    assert found.present["video"].all()
    np.testing.assert_array_equal(found.vectors["video"][1], expected.astype(np.float16))
    picture = catalog.keyframe("tt0000002", 1)
    assert picture is not None and picture.startswith(b"\xff\xd8")


def test_sound_is_missing_words_are_laid_over_shots_and_metadata_is_kept(stored: tuple[Path, Path]) -> None:
    catalog = Catalog.open(str(stored[1]))
    record, features = catalog.title_record("tt0000001"), catalog.features("tt0000001")
    assert (record.has_video, record.has_audio, record.has_text) == (True, False, True)
    assert not features.present["audio"].any() and not features.vectors["audio"].any()
    assert features.present["text"].tolist() == [True, True, False, False, False]  # 1 s to 4 s
    assert [round(s.cues[0].share, 6) for s in catalog.shots("tt0000001")[:2]] == [0.333333, 0.666667]
    assert (record.metadata.name, record.metadata.genres) == ("One (2001)", ("Drama",))
    assert catalog.global_vector("tt0000001") is not None and catalog.global_vector("tt0000002") is None
    assert not catalog.title_record("tt0000002").has_text


def test_running_again_changes_nothing_and_changes_are_noticed(stored: tuple[Path, Path], tmp_path: Path) -> None:
    root, uri = tmp_path / "movienet", tmp_path / "catalog"
    shutil.copytree(stored[0], root)
    shutil.copytree(stored[1], uri)
    # The very same content elsewhere is the same.
    assert import_movienet(root, str(uri)).titles_skipped == 6
    draw_keyframes(root / "240P_frames/tt0000002", 5, seed=99)
    write(root / "subtitle/tt0000003.srt", "1\n00:00:01,000 --> 00:00:02,000\nNew words.\n")
    again = import_movienet(root, str(uri))
    assert (again.titles_ok, again.titles_skipped) == (2, 4)
    with pytest.raises(MismatchError, match="movienet:shots"):
        ingest([write(tmp_path / "film.mp4", "none")], str(uri))


def test_what_is_wrong_with_a_title_is_its_own(stored: tuple[Path, Path], tmp_path: Path) -> None:
    root = tmp_path / "movienet"
    shutil.copytree(stored[0], root)
    frames, shots = root / "240P_frames", root / "scene318/shot_movie318"
    (frames / "tt0000001/shot_0001_img_0.jpg").unlink()
    (frames / "tt0000001/shot_0002_img_1.jpg").write_bytes(b"no picture")
    for image in range(3):
        (frames / f"tt0000001/shot_0004_img_{image}.jpg").unlink()
    shutil.rmtree(frames / "tt0000002")
    write(shots / "tt0000003.txt", shot_lines((47, 119)))
    write(shots / "tt0000004.txt", "0 47\n100 x\n")
    write(shots / "new.txt", shot_lines())
    draw_keyframes(frames / "new", 5, seed=5)
    summary = import_movienet(root, str(tmp_path / "catalog"))
    assert (summary.titles_ok, summary.titles_failed) == (3, 4)
    reasons = dict(summary.failures)
    assert "no keyframes" in reasons["tt0000002"] and "shot 4, but 2 shots" in reasons["tt0000003"]
    assert "tt0000004.txt, line 2: 'x'" in reasons["tt0000004"] and "--fps" in reasons["new"]
    ((title, damage),) = summary.damaged
    assert title == "tt0000001"
    assert damage == "4 keyframes are missing; 1 keyframes cannot be read; 1 shots have no picture"
    catalog = Catalog.open(str(tmp_path / "catalog"))
    assert {f.title_id for f in catalog.failures()} == set(reasons)
    assert catalog.features("tt0000001").present["video"].tolist() == [True, True, True, True, False]
    assert catalog.title_record("tt0000001").decode_failures == 5


def test_frame_rates_come_from_the_folder_or_the_caller(tmp_path: Path) -> None:
    root = movienet_folder(tmp_path / "movienet", titles=3, rates=False)
    with pytest.raises(UsageError, match=r"video_info.*--fps"):
        import_movienet(root, str(tmp_path / "catalog"))
    with pytest.raises(UsageError, match="--fps is -3"):
        import_movienet(root, str(tmp_path / "catalog"), fps=-3)
    import_movienet(root, str(tmp_path / "catalog"), fps=23.976)
    record = Catalog.open(str(tmp_path / "catalog")).title_record("tt0000001")
    assert record.time_base == Fraction(1001, 24000) and record.fps == pytest.approx(23.976, abs=1e-3)
    shutil.rmtree(root / "240P_frames")
    with pytest.raises(UsageError, match="No keyframes"):
        import_movienet(root, str(tmp_path / "catalog"), fps=24)


def test_keyframes_of_one_moment_count_once(tmp_path: Path) -> None:
    """A shot of two frames has the same picture thrice: no motion without time between pictures."""
    write(tmp_path / "shot_movie318/a.txt", "0 1 0 0 1\n2 90 20 40 60\n")
    draw_keyframes(tmp_path / "frames/a", 2, seed=1)
    summary = import_movienet(tmp_path, str(tmp_path / "catalog"), fps=25)
    assert (summary.titles_ok, summary.failures, summary.damaged) == (1, [], [])
    assert Catalog.open(str(tmp_path / "catalog")).title_record("a").frames == 5


def test_labels_become_a_task_that_a_probe_takes(stored: tuple[Path, Path], tmp_path: Path) -> None:
    root, uri = stored
    catalog = Catalog.open(str(uri))
    summary = write_scene_labels(read_scenes(root, "movienet"), catalog, tmp_path)
    assert (summary.titles, summary.scenes, summary.failures, summary.notes) == (6, 18, [], [])
    assert (tmp_path / "scenes.csv").read_text().splitlines()[:4] == [
        "title,start_s,end_s",
        "tt0000001,0.000000,5.000000",
        "tt0000001,5.000000,6.000000",
        "tt0000001,6.000000,12.000000",
    ]
    task = load_task(tmp_path / "scenes.toml")
    assert task.split.test == ["tt0000006"] and task.split.train == [f"tt{i:07d}" for i in range(1, 6)]
    table = read_labels(task)
    check_against_catalog(table, task, catalog)
    examples = make_examples(table, task, catalog, np.random.default_rng(0))
    assert examples.truth[:5, 0].tolist() == [False, False, True, True, False]  # a first shot is no boundary
    again = write_scene_labels(read_scenes(root, "movienet"), catalog, tmp_path)
    assert again.as_json() == summary.as_json()


def test_labels_of_titles_that_are_not_stored_are_told(stored: tuple[Path, Path], tmp_path: Path) -> None:
    root = tmp_path / "movienet"
    shutil.copytree(stored[0], root)
    write(root / "scene318/shot_movie318/zz.txt", shot_lines())
    write(root / "scene318/label318/zz.txt", label_lines())
    write(root / "scene318/label318/tt0000004.txt", "0000 7\n")
    found = write_scene_labels(read_scenes(root, "movienet"), Catalog.open(str(stored[1])), tmp_path / "out")
    reasons = dict(found.failures)
    assert found.titles == 5 and set(reasons) == {"zz", "tt0000004"}
    assert "no such title" in reasons["zz"] and "tt0000004.txt, line 1" in reasons["tt0000004"]
