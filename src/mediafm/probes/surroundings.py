"""What anyone can say of a shot's surroundings without a model: neighbours, moving averages, past beside future.

A neighbour beyond the title's edge is zeros; means are over the shots that exist.
"""

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mediafm.errors import UsageError
from mediafm.types import FloatArray

CONCAT, NEIGHBOURS = "concat", "neighbours"
RADIUS = re.compile(r"(moving_average|past_future)_([1-9]\d*)")


def around(fused: FloatArray, name: str) -> FloatArray:
    """A title's fused embeddings [n, D] with the surroundings that the feature set's name asks for."""
    if name == CONCAT:
        return fused
    if name == NEIGHBOURS:
        nothing = np.zeros_like(fused[:1])
        before, after = np.concatenate([nothing, fused[:-1]]), np.concatenate([fused[1:], nothing])
        return np.concatenate([before, fused, after, _ends(len(fused))], axis=1)
    match = RADIUS.fullmatch(name)
    if match is None:
        raise UsageError(f"There is no feature set {name!r}.", "docs/probes.md lists them.")
    radius, shot = int(match[2]), np.arange(len(fused))
    if match[1] == "moving_average":
        return _window_mean(fused, shot - radius, shot + radius + 1)
    past, future = _window_mean(fused, shot - radius, shot), _window_mean(fused, shot + 1, shot + radius + 1)
    return np.concatenate([fused, past, future, _ends(len(fused))], axis=1)


def _ends(shots: int) -> FloatArray:
    """Two columns [n, 2], 1 at the title's first and at its last shot: zeros alone do not say that there is no
    neighbour, since after centring they stand for the mean shot."""
    ends = np.zeros((shots, 2), np.float32)
    ends[0, 0] = ends[-1, 1] = 1
    return ends


def _window_mean(fused: FloatArray, first: NDArray[Any], stop: NDArray[Any]) -> FloatArray:
    """Mean of rows [first, stop) clipped to the title, for each shot; zeros where that is empty."""
    first, stop = np.clip(first, 0, len(fused)), np.clip(stop, 0, len(fused))
    total = np.concatenate([np.zeros((1, fused.shape[1])), np.cumsum(fused, axis=0, dtype=np.float64)])
    count = np.maximum(stop - first, 1)[:, None]
    return ((total[stop] - total[first]) / count).astype(np.float32)
