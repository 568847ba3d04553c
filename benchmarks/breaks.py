"""Ad breaks against true scenes and speech: the chosen ones, even spacing, even spacing moved to a cut, any cut.

    python benchmarks/breaks.py CATALOG SCENES [--cues CUES] [--titles 's05*'] [--features concat NAME] [--count 4]

SCENES as in benchmarks/chapters.py. CUES: a table of spoken lines (title or title_id, start_s, end_s) where the catalog
has none: with it, breaks are chosen once with and once without knowing when words are said. "scene": share of breaks
within half a second of a true scene's start; "speech": share inside a spoken line. Scenes are cut as `mediafm breaks`
does. Intervals are of titles. One JSON document; the table goes to stderr.
"""

import argparse
import json
import sys
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
import pyarrow.csv
import pyarrow.parquet
from chapters import true_starts

from mediafm.catalog import Catalog
from mediafm.errors import UsageError
from mediafm.index import open_index
from mediafm.uses.breaks import Rules, choose_breaks, scene_starts
from mediafm.uses.titles import TitleShots, read_shots, rows_of

NEAR_S, RANDOM_DRAWS = 0.5, 20


def read_cues(path: Path) -> dict[str, np.ndarray]:
    """Title -> [c, 2] start and end of its lines in seconds."""
    table = pyarrow.parquet.read_table(path) if path.suffix == ".parquet" else pyarrow.csv.read_csv(path)
    title = next(name for name in ("title", "title_id") if name in table.column_names)
    found: dict[str, list[tuple[float, float]]] = {}
    for one, a, b in zip(*(table[c].to_pylist() for c in (title, "start_s", "end_s")), strict=True):
        found.setdefault(one, []).append((a, b))
    return {one: np.array(sorted(lines)) for one, lines in found.items()}


def judged(times: np.ndarray, scenes: np.ndarray, cues: np.ndarray) -> list[float]:
    """(share at true scenes, share inside spoken lines) of some breaks."""
    at_scene = np.abs(times[:, None] - scenes).min(axis=1) <= NEAR_S
    spoken = ((times[:, None] > cues[:, 0]) & (times[:, None] < cues[:, 1])).any(axis=1)
    return [float(at_scene.mean()), float(spoken.mean())]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("catalog")
    parser.add_argument("scenes", type=Path)
    parser.add_argument("--cues", type=Path)
    parser.add_argument("--titles", default="*")
    parser.add_argument("--features", nargs="+", default=["concat"])
    parser.add_argument("--count", type=int, default=4)
    options = parser.parse_args()
    catalog, truth = Catalog.open(options.catalog), true_starts(options.scenes)
    told = read_cues(options.cues) if options.cues else {}
    names = [t for t in catalog.title_ids() if t in truth and fnmatchcase(t, options.titles)]
    rows: dict[str, list[list[float]]] = {}
    nothing = 0
    indexes = {name: open_index(catalog, name) for name in options.features}
    for title in names:
        shots = read_shots(catalog, title)
        spoken = told.get(title, shots.cues if shots.cues is not None else np.zeros((0, 2)))
        rules = Rules.of(float(shots.end_s[-1]), options.count, None, None)
        for name, times in plain(shots, rules).items():
            rows.setdefault(name, []).append(np.mean([judged(t, truth[title], spoken) for t in times], axis=0))
        for feature, index in indexes.items():
            vectors = rows_of(index, title, len(shots))
            starts = scene_starts(vectors, shots, rules)
            known = {feature: shots} if shots.cues is not None else {f"{feature}, words of shots": shots}
            if title in told:
                known[f"{feature}, times of words"] = replace(shots, cues=spoken)
            for name, seen in known.items():
                try:
                    found, _, _ = choose_breaks(seen, vectors, starts, rules, {})
                except UsageError:
                    nothing += 1
                    continue
                rows.setdefault(name, []).append(judged(np.array([b.time_s for b in found]), truth[title], spoken))
    print(f"{len(names)} titles, {nothing} choices without a cut that keeps the rules", file=sys.stderr)
    draws = np.random.default_rng(0)
    document = {"titles": len(names), "without": nothing, "rows": {}}
    for name, values in rows.items():
        table = np.array(values)
        drawn = table[draws.integers(len(table), size=(1000, len(table)))].mean(axis=1)
        low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
        facts = {
            m: [float(table[:, i].mean()), float(low[i]), float(high[i])] for i, m in enumerate(("scene", "speech"))
        }
        document["rows"][name] = facts
        said = " ".join(f"{m} {v[0]:.3f} ({v[1]:.3f}-{v[2]:.3f})" for m, v in facts.items())
        print(f"{name:>32}: {said}", file=sys.stderr)
    print(json.dumps(document, indent=1))


def plain(shots: TitleShots, rules: Rules) -> dict[str, list[np.ndarray]]:
    """Breaks that look at nothing: at even times, at the cuts nearest to these, at any cuts."""
    even = (np.arange(rules.count) + 1) / (rules.count + 1) * shots.end_s[-1]
    cuts = shots.start_s[1:]
    rng = np.random.default_rng(0)
    anywhere = [rng.choice(cuts, min(rules.count, len(cuts)), replace=False) for _ in range(RANDOM_DRAWS)]
    return {
        "even times": [even],
        "even, moved to a cut": [np.array([cuts[np.abs(cuts - at).argmin()] for at in even])],
        "any cut": anywhere,
    }


if __name__ == "__main__":
    main()
