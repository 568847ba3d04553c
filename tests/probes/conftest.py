"""A small real catalog with metadata, and a checkpoint that fits it."""

from fractions import Fraction

import numpy as np
import pytest
import torch

from mediafm.catalog import Catalog, CatalogSpec, EncoderSpec, ShotRecord, TitleRecord
from mediafm.fusion import FusionSpec, FusionStats
from mediafm.model import Checkpoint, ShotTransformer, ShotTransformerConfig
from mediafm.sequences import encoder_facts
from mediafm.types import Features, Shot
from probes.fake_catalog import unit
from probes.odd_task import SHOTS, TITLES


@pytest.fixture
def catalog(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDIAFM_CACHE", str(tmp_path / "cache"))
    rng = np.random.default_rng(0)
    encoders = {m: EncoderSpec(m, 6, f"{m}-1") for m in ("video", "text")}
    catalog = Catalog.create(tmp_path / "catalog", CatalogSpec("test", "fixed", encoders))
    with catalog.batch_writer() as batch:
        for number in range(TITLES):
            shots = [ShotRecord.from_shot(Shot(i, 2 * i, 2 * i + 2, 0, 0), Fraction(1), text="x") for i in range(SHOTS)]
            video = rng.normal(size=(SHOTS, 6))
            video[:, 0] += 4 * (np.arange(SHOTS) % 2)
            features = Features(
                {"video": unit(video), "text": unit(rng.normal(size=(SHOTS, 6)))},
                {m: np.ones(SHOTS, dtype=bool) for m in encoders},
            )
            with batch.writer(f"t{number}") as writer:
                writer.append(shots, features, {})
                record = TitleRecord(title_id=f"t{number}", time_base=Fraction(1), end_pts=2 * SHOTS)
                writer.commit(record, rng.normal(size=6).astype(np.float32))
    return catalog


@pytest.fixture
def checkpoint(catalog):
    stats = FusionStats.fit((f for _, f in catalog.iter_features()), FusionSpec(dict(catalog.spec.dims), "mean"))
    config = ShotTransformerConfig((6, 6), 6, 16, 2, 2, max_shots=8, readout=("layers",))
    model = ShotTransformer(config, torch.Generator().manual_seed(1))
    origin = {"encoders": encoder_facts(catalog)}
    return Checkpoint(model, stats.to_meta(), stats.to_arrays(), origin, name="run")
