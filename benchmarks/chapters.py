"""How well scenes are found: context against raw vectors, even spacing and nothing, and a probe if given.

    python benchmarks/chapters.py CATALOG SCENES [--titles 's05*'] [--features concat NAME ...] [--probe SAVED]

SCENES: a table (.csv, .parquet) of true scenes: title or title_id, start or start_s. A scene begins at the shot that
starts nearest, if within 3 s. Two rows a feature set: told the true number of scenes ("= n"), and finding it by itself.
A probe must not have seen these titles. Prints one JSON document; the table goes to stderr.
"""

import argparse
import json
import sys
import time
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
import pyarrow.csv
import pyarrow.parquet

from mediafm.catalog import Catalog
from mediafm.index import open_index
from mediafm.probes.boundaries import SceneTitle, scene_iou
from mediafm.probes.boundary_scores import title_sums
from mediafm.probes.saved import SavedProbe
from mediafm.probes.window_errors import pk, window_diff
from mediafm.uses.chapters import starts_by_probe, starts_by_scatter
from mediafm.uses.probed import ShotProbe
from mediafm.uses.titles import TitleShots, read_shots, rows_of

NEAR_S, DRAWS = 3.0, 1000


def true_starts(path: Path) -> dict[str, np.ndarray]:
    """Title -> starts of its true scenes in seconds."""
    table = pyarrow.parquet.read_table(path) if path.suffix == ".parquet" else pyarrow.csv.read_csv(path)
    title = next(name for name in ("title", "title_id") if name in table.column_names)
    start = next(name for name in ("start", "start_s") if name in table.column_names)
    found: dict[str, list[float]] = {}
    for one, at in zip(table[title].to_pylist(), table[start].to_pylist(), strict=True):
        found.setdefault(one, []).append(at)
    return {one: np.array(sorted(values)) for one, values in found.items()}


def scenes_of(shots: TitleShots, starts: np.ndarray) -> SceneTitle:
    """A title with its true boundaries."""
    distance = np.abs(shots.start_s[:, None] - starts)
    nearest = np.unique(distance.argmin(axis=0)[distance.min(axis=0) <= NEAR_S])
    return SceneTitle(shots.start_s, shots.end_s, nearest[nearest > 0])


def measured(titles: list[SceneTitle], found: list[np.ndarray], draws_BT: np.ndarray) -> dict[str, object]:
    """Scores of predicted boundaries of all titles, with 95 % intervals over titles."""
    out: dict[str, object] = {"boundaries": float(np.mean([len(f) for f in found]))}
    for name, tolerance in (("f1_exact", 0.0), (f"f1_{NEAR_S:g}s", NEAR_S)):
        sums = title_sums(titles, found, "f1", tolerance)
        out[name] = [sums.score(), *np.nanquantile(sums.drawn(draws_BT), [0.025, 0.975]).tolist()]
    iou = [scene_iou(t.true, f, t.start_s, t.end_s) for t, f in zip(titles, found, strict=True)]
    windows = [[m(t.true, f, len(t)) for t, f in zip(titles, found, strict=True)] for m in (pk, window_diff)]
    for name, values in zip(("miou", "pk", "window_diff"), [iou, *windows], strict=True):
        drawn = draws_BT @ np.array(values) / draws_BT.sum(axis=1)
        out[name] = [float(np.mean(values)), *np.quantile(drawn, [0.025, 0.975]).tolist()]
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("catalog")
    parser.add_argument("scenes", type=Path)
    parser.add_argument("--titles", default="*", help="pattern of title ids")
    parser.add_argument("--features", nargs="+", default=["concat"])
    parser.add_argument("--probe", nargs="*", default=[], help="saved probes of where scenes begin")
    options = parser.parse_args()
    catalog, truth = Catalog.open(options.catalog), true_starts(options.scenes)
    names = [t for t in catalog.title_ids() if t in truth and fnmatchcase(t, options.titles)]
    shots = [read_shots(catalog, title) for title in names]
    titles = [scenes_of(one, truth[name]) for one, name in zip(shots, names, strict=True)]
    counts = [len(title.true) + 1 for title in titles]
    even = [
        np.unique(np.linspace(0, len(t), n + 1)[1:-1].round().astype(int)) for t, n in zip(titles, counts, strict=True)
    ]
    found = {"none": [np.zeros(0, np.int64)] * len(titles), "even shots = n": even}
    seconds = {}
    for feature in options.features:
        index = open_index(catalog, feature)
        rows = [rows_of(index, name, len(one)) for name, one in zip(names, shots, strict=True)]
        began = time.perf_counter()
        found[f"{feature} = n"] = [starts_by_scatter(r, s, n)[1:] for r, s, n in zip(rows, shots, counts, strict=True)]
        found[feature] = [starts_by_scatter(r, s, None)[1:] for r, s in zip(rows, shots, strict=True)]
        seconds[feature] = time.perf_counter() - began
    for path in options.probe:
        judge = ShotProbe(catalog, SavedProbe.load(path))
        judged = [judge.of(one) for one in shots]
        mark = f"probe {Path(path).name}"
        found[f"{mark} = n"] = [starts_by_probe(p, s, n)[1:] for p, s, n in zip(judged, shots, counts, strict=True)]
        found[mark] = [starts_by_probe(p, s, None)[1:] for p, s in zip(judged, shots, strict=True)]
    draws = np.random.default_rng(0).multinomial(len(titles), np.full(len(titles), 1 / len(titles)), DRAWS)
    rows_out = {name: measured(titles, starts, draws) for name, starts in found.items()}
    print(f"{len(titles)} titles, {np.mean(counts) - 1:.1f} true boundaries each", file=sys.stderr)
    for name, row in rows_out.items():
        said = " ".join(
            f"{k} {v[0]:.3f} ({v[1]:.3f}-{v[2]:.3f})" if isinstance(v, list) else f"{k} {v:.1f}" for k, v in row.items()
        )
        print(f"{name:>24}: {said}", file=sys.stderr)
    print(json.dumps({"titles": len(titles), "rows": rows_out, "seconds": seconds}, indent=1))


if __name__ == "__main__":
    main()
