import json
from pathlib import Path

import numpy as np
import pytest
import torch
from huggingface_hub import RepoUrl
from safetensors.torch import load_file, save_file

from mediafm.errors import MediafmError
from mediafm.model import Checkpoint, ShotTransformer, ShotTransformerConfig

CONFIG = ShotTransformerConfig(blocks=(10,), global_dim=6, hidden=16, layers=1, heads=2, max_shots=8)


@pytest.fixture
def checkpoint() -> Checkpoint:
    encoder = {"name": "x", "dim": 10, "fingerprint": "f", "licence": "MIT"}
    origin = {
        "catalog": {"fingerprint": "c" * 64, "titles": 3, "shots": 99},
        "encoders": {"video": encoder},
        "recipe": {"model": {"hidden": 16}},
        "seed": 0,
        "steps": 7,
    }
    metrics = {"msm": 0.5, "trivial": {"title_mean": 0.7, "previous": 0.8, "neighbours": 0.75}}
    arrays = {"video.mean": np.arange(10.0), "video.count": np.array([3])}
    model = ShotTransformer(CONFIG, torch.Generator().manual_seed(3)).eval()
    return Checkpoint(model, {"centring": "mean", "dims": {"video": 10}}, arrays, origin, metrics, "mine")


def test_loaded_equals_saved(checkpoint: Checkpoint, tmp_path) -> None:
    loaded = Checkpoint.load(checkpoint.save(tmp_path / "run"))
    fused = torch.randn(2, 5, 10, generator=torch.Generator().manual_seed(0))
    assert torch.equal(loaded.model(fused).predicted_BSD, checkpoint.model(fused).predicted_BSD)
    assert loaded.config == CONFIG
    assert loaded.fingerprint == checkpoint.fingerprint
    assert loaded.fusion_meta == checkpoint.fusion_meta
    assert {k: v.tolist() for k, v in loaded.fusion_arrays.items()} == {
        k: v.tolist() for k, v in checkpoint.fusion_arrays.items()
    }
    assert (loaded.origin, loaded.metrics) == (checkpoint.origin, checkpoint.metrics)
    assert loaded.name == "run"
    assert not list((tmp_path / "run").glob("*.tmp"))


def test_model_alone_follows_the_hub_conventions(checkpoint: Checkpoint, tmp_path) -> None:
    folder = checkpoint.model.save_pretrained(tmp_path / "model")
    assert sorted(p.name for p in folder.iterdir()) == ["README.md", "config.json", "model.safetensors"]
    loaded = ShotTransformer.from_pretrained(folder)
    assert not loaded.training
    for name, tensor in checkpoint.model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor)
    assert (folder / "README.md").read_text().startswith("---\nlibrary_name: mediafm\n")


def test_fingerprint_follows_weights_fusion_and_config(checkpoint: Checkpoint) -> None:
    before = checkpoint.fingerprint
    assert Checkpoint(checkpoint.model, checkpoint.fusion_meta, checkpoint.fusion_arrays).fingerprint == before
    assert Checkpoint(checkpoint.model, {"centring": "none"}, checkpoint.fusion_arrays).fingerprint != before
    with torch.no_grad():
        checkpoint.model.cls[0] += 1
    assert checkpoint.fingerprint != before


def test_the_picture_travels_with_the_checkpoint(checkpoint: Checkpoint, tmp_path) -> None:
    checkpoint.save(tmp_path / "run")
    assert "loss.png" not in (tmp_path / "run" / "README.md").read_text()
    (tmp_path / "run" / "loss.png").write_bytes(b"picture")
    loaded = Checkpoint.load(tmp_path / "run")
    loaded.write_card(tmp_path / "run")
    assert "(loss.png)" in (tmp_path / "run" / "README.md").read_text()
    copy = loaded.save(tmp_path / "copy")
    assert (copy / "loss.png").read_bytes() == b"picture"
    assert "(loss.png)" in (copy / "README.md").read_text()
    assert loaded.fingerprint == checkpoint.fingerprint


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "fusion.safetensors", "origin.json"])
def test_missing_and_damaged_files_are_named(checkpoint: Checkpoint, tmp_path, name: str) -> None:
    path = checkpoint.save(tmp_path) / name
    content = path.read_bytes()
    path.unlink()
    with pytest.raises(MediafmError, match=name):
        Checkpoint.load(tmp_path)
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(MediafmError, match=name):
        Checkpoint.load(tmp_path)


def test_loading_is_strict(checkpoint: Checkpoint, tmp_path) -> None:
    weights_path = checkpoint.save(tmp_path) / "model.safetensors"
    weights = load_file(weights_path)
    for change in (
        {k: v for k, v in weights.items() if k != "cls"},
        {**weights, "extra": torch.zeros(1)},
        {**weights, "cls": torch.zeros(17)},
    ):
        save_file(change, weights_path)
        with pytest.raises(MediafmError, match=r"cls|extra"):
            ShotTransformer.from_pretrained(tmp_path)


def test_files_of_two_runs_do_not_mix(checkpoint: Checkpoint, tmp_path) -> None:
    checkpoint.save(tmp_path)
    with torch.no_grad():
        checkpoint.model.cls[0] += 1
    checkpoint.model.save_pretrained(tmp_path)
    with pytest.raises(MediafmError, match="do not belong together"):
        Checkpoint.load(tmp_path)


def test_foreign_configs_are_refused(checkpoint: Checkpoint, tmp_path) -> None:
    path = checkpoint.save(tmp_path) / "config.json"
    config = json.loads(path.read_text())
    for change, words in (({"model_type": "bert"}, "not the config"), ({"glow": 1}, "glow"), ({"hidden": "x"}, "type")):
        path.write_text(json.dumps({**config, **change}))
        with pytest.raises(MediafmError, match=words):
            ShotTransformer.from_pretrained(tmp_path)


def test_no_checkpoint_there(tmp_path, monkeypatch) -> None:
    with pytest.raises(MediafmError, match="no checkpoint"):
        Checkpoint.load(tmp_path / "absent")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(MediafmError, match="hub did not give it"):
        Checkpoint.load("nobody/such-a-model")


def test_push_uploads_the_whole_folder(checkpoint: Checkpoint, monkeypatch) -> None:
    uploaded: dict[str, list[str]] = {}

    class Api:
        def __init__(self, token: str | None) -> None:
            assert token == "secret"

        def create_repo(self, repo_id: str, private: bool, exist_ok: bool) -> RepoUrl:
            assert private
            return RepoUrl(f"https://huggingface.co/{repo_id}")

        def upload_folder(self, repo_id: str, folder_path: Path, commit_message: str) -> None:
            uploaded[repo_id] = sorted(p.name for p in Path(folder_path).iterdir())

    monkeypatch.setattr("huggingface_hub.HfApi", Api)
    assert checkpoint.push_to_hub("me/mine", token="secret") == "https://huggingface.co/me/mine"
    files = ["README.md", "config.json", "fusion.safetensors", "model.safetensors", "origin.json"]
    assert uploaded == {"me/mine": files}
