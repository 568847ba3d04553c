import numpy as np
import pytest

from mediafm.errors import CatalogError, UsageError
from mediafm.index import open_index
from mediafm.search import Hit, Like, Options, Words, find, find_copies, search
from mediafm.search.encoding import GivenText
from mediafm.search.merging import Ranking, merged
from probes.fake_catalog import FakeCatalog
from search.mixed_catalog import make_catalog


@pytest.fixture(scope="module")
def catalog():
    return make_catalog()


def ask(catalog, queries, k=100, features=(), unit="shot", **options):
    return find(catalog, queries, unit, k, features, GivenText(catalog, None, None), Options(**options))


def where(hits: list[Hit]):
    return [(hit.title, hit.first_shot) for hit in hits]


def test_merging_is_the_sum_of_weighted_reciprocal_ranks():
    a = Ranking("", "meaning", "text", np.array([3.0, 1.0, -np.inf, -np.inf, 3.0], dtype=np.float32), 2.0)
    b = Ranking("", "likeness", "video", np.array([-np.inf, 5.0, 4.0, -np.inf, 6.0], dtype=np.float32))
    expected = [2 / 61, 2 / 63 + 1 / 62, 1 / 63, -np.inf, 2 / 61 + 1 / 61]
    np.testing.assert_allclose(merged([a, b]), expected)
    np.testing.assert_array_equal(merged([b]), b.scores_N)


def test_examples_of_one_kind_are_one_vector(catalog):
    index = open_index(catalog, "video")
    alps, sea = index.rows(2, 3)[0], index.rows(10, 11)[0]
    scores = index.rows(0, 15) @ (2 * alps - 0.5 * sea) / np.linalg.norm(2 * alps - 0.5 * sea)
    hits = ask(catalog, [Like("alps#2", 2.0), Like("sea#0", -0.5)], features=["video"], keep_duplicates=True).hits
    expected = {row: scores[row] for row in range(15) if row not in (2, 10)}
    assert [hit.score for hit in hits] == pytest.approx(sorted(expected.values(), reverse=True), abs=5e-4)


def test_words_and_examples_mix_and_weights_count(catalog):
    both = [Words("dog"), Like("sea#0")]
    hits = ask(catalog, both, features=["video"]).hits
    assert ("alps", 2) in where(hits[:5]) and len(hits) > 10
    heavy = ask(catalog, [Words("dog", 9.0), Like("sea#0")], features=["video"]).hits
    assert {*where(heavy[:2])} == {("alps", 2), ("alps", 3)}
    away = ask(catalog, [Words("dog", -9.0), Like("sea#0")], features=["video"]).hits
    assert {*where(away[-2:])} == {("alps", 2), ("alps", 3)}


def test_feature_sets_side_by_side(catalog):
    answer = ask(catalog, [Like("alps#0")], features=["run", "video"], keep_duplicates=True)
    assert list(answer.lists) == ["run", "video"]
    for name, hits in answer.lists.items():
        assert where(hits) == where(ask(catalog, [Like("alps#0")], features=[name], keep_duplicates=True).hits)
    score = {name: {(h.title, h.first_shot): h.score for h in hits} for name, hits in answer.lists.items()}
    for hit in answer.hits:
        place = (hit.title, hit.first_shot)
        ranks = [1 + sum(other > held[place] for other in held.values()) for held in score.values()]
        assert hit.score == pytest.approx(sum(1 / (60 + rank) for rank in ranks))
    assert set(answer.as_json()) == {"hits", "lists"}


def test_duplicates_are_folded(catalog):
    (hit,) = ask(catalog, [Words("night")]).hits
    assert (hit.title, hit.first_shot) == ("alps", 4)
    assert [(d["title"], d["start_s"], d["end_s"]) for d in hit.duplicates] == [("city", 8.0, 10.0)]
    assert where(ask(catalog, [Words("night")], keep_duplicates=True).hits) == [("alps", 4), ("city", 4)]
    folded = ask(catalog, [Like("sea#1")], k=3, features=["audio"]).hits
    assert len(folded) == 3 and len({hit.score for hit in folded}) == 3


def test_a_hit_says_why(catalog):
    hit = ask(catalog, [Words("the dog"), Like("sea#0")], features=["video"], explain=True).hits[0]
    ways = {(one["way"], one["features"]) for one in hit.why["rankings"]}
    assert ways == {("full text", "text"), ("likeness", "video")}
    assert sum(one["share"] for one in hit.why["rankings"]) == pytest.approx(hit.score)
    assert hit.why["words"] == [w for w in ("the", "dog") if w in hit.text.lower()]


