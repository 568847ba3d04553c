"""Controls of a checkpoint, saved probes and their use on new titles, on the real catalog."""

import numpy as np
import pyarrow.parquet
import pytest
import torch

from mediafm.embed import Embedder, embed
from mediafm.errors import MediafmError, MismatchError, UsageError
from mediafm.model import Checkpoint, ShotTransformer
from mediafm.probes import run_probe
from mediafm.probes.bench import Bench
from mediafm.probes.in_context import make_model_vectors
from mediafm.probes.saved import SavedProbe
from mediafm.probes.tagging import tag
from mediafm.types import Features
from probes.odd_task import SHOTS, TITLES, task_of


def test_a_checkpoint_brings_its_controls_and_a_curve(tmp_path, catalog, checkpoint):
    result = run_probe(catalog, task_of(tmp_path, "clip"), models=[checkpoint], out=tmp_path / "out")
    names = [row.features for row in result.rows]
    controls = ["run", "run/no_global", "run/untrained", "run/own_hidden", "run/none", "run/alone"]
    assert names[-6:] == controls and names[:3] == ["chance", "concat", "metadata"]
    assert [point.radius for point in result.curve] == [0, 2, 8, 32, 128, None]
    by_name = {row.features: row.score for row in result.rows}
    assert result.curve[0].score == by_name["run/alone"] and result.curve[-1].score == by_name["run/no_global"]
    assert not any("--model" in note for note in result.notes)


def test_vectors_of_controls_are_what_they_are_called(tmp_path, catalog, checkpoint):
    (model,) = make_model_vectors(catalog, [checkpoint], catalog.content_version()).values()
    embedder, features = Embedder(checkpoint), catalog.features("t3")
    told = catalog.global_vector("t3")
    whole = embedder.embed(features, told, "title")[0]
    for name, expected in (
        ("run", whole),
        ("run/no_global", embedder.embed(features, None, "title")[0]),
        ("run/none", embedder.embed(features, None, "none")[0]),
        ("run/own_hidden", Embedder(checkpoint, ("masked",)).embed(features, told, "title")[0]),
    ):
        for _ in range(2):  # made, then read from disk
            ((shots, mean),) = model.by_title(name, ["t3"])
            np.testing.assert_allclose(shots, expected, atol=1e-6)
            np.testing.assert_allclose(mean, expected.mean(axis=0), atol=1e-6)
    ((untrained, _),) = model.by_title("run/untrained", ["t3"])
    assert np.abs(untrained - whole).max() > 0.1
    embed(catalog, checkpoint)
    ((_, stored, _),) = catalog.iter_embeddings("run", ["t3"])
    np.testing.assert_allclose(stored, whole, atol=1e-2)


def test_a_radius_shows_so_many_shots_and_no_more(catalog, checkpoint):
    embedder, features = Embedder(checkpoint), catalog.features("t0")
    near = embedder.embed_spans(features, [(5, 7)], 1)[0]
    part = Features({m: v[4:8] for m, v in features.vectors.items()}, {m: p[4:8] for m, p in features.present.items()})
    np.testing.assert_allclose(near, embedder.embed(part, None, "title")[0][1:3], atol=1e-6)
    alone = embedder.embed_spans(features, [(i, i + 1) for i in range(SHOTS)], 0)
    np.testing.assert_allclose(np.concatenate(alone), embedder.embed(features, None, "none")[0], atol=1e-6)
    long = embedder.embed_spans(features, [(0, SHOTS)], 3)[0]  # longer than the model's eight shots: in pieces
    assert long.shape == (SHOTS, 32) and np.isfinite(long).all()


def test_names_of_checkpoints_and_sets_may_not_clash(catalog, checkpoint):
    with pytest.raises(UsageError, match="Two checkpoints are called 'run'"):
        make_model_vectors(catalog, [checkpoint, checkpoint], None)
    other = ShotTransformer(checkpoint.config, torch.Generator().manual_seed(2))
    embed(catalog, Checkpoint(other, checkpoint.fusion_meta, checkpoint.fusion_arrays, checkpoint.origin, name="run"))
    with pytest.raises(MismatchError, match="embedding set 'run' is of another checkpoint"):
        make_model_vectors(catalog, [checkpoint], None)


