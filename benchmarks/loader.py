"""Shots a second that the loader alone delivers, and the memory it takes, on a synthetic catalogue of any size.

A feature cache is built once, title by title, in a temporary folder; then whole epochs are planned, collated (fusion
included) and masked, the first of them to warm up. `shots_per_cpu_s` counts processor time, which other programs
hardly change.
Growth is resident memory above that of the process before the cache was opened, at its highest. Prints JSON.

python benchmarks/loader.py [--shots 1000000] [--epochs 2] [--folder WHERE]
"""

import argparse
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mediafm.config import MaskingRecipe
from mediafm.errors import UsageError
from mediafm.fusion import FusionSpec, FusionStats
from mediafm.sequences import FeatureCache, ShotMasker, Span, collate, plan_steps, training_spans
from mediafm.types import Features

DIMS = {"video": 256, "audio": 128, "text": 77}  # 461 together, as on the Friends catalogue
SHORTEST, LONGEST = 80, 900
WINDOW, STEP, MICRO = 512, 16_384, 2048


class Synthetic:
    """Titles of unequal length, made one at a time and never held."""

    uri = "synthetic"
    spec = None

    def __init__(self, shots: int, seed: int = 0) -> None:
        self.shots, self.seed = shots, seed

    def content_version(self) -> str:
        return f"{self.shots} {self.seed}"

    def iter_contents(self) -> Iterator[tuple]:
        rng, made = np.random.default_rng(self.seed), 0
        while made < self.shots:
            n = min(int(rng.integers(SHORTEST, LONGEST + 1)), self.shots - made)
            vectors = {m: rng.standard_normal((n, d), np.float32).astype(np.float16) for m, d in DIMS.items()}
            present = {"video": np.ones(n, bool), "audio": rng.random(n) < 0.98, "text": rng.random(n) < 0.8}
            for modality, flags in present.items():
                vectors[modality][~flags] = 0
            ends = np.cumsum(rng.gamma(4.0, 1.0, n))
            yield f"t{made:09d}", Features(vectors, present), ends - ends[0], ends, rng.standard_normal(77, np.float32)
            made += n


def resident() -> dict[str, int]:
    """VmRSS and its anonymous part now, bytes."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return {"rss": int(lines["VmRSS"].split()[0]) << 10, "anonymous": int(lines["RssAnon"].split()[0]) << 10}


def run_epoch(cache: FeatureCache, stats: FusionStats, number: int, before: dict[str, int]) -> dict[str, float]:
    """One epoch; seconds by part and the highest growth."""
    masker, rng = ShotMasker(MaskingRecipe()), np.random.default_rng(number)
    seconds = dict.fromkeys(("plan", "collate", "mask"), 0.0)
    began, cpu = time.perf_counter(), time.process_time()
    last = began
    steps = plan_steps(training_spans(cache.wholes(cache.title_ids), WINDOW, rng), STEP, MICRO, rng)
    seconds["plan"] = time.perf_counter() - last
    shots, growth = 0, dict.fromkeys(before, 0)
    for step, micros in enumerate(steps):
        for spans in micros:
            last = time.perf_counter()
            batch = collate(cache, stats, spans)
            middle = time.perf_counter()
            masker.apply(batch, 0.5, [0, number, step])
            seconds["collate"] += middle - last
            seconds["mask"] += time.perf_counter() - middle
            shots += batch.shots
        growth = {k: max(growth[k], v - before[k]) for k, v in resident().items()}
    wall, cpu = time.perf_counter() - began, time.process_time() - cpu
    return {
        "epoch": number,
        "steps": len(steps),
        "shots": shots,
        "shots_per_s": round(shots / wall),
        "shots_per_cpu_s": round(shots / cpu),
        "seconds": {k: round(v, 3) for k, v in seconds.items()},
        "growth_mb": {k: round(v / 2**20, 1) for k, v in growth.items()},
    }


def measure(folder: Path, shots: int, epochs: int) -> dict[str, object]:
    """Build, open again, run epochs."""
    began, source = time.perf_counter(), Synthetic(shots)
    before = resident()
    FeatureCache.open(source, folder)
    built, after = time.perf_counter() - began, resident()
    began = time.perf_counter()
    cache = FeatureCache.open(source, folder)
    opened = time.perf_counter() - began
    wholes: list[Span] = cache.wholes(cache.title_ids)
    began = time.perf_counter()
    stats = FusionStats.fit(cache.iter_features(wholes), FusionSpec(cache.dims, "standard"))
    return {
        "titles": len(wholes),
        "shots": sum(map(len, wholes)),
        "cache_mb": round(sum(f.stat().st_size for f in folder.rglob("*")) / 2**20),
        "build_s": round(built, 2),
        "build_growth_mb": {k: round((v - before[k]) / 2**20, 1) for k, v in after.items()},
        "open_ms": round(opened * 1e3, 1),
        "fit_s": round(time.perf_counter() - began, 2),
        "epochs": [run_epoch(cache, stats, number, before) for number in range(epochs)],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shots", type=int, default=1_000_000)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=None, help="where the temporary folder is made")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="loader-") as folder:
        room, need = shutil.disk_usage(folder).free, options.shots * (2 * sum(DIMS.values()) + 16)
        if room < 2 * need:
            raise UsageError(
                f"{folder} has room for {room >> 20} MB; the cache takes {need >> 20} MB.",
                "Name another place with --folder, or fewer --shots.",
            )
        print(json.dumps({"cores": os.cpu_count(), **measure(Path(folder), options.shots, options.epochs)}, indent=1))


if __name__ == "__main__":
    main()
