import numpy as np
import pytest

from fake_catalog import FakeCatalog
from mediafm.errors import CatalogError
from mediafm.fusion import FusionSpec, FusionStats, fuse
from mediafm.sequences import FeatureCache, Span, collate, encoder_facts


def make(centring: str = "mean") -> tuple[FeatureCache, FusionStats]:
    cache = FeatureCache(FakeCatalog(titles=4, shots=30))
    return cache, FusionStats.fit(cache.iter_features(cache.wholes(cache.title_ids)), FusionSpec(cache.dims, centring))


def test_cache_holds_what_the_catalog_gave() -> None:
    catalog = FakeCatalog(titles=4, shots=30)
    cache = FeatureCache(catalog)
    assert cache.title_ids == ["t00", "t01", "t02", "t03"]
    assert cache.lengths == dict.fromkeys(cache.title_ids, 30)
    assert cache.dims == {"video": 12, "text": 8}
    assert cache.global_dim == 8
    part = cache.features("t02", 5, 9)
    assert (part.vectors["video"] == catalog.held["t02"].vectors["video"][5:9]).all()
    assert (part.present["text"] == catalog.held["t02"].present["text"][5:9]).all()
    assert (cache.global_vector("t00") == catalog.globals["t00"]).all()
    assert not cache.global_vector("t02").any()  # no metadata


def test_fused_spans_are_slices_of_the_fused_title() -> None:
    cache, stats = make()
    whole = fuse(cache.features("t01"), stats)[0]
    np.testing.assert_array_equal(cache.fused(Span("t01", 7, 20), stats), whole[7:20])


def test_collate_pads_to_the_longest() -> None:
    cache, stats = make()
    batch = collate(cache, stats, [Span("t00", 0, 10), Span("t02", 3, 30)])
    assert batch.fused_BSD.shape == (2, 27, 20)
    assert batch.padding_BS.sum(axis=1).tolist() == [17, 0]
    assert not batch.fused_BSD[0, 10:].any()
    assert batch.shots == 37
    assert batch.global_BG.any(axis=1).tolist() == [True, False]


def test_fingerprint_follows_content() -> None:
    before = FeatureCache(FakeCatalog()).fingerprint
    assert FeatureCache(FakeCatalog()).fingerprint == before
    changed, renamed, other_global = FakeCatalog(), FakeCatalog(), FakeCatalog()
    changed.held["t03"].vectors["text"][2, 0] += 1
    renamed.held["new"] = renamed.held.pop("t03")
    renamed.globals["new"] = renamed.globals["t03"]
    other_global.globals["t02"] = np.ones(8, np.float32)
    fingerprints = {FeatureCache(c).fingerprint for c in (changed, renamed, other_global)}
    assert len(fingerprints | {before}) == 4


def test_an_empty_catalog_is_an_error_with_a_remedy() -> None:
    with pytest.raises(CatalogError, match="Ingest or import"):
        _ = FeatureCache(FakeCatalog(titles=0)).dims


def test_encoders_are_remembered_by_fingerprint() -> None:
    facts = encoder_facts(FakeCatalog())
    assert facts["text"] == {"name": "fake-text", "dim": 8, "fingerprint": "text", "licence": "MIT"}
