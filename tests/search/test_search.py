from functools import partial

import numpy as np
import pytest

from mediafm.errors import CatalogError, MismatchError, UsageError
from mediafm.search import Example, parse_example, parse_time, search
from probes.fake_catalog import FakeCatalog, FakeTitle, unit

STARTS = np.array([0.0, 2.0, 5.0, 7.0, 10.0, 12.0])
ENDS = np.array([2.0, 5.0, 7.0, 10.0, 12.0, 20.0])
LINES = {
    "alps": ["The train to Zürich is late.", "", "Where is the dog?", "A dog! A dog in the snow.", "", "Good night."],
    "sea": ["Raise the sails.", "The puppy sleeps.", "", "Storm ahead.", "Good night.", "The end."],
    "city": ["Taxi!", "To the station.", "The train leaves at noon.", "", "", "Run."],
}


def meaning(texts):
    """A stand-in for a sentence encoder: one direction for animals, one for travel, one for the rest."""

    def about(text, words):
        return float(any(w in text.lower() for w in words))

    rows = [[about(t, ["dog", "puppy", "animal"]), about(t, ["train", "taxi", "station"]), 0.1] for t in texts]
    return unit(np.array(rows))


def make_catalog(contexts=("title",)):
    rng = np.random.default_rng(0)
    titles, sets = {}, {}
    for name, lines in LINES.items():
        present = np.array([bool(line) for line in lines])
        vectors = {"video": unit(rng.normal(size=(6, 16))), "text": meaning(lines) * present[:, None]}
        titles[name] = FakeTitle(STARTS, ENDS, vectors, lines, {"text": present})
    titles["city"].vectors["video"][1] = titles["alps"].vectors["video"][2]  # the same picture in another film
    for i, context in enumerate(contexts):
        held = {name: (unit(rng.normal(size=(6, 8))), unit(rng.normal(size=8))) for name in LINES}
        held["sea"][0][4] = held["alps"][0][5]
        held["city"] = (held["city"][0], unit(held["alps"][1] + 0.1))
        sets[f"run{i}"] = (context, held)
    return FakeCatalog(titles, sets)


@pytest.fixture(scope="module")
def catalog():
    return make_catalog()


by_meaning = partial(search, text_encoder=meaning, text_fingerprint="text-print")


def where(hits):
    return [(hit.title, hit.first_shot) for hit in hits]


def test_words_find_the_lines_that_hold_them(catalog):
    hits = search(catalog, "dog")
    assert where(hits) == [("alps", 3), ("alps", 2)]
    assert (hits[0].start_s, hits[0].end_s, hits[0].text) == (7, 10, "A dog! A dog in the snow.")
    assert hits[0].score > hits[1].score
    assert where(search(catalog, "ZURICH")) == [("alps", 0)]
    assert search(catalog, "submarine") == []


def test_meaning_finds_what_words_miss_and_both_count(catalog):
    assert where(search(catalog, "animal")) == []
    assert set(where(by_meaning(catalog, "animal", k=3))) == {("alps", 2), ("alps", 3), ("sea", 1)}
    # all three speak of animals; the two that also say "dog" come first
    assert where(by_meaning(catalog, "dog", k=3))[2] == ("sea", 1)
    silent = {(t, i) for t, lines in LINES.items() for i, line in enumerate(lines) if not line}
    assert not silent & set(where(by_meaning(catalog, "dog", k=100)))


def test_neighbouring_hits_become_one_clip(catalog):
    hit = search(catalog, "dog", unit="clip")[0]
    assert (hit.first_shot, hit.end_shot, hit.start_s, hit.end_s) == (2, 4, 5, 10)
    assert hit.text == "Where is the dog? A dog! A dog in the snow."


def test_titles_are_as_good_as_their_best_shot(catalog):
    hits = search(catalog, "train", unit="title")
    assert {hit.title for hit in hits} == {"alps", "city"}
    assert all((hit.start_s, hit.end_s, hit.end_shot) == (0, 20, 6) for hit in hits)
    assert "train" in hits[0].text


def test_an_example_finds_its_like_but_never_itself(catalog):
    hits = search(catalog, like="alps@5-7", features="video", k=100)
    assert where(hits)[0] == ("city", 1) and hits[0].score == pytest.approx(1, abs=1e-3)
    assert ("alps", 2) not in where(hits) and len(hits) == 17
    assert where(search(catalog, like="alps#2", features="video", k=100)) == where(hits)
    assert where(search(catalog, like="alps@0:05.5-00:00:06", features="video", k=100)) == where(hits)


def test_the_default_is_the_one_set_with_context(catalog):
    hits = search(catalog, like="alps#5")
    assert where(hits)[0] == ("sea", 4) and hits == search(catalog, like="alps#5", features="run0")
    bare = make_catalog(contexts=("none",))
    assert search(bare, like="alps#5") == search(bare, like="alps#5", features="concat")
    with pytest.raises(UsageError, match=r"2 embedding sets with context.*run0, run1"):
        search(make_catalog(contexts=("title", "title")), like="alps#5")


