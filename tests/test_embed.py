from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from fake_catalog import DIMS, FakeCatalog
from mediafm.catalog import Catalog, CatalogSpec, EncoderSpec, ShotRecord, TitleRecord, TitleSource
from mediafm.config import load_recipe
from mediafm.embed import Embedder, blend, embed
from mediafm.errors import MismatchError, UsageError
from mediafm.fusion import FusionStats, fuse
from mediafm.model import Checkpoint
from mediafm.sequences import FeatureCache, windows
from mediafm.train import pretrain
from mediafm.types import Features, Shot
from object_storage import BUCKET, reaching, s3_server

SETTINGS = [
    *("model.hidden=32", "model.layers=2", "model.heads=2", "model.max_shots=40", "data.window=40"),
    *("optimizer.rate=0.01", "optimizer.adamw_rate=0.01", "schedule.epochs=40", "schedule.evaluate_every=40"),
]


def store(fake: FakeCatalog, folder: Path | str, fingerprint: str = "") -> Catalog:
    """The same titles in a real catalog, a shot a second."""
    encoders = {m: EncoderSpec(f"fake-{m}", dim, fingerprint or m, "MIT") for m, dim in DIMS.items()}
    catalog = Catalog.create(folder, CatalogSpec("fake", "none", encoders))
    for title, features in fake.held.items():
        n = len(features)
        shots = [ShotRecord.from_shot(Shot(i, i, i + 1, i, i + 1), Fraction(1)) for i in range(n)]
        with catalog.writer(title) as writer:
            writer.append(shots, features)
            writer.commit(TitleRecord(title_id=title, time_base=Fraction(1), end_pts=n), fake.globals[title])
    return catalog


@pytest.fixture(scope="module")
def fake() -> FakeCatalog:
    return FakeCatalog(titles=8, shots=100)


@pytest.fixture(scope="module")
def catalog(fake: FakeCatalog, tmp_path_factory) -> Catalog:
    return store(fake, tmp_path_factory.mktemp("stored") / "catalog")


@pytest.fixture(scope="module")
def run(catalog: Catalog, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "tiny-run"
    pretrain(catalog, out, load_recipe("tiny", [*SETTINGS, "model.readout=last"]))
    return out


def cut(features: Features, start: int, stop: int) -> Features:
    return Features(
        {m: v[start:stop] for m, v in features.vectors.items()}, {m: p[start:stop] for m, p in features.present.items()}
    )


def cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a * b).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)


def test_the_real_catalog_trains_as_the_fake_one(fake: FakeCatalog, catalog: Catalog) -> None:
    assert FeatureCache.open(catalog).fingerprint == FeatureCache.open(fake).fingerprint


@pytest.mark.slow
def test_object_storage_gives_the_same_bytes(fake: FakeCatalog, run: Path, tmp_path: Path) -> None:
    catalog = store(fake, str(tmp_path / "catalog"))
    with s3_server() as server, reaching(server):
        remote = store(fake, f"s3://{BUCKET}/catalog")
        assert FeatureCache.open(remote).fingerprint == FeatureCache.open(catalog).fingerprint
        embed(remote, run, name="same")
        embed(catalog, run, name="same")
        for title in catalog.title_ids():
            assert np.array_equal(remote.embeddings("same", title), catalog.embeddings("same", title))
            assert np.array_equal(remote.title_embedding("same", title), catalog.title_embedding("same", title))
        assert remote.verify() == [] and remote.missing_embeddings("same") == []


def test_a_short_title_is_one_forward_pass(fake: FakeCatalog, run: Path) -> None:
    checkpoint = Checkpoint.load(run)
    features, glob = cut(fake.held["t01"], 0, 40), fake.globals["t01"]
    shots, title = Embedder(checkpoint).embed(features, glob, "title")
    fused, _ = fuse(features, FusionStats.from_arrays(checkpoint.fusion_arrays, checkpoint.fusion_meta))
    with torch.inference_mode():
        output = checkpoint.model(torch.from_numpy(fused)[None], None, None, torch.from_numpy(glob)[None])
    np.testing.assert_array_equal(shots, output.context_BSH[0].numpy())
    np.testing.assert_allclose(title, shots.mean(axis=0), atol=1e-6)


