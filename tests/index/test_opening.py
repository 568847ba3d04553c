"""Indexes of real catalogs: what they hold, when they are written anew, what is not believed."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from catalog.catalog_samples import SPEC, features, record, shot_records, source, write
from index.index_samples import embed, stored, vectors
from mediafm.catalog import Catalog, EmbeddingSetSpec
from mediafm.errors import CatalogError, MismatchError, UsageError
from mediafm.fusion import FusionSpec, FusionStats, fuse
from mediafm.index import open_index


class Stages:
    """A Progress that counts titles and keeps the names of stages."""

    def __init__(self) -> None:
        self.stages: list[str] = []

    def start(self, stage: str, *_: object, **__: object) -> None:
        self.stages.append(stage)

    def advance(self, *_: object, **__: object) -> None: ...
    def note(self, text: str) -> None: ...
    def end(self, **_: object) -> None: ...


def test_an_embedding_set_is_its_unit_rows_title_by_title(catalog: Catalog) -> None:
    index = open_index(catalog, "run")
    assert index.titles == ["a", "b", "c"]
    assert index.starts.tolist() == [0, 5, 8, 19]
    assert (len(index), index.dim, index.name, index.fingerprint) == (19, 6, "run", "checkpoint-1:title")
    expected = stored(np.concatenate([vectors(5, 1), vectors(3, 0), vectors(11, 2)]))
    np.testing.assert_array_equal(index.rows(0, 19), expected)
    np.testing.assert_array_equal(index.rows(4, 9), expected[4:9])
    np.testing.assert_array_equal(index.encode(7 * expected[:3]), stored_unit(expected[:3]))


def stored_unit(rows: np.ndarray) -> np.ndarray:
    return (7 * rows) / np.linalg.norm(7 * rows, axis=1, keepdims=True)


@pytest.mark.parametrize("name", ["video", "text", "concat"])
def test_features_are_standardised_over_the_catalog(catalog: Catalog, name: str) -> None:
    dims = {m: d for m, d in SPEC.dims.items() if name in (m, "concat")}
    stats = FusionStats.fit((f for _, f in catalog.iter_features()), FusionSpec(dims, centring="standard"))
    fused = np.concatenate([fuse(f, stats)[0] for _, f in catalog.iter_features()])
    index = open_index(catalog, name)
    np.testing.assert_allclose(index.rows(0, 19), fused, atol=6e-4)
    raw = np.concatenate([np.concatenate([f.vectors[m] for m in dims], axis=1) for _, f in catalog.iter_features()])
    np.testing.assert_allclose(index.encode(raw), fused, atol=1e-6)
    assert index.fingerprint == "+".join(SPEC.encoders[m].fingerprint for m in dims)


def test_features_as_their_encoder_gave_them(catalog: Catalog) -> None:
    """What words are compared with: unit rows, nothing taken off, beside the index that is standardised."""
    index = open_index(catalog, "video", as_encoded=True)
    held = [f for _, f in catalog.iter_features()]
    raw = np.concatenate([f.vectors["video"].astype(np.float32) * f.present["video"][:, None] for f in held])
    norms = np.linalg.norm(raw, axis=1, keepdims=True)
    expected = raw / np.where(norms > 0, norms, 1)
    np.testing.assert_allclose(index.rows(0, 19), expected, atol=6e-4)
    assert not np.allclose(open_index(catalog, "video").rows(0, 19), expected, atol=0.1)
    scores = index.scores(expected[2])
    np.testing.assert_allclose(scores, np.where(norms[:, 0] > 0, expected @ expected[2], -np.inf), atol=1e-3)
    with pytest.raises(UsageError, match="no encoder's"):
        open_index(catalog, "run", as_encoded=True)


def test_it_is_built_once_and_again_where_a_title_changed(catalog: Catalog) -> None:
    stages = Stages()
    for _ in range(2):
        before = open_index(catalog, "run", stages)
    assert stages.stages == ["index"]
    old = before.rows(0, 19)
    write(catalog, "b", 4, seed=9)
    with pytest.raises(CatalogError, match=r"does not cover b as .*mediafm embed"):
        open_index(catalog, "run")
    embed(catalog, "b", seed=9)
    after = open_index(catalog, "run", stages)
    assert stages.stages == ["index"] * 2
    np.testing.assert_array_equal(after.rows(0, 5), old[:5])
    np.testing.assert_array_equal(after.rows(5, 9), stored(vectors(4, 9)))
    np.testing.assert_array_equal(after.rows(9, 20), old[8:])
    np.testing.assert_array_equal(before.rows(0, 19), old)  # who has it open goes on


def test_only_changed_titles_are_read_again(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    open_index(catalog, "run")
    write(catalog, "d", 2, seed=5)
    embed(catalog, "d", seed=5)
    asked: list[str] = []
    read = Catalog.iter_embeddings
    monkeypatch.setattr(Catalog, "iter_embeddings", lambda self, name, ids: asked.extend(ids) or read(self, name, ids))
    assert open_index(catalog, "run").starts.tolist() == [0, 5, 8, 19, 21]
    assert asked == ["d"]


def test_a_removed_title_is_gone(catalog: Catalog) -> None:
    open_index(catalog, "run")
    catalog.remove_title("a")
    assert open_index(catalog, "run").titles == ["b", "c"]
    assert open_index(catalog, "video").titles == ["b", "c"]


def test_another_checkpoint_under_the_name_shares_nothing(catalog: Catalog) -> None:
    open_index(catalog, "run")
    other = EmbeddingSetSpec("run", "checkpoint-2", "title", 6)
    catalog.add_embedding_set(other, replace=True)
    with pytest.raises(CatalogError, match="does not cover a, b, c"):
        open_index(catalog, "run")
    for seed, title in enumerate("abc"):
        embed(catalog, title, seed + 50, other)
    index = open_index(catalog, "run")
    assert index.fingerprint == "checkpoint-2:title"
    np.testing.assert_array_equal(index.rows(0, 5), stored(vectors(5, 50)))


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [flip_a_byte, Path.unlink, lambda path: os.truncate(path, path.stat().st_size - 1)])
@pytest.mark.parametrize("name", ["rows.f16", "codes.i8", "bounds.f32", "manifest.json", "stats.safetensors"])
def test_what_is_damaged_is_built_anew(
    catalog: Catalog, cache: Path, name: str, damage: Callable[[Path], None]
) -> None:
    expected = open_index(catalog, "video").rows(0, 19)
    damage(next(cache.rglob(name)))
    stages = Stages()
    np.testing.assert_array_equal(open_index(catalog, "video", stages).rows(0, 19), expected)
    assert stages.stages == ["index"]


def test_what_a_killed_build_left_is_cleared(catalog: Catalog, cache: Path) -> None:
    open_index(catalog, "run")
    (manifest,) = cache.rglob("manifest.json")
    unfinished = manifest.parent.rename(manifest.parent.parent / "unfinished")
    (unfinished / "manifest.json").unlink()
    assert len(open_index(catalog, "run")) == 19
    assert not unfinished.exists()
    assert len(list(cache.rglob("rows.f16"))) == 1


def test_a_cache_that_cannot_be_written_is_an_error_with_a_remedy(catalog: Catalog, cache: Path) -> None:
    cache.write_text("no folder")
    with pytest.raises(CatalogError, match=r"could not be written: Not a directory.*MEDIAFM_CACHE"):
        open_index(catalog, "run")


def test_wrong_use_is_told(catalog: Catalog, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no features 'rum'.*It has run, video, audio, text, concat"):
        open_index(catalog, "rum")
    with pytest.raises(CatalogError, match="holds no titles"):
        open_index(Catalog.create(tmp_path / "empty", SPEC), "video")
    index = open_index(catalog, "run")
    with pytest.raises(MismatchError, match="6 wide"):
        index.encode(np.ones((2, 5)))
    for query in (np.ones(5), np.full(6, np.nan), np.ones((1, 1, 6))):
        with pytest.raises(UsageError, match="cannot be compared with run"):
            index.nearest(query, 1)


def test_a_live_title_that_is_not_covered_yet_is_left_out(catalog: Catalog) -> None:
    with catalog.live_writer("now", source(1)) as writer:
        writer.append(shot_records(2), features(2, 1), {})
        writer.show(record("now", 2, extra={"live": {"shown": 1}}))
        assert open_index(catalog, "run").titles == ["a", "b", "c"]
        assert open_index(catalog, "video").starts.tolist() == [0, 5, 8, 19, 21]
        embed(catalog, "now", 3)
        assert open_index(catalog, "run").titles == ["a", "b", "c", "now"]
