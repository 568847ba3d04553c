"""Metadata tables, and finding the files they speak of."""

from pathlib import Path

import pytest

from mediafm.errors import ImportDataError, UsageError
from mediafm.media import find_films, load_metadata
from mediafm.types import Metadata


def test_csv(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text(
        "\ufefftitle,name,synopsis,tags,genres,year\n"
        'bbb,Big Buck Bunny,"A rabbit, and\nthree rodents.",funny; short,comedy|animation,2008\n'
    )
    assert load_metadata(path) == {
        "bbb": Metadata(
            "Big Buck Bunny",
            "A rabbit, and\nthree rodents.",
            ("funny", "short"),
            ("comedy", "animation"),
            {"year": "2008"},
        )
    }


def test_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_text(
        '{"title_id": "a", "tags": ["x", "y"], "year": 2008}\n\n{"title": "b", "genres": "drama;war", "name": null}\n'
    )
    assert load_metadata(path) == {
        "a": Metadata(tags=("x", "y"), extra={"year": 2008}),
        "b": Metadata(genres=("drama", "war")),
    }


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("m.csv", "name,synopsis\nx,y\n", "row 1 has no column `title`"),
        ("m.csv", "title,name\na,b\n,c\n", "row 3 names no title"),
        ("m.csv", "title,name\na,b\na,c\n", "row 3 names 'a' again, after row 2"),
        ("m.csv", "title,name\na\n", "row 2 has not as many cells"),
        ("m.csv", "title,name\na,b,c\n", "row 2 has not as many cells"),
        ("m.csv", 'title,name\na,"b\n', "is no CSV"),
        ("m.jsonl", '{"title": "a"}\n{"title": \n', "row 2 is no JSON"),
        ("m.jsonl", "[1]\n", "row 1 is no object"),
        ("m.jsonl", '{"title": "a", "tags": [1]}\n', "row 1 has `tags` that are no list of words"),
        ("m.jsonl", '{"title": "a", "synopsis": 3}\n', "row 1 has a `synopsis` that is no text"),
    ],
)
def test_errors_name_file_and_row(tmp_path: Path, name: str, text: str, words: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(ImportDataError) as caught:
        load_metadata(path)
    assert str(path) in caught.value.message
    assert words in caught.value.message
    assert caught.value.remedy


def test_wrong_files(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_bytes(b"title\n\xff\xfe\n")
    with pytest.raises(ImportDataError, match="not UTF-8"):
        load_metadata(tmp_path / "m.csv")
    with pytest.raises(UsageError, match="no metadata file"):
        load_metadata(tmp_path / "gone.csv")
    (tmp_path / "m.xlsx").touch()
    with pytest.raises(UsageError, match=r"must be a \.csv"):
        load_metadata(tmp_path / "m.xlsx")


def test_find_films(tmp_path: Path) -> None:
    for name in ("b.mp4", "a.MKV", "sub/deep/c.webm", "talk.mp3", "notes.txt", "._b.mp4", ".hidden/d.mp4", "b.srt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = find_films([tmp_path, tmp_path / "b.mp4"])
    assert [f.relative_to(tmp_path).as_posix() for f in found] == ["a.MKV", "b.mp4", "sub/deep/c.webm", "talk.mp3"]
    assert find_films([tmp_path / "notes.txt"]) == [tmp_path / "notes.txt"]


def test_find_films_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"gone\.mp4 does not exist"):
        find_films([tmp_path / "gone.mp4"])
    with pytest.raises(UsageError, match="No film or sound file in"):
        find_films([tmp_path])