def test_windows_leave_no_seams(fake: FakeCatalog, run: Path) -> None:
    """Vectors hardly depend on where the windows lie; from shot to shot they change fifty times as much."""
    embedder = Embedder(Checkpoint.load(run))
    distances = []
    for title, features in fake.held.items():
        whole, _ = embedder.embed(features, fake.globals[title], "title")
        shifted, _ = embedder.embed(cut(features, 7, 100), fake.globals[title], "title")
        distances.append(1 - cosine(whole[7:], shifted)[20:-20])  # the ends have lost true context
    middle = np.concatenate(distances)
    assert np.quantile(middle, 0.99) < 0.02
    assert middle.mean() < 0.02 * np.mean(1 - cosine(whole[1:], whole[:-1]))


def test_blending_returns_what_all_windows_agree_on() -> None:
    truth = np.random.default_rng(0).normal(size=(130, 5)).astype(np.float32)
    cuts = windows(130, 40, 20)
    np.testing.assert_allclose(blend(cuts, np.concatenate([truth[a:b] for a, b in cuts])), truth, atol=1e-6)


def test_without_context_a_shot_knows_only_itself(fake: FakeCatalog, run: Path) -> None:
    embedder = Embedder(Checkpoint.load(run))
    features = fake.held["t00"]
    shots, title = embedder.embed(features, fake.globals["t00"], "none")
    part, _ = embedder.embed(cut(features, 30, 35), None, "none")
    np.testing.assert_allclose(part, shots[30:35], atol=1e-5)
    np.testing.assert_allclose(title, shots.mean(axis=0), atol=1e-5)
    in_context, _ = embedder.embed(features, fake.globals["t00"], "title")
    assert np.abs(in_context - shots).max() > 0.1


