"""The map beside other ways to put points on a plane, on the vectors of a catalog.

    pip install --target BENCH umap-learn pacmap
    OMP_NUM_THREADS=1 PYTHONPATH=BENCH python benchmarks/map.py --catalog my.catalog --features first

Every contestant gets the same fifty strongest directions and runs in a process of its own, on one thread. `--rows`
takes a sample, or adds points beside known ones up to that number. Said are processor seconds, seconds,
trustworthiness and the share of the 15 nearest neighbours kept (a sample of 1,000 points), and the peak memory.
`placed` draws nine tenths and places the rest. UMAP and PaCMAP are wanted for this comparison only.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Callable

import numpy as np

from mediafm.catalog import Catalog
from mediafm.index import open_index
from mediafm.maps.judging import truth
from mediafm.maps.plane import NEIGHBOURS, lay_out, place_among, strongest


def vectors(uri: str, features: str, rows: int) -> np.ndarray:
    """The index's rows in their strongest directions, float32 [rows, 50]."""
    index = open_index(Catalog.open(uri), features)
    found, rng = index.rows(0, len(index)), np.random.default_rng(0)
    found = found[found.any(axis=1)]
    if 0 < rows < len(found):
        found = found[np.sort(rng.choice(len(found), rows, replace=False))]
    elif rows > len(found):
        beside = found[rng.choice(len(found), rows - len(found))]
        noise = rng.standard_normal(beside.shape, dtype=np.float32) * 0.3 / np.sqrt(beside.shape[1])
        found = np.concatenate([found, beside + noise])
    middle, turn = strongest(found)
    return np.asarray((found - middle) @ turn, np.float32)


def opentsne(reduced: np.ndarray) -> np.ndarray:
    from openTSNE import TSNE

    return np.asarray(TSNE(n_jobs=1, random_state=0, initialization="pca").fit(reduced))


def umap(reduced: np.ndarray) -> np.ndarray:
    from umap import UMAP

    return np.asarray(UMAP(n_neighbors=NEIGHBOURS, random_state=0, n_jobs=1).fit_transform(reduced))


def pacmap(reduced: np.ndarray) -> np.ndarray:
    from pacmap import PaCMAP

    return np.asarray(PaCMAP(n_components=2, random_state=0, apply_pca=False).fit_transform(reduced, init="pca"))


def placed(reduced: np.ndarray) -> np.ndarray:
    order = np.random.default_rng(0).permutation(len(reduced))
    first, rest = np.split(order, [9 * len(order) // 10])
    places = np.empty((len(reduced), 2), np.float32)
    places[first] = lay_out(reduced[first])
    places[rest] = place_among(reduced[first], places[first], reduced[rest])
    return places


CONTESTANTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "directions": lambda reduced: reduced[:, :2],
    "ours": lay_out,
    "placed": placed,
    "opentsne": opentsne,
    "umap": umap,
    "pacmap": pacmap,
}


def measure(name: str, uri: str, features: str, rows: int) -> dict[str, object]:
    reduced = vectors(uri, features, rows)
    began, spent = time.monotonic(), time.process_time()
    places = np.asarray(CONTESTANTS[name](reduced), np.float32)
    seconds, cpu = time.monotonic() - began, time.process_time() - spent
    trust, kept = truth(reduced, places, NEIGHBOURS)
    return {
        "method": name,
        "points": len(reduced),
        "cpu_s": round(cpu, 1),
        "seconds": round(seconds, 1),
        "trustworthiness": round(trust, 4),
        "neighbours_kept": round(kept, 4),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--catalog", required=True)
    parser.add_argument("--features", default="concat")
    parser.add_argument("--rows", type=int, default=0)
    parser.add_argument("--only", nargs="+", choices=CONTESTANTS, default=list(CONTESTANTS))
    parser.add_argument("--one", choices=CONTESTANTS, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        warnings.simplefilter("ignore")
        print(json.dumps(measure(asked.one, asked.catalog, asked.features, asked.rows)))
        return
    print(f"load before: {os.getloadavg()[0]:.1f}", file=sys.stderr)
    for name in asked.only:
        told = subprocess.run([sys.executable, *sys.argv, "--one", name], capture_output=True, text=True)
        print(told.stdout.strip() or f"{name}: {told.stderr.strip().splitlines()[-1]}", flush=True)


if __name__ == "__main__":
    main()
