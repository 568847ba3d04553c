"""What `info RUN` says of runs in every state, and of folders that are none."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from fake_catalog import FakeCatalog
from mediafm.config import Recipe, load_recipe
from mediafm.errors import MediafmError, UsageError
from mediafm.model import Checkpoint
from mediafm.train import pretrain
from mediafm.train.summary import describe_run, run_info

KEYS = {
    "run", "name", "status", "fingerprint", "catalog", "encoders", "recipe", "model", "standing", "measures", "advice",
    "versions", "files", "bytes",
}  # fmt: skip


def recipe() -> Recipe:
    shape = ["model.hidden=32", "model.layers=1", "model.heads=2", "data.shots_per_step=256", "data.window=50"]
    return load_recipe("tiny", [*shape, "schedule.epochs=4", "schedule.evaluate_every=1", "data.validation_share=0.2"])


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "mine"
    pretrain(FakeCatalog(), out, recipe())
    return out


def test_a_finished_run(finished: Path) -> None:
    info = run_info(finished)
    checkpoint = Checkpoint.load(finished)
    assert set(info) == KEYS
    assert json.loads(json.dumps(info, allow_nan=False)) == info
    assert (info["name"], info["status"], info["fingerprint"]) == ("mine", "finished", checkpoint.fingerprint)
    assert info["catalog"] == {
        **checkpoint.origin["catalog"],
        "validation_shots": checkpoint.metrics["validation_shots"],
        "preset": "fake",
        "detector": "none",
    }
    assert info["encoders"]["video"]["licence"] == "MIT"
    assert info["recipe"]["nearest"] == "tiny"
    assert info["recipe"]["changes"]["schedule.epochs"] == {"here": 4, "packaged": load_recipe("tiny").schedule.epochs}
    assert info["model"]["parameters"] == sum(p.numel() for p in checkpoint.model.parameters())
    steps = max(json.loads(line)["step"] for line in (finished / "metrics.jsonl").read_text().splitlines())
    assert (info["standing"]["steps"], info["standing"]["finished"]) == (steps, True)
    assert info["standing"]["seconds"] > 0
    measures = info["measures"]
    assert (measures["msm"], measures["best_step"]) == (checkpoint.metrics["msm"], checkpoint.origin["steps"])
    assert measures["margin"] == pytest.approx(min(measures["trivial"].values()) - measures["msm"])
    assert measures["beats_trivial"] == (measures["margin"] > 0) == (not info["advice"])
    assert {"model.safetensors", "config.json", "README.md", "state", "loss.png"} <= set(info["files"])
    assert info["bytes"] == sum(p.stat().st_size for p in finished.rglob("*") if p.is_file())


def test_what_people_read(finished: Path) -> None:
    text = "\n".join(f"{label} {line}" for label, line in describe_run(run_info(finished)))
    for words in (
        "finished, ",
        "previous shot 0.",
        "shots of 8 titles",
        "preset fake",
        "licence MIT",
        "recipe tiny",
        "parameters",
    ):
        assert words in text, words
    assert "schedule.epochs = 4" in text


def test_a_stopped_run_and_one_that_only_began(tmp_path: Path) -> None:
    asked = iter(range(100))
    pretrain(FakeCatalog(), tmp_path / "run", recipe(), stop=lambda: next(asked) >= 2)
    info = run_info(tmp_path / "run")
    assert (info["status"], info["standing"]["steps"], info["standing"]["finished"]) == ("unfinished", 2, False)
    assert info["advice"] == []  # what is not over is not judged
    assert "unfinished, 2" in describe_run(info)[0][1] and "--resume" in describe_run(info)[0][1]

    with (tmp_path / "run" / "metrics.jsonl").open("a") as file:  # it runs on since its state was saved
        file.write('{"step": 9, "loss": 0.9}\n{"step": 10, "lo')
    assert run_info(tmp_path / "run")["standing"]["steps"] == 9

    begun = tmp_path / "begun"
    begun.mkdir()
    shutil.copy(tmp_path / "run" / "recipe.toml", begun)
    info = run_info(begun)
    assert set(info) == KEYS
    assert (info["status"], info["model"], info["measures"]["msm"]) == ("starting", None, None)
    assert "nothing measured yet" in describe_run(info)[0][1]


def test_a_downloaded_checkpoint_has_no_state(finished: Path, tmp_path: Path) -> None:
    Checkpoint.load(finished).save(tmp_path / "copy")
    info = run_info(tmp_path / "copy")
    assert set(info) == KEYS
    assert (info["status"], info["standing"]["steps"], info["standing"]["seconds"]) == ("checkpoint", None, None)
    assert info["measures"] == run_info(finished)["measures"]
    assert "a checkpoint" in describe_run(info)[0][1]


def test_a_recipe_of_another_version_is_shown_all_the_same(finished: Path, tmp_path: Path) -> None:
    checkpoint = Checkpoint.load(finished)
    checkpoint.origin["recipe"]["masking"]["glow"] = 0.5
    checkpoint.save(tmp_path / "copy")
    assert run_info(tmp_path / "copy")["recipe"]["changes"]["masking.glow"] == {"here": 0.5, "packaged": None}


def damage(name: str, content: bytes | None) -> Any:
    def apply(folder: Path) -> None:
        (folder / name).write_bytes((folder / name).read_bytes()[:50] if content is None else content)

    return apply


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (damage("model.safetensors", None), r"model\.safetensors cannot be read"),
        (damage("origin.json", b"{}"), r"origin\.json lacks"),
        (damage("config.json", b"{"), r"config\.json cannot be read"),
        (damage("state/state.json", b"[]"), r"state\.json is not the state of a run"),
        (damage("state/state.json", b"{"), r"state\.json cannot be read"),
        (damage("metrics.jsonl", b"nonsense\n"), r"metrics\.jsonl is damaged"),
        (lambda folder: (folder / "origin.json").unlink(), r"lacks origin\.json"),
    ],
)
def test_damage_is_named(finished: Path, tmp_path: Path, harm: Any, words: str) -> None:
    folder = tmp_path / "run"
    shutil.copytree(finished, folder)
    harm(folder)
    with pytest.raises(MediafmError, match=words) as caught:
        run_info(folder)
    assert caught.value.remedy


def test_folders_that_are_no_runs(tmp_path: Path) -> None:
    with pytest.raises(MediafmError, match="holds no pretraining run"):
        run_info(tmp_path)
    with pytest.raises(MediafmError, match="no checkpoint"):
        run_info(tmp_path / "nowhere")
    (tmp_path / "meta.lance").mkdir()
    with pytest.raises(UsageError, match="--catalog"):
        run_info(tmp_path)
