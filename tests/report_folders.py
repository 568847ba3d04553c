"""Folders as `pretrain`, `probe` and `ablate` leave them, small and with known numbers."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mediafm.config import load_recipe
from mediafm.model import Checkpoint, ShotTransformer, ShotTransformerConfig
from mediafm.probes.ablation import AblationResult, AblationRow, CellScore
from mediafm.probes.result import Difference, ProbeResult, ProbeRow, Score

STEPS, EVERY = 60, 20
ENCODERS = {
    "video": {"name": "pictures", "dim": 6, "fingerprint": "v:1", "licence": "Apache-2.0"},
    "text": {"name": "words", "dim": 4, "fingerprint": "t:1", "licence": "CC-BY-NC-4.0"},
}


def write_run(folder: Path, settings: tuple[str, ...] = ("schedule.epochs=7", "optimizer.rate=0.01")) -> Path:
    """A checkpoint beside the losses it came by: training falls from 1 to .5, validation to .7 at the best step 40."""
    recipe = load_recipe("tiny", settings).model_dump(mode="json")
    config = ShotTransformerConfig(blocks=(6, 4), global_dim=4, hidden=8, layers=1, heads=2, max_shots=16)
    model = ShotTransformer(config, torch.Generator().manual_seed(3)).eval()
    trivial = {"title_mean": 0.85, "previous": 0.97, "neighbours": 0.96}
    origin: dict[str, Any] = {
        "catalog": {"fingerprint": "c" * 64, "titles": 12, "shots": 900},
        "preset": "offline",
        "detector": "content",
        "encoders": ENCODERS,
        "recipe": recipe,
        "steps": 40,
        "planned_steps": STEPS,
    }
    metrics = {"msm": 0.7, "trivial": trivial, "validation_shots": 100}
    arrays = {"mean": np.zeros(10, np.float32)}
    Checkpoint(model, {"centring": "none", "dims": {"video": 6, "text": 4}}, arrays, origin, metrics).save(folder)
    judged = {0: 1.0, 20: 0.8, 40: 0.7, 60: 0.75}
    lines = [
        *({"step": s, "loss": 1 - s / (2 * STEPS), "objective": 3 - s / 60, "rate": 0.01} for s in range(1, STEPS + 1)),
        *({"step": s, "msm": msm, **trivial} for s, msm in judged.items()),
    ]
    ordered = sorted(lines, key=lambda line: line["step"])
    (folder / "metrics.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in ordered))
    return folder


def write_probe(folder: Path) -> Path:
    """A result of three feature sets; `run` is really above concat, which is above chance."""
    folder.mkdir(parents=True)
    difference = Difference(difference=0.12, low=0.05, high=0.19, p=0.001, p_table=0.004, detectable=0.08, examples=400)
    rows = [
        _row("chance", 0.2, 0.2, None),
        _row("concat", 0.5, 0.45, None),
        _row("run", 0.62, 0.55, difference),
    ]
    ProbeResult(
        task="place",
        kind="multilabel",
        unit="shot",
        metric="average_precision",
        averaging="macro",
        rows=rows,
        leaders=["run"],
        verdict=["Context helps. run against concat: +0.120."],
        notes=["Fewer than a dozen held-out titles."],
        titles=12,
        test_titles=6,
        test_examples=400,
        folds=1,
        comparisons=2,
        centring="none",
        draws=1000,
        seed=0,
        seconds=3.0,
    ).save(folder / "result.json")
    return folder


def _row(features: str, score: float, low: float, versus: Difference | None) -> ProbeRow:
    high = 2 * score - low
    return ProbeRow(
        features=features,
        score=score,
        low=low,
        high=high,
        chance=0.2,
        dim=10,
        examples=400,
        metrics={"average_precision": Score(score=score, low=low, high=high, chance=0.2)},
        labels={},
        versus_concat=versus,
        penalties=[[0.1]],
        gradient_norm=1e-5,
    )


def write_ablation(folder: Path) -> Path:
    """A grid of the default, one cell and a feature set, on one task with two seeds."""
    folder.mkdir(parents=True)
    worse = Difference(difference=-0.1, low=-0.15, high=-0.05, p=0.001, p_table=0.002)
    rows = [
        AblationRow(name="default", settings=[], dim=10, msm=[0.7, 0.71], scores={"place": _cell(0.6, 0.01, None)}),
        AblationRow(
            name="no_text",
            settings=["fusion.modalities=video,audio"],
            dim=6,
            msm=[0.75, 0.76],
            scores={"place": _cell(0.5, 0.02, worse)},
        ),
        AblationRow(name="concat", settings=[], dim=10, msm=[], scores={"place": _cell(0.45, None, None)}),
    ]
    result = AblationResult(
        recipe="tiny",
        baseline="default",
        seeds=[0, 1],
        metrics={"place": "average_precision"},
        chance={"place": 0.2},
        rows=rows,
        comparisons=2,
        draws=1000,
        trained=4,
        seconds=10.0,
    )
    (folder / "ablation.json").write_text(result.model_dump_json(indent=2))
    return folder


def _cell(score: float, spread: float | None, versus: Difference | None) -> CellScore:
    return CellScore(
        score=score,
        low=score - 0.05,
        high=score + 0.05,
        seeds=[score] * (2 if spread else 1),
        spread=spread,
        versus_baseline=versus,
    )