@pytest.mark.parametrize(
    "options, titles",
    [
        ({"where": ["genre=drama"]}, {"alps", "sea"}),
        ({"where": ["genre!=Drama"]}, {"city"}),
        ({"where": ["tag=snow"]}, {"alps"}),
        ({"where": ["year>=2000"]}, {"city"}),
        ({"where": ["year<2000"]}, {"alps"}),
        ({"where": ["made>2001-01-01", "genres=Drama"]}, {"sea"}),
        ({"where": ["name~i"]}, {"city"}),
        ({"where": ["duration > 9"], "titles": ["s*", "city"]}, {"sea", "city"}),
        ({"where": ["genre=Western"]}, set()),
    ],
)
def test_filters_on_titles(catalog, options, titles):
    answer = ask(catalog, [Like("alps#0")], features=["video"], **options)
    assert {hit.title for hit in answer.hits} == titles
    assert bool(answer.notes) == (not titles)


def test_filters_on_time(catalog):
    hits = ask(catalog, [Like("alps#0")], features=["video"], after=3.0, before=8.0).hits
    assert hits and all(hit.start_s >= 3 and hit.end_s <= 8 for hit in hits)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"where": ["colour=red"]}, "No title has a field 'colour'. Fields are duration, genres, made, name"),
        ({"where": ["year"]}, "'year' is no condition"),
        ({"where": ["year>=old"]}, "Field 'year' holds numbers"),
        ({"titles": ["alp"]}, "no title 'alp'. Did you mean alps?"),
        ({"titles": ["x*"]}, "no title 'x*'"),
        ({"after": 5.0, "before": 5.0}, "is empty"),
        ({"context": "alps"}, "Give --through RUN"),
        ({"through": "somewhere"}, "Only words go through a model"),
    ],
)
def test_wrong_options(catalog, options, message):
    with pytest.raises(UsageError) as error:
        ask(catalog, [Like("alps#0")], features=["video"], **options)
    assert message in str(error.value)


@pytest.mark.parametrize(
    "queries, message",
    [
        ([], "nothing to search for"),
        ([Words("dog", -1.0)], "weighted away from"),
        ([Like("nowhere")], "no title 'nowhere'"),
        ([Like("alps@9-12")], "outside title 'alps'"),
        ([Like("alps#0"), Like("alps#0", -1.0)], "cancel each other out"),
    ],
)
def test_wrong_queries(catalog, queries, message):
    with pytest.raises(UsageError) as error:
        ask(catalog, queries, features=["video"] if queries and isinstance(queries[0], Like) else ())
    assert message in str(error.value)


def test_an_empty_catalogue_and_a_million_hits(catalog):
    with pytest.raises(CatalogError, match="holds no titles"):
        ask(FakeCatalog({}), [Words("dog")])
    with pytest.raises(UsageError, match="Cannot give 1000000 hits"):
        ask(catalog, [Words("dog")], k=1_000_000)


def test_search_takes_a_mix_as_well(catalog):
    mix = [Like("alps#0"), Like("sea#1")]
    assert search(catalog, queries=mix, features="run") == find(catalog, mix, features=["run"]).hits
    with pytest.raises(UsageError, match="either words or an example"):
        search(catalog, "dog", queries=mix)


def test_copies_find_each_other(catalog):
    matches = find_copies(catalog, "city", "video", least=0.99)
    assert [(m.shot, m.other, m.other_shot, m.other_start_s) for m in matches] == [(4, "alps", 4, 8.0)]
    assert not [m for m in find_copies(catalog, "city", "video", others=["alps"]) if m.other == "alps"]
    with pytest.raises(UsageError, match="no title 'town'"):
        find_copies(catalog, "town")


@pytest.mark.parametrize("unit", ["shot", "clip", "title"])
@pytest.mark.parametrize("names", [["run"], ["run", "concat"]])
def test_of_a_large_catalog_only_the_nearest_are_ranked_and_answers_are_the_same(catalog, monkeypatch, unit, names):
    queries = [Like("alps#0"), Like("sea#3", -0.5)] if len(names) > 1 else [Like("alps#0")]
    options = Options(where=["genre!=Comedy"], explain=True)
    expected = find(catalog, queries, unit, 3, names, options=options)
    monkeypatch.setattr("mediafm.search.likeness.SMALL", 0)
    monkeypatch.setattr("mediafm.index.vectors.SMALL", 0)  # by codes, as in a large one
    found = find(catalog, queries, unit, 3, names, options=options)
    assert [(hit.title, hit.first_shot, hit.end_shot, hit.text) for hit in found.hits] == [
        (hit.title, hit.first_shot, hit.end_shot, hit.text) for hit in expected.hits
    ]
    assert [hit.score for hit in found.hits] == pytest.approx([hit.score for hit in expected.hits], abs=1e-6)
    assert [hit.title for hits in found.lists.values() for hit in hits] == [
        hit.title for hits in expected.lists.values() for hit in hits
    ]


def test_more_is_looked_at_where_the_nearest_fold_into_one(catalog, monkeypatch):
    monkeypatch.setattr("mediafm.search.likeness.SMALL", 0)
    monkeypatch.setattr("mediafm.search.engine._MORE", 0)
    monkeypatch.setattr("mediafm.search.engine.MOST", 2)
    found = find(catalog, [Like("alps#4")], "shot", 2, ["video"], options=Options(threshold=-1.0))
    assert len(found.hits) == 1  # everything folds into the best: all were looked at
    assert len(found.hits[0].duplicates) > 2