def test_a_span_is_the_mean_of_its_shots_by_overlap(catalog):
    shots = catalog.embeddings("run0", "alps")
    wanted = 1.0 * shots[0] + 1.5 * shots[1]
    wanted /= np.linalg.norm(wanted)
    (hit,) = search(catalog, like="alps@1-3.5", features="run0", k=1)
    others = [("alps", i) for i in range(2, 6)] + [(t, i) for t in ("city", "sea") for i in range(6)]
    cosine = {place: float(catalog.embeddings("run0", place[0])[place[1]] @ wanted) for place in others}
    assert (hit.title, hit.first_shot) == max(cosine, key=cosine.get)
    assert hit.score == pytest.approx(max(cosine.values()), abs=5e-4)  # the index holds half precision


def test_a_whole_title_finds_titles_by_their_own_vectors(catalog):
    hits = search(catalog, like="alps", unit="title")
    assert [hit.title for hit in hits] == ["city", "sea"]
    expected = catalog.title_embedding("run0", "alps") @ catalog.title_embedding("run0", "city")
    assert hits[0].score == pytest.approx(expected, abs=1e-6)
    assert [hit.title for hit in search(catalog, like="alps#0", unit="title", k=9)].count("alps") == 0


def test_k_hits_are_the_best_k(catalog):
    everything = search(catalog, like="sea#0", features="video", k=100)
    assert [hit.score for hit in everything] == sorted((hit.score for hit in everything), reverse=True)
    assert search(catalog, like="sea#0", features="video", k=4) == everything[:4]


@pytest.mark.parametrize(
    "text, seconds",
    [
        ("12.5", 12.5),
        ("90", 90),
        ("1:30", 90),
        ("01:02:03.250", 3723.25),
        ("61:00", 3660),
        ("1:61:00", None),
        ("1:75", None),
        ("x", None),
    ],
)
def test_times(text, seconds):
    if seconds is None:
        with pytest.raises(UsageError, match="is no time"):
            parse_time(text)
    else:
        assert parse_time(text) == seconds


def test_examples_and_titles_that_look_like_them():
    titles = ["a", "odd@1-2", "take#2"]
    assert parse_example("a", titles) == Example("a")
    assert parse_example("a@1-2.5", titles) == Example("a", 1, 2.5)
    assert parse_example("a#7", titles) == Example("a", shot=7)
    assert parse_example("odd@1-2", titles) == Example("odd@1-2")
    assert parse_example("odd@1-2@3-4", titles) == Example("odd@1-2", 3, 4)
    assert parse_example("take#2#0", titles) == Example("take#2", shot=0)


@pytest.mark.parametrize(
    "call, message",
    [
        ({}, "either words or an example"),
        ({"query": "a", "like": "alps"}, "either words or an example"),
        ({"query": "  "}, "no words"),
        ({"query": "a", "k": 0}, "Cannot give 0 hits"),
        ({"query": "a", "k": 1_000_000}, "Cannot give 1000000 hits"),
        ({"query": "a", "unit": "scene"}, "Units are shot, clip, title"),
        ({"query": "a", "features": "video"}, "Words are matched with timed text"),
        ({"like": "alp"}, "no title 'alp'. Did you mean alps?"),
        ({"like": "zzz@1-2"}, "no title 'zzz'. `mediafm info`"),
        ({"like": "alps@5"}, "'5' in 'alps@5' is no span of time"),
        ({"like": "alps@7-5"}, "ends before it starts"),
        ({"like": "alps@a-b"}, "'a' is no time"),
        ({"like": "alps@19-21"}, "outside title 'alps'. It ends at 20.000 s"),
        ({"like": "alps@20-20.01"}, "outside title 'alps'"),
        ({"like": "alps#6"}, "no shot 6. Its last is 5."),
        ({"like": "alps#x"}, "no shot number"),
        ({"like": "alps", "features": "run9"}, "no features 'run9'. It has run0, video, text, concat"),
        ({"like": "alps#1", "features": "text"}, "has no text to compare by"),
    ],
)
def test_wrong_calls_say_what_is_wrong(catalog, call, message):
    with pytest.raises(UsageError) as error:
        search(catalog, **call)
    assert message in str(error.value)


def test_encoders_are_never_mixed(catalog):
    with pytest.raises(MismatchError, match=r"text-encoder \(text-print\).*another encoder \(other-print\)"):
        search(catalog, "dog", text_encoder=meaning, text_fingerprint="other-print")
    with pytest.raises(MismatchError, match="no known fingerprint"):
        search(catalog, "dog", text_encoder=meaning)


def test_catalogs_with_nothing_to_search():
    with pytest.raises(CatalogError, match="holds no titles"):
        search(FakeCatalog({}), "dog")
    mute = FakeCatalog({"a": FakeTitle(STARTS, ENDS, {"video": unit(np.ones((6, 3)))})})
    with pytest.raises(CatalogError, match="no timed text"):
        search(mute, "dog")
    with pytest.raises(CatalogError, match="no text vectors"):
        by_meaning(mute, "dog")
    marks = FakeCatalog({"a": FakeTitle(STARTS, ENDS, {"video": unit(np.ones((6, 3)))}, ["♪"] * 6)})
    assert search(marks, "dog") == []
