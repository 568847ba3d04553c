"""`mediafm index` as a user calls it."""

from pathlib import Path
from typing import Any

import pytest

from index.index_samples import make_catalog


@pytest.fixture
def catalog(tmp_path: Path) -> str:
    return make_catalog(tmp_path / "catalog").uri


def test_it_tells_what_it_built(run: Any, catalog: str) -> None:
    (told,) = run("index", "--catalog", catalog, "--json").json["indexes"]
    assert {name: told[name] for name in ("features", "titles", "rows", "dim", "exact")} == {
        "features": "run",
        "titles": 3,
        "rows": 19,
        "dim": 6,
        "exact": True,
    }
    assert told["bytes"] == 19 * (6 * 2 + 6 + 8)
    both = run("index", "--catalog", catalog, "--features", "video", "--features", "concat", "--approximate", "--json")
    for told in both.json["indexes"]:
        assert not told["exact"] and 0 <= told["recall"] <= 1 and 1 <= told["probes"] <= told["lists"]
    assert "19 shots of 3 titles" in run("index", "--catalog", catalog, "--features", "text").out


def test_wrong_use_is_told(run: Any, catalog: str, tmp_path: Path) -> None:
    unknown = run("index", "--catalog", catalog, "--features", "rum")
    assert unknown.status == 2 and "has no features 'rum'" in unknown.err and "run, video" in unknown.err
    nowhere = run("index", "--catalog", tmp_path / "nowhere")
    assert nowhere.status == 1 and "no catalog" in nowhere.err
