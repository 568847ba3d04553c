"""A probe and a search on the real catalog: what the fake one stands for elsewhere."""

from fractions import Fraction

import numpy as np
import pytest

from mediafm.probes import load_task, run_probe
from mediafm.search import search
from mediafm.types import Features, Shot
from probes.fake_catalog import unit

catalog_package = pytest.importorskip("mediafm.catalog")


@pytest.fixture
def catalog(tmp_path):
    c, rng = catalog_package, np.random.default_rng(0)
    encoders = {m: c.EncoderSpec(m, 6, f"{m}-1") for m in ("video", "text")}
    catalog = c.Catalog.create(tmp_path / "catalog", c.CatalogSpec("test", "fixed", encoders))
    catalog.add_embedding_set(c.EmbeddingSetSpec("run", "print", "title", 4))
    with catalog.batch_writer() as batch:
        for number in range(6):
            shots = [
                c.ShotRecord.from_shot(Shot(i, 2 * i, 2 * i + 2, 0, 0), Fraction(1), text=f"line {i} of {number}")
                for i in range(12)
            ]
            features = Features(
                {m: unit(rng.normal(size=(12, 6))) for m in encoders}, {m: np.ones(12, dtype=bool) for m in encoders}
            )
            with batch.writer(f"t{number}") as writer:
                writer.append(shots, features, {})
                writer.commit(c.TitleRecord(title_id=f"t{number}", time_base=Fraction(1), end_pts=24), None)
    for number in range(6):
        context = rng.normal(size=(12, 4)).astype(np.float32)
        context[:, 0] += 4 * (np.arange(12) % 2)
        catalog.write_embeddings("run", f"t{number}", context, context.mean(axis=0))
    return catalog


def test_probe_and_search(tmp_path, catalog):
    (tmp_path / "labels.csv").write_text(
        "title,start,end,odd\n" + "\n".join(f"t{t},{2 * i},{2 * i + 2},{i % 2}" for t in range(6) for i in range(12))
    )
    (tmp_path / "task.toml").write_text(
        'name = "odd"\nkind = "binary"\nunit = "shot"\nlabels = "labels.csv"\n[split]\ntest = ["t4", "t5"]\n'
    )
    rows = {row.features: row for row in run_probe(catalog, load_task(tmp_path / "task.toml")).rows}
    assert rows["run"].score > 0.9 > rows["concat"].score
    (hit,) = search(catalog, "line 7 of 3", k=1)
    assert (hit.title, hit.first_shot, hit.start_s) == ("t3", 7, 14)
    assert all(hit.first_shot % 2 == 1 for hit in search(catalog, like="t0#1", k=5))
