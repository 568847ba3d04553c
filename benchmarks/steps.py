"""Training steps on random features: what `speed.py` and `growth.py` time."""

import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mediafm.config import ModelRecipe, Recipe, load_recipe
from mediafm.fusion import FusionSpec, FusionStats
from mediafm.sequences import FeatureCache
from mediafm.train.distributed import World
from mediafm.train.runtime import make_runtime
from mediafm.train.trainer import Trainer
from mediafm.types import Features

DIMS = {"video": 256, "audio": 128, "text": 77}  # 461 together, as on the Friends catalogue
ALONE = World(0, 1, torch.device("cpu"))
SHOT_S = 4.0


class RandomTitles:
    """A catalog of titles of these lengths, made one at a time and never held."""

    spec = None

    def __init__(self, lengths: Sequence[int], dims: dict[str, int]) -> None:
        self.lengths, self.dims = list(lengths), dims
        self.uri = f"random titles {hash((tuple(self.lengths), tuple(dims.items())))}"

    def content_version(self) -> str:
        return self.uri

    def iter_contents(self) -> Iterator[tuple]:
        rng = np.random.default_rng(0)
        for number, n in enumerate(self.lengths):
            vectors = {m: rng.standard_normal((n, d), np.float32).astype(np.float16) for m, d in self.dims.items()}
            present = {m: np.ones(n, np.bool_) for m in self.dims}
            ends = SHOT_S * np.arange(1, n + 1)
            yield f"t{number:07d}", Features(vectors, present), ends - SHOT_S, ends, None


def make_trainer(
    lengths: Sequence[int],
    folder: Path,
    settings: dict[str, Any],
    dims: dict[str, int] | None = None,
    world: World = ALONE,
) -> Trainer:
    """A trainer over titles of these lengths. settings: `section.key` of a recipe and its value. folder: its cache."""
    recipe = load_recipe("small", [f"{key}={value}" for key, value in settings.items()])
    cache = FeatureCache.open(RandomTitles(lengths, dims or DIMS), folder)
    training = cache.wholes(cache.title_ids)
    stats = FusionStats.fit(cache.iter_features(training[:2000]), FusionSpec(cache.dims, recipe.fusion.centring))
    return Trainer(cache, stats, training, recipe, make_runtime(recipe.run), world)


def now(device: torch.device) -> float:
    """Seconds, once the device has done what it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


class OptimizerWatch:
    """Seconds spent in each of a trainer's optimisers since `reset`."""

    def __init__(self, trainer: Trainer) -> None:
        self.seconds = dict.fromkeys(trainer.optimizers, 0.0)
        self._began = 0.0
        device = trainer.runtime.device
        for name, optimizer in trainer.optimizers.items():
            optimizer.register_step_pre_hook(lambda *_: setattr(self, "_began", now(device)))
            optimizer.register_step_post_hook(lambda *_, name=name: self._end(name, now(device)))

    def reset(self) -> None:
        self.seconds = dict.fromkeys(self.seconds, 0.0)

    def _end(self, name: str, moment: float) -> None:
        self.seconds[name] += moment - self._began


def timed_step(trainer: Trainer, watch: OptimizerWatch) -> dict[str, float]:
    """Take one step: its seconds, those of each optimiser, and its shots."""
    watch.reset()
    began = now(trainer.runtime.device)
    figures = trainer.take_step()
    seconds = now(trainer.runtime.device) - began
    return {"seconds": seconds, "shots": figures["shots"], **watch.seconds}


def flop_a_shot(model: ModelRecipe, fused: int, lengths: Sequence[int], scored: float) -> float:
    """Floating-point operations of matrix products, forward and backward, a shot; a product and a sum count as two.

    scored: outputs of fused size, a shot, that heads make. The backward pass takes twice the forward pass, except at
    the input map, whose input needs no gradient. Attention computed anew in the backward pass is not counted.
    """
    shots, places = np.asarray(lengths), np.asarray(lengths) + 2  # [CLS], [GLOBAL]
    weights = model.layers * (4 + 2 * model.mlp_ratio) * model.hidden**2
    attention = 2 * model.layers * model.hidden * (places**2).sum()  # scores and mixtures
    maps = (2 / 3 + scored) * model.hidden * fused * shots.sum()
    return float(3 * 2 * (weights * places.sum() + attention + maps) / shots.sum())


def best_seconds(call: Callable[[], object], device: torch.device, times: int = 3) -> float:
    """The shortest of some runs after one to warm up."""
    call()
    seconds = []
    for _ in range(times):
        began = now(device)
        call()
        seconds.append(now(device) - began)
    return min(seconds)


def matrix_rate(rows: int, recipe: Recipe, device: torch.device, dtype: torch.dtype) -> float:
    """Operations a second of the largest product of a forward pass (the MLP's) or, if faster, of a square of 2048."""
    hidden = recipe.model.hidden
    rates = []
    for m, k, n in ((rows, hidden, round(hidden * recipe.model.mlp_ratio)), (2048, 2048, 2048)):
        a, b = (torch.randn(*shape, device=device).to(dtype) for shape in ((m, k), (k, n)))
        out = torch.empty(m, n, device=device, dtype=dtype)
        rates.append(2 * m * k * n / best_seconds(lambda a=a, b=b, out=out: torch.mm(a, b, out=out), device))
    return max(rates)


@contextmanager
def threads(count: int | None) -> Iterator[None]:
    """Torch computes with this many threads inside."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    yield
    torch.set_num_threads(before)


def machine(device: torch.device) -> dict[str, Any]:
    """What the figures were measured on."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    return {
        "device": name,
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "avx512_bf16": bool(torch.cpu.get_capabilities().get("avx512_bf16", False)),
    }
