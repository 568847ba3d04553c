"""Wrong use, places that are taken, exports that are killed, titles that change under the reader."""

import errno
import json
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from export_samples import SPEC, features

from mediafm.catalog import Catalog, TitleSource
from mediafm.errors import CatalogError, ImportDataError, StorageError, UsageError
from mediafm.export import KINDS, export


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"kind": "parket"}, "'parket'.*Did you mean 'parquet'"),
        (
            {"features": ["vidio"]},
            "'vidio'.*Did you mean 'video'.*It has video, audio, text, run/past, marengo, concat",
        ),
        ({"titles": ["ntcs"]}, "no title 'ntcs'.*Did you mean 'ntsc'"),
        ({"kind": "csv", "features": ["video"]}, "csv holds no features.*choose parquet, numpy"),
        ({"kind": "numpy", "hits": "hits.json"}, "numpy holds no hits"),
        ({"out": "s3://bucket/there"}, "written to a local folder"),
    ],
)
def test_wrong_use_is_told(catalog: Catalog, tmp_path: Path, wrong: dict[str, Any], message: str) -> None:
    asked: dict[str, Any] = {"kind": "parquet", "out": tmp_path / "out", **wrong}
    with pytest.raises(UsageError) as caught:
        export(catalog, **asked)
    assert re.search(message, str(caught.value))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot be read"),
        ("no json", "is no JSON"),
        ("{}", "holds no list 'hits'"),
        ('{"hits": [3]}', "number 1 is no object"),
        ('{"hits": [{"title": "ntsc", "start_s": 2, "end_s": 1}]}', "no span of seconds"),
        ('{"hits": [{"title": "ntsc", "start_s": 2, "end_s": 99}]}', "ends at 15.015 s"),
        ('{"hits": [{"title": "ntcs", "start_s": 2, "end_s": 3}]}', "Did you mean 'ntsc'"),
    ],
)
def test_hits_that_do_not_fit(catalog: Catalog, tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "hits.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ImportDataError, match=message):
        export(catalog, "markers", tmp_path / "out", hits=path)
    assert not (tmp_path / "out").exists()


def test_hits_of_titles_left_out_are_counted(catalog: Catalog, tmp_path: Path, hits: Path) -> None:
    assert export(catalog, "markers", tmp_path / "out", hits=hits, titles=["ntsc"]).other_hits == 1


def test_an_empty_catalog(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="holds no titles"):
        export(Catalog.create(tmp_path / "c", SPEC), "parquet", tmp_path / "out")


def test_nothing_is_overwritten_unasked(catalog: Catalog, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(catalog, "csv", out)
    (out / "mine.txt").write_text("kept")
    with pytest.raises(UsageError, match="something in"):
        export(catalog, "csv", out)
    with pytest.raises(UsageError, match=r"other things than an export \(mine.txt\)"):
        export(catalog, "csv", out, overwrite=True)
    assert (out / "mine.txt").read_text() == "kept"
    (out / "mine.txt").unlink()
    export(catalog, "numpy", out, overwrite=True)
    assert not (out / "shots.csv").exists()
    assert json.loads((out / "export.json").read_text())["kind"] == "numpy"
    assert names(tmp_path) == ["out"]


def test_overwrite_replaces_exports_only(catalog: Catalog, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/thesis.tex").write_text("years of work")
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="holds other things"):
        export(catalog, "csv", tmp_path / "out", overwrite=True)
    with pytest.raises(UsageError, match="is not a folder"):
        export(catalog, "csv", tmp_path / "file", overwrite=True)
    assert (tmp_path / "out/thesis.tex").read_text() == "years of work"


@pytest.mark.parametrize(("number", "message"), [(errno.ENOSPC, "no room"), (errno.EACCES, "cannot be written")])
def test_a_full_disk_is_a_message_and_keeps_what_was(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, message: str
) -> None:
    export(catalog, "csv", tmp_path / "out")
    before = (tmp_path / "out/shots.csv").read_bytes()

    def full(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("mediafm.export.run.write_note", full)
    with pytest.raises(StorageError, match=message):
        export(catalog, "parquet", tmp_path / "out", overwrite=True)
    assert (tmp_path / "out/shots.csv").read_bytes() == before
    assert names(tmp_path) == ["out"]


def test_a_full_disk_for_real(catalog: Catalog) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    from mediafm.export.place import _explained

    with pytest.raises(StorageError, match="no room"), _explained(Path("out")), Path("/dev/full").open("wb") as file:
        file.write(b"x" * 100_000)


_KILLED = """
import sys, time
from mediafm.export import export, titles
read = titles._read
def slow(*args):
    print("reading", flush=True)
    time.sleep(30)
titles._read = slow
export(sys.argv[1], "parquet", sys.argv[2])
"""


def test_a_killed_export_leaves_nothing_by_its_name(catalog: Catalog, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-c", _KILLED, catalog.uri, out]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "reading\n"
        finally:
            process.kill()
            process.wait(10)
    assert not out.exists()
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".out.partial-")
    export(catalog, "csv", out)
    assert names(tmp_path) == ["out"]


def test_an_export_killed_while_it_took_its_place_is_put_back(catalog: Catalog, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(catalog, "csv", out)
    out.rename(tmp_path / f".out.old-{platform.node()}-{2**22 + 1}")  # beyond any process's number
    with pytest.raises(UsageError, match="something in"):
        export(catalog, "numpy", out)
    export(catalog, "numpy", out, overwrite=True)
    assert names(tmp_path) == ["out"]
    assert json.loads((out / "export.json").read_text())["kind"] == "numpy"


def test_the_folder_one_stands_in(catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    export(catalog, "csv", ".")
    assert "shots.csv" in names(tmp_path / "here")


def small(tmp_path: Path) -> Catalog:
    made = Catalog.create(tmp_path / "catalog", SPEC)
    store(made, "film", 4, 0)
    return made


def store(catalog: Catalog, title: str, n: int, seed: int) -> None:
    from fractions import Fraction

    from mediafm.catalog import ShotRecord, TitleRecord
    from mediafm.types import Shot

    base = Fraction(1, 10)
    shots = [ShotRecord.from_shot(Shot(i, i * 10, i * 10 + 10, 0, 0), base, f"{seed}") for i in range(n)]
    with catalog.writer(title, TitleSource("film.mp4", str(time.time_ns()))) as writer:
        writer.append(shots, features(n, seed))
        writer.commit(TitleRecord(title_id=title, time_base=base, end_pts=n * 10))


@pytest.mark.parametrize("times", [1, 9])
def test_a_title_written_anew_meanwhile_is_of_one_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    catalog = small(tmp_path)
    plain, left = Catalog.iter_features, [times]

    def meanwhile(self: Catalog, ids: Any = None) -> Iterator[Any]:
        if left[0]:
            left[0] -= 1
            store(Catalog.open(self.uri), "film", 4, 7)  # the same number of shots, other vectors and words
        return plain(self, ids)

    monkeypatch.setattr(Catalog, "iter_features", meanwhile)
    if times == 9:
        with pytest.raises(CatalogError, match="changed each time"):
            export(catalog, "numpy", tmp_path / "out")
        return
    export(catalog, "numpy", tmp_path / "out")
    assert (tmp_path / "out/texts.jsonl").read_text().split() == ['"7"'] * 4
    expected = features(4, 7).vectors["video"].astype(np.float16)
    np.testing.assert_array_equal(np.load(tmp_path / "out/vector_video.npy"), expected)


def test_titles_are_read_in_bounded_groups(catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    export(catalog, "numpy", tmp_path / "one")
    monkeypatch.setattr("mediafm.export.titles._GROUP_BYTES", 1)
    export(catalog, "numpy", tmp_path / "three")
    for file in (tmp_path / "one").glob("*.npy"):
        assert file.read_bytes() == (tmp_path / "three" / file.name).read_bytes()


def test_all_kinds_are_documented() -> None:
    page = (Path(__file__).parents[2] / "docs/export.md").read_text("utf-8")
    assert all(f"`{kind}`" in page for kind in KINDS)
