"""Pretraining on catalogues of a given size, and the rows that come of a run."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from bench import Bench, Judged

from mediafm.config import Recipe
from mediafm.embed import Context, Embedder
from mediafm.model import Checkpoint, ShotTransformer
from mediafm.progress import Progress
from mediafm.synthetic import FeatureTitle, SyntheticFeatures
from mediafm.synthetic.features import DEFAULT_SHOTS
from mediafm.train import pretrain
from mediafm.types import FloatArray

CONTEXT, ALONE, UNTRAINED = "context", "alone", "untrained"
MOST_EPOCHS, EVALUATIONS = 100, 8


@dataclass(frozen=True, slots=True)
class Size:
    """A catalogue's size as asked for, and how it is trained on: `steps`, but no shot more than `MOST_EPOCHS` times."""

    shots: int
    steps: int

    @property
    def titles(self) -> int:
        """Titles of about that many shots together."""
        return max(round(2 * self.shots / sum(DEFAULT_SHOTS)), 2)

    def recipe(self, recipe: Recipe, seed: int) -> Recipe:
        """The recipe for this size and seed, measured on validation titles some eight times."""
        epochs = min(max(round(self.steps * recipe.data.shots_per_step / self.shots), 1), MOST_EPOCHS)
        schedule = recipe.schedule.model_copy(
            update={"epochs": epochs, "evaluate_every": max(epochs // EVALUATIONS, 1)}
        )
        run = recipe.run.model_copy(update={"seed": seed})
        return recipe.model_copy(update={"schedule": schedule, "run": run})


def run(bench: Bench, size: Size, seed: int, recipe: Recipe, out: Path, progress: Progress) -> dict[str, Any]:
    """Pretrain and measure; what came of it and, by row, `Judged`."""
    catalogue = SyntheticFeatures(bench.catalogue.world.seed, size.titles, first=bench.first_unlabelled)
    recipe = size.recipe(recipe, seed)
    name = f"{size.shots}-seed{seed}"
    result = pretrain(catalogue, out / "runs" / name, recipe, resume=True, progress=progress)
    checkpoint = Checkpoint.load(out / "runs" / name)
    rows: dict[str, Judged] = {}
    contexts: dict[str, Context] = {CONTEXT: "title", ALONE: "none"}
    for row, context in contexts.items():
        rows[row] = bench.embedding(f"{name}-{row}", checkpoint.fingerprint, _vectors(checkpoint, context))
    untrained = _untrained(checkpoint, seed)
    rows[UNTRAINED] = bench.embedding(f"{name}-{UNTRAINED}", untrained.fingerprint, _vectors(untrained, "title"))
    return {
        "result": asdict(result),
        "epochs": recipe.schedule.epochs,
        "readout": list(checkpoint.config.readout),
        "rows": rows,
    }


def _untrained(checkpoint: Checkpoint, seed: int) -> Checkpoint:
    """The same shape, fusion and read-out, with weights as drawn."""
    model = ShotTransformer(checkpoint.config, torch.Generator().manual_seed(seed)).eval()
    return replace(checkpoint, model=model, name="untrained")


def _vectors(checkpoint: Checkpoint, context: Context) -> Callable[[FeatureTitle], FloatArray]:
    """A title's shots under the checkpoint's own read-out."""
    embedder = Embedder(checkpoint)

    def vectors(title: FeatureTitle) -> FloatArray:
        times_S2 = np.stack([title.start_s, title.end_s], axis=1).astype(np.float32)
        return embedder.embed(title.features, title.global_vector, context, times_S2)[0]

    return vectors
