import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from catalog_samples import write

from mediafm.catalog import Catalog, ClipShot, EmbeddingSetSpec
from mediafm.errors import CatalogError, UsageError

SHOTS = np.array([[1, 0], [0, 1], [1, 1], [-1, 0]], np.float32)  # spans in s: [0, 1) [1, 1.0417) [1.0417, 2.5432) ...
TITLE = np.array([3, 4], np.float32)


@pytest.fixture
def embedded(catalog: Catalog) -> Catalog:
    write(catalog, "a", 4)
    catalog.add_embedding_set(EmbeddingSetSpec("run", "ck", "title", 2))
    catalog.write_embeddings("run", "a", SHOTS, TITLE)
    return catalog


def test_a_clip_knows_the_shots_it_touches(embedded: Catalog) -> None:
    _, ends = embedded.spans("a")
    clip = embedded.clip("a", 0.25, ends[1] + 0.5)
    assert [s.index for s in clip.shots] == [0, 1, 2]
    np.testing.assert_allclose([s.overlap_s for s in clip.shots], [0.75, ends[1] - ends[0], 0.5], atol=1e-12)
    assert embedded.clip("a", 0.0, ends[0]).shots == (ClipShot(0, ends[0]),)  # half-open: the next is not touched


def test_a_clip_of_one_shot_is_that_shot(embedded: Catalog) -> None:
    starts, ends = embedded.spans("a")
    np.testing.assert_allclose(embedded.clip("a", starts[2], ends[2]).embedding("run"), [0.5**0.5, 0.5**0.5], atol=1e-7)


def test_shots_count_by_the_seconds_they_share(embedded: Catalog) -> None:
    _, ends = embedded.spans("a")
    length = ends[1] - ends[0]
    pooled = embedded.clip("a", ends[0] - 3 * length, ends[1]).embedding("run")
    np.testing.assert_allclose(pooled, np.array([3, 1]) / 10**0.5, atol=1e-6)
    assert pooled.dtype == np.float32


def test_a_title_has_its_own_vector_and_its_shots(embedded: Catalog) -> None:
    title = embedded.title("a")
    np.testing.assert_array_equal(title.embedding("run"), TITLE)
    assert title.record.n_shots == len(title.shots) == 4


def test_features_pool_over_the_shots_that_have_them(embedded: Catalog) -> None:
    rows, (starts, ends) = embedded.features("a"), embedded.spans("a")
    for modality, vectors in rows.vectors.items():
        mean = ((ends - starts) * rows.present[modality]) @ vectors.astype(np.float64)
        np.testing.assert_allclose(embedded.title("a").embedding(modality), mean / np.linalg.norm(mean), atol=1e-6)
    with pytest.raises(CatalogError, match=r"No shot of a \[.* has text"):
        embedded.clip("a", starts[2], ends[2]).embedding("text")


def test_a_model_may_be_named_in_many_ways(embedded: Catalog, tmp_path: Path) -> None:
    wanted = embedded.clip("a", 0, 2).embedding("run")
    folder = tmp_path / "run"
    folder.mkdir()
    named = tmp_path / "elsewhere"
    named.mkdir()
    (named / "config.json").write_text(json.dumps({"name": "run"}))
    for model in (str(folder), folder, named, str(named), f"{folder}/", SimpleNamespace(name="run")):
        np.testing.assert_array_equal(embedded.clip("a", 0, 2).embedding(model), wanted)
    (named / "config.json").write_text("not json")
    for model, kind in ((named, CatalogError), ("walk", CatalogError), (SimpleNamespace(name="walk"), CatalogError)):
        with pytest.raises(kind, match=r"it has run.*mediafm embed"):
            embedded.clip("a", 0, 2).embedding(model)
    with pytest.raises(UsageError, match="SimpleNamespace does not name"):
        embedded.title("a").embedding(SimpleNamespace())


def test_clips_outside_the_title_are_refused_with_its_range(embedded: Catalog) -> None:
    end = embedded.title_record("a").duration_s
    nan, inf = float("nan"), float("inf")
    for span in ((2, 1), (1, 1), (nan, 1), (0, nan), (0, inf), (-1, 1), (0, end + 0.5), (end, end + 0.0005)):
        with pytest.raises(UsageError, match=f"Title a runs from 0 to {end:.3f} s"):
            embedded.clip("a", *span)
    assert len(embedded.clip("a", -0.0004, end + 0.0004).shots) == 4
    with pytest.raises(CatalogError, match="no title 'b'"):
        embedded.clip("b", 0, 1)
    with pytest.raises(CatalogError, match="no title 'b'"):
        embedded.title("b")


def test_vectors_that_cancel_out_have_no_direction(embedded: Catalog) -> None:
    embedded.write_embeddings("run", "a", SHOTS * 0, TITLE)
    with pytest.raises(CatalogError, match="cancel out"):
        embedded.clip("a", 0, 1).embedding("run")
