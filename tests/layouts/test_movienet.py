"""MovieNet's files: what is found, what it means, and what is refused."""

import json
from fractions import Fraction
from pathlib import Path

import pytest

from layout_folders import label_lines, movienet_folder, shot_lines, write
from mediafm.errors import ImportDataError, UsageError
from mediafm.layouts import MovieNetFolder, read_scenes
from mediafm.layouts.movienet import frame_rate


def test_everything_is_found_by_name(tmp_path: Path) -> None:
    folder = MovieNetFolder.find(movienet_folder(tmp_path / "data" / "movienet").parent)  # one level up is near enough
    assert folder.titles() == folder.labelled() == [f"tt{i:07d}" for i in range(1, 7)]
    assert folder.frame_rates["tt0000003"] == 24
    assert folder.split == {
        "train": tuple(f"tt{i:07d}" for i in range(1, 5)),
        "val": ("tt0000005",),
        "test": ("tt0000006",),
    }
    files = folder.keyframe_files("tt0000002")
    assert sorted(files) == [0, 1, 2, 3, 4] and sorted(files[4]) == [0, 1, 2]
    assert files[4][1].name == "shot_0004_img_1.jpg"
    assert folder.keyframe_files("tt0000099") == {}
    subtitles, about = folder.subtitle_file("tt0000001"), folder.metadata_file("tt0000001")
    assert subtitles is not None and about is not None
    assert folder.subtitle_file("tt0000002") is None and folder.metadata_file("tt0000002") is None


def test_shot_movie318_goes_before_other_folders_of_shots(tmp_path: Path) -> None:
    write(tmp_path / "a" / "shot" / "tt1.txt", "0 9\n")
    write(tmp_path / "b" / "shot_movie318" / "tt2.txt", "0 9\n")
    assert MovieNetFolder.find(tmp_path).titles() == ["tt2"]


def test_linked_folders_are_followed_even_in_circles(tmp_path: Path) -> None:
    movienet_folder(tmp_path / "elsewhere", titles=3)
    root = tmp_path / "root"
    root.mkdir()
    (root / "data").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "again").symlink_to(root)
    folder = MovieNetFolder.find(root)
    assert len(folder.titles()) == 3 and folder.keyframes == root / "data" / "240P_frames"


def test_ends_are_inclusive_and_labels_end_scenes(tmp_path: Path) -> None:
    folder = MovieNetFolder.find(movienet_folder(tmp_path, titles=3))
    shots = folder.read_shots("tt0000001")
    assert [(s.start, s.end) for s in shots] == [(0, 48), (48, 120), (120, 144), (144, 240), (240, 288)]
    assert shots[1].keyframes == (48 + 17, 48 + 34, 48 + 51)
    # Shots 1 and 2 (-1 counts as 1) are the last of their scenes.
    assert folder.read_scenes("tt0000001") == ((0, 120), (120, 144), (144, 288))


def test_small_gaps_are_closed(tmp_path: Path) -> None:
    write(tmp_path / "shot_movie318" / "a.txt", "3 47\n50 99\n# the end\n")
    shots = MovieNetFolder.find(tmp_path).read_shots("a")
    assert [(s.start, s.end, s.keyframes) for s in shots] == [(0, 50, ()), (50, 100, ())]


@pytest.mark.parametrize(
    ("shots", "labels", "words"),
    [
        ("0 47\n30 99\n", "0000 0\n", "a.txt, line 2: the shot starts at frame 30, where the shot before still is"),
        ("0 47\n148 199\n", "0000 0\n", "a.txt, line 2: 100 frames before the shot belong to none"),
        ("\n0 47\n48 40\n", "0000 0\n", "a.txt, line 3: the shot ends at frame 40"),
        ("0 47\n48\n", "0000 0\n", "a.txt, line 2: a shot needs its first and last frame"),
        ("0 47\n48 ninety\n", "0000 0\n", "a.txt, line 2: 'ninety' is no whole number"),
        ("0 47\n48 99\n100 120\n", "0000 0\n0002 1\n", "a.txt, line 2: shot 2 stands where shot 1 is due"),
        ("0 47\n48 99\n100 120\n", "0000 1\n", "labels end with shot 0, but the title has 3 shots"),
        ("0 47\n48 99\n", "0000 0\n0001 0\n0002 1\n", "a.txt, line 3: shot 2 is labelled, but the title has 2 shots"),
        ("0 47\n48 99\n", "0000 2\n", "a.txt, line 1: a label is a shot's number and 0, 1 or -1"),
        ("0 47\n48 99\n", "\n", "a.txt holds no number"),
    ],
)
def test_faults_name_file_and_line(tmp_path: Path, shots: str, labels: str, words: str) -> None:
    write(tmp_path / "shot_movie318" / "a.txt", shots)
    write(tmp_path / "label318" / "a.txt", labels)
    write(tmp_path / "shot_movie318" / "good.txt", shot_lines())
    write(tmp_path / "label318" / "good.txt", label_lines())
    found = read_scenes(tmp_path, "movienet")
    assert [title.title for title in found.titles] == ["good"]
    ((title, reason),) = found.faults
    assert title == "a" and words in reason


def test_labels_may_say_that_the_last_shot_ends_a_scene(tmp_path: Path) -> None:
    write(tmp_path / "shot_movie318" / "a.txt", "0 9\n10 19\n")
    write(tmp_path / "label318" / "a.txt", "0000 1\n0001 1\n")
    assert MovieNetFolder.find(tmp_path).read_scenes("a") == ((0, 10), (10, 20))


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (24, Fraction(24)),
        (25.0, Fraction(25)),
        (23.976, Fraction(24000, 1001)),
        (23.976023976023978, Fraction(24000, 1001)),
        ("29.97", Fraction(30000, 1001)),
        (23.98, Fraction(24000, 1001)),
        (12.5, Fraction(25, 2)),
    ],
)
def test_frame_rates(said: float | str, meant: Fraction) -> None:
    assert frame_rate(said) == meant


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="shot_movie318"):
        MovieNetFolder.find(tmp_path)
    with pytest.raises(UsageError, match="not a folder"):
        MovieNetFolder.find(tmp_path / "nowhere")
    write(tmp_path / "shot_movie318" / "a.txt", "0 9\n")
    with pytest.raises(UsageError, match="label318"):
        read_scenes(tmp_path, "movienet")
    rates = write(tmp_path / "movie1K.video_info.v1.json", json.dumps({"a": {"fps": 0}, "b": {"fps": None}, "c": 24}))
    assert MovieNetFolder.find(tmp_path).frame_rates == {"c": 24}
    rates.write_text("{")
    with pytest.raises(ImportDataError, match="video_info"):
        MovieNetFolder.find(tmp_path)
