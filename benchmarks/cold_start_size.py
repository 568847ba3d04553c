"""Cold start on a table as large as MovieLens' 20M: what reading, learning and one fold of judging take.

python benchmarks/cold_start_size.py [--titles 27000] [--users 138000] [--rows 20000000] [--dim 256]

Draws a table of interactions (long-tailed titles and users, ratings of .5 to 5) and random content vectors, writes
the table as parquet, and does what one fold of `mediafm cold-start` does with it. Seconds are the processor's; the peak
is of this process, the drawing of the table left to another one. Prints JSON.
"""

import argparse
import json
import multiprocessing
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from index import peak_mb
from mediafm.fusion import unit_rows
from mediafm.uses.cold_start import MOST_PEOPLE
from mediafm.uses.interactions import read_interactions
from mediafm.uses.mixed import content_scores, fit_mixed
from mediafm.uses.ranking_scores import ndcg_and_recall


def write_table(path: Path, titles: int, users: int, rows: int) -> None:
    """Interactions of random users and titles, both long-tailed."""
    rng = np.random.default_rng(0)
    items = (titles * rng.random(rows) ** 3).astype(np.int32)
    people = (users * rng.random(rows) ** 2).astype(np.int32)
    ratings = rng.integers(1, 11, rows, dtype=np.int8).astype(np.float32) / 2
    pq.write_table(pa.table({"userId": people, "movieId": items, "rating": ratings}), path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--titles", type=int, default=27_000)
    parser.add_argument("--users", type=int, default=138_000)
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--dim", type=int, default=256)
    given = parser.parse_args()
    told: dict[str, float] = {}

    @contextmanager
    def clock(name: str) -> Iterator[None]:
        began = time.process_time()
        yield
        told[f"{name}_s"], told[f"{name}_peak_mb"] = round(time.process_time() - began, 1), round(peak_mb())

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ratings.parquet"
        drawing = multiprocessing.get_context("spawn").Process(
            target=write_table, args=(path, given.titles, given.users, given.rows)
        )
        drawing.start()
        drawing.join()
        with clock("read"):
            table = read_interactions(path, [str(i) for i in range(given.titles)])
    rng = np.random.default_rng(1)
    content = unit_rows(rng.standard_normal((given.titles, given.dim)).astype(np.float32)).astype(np.float64)
    order = rng.permutation(given.titles)
    new, known = order[: given.titles // 5], order[given.titles // 5 :]
    people = np.sort(rng.permutation(len(table.users))[:MOST_PEOPLE])
    with clock("learn"):
        mixed = fit_mixed(table.liked_UT[:, known], content[known], 0)
    with clock("judge"):
        wanted = table.liked_UT[people][:, new].toarray() > 0
        for scores in (
            mixed.scores(content[new], people),
            content_scores(table.liked_UT[:, known], content[known], content[new], people),
        ):
            ndcg_and_recall(wanted[:5000], scores[:5000], 10)
            ndcg_and_recall(wanted.T, scores.T, 10)
    print(json.dumps({"likes": int(table.counts.sum()), "users": len(table.users), **told}))


if __name__ == "__main__":
    main()
