"""`mediafm import --clip-set` as a user calls it."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest


@pytest.fixture
def catalog(run: Any, tables: Path, tmp_path: Path) -> Path:
    done = run("import", tables / "shots.parquet", "--catalog", tmp_path / "catalog", "--video", "gaze", "--json")
    assert done.status == 0
    assert "clips" not in done.json
    return tmp_path / "catalog"


@pytest.fixture
def clips(tables: Path, tmp_path: Path) -> Path:
    """The labels of the task with a vector each."""
    labels = pq.read_table(tables / "labels.parquet")
    vectors = np.random.default_rng(0).standard_normal((len(labels), 6)).tolist()
    pq.write_table(labels.append_column("vector", pa.array(vectors)), tmp_path / "clips.parquet")
    return tmp_path / "clips.parquet"


def test_clips_come_in_and_show(run: Any, catalog: Path, clips: Path) -> None:
    into = ["--catalog", catalog, "--clip-set", "theirs", "--source", "somebody's model"]
    done = run("import", clips, *into, "--json")
    assert done.status == 0
    keys = {"titles_ok", "titles_failed", "titles_skipped", "shots", "failures", "seconds", "peak_rss_mb", "clips"}
    assert keys <= set(done.json)
    assert (done.json["titles_ok"], done.json["titles_failed"], done.json["clips"]) == (8, 0, 192)
    assert "0 clips of 0 titles stored, 8 titles already there" in run("import", clips, *into).out
    info = run("info", "--catalog", catalog, "--json").json
    assert info["clip_sets"] == {"theirs": {"source": "somebody's model", "dim": 6, "clips": 192}}
    assert "theirs: 192 clips, 6 wide, by somebody's model" in run("info", "--catalog", catalog).out
    assert run("verify", "--catalog", catalog).status == 0


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        (["--clip-set", "theirs", "--titles", "t.parquet"], 2, "--clip-set), not both"),
        (["--clip-set", "theirs", "--video", "gaze"], 2, "--clip-set), not both"),
        (["--video", "gaze", "--source", "x"], 2, "Add --clip-set"),
        (["--clip-set", "video"], 2, "this is a modality"),
        (["--clip-set", "theirs", "--vector", "nova"], 1, "no column 'nova'"),
        ([], 2, "No column to import"),
    ],
)
def test_wrong_use_gets_a_message(
    run: Any, catalog: Path, clips: Path, options: list[str], status: int, words: str
) -> None:
    result = run("import", clips, "--catalog", catalog, *options)
    assert (result.status, result.out) == (status, "")
    assert words in result.err
