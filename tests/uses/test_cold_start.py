import json

import numpy as np
import pytest
from scipy import sparse

from mediafm.errors import CatalogError, UsageError
from mediafm.fusion import unit_rows
from mediafm.uses.cold_start import run_cold_start
from mediafm.uses.cold_start_page import write_cold_start
from mediafm.uses.interactions import Interactions
from mediafm.uses.recommend import recommend, recommend_to_user
from mediafm.uses.title_vectors import title_vectors
from uses.catalogs import DIM, add_set, make_catalog

TITLES = [f"t{i:02d}" for i in range(24)]


def interactions(liked, titles=TITLES):
    matrix = sparse.csr_array(liked.astype(np.float32))
    return Interactions([f"u{i}" for i in range(len(liked))], list(titles), matrix, None)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Two kinds of titles that pictures tell apart and metadata does not; every user likes one kind."""
    rng = np.random.default_rng(0)
    kind = np.arange(24) % 2
    directions = rng.normal(size=(2, DIM))
    video = {t: unit_rows(directions[kind[i]] + 0.4 * rng.normal(size=(4, DIM))) for i, t in enumerate(TITLES)}
    told = {t: rng.normal(size=DIM).astype(np.float32) for t in TITLES}
    genres = {t: ["both", "drama" if i < 12 else "comedy"] for i, t in enumerate(TITLES)}
    catalog = make_catalog(tmp_path_factory.mktemp("cold") / "catalog", TITLES, video=video, told=told, genres=genres)
    turn = rng.normal(size=(DIM, DIM))
    add_set(catalog, "run", {t: rows @ turn for t, rows in video.items()})
    taste = np.arange(40) % 2
    liked = rng.random((40, 24)) < np.where(taste[:, None] == kind, 0.6, 0.05)
    return catalog, interactions(liked), kind


@pytest.fixture(scope="module")
def result(world):
    catalog, liked, kind = world
    known = {"truth": np.where(np.arange(40)[:, None] % 2 == kind, 1.0, 0.0)}
    return run_cold_start(catalog, liked, ["metadata", "video"], k=3, folds=4, oracles=known)


def test_every_way_is_told_with_its_interval(result):
    names = [row.name for row in result.rows]
    assert names[:5] == ["chance", "genre_popularity", "genre_taste", "metadata", "video"]
    assert names[5:] == ["mixed:metadata", "mixed:video", "oracle:truth"]
    for row in result.rows[1:]:
        for figure in (row.ndcg, row.recall, row.audience):
            assert figure.low <= figure.score <= figure.high
    assert (result.users, result.titles, result.folds, result.k) == (40, 24, 4, 3)


def test_content_finds_the_kind_that_metadata_does_not_tell(result):
    score = {row.name: row.ndcg.score for row in result.rows}
    assert score["video"] > score["metadata"] + 0.2
    assert score["mixed:video"] > score["metadata"] + 0.2
    assert score["oracle:truth"] >= score["video"] - 0.02
    assert score["metadata"] == pytest.approx(score["chance"], abs=0.12)
    gain = next(gain for gain in result.row("video").gains if gain.over == "metadata")
    assert gain.low > 0
    assert gain.difference == pytest.approx(score["video"] - score["metadata"], abs=1e-4)
    assert result.row("mixed:video").audience.score > result.row("chance").audience.score


def test_chance_is_the_mean_of_random_orders(world, result):
    """What ties give is what shuffling gives on average."""
    catalog, liked, _ = world
    rng = np.random.default_rng(1)
    drawn = {f"{i}": rng.random((40, 24)) for i in range(30)}
    found = run_cold_start(catalog, liked, ["video"], k=3, folds=4, oracles=drawn)
    mean = np.mean([row.ndcg.score for row in found.rows if row.name.startswith("oracle:")])
    assert mean == pytest.approx(result.row("chance").ndcg.score, abs=0.02)


def test_the_same_seed_gives_the_same_figures(world):
    catalog, liked, _ = world
    first, again = (run_cold_start(catalog, liked, ["video"], k=3, folds=2).rows for _ in range(2))
    assert first == again


def test_the_result_is_written_as_files(result, tmp_path):
    page = write_cold_start(result, tmp_path / "out")
    document = json.loads((tmp_path / "out" / "result.json").read_text())
    assert document["rows"][4]["name"] == "video"
    assert "| mixed:video |" in page.read_text()
    assert "inf" not in json.dumps(document["rows"][0])


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"k": 0}, UsageError, "look at 0 titles"),
        ({"folds": 13}, UsageError, "24 titles cannot be dealt into 13 folds"),
        ({"folds": 1}, UsageError, "into 1 folds"),
        ({"features": ["never"]}, UsageError, "no features 'never'"),
        ({"features": ["text"]}, CatalogError, "No title of .* has text"),
    ],
)
def test_wrong_use_has_its_message(world, arguments, error, match):
    with pytest.raises(error, match=match):
        run_cold_start(world[0], world[1], **{"features": ["video"], **arguments})


def test_too_few_likes_have_their_message(world):
    liked = np.zeros((3, 24), dtype=bool)
    liked[:, :2] = True
    with pytest.raises(CatalogError, match="People liked 2 titles"):
        run_cold_start(world[0], interactions(liked))
    with pytest.raises(CatalogError, match="of 1 user"):
        run_cold_start(world[0], interactions(np.ones((1, 24), dtype=bool)), folds=2)


def test_items_like_a_title_are_of_its_kind(world):
    catalog, _, kind = world
    for features in ("video", "run"):
        hits = recommend(catalog, ["t03"], features, k=8)
        assert {kind[TITLES.index(hit.title)] for hit in hits} == {1}
        assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
        assert "t03" not in {hit.title for hit in hits}
    rows = title_vectors(catalog, "video").unit
    assert recommend(catalog, ["t03"], "video", k=1)[0].score == pytest.approx(np.sort(rows @ rows[3])[-2], abs=1e-5)
    assert len(recommend(catalog, None, "video", k=2)) == 48


def test_a_new_title_stands_among_those_that_its_audience_likes(world):
    catalog, liked, kind = world
    matrix = liked.liked_UT.toarray()
    matrix[:, :4] = 0
    fewer = interactions(matrix)
    hits = recommend(catalog, ["t01"], "video", k=6, interactions=fewer)
    assert np.mean([kind[TITLES.index(hit.title)] == 1 for hit in hits]) > 0.8
    assert {hit.new for hit in recommend(catalog, ["t01"], "video", k=23, interactions=fewer)} == {True, False}
    found = recommend_to_user(catalog, "u1", fewer, "video", k=2)
    assert {hit.title for hit in found} == {"t01", "t03"}
    assert all(hit.new for hit in found)
    unseen = recommend_to_user(catalog, "u1", fewer, "video", k=24, only_new=False)
    assert len(unseen) == 24 - int(matrix[1].sum())


def test_wrong_recommendations_have_their_message(world, tmp_path):
    catalog, liked, _ = world
    with pytest.raises(UsageError, match="no title 't0x'") as error:
        recommend(catalog, ["t0x"])
    assert "t0" in error.value.remedy
    with pytest.raises(UsageError, match="Cannot give 0"):
        recommend(catalog, ["t01"], k=0)
    with pytest.raises(UsageError, match="no liking of user 'nobody'"):
        recommend_to_user(catalog, "nobody", liked)
    with pytest.raises(CatalogError, match="no title that nobody has liked"):
        recommend_to_user(catalog, "u1", liked, "video")
    one = make_catalog(tmp_path / "one", ["only"])
    with pytest.raises(CatalogError, match="holds 1 title: there is nothing to compare"):
        recommend(one, ["only"])
