from types import SimpleNamespace

import numpy as np
import pytest
import torch

from fake_catalog import FakeCatalog
from mediafm.config import RunRecipe
from mediafm.fusion import FusionSpec, FusionStats
from mediafm.model import ShotTransformer, ShotTransformerConfig
from mediafm.sequences import FeatureCache
from mediafm.train import Validation, trivial_distances
from mediafm.train.distributed import World
from mediafm.train.runtime import make_runtime

ALONE = World(0, 1, torch.device("cpu"))


def unit(*degrees: float) -> np.ndarray:
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def test_trivial_predictors_on_a_known_sequence() -> None:
    fused = unit(0, 60, 0, 90)
    hidden = np.array([False, True, False, False])
    found = trivial_distances(fused, hidden)
    mean = unit(0, 0, 90).mean(axis=0)
    expected = 1 - mean @ fused[1] / np.linalg.norm(mean)
    assert found["title_mean"] == pytest.approx([expected], abs=1e-6)
    assert found["previous"] == pytest.approx([0.5], abs=1e-6)  # 60 degrees apart
    assert found["neighbours"] == pytest.approx([0.5], abs=1e-6)


def test_trivial_predictors_at_the_ends_and_alone() -> None:
    ends = trivial_distances(unit(0, 90, 30), np.array([True, False, True]))
    assert ends["previous"] == pytest.approx([1.0, 0.5], abs=1e-6)
    assert ends["neighbours"] == pytest.approx([1.0, 0.5], abs=1e-6)
    alone = trivial_distances(unit(0), np.array([True]))
    assert all(d == pytest.approx([1.0]) for d in alone.values())


def make(window: int) -> tuple[FeatureCache, Validation, ShotTransformer]:
    cache = FeatureCache.open(FakeCatalog(titles=5, shots=37))
    stats = FusionStats.fit(cache.iter_features(cache.wholes(cache.title_ids)), FusionSpec(cache.dims, "mean"))
    model = ShotTransformer(ShotTransformerConfig((12, 8), 8, 16, 1, 2, max_shots=64, dropout=0.5)).train()
    return (
        cache,
        Validation(cache, stats, cache.wholes(["t00", "t03"]), window, 100, World(0, 1, torch.device("cpu"))),
        model,
    )


def test_every_shot_is_scored_once_at_masks_that_never_change() -> None:
    _, validation, model = make(window=64)
    assert validation.shots == 74
    runtime = make_runtime(RunRecipe(device="cpu"))
    first = validation.evaluate(model, runtime, ALONE)
    assert model.training  # left as it came, and dropout was off:
    assert validation.evaluate(model, runtime, ALONE) == first
    _, again, _ = make(window=64)
    assert again.evaluate(model, runtime, ALONE) == first
    assert again.trivial == validation.trivial


def test_a_perfect_predictor_is_at_zero() -> None:
    _, validation, _ = make(window=64)

    class Oracle(torch.nn.Module):
        """Sees through the mask."""

        def encode(self, fused, lengths, masked, glob, times):
            return SimpleNamespace(shots_NH=fused)

        head = torch.nn.Identity()

    assert validation.evaluate(Oracle(), make_runtime(RunRecipe(device="cpu")), ALONE) == pytest.approx(0, abs=1e-6)


def test_long_titles_are_measured_in_windows() -> None:
    _, validation, _ = make(window=10)
    assert validation.shots == 74
    assert set(validation.trivial) == {"title_mean", "previous", "neighbours"}
