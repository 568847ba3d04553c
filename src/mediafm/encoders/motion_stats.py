"""What changes between a shot's sampled frames: motion from one to the next, and how much they vary altogether.

Motion is dense optical flow (DIS, Kroeger et al. 2016) at low resolution, in picture heights a second.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import cv2
import numpy as np

from mediafm.encoders.blocks import Array, Block, Histogram, statistics
from mediafm.encoders.picture_stats import Picture

_DIRECTIONS = 8
_CHANGED = 10.0  # grey levels of 255 by which a pixel must differ to count as changed
_STILL = 0.02  # picture heights a second below which nothing is said about direction
# Of one pair of frames: mean and 90 % quantile of the grey difference (of 255), share of changed pixels, log rate of
# the difference, log speed (mean, deviation, 90 % quantile), mean velocity right and down, zoom, coherence, and how
# much faster the middle is than the border.
_PAIR = [
    (13, 12), (33, 28), (0.28, 0.22), (1.3, 0.5),
    (0.05, 0.06), (0.03, 0.03), (0.08, 0.08), (0, 0.08), (0, 0.06), (0, 0.03), (0.45, 0.3), (0.15, 0.4),
]  # fmt: skip

_MOTION = statistics("motion", _PAIR, weight=0.9)  # mean over pairs
# Deviation over pairs; the reference is a share of each number's own.
_MOTION_CHANGE = statistics("motion_change", [(0.4 * dev, 0.5 * dev) for _, dev in _PAIR], weight=0.6)
CHANGE_BLOCKS: tuple[Block, ...] = (
    _MOTION,
    _MOTION_CHANGE,
    Histogram("motion_direction", np.full(_DIRECTIONS, 1 / _DIRECTIONS), 0.6),
    statistics("motion_known", [(0.5, 0.5)], weight=0.15),  # 1 with two frames or more at different times, else 0
    # deviation over the samples of mean L in the 16 layout cells
    statistics("variability_layout", [(5, 6)], repeat=16, weight=0.6),
    # deviation over the samples of colour means (L, a, b), of tone, and Hellinger distances of colour between
    # neighbours (mean, most) and between first and last sample
    statistics(
        "variability",
        [(3, 4), (0.8, 1.2), (1.2, 1.8), (0.02, 0.03), (0.015, 0.03), (1.5, 2), (3, 4), (1, 1.2), (0.6, 0.8), (1.5, 2),
         (0.08, 0.1), (0.05, 0.06), (0.15, 0.18), (0.2, 0.12), (0.28, 0.16), (0.32, 0.2)],
        weight=0.6,
    ),
)  # fmt: skip


def motion_values(pictures: Sequence[Picture], times: Sequence[float]) -> dict[str, Array]:
    """Values of the motion blocks. Frames at one and the same time say nothing about motion and are passed over."""
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
    pairs, directions = [], np.zeros(_DIRECTIONS)
    for first, second, seconds in zip(pictures, pictures[1:], np.diff(times), strict=False):
        if seconds > 0:
            still = np.zeros((*first.small_grey.shape, 2), dtype=np.float32)
            field = flow.calc(first.small_grey, second.small_grey, still)
            field = field * np.float32(1 / (first.small_grey.shape[0] * seconds))
            pairs.append(_pair(first.small_grey, second.small_grey, field, float(seconds)))
            directions += _directions(field)
    table = np.stack(pairs) if pairs else None
    return {
        "motion": _MOTION.centre if table is None else table.mean(axis=0),
        "motion_change": _MOTION_CHANGE.centre if table is None else table.std(axis=0),
        "motion_direction": directions,
        "motion_known": np.array([float(table is not None)]),
    }


def _pair(first: Array, second: Array, field: Array, seconds: float) -> Array:
    """The numbers of _PAIR; field: float [h, w, 2] in picture heights a second."""
    difference = cv2.absdiff(first, second)
    speed = cv2.magnitude(*cv2.split(field))
    height, width = first.shape
    right, down = field[..., 0].mean(), field[..., 1].mean()
    y = (np.arange(height)[:, None] - (height - 1) / 2) / height
    x = (np.arange(width) - (width - 1) / 2) / height
    outward = (field[..., 0] * x + field[..., 1] * y).mean() / (x**2 + y**2).mean()
    middle = speed[height // 4 : height - height // 4, width // 4 : width - width // 4].mean()
    mean = speed.mean()
    return np.array(
        [
            difference.mean(),
            _quantile(difference),
            (difference > _CHANGED).mean(),
            np.log10(1.0 + difference.mean() / seconds),
            *np.log10(1.0 + np.array([mean, speed.std(), _quantile(speed)])),
            np.tanh(right),
            np.tanh(down),
            np.tanh(outward * 0.25),
            np.hypot(right, down) / max(mean, _STILL),
            (middle - mean) / max(mean, _STILL),
        ],
        dtype=np.float64,
    )


def _quantile(values: Array, share: float = 0.9) -> float:
    flat = values.ravel()
    place = int(share * (flat.size - 1))
    return float(np.partition(flat, place)[place])


def _directions(field: Array) -> Array:
    """Speed summed by direction of travel, in eighths of a turn; zeros where nothing moves."""
    right, down = cv2.split(field)
    speed, angle = cv2.cartToPolar(right, down)
    moving = np.where(speed > _STILL, speed, 0.0)
    # Bins are centred on right, down-right, down ... so that a pure pan falls into one of them.
    eighth = np.floor(angle * (_DIRECTIONS / (2 * np.pi)) + 0.5).astype(np.int64) % _DIRECTIONS
    return np.bincount(eighth.ravel(), moving.ravel(), _DIRECTIONS)


def variability_values(frames: Sequence[Mapping[str, Array]]) -> dict[str, Array]:
    """Values of the variability blocks from the per-frame values; one frame does not vary."""
    light_by_cell = np.stack([f["layout"].reshape(-1, 4)[:, 0] for f in frames])
    means = np.stack([f["colour_moments"].reshape(3, 3)[:, 0] for f in frames])
    tone = np.stack([f["tone"] for f in frames])
    shares = [np.sqrt(f["colour_joint"] / f["colour_joint"].sum()) for f in frames]
    steps = [_hellinger(a, b) for a, b in pairwise(shares)] or [0.0]
    distances = [float(np.mean(steps)), max(steps), _hellinger(shares[0], shares[-1])]
    return {
        "variability_layout": light_by_cell.std(axis=0),
        "variability": np.concatenate([means.std(axis=0), tone.std(axis=0), distances]),
    }


def _hellinger(a: Array, b: Array) -> float:
    return float(np.sqrt(0.5 * ((a - b) ** 2).sum()))
