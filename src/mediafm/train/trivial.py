"""What anyone could predict without a model: the yardstick beside every MSM loss.

Shapes: S shots of one sequence, D fused size.
"""

import numpy as np

from mediafm.types import BoolArray, FloatArray

TRIVIAL = ("title_mean", "previous", "neighbours")


def trivial_distances(fused_SD: FloatArray, hidden_S: BoolArray) -> dict[str, FloatArray]:
    """Cosine distance of each trivial prediction to each hidden shot, [hidden shots] by predictor.

    title_mean: the mean of the sequence's shots that are not hidden. previous: the shot before (for the first, the one
    after). neighbours: the mean of both neighbours (at an end, the only one). The last two look at neighbours even
    where those are hidden from the model: the comparison errs on the strict side.
    """
    before_SD, after_SD = np.zeros_like(fused_SD), np.zeros_like(fused_SD)
    before_SD[1:], after_SD[:-1] = fused_SD[:-1], fused_SD[1:]
    both_SD = before_SD + after_SD
    before_SD[:1] = after_SD[:1]
    shown = fused_SD[~hidden_S]
    mean_D = shown.mean(axis=0) if len(shown) else np.zeros_like(fused_SD[0])
    target_ND = fused_SD[hidden_S]
    predictions = (np.broadcast_to(mean_D, target_ND.shape), before_SD[hidden_S], both_SD[hidden_S])
    return {name: _distance(p, target_ND) for name, p in zip(TRIVIAL, predictions, strict=True)}


def _distance(predicted_ND: FloatArray, target_ND: FloatArray) -> FloatArray:
    """1 - cosine by row; 1 where either is zero."""
    norms = np.linalg.norm(predicted_ND, axis=1) * np.linalg.norm(target_ND, axis=1)
    return 1 - (predicted_ND * target_ND).sum(axis=1) / np.maximum(norms, 1e-12)
