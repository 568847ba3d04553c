"""A grid of two recipes, two seeds and two tasks, on the real catalog."""

import json

import numpy as np
import pytest

from mediafm.errors import UsageError
from mediafm.probes import run_probe
from mediafm.probes.ablation import ablate, load_grid
from probes.odd_task import task_of

GRID = """
recipe = "tiny"
set = ["schedule.epochs=2", "schedule.evaluate_every=1", "data.validation_share=0.3", "model.max_shots=16",
       "data.window=16", "model.hidden=16", "model.heads=2", "model.layers=1"]
seeds = [0, 1]
features = ["concat", "video"]

[[tasks]]
task = "task.toml"

[cells]
no_text = ["fusion.modalities=video"]
alone = ["context=none"]
"""


def write(tmp_path, text=GRID):
    task_of(tmp_path)
    (tmp_path / "grid.toml").write_text(text)
    return load_grid(tmp_path / "grid.toml")


def test_every_cell_is_done_once_and_compared_in_pairs(tmp_path, catalog, monkeypatch):
    grid = write(tmp_path)
    result = ablate(catalog, grid, tmp_path / "out")
    assert [row.name for row in result.rows] == ["concat", "video", "default", "no_text", "alone"]
    assert result.trained == 4  # "alone" reads the default's runs in another way
    rows = {row.name: row for row in result.rows}
    assert len(rows["default"].msm) == 2 and rows["default"].msm == rows["alone"].msm and rows["concat"].msm == []
    score = rows["default"].scores["odd"]
    assert score.score == pytest.approx(np.mean(score.seeds)) and score.versus_baseline is None
    gap = rows["no_text"].scores["odd"].versus_baseline
    assert gap.difference == pytest.approx(rows["no_text"].scores["odd"].score - score.score)
    assert gap.low <= gap.difference <= gap.high and gap.p <= gap.p_table
    plain = run_probe(catalog, task_of(tmp_path), ["video"]).row("video").score
    assert rows["video"].scores["odd"].score == pytest.approx(plain)
    table = (tmp_path / "out" / "ablation.md").read_text()
    assert "| no_text | `fusion.modalities=video` |" in table and "4 comparisons" in table
    assert json.loads((tmp_path / "out" / "ablation.json").read_text())["trained"] == 4

    monkeypatch.setattr("mediafm.train.pretrain", lambda *a, **k: pytest.fail("trained again"))
    again = ablate(catalog, grid, tmp_path / "out")
    assert again.trained == 0
    assert [r.scores for r in again.rows] == [r.scores for r in result.rows]


def test_a_cell_that_was_cut_off_is_gone_on_with(tmp_path, catalog, monkeypatch):
    from mediafm.train import pretrain

    def cut(*args, **more):
        return pretrain(*args, **more, stop=lambda: True)

    grid = write(tmp_path, GRID.replace("seeds = [0, 1]", "seeds = [0]"))
    monkeypatch.setattr("mediafm.train.pretrain", cut)
    with pytest.raises(KeyboardInterrupt):
        ablate(catalog, grid, tmp_path / "out")
    monkeypatch.setattr("mediafm.train.pretrain", pretrain)
    cut_off = ablate(catalog, grid, tmp_path / "out")
    whole = ablate(catalog, grid, tmp_path / "other")
    assert [r.msm for r in cut_off.rows] == [r.msm for r in whole.rows]


@pytest.mark.parametrize(
    "old, new, message",
    [
        ("seeds = [0, 1]", "seeds = [0, 0]", "seeds must differ"),
        ("seeds = [0, 1]", 'baseline = "best"', "neither a cell nor a feature set"),
        ("context=none", "context=half", "no context 'half'"),
        ("fusion.modalities=video", "fusion.modality=video", "fusion.modality is unknown"),
        ("fusion.modalities=video", "fusion.modalities=audio", "asks for audio"),
        ('features = ["concat", "video"]', 'features = ["concat", "vidio"]', "Did you mean 'video'"),
        ('task = "task.toml"', 'task = "task.toml"\nlabels = "none.csv"', "does not exist"),
        ("[[tasks]]", "[[task]]", "tasks: Field required"),
    ],
)
def test_what_cannot_work_is_refused(tmp_path, catalog, old, new, message):
    with pytest.raises(Exception, match=message) as error:
        ablate(catalog, write(tmp_path, GRID.replace(old, new)), tmp_path / "out")
    assert type(error.value).__name__ in ("UsageError", "ImportDataError")


def test_a_missing_grid_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"grid\.toml: No such file"):
        load_grid(tmp_path / "grid.toml")
