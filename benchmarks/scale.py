"""One machine against a Ray cluster, one worker against two, and what a killed node costs.

    python benchmarks/scale.py [--titles 12] [--seconds 30] [--detector content]

A cluster of processes on this machine: a head and nodes of one processor each. All share this machine's cores, so two
nodes can be no faster than the cores allow; what is seen is what Ray and the going between cost, that the vectors are
the same bytes, and how many titles are done twice when a node dies. `start` is the time until the first title is done
less the time a title takes: joining, starting stations, loading encoders. The load of the machine stands with each row.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))  # films, killing and the cluster are the tests'

from ingest_films import tone
from ingest_killing import differences
from mediafm.media import write_film
from ray_cluster import RayCluster, environment, ray_cluster, start_on_ray

SIZE, FPS, SHOT_S = (320, 180), 24, 4


def make_film(path: Path, seconds: int, seed: int) -> None:
    """Shots of four seconds, coarse noise that drifts."""
    rng = np.random.default_rng(seed)

    def pictures():
        for _ in range(seconds // SHOT_S):
            still = rng.integers(0, 256, (18, 40, 3), np.uint8).repeat(10, axis=0).repeat(10, axis=1)
            for i in range(SHOT_S * FPS):
                yield np.ascontiguousarray(still[:, i % 80 : i % 80 + SIZE[0]])

    write_film(path, Fraction(FPS), SIZE, pictures(), tone(seconds))


def local(films: Path, catalog: Path, workers: int, detector: str) -> tuple[float, dict]:
    command = [sys.executable, "-m", "mediafm", "ingest", str(films), "-c", str(catalog), "--json"]
    command += ["--workers", str(workers), "--detector", detector]
    began = time.monotonic()
    run = subprocess.run(command, capture_output=True, text=True, check=True, env=environment())
    return time.monotonic() - began, {**json.loads(run.stdout), "start": None, "again": 0}


def on_ray(films: Path, catalog: Path, cluster: RayCluster, detector: str, kill_at: int = 0) -> tuple[float, dict]:
    """kill_at: titles after which the first node dies; 0: never."""
    began, first, again, total = time.monotonic(), None, 0, len(list(films.iterdir()))
    run = start_on_ray(films, catalog, cluster.address, detector=detector)
    assert run.stderr is not None and run.stdout is not None
    heard = []
    for line in run.stderr:
        heard.append(line)
        said = json.loads(line) if line.startswith("{") else {}
        if said.get("done") and first is None:
            first = time.monotonic() - began
        if kill_at and said.get("done", 0) >= kill_at:
            cluster.kill(0)
            kill_at = 0
        if lost := re.search(r"machine was lost; its (\d+) titles", said.get("note", "")):
            again += int(lost[1])
    out = run.stdout.read()
    assert run.wait() == 0, "".join(heard) + out
    wall = time.monotonic() - began
    start = None if first is None else max(0.0, first - (wall - first) / max(total - 1, 1))
    return wall, {**json.loads(out), "start": start, "again": again}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--titles", type=int, default=12)
    parser.add_argument("--seconds", type=int, default=30, help="of a film")
    parser.add_argument("--detector", default="content")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        films = Path(folder) / "films"
        films.mkdir()
        for number in range(asked.titles):
            make_film(films / f"film{number:02}.mp4", asked.seconds, number)
        reference = Path(folder) / "local1"
        print(f"{asked.titles} films of {asked.seconds} s, {os.cpu_count()} cores, detector {asked.detector}")
        print(
            "| what | wall | of it start | films/s | done again | same bytes | load |\n|---|--:|--:|--:|--:|---|--:|",
            flush=True,
        )

        def report(name: str, catalog: Path, wall: float, done: dict) -> None:
            start = "" if done["start"] is None else f"{done['start']:.1f} s"
            stored = done["titles_ok"] + done["titles_skipped"]
            same = "yes" if not differences(catalog, reference) else "NO"
            rate, load = stored / (wall - (done["start"] or 0)), os.getloadavg()[0]
            print(
                f"| {name} | {wall:.1f} s | {start} | {rate:.2f} | {done['again']} | {same} | {load:.1f} |", flush=True
            )

        for workers in (1, 2):
            catalog = Path(folder) / f"local{workers}"
            report(f"local, {workers} worker(s)", catalog, *local(films, catalog, workers, asked.detector))
        for nodes, kill_at in ((2, 0), (2, asked.titles // 3)):
            name = f"Ray, {nodes} nodes" + (", one killed" if kill_at else "")
            catalog = Path(folder) / f"ray{nodes}-{kill_at}"
            with ray_cluster() as cluster:
                report(name, catalog, *on_ray(films, catalog, cluster, asked.detector, kill_at))
        catalog = Path(folder) / "ray1"
        with ray_cluster() as cluster:
            cluster.kill(0)
            report("Ray, 1 node", catalog, *on_ray(films, catalog, cluster, asked.detector))


if __name__ == "__main__":
    main()
