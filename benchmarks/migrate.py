"""What a map keeps between two embedding sets: checkpoints of other seeds, and other encoders altogether.

    python benchmarks/migrate.py [--titles 150] [--recipe tiny] [--seeds 2] [--out DIR]

Two catalogs hold the same synthetic titles as two encoders see them: the second one's vectors are the first's through a
network of random weights, with noise of its own, so no rotation undoes it. On both a recipe is pretrained with two
seeds. Told for each pair: recall@1, 10 and 100 kept on held-out titles, what the two sets share to begin with, the kind
of map that was chosen, and how many titles were enough. Every repetition is another world. One JSON document is
printed, a table goes to stderr.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from cold_start import synthetic_catalog

from mediafm.catalog import Catalog
from mediafm.config import load_recipe
from mediafm.embed import embed
from mediafm.fusion import unit_rows
from mediafm.synthetic import SyntheticFeatures
from mediafm.train import pretrain
from mediafm.types import Features
from mediafm.uses.migrate import Migration, migrate

NOISE = 0.3  # length of the second encoder's own noise beside a vector of length 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--titles", type=int, default=150)
    parser.add_argument("--recipe", default="tiny")
    parser.add_argument("--seeds", type=int, default=2, help="worlds")
    parser.add_argument("--out", type=Path, default=None)
    options = parser.parse_args()
    began, pairs = time.monotonic(), {}
    with tempfile.TemporaryDirectory() as folder:
        os.environ.setdefault("MEDIAFM_CACHE", str(Path(folder) / "cache"))
        for seed in range(options.seeds):
            for name, found in _world(Path(folder) / str(seed), seed, options.titles, options.recipe).items():
                pairs.setdefault(name, []).append(found.as_json())
                print(f"world {seed}, {name}: {_line(found)}", file=sys.stderr, flush=True)
    document = {"titles": options.titles, "recipe": options.recipe, "pairs": pairs}
    document["seconds"] = round(time.monotonic() - began, 1)
    text = json.dumps(document, indent=1)
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "migrate.json").write_text(text + "\n", encoding="utf-8")
    print(text)


class OtherEncoder:
    """A feature catalogue seen by another encoder: each modality through a fixed random network, and noise."""

    def __init__(self, source: SyntheticFeatures, seed: int) -> None:
        self._source, self._rng = source, np.random.default_rng([seed, 11])
        self._layers = {
            m: (self._rng.normal(size=(dim, 4 * dim)) * 2, self._rng.normal(size=(4 * dim, dim)))
            for m, dim in source.world.dims.items()
        }

    @property
    def spec(self):
        """Other fingerprints."""
        spec = self._source.spec
        return replace(
            spec, encoders={m: replace(e, fingerprint=f"other-{e.fingerprint}") for m, e in spec.encoders.items()}
        )

    def __iter__(self):
        for title in self._source:
            vectors = {m: self._seen(m, rows, title.features.present[m]) for m, rows in title.features.vectors.items()}
            yield replace(title, features=Features(vectors, title.features.present))

    def _seen(self, modality, rows, present):
        into, out = self._layers[modality]
        mapped = unit_rows(np.tanh(rows @ into) @ out)
        noise = unit_rows(self._rng.normal(size=mapped.shape)) * NOISE
        return (unit_rows(mapped + noise) * present[:, None]).astype(np.float32)


def _world(folder: Path, seed: int, titles: int, recipe: str) -> dict[str, Migration]:
    source = SyntheticFeatures(seed, titles, shots=(40, 80))
    first = synthetic_catalog(folder / "first", source)
    other = synthetic_catalog(folder / "other", OtherEncoder(source, seed))
    for catalog in (first, other):
        _trained(catalog, folder / Path(catalog.uri).name, recipe, (0, 1) if catalog is first else (2,))
    return {
        "two seeds": migrate(first, "seed0", "seed1"),
        "two encoders, checkpoints of each": migrate(other, "seed0", "seed2", from_catalog=first),
        "two encoders, their features": migrate(other, "concat", "concat", from_catalog=first),
    }


def _trained(catalog: Catalog, folder: Path, recipe: str, seeds: tuple[int, ...]) -> None:
    for seed in seeds:
        run = folder.with_name(f"{folder.name}-run{seed}")
        pretrain(catalog, run, load_recipe(recipe, [f"run.seed={seed}"]))
        embed(catalog, run, name=f"seed{seed}")


def _line(found: Migration) -> str:
    kept = {depth: f"{k.score:.3f}" for depth, k in found.recall.items()}
    ten, before = found.recall[10], found.old_index[10].score if found.old_index else float("nan")
    return (
        f"kept {kept} (at 10: {ten.low}-{ten.high}), shared before {before:.3f}, cosine {found.cosine.score:.3f}, "
        f"{found.kind} {found.setting}, {found.enough} of {found.sample} titles enough"
    )


if __name__ == "__main__":
    main()
