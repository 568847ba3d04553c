"""What one sampled frame shows: colour, edges, texture, layout and tone. docs/encoders.md lists every number.

Lab means CIE 1976 L*a*b* (D65): L in [0, 100], a (green to red) and b (blue to yellow) about 0.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from skimage.feature import local_binary_pattern

from mediafm.encoders.blocks import Array, Block, Histogram, laplace_shares, statistics
from mediafm.types import ImageArray

SIDE = 96  # the shorter side of the picture that colour, layout and tone are taken from
SMALL_SIDE = 48  # the shorter side of the picture that edges and texture are taken from
LONGEST = 4  # a picture longer than this many times its shorter side is squeezed to that ratio

_GRID = 4  # layout cells a side
_CELLS = 3  # edge cells a side
_ORIENTATIONS = 8  # of an edge, over half a turn
_LBP_POINTS = 8
_CHROMA = 40.0  # a and b beyond this count as this
_DARK, _BRIGHT = 15.0, 85.0  # L
_LEVELS = 200  # of L, for shares and quantiles
_JOINT_BINS = (4, 5, 5)
_MARGINAL_BINS = (16, 12, 12)
_RANGES = ((0.0, 100.01), (-_CHROMA, _CHROMA + 0.01), (-_CHROMA, _CHROMA + 0.01))
# Shares of rotation-invariant uniform patterns 0..8 and of all others, as natural pictures show them.
_LBP_REFERENCE = np.array([0.05, 0.07, 0.06, 0.12, 0.19, 0.17, 0.07, 0.07, 0.10, 0.10])


def _reference(bins: tuple[int, int, int]) -> list[Array]:
    """Expected shares of L (even), a (narrow about grey) and b (wider, a little to yellow)."""
    edges = [np.linspace(low, high, n + 1) for n, (low, high) in zip(bins, _RANGES, strict=True)]
    return [np.full(bins[0], 1 / bins[0]), laplace_shares(edges[1], 2.0, 6.0), laplace_shares(edges[2], 5.0, 9.0)]


def _joint_reference() -> Array:
    light, a, b = _reference(_JOINT_BINS)
    return (light[:, None, None] * a[:, None] * b).ravel()


PICTURE_BLOCKS: tuple[Block, ...] = (
    Histogram("colour_joint", _joint_reference(), 1.2),
    *(Histogram(f"colour_{c}", ref, 0.9) for c, ref in zip("Lab", _reference(_MARGINAL_BINS), strict=True)),
    # mean, deviation, skewness of L, a, b
    statistics(
        "colour_moments",
        [(46, 20), (19, 7), (0.2, 1), (0, 7), (8, 5), (0, 1.3), (6, 12), (12, 6), (0.4, 1.2)],
        weight=0.6,
    ),
    # mean L, a, b and deviation of L in each cell, rows from the top
    statistics("layout", [(46, 23), (0, 10), (6, 14), (10, 6)], repeat=_GRID * _GRID, weight=1.1),
    Histogram("edges", np.full(_CELLS * _CELLS * _ORIENTATIONS, 1 / (_CELLS * _CELLS * _ORIENTATIONS)), 2.2),
    Histogram("texture_fine", _LBP_REFERENCE, 2.0),
    Histogram("texture_coarse", _LBP_REFERENCE, 2.0),
    # share dark, share bright, 5 % and 95 % quantile of L, chroma mean and deviation, colourfulness, log sharpness,
    # log edge strength, entropy of L in bits
    statistics(
        "tone",
        [(0.15, 0.2), (0.1, 0.15), (18, 14), (78, 18), (17, 8), (10, 5), (27, 13), (2.3, 0.5), (1.7, 0.35), (3.2, 0.6)],
        weight=0.7,
    ),
)


@dataclass(frozen=True)
class Picture:
    """A frame made ready: lab float32 [h, w, 3] with shorter side SIDE; grey and small_grey uint8."""

    lab: Array
    grey: Array
    small_grey: Array


def prepare(frame: ImageArray) -> Picture:
    """Bring a frame of any size to the sizes the statistics are made for."""
    sized = _resized(frame, SIDE)
    grey = cv2.cvtColor(sized, cv2.COLOR_RGB2GRAY)
    lab = cv2.cvtColor(sized.astype(np.float32) / 255.0, cv2.COLOR_RGB2Lab)
    return Picture(lab, grey, _resized(grey, SMALL_SIDE))


def _resized(image: Array, side: int) -> Array:
    height, width = image.shape[:2]
    scale = side / min(height, width)
    size = tuple(min(max(round(edge * scale), side), side * LONGEST) for edge in (width, height))
    if size == (width, height):
        return image
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)


def picture_values(picture: Picture) -> dict[str, Array]:
    """Values of every block of PICTURE_BLOCKS for one frame."""
    values = _colour_values(picture.lab)
    values["layout"] = _layout(picture.lab)
    values["edges"], edge_strength = _edges(picture.small_grey)
    values["texture_fine"] = _texture(picture.small_grey)
    values["texture_coarse"] = _texture(_resized(picture.small_grey, SMALL_SIDE // 2))
    values["tone"] = _tone(picture, values["colour_L"], edge_strength)
    return values


def _colour_values(lab: Array) -> dict[str, Array]:
    channels = cv2.split(lab)
    clipped = [channels[0], *(np.clip(channel, -_CHROMA, _CHROMA) for channel in channels[1:])]
    ranges = [edge for pair in _RANGES for edge in pair]
    values = {"colour_joint": cv2.calcHist(clipped, [0, 1, 2], None, list(_JOINT_BINS), ranges).ravel()}
    moments = []
    for c, (name, bins) in enumerate(zip("Lab", _MARGINAL_BINS, strict=True)):
        values[f"colour_{name}"] = cv2.calcHist(clipped, [c], None, [bins], list(_RANGES[c])).ravel()
        mean, deviation = _mean_deviation(channels[c])
        off = channels[c] - np.float32(mean)
        third = cv2.mean(off * off * off)[0]
        moments += [mean, deviation, third / max(deviation, 1.0) ** 3]  # below one unit the shape is noise
    values["colour_moments"] = np.array(moments)
    return values


def _mean_deviation(channel: Array) -> tuple[float, float]:
    mean, deviation = cv2.meanStdDev(channel)
    return float(mean[0, 0]), float(deviation[0, 0])


def _layout(lab: Array) -> Array:
    """[16 cells x (mean L, a, b, deviation of L)], rows from the top; a cell is a 1/16 of the picture, exactly."""
    light = lab[..., 0]
    wanted = cv2.merge([*cv2.split(lab), light * light])
    cells = cv2.resize(wanted, (_GRID, _GRID), interpolation=cv2.INTER_AREA).astype(np.float64)
    cells[..., 3] = np.sqrt(np.maximum(cells[..., 3] - cells[..., 0] ** 2, 0.0))
    return cells.reshape(-1)


def _edges(grey: Array) -> tuple[Array, float]:
    """Gradient strength by cell and orientation (as in HOG, Dalal & Triggs 2005), and its mean over the picture."""
    strength, angle = cv2.cartToPolar(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    orientation = (angle * (_ORIENTATIONS / np.pi)).astype(np.int32) % _ORIENTATIONS
    height, width = grey.shape
    row = np.arange(height) * _CELLS // height
    column = np.arange(width) * _CELLS // width
    place = (row[:, None] * _CELLS + column) * _ORIENTATIONS + orientation
    bins = _CELLS * _CELLS * _ORIENTATIONS
    return np.bincount(place.ravel(), strength.ravel(), bins), cv2.mean(strength)[0]


def _texture(grey: Array) -> Array:
    """Rotation-invariant uniform local binary patterns (Ojala et al. 2002): counts of the 10 codes."""
    codes = local_binary_pattern(grey, _LBP_POINTS, 1, "uniform")
    return np.bincount(codes.astype(np.int64).ravel(), minlength=_LBP_POINTS + 2)


def _tone(picture: Picture, light_counts: Array, edge_strength: float) -> Array:
    light, a, b = cv2.split(picture.lab)
    levels = cv2.calcHist([light], [0], None, [_LEVELS], [0.0, 100.01]).ravel().cumsum()
    levels /= levels[-1]
    low, high = (float(np.searchsorted(levels, share)) * 100 / _LEVELS for share in (0.05, 0.95))
    dark, not_bright = (levels[int(edge * _LEVELS / 100) - 1] for edge in (_DARK, _BRIGHT))
    (a_mean, a_dev), (b_mean, b_dev) = _mean_deviation(a), _mean_deviation(b)
    # Colourfulness after Hasler & Suesstrunk 2003, in the ab plane.
    colourful = np.hypot(a_dev, b_dev) + 0.94 * np.hypot(a_mean, b_mean)
    sharpness = np.log10(1.0 + _mean_deviation(cv2.Laplacian(picture.grey, cv2.CV_32F))[1] ** 2)
    shares = light_counts[light_counts > 0] / light_counts.sum()
    entropy = -(shares * np.log2(shares)).sum()
    chroma = _mean_deviation(cv2.magnitude(a, b))
    strength = np.log10(1.0 + edge_strength)
    return np.array([dark, 1.0 - not_bright, low, high, *chroma, colourful, sharpness, strength, entropy])
