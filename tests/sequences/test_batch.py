from pathlib import Path

import numpy as np
import pytest

from fake_catalog import FakeCatalog
from mediafm.config import MaskingRecipe
from mediafm.fusion import FusionSpec, FusionStats, fuse
from mediafm.sequences import FeatureCache, ShotMasker, Span, collate, plan_steps, training_spans


@pytest.fixture
def catalog() -> FakeCatalog:
    return FakeCatalog(titles=6, shots=90)


@pytest.fixture
def cache(catalog: FakeCatalog, tmp_path: Path) -> FeatureCache:
    return FeatureCache.open(catalog, tmp_path)


def fit(cache: FeatureCache, centring: str = "standard") -> FusionStats:
    return FusionStats.fit(cache.iter_features(cache.wholes(cache.title_ids)), FusionSpec(cache.dims, centring))


@pytest.mark.parametrize("centring", ["none", "mean", "standard"])
def test_a_batch_is_its_sequences_under_each_other(cache: FeatureCache, centring: str) -> None:
    stats = fit(cache, centring)
    spans = [Span("t00", 0, 10), Span("t02", 3, 30), Span("t05", 89, 90)]
    batch = collate(cache, stats, spans)
    assert batch.spans == tuple(spans)
    assert batch.shots == 38
    assert batch.lengths_B.tolist() == [10, 27, 1]
    assert batch.owner_N.tolist() == [0] * 10 + [1] * 27 + [2]
    assert batch.blocks == (12, 8)
    assert batch.fused_ND.dtype == np.float32
    for row, span in enumerate(spans):
        fused, present = fuse(cache.features(span.title, span.start, span.stop), stats)
        own = batch.owner_N == row
        np.testing.assert_array_equal(batch.fused_ND[own], fused)
        np.testing.assert_array_equal(batch.present_NM[own], present)
        np.testing.assert_array_equal(batch.times_N2[own], cache.times(span))


def test_metadata_is_zero_where_unknown(cache: FeatureCache, catalog: FakeCatalog) -> None:
    batch = collate(cache, fit(cache), [Span("t00", 0, 10), Span("t02", 3, 30)])
    assert batch.global_BG.shape == (2, 8)
    assert (batch.global_BG[0] == catalog.globals["t00"]).all()
    assert not batch.global_BG[1].any()


def test_a_shot_without_features_is_not_real(catalog: FakeCatalog, tmp_path: Path) -> None:
    for modality in ("video", "text"):
        catalog.held["t01"].present[modality][4] = False
        catalog.held["t01"].vectors[modality][4] = 0
    cache = FeatureCache.open(catalog, tmp_path)
    batch = collate(cache, fit(cache), [Span("t00", 0, 3), Span("t01", 2, 9)])
    assert np.flatnonzero(~batch.real_N).tolist() == [3 + 2]
    assert not batch.fused_ND[5].any()


def test_any_step_can_be_made_without_those_before_it(cache: FeatureCache) -> None:
    """What `--resume` in mid-epoch rests on: a step follows from seed, epoch and number alone."""
    stats, masker = fit(cache), ShotMasker(MaskingRecipe(modality=0.3, modality_dropout=0.3))

    def step(number: int) -> list[bytes]:
        rng = np.random.default_rng([0, 3])
        steps = plan_steps(training_spans(cache.wholes(cache.title_ids), 40, rng), 150, 64, rng)
        batches = [collate(cache, stats, spans) for spans in steps[number]]
        masked = [masker.apply(batch, 0.5, [0, 1, number]) for batch in batches]
        return [
            b.fused_ND.tobytes() + m.fused_ND.tobytes() + m.masked_N.tobytes()
            for b, m in zip(batches, masked, strict=True)
        ]

    in_order = [step(number) for number in range(3)]
    assert step(2) == in_order[2]
    assert in_order[0] != in_order[1]
