import dataclasses

import numpy as np
import pytest
from catalog_samples import write

from mediafm.catalog import Catalog, EmbeddingSetSpec
from mediafm.catalog.tables import embeddings_table_name
from mediafm.errors import CatalogError, MismatchError, UsageError

SPEC = EmbeddingSetSpec("run", "sha-1", "title", 6)


def vectors(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, 6)).astype(np.float32), rng.standard_normal(6).astype(np.float32)


@pytest.fixture
def embedded(catalog: Catalog) -> Catalog:
    """Titles a and b, both with embeddings in the set "run"."""
    for seed, (title_id, n) in enumerate({"b": 3, "a": 5}.items()):
        write(catalog, title_id, n)
        catalog.add_embedding_set(SPEC)
        catalog.write_embeddings("run", title_id, *vectors(n, seed))
    return catalog


def test_what_is_written_is_read_back_to_the_bit(embedded: Catalog) -> None:
    shots, title = vectors(5, 1)
    np.testing.assert_array_equal(embedded.embeddings("run", "a"), shots)
    np.testing.assert_array_equal(embedded.title_embedding("run", "a"), title)
    assert embedded.embeddings("run", "a").dtype == np.float32
    assert embedded.embedding_sets() == [SPEC]
    seen = list(embedded.iter_embeddings("run"))
    assert [t for t, _, _ in seen] == ["a", "b"]
    np.testing.assert_array_equal(seen[1][1], vectors(3, 0)[0])
    np.testing.assert_array_equal(seen[1][2], vectors(3, 0)[1])
    assert [t for t, _, _ in embedded.iter_embeddings("run", ["b"])] == ["b"]
    assert embedded.verify() == []


def test_writing_again_replaces(embedded: Catalog) -> None:
    embedded.write_embeddings("run", "a", *vectors(5, 9))
    np.testing.assert_array_equal(embedded.embeddings("run", "a"), vectors(5, 9)[0])
    np.testing.assert_array_equal(embedded.embeddings("run", "b"), vectors(3, 0)[0])
    assert embedded.verify() == []


def test_a_title_written_anew_has_no_embeddings_any_more(embedded: Catalog) -> None:
    revision = embedded.title_record("a").revision
    write(embedded, "a", 5, seed=3)
    assert embedded.missing_embeddings("run") == ["a"]
    with pytest.raises(CatalogError, match=r"'run' does not cover title a .*mediafm embed"):
        embedded.embeddings("run", "a")
    with pytest.raises(CatalogError, match="does not cover"):
        list(embedded.iter_embeddings("run"))
    with pytest.raises(MismatchError, match="written anew"):
        embedded.write_embeddings("run", "a", *vectors(5, 1), revision=revision)
    embedded.write_embeddings("run", "a", *vectors(5, 1), revision=embedded.title_record("a").revision)
    assert embedded.missing_embeddings("run") == []


def test_a_set_that_is_not_there_is_an_error_with_a_remedy(embedded: Catalog) -> None:
    for use in (
        embedded.missing_embeddings,
        lambda s: embedded.embeddings(s, "a"),
        lambda s: embedded.iter_embeddings(s),
    ):
        with pytest.raises(CatalogError, match=r"no embedding set 'walk' .*has run.*mediafm embed"):
            list(use("walk"))
    with pytest.raises(CatalogError, match="no title 'c'"):
        embedded.embeddings("run", "c")


def test_one_name_stands_for_one_checkpoint(embedded: Catalog) -> None:
    embedded.add_embedding_set(SPEC)
    assert len(embedded.embeddings("run", "a")) == 5
    other = dataclasses.replace(SPEC, checkpoint_fingerprint="sha-2")
    with pytest.raises(MismatchError, match=r"sha-1.*sha-2"):
        embedded.add_embedding_set(other)
    for changed in (dataclasses.replace(SPEC, context="none"), dataclasses.replace(SPEC, dim=7)):
        with pytest.raises(MismatchError):
            embedded.add_embedding_set(changed)
    embedded.add_embedding_set(other, replace=True)
    assert embedded.embedding_sets() == [other]
    assert embedded.missing_embeddings("run") == ["a", "b"]


def test_names_alike_do_not_meet(catalog: Catalog) -> None:
    write(catalog, "a", 2)
    names = ["run", "Run", "run ", "run/1", "run 1", "läuft", "it's", "x" * 100, "x" * 101]
    assert len({embeddings_table_name(n) for n in names}) == len(names)
    for seed, name in enumerate(names):
        catalog.add_embedding_set(dataclasses.replace(SPEC, name=name))
        catalog.write_embeddings(name, "a", *vectors(2, seed))
    for seed, name in enumerate(names):
        np.testing.assert_array_equal(catalog.embeddings(name, "a"), vectors(2, seed)[0])
    assert catalog.info()["embedding_sets"] == sorted(names)


def test_embeddings_that_do_not_fit_are_refused(embedded: Catalog) -> None:
    shots, title = vectors(5, 1)
    nan = shots.copy()
    nan[2, 3] = np.nan
    for bad in ((shots[:4], title), (shots[:, :5], title), (shots, title[:5]), (nan, title), (shots, title * np.inf)):
        with pytest.raises(CatalogError):
            embedded.write_embeddings("run", "a", *bad)
    np.testing.assert_array_equal(embedded.embeddings("run", "a"), shots)
    for spec in (dataclasses.replace(SPEC, name=""), dataclasses.replace(SPEC, dim=0)):
        with pytest.raises(UsageError):
            embedded.add_embedding_set(spec)
