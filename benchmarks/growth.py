"""How the time of a training step grows: with sequence length, depth, catalogue and processes; and what that means for
50 million shots on large GPUs, worked out from published peak rates.

python benchmarks/growth.py [--steps 5] [--catalogues 10000 100000 1000000] [--utilisation 0.35]

The settings of a sweep take turns, step by step, so that its figures share whatever else the machine does; each figure
is a median. Models are small, so that all ends within some minutes. One process has all threads, two have half each.
Prints JSON.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from steps import ALONE, DIMS, RandomTitles, flop_a_shot, machine, make_trainer, now, threads

from mediafm.config import MaskingRecipe, ModelRecipe, load_recipe
from mediafm.fusion import FusionSpec, FusionStats
from mediafm.sequences import FeatureCache, ShotMasker, collate, plan_steps
from mediafm.train.distributed import World
from mediafm.train.muon import STEPS as NEWTON_SCHULZ_STEPS
from mediafm.train.surroundings import PARTS
from mediafm.train.trainer import Trainer

LENGTHS = (64, 128, 256, 512, 1024)
DEPTHS = (2, 6, 12, 24)
STEP = 4096  # shots
SHAPE = {"model.hidden": 128, "model.heads": 4, "model.layers": 4, "model.dropout": 0.0, "model.max_shots": 1024}
DATA = {"data.shots_per_step": STEP, "data.micro_shots": 2048, "data.window": 1024, "schedule.epochs": 1}
SMALL = {"video": 64, "audio": 48, "text": 32}  # of the catalogues, to spare the disk
PEAK = 989e12  # dense bf16 operations a second of one H100 SXM: NVIDIA's data sheet, 1,979 with sparsity, halved


def titles_of(length: int, shots: int) -> list[int]:
    return [length] * -(-shots // length)


def take_turns(trainers: Mapping[str, Trainer], steps: int) -> dict[str, float]:
    """Median microseconds a shot of each, after one step each to warm up."""
    found: dict[str, list[float]] = {name: [] for name in trainers}
    for _ in range(steps + 1):
        for name, trainer in trainers.items():
            began = now(trainer.runtime.device)
            shots = trainer.take_step()["shots"]
            found[name].append((now(trainer.runtime.device) - began) / shots * 1e6)
    return {name: round(statistics.median(values[1:]), 2) for name, values in found.items()}


def by_length(steps: int, folder: Path) -> dict[str, float]:
    shots = (steps + 2) * STEP
    return take_turns({str(n): make_trainer(titles_of(n, shots), folder, SHAPE | DATA) for n in LENGTHS}, steps)


def by_depth(steps: int, folder: Path) -> dict[str, float]:
    lengths = titles_of(256, (steps + 2) * STEP)
    settings = SHAPE | DATA
    return take_turns({str(n): make_trainer(lengths, folder, settings | {"model.layers": n}) for n in DEPTHS}, steps)


def by_catalogue(steps: int, sizes: Sequence[int], folder: Path) -> dict[str, float]:
    """Epochs enough for all steps, whatever the size."""
    trainers = {}
    for size in sizes:
        settings = SHAPE | DATA | {"schedule.epochs": -(-(steps + 2) * STEP // size)}
        trainers[str(size)] = make_trainer(titles_of(200, size), folder / str(size), settings, SMALL)
    return take_turns(trainers, steps)


def by_processes(steps: int) -> dict[str, float]:
    """One and two processes in turns, twice; the same global batch."""
    found: dict[int, list[float]] = {1: [], 2: []}
    cores = torch.get_num_threads()
    for count in (1, 2, 1, 2):
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(count)]
        command += [__file__, "--worker", "--steps", str(steps), "--threads", str(max(cores // count, 1))]
        run = subprocess.run(command, env=dict(os.environ), capture_output=True, text=True, check=False)
        if run.returncode:
            raise RuntimeError(f"{count} processes failed: {run.stderr[-2000:]}")
        found[count].append(json.loads(run.stdout)["us_a_shot"])
    return {str(count): round(statistics.median(values), 2) for count, values in found.items()}


def work(steps: int) -> None:
    """One of the processes of `by_processes`."""
    with World.from_environment(torch.device("cpu")) as world, tempfile.TemporaryDirectory() as folder:
        settings = SHAPE | DATA | {"data.micro_shots": STEP // 8, "run.device": "cpu"}
        trainer = make_trainer(titles_of(256, (steps + 2) * STEP), Path(folder), settings, world=world)
        figure = take_turns({"all": trainer}, steps)["all"]
        if world.main:
            print(json.dumps({"us_a_shot": figure}))


def loader_values(steps: int, folder: Path) -> float:
    """Numbers of features a second that one process gathers, fuses and masks."""
    cache = FeatureCache.open(RandomTitles(titles_of(200, 8 * STEP), DIMS), folder)
    wholes = cache.wholes(cache.title_ids)
    stats = FusionStats.fit(cache.iter_features(wholes), FusionSpec(cache.dims, "standard"))
    masker, rates = ShotMasker(MaskingRecipe()), []
    for turn in range(steps + 1):
        began, shots = time.perf_counter(), 0
        for step in plan_steps(wholes, STEP, 2048, np.random.default_rng(turn)):
            for spans in step:
                batch = collate(cache, stats, spans)
                masker.apply(batch, 0.5, [turn])
                shots += batch.shots
        rates.append(shots * sum(DIMS.values()) / (time.perf_counter() - began))
    return statistics.median(rates[1:])


def muon_flop(model: ModelRecipe) -> float:
    """Operations of one orthogonalisation of all hidden matrices (GELU form): rows x columns = a x b, a <= b."""

    def of(a: float, b: float) -> float:
        return NEWTON_SCHULZ_STEPS * (2 * 2 * a * a * b + 2 * a**3)

    inner = model.mlp_ratio * model.hidden
    return model.layers * (4 * of(model.hidden, model.hidden) + 2 * of(model.hidden, inner))


def estimate(
    model: ModelRecipe, gpus: int, utilisation: float, loader: float, shots: float, epochs: int, fused: int, step: int
) -> dict[str, Any]:
    """Hours for so many shots, all in full windows: what the GPUs need, what the loaders need, and the longer of both.

    utilisation: share of PEAK that a whole step reaches. loader: numbers a second of one process; each GPU has one.
    A step's shots and Muon's share are dealt out, so `data.micro_shots` is at most step / gpus. Counted are the head at
    masked shots and the head that every state is asked for its surroundings by. Left out: validation, and sums of
    gradients between GPUs (4 bytes a parameter a step: a few milliseconds over NVLink).
    """
    flop = flop_a_shot(model, fused, [model.max_shots], MaskingRecipe().share + PARTS) + muon_flop(model) / step
    computing = shots * epochs * flop / (gpus * PEAK * utilisation) / 3600
    loading = shots * epochs * fused / (gpus * loader) / 3600
    return {
        "model": f"{model.layers} x {model.hidden}",
        "gpus": gpus,
        "gflop_a_shot": round(flop / 1e9, 3),
        "muon_share": round(muon_flop(model) / step / flop, 3),
        "computing_h": round(computing, 2),
        "loading_h": round(loading, 2),
        "hours": round(max(computing, loading), 2),
        "bound_by": "loader" if loading > computing else "GPU",
    }


def estimates(options: argparse.Namespace, loader: float) -> dict[str, Any]:
    base = load_recipe("base")
    large = base.model.model_copy(update={"layers": 24, "hidden": 1024, "heads": 16})
    assumed = {
        "shots": 50e6,
        "epochs": base.schedule.epochs,
        "fused": options.fused,
        "step": base.data.shots_per_step,
        "utilisation": options.utilisation,
        "loader": loader,
    }
    rows = [estimate(model, gpus, **assumed) for model in (base.model, large) for gpus in (1, 8)]
    return {"assumed": assumed | {"peak_flop_per_s": PEAK, "window": base.model.max_shots}, "rows": rows}


def measure(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    loader = loader_values(options.steps, folder)
    return {
        **machine(ALONE.device),
        "us_a_shot": {
            "length": by_length(options.steps, folder),
            "depth": by_depth(options.steps, folder),
            "catalogue": by_catalogue(options.steps, options.catalogues, folder),
            "processes": by_processes(options.steps),
        },
        "loader_shots_per_s": round(loader / sum(DIMS.values())),
        "50 million shots": estimates(options, loader),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=5, help="measured steps of each setting, after one to warm up")
    parser.add_argument("--catalogues", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--threads", type=int)
    parser.add_argument("--utilisation", type=float, default=0.35, help="share of the GPUs' peak, for the estimate")
    parser.add_argument("--fused", type=int, default=1920, help="size of a fused embedding, for the estimate")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    with threads(options.threads), tempfile.TemporaryDirectory(prefix="growth-") as folder:
        if options.worker:
            work(options.steps)
        else:
            print(json.dumps(measure(options, Path(folder)), indent=1))


if __name__ == "__main__":
    main()