def test_what_was_probed_is_not_probed_again(tmp_path, catalog, checkpoint, monkeypatch):
    task = task_of(tmp_path)
    first = run_probe(catalog, task, ["run"], models=[checkpoint], curve=False)
    monkeypatch.setattr(Bench, "_linear", lambda self, name: pytest.fail(f"{name} was fitted again"))
    again = run_probe(catalog, task, ["run"], models=[checkpoint], curve=False)
    drop = {"seconds"}
    assert first.model_dump(exclude=drop) == again.model_dump(exclude=drop)


@pytest.mark.parametrize("features", ["concat", "video", "run"])
def test_a_saved_probe_tags_titles_that_nobody_labelled(tmp_path, catalog, checkpoint, features):
    task = task_of(tmp_path)
    run_probe(catalog, task, [features], out=tmp_path / "out", models=[checkpoint], curve=False)
    saved = SavedProbe.load(tmp_path / "out" / "probes" / features)
    result = tag(catalog, saved, tmp_path / "tags.parquet", models=[checkpoint])
    table = pyarrow.parquet.read_table(tmp_path / "tags.parquet").to_pandas()
    assert result.titles == TITLES and len(table) == TITLES * SHOTS == result.examples
    new = table[table.title.isin(["t6", "t7"])]
    truth = new["shot"] % 2 == 1
    assert ((new.score > 0) & (new.score < 1)).all()
    if features != "run":  # the model is not trained: it may well know nothing
        assert new.score[truth].mean() > new.score[~truth].mean() + 0.2
    assert result.given["odd"] == int(table.given.sum())


def test_clips_are_tagged_by_spans_or_by_seconds(tmp_path, catalog):
    run_probe(catalog, task_of(tmp_path, "clip"), ["video"], out=tmp_path / "out")
    saved = SavedProbe.load(tmp_path / "out" / "probes" / "video")
    (tmp_path / "spans.csv").write_text("title,start,end,note\nt7,1,5,x\nt6,0,24,y\n")
    assert tag(catalog, saved, tmp_path / "a.csv", spans=tmp_path / "spans.csv").examples == 2
    assert (tmp_path / "a.csv").read_text().startswith('"title","shot","start_s"')
    every = tag(catalog, saved, tmp_path / "b.parquet", ["t7"], every_s=5)
    table = pyarrow.parquet.read_table(tmp_path / "b.parquet").to_pandas()
    assert every.examples == 4 and table.start_s.tolist() == [0, 6, 12, 18] and table.end_s.tolist()[-1] == 24
    for bad in ({}, {"spans": tmp_path / "spans.csv", "every_s": 5}):
        with pytest.raises(UsageError, match="speaks of clips"):
            tag(catalog, saved, tmp_path / "c.csv", **bad)
    with pytest.raises(UsageError, match="no title 't99'"):
        tag(catalog, saved, tmp_path / "c.csv", ["t99"], every_s=5)


def test_a_probe_is_not_used_on_other_vectors(tmp_path, catalog, checkpoint):
    run_probe(catalog, task_of(tmp_path), ["run"], out=tmp_path / "out", models=[checkpoint], curve=False)
    saved = SavedProbe.load(tmp_path / "out" / "probes" / "run")
    other = ShotTransformer(checkpoint.config, torch.Generator().manual_seed(5))
    changed = Checkpoint(other, checkpoint.fusion_meta, checkpoint.fusion_arrays, checkpoint.origin, name="run")
    with pytest.raises(MismatchError, match="was made by"):
        tag(catalog, saved, tmp_path / "tags.csv", models=[changed])
    with pytest.raises(UsageError, match="holds no saved probe"):
        SavedProbe.load(tmp_path / "nothing")
    (tmp_path / "out" / "probes" / "run" / "probe.json").write_text("{}")
    with pytest.raises(MediafmError, match="cannot be read"):
        SavedProbe.load(tmp_path / "out" / "probes" / "run")
