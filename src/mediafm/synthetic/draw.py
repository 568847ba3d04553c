"""Small drawing helpers on RGB pictures: gradients, smooth-edged shapes, colour arithmetic."""

from collections.abc import Sequence

import cv2
import numpy as np

from mediafm.synthetic.plan import Colour
from mediafm.types import ImageArray

SUBPIXELS = 4  # fractional bits of coordinates, so that slow camera moves do not jump from pixel to pixel
_ONE = 1 << SUBPIXELS
Point = tuple[float, float]


def mix(a: Colour, b: Colour, share: float) -> Colour:
    """`a` with `share` of `b` mixed in."""
    red, green, blue = (round(x + (y - x) * share) for x, y in zip(a, b, strict=True))
    return red, green, blue


def shade(colour: Colour, factor: float) -> Colour:
    """The colour made darker (factor < 1) or lighter."""
    red, green, blue = (int(min(255, max(0, c * factor))) for c in colour)
    return red, green, blue


def gradient(height: int, width: int, top: Colour, bottom: Colour) -> ImageArray:
    """A picture that runs from `top` to `bottom`; uint8 [height, width, 3]."""
    share = np.linspace(0, 1, height)[:, None, None]
    column = np.asarray(top) * (1 - share) + np.asarray(bottom) * share
    return np.repeat(column.round().astype(np.uint8), width, axis=1)


def box(image: ImageArray, x0: float, y0: float, x1: float, y1: float, colour: Colour) -> None:
    """A filled upright rectangle."""
    cv2.rectangle(image, (round(x0), round(y0)), (round(x1) - 1, round(y1) - 1), colour, -1)


def polygon(image: ImageArray, points: Sequence[Point] | np.ndarray, colour: Colour) -> None:
    """A filled polygon."""
    fixed = np.round(np.asarray(points, dtype=np.float64) * _ONE).astype(np.int32)
    cv2.fillPoly(image, [fixed], colour, cv2.LINE_AA, SUBPIXELS)


def ellipse(image: ImageArray, centre: Point, radii: Point, colour: Colour, angle: float = 0.0) -> None:
    """A filled ellipse."""
    middle = (round(centre[0] * _ONE), round(centre[1] * _ONE))
    axes = (max(1, round(radii[0] * _ONE)), max(1, round(radii[1] * _ONE)))
    cv2.ellipse(image, middle, axes, angle, 0, 360, colour, -1, cv2.LINE_AA, SUBPIXELS)


def stroke(image: ImageArray, points: Sequence[Point], width: float, colour: Colour) -> None:
    """A line through the points with round ends."""
    fixed = np.round(np.asarray(points, dtype=np.float64) * _ONE).astype(np.int32)
    cv2.polylines(image, [fixed], False, colour, max(1, round(width)), cv2.LINE_AA, SUBPIXELS)


def curve(centre: Point, radii: Point, start: float, end: float) -> list[Point]:
    """Points of an elliptic arc between two angles in degrees (0 is right, 90 is down)."""
    angles = np.radians(np.linspace(start, end, 9))
    return [(centre[0] + radii[0] * float(np.cos(a)), centre[1] + radii[1] * float(np.sin(a))) for a in angles]


def speckle(image: ImageArray, strength: float, rng: np.random.Generator) -> ImageArray:
    """The picture with a coarse and a fine layer of noise, so that no surface is perfectly flat."""
    height, width = image.shape[:2]
    coarse = cv2.resize(rng.normal(0, strength, (height // 12, width // 12)).astype(np.float32), (width, height))
    fine = rng.normal(0, 0.5 * strength, (height, width)).astype(np.float32)
    return np.clip(image + (coarse + fine)[:, :, None], 0, 255).astype(np.uint8)
