"""Kill an ingest at random moments, hundreds of times, and see whether anything is lost, doubled or different.

    python benchmarks/kills.py [--kills 200] [--titles 20] [--seed 0]

Twenty small films (with and without sound and words) are ingested by two workers. At a random moment the command
or one of its readers gets SIGKILL; where the command died, it is started again. As soon as a catalog is complete it is
compared with one made undisturbed (titles, shots, vectors to the last bit, pictures, `verify`), and the next is begun.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))  # the films and the killing are the tests'

from ingest_films import make_film
from ingest_killing import differences, kill_some, leftovers, start_ingest

LONGEST_S = 8.0  # until a kill


def run_once(films: Path, catalog: Path, rng: random.Random, counts: Counter[str], kills: int) -> None:
    """Ingest into one catalog, with kills, until it is complete."""
    while True:
        run = start_ingest(films, catalog, "--workers", "2")
        counts.update(kill_some(run, rng, LONGEST_S, kills - counts["command"] - counts["reader"]))
        counts["left over"] += len(leftovers(run.pid))
        if run.returncode == 0:
            return


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--titles", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng, counts, faults, catalogs = random.Random(options.seed), Counter[str](), [], 0
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        films, reference = Path(folder) / "films", Path(folder) / "reference"
        films.mkdir()
        for number in range(options.titles):
            make_film(films / f"film{number:02}.mp4", seed=number, sound=number % 3 != 1, cues=number % 2 == 0)
        start_ingest(films, reference).communicate()
        while counts["command"] + counts["reader"] < options.kills:
            catalog = Path(folder) / f"catalog{catalogs}"
            run_once(films, catalog, rng, counts, options.kills)
            faults += differences(catalog, reference)
            catalogs += 1
            print(f"{catalogs} catalogs, {dict(counts)}, faults: {faults}", file=sys.stderr, flush=True)
    document = {
        "titles": options.titles,
        "kills of the command": counts["command"],
        "kills of a reader": counts["reader"],
        "catalogs completed": catalogs,
        "faults": faults,
        "processes left over": counts["left over"],
        "seconds": round(time.monotonic() - began),
    }
    print(json.dumps(document, indent=1))


if __name__ == "__main__":
    main()
