"""Wall time and peak memory of ingesting a film, beside a bare decode of it before and after, in one run.

python benchmarks/ingest.py FILM [--detectors content transnet]

Each ingest is a process of its own with a fresh catalog, as a user runs it. `ratio` is its whole wall time, loading of
encoders included, over the mean of the two bare decodes; `ratio_running` leaves out what ingesting nothing costs.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from decode import decode


def bare(film: Path) -> float:
    began = time.perf_counter()
    decode(film)
    return time.perf_counter() - began


def ingest(film: Path, catalog: Path, detector: str) -> dict[str, float]:
    command = [sys.executable, "-m", "mediafm", "ingest", str(film), "--catalog", str(catalog), "--detector", detector]
    began = time.perf_counter()
    run = subprocess.run([*command, "--json"], capture_output=True, text=True, check=True)
    return {**json.loads(run.stdout), "wall": time.perf_counter() - began}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("film", type=Path)
    parser.add_argument("--detectors", nargs="+", default=["content", "transnet"])
    options = parser.parse_args()
    for detector in options.detectors:
        with tempfile.TemporaryDirectory() as folder:
            catalog = Path(folder) / "catalog"
            before = bare(options.film)
            full = ingest(options.film, catalog, detector)
            idle = ingest(options.film, catalog, detector)  # all there already: only the start-up is left
            floor = (before + bare(options.film)) / 2
        row = {
            "detector": detector,
            "shots": full["shots"],
            "bare_decode_s": round(floor, 2),
            "ingest_s": round(full["wall"], 2),
            "start_up_s": round(idle["wall"], 2),
            "ratio": round(full["wall"] / floor, 2),
            "ratio_running": round((full["wall"] - idle["wall"]) / floor, 2),
            "peak_rss_mb": full["peak_rss_mb"],
        }
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
