"""`recommend`, `cold-start`, `migrate` and `search-across` as a user calls them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from uses.catalogs import DIM, add_set, hidden_shots, make_catalog, rotation

TITLES = [f"t{i:02d}" for i in range(10)]


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("uses") / "catalog"
    hidden = hidden_shots(TITLES, shots=8)
    made = make_catalog(folder, TITLES, video=hidden)
    add_set(made, "old", hidden)
    add_set(made, "new", {title: rows @ rotation(DIM, 1) for title, rows in hidden.items()})
    return folder


@pytest.fixture(scope="module")
def likes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("likes") / "likes.csv"
    rng = np.random.default_rng(0)
    rows = [
        f"u{user},{title},{rng.integers(3, 6)},0" for user in range(12) for title in TITLES[2:] if rng.random() < 0.5
    ]
    path.write_text("\n".join(["userId,movieId,rating,timestamp", *rows]) + "\n", encoding="utf-8")
    return path


def test_from_one_set_to_another(run: Any, catalog: Path, tmp_path: Path) -> None:
    made = run("migrate", "old", "new", "--catalog", catalog, "--out", tmp_path / "map", "--apply", "moved", "--json")
    assert made.status == 0, made.err
    assert made.json["recall"]["10"]["score"] > 0.9 and made.json["applied"] == "moved"
    refused = run("search-across", "t03#2", "--by", "old", "--features", "new", "--catalog", catalog)
    assert refused.status == 1 and "cannot be compared" in refused.err and "mediafm migrate old new" in refused.err
    through = run(
        "search-across",
        "t03#2",
        "--by",
        "old",
        "--features",
        "new",
        "--catalog",
        catalog,
        "--map",
        tmp_path / "map",
        "--json",
    )
    moved = run("search-across", "t03#2", "--by", "moved", "--features", "new", "--catalog", catalog, "--json")
    found = [[(hit["title"], hit["shot"]) for hit in each.json["hits"]] for each in (through, moved)]
    assert through.status == 0 and found[0] == found[1] and len(found[0]) == 10
    told = run("migrate", "old", "new", "--catalog", catalog)
    assert told.status == 0 and "recall@10 kept" in told.out and "titles were enough" in told.out


def test_titles_like_a_title(run: Any, catalog: Path, likes: Path) -> None:
    found = run("recommend", "t03", "--catalog", catalog, "--features", "video", "-k", 3, "--json")
    assert found.status == 0 and len(found.json["hits"]) == 3
    every = run("recommend", "--all", "--catalog", catalog, "--features", "old", "-k", 1, "--json")
    assert [hit["of"] for hit in every.json["hits"]] == TITLES
    mixed = run("recommend", "t00", "--catalog", catalog, "--features", "video", "--interactions", likes)
    assert mixed.status == 0 and "new" in mixed.out
    user = run(
        "recommend", "--user", "u1", "--catalog", catalog, "--features", "video", "--interactions", likes, "--json"
    )
    assert {hit["title"] for hit in user.json["hits"]} == {"t00", "t01"}


def test_cold_start_is_measured(run: Any, catalog: Path, likes: Path, tmp_path: Path) -> None:
    arguments = ["cold-start", "--catalog", catalog, "--interactions", likes, "--out", tmp_path / "out", "--folds", 2]
    done = run(*arguments, "--features", "video", "--json")
    assert done.status == 0, done.err
    assert [row["name"] for row in done.json["rows"]] == ["chance", "video", "mixed:video"]
    assert (tmp_path / "out" / "result.json").is_file() and "Cold start" in (tmp_path / "out" / "result.md").read_text()
    assert "mixed:video" in run(*arguments, "--features", "video").out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["recommend"], "One of TITLE, --all and --user"),
        (["recommend", "t03", "--all"], "One of TITLE, --all and --user"),
        (["recommend", "--user", "u1"], "--user needs --interactions"),
        (["recommend", "t03", "--min-rating", "3"], "no --interactions"),
        (["recommend", "t0333", "--features", "video"], "no title 't0333'"),
        (["recommend", "t03"], "2 embedding sets with context"),
        (["migrate", "old", "old"], "both 'old'"),
        (["migrate", "old", "new", "--sample", "50"], "sample of 50 titles"),
        (["migrate", "old", "newer"], "no features 'newer'"),
        (["search-across", "t03", "--by", "old", "--features", "new", "--map", "nowhere"], "There is no map"),
    ],
)
def test_wrong_use_is_told(run: Any, catalog: Path, arguments: list[str], said: str) -> None:
    done = run(*arguments, "--catalog", catalog)
    assert done.status in (1, 2)
    assert said in done.err and "Traceback" not in done.err
