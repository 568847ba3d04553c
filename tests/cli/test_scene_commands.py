"""`import --layout` and `labels` as a user calls them, up to the probe."""

from pathlib import Path
from typing import Any

import pytest

from ingest_films import CUTS, make_film
from layout_folders import bbc_folder, label_lines, movienet_folder, write


@pytest.mark.slow
def test_movienet_from_folder_to_probe(run: Any, tmp_path: Path) -> None:
    root, catalog = movienet_folder(tmp_path / "movienet"), tmp_path / "movies.catalog"
    for number, labels in enumerate([(0, 0, 0, 1), (1, 1, 0, 1), (1, 1, 1, 1)], 2):  # titles differ in how many
        write(root / f"scene318/label318/tt000000{number}.txt", label_lines(labels))
    done = run("import", root, "--layout", "movienet", "--catalog", catalog, "--json")
    assert done.status == 0
    assert (done.json["titles_ok"], done.json["shots"]) == (6, 30)
    assert done.json["labels"]["scenes"] == 20 and done.json["labels"]["failures"] == []
    task = tmp_path / "movies.catalog-labels" / "scenes.toml"
    assert done.json["labels"]["task"] == str(task)
    probed = run("probe", "--catalog", catalog, "--task", task, "--out", tmp_path / "probe", "--json")
    assert probed.status == 0, probed.err
    assert {"chance", "concat"} <= {row["features"] for row in probed.json["rows"]}
    again = run("import", root, "--layout", "movienet", "--catalog", catalog, "--labels-out", tmp_path / "elsewhere")
    assert again.status == 0 and "6 already there" in again.out
    assert "20 scenes of 6 titles labelled in" in again.out and (tmp_path / "elsewhere/scenes.csv").is_file()


def test_films_and_their_annotations(run: Any, tmp_path: Path) -> None:
    film, catalog = make_film(tmp_path / "Noise.mp4"), tmp_path / "catalog"
    assert run("ingest", film, "--catalog", catalog).status == 0
    lines = f"{CUTS[0]}\t{CUTS[2] - 1}\n{CUTS[2]}\t{CUTS[3] - 1}\n"
    annotation = write(tmp_path / "ovsd" / "noise.txt", lines)
    found = run("labels", annotation, "--layout", "ovsd", "--catalog", catalog, "--out", tmp_path / "labels")
    assert found.status == 0, found.err
    assert "2 scenes of 1 titles labelled" in found.out
    rows = (tmp_path / "labels/scenes.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows[1:]] == ["Noise", "Noise"]
    assert float(rows[2].split(",")[1]) == pytest.approx(71 / 24, abs=1e-3)
    bbc = bbc_folder(tmp_path / "bbc")
    unknown = run("labels", bbc, "--layout", "bbc", "--catalog", catalog, "--out", tmp_path / "no", "--json")
    assert unknown.status == 1 and len(unknown.json["failures"]) == 2 and unknown.json["titles"] == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["import", "{root}", "--layout", "bbc", "--catalog", "c"], "mediafm labels"),
        (["import", "{root}", "--layout", "dvd", "--catalog", "c"], "movienet, ovsd, bbc"),
        (["import", "{root}", "--layout", "movienet", "--catalog", "c", "--video", "v"], "belong to tables"),
        (["import", "shots.parquet", "--fps", "24", "--catalog", "c"], "--layout"),
        (["import", "{root}", "--layout", "movienet", "--catalog", "c"], "shot_movie318"),
        (["labels", "{root}", "--layout", "ovsd", "--catalog", "c", "--out", "o", "--annotator", "1"], "annotators"),
    ],
)
def test_wrong_use(run: Any, tmp_path: Path, arguments: list[str], words: str) -> None:
    result = run(*(a.format(root=tmp_path) for a in arguments))
    assert result.status == 2 and words in result.err and result.out == ""
