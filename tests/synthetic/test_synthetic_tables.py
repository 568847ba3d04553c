"""A feature catalogue written as tables comes back from a catalog as it was drawn."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from mediafm.catalog import Catalog
from mediafm.catalog.importing import import_features
from mediafm.synthetic import SyntheticFeatures, write_features
from mediafm.synthetic.features import tables
from mediafm.types import MODALITIES


def test_tables_import_as_the_titles_they_were_written_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "TITLES_AT_ONCE", 2)  # so that five titles are three batches
    drawn = SyntheticFeatures(seed=3, titles=5, shots=(20, 40))
    write_features(tmp_path / "tables", drawn)
    shots = tmp_path / "tables" / "shots.parquet"
    summary = import_features(shots, None, tmp_path / "catalog", {m: m for m in MODALITIES})
    assert (summary.titles_ok, summary.titles_failed) == (5, 0)
    catalog = Catalog.open(tmp_path / "catalog")
    labels = pq.read_table(tmp_path / "tables" / "labels.parquet")
    for title in drawn:
        stored = catalog.features(title.title_id)
        for modality in MODALITIES:
            assert np.array_equal(stored.present[modality], title.features.present[modality])
            assert np.allclose(stored.vectors[modality], title.features.vectors[modality], atol=1e-3)
        rows = np.asarray(labels["title"]) == title.title_id
        assert np.allclose(np.asarray(labels["end"])[rows], title.end_s)
        truth = np.column_stack([np.asarray(labels[name])[rows] for name in title.world.law.labels])
        assert np.array_equal(truth, title.labels)
        assert np.array_equal(np.asarray(labels["scene_start"])[rows], title.scene_start)
