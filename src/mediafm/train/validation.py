"""The MSM loss on held-out shots, at masks that never change, beside the trivial predictors at the same shots.

Shapes: F folds, B sequences, S shots, D fused size.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
import torch

from mediafm.fusion import FusionStats
from mediafm.model import ShotTransformer, cosine_distance
from mediafm.sequences import FeatureCache, Span, collate, fold_masks
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
        self, cache: FeatureCache, stats: FusionStats, held_out: Sequence[Span], window: int, budget: int
    ) -> None:
        self._cache, self._stats = cache, stats
        spans = [
            Span(whole.title, start, min(start + window, whole.stop))
            for whole in held_out
            for start in range(whole.start, whole.stop, window)
        ]
        self._batches = _batches(sorted(spans, key=len), budget)
        self.trivial, self.shots = self._trivial(spans)

    @torch.inference_mode()
    def evaluate(self, model: ShotTransformer, runtime: Runtime) -> float:
        """Mean cosine distance over all hidden shots. The model is left in the mode it came in."""
        training, total = model.training, 0.0
        model.eval()
        for spans in self._batches:
            batch = collate(self._cache, self._stats, spans)
            hidden_FBS = _hidden(spans, batch.fused_BSD)
            fused_BSD, padding_BS, global_BG = runtime.tensors(batch.fused_BSD, batch.padding_BS, batch.global_BG)
            for (hidden_BS,) in map(runtime.tensors, hidden_FBS):
                with runtime.autocast():
                    context_BSH, _ = model.encode(fused_BSD, hidden_BS, padding_BS, global_BG)
                    predicted_ND = model.head(context_BSH[hidden_BS])
                total += float(cosine_distance(predicted_ND, fused_BSD[hidden_BS]).double().sum())
        model.train(training)
        return total / max(self.shots, 1)

    def _trivial(self, spans: Sequence[Span]) -> tuple[dict[str, float], int]:
        totals, shots = dict.fromkeys(TRIVIAL, 0.0), 0
        for span in spans:
            fused_SD = self._cache.fused(span, self._stats)
            for hidden_S in _hidden([span], fused_SD[None])[:, 0]:
                for name, distance_N in trivial_distances(fused_SD, hidden_S).items():
                    totals[name] += float(distance_N.sum(dtype=np.float64))
                shots += int(hidden_S.sum())
        return {name: total / max(shots, 1) for name, total in totals.items()}, shots


def _hidden(spans: Sequence[Span], fused_BSD: FloatArray) -> BoolArray:
    """The five masks of each span, [F, B, S]; shots without features are in none."""
    hidden_FBS = np.zeros((FOLDS, *fused_BSD.shape[:2]), np.bool_)
    for row, span in enumerate(spans):
        digest = hashlib.sha256(f"{span.title}\0{span.start}".encode()).digest()
        real = np.flatnonzero(fused_BSD[row].any(axis=-1))
        masks = fold_masks(len(real), FOLDS, np.random.default_rng(int.from_bytes(digest[:8], "big")))
        for fold, mask in enumerate(masks):
            hidden_FBS[fold, row, real[mask]] = True
    return hidden_FBS


def _batches(spans: Sequence[Span], budget: int) -> list[list[Span]]:
    """Spans, sorted by length, in batches of at most `budget` places."""
    batches: list[list[Span]] = []
    for span in spans:
        if batches and len(span) * (len(batches[-1]) + 1) <= budget:
            batches[-1].append(span)
        else:
            batches.append([span])
    return batches
