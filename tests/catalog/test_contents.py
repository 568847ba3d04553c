"""What pretraining reads of a catalog, all at once, and the version that says whether it has changed."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from catalog_samples import SPEC, features, fill, record, shot_records, source, write

from mediafm.catalog import Catalog, CatalogSpec, EmbeddingSetSpec, contents
from mediafm.errors import CatalogError
from mediafm.sequences import FeatureCache, Span
from mediafm.types import Features


def assert_contents(catalog: Catalog) -> None:
    """As title by title."""
    found = list(catalog.iter_contents())
    assert [title for title, *_ in found] == catalog.title_ids()
    for title, rows, start_s, end_s, vector in found:
        alone = catalog.features(title)
        for modality, vectors in alone.vectors.items():
            assert rows.vectors[modality].tobytes() == vectors.tobytes()
            assert (rows.present[modality] == alone.present[modality]).all()
        starts, ends = catalog.spans(title)
        assert (start_s == starts).all()
        assert (end_s == ends).all()
        np.testing.assert_array_equal(vector, catalog.global_vector(title))


@pytest.mark.parametrize("group", [1, 2, 512])
def test_contents_are_those_of_each_title(catalog: Catalog, monkeypatch: pytest.MonkeyPatch, group: int) -> None:
    monkeypatch.setattr(contents, "_GROUP_TITLES", group)
    assert list(catalog.iter_contents()) == []
    for number, title in enumerate(["b", "it's", "a", "c"]):
        write(catalog, title, 5 + number, seed=number)
    with catalog.writer("none", source(9)) as writer:
        fill(writer, 4, 9)
        writer.commit(record("none", 4), None)
    assert_contents(catalog)
    write(catalog, "a", 12, seed=7)
    assert_contents(catalog)


def test_a_catalog_without_text_has_no_metadata_vectors(tmp_path: Path) -> None:
    spec = CatalogSpec("offline", "content-1", {m: e for m, e in SPEC.encoders.items() if m != "text"})
    catalog = Catalog.create(tmp_path / "mute", spec)
    rows = features(6, 0)
    kept = Features({m: rows.vectors[m] for m in spec.encoders}, {m: rows.present[m] for m in spec.encoders})
    with catalog.writer("a", source(0)) as writer:
        writer.append(shot_records(6), kept)
        writer.commit(record("a", 6), None)
    assert_contents(catalog)


def test_a_title_written_meanwhile_is_read_whole(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "_GROUP_TITLES", 1)
    for title in ("a", "b", "c"):
        write(catalog, title, 5, seed=1)
    reading = catalog.iter_contents()
    next(reading)
    write(catalog, "b", 9, seed=2)
    write(catalog, "c", 5, seed=3)
    for title, rows, start_s, _, vector in reading:
        assert (rows.vectors["video"] == catalog.features(title).vectors["video"]).all()
        assert len(start_s) == len(catalog.shots(title))
        assert vector is not None
        assert vector[0] == {"b": 2, "c": 3}[title]


def test_rows_that_are_lost_are_an_error(catalog: Catalog) -> None:
    write(catalog, "a", 5)
    catalog._store.delete("shots", "shot = 3")
    with pytest.raises(CatalogError, match=r"title 'a' are not all there"):
        list(catalog.iter_contents())


def test_the_version_follows_what_is_written_and_nothing_else(catalog: Catalog) -> None:
    versions = [catalog.content_version()]
    for title, seed in (("a", 0), ("b", 0), ("a", 1), ("a", 1)):  # the last brings a revision, if no news
        write(catalog, title, 5, seed)
        versions.append(catalog.content_version())
    assert len(set(versions)) == len(versions)
    catalog.record_failure("c", "/films/c.mkv", "torn")
    catalog.add_embedding_set(EmbeddingSetSpec("run", "f", "title", 2))
    catalog.write_embeddings("run", "a", np.ones((5, 2), np.float32), np.ones(2, np.float32))
    catalog.optimize(timedelta(0))
    assert catalog.content_version() == versions[-1]
    assert Catalog.open(catalog.uri).content_version() == versions[-1]


def test_a_catalog_made_anew_in_the_same_place_has_another_version(tmp_path: Path) -> None:
    versions = set()
    for _ in range(2):
        catalog = Catalog.create(tmp_path / "catalog", SPEC)
        write(catalog, "a", 5)
        versions.add(catalog.content_version())
        for path in sorted((tmp_path / "catalog").rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
    assert len(versions) == 2


def test_the_feature_cache_follows_the_catalog(catalog: Catalog, tmp_path: Path) -> None:
    for n, title in enumerate(("a", "b", "c")):
        write(catalog, title, 5 + n, seed=n)
    first = FeatureCache.open(catalog, tmp_path / "cache")
    write(catalog, "b", 8, seed=9)
    second = FeatureCache.open(catalog, tmp_path / "cache")
    assert (first.lengths["b"], second.lengths["b"]) == (6, 8)
    for cache, title in ((first, "a"), (second, "b"), (second, "c")):
        rows = catalog.features(title)
        for modality, vectors in rows.vectors.items():
            assert cache.features(title).vectors[modality].tobytes() == vectors.tobytes()
        times = np.stack(catalog.spans(title), axis=1).astype(np.float32)
        assert (cache.times(Span(title, 0, len(rows))) == times).all()
        assert (cache.global_vector(title) == catalog.global_vector(title)).all()
    assert len(list((tmp_path / "cache").rglob("index.json"))) == 1
