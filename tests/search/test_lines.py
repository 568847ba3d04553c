import math

import numpy as np
import pytest

from mediafm.search.lines import K1, B, Lines, words_of
from search.mixed_catalog import LINES, make_catalog


@pytest.mark.parametrize(
    "text, words",
    [
        ("Don't STOP, Zürich!", ["dont", "stop", "zurich"]),
        ("l’été 42", ["lete", "42"]),
        ("東京 station", ["東", "京", "station"]),
        ("♪ ...", []),
    ],
)
def test_words(text, words):
    assert words_of(text) == words


def test_bm25_is_that_of_its_formula():
    lines = Lines.build(make_catalog())
    texts = [words_of(text) for name in sorted(LINES) for text in LINES[name]]
    mean = sum(map(len, texts)) / len(texts)
    for query in ("dog", "the train", "train train noon", "snow zürich nowhere"):
        expected = []
        for text in texts:
            score = 0.0
            for word in words_of(query):
                held, df = text.count(word), sum(word in other for other in texts)
                idf = math.log(1 + (len(texts) - df + 0.5) / (df + 0.5))
                score += idf * held * (K1 + 1) / (held + K1 * (1 - B + B * len(text) / mean))
            expected.append(score or -math.inf)
        np.testing.assert_allclose(lines.bm25(query), expected, rtol=1e-5)


def test_texts_that_hold_little_of_the_words_can_be_left_out():
    lines = Lines.build(make_catalog())
    assert np.isfinite(lines.bm25("the noon")).sum() > 1
    assert np.flatnonzero(np.isfinite(lines.bm25("the noon", 0.5))).tolist() == [7]
    assert not np.isfinite(lines.bm25("the submarine", 0.5)).any()


class Kept:
    """A catalog in memory with a version, counting how often its texts are read."""

    identity = "me"

    def __init__(self, catalog):
        self.catalog, self.version, self.reads = catalog, "1", 0

    def content_version(self):
        return self.version

    def title_ids(self):
        return self.catalog.title_ids()

    def iter_texts(self, ids):
        self.reads += 1
        return self.catalog.iter_texts(ids)


def test_what_is_kept_is_read_once_and_never_believed_when_damaged(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDIAFM_CACHE", str(tmp_path))
    catalog = Kept(make_catalog())
    first, second = Lines.open(catalog), Lines.open(catalog)
    assert catalog.reads == 1 and first.titles == second.titles and first.vocabulary == second.vocabulary
    np.testing.assert_array_equal(first.bm25("the train"), second.bm25("the train"))
    (path,) = tmp_path.rglob("*.npz")
    for damage in (b"", path.read_bytes()[:200], b"PK\x03\x04 nothing"):
        path.write_bytes(damage)
        assert Lines.open(catalog).vocabulary == first.vocabulary
    assert catalog.reads == 4
    catalog.version = "2"
    Lines.open(catalog)
    assert catalog.reads == 5 and len(list(tmp_path.rglob("*.npz"))) == 1


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("MEDIAFM_CACHE", str(tmp_path / "file"))
    assert Lines.open(Kept(make_catalog())).titles == sorted(LINES)
