"""The MSM loss on held-out shots, at masks that never change, beside the trivial predictors at the same shots.

Shapes: N shots of a batch, S shots of one sequence, D fused size.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
import torch

from mediafm.errors import TrainingError
from mediafm.fusion import FusionStats
from mediafm.model import ShotTransformer, cosine_distance
from mediafm.sequences import Batch, FeatureCache, Span, collate, fold_masks
from mediafm.train.distributed import World
from mediafm.train.runtime import Runtime
from mediafm.train.trivial import TRIVIAL, trivial_distances
from mediafm.types import BoolArray, FloatArray

FOLDS = 5  # a fifth is hidden at a time, whatever share the recipe trains with, so that runs can be compared


class Validation:
    """Every validation shot that has features is hidden exactly once, in one of five passes over its sequence.

    The masks depend on a title's id alone, so runs over the same titles are measured at the same masks.
    `trivial`: cosine distance by predictor. `shots`: how many are scored.
    """

    def __init__(
        self,
        cache: FeatureCache,
        stats: FusionStats,
        held_out: Sequence[Span],
        window: int,
        micro_shots: int,
        world: World,
    ) -> None:
        """TrainingError if no held-out shot has features. Each process reads its share of them."""
        self._cache, self._stats = cache, stats
        spans = [
            Span(whole.title, start, min(start + window, whole.stop))
            for whole in held_out
            for start in range(whole.start, whole.stop, window)
        ]
        self._batches = _batches(spans, micro_shots)
        *sums, shots = world.sum(self._trivial(world.share(spans)))
        if not shots:
            raise TrainingError(
                "No validation shot has any feature.", "Raise data.validation_share or name other validation_titles."
            )
        self.shots = round(shots)
        self.trivial = {name: total / shots for name, total in zip(TRIVIAL, sums, strict=True)}

    @torch.inference_mode()
    def evaluate(self, model: ShotTransformer, runtime: Runtime, world: World) -> float:
        """Mean cosine distance over all hidden shots, of all processes. The model is left in the mode it came in."""
        training, total = model.training, 0.0
        model.eval()
        for spans in world.share(self._batches):
            batch = collate(self._cache, self._stats, spans)
            hidden_FN = np.concatenate(
                [_hidden(span, part) for span, part in zip(spans, _parts(batch), strict=True)], axis=1
            )
            fused_ND, global_BG, times_N2 = runtime.tensors(batch.fused_ND, batch.global_BG, batch.times_N2)
            for hidden_N in hidden_FN:
                masked_N, rows_K = runtime.tensors(hidden_N, np.flatnonzero(hidden_N))
                with runtime.autocast():
                    found = model.encode(fused_ND, batch.lengths_B.tolist(), masked_N, global_BG, times_N2)
                    predicted_KD = model.head(found.shots_NH[rows_K])
                total += float(cosine_distance(predicted_KD, fused_ND[rows_K]).double().sum())
        model.train(training)
        return world.sum([total])[0] / self.shots

    def _trivial(self, spans: Sequence[Span]) -> list[float]:
        """Summed distance by predictor, and over how many shots."""
        totals, shots = dict.fromkeys(TRIVIAL, 0.0), 0
        for span in spans:
            fused_SD = self._cache.fused(span, self._stats)
            for hidden_S in _hidden(span, fused_SD):
                for name, distance_N in trivial_distances(fused_SD, hidden_S).items():
                    totals[name] += float(distance_N.sum(dtype=np.float64))
                shots += int(hidden_S.sum())
        return [*totals.values(), shots]


def _hidden(span: Span, fused_SD: FloatArray) -> BoolArray:
    """The five masks of a span, [FOLDS, S]; shots without features are in none."""
    hidden_FS = np.zeros((FOLDS, len(fused_SD)), np.bool_)
    digest = hashlib.sha256(f"{span.title}\0{span.start}".encode()).digest()
    real = np.flatnonzero(fused_SD.any(axis=-1))
    masks = fold_masks(len(real), FOLDS, np.random.default_rng(int.from_bytes(digest[:8], "big")))
    for fold, mask in enumerate(masks):
        hidden_FS[fold, real[mask]] = True
    return hidden_FS


def _parts(batch: Batch) -> list[FloatArray]:
    return np.split(batch.fused_ND, np.cumsum(batch.lengths_B)[:-1])


def _batches(spans: Sequence[Span], micro_shots: int) -> list[list[Span]]:
    """Spans, in order, in batches of at most `micro_shots` shots, or of one span."""
    batches: list[list[Span]] = []
    for span in spans:
        if batches and sum(map(len, batches[-1])) + len(span) <= micro_shots:
            batches[-1].append(span)
        else:
            batches.append([span])
    return batches
