import json

import numpy as np
import pytest

from mediafm.catalog import Catalog
from mediafm.errors import CatalogError, MismatchError, UsageError
from mediafm.fusion import unit_rows
from mediafm.search import search
from mediafm.uses.across import search_across
from mediafm.uses.mapped_sets import apply_map
from mediafm.uses.mapping import VectorMap
from mediafm.uses.migrate import migrate
from uses.catalogs import DIM, SHOTS, add_set, hidden_shots, make_catalog, rotation

TITLES = [f"t{i:02d}" for i in range(12)]


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    """`old` and `new` are one space turned, `noisy` is turned and shaken, `partial` covers five titles."""
    catalog = make_catalog(tmp_path_factory.mktemp("uses") / "catalog", TITLES)
    hidden = hidden_shots(TITLES)
    turned = {title: rows @ rotation(DIM, 1) for title, rows in hidden.items()}
    rng = np.random.default_rng(5)
    noisy = {t: unit_rows(rows @ rotation(DIM, 2) + 0.15 * rng.normal(size=rows.shape)) for t, rows in hidden.items()}
    add_set(catalog, "old", hidden)
    add_set(catalog, "new", turned)
    add_set(catalog, "noisy", noisy)
    add_set(catalog, "partial", {title: turned[title] for title in TITLES[:5]}, fingerprint="partial-print")
    return catalog


@pytest.fixture(scope="module")
def found(catalog):
    return migrate(catalog, "old", "new")


def test_a_turned_space_is_kept_whole(found):
    assert (found.sample, found.held_out) == (10, 2)
    assert {k: kept.score for k, kept in found.recall.items()} == pytest.approx({1: 1, 10: 1, 100: 1}, abs=0.02)
    assert found.cosine.score == pytest.approx(1, abs=1e-3)
    assert found.unmapped[10].score < 0.3
    assert found.old_index[10].score == pytest.approx(1, abs=0.02)
    assert found.tried["procrustes"] == pytest.approx(1, abs=0.01)


def test_fewer_titles_than_there_are_turn_out_to_be_enough(found):
    sizes = [titles for titles, _ in found.curve]
    assert sizes == [1, 2, 4, 8, 10]
    assert found.enough <= 4
    assert found.curve[-1][1] == found.recall[10]


def test_what_is_lost_is_told(catalog):
    found = migrate(catalog, "old", "noisy")
    kept = found.recall[10]
    assert 0.3 < kept.score < 0.98
    assert kept.low < kept.score < kept.high
    assert found.recall[10].score > found.unmapped[10].score


def test_the_same_seed_gives_the_same_map(catalog, found):
    assert migrate(catalog, "old", "new").map.fingerprint == found.map.fingerprint
    assert migrate(catalog, "old", "new", seed=1).map.fingerprint != found.map.fingerprint


def test_a_set_that_covers_some_titles_is_enough_to_learn_from(catalog):
    found = migrate(catalog, "old", "partial")
    assert (found.sample, found.held_out) == (4, 1)
    assert found.recall[10].score > 0.9
    assert found.recall[10].low is None  # one held-out title has no interval


def test_the_document_is_json(found):
    document = json.loads(json.dumps(found.as_json(), allow_nan=False))
    assert document["recall"]["10"]["score"] == found.recall[10].score
    assert document["curve"][0]["titles"] == 1


def test_two_catalogs_that_cut_alike_are_paired_by_id(tmp_path, catalog):
    hidden = hidden_shots(TITLES)
    other = make_catalog(tmp_path / "other", [*TITLES[2:], "only here"], encoder="video-2")
    add_set(other, "other", {**{t: hidden[t] for t in TITLES[2:]}, "only here": hidden[TITLES[0]]})
    found = migrate(catalog, "other", "new", from_catalog=other)
    assert found.sample + found.held_out == 10
    assert found.recall[10].score > 0.95
    apply_map(found.map, other, "other", "carried")
    # What only the old catalog holds can now be looked for in the new one.
    hits = search_across(catalog, "new", "only here#3", "carried", from_catalog=other, k=1)
    assert (hits[0].title, hits[0].shot) == (TITLES[0], 3)
    by_map = search_across(catalog, "new", "only here#3", "other", from_catalog=other, through=found.map, k=1)
    assert (by_map[0].title, by_map[0].shot, by_map[0].score) == (TITLES[0], 3, pytest.approx(hits[0].score, abs=1e-2))


