"""Maps: true to their vectors, equal for equal vectors, and not torn up by what is added."""

import shutil
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from sklearn.manifold import trustworthiness

from mediafm.catalog import Catalog, ShotRecord, TitleRecord
from mediafm.errors import CatalogError, UsageError
from mediafm.maps import build_map, kept_map
from mediafm.maps.drawing import NOWHERE, DrawnMap
from mediafm.maps.grouping import assign, find_centres
from mediafm.maps.judging import truth
from mediafm.maps.keeping import map_path
from mediafm.maps.plane import lay_out, nearest, place_among, strongest
from mediafm.types import Features, Metadata, Shot
from uses.catalogs import DIM, add_set, make_catalog


def balls(n: int, groups: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(Unit rows [n, 12] in well separated groups, the group of each)."""
    rng = np.random.default_rng(seed)
    middles, of = rng.normal(size=(groups, 12)), np.arange(n) % groups
    rows = middles[of] + 0.15 * rng.normal(size=(n, 12))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32), of


@pytest.fixture(scope="module")
def laid() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(Reduced rows, their groups, their places.)"""
    rows, of = balls(240, 4)
    middle, turn = strongest(rows)
    reduced = (rows - middle) @ turn
    return reduced, of, lay_out(reduced)


def test_what_is_alike_lies_together(laid: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    reduced, of, places = laid
    near = nearest(places, None, 5)
    assert (of[near] == of[:, None]).mean() > 0.99
    assert np.isfinite(places).all() and abs(places.mean()) < 1e-3
    np.testing.assert_array_equal(lay_out(reduced), places)  # the same machine, the same map


def test_directions_are_those_of_the_singular_values() -> None:
    rows, _ = balls(60, 3)
    middle, turn = strongest(rows)
    _, values, right = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)
    np.testing.assert_allclose(np.abs(np.sum(turn[:, :3].T * right[:3], axis=1)), 1, atol=1e-3)
    np.testing.assert_allclose(((rows - middle) @ turn).std(axis=0) * np.sqrt(60), values, rtol=1e-2, atol=1e-2)


def test_new_points_come_to_their_like_and_old_ones_stay(laid: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    reduced, of, places = laid
    came = place_among(reduced[40:], places[40:], reduced[:40])
    near = nearest(places[40:], came, 5)
    assert (of[40:][near] == of[:40][:, None]).mean() > 0.95
    assert place_among(reduced, places, reduced[:0]).shape == (0, 2)


def test_trustworthiness_is_scikit_learns(laid: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    reduced, _, places = laid
    for drawn in (places, reduced[:, :2], np.random.default_rng(0).normal(size=(240, 2)).astype(np.float32)):
        assert truth(reduced, drawn, 15)[0] == pytest.approx(trustworthiness(reduced, drawn, n_neighbors=15), abs=1e-6)
    assert truth(reduced, reduced, 15) == (1.0, 1.0)
    assert truth(reduced[:5], places[:5], 15) == (1.0, 1.0)


@pytest.mark.parametrize("n", [1, 2, 8])
def test_a_few_points_have_places_too(n: int) -> None:
    rows, _ = balls(max(n, 1), 2)
    middle, turn = strongest(rows)
    places = lay_out((rows - middle) @ turn)
    assert places.shape == (n, 2) and np.isfinite(places).all()


@pytest.mark.parametrize("n", [10, 28, 90])
def test_dozens_of_points_do_not_fall_onto_one_place(n: int) -> None:
    rows, of = balls(n, 3, seed=1)
    middle, turn = strongest(rows)
    reduced = (rows - middle) @ turn
    places = lay_out(reduced)
    assert places.std(axis=0).min() > 0.1
    near = nearest(places, None, 2)
    assert (of[near] == of[:, None]).mean() > 0.8


def test_clusters_are_the_groups() -> None:
    rows, of = balls(400, 5)
    found = assign(rows, find_centres(rows))
    assert all(len(np.unique(of[found == cluster])) == 1 for cluster in np.unique(found))  # none spans two groups
    assert len(np.unique(found)) >= 5
    assert (np.diff(np.bincount(found)) <= 0).all()


SIDE = np.eye(DIM)[0]  # what `a` and its like have, and `b` and its like lack


def shots_of(title: str, n: int = 12) -> np.ndarray:
    """Unit rows [n, DIM] on one of two sides."""
    rows = np.random.default_rng(ord(title)).normal(size=(n, DIM)) + (6 if title in "aceg" else -6) * SIDE
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def add(catalog: Catalog, title: str, seen: bool = True, said: str = "") -> None:
    """A title of twelve shots of two seconds, with the embedding set `run`."""
    rows = shots_of(title)
    n = len(rows)
    features = Features(
        {"video": rows.astype(np.float32) * seen, "text": np.zeros((n, DIM), np.float32)},
        {"video": np.full(n, seen), "text": np.zeros(n, bool)},
    )
    spans = [Shot(i, 2 * i, 2 * i + 2, 0, 0) for i in range(n)]
    with catalog.batch_writer() as batch, batch.writer(title) as writer:
        writer.append([ShotRecord.from_shot(span, Fraction(1), said) for span in spans], features)
        writer.commit(
            TitleRecord(title_id=title, time_base=Fraction(1), end_pts=2 * n, metadata=Metadata(name=title)), None
        )
    catalog.write_embeddings("run", title, rows.astype(np.float32), rows.mean(axis=0).astype(np.float32))


@pytest.fixture(scope="module")
def catalog_of(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven titles on two sides, with an embedding set `run`; on one side they speak of ships."""
    uri = tmp_path_factory.mktemp("maps") / "catalog"
    catalog = make_catalog(uri, ["a"], video={"a": shots_of("a")})
    add_set(catalog, "run", {"a": shots_of("a")})
    for title in "bcdefg":
        add(catalog, title, said="the ship sails" if title in "ceg" else "the horse runs")
    return uri


def test_a_map_is_kept_and_read_again(catalog_of: Path) -> None:
    catalog = Catalog.open(catalog_of)
    drawn = build_map(catalog, "run")
    assert [key[:2] for key in drawn.keys] == [(title, 12) for title in "abcdefg"] and len(drawn) == 84
    kept = kept_map(catalog, "run", "shot")
    assert kept is not None and kept.keys == drawn.keys and kept.clusters == drawn.clusters
    np.testing.assert_array_equal(kept.places, drawn.places)
    np.testing.assert_allclose(kept.start_s[:12], np.arange(12) * 2)
    before = map_path(catalog, "run", "shot").stat().st_mtime_ns
    build_map(catalog, "run")
    assert map_path(catalog, "run", "shot").stat().st_mtime_ns == before


def test_clusters_say_what_is_said_in_them(catalog_of: Path) -> None:
    drawn = build_map(Catalog.open(catalog_of), "run")
    assert sum(cluster.size for cluster in drawn.clusters) == 84
    side = np.repeat([title in "aceg" for title, _, _ in drawn.keys], 12)
    for number, cluster in enumerate(drawn.clusters):
        (of_one_side,) = np.unique(side[drawn.cluster == number])
        assert set(cluster.words) <= ({"ship", "sails"} if of_one_side else {"horse", "runs"})
        assert all((title in "aceg") == of_one_side for title, _ in cluster.typical)
    assert {word for cluster in drawn.clusters for word in cluster.words} == {"ship", "sails", "horse", "runs"}


def test_titles_are_points_too(catalog_of: Path) -> None:
    catalog = Catalog.open(catalog_of)
    for name in ("run", "video", "concat"):
        places = build_map(catalog, name, "title").places
        assert places.shape == (7, 2) and np.isfinite(places).all()
        first, other = places[[0, 2, 4, 6], 0], places[[1, 3, 5], 0]
        assert first.min() > other.max() or first.max() < other.min()


def test_a_title_that_comes_is_placed_and_one_that_goes_is_taken_off(catalog_of: Path, tmp_path: Path) -> None:
    copy = tmp_path / "catalog"
    shutil.copytree(catalog_of, copy)
    catalog = Catalog.open(copy)
    first = build_map(catalog, "run", anew=True)
    add(catalog, "h")
    catalog.remove_title("b")
    second = build_map(catalog, "run")
    assert second.facts["drawn"] == first.facts["drawn"] and second.facts["placed_since"] == 12
    stay = [key for key in first.keys if key[0] != "b"]
    np.testing.assert_array_equal(first.places[first.rows_of(stay)], second.places[second.rows_of(stay)])
    places = {key[0]: second.places[second.rows_of([key])].mean(axis=0) for key in second.keys}
    like = np.mean([places[title] for title in "df"], axis=0)
    unlike = np.mean([places[title] for title in "aceg"], axis=0)
    assert np.linalg.norm(places["h"] - like) < np.linalg.norm(places["h"] - unlike)
    for title in "cdef":
        catalog.remove_title(title)
    third = build_map(catalog, "run")  # a third of it would be placed ones
    assert third.facts["placed_since"] == 0 and [key[0] for key in third.keys] == ["a", "g", "h"]


def test_a_title_written_anew_is_placed_anew(catalog_of: Path, tmp_path: Path) -> None:
    copy = tmp_path / "catalog"
    shutil.copytree(catalog_of, copy)
    catalog = Catalog.open(copy)
    first = build_map(catalog, "run", anew=True)
    add(catalog, "d")
    second = build_map(catalog, "run")
    assert second.facts["placed_since"] == 12 and second.keys != first.keys
    assert np.isfinite(second.places).all()


def test_what_has_no_vector_has_no_place(catalog_of: Path, tmp_path: Path) -> None:
    copy = tmp_path / "catalog"
    shutil.copytree(catalog_of, copy)
    catalog = Catalog.open(copy)
    add(catalog, "x", seen=False)
    drawn = build_map(catalog, "video")
    unseen = drawn.rows_of([key for key in drawn.keys if key[0] == "x"])
    assert np.isnan(drawn.places[unseen]).all() and (drawn.cluster[unseen] == NOWHERE).all()
    assert np.isfinite(np.delete(drawn.places, unseen, axis=0)).all()
    with pytest.raises(CatalogError, match="No shot of the catalog has text"):
        build_map(catalog, "text")


def test_wrong_questions_and_damaged_maps(catalog_of: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = Catalog.open(catalog_of)
    with pytest.raises(UsageError, match="no features 'nothing'"):
        build_map(catalog, "nothing")
    with pytest.raises(UsageError, match="no maps of 'clip'"):
        build_map(catalog, "run", "clip")  # type: ignore[arg-type]
    build_map(catalog, "run")
    path = map_path(catalog, "run", "shot")
    path.write_bytes(path.read_bytes()[:-50])
    assert kept_map(catalog, "run", "shot") is None and DrawnMap.load(tmp_path / "none") is None
    assert build_map(catalog, "run").keys and kept_map(catalog, "run", "shot") is not None
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MEDIAFM_CACHE", str(tmp_path / "file"))
    with pytest.raises(CatalogError, match="cannot be"):
        build_map(catalog, "run")
