"""`mediafm search` as a user calls it."""

from pathlib import Path
from typing import Any

import pytest

TITLE = "title-000001"
LIKE = ["--like", f"{TITLE}#1"]


@pytest.fixture(scope="module")
def catalog(tables: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    from mediafm.ingest import import_catalogue

    place = str(tmp_path_factory.mktemp("search") / "catalog")
    import_catalogue(tables / "shots.parquet", None, place, {"video": "gaze", "audio": "rhythm"})
    return place


def test_a_weighted_mix_by_two_feature_sets(run: Any, catalog: str) -> None:
    title = TITLE
    mix = ["--like", f"{title}#3^2", "--like", f"{title}#9^-0.5"]
    sets = ["--features", "video", "--features", "audio"]
    answer = run("search", "--catalog", catalog, *mix, *sets, "--explain", "-k", 4, "--json")
    assert answer.status == 0
    assert list(answer.json["lists"]) == ["video", "audio"] and len(answer.json["hits"]) == 4
    assert {"title", "start_s", "end_s", "score", "text", "duplicates", "why"} <= set(answer.json["hits"][0])
    shown = run("search", "--catalog", catalog, *mix, *sets, "--explain")
    assert shown.status == 0 and "by video" in shown.out and "all of them merged" in shown.out


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "nothing to search for"),
        (["--query", "four^x"], "'x' in 'four^x' is no weight"),
        (["--like", "nowhere"], "no title 'nowhere'"),
        ([*LIKE, "-k", "1000000"], "Cannot give 1000000 hits"),
        ([*LIKE, "--where", "colour=red"], "No title has a field 'colour'"),
        ([*LIKE, "--after", "soon"], "'soon' is no time"),
        (["--image", "gone.png"], "were imported"),
        (["line", "--features", "runs"], "not with 'runs'"),
        (["line", "--through", "gone"], "gone"),
    ],
)
def test_wrong_use_has_a_message(run: Any, catalog: str, arguments: list[str], message: str) -> None:
    result = run("search", "--catalog", catalog, *arguments)
    assert result.status in (1, 2) and message in " ".join(result.err.split())