def test_shots_cut_otherwise_are_paired_by_overlap(tmp_path, catalog):
    """The other catalog has one shot where this one has two; each of its vectors is what both are about."""
    halves = {t: np.repeat(rows[::2], 2, axis=0) for t, rows in hidden_shots(TITLES, seed=3).items()}
    other = make_catalog(tmp_path / "coarse", TITLES, seconds=4, shots=SHOTS // 2)
    add_set(other, "coarse", {t: rows[::2] for t, rows in halves.items()})
    fine = make_catalog(tmp_path / "fine", TITLES)
    add_set(fine, "fine", {t: rows @ rotation(DIM, 4) for t, rows in halves.items()})
    assert migrate(fine, "coarse", "fine", from_catalog=other).cosine.score > 0.99


def test_a_mapped_set_is_marked_and_is_of_the_new_space(tmp_path):
    hidden = hidden_shots(TITLES)
    catalog = make_catalog(tmp_path / "catalog", TITLES)
    add_set(catalog, "old", hidden)
    add_set(catalog, "new", {t: rows @ rotation(DIM, 1) for t, rows in hidden.items()})
    found = migrate(catalog, "old", "new")
    assert apply_map(found.map, catalog, "old", "carried") == 12
    spec = next(s for s in Catalog.open(catalog.uri).embedding_sets() if s.name == "carried")
    assert spec.mapped
    assert spec.space == "new-print:title"
    assert spec.checkpoint_fingerprint != "new-print"
    for title in TITLES:
        np.testing.assert_allclose(catalog.embeddings("carried", title), catalog.embeddings("new", title), atol=0.05)
    assert apply_map(found.map, catalog, "old", "carried") == 0  # it is there already
    assert search(catalog, like="t03#2", features="carried", k=1)[0].title
    with pytest.raises(MismatchError, match="asked for is"):
        add_set(catalog, "carried", hidden, fingerprint="new-print")
    with pytest.raises(UsageError, match="same checkpoint"):
        migrate(catalog, "carried", "new")


def test_unmapped_mixing_is_refused(catalog, found):
    with pytest.raises(MismatchError, match="cannot be compared") as error:
        search_across(catalog, "new", "t00#0", "old")
    assert "migrate old new" in error.value.remedy
    with pytest.raises(MismatchError, match="cannot be compared"):
        search_across(catalog, "video", "t00#0", "old")
    with pytest.raises(MismatchError, match="learned from"):
        search_across(catalog, "new", "t00#0", "noisy", through=found.map)
    with pytest.raises(MismatchError, match="learned into"):
        search_across(catalog, "noisy", "t00#0", "old", through=found.map)
    with pytest.raises(MismatchError, match="learned from"):
        apply_map(found.map, catalog, "noisy", "wrong")


def test_an_example_finds_what_the_new_vectors_find(catalog, found):
    hits = search_across(catalog, "new", "t05#4", "old", through=found.map, k=5)
    own = search_across(catalog, "new", "t05#4", "new", k=5)
    assert [(h.title, h.shot) for h in hits] == [(h.title, h.shot) for h in own]
    assert ("t05", 4) not in {(h.title, h.shot) for h in hits}


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"old": "old", "new": "old"}, UsageError, "both 'old'"),
        ({"old": "old", "new": "never"}, UsageError, "no features 'never'"),
        ({"old": "old", "new": "new", "sample": 11}, UsageError, "sample of 11 titles"),
        ({"old": "old", "new": "new", "sample": 1}, UsageError, "sample of 1 titles"),
    ],
)
def test_wrong_use_has_its_message(catalog, arguments, error, match):
    with pytest.raises(error, match=match):
        migrate(catalog, **arguments)


@pytest.mark.parametrize(("titles", "match"), [(["a", "b"], "share 2 titles"), (["a"], "share 1 title;")])
def test_too_few_titles_have_their_message(tmp_path, titles, match):
    catalog = make_catalog(tmp_path / "few", titles)
    for name in ("old", "new"):
        add_set(catalog, name, hidden_shots(titles))
    with pytest.raises(CatalogError, match=match):
        migrate(catalog, "old", "new")


def test_catalogs_of_other_titles_have_their_message(tmp_path, catalog):
    other = make_catalog(tmp_path / "other", ["x", "y", "z"])
    with pytest.raises(CatalogError, match="no title in common"):
        migrate(catalog, "concat", "new", from_catalog=other)


def test_names_of_features_are_not_given_to_mapped_sets(catalog, found):
    with pytest.raises(UsageError, match="name of the catalog's features"):
        apply_map(found.map, catalog, "old", "video")


def test_a_map_is_saved_with_both_spaces(found, tmp_path):
    facts = json.loads((found.map.save(tmp_path / "map") / "map.json").read_text())
    assert (facts["old"], facts["new"]) == ("old-print:title", "new-print:title")
    assert VectorMap.load(tmp_path / "map").fingerprint == found.map.fingerprint
