"""`mediafm export` as a new user meets it: a first export, its JSON, the way back, and wrong use."""

from pathlib import Path
from typing import Any

import pytest

COLUMNS = ("--video", "vector_video", "--audio", "vector_audio", "--words", "text")


@pytest.fixture
def catalog(run: Any, tables: Path, tmp_path: Path) -> Path:
    made = run(
        "import", tables / "shots.parquet", "--catalog", tmp_path / "c",
        "--video", "gaze", "--audio", "rhythm", "--words", "text", "--json",
    )  # fmt: skip
    assert made.json["titles_ok"] == 8
    return tmp_path / "c"


def test_out_and_back(run: Any, catalog: Path, tmp_path: Path) -> None:
    done = run("export", "--catalog", catalog, "--to", "parquet", "--out", tmp_path / "out", "--json").json
    assert set(done) == {
        "kind", "out", "titles", "shots", "bytes", "seconds", "files", "features", "told", "other_hits",
    }  # fmt: skip
    assert (done["titles"], done["shots"]) == (8, 8 * 24)
    tables = tmp_path / "out/shots.parquet", "--titles", tmp_path / "out/titles.parquet"
    back = run("import", *tables, "--catalog", tmp_path / "back", *COLUMNS, "--json")
    assert (back.status, back.json["titles_ok"]) == (0, 8)


def test_for_people(run: Any, catalog: Path, tmp_path: Path) -> None:
    said = run("export", "--catalog", catalog, "--to", "edl", "--out", tmp_path / "out")
    assert said.status == 0
    assert "left out without constant rate: " in said.out
    assert "and 2 more" in said.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--to", "parqet"), "Did you mean 'parquet'"),
        (("--to", "parquet", "--features", "gaze"), "no features 'gaze'"),
        (("--to", "parquet", "--title", "nobody"), "no title 'nobody'"),
    ],
)
def test_wrong_use(run: Any, catalog: Path, tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    said = run("export", "--catalog", catalog, "--out", tmp_path / "out", *arguments)
    assert said.status == 2
    assert message in said.err
    assert not (tmp_path / "out").exists()


def test_words_come_from_one_column(run: Any, tables: Path, tmp_path: Path) -> None:
    both = "--text-from", "text", "--words", "text"
    said = run("import", tables / "shots.parquet", "--catalog", tmp_path / "c", *both)
    assert said.status == 2
    assert "one column" in said.err
