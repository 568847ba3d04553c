import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch

from fake_catalog import FakeCatalog
from mediafm.config import load_recipe
from mediafm.errors import TrainingError, UsageError
from mediafm.model import Checkpoint
from mediafm.train import pretrain
from mediafm.train.metrics import read_metrics

SMALL = [
    "model.hidden=32",
    "model.layers=1",
    "model.heads=2",
    "data.shots_per_step=200",
    "data.micro_shots=100",
    "data.window=50",
]
SHORT = [*SMALL, "schedule.epochs=4", "schedule.evaluate_every=1", "run.save_every=3", "data.validation_share=0.2"]


def recipe(*more: str):
    return load_recipe("tiny", [*SHORT, *more])


def weights(folder: Path) -> list[bytes]:
    return [(folder / name).read_bytes() for name in ("model.safetensors", "origin.json", "fusion.safetensors")]


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "whole"
    pretrain(FakeCatalog(), out, recipe())
    return out


def test_learns_what_the_trivial_predictors_cannot_know(tmp_path) -> None:
    fast = ["optimizer.rate=0.01", "optimizer.adamw_rate=0.01", "schedule.epochs=40", "schedule.evaluate_every=10"]
    result = pretrain(FakeCatalog(titles=30), tmp_path / "run", recipe(*fast, "run.save_every=1000"))
    assert result.finished
    assert result.msm < min(result.trivial.values()) - 0.02


def test_a_run_leaves_a_whole_checkpoint_and_its_story(whole: Path) -> None:
    checkpoint = Checkpoint.load(whole)
    state = json.loads((whole / "state" / "state.json").read_text())
    assert checkpoint.name == "whole"
    assert checkpoint.metrics["msm"] == state["standing"]["best_msm"]
    assert set(checkpoint.metrics["trivial"]) == {"title_mean", "previous", "neighbours"}
    assert checkpoint.origin["encoders"]["video"]["fingerprint"] == "video"
    assert checkpoint.origin["steps"] == state["standing"]["best_step"]
    assert load_recipe(whole / "recipe.toml") == recipe()
    rows = read_metrics(whole)
    losses = [r["step"] for r in rows if "loss" in r]
    assert losses == list(range(1, state["standing"]["step"] + 1))
    assert next(r["step"] for r in rows if "msm" in r) == 0
    assert (whole / "loss.png").read_bytes().startswith(b"\x89PNG")
    assert list((whole / "tensorboard").iterdir())


@pytest.mark.parametrize("stops", [[0], [1, 2], [4, 9], [5, 6, 7, 11]])
def test_resumed_equals_uninterrupted_to_the_byte(whole: Path, tmp_path, stops: list[int]) -> None:
    out = tmp_path / "whole"  # the name stands in the card
    for i, last in enumerate(stops):
        result = pretrain(FakeCatalog(), out, recipe(), resume=i > 0, stop=at_step(out, last))
        assert not result.finished
    result = pretrain(FakeCatalog(), out, recipe(), resume=True)
    assert result.finished
    assert weights(out) == weights(whole)
    name = json.loads((out / "state" / "state.json").read_text())["tensors"]
    assert (out / "state" / name).read_bytes() == (whole / "state" / name).read_bytes()
    timeless = [[{k: v for k, v in r.items() if k != "shots_per_s"} for r in read_metrics(p)] for p in (out, whole)]
    assert timeless[0] == timeless[1]


OBJECTIVES = [
    ["objective.targets=average", "masking.modality=0.5"],
    ["objective.contrastive=0.4", "objective.loss=infonce"],
    ["objective.surround=0.5", "masking.final_share=0.5", "model.projection=late"],
    ["model.positions=time", "model.duration_input=true", "objective.loss=smooth_l1"],
]


@pytest.mark.parametrize("more", OBJECTIVES, ids=" ".join)
def test_any_recipe_resumes_to_the_byte(tmp_path, more: list[str]) -> None:
    folders = [tmp_path / name / "run" for name in ("whole", "stopped")]
    pretrain(FakeCatalog(), folders[0], recipe(*more))
    assert not pretrain(FakeCatalog(), folders[1], recipe(*more), stop=at_step(folders[1], 3)).finished
    assert pretrain(FakeCatalog(), folders[1], recipe(*more), resume=True).finished
    assert weights(folders[0]) == weights(folders[1])


def at_step(out: Path, last: int):
    """True once the run has taken `last` steps: asked before each step, from where its saved state stands."""
    marker = out / "state" / "state.json"
    asked = -1

    def stop() -> bool:
        nonlocal asked
        if asked < 0:
            asked = json.loads(marker.read_text())["standing"]["step"] - 1
        asked += 1
        return asked >= last

    return stop


def test_killed_at_any_write_resumes_to_the_same_bytes(whole: Path, tmp_path, monkeypatch) -> None:
    """A kill is an exception that nothing catches, thrown from inside the k-th file replacement."""
    import mediafm.model.folder as folder

    replace = Path.replace
    for kill_at in (3, 8, 11, 16, 20):
        out = tmp_path / str(kill_at) / "whole"
        count = 0

        def dying(self: Path, target: Path, kill_at: int = kill_at) -> Path:
            nonlocal count
            count += 1
            if count == kill_at:
                raise SystemExit
            return replace(self, target)

        with monkeypatch.context() as patch:
            patch.setattr(folder.Path, "replace", dying)
            with pytest.raises(SystemExit):
                pretrain(FakeCatalog(), out, recipe())
        pretrain(FakeCatalog(), out, recipe(), resume=True)
        assert weights(out) == weights(whole)


