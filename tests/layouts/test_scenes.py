"""BBC's and OVSD's files through the one reader of scenes."""

from pathlib import Path

import pytest

from layout_folders import bbc_folder, ovsd_folder, write
from mediafm.errors import UsageError
from mediafm.layouts import read_scenes


def scenes(root: Path, annotator: str = "") -> list[tuple[tuple[int, int], ...]]:
    return [title.scenes for title in read_scenes(root, "bbc", annotator).titles]


def test_bbc_scenes_are_those_of_the_chosen_annotator(tmp_path: Path) -> None:
    root = bbc_folder(tmp_path)
    found = read_scenes(root, "bbc")
    assert [title.title for title in found.titles] == ["01_First_Things", "02_Last_Things"]
    assert not found.faults
    first = ((0, 120), (120, 240), (240, 288))  # shots 0-1, 2-3, 4; the list's last number, 5, only ends it
    assert scenes(root) == scenes(root, "annotator_0") == scenes(root / "annotations", "0") == [first, first]
    assert scenes(root, "1")[0] == ((0, 120), (120, 288))
    assert scenes(root, "2")[0] == ((0, 144), (144, 240), (240, 288))
    # Two of three begin a scene at shots 2 and 4, one at 3.
    assert scenes(root, "majority")[0] == first
    with pytest.raises(UsageError, match="annotator_0, annotator_1, annotator_2, or majority"):
        scenes(root, "7")


def test_bbc_lists_look_in_many_ways(tmp_path: Path) -> None:
    root = bbc_folder(tmp_path)
    expected = scenes(root)[0]
    for text in ("0, 2, 4, 5,\n", "2\n4\n", "# scenes\n[0 2 4]\n", "0;2;4;5\r\n"):
        write(root / "annotations/scenes/annotator_0/01_First_Things.txt", text)
        assert scenes(root)[0] == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0,4,2,5", "line 1: shot 2 stands after shot 4"),
        ("0,2\n9", "line 2: a scene starts at shot 9, but the episode has 5 shots"),
        ("0,2.5", "'2.5' is no whole number"),
        (None, "is missing"),
    ],
)
def test_bbc_faults(tmp_path: Path, text: str | None, words: str) -> None:
    root = bbc_folder(tmp_path)
    path = root / "annotations/scenes/annotator_0/01_First_Things.txt"
    path.unlink() if text is None else path.write_text(text)
    found = read_scenes(root, "bbc")
    assert [title.title for title in found.titles] == ["02_Last_Things"]
    ((title, reason),) = found.faults
    assert title == "01_First_Things" and "01_First_Things.txt" in reason and words in reason


def test_bbc_shots_that_overlap_are_a_fault(tmp_path: Path) -> None:
    root = bbc_folder(tmp_path)
    write(root / "annotations/shots/02_Last_Things.txt", "0 47\n47 119\n")
    ((_, reason),) = read_scenes(root, "bbc").faults
    assert "02_Last_Things.txt, line 2: the shot starts at frame 47" in reason


def test_ovsd_scenes_are_frames_with_inclusive_ends(tmp_path: Path) -> None:
    found = read_scenes(ovsd_folder(tmp_path), "ovsd")
    assert [title.title for title in found.titles] == ["Big Noise", "Small_Noise"]
    assert found.titles[0].scenes == ((0, 120), (120, 144), (144, 288))
    one = read_scenes(tmp_path / "scenes" / "Big Noise.txt", "ovsd")
    assert one.titles == found.titles[:1]


def test_ovsd_scenes_may_share_or_leave_out_frames_but_not_overlap(tmp_path: Path) -> None:
    path = write(tmp_path / "film_scenes.txt", "10 100\n100 200\n230 300\n")
    write(tmp_path / "film_shots.txt", "[10, 55, 100]")  # is no scene file where one is named so
    (film,) = read_scenes(tmp_path, "ovsd").titles
    assert (film.title, film.path) == ("film", path)
    assert film.scenes == ((10, 100), (100, 201), (230, 301))
    for text, words in (
        ("0 100\n90 200\n", "line 2: the scene starts at frame 90, before the one before it ends"),
        ("0 100 3\n", "line 1: a scene is its first and its last frame"),
        ("0 100\n\n300 200\n", "line 3: a scene is its first and its last frame"),
    ):
        path.write_text(text)
        ((_, reason),) = read_scenes(tmp_path, "ovsd").faults
        assert f"{path}, {words}" in reason


def test_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="movienet, ovsd, bbc"):
        read_scenes(tmp_path, "avi")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="annotations/shots"):
        read_scenes(tmp_path, "bbc")
    with pytest.raises(UsageError, match=r"FILM\.txt"):
        read_scenes(tmp_path, "ovsd")
    with pytest.raises(UsageError, match="annotators"):
        read_scenes(tmp_path, "ovsd", "majority")