def test_beside_keeps_the_shot_itself(fake: FakeCatalog, tmp_path) -> None:
    out = tmp_path / "run"
    pretrain(fake, out, load_recipe("tiny", [*SETTINGS, "model.readout=shot,last", "schedule.epochs=1"]))
    checkpoint = Checkpoint.load(out)
    features = fake.held["t00"]
    shots, title = Embedder(checkpoint).embed(features, None, "title")
    fused, _ = fuse(features, FusionStats.from_arrays(checkpoint.fusion_arrays, checkpoint.fusion_meta))
    assert shots.shape == (100, checkpoint.config.readout_dim()) == (100, 20 + 32)
    assert title.shape == (52,)
    np.testing.assert_allclose(np.linalg.norm(shots, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(shots[:, :20] * 2**0.5, fused, atol=1e-6)


def test_sets_stand_side_by_side_and_embedding_again_does_nothing(catalog: Catalog, run: Path) -> None:
    first = embed(catalog, run)
    assert (first.embedding_set, first.titles, first.shots) == ("tiny-run", 8, 800)
    alone = embed(catalog, run, context="none")
    assert alone.embedding_set == "tiny-run-none"
    assert embed(catalog, run).titles == 0
    assert [s.name for s in catalog.embedding_sets()] == ["tiny-run", "tiny-run-none"]
    stored = catalog.embeddings("tiny-run", "t05")
    expected, title = Embedder(Checkpoint.load(run)).embed(
        catalog.features("t05"), catalog.global_vector("t05"), "title"
    )
    np.testing.assert_array_equal(stored, expected)
    np.testing.assert_array_equal(catalog.title_embedding("tiny-run", "t05"), title)
    clip = catalog.clip("t05", 12.5, 20.0).embedding(run)
    assert clip.shape == (32,)


def test_a_name_stands_for_one_checkpoint(catalog: Catalog, run: Path) -> None:
    checkpoint = Checkpoint.load(run, name="mine")
    assert embed(catalog, checkpoint).embedding_set == "mine"
    with torch.no_grad():
        checkpoint.model.cls += 1
    with pytest.raises(MismatchError, match="mine"):
        embed(catalog, checkpoint)
    assert embed(catalog, checkpoint, replace=True).titles == 8
    assert embed(catalog, checkpoint, name="other").embedding_set == "other"


def test_features_of_other_encoders_are_refused(fake: FakeCatalog, run: Path, tmp_path) -> None:
    stranger = store(FakeCatalog(titles=1), tmp_path / "catalog", fingerprint="new")
    with pytest.raises(MismatchError, match=r"fake-text \(dim 8, fingerprint text\).*fingerprint new"):
        embed(stranger, run)
    assert stranger.embedding_sets() == []


def test_unknown_context_is_refused(catalog: Catalog, run: Path) -> None:
    with pytest.raises(UsageError, match="title, past or none"):
        embed(catalog, run, context="window")  # type: ignore[arg-type]


def test_the_past_is_what_a_title_that_ends_there_would_give(fake: FakeCatalog, run: Path) -> None:
    for readout in (("last",), ("shot", "layers"), ("masked", "predicted")):
        embedder = Embedder(Checkpoint.load(run), readout)
        title = next(iter(fake.held))
        features, known = fake.held[title], fake.globals[title]
        past_SR, title_R = embedder.embed(features, known, "past")
        np.testing.assert_allclose(title_R, past_SR.mean(axis=0), atol=1e-6)
        for shot in (0, 1, 17, 39, 40, 99):
            first = max(0, shot + 1 - 40)  # the model's longest sequence
            if "masked" in readout:
                continue
            alone_SR, _ = embedder.embed(cut(features, first, shot + 1), known, "title")
            np.testing.assert_allclose(past_SR[shot], alone_SR[-1], atol=1e-5)
        # The law that lets a live title keep its vectors: what follows changes nothing.
        for n in (1, 30, 70):
            shorter_SR, _ = embedder.embed(cut(features, 0, n), known, "past")
            np.testing.assert_allclose(shorter_SR, past_SR[:n], atol=1e-5)
        np.testing.assert_allclose(embedder.embed_past(features, known, first=60), past_SR[60:], atol=1e-5)


def test_a_title_that_goes_on_keeps_its_vectors(fake: FakeCatalog, run: Path, tmp_path: Path) -> None:
    title = next(iter(fake.held))
    features, known = fake.held[title], fake.globals[title]
    encoders = {m: EncoderSpec(f"fake-{m}", dim, m, "MIT") for m, dim in DIMS.items()}
    catalog = Catalog.create(tmp_path / "catalog", CatalogSpec("fake", "none", encoders))
    shots = [ShotRecord.from_shot(Shot(i, i, i + 1, i, i + 1), Fraction(1)) for i in range(len(features))]
    with catalog.live_writer(title, TitleSource("event.ts", "")) as writer:
        held = np.zeros((0, 32), np.float32)
        for start, stop in ((0, 50), (50, 53), (53, 100)):
            writer.append(shots[start:stop], cut(features, start, stop))
            record = TitleRecord(title_id=title, time_base=Fraction(1), end_pts=stop, extra={"live": {"shown": stop}})
            writer.show(record, known)  # type: ignore[attr-defined]
            assert embed(catalog, run, context="past").shots == stop - start
            assert embed(catalog, run, context="past").shots == 0
            now = catalog.embeddings(f"{run.name}-past", title)
            np.testing.assert_array_equal(now[: len(held)], held)
            held = now
    assert len(held) == 100
    whole_SR, title_R = Embedder(Checkpoint.load(run)).embed(features, known, "past")
    np.testing.assert_allclose(held, whole_SR, atol=1e-5)
    np.testing.assert_allclose(catalog.title_embedding(f"{run.name}-past", title), title_R, atol=1e-5)
