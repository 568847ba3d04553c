"""Promotional clips on the synthetic films: how many are worth it, and how many of the scenes worth it they show.

    python benchmarks/promos.py CATALOG CLIPWORTHY OUT [--features concat NAME] [--k 3] [--length 4 12]

CLIPWORTHY: truth/labels_clipworthy.csv of `mediafm.synthetic.write_catalogue` (title, start, end, clip_worthy). Four
folds: a probe never saw the films it ranks. A clip is a hit if at least half of it lies in one scene that is worth it;
"scenes": share of a film's worthy scenes (at most k) that some clip hits; "spread": mean of 1 - cosine between a film's
clips. One JSON document; the table goes to stderr.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from mediafm.catalog import Catalog
from mediafm.fusion import unit_rows
from mediafm.probes import run_probe
from mediafm.probes.saved import SavedProbe
from mediafm.probes.tasks import Split, Task
from mediafm.uses.probed import ShotProbe
from mediafm.uses.promos import find_promos
from mediafm.uses.spans import SpanVectors, runs_of_length
from mediafm.uses.titles import TitleShots, read_shots

FOLDS, RANDOM_DRAWS, UNTIL = 4, 50, 0.75
Runs = np.ndarray  # [k, 2], first shot and end


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("catalog")
    parser.add_argument("labels", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--features", nargs="+", default=["concat"])
    parser.add_argument("--k", type=int, default=3)
    parser.add_argument("--length", type=float, nargs=2, default=(4.0, 12.0))
    options = parser.parse_args()
    catalog, labels = Catalog.open(options.catalog), pyarrow.csv.read_csv(options.labels)
    titles = [t for t in catalog.title_ids() if t in set(labels["title"].to_pylist())]
    rows: dict[str, list[list[float]]] = {}
    past = 0
    for feature in options.features:
        for fold in range(FOLDS):
            saved = fitted(catalog, labels, titles, feature, fold, options.out)
            judge = ShotProbe(catalog, saved)
            for title in titles[fold::FOLDS]:
                shots = read_shots(catalog, title)
                score = Scorer(shots, judge, labels, title)
                for name, runs in ways(catalog, shots, title, saved, options).items():
                    plain = name.startswith(("random", "even"))
                    if plain and feature != options.features[0]:
                        continue
                    rows.setdefault(name if plain else f"{feature}, {name}", []).append(
                        np.mean([score(r) for r in runs], axis=0)
                    )
                    if name.endswith("no spoilers"):
                        past += sum(
                            bool((shots.end_s[r[:, 1] - 1] > UNTIL * shots.end_s[-1] + 1e-6).any()) for r in runs
                        )
    draws = np.random.default_rng(0)
    document = {"titles": len(titles), "k": options.k, "past_the_point": past, "rows": {}}
    for name, values in rows.items():
        table = np.array(values)
        drawn = table[draws.integers(len(table), size=(1000, len(table)))].mean(axis=1)
        low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
        facts = {m: [float(table[:, i].mean()), float(low[i]), float(high[i])] for i, m in enumerate(MEASURES)}
        document["rows"][name] = facts
        said = " ".join(f"{m} {v[0]:.3f} ({v[1]:.3f}-{v[2]:.3f})" for m, v in facts.items())
        print(f"{name:>34}: {said}", file=sys.stderr)
    print(json.dumps(document, indent=1))


def fitted(catalog: Catalog, labels: pa.Table, titles: list[str], feature: str, fold: int, out: Path) -> SavedProbe:
    """The probe of a feature set on the films of all other folds."""
    folder = out / f"{feature}-{fold}"
    folder.mkdir(parents=True, exist_ok=True)
    judged = set(titles[fold::FOLDS])
    taught = labels.filter(pa.array([t not in judged for t in labels["title"].to_pylist()]))
    pyarrow.csv.write_csv(taught, folder / "labels.csv")
    task = Task(
        name="clipworthy", kind="binary", unit="clip", labels=(folder / "labels.csv").resolve(), split=Split(folds=3)
    )
    run_probe(catalog, task, [feature], folder, curve=False)
    return SavedProbe.load(folder / "probes" / feature)


def ways(
    catalog: Catalog, shots: TitleShots, title: str, saved: SavedProbe, options: argparse.Namespace
) -> dict[str, list[Runs]]:
    """Name -> one or more choices of k spans."""
    length, k = tuple(options.length), options.k
    every = runs_of_length(shots.start_s, shots.end_s, *length)
    rng = np.random.default_rng(int(title[-2:]))
    middles = (shots.start_s[every[:, 0]] + shots.end_s[every[:, 1] - 1]) / 2
    places = (np.arange(k) + 0.5) / k * shots.end_s[-1]
    found = {
        "random": [apart(every[rng.permutation(len(every))], k) for _ in range(RANDOM_DRAWS)],
        "even": [every[[int(np.abs(middles - place).argmin()) for place in places]]],
    }
    for name, settings in {
        "probe alone": {"diversity": 0.0},
        "diversity .3": {"diversity": 0.3},
        "diversity .6": {"diversity": 0.6},
        "diversity .3, no spoilers": {"diversity": 0.3, "until": f"{UNTIL:.0%}"},
    }.items():
        promos = find_promos(catalog, title, saved, length, k, **settings).promos
        found[name] = [np.array([(p.first_shot, p.end_shot) for p in promos])]
    return found


def apart(runs: Runs, k: int) -> Runs:
    """The first k runs of which none overlaps one before it."""
    chosen: list[np.ndarray] = []
    for run in runs:
        if all(run[1] <= other[0] or run[0] >= other[1] for other in chosen):
            chosen.append(run)
        if len(chosen) == k:
            break
    return np.array(chosen)


MEASURES = ("precision", "scenes", "spread")


class Scorer:
    """(precision, scenes, spread) of spans of one title."""

    def __init__(self, shots: TitleShots, judge: ShotProbe, labels: pa.Table, title: str) -> None:
        self.shots = shots
        rows = [r for r in labels.to_pylist() if r["title"] == title and r["clip_worthy"]]
        self.worthy = np.array([(r["start"], r["end"]) for r in rows]).reshape(-1, 2)
        vectors = judge.vectors(shots)
        self.vectors = unit_rows(vectors - vectors.mean(axis=0))

    def __call__(self, runs: Runs) -> list[float]:
        start, end = self.shots.start_s[runs[:, 0]], self.shots.end_s[runs[:, 1] - 1]
        shared = np.minimum(end[:, None], self.worthy[:, 1]) - np.maximum(start[:, None], self.worthy[:, 0])
        hits = shared >= 0.5 * (end - start)[:, None]
        scenes = hits.any(axis=0).sum() / max(min(len(self.worthy), len(runs)), 1)
        spans = SpanVectors.of(self.vectors, self.shots.end_s - self.shots.start_s, runs)
        directions = np.stack([spans.direction(i) for i in range(len(runs))])
        pairs = np.triu_indices(len(runs), 1)
        return [float(hits.any(axis=1).mean()), float(scenes), float(1 - (directions @ directions.T)[pairs].mean())]


if __name__ == "__main__":
    main()