def test_ctrl_c_ends_after_the_step_and_is_handed_back(tmp_path) -> None:
    before = signal.getsignal(signal.SIGINT)
    asked = 0

    def interrupting() -> bool:
        nonlocal asked
        asked += 1
        if asked == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return False

    result = pretrain(FakeCatalog(), tmp_path / "run", recipe(), stop=interrupting)
    assert not result.finished
    assert result.steps == 3
    assert signal.getsignal(signal.SIGINT) is before
    assert (tmp_path / "run" / "loss.png").is_file()


def test_resuming_a_finished_run_changes_nothing(whole: Path) -> None:
    before = weights(whole)
    result = pretrain(FakeCatalog(), whole, recipe(), resume=True)
    assert result.finished
    assert weights(whole) == before


def test_seed_decides_everything(whole: Path, tmp_path) -> None:
    torch.manual_seed(123)  # whatever the caller's generators hold
    state = torch.random.get_rng_state()
    pretrain(FakeCatalog(), tmp_path / "whole", recipe())
    assert weights(tmp_path / "whole") == weights(whole)
    assert torch.equal(torch.random.get_rng_state(), state)
    pretrain(FakeCatalog(), tmp_path / "other", recipe("run.seed=1"))
    assert weights(tmp_path / "other")[0] != weights(whole)[0]


def test_another_recipe_or_catalog_is_refused(whole: Path, tmp_path) -> None:
    with pytest.raises(UsageError, match=r"model\.dropout = 0\.1 then, 0\.2 now"):
        pretrain(FakeCatalog(), whole, recipe("model.dropout=0.2"), resume=True)
    with pytest.raises(UsageError, match="catalog changed"):
        pretrain(FakeCatalog(seed=1), whole, recipe(), resume=True)
    with pytest.raises(UsageError, match="--resume"):
        pretrain(FakeCatalog(), whole, recipe())
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="other things"):
        pretrain(FakeCatalog(), tmp_path, recipe())
    with pytest.raises(UsageError, match="is a file"):
        pretrain(FakeCatalog(), tmp_path / "notes.txt", recipe())


def test_too_little_data_has_a_remedy(tmp_path) -> None:
    for catalog in (FakeCatalog(titles=1), FakeCatalog(titles=3, shots=1)):
        with pytest.raises(TrainingError, match="too few to pretrain on"):
            pretrain(catalog, tmp_path / "run", recipe())
    with pytest.raises(TrainingError, match="no title to train on"):
        pretrain(FakeCatalog(), tmp_path / "run", recipe("data.validation_titles=t*"))


def test_titles_are_chosen_by_globs(tmp_path) -> None:
    chosen = recipe("data.validation_titles=t0[01]", "data.exclude_titles=t09", "schedule.epochs=1")
    pretrain(FakeCatalog(), tmp_path / "run", chosen)
    checkpoint = Checkpoint.load(tmp_path / "run")
    assert checkpoint.metrics["validation_shots"] == 120
    assert checkpoint.origin["catalog"]["titles"] == 9


def test_a_loss_that_is_not_finite_stops_before_the_weights_take_harm(tmp_path, monkeypatch) -> None:
    import mediafm.train.learner as learner

    calls = 0

    def failing(predicted, targets):
        nonlocal calls
        calls += 1
        return predicted.sum(dim=1) * (float("nan") if calls == 9 else 0.001)

    monkeypatch.setattr(learner, "cosine_loss", failing)
    with pytest.raises(TrainingError, match=r"step [1-9] the loss is nan.*optimizer\.rate"):
        pretrain(FakeCatalog(), tmp_path / "run", recipe())
    assert all(t.isfinite().all() for t in Checkpoint.load(tmp_path / "run").model.state_dict().values())


def test_patience_ends_a_run_that_learns_no_more(tmp_path) -> None:
    result = pretrain(
        FakeCatalog(),
        tmp_path / "run",
        recipe("optimizer.rate=1e-12", "optimizer.adamw_rate=1e-12", "schedule.patience=1"),
    )
    assert result.finished
    assert result.steps < 12


def test_patience_begins_where_masks_do(tmp_path) -> None:
    """The contrastive stage trains no prediction: waiting for a better one then would end the run before it begins."""
    result = pretrain(
        FakeCatalog(), tmp_path / "run", recipe("objective.contrastive=0.5", "schedule.patience=1", "schedule.epochs=6")
    )
    losses = [figures["loss"] for figures in read_metrics(tmp_path / "run") if "loss" in figures]
    assert result.finished and losses


def test_titles_without_features_take_no_part(tmp_path) -> None:
    catalog = FakeCatalog()
    for rows in catalog.held["t05"].vectors.values():
        rows[:] = 0
    for flags in catalog.held["t05"].present.values():
        flags[:] = False
    catalog.held["t06"].vectors["video"][:40] = 0  # a long stretch without anything
    catalog.held["t06"].vectors["text"][:40] = 0
    for flags in catalog.held["t06"].present.values():
        flags[:40] = False
    result = pretrain(catalog, tmp_path / "run", recipe("schedule.epochs=1", "data.window=20"))
    assert np.isfinite(result.msm)
    assert Checkpoint.load(tmp_path / "run").origin["catalog"]["titles"] <= 10


def test_cuda_is_refused_where_there_is_none(tmp_path) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    with pytest.raises(UsageError, match="no CUDA device"):
        pretrain(FakeCatalog(), tmp_path / "run", recipe("run.device=cuda"))
    with pytest.raises(UsageError, match="needs a CUDA device"):
        pretrain(FakeCatalog(), tmp_path / "run", recipe("run.precision=bfloat16"))
