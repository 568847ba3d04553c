"""Does context search find more of the same place and the same moment on Friends than raw search?

python benchmarks/context_search.py CATALOG SEGMENTS.parquet [--features concat NAME ...] [--shots 1000]

Shots of labelled titles are examples; hits of their own title do not count. Told for each feature set: the share of the
first five hits that play in the same place (`loc_*` of the segment), and of examples that begin a segment (`onset`) the
share of first five hits that do as well; `chance` beside both, intervals of 95 % over examples' titles. Prints JSON.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from mediafm.catalog import Catalog
from mediafm.index import VectorIndex, open_index

FIRST, NEAR_S, DRAWS = 5, 3.0, 1000


def labels(path: Path, catalog: Catalog, index: VectorIndex) -> tuple[np.ndarray, np.ndarray]:
    """Place of each row (-1: none) and whether it begins a segment, [N]."""
    rows = pq.read_table(path).to_pylist()
    places = sorted(name for name in rows[0] if name.startswith("loc_"))
    place, begins = np.full(len(index), -1), np.zeros(len(index), bool)
    for number, title in enumerate(index.titles):
        first = int(index.starts[number])
        start, end = (np.asarray(times) for times in catalog.spans(title))
        for segment in (row for row in rows if row["title_id"] == title):
            inside = (start + end) / 2 >= segment["start_s"]
            inside &= (start + end) / 2 < segment["end_s"]
            held = [i for i, name in enumerate(places) if segment[name]]
            place[first : first + len(start)][inside] = held[0] if len(held) == 1 else -1
            nearest = int(np.abs(start - segment["start_s"]).argmin())
            begins[first + nearest] |= abs(start[nearest] - segment["start_s"]) <= NEAR_S
    return place, begins


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("catalog")
    parser.add_argument("segments", type=Path)
    parser.add_argument("--features", nargs="+", default=["concat"])
    parser.add_argument("--shots", type=int, default=1000)
    given = parser.parse_args()
    catalog = Catalog.open(given.catalog)
    told, index = {}, open_index(catalog, given.features[0])
    place, begins = labels(given.segments, catalog, index)
    title = np.repeat(np.arange(len(index.titles)), np.diff(index.starts))
    rng = np.random.default_rng(0)
    asked = {"place": np.flatnonzero(place >= 0), "onset": np.flatnonzero(begins)}
    asked = {name: np.sort(rng.permutation(rows)[: given.shots]) for name, rows in asked.items()}
    for name in given.features:
        index = open_index(catalog, name)
        for label, rows in asked.items():
            known = place >= 0
            right = np.array([_right(index, row, title, known, place if label == "place" else begins) for row in rows])
            told[f"{name}, {label}"] = _interval(right, title[rows], rng)
    shares = np.bincount(place[place >= 0]) / max((place >= 0).sum(), 1)
    chance = {"place": float(shares[place[asked["place"]]].mean()), "onset": float(begins[place >= 0].mean())}
    print(json.dumps({"asked": {name: len(rows) for name, rows in asked.items()}, "chance": chance, **told}, indent=1))


def _right(index: VectorIndex, row: int, title: np.ndarray, known: np.ndarray, label: np.ndarray) -> float:
    """Share of the first hits in other titles that have the example's label."""
    _, found = index.nearest(index.gather(np.array([row])), FIRST, known & (title != title[row]))
    return float((label[found[0]] == label[row]).mean())


def _interval(right: np.ndarray, of: np.ndarray, rng: np.random.Generator) -> list[float]:
    titles, code = np.unique(of, return_inverse=True)
    sums, counts = np.bincount(code, right), np.bincount(code)
    drawn = rng.multinomial(len(titles), np.full(len(titles), 1 / len(titles)), size=DRAWS)
    low, high = np.quantile((drawn @ sums) / (drawn @ counts), [0.025, 0.975])
    return [round(float(value), 4) for value in (right.mean(), low, high)]


if __name__ == "__main__":
    main()
