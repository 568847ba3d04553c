"""Are a probe's intervals and tests what they say? Whole probes on random titles, many times over.

    python benchmarks/probe_statistics.py [--repetitions 200] [--titles 40] [--rows 25]

Permuted: labels know nothing of the features. Every metric must sit at its chance value, and the 95 % interval of its
gain over chance must hold zero in 95 of 100 repetitions. Planted: one feature set knows a little more than the other.
The paired test at 5 % must find the true difference as often as the power it states: `detectable` is what it finds four
times in five. One JSON document is printed, a table goes to stderr.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mediafm.probes.fitting import fit_folds
from mediafm.probes.intervals import central, detectable, interval, p_value, standard_error
from mediafm.probes.metrics import FoldRows, HeldOut, Predictions, find_metric
from mediafm.probes.splits import Fold, inner_groups
from mediafm.probes.tasks import Kind, Split, Task
from mediafm.probes.units import Examples

DRAWS = 400
WIDTH = 6
METRICS: dict[Kind, list[str]] = {
    "binary": ["average_precision", "roc_auc", "f1", "recall_at_50", "miou", "f1_within_3s"],
    "multilabel": ["average_precision"],
    "multiclass": ["balanced_accuracy", "accuracy", "f1", "average_precision"],
    "ranking": ["kendall_tau", "spearman"],
    "regression": ["r2", "pearson", "spearman"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=200)
    parser.add_argument("--titles", type=int, default=40, help="half teach, half judge")
    parser.add_argument("--rows", type=int, default=25, help="of each title")
    options = parser.parse_args()
    permuted = {
        f"{kind} {name}": values
        for kind in METRICS
        for name, values in _permuted(kind, options.repetitions, options.titles, options.rows).items()
    }
    document = {
        "repetitions": options.repetitions, "titles": options.titles, "rows": options.rows, "permuted": permuted,
        "planted": _planted(options.repetitions, options.titles, options.rows),
    }  # fmt: skip
    _say(document)
    print(json.dumps(document, indent=1))


def _permuted(kind: Kind, repetitions: int, titles: int, rows: int) -> dict[str, dict[str, float]]:
    held: dict[str, list[tuple[float, bool, bool]]] = {name: [] for name in METRICS[kind]}
    for rng in _generators(repetitions, kind):
        truth = _truth(kind, titles * rows, rng)
        features = rng.normal(size=(titles * rows, WIDTH)) + rng.normal(size=(titles, WIDTH)).repeat(rows, axis=0)
        bench, said = _probe(kind, features.astype(np.float32), truth, titles, rows, rng)
        weights = bench.draws(DRAWS, rng)
        for name in METRICS[kind]:
            metric = find_metric(name, kind)
            gain = float(np.nanmean(bench.values(metric, said) - bench.chance(metric, said)))
            drawn = np.nanmean(bench.values(metric, said, weights) - bench.chance(metric, said, weights), axis=1)
            around, plain = interval(gain, drawn, bench.freedom), central(drawn)
            assert around.low is not None and around.high is not None
            held[name].append((gain, around.low <= 0 <= around.high, plain[0] <= 0 <= plain[1]))
    return {
        name: {
            "over_chance": float(np.mean([v[0] for v in values])),
            "error": float(np.std([v[0] for v in values], ddof=1) / np.sqrt(len(values))),
            "covered": float(np.mean([v[1] for v in values])),
            "covered_by_percentiles": float(np.mean([v[2] for v in values])),
        }
        for name, values in held.items()
    }


def _planted(repetitions: int, titles: int, rows: int) -> list[dict[str, float]]:
    """Scores of two scorers, one a little better: how often the paired test at 5 % says so, and what it promised."""
    found = []
    for signal in (0.0, 0.1, 0.2, 0.3, 0.4):
        claims, gaps, promised = [], [], []
        for rng in _generators(repetitions, f"planted {signal}"):
            truth = rng.random((titles * rows, 1)) < 0.2
            shared = 0.8 * truth + rng.normal(size=truth.shape)
            scores = [shared + s * truth + 0.4 * rng.normal(size=truth.shape) for s in (signal, 0.0)]
            bench = _held_out(truth, np.repeat(np.arange(titles), rows), rows)
            weights, metric = bench.draws(DRAWS, rng), find_metric("average_precision", "binary")
            value, drawn = ([bench.values(metric, Predictions(s), w)[:, 0] for s in scores] for w in (None, weights))
            gap, error = float(value[0][0] - value[1][0]), standard_error(drawn[0] - drawn[1], bench.freedom)
            claims.append((p_value(gap, error, bench.freedom) or 0) < 0.05)
            gaps.append(gap)
            promised.append(detectable(error, bench.freedom) or 0.0)
        found.append({
            "signal": signal, "true_difference": float(np.mean(gaps)), "detectable": float(np.mean(promised)),
            "found": float(np.mean(claims)),
        })  # fmt: skip
    return found


def _generators(count: int, of: str) -> Iterator[np.random.Generator]:
    seed = [ord(letter) for letter in of]
    return (np.random.default_rng([number, *seed]) for number in range(count))


def _truth(kind: Kind, rows: int, rng: np.random.Generator) -> np.ndarray:
    if kind in ("ranking", "regression"):
        return rng.normal(size=(rows, 1))
    if kind == "multiclass":
        return rng.integers(0, 3, (rows, 1))
    return rng.random((rows, 1 if kind == "binary" else 4)) < 0.15


def _probe(
    kind: Kind, features: np.ndarray, truth: np.ndarray, titles: int, rows: int, rng: np.random.Generator
) -> tuple[HeldOut, Predictions]:
    """Fit on the first half of the titles; the second half and what is said of it."""
    title, number = np.repeat(np.arange(titles), rows), np.tile(np.arange(rows), titles)
    spans = tuple((np.arange(rows) * 2.0, np.arange(rows) * 2.0 + 2) for _ in range(titles))
    classes = ("a", "b", "c") if kind == "multiclass" else ()
    examples = Examples(
        tuple(f"t{i}" for i in range(titles)), spans, title, number * 2.0, number * 2.0 + 2, number, truth,
        tuple(f"l{i}" for i in range(truth.shape[1])), classes, title if kind == "ranking" else title[:0],
    )  # fmt: skip
    task = Task(
        name="t",
        kind=kind,
        unit="shot",
        labels=Path(),
        split=Split(folds=2),
        penalties=[1e-3, 1e-2, 0.1],
        inner_folds=2,
    )
    half = np.arange(titles // 2)
    fold = Fold(half, np.arange(titles // 2, titles), inner_groups(examples, half, 2, rng))
    (probe,) = fit_folds(features, examples, [fold], task)
    judged = title >= titles // 2
    return _held_out(truth[judged], title[judged] - titles // 2, rows), probe.predict(features[judged], task)


def _held_out(truth: np.ndarray, title: np.ndarray, rows: int) -> HeldOut:
    start = np.tile(np.arange(rows) * 2.0, len(title) // rows)
    return HeldOut(FoldRows(truth, title, title, title, start, start + 2), np.zeros(len(title), dtype=np.int64))


def _say(document: dict) -> None:
    print("| metric | over chance | 0 covered | by percentiles |\n|---|--:|--:|--:|", file=sys.stderr)
    for name, v in document["permuted"].items():
        print(
            f"| {name} | {v['over_chance']:+.4f} ±{v['error']:.4f} | {v['covered']:.3f} | "
            f"{v['covered_by_percentiles']:.3f} |",
            file=sys.stderr,
        )
    print("\n| true difference | detectable at 80 % | found |\n|--:|--:|--:|", file=sys.stderr)
    for v in document["planted"]:
        print(f"| {v['true_difference']:.4f} | {v['detectable']:.4f} | {v['found']:.3f} |", file=sys.stderr)


if __name__ == "__main__":
    main()
