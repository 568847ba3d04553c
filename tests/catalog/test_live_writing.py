"""Titles that grow: what readers see between two changes, words that come late, what dies with the writer."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from mediafm.catalog import (
    Catalog,
    CatalogSpec,
    EmbeddingSetSpec,
    EncoderSpec,
    LiveWriter,
    ShotRecord,
    TitleRecord,
    TitleSource,
    Words,
)
from mediafm.errors import CatalogError
from mediafm.search import Options, search
from mediafm.types import Cue, Features, Shot, ShotCue

SPEC = CatalogSpec("test", "cuts", {"video": EncoderSpec("v", 4, "v"), "text": EncoderSpec("t", 3, "t")})
SOURCE = TitleSource("/event.ts", "")
LIVE = {"live": {"shown": 1}}


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return Catalog.create(tmp_path / "catalog", SPEC)


def append(writer: LiveWriter, first: int, n: int) -> None:
    rng = np.random.default_rng(first)
    vectors = {m: rng.normal(size=(n, dim)).astype(np.float32) for m, dim in SPEC.dims.items()}
    unit = {m: v / np.linalg.norm(v, axis=1, keepdims=True) for m, v in vectors.items()}
    unit["text"][:] = 0
    shots = [Shot(i, i, i + 1, i, i + 1) for i in range(first, first + n)]
    flags = {"video": np.ones(n, bool), "text": np.zeros(n, bool)}
    pictures = {shot.index: b"jpeg%d" % shot.index for shot in shots}
    writer.append([ShotRecord.from_shot(s, Fraction(1)) for s in shots], Features(unit, flags), pictures)


def record(n: int, **more: object) -> TitleRecord:
    return TitleRecord(title_id="event", time_base=Fraction(1), end_pts=n, extra=LIVE, **more)  # type: ignore[arg-type]


def ended(n: int) -> TitleRecord:
    return TitleRecord(title_id="event", time_base=Fraction(1), end_pts=n)


def words(text: str) -> Words:
    return Words(text, (ShotCue(Cue(0, 900, text), 1.0),), np.array([0.6, 0, 0.8], np.float32))


def shown(catalog: Catalog) -> tuple[int, int]:
    found = catalog.title_record("event")
    assert len(catalog.shots("event")) == len(catalog.features("event")) == found.n_shots
    assert catalog.verify() == []
    return found.n_shots, found.revision


def test_a_title_grows_under_one_revision_and_ends(catalog: Catalog) -> None:
    with catalog.live_writer("event", SOURCE) as writer:
        assert isinstance(writer, LiveWriter)
        append(writer, 0, 3)
        assert catalog.title_ids() == []
        writer.show(record(3))
        n, revision = shown(catalog)
        assert n == 3
        versions = {catalog.content_version()}
        for k in range(3, 9, 2):
            append(writer, k, 2)
            assert shown(catalog) == (k, revision)
            writer.show(record(k + 2))
            assert shown(catalog) == (k + 2, revision)
        final = writer.show(ended(9), source=TitleSource("/event.ts", "whole", "inputs"))
    versions.add(catalog.content_version())
    assert len(versions) == 2
    assert final == catalog.title_record("event") and not final.live
    assert catalog.is_current("event", "whole", "inputs")
    assert [catalog.keyframe("event", k) for k in (0, 8)] == [b"jpeg0", b"jpeg8"]
    assert catalog.litter() == []
    catalog.optimize()
    assert shown(catalog) == (9, revision)


def test_late_words_take_the_place_of_none(catalog: Catalog) -> None:
    with catalog.live_writer("event", SOURCE) as writer:
        assert isinstance(writer, LiveWriter)
        append(writer, 0, 4)
        writer.retell(1, words("before the first look"))
        writer.show(record(4))
        append(writer, 4, 2)
        writer.retell(0, words("late"))
        writer.retell(5, words("new"))
        writer.show(record(6))
        assert shown(catalog)[0] == 6
        assert [s.text for s in catalog.shots("event")] == ["late", "before the first look", "", "", "", "new"]
        assert [s.has_text for s in catalog.shots("event")] == [True, True, False, False, False, True]
        features = catalog.features("event")
        np.testing.assert_allclose(features.vectors["text"][5], [0.6, 0, 0.8], atol=1e-3)
        writer.retell(5, Words("", (), None))
        writer.show(ended(6), source=TitleSource("/event.ts", "whole"))
    assert catalog.shots("event")[5].text == "" and not catalog.features("event").present["text"][5]
    assert shown(catalog)[0] == 6


def test_embeddings_of_the_past_stay_and_those_of_other_words_go(catalog: Catalog) -> None:
    for name in ("past", "title"):
        catalog.add_embedding_set(EmbeddingSetSpec(name, "c", name, 2))
    rows = np.arange(12, dtype=np.float32).reshape(6, 2)
    with catalog.live_writer("event", SOURCE) as writer:
        assert isinstance(writer, LiveWriter)
        append(writer, 0, 4)
        writer.show(record(4))
        for name in ("past", "title"):
            catalog.write_embeddings(name, "event", rows[:4], rows[0])
            assert catalog.missing_embeddings(name) == []
        append(writer, 4, 2)
        writer.show(record(6))
        assert catalog.missing_embeddings("past") == ["event"]
        np.testing.assert_array_equal(catalog.kept_embeddings("past", "event"), rows[:4])
        catalog.write_embeddings("past", "event", rows[4:], rows[1], first=4)
        np.testing.assert_array_equal(catalog.embeddings("past", "event"), rows)
        np.testing.assert_array_equal(catalog.title_embedding("past", "event"), rows[1])
        writer.retell(3, words("late"))
        writer.show(record(6))
        np.testing.assert_array_equal(catalog.kept_embeddings("past", "event"), rows[:3])
        assert len(catalog.kept_embeddings("title", "event")) == 0
    assert catalog.verify() == []


def test_a_writer_that_dies_leaves_the_title_so_far(catalog: Catalog) -> None:
    with catalog.live_writer("event", SOURCE) as writer:
        assert isinstance(writer, LiveWriter)
        append(writer, 0, 3)
        writer.show(record(3))
        append(writer, 3, 2)
    assert shown(catalog)[0] == 3
    # One that died after its rows were appended and before they counted.
    with catalog.live_writer("event", SOURCE) as writer:
        assert isinstance(writer, LiveWriter)
        append(writer, 0, 3)
        writer.show(record(3))
        append(writer, 3, 2)
        writer._store.upsert = lambda *_: (_ for _ in ()).throw(CatalogError("died"))  # type: ignore[method-assign]
        with pytest.raises(CatalogError, match="died"):
            writer.show(record(5))
    assert shown(catalog)[0] == 3
    with catalog.live_writer("event", SOURCE) as writer:
        append(writer, 0, 6)  # type: ignore[arg-type]
        writer.show(ended(6), source=TitleSource("/event.ts", "whole"))  # type: ignore[attr-defined]
    assert shown(catalog)[0] == 6 and catalog.litter() == []


def test_two_writers_of_one_title_do_not_mix(catalog: Catalog) -> None:
    with catalog.live_writer("event", SOURCE) as one, catalog.live_writer("event", SOURCE) as other:
        assert isinstance(one, LiveWriter) and isinstance(other, LiveWriter)
        append(one, 0, 3)
        one.show(record(3))
        append(other, 0, 2)
        other.show(record(2))
        append(one, 3, 1)
        with pytest.raises(CatalogError, match="stored or removed by another process"):
            one.show(record(4))
    assert shown(catalog)[0] == 2


def writing(catalog: Catalog) -> Iterator[int]:
    """Files of the tables after each of many changes."""
    with catalog.live_writer("event", SOURCE) as writer:
        assert isinstance(writer, LiveWriter)
        for k in range(12):
            append(writer, k, 1)
            writer.show(record(k + 1))
            yield sum(p.stat().st_size for p in Path(catalog.uri).rglob("data/*") if p.is_file())


def test_a_change_costs_what_is_new(catalog: Catalog) -> None:
    sizes = list(writing(catalog))
    grown = np.diff(sizes)
    assert grown[-3:].mean() < 1.5 * grown[:3].mean()


def test_search_leaves_out_what_has_gone_on_since_it_was_embedded(catalog: Catalog) -> None:
    def found(features: str) -> set[str]:
        everything = Options(keep_duplicates=True)
        return {hit.title for hit in search(catalog, like="one#0", features=features, k=9, options=everything)}

    rng = np.random.default_rng(2)
    catalog.add_embedding_set(EmbeddingSetSpec("run", "c", "title", 2))
    for title in ("one", "two"):
        with catalog.writer(title) as writer:
            append(writer, 0, 3)  # type: ignore[arg-type]
            writer.commit(TitleRecord(title_id=title, time_base=Fraction(1), end_pts=3))
        catalog.write_embeddings("run", title, rng.normal(size=(3, 2)).astype(np.float32), np.ones(2, np.float32))
    with catalog.live_writer("event", SOURCE) as live:
        append(live, 0, 3)  # type: ignore[arg-type]
        live.show(record(3))  # type: ignore[attr-defined]
        assert found("run") == {"one", "two"}
        catalog.write_embeddings("run", "event", rng.normal(size=(3, 2)).astype(np.float32), np.ones(2, np.float32))
        assert found("run") == {"one", "two", "event"}
    # Its own features can be compared at any time.
    assert found("video") == {"one", "two", "event"}
