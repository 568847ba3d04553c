"""Cold start on a synthetic catalogue with planted taste: what is reached, over several worlds, beside what can be.

    python benchmarks/cold_start.py [--seeds 5] [--titles 200] [--users 600] [--pretrain tiny] [--out DIR]

Each seed is a world of its own: titles, users and their tastes (docs/cold-start.md says what is planted). Rows are
means over worlds; intervals are of 95 % over worlds, so they hold for users and titles alike. `oracle:chance` sorts by
the chance of a like itself, `oracle:visible` by what vectors could show, `oracle:people` by what metadata could.
--pretrain also trains a recipe on each catalogue and adds its embedding set. One JSON document is printed, a table goes
to stderr.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from mediafm.catalog import Catalog, CatalogSpec, EncoderSpec, ShotRecord, TitleRecord
from mediafm.probes.intervals import interval
from mediafm.synthetic import SyntheticFeatures, draw_viewing, write_viewing
from mediafm.types import Metadata, Shot
from mediafm.uses.cold_start import run_cold_start
from mediafm.uses.interactions import read_interactions, read_oracles

MEASURES = ("ndcg", "recall", "audience")
TICKS = 1000  # a second


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--titles", type=int, default=200)
    parser.add_argument("--users", type=int, default=600)
    parser.add_argument("--pretrain", default="", help="recipe to train on each catalogue")
    parser.add_argument("--out", type=Path, default=None)
    options = parser.parse_args()
    began, results = time.monotonic(), []
    with tempfile.TemporaryDirectory() as folder:
        os.environ.setdefault("MEDIAFM_CACHE", str(Path(folder) / "cache"))
        for seed in range(options.seeds):
            results.append(_world(Path(folder) / str(seed), seed, options.titles, options.users, options.pretrain))
            print(f"world {seed}: {results[-1]['seconds']:.0f} s", file=sys.stderr)
    document = {
        "titles": options.titles, "users": options.users, "seeds": options.seeds, "rows": _over_worlds(results),
        "likes": float(np.mean([r["likes"] for r in results])), "settings": [r["settings"] for r in results],
        "seconds": round(time.monotonic() - began, 1),
    }  # fmt: skip
    for name, row in document["rows"].items():
        said = [f"{row[m]['score']:.3f} ({row[m]['low']:.3f}-{row[m]['high']:.3f})" for m in MEASURES]
        print(f"{name:24s} " + "  ".join(said), file=sys.stderr)
    text = json.dumps(document, indent=1)
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "cold_start.json").write_text(text + "\n", encoding="utf-8")
    print(text)


def synthetic_catalog(folder: Path, source: SyntheticFeatures) -> Catalog:
    """A feature catalogue as a real one, metadata vectors included; genres are the moods of titles' scores."""
    from fractions import Fraction

    encoders = {m: EncoderSpec(e.name, e.dim, e.fingerprint, e.licence) for m, e in source.spec.encoders.items()}
    catalog = Catalog.create(folder, CatalogSpec("synthetic", "synthetic", encoders))
    with catalog.batch_writer() as batch:
        for title in source:
            edges = np.concatenate([[0], np.round(title.end_s * TICKS)]).astype(int).tolist()
            shots = [Shot(i, edges[i], edges[i + 1], 0, 0) for i in range(len(edges) - 1)]
            with batch.writer(title.title_id) as writer:
                writer.append([ShotRecord.from_shot(shot, Fraction(1, TICKS)) for shot in shots], title.features)
                metadata = Metadata(name=title.title_id, genres=(f"mood {title.truth.mood}",))
                record = TitleRecord(
                    title_id=title.title_id, time_base=Fraction(1, TICKS), end_pts=edges[-1], metadata=metadata
                )
                writer.commit(record, title.global_vector)
    return catalog


def _world(folder: Path, seed: int, titles: int, users: int, recipe: str) -> dict:
    folder.mkdir(parents=True)
    source = SyntheticFeatures(seed, titles, shots=(40, 80))
    catalog = synthetic_catalog(folder / "catalog", source)
    if recipe:
        from mediafm.config import load_recipe
        from mediafm.embed import embed
        from mediafm.train import pretrain

        pretrain(catalog, folder / "run", load_recipe(recipe))
        embed(catalog, folder / "run", name=recipe)
    write_viewing(folder, draw_viewing(source, users, seed), seed)
    liked = read_interactions(folder / "interactions.csv", catalog.title_ids())
    result = run_cold_start(catalog, liked, seed=seed, oracles=read_oracles(folder / "oracle.csv", liked))
    rows = {row.name: {m: getattr(row, m).score for m in MEASURES} for row in result.rows}
    settings = {row.name: row.settings for row in result.rows if row.settings}
    return {"rows": rows, "likes": result.likes, "seconds": result.seconds, "settings": settings}


def _over_worlds(results: list[dict]) -> dict:
    """Mean of each row and measure over worlds, with its interval."""
    draws = np.random.default_rng(0).multinomial(len(results), np.full(len(results), 1 / len(results)), size=2000)
    found: dict = {}
    for name in results[0]["rows"]:
        for measure in MEASURES:
            each = np.array([result["rows"][name][measure] for result in results])
            around = interval(float(each.mean()), draws / len(each) @ each, len(each) - 1, (0, 1))
            low, high = (each.mean() if b is None else b for b in (around.low, around.high))
            held = {"score": round(float(each.mean()), 4), "low": round(float(low), 4), "high": round(float(high), 4)}
            found.setdefault(name, {})[measure] = held
    return found


if __name__ == "__main__":
    main()
