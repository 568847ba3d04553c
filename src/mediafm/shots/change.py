"""What changes from frame to frame, in a handful of numbers: the cheap look that `auto` takes at every frame.

Frames come at 48 x 27. Two descriptions of each are compared with those of earlier frames: the layout (means of 3 x 3
pixels, so 9 x 16 cells) and the colours (a histogram of 8 x 8 x 8). Differences over 1 to 32 frames tell cuts from
dissolves; cells compared with the nearest of their neighbours tell cuts from movement; how well a frame lies between
two others tells a dissolve from movement; brightness tells flashes and fades.
"""

import numpy as np
from numpy.typing import NDArray

from mediafm.types import FloatArray

WIDTH, HEIGHT = 48, 27
ROWS, COLUMNS = 9, 16
LAGS = (1, 2, 4, 8, 16, 32)
NEAR_LAGS = (1, 2, 4)  # at which cells are compared with their neighbours too
BLENDS = (2, 5, 11)  # half lengths of the dissolves that are tried
HISTORY = LAGS[-1]
FEATURES = 2 * len(LAGS) + 3 * len(NEAR_LAGS) + 2 * len(BLENDS) + 3

_CHANGED = 12.0  # difference of a cell in 0..255 from which it counts as changed


def change_features(frames: NDArray[np.uint8]) -> FloatArray:
    """Numbers for all but the first HISTORY frames.

    frames: uint8 [HISTORY + n, 27, 48, 3]. Returns float32 [n, FEATURES], each about -3 .. 3. A frame's numbers depend
    on it and the HISTORY frames before it alone.
    """
    cells_TD = _cells(frames)
    colours_TB = _histograms(frames)
    n = len(frames) - HISTORY
    now = slice(HISTORY, None)

    def before(lag: int) -> slice:
        return slice(HISTORY - lag, HISTORY - lag + n)

    columns: list[FloatArray] = []
    distance: dict[int, FloatArray] = {}
    for lag in sorted({*LAGS, *(2 * b for b in BLENDS)}):
        distance[lag] = np.abs(cells_TD[now] - cells_TD[before(lag)]).mean(axis=1)
    for lag in LAGS:
        columns.append(_log(distance[lag]))
        columns.append(4 * np.sqrt(np.maximum(0, 1 - np.einsum("tb,tb->t", colours_TB[now], colours_TB[before(lag)]))))
    grid = cells_TD.reshape(-1, ROWS, COLUMNS, 3)
    for lag in NEAR_LAGS:
        moved = _nearest(grid[now], grid[before(lag)])
        columns.append(_log(moved.mean(axis=(1, 2))))
        columns.append(4 * (moved > _CHANGED).mean(axis=(1, 2), dtype=np.float32))
        columns.append(_log(moved.max(axis=(1, 2))))
    for half in BLENDS:
        middle = 0.5 * (cells_TD[now] + cells_TD[before(2 * half)])
        off = np.abs(cells_TD[before(half)] - middle).mean(axis=1)
        columns.append(_log(off))
        columns.append(4 * off / (distance[2 * half] + 1))
    light = cells_TD[now].mean(axis=1)
    columns.append(light / 64 - 2)
    columns.append(cells_TD[now].std(axis=1) / 32 - 1)
    columns.append((light - cells_TD[before(1)].mean(axis=1)) / 16)
    return np.stack(columns, axis=1).astype(np.float32)


def _cells(frames: NDArray[np.uint8]) -> FloatArray:
    """Means of 3 x 3 pixels, float32 [T, 9 * 16 * 3]."""
    tall = frames.reshape(-1, ROWS, 3, WIDTH * 3)
    rows = tall[:, :, 0].astype(np.uint16)
    rows += tall[:, :, 1]
    rows += tall[:, :, 2]
    wide = rows.reshape(-1, ROWS, COLUMNS, 3, 3)
    sums = wide[:, :, :, 0] + wide[:, :, :, 1] + wide[:, :, :, 2]
    return sums.reshape(len(frames), -1).astype(np.float32) * np.float32(1 / 9)


def _histograms(frames: NDArray[np.uint8]) -> FloatArray:
    """Square roots of the shares of 512 colours, float32 [T, 512]: dot products are 1 for equal histograms."""
    top = frames.reshape(len(frames), -1, 3) >> 5
    bins = top[..., 0].astype(np.int64)
    bins <<= 3
    bins += top[..., 1]
    bins <<= 3
    bins += top[..., 2]
    bins += np.arange(0, 512 * len(frames), 512)[:, None]
    counts = np.bincount(bins.ravel(), minlength=512 * len(frames)).reshape(-1, 512)
    return np.sqrt(counts.astype(np.float32) * np.float32(1 / (WIDTH * HEIGHT)))


def _nearest(now: FloatArray, then: FloatArray) -> FloatArray:
    """[n, 9, 16]: each cell's difference to the most similar of the nine around its place in the earlier frame."""
    padded = np.pad(then, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    best: FloatArray | None = None
    for dy in range(3):
        for dx in range(3):
            apart = np.abs(now - padded[:, dy : dy + ROWS, dx : dx + COLUMNS])
            off = apart[..., 0] + apart[..., 1] + apart[..., 2]
            best = off if best is None else np.minimum(best, off, out=best)
    assert best is not None
    return best * np.float32(1 / 3)


def _log(difference: FloatArray) -> FloatArray:
    return np.log1p(difference) - np.float32(1.5)
