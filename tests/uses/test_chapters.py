"""Chapters of planted scenes, by scatter and by probe, beside the film's own; wrong use."""

from itertools import pairwise

import numpy as np
import pytest

from mediafm.errors import CatalogError, MismatchError, UsageError
from mediafm.probes.saved import SavedProbe
from mediafm.uses.chapters import AGREE_S, HowMany, find_chapters
from mediafm.uses.names import telling_words
from uses.conftest import SHOT_S, SHOTS, STARTS, TITLES, fitted


def firsts(one):
    return [part.first_shot for part in one.chapters]


@pytest.mark.parametrize("features", [None, "video", "text"])
@pytest.mark.parametrize("how_many", [HowMany(), HowMany(4), HowMany(length_s=15)])
def test_planted_scenes_are_found_exactly(catalog, features, how_many):
    found = list(find_chapters(catalog, features=features, how_many=how_many))
    assert [one.title for one in found] == [f"t{i}" for i in range(TITLES)]
    for one in found:
        assert firsts(one) == list(STARTS)
        assert one.features == (features or "concat")
        edges = [(part.start_s, part.end_s) for part in one.chapters]
        assert edges[0][0] == 0 and edges[-1][1] == SHOT_S * SHOTS
        assert all(a[1] == b[0] for a, b in pairwise(edges))


def test_names_and_the_films_own(catalog):
    one, other = find_chapters(catalog, ["t0", "t1"])
    assert one.chapters[0].name == "Chapter 1: harbour, ships" and one.chapters[1].words == ("bakery", "bread")
    assert [own["title"] for own in one.own] == ["One", "Two"]
    assert (one.agreement.hits, one.agreement.false_alarms, one.agreement.misses) == (1, 2, 0)
    assert one.agreement.f1 == pytest.approx(0.5) and one.agreement.tolerance_s == AGREE_S
    assert other.own == () and other.agreement is None


def test_a_probe_says_where_scenes_begin(catalog, starts):
    (one,) = find_chapters(catalog, ["t5"], probe=starts)
    assert firsts(one) == list(STARTS) and one.method == "probe" and one.features == "past_future_1"
    (three,) = find_chapters(catalog, ["t5"], probe=starts, how_many=HowMany(3))
    assert len(three.chapters) == 3 and set(firsts(three)) <= set(STARTS)
    (long,) = find_chapters(catalog, ["t5"], probe=starts, how_many=HowMany(shortest_s=15))
    spans = [part.end_s - part.start_s for part in long.chapters]
    assert min(spans) >= 15 and set(firsts(long)) <= set(STARTS) and len(spans) > 1


@pytest.mark.parametrize("seed", range(5))
def test_none_is_shorter_than_asked(catalog, seed):
    shortest = float(np.random.default_rng(seed).uniform(2, 30))
    for one in find_chapters(catalog, how_many=HowMany(shortest_s=shortest)):
        assert min(part.end_s - part.start_s for part in one.chapters) >= shortest


def test_telling_words():
    assert telling_words(["the ships, the SHIPS and rain", "the bread and rain", ""]) == [["ships"], ["bread"], []]
    assert telling_words([]) == []


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ({"titles": ["t9"]}, "no title 't9'"),
        ({"features": "vido"}, "no features 'vido'. Did you mean 'video'"),
        ({"how_many": HowMany(SHOTS + 1)}, "30 shots and cannot have 31"),
        ({"how_many": HowMany(20, shortest_s=10)}, "no 20 parts of 10 s"),
    ],
)
def test_wrong_use(catalog, call, said):
    with pytest.raises(UsageError, match=said):
        list(find_chapters(catalog, **call))


@pytest.mark.parametrize("wrong", [{"count": 0}, {"count": 2, "length_s": 5}, {"length_s": 0}, {"shortest_s": -1}])
def test_numbers_that_make_no_sense(wrong):
    with pytest.raises(UsageError):
        HowMany(**wrong)


def test_wrong_probes(catalog, starts, worthy_folder, tmp_path):
    with pytest.raises(UsageError, match="brings its own features"):
        list(find_chapters(catalog, features="video", probe=starts))
    with pytest.raises(UsageError, match="has no label 'begin'"):
        list(find_chapters(catalog, probe=starts, label="begin"))
    other = SavedProbe.load(worthy_folder)
    object.__setattr__(other, "encoders", {"video": "other-1"})
    with pytest.raises(MismatchError, match="features of other encoders"):
        list(find_chapters(catalog, probe=other))
    clips = SavedProbe.load(fitted(catalog, tmp_path / "clips", "clip"))
    with pytest.raises(UsageError, match="speaks of clips"):
        list(find_chapters(catalog, probe=clips))
    with pytest.raises(CatalogError, match="holds no titles"):
        from mediafm.catalog import Catalog

        list(find_chapters(Catalog.create(tmp_path / "empty", catalog.spec)))
