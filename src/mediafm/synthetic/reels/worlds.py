"""Still worlds that a reel's cameras look at, larger than any view: painted places, textures, flat drawings."""

import cv2
import numpy as np

from mediafm.synthetic.backdrops import HEIGHT, WIDTH, paint_place
from mediafm.synthetic.draw import ellipse, polygon, stroke
from mediafm.synthetic.genres import PLACE_KINDS
from mediafm.synthetic.plan import Colour, Place
from mediafm.types import ImageArray


def paint_world(flat: bool, rng: np.random.Generator) -> ImageArray:
    """uint8 [HEIGHT, WIDTH, 3] RGB: a flat drawing, else a texture or one of the catalogue's places."""
    if flat:
        return _drawing(rng)
    if rng.random() < 0.5:
        kind = PLACE_KINDS[int(rng.integers(len(PLACE_KINDS)))]
        return paint_place(Place(kind, int(rng.integers(1 << 31)), bool(rng.random() < 0.35)))
    return _texture(rng)


def palette(size: int, rng: np.random.Generator) -> np.ndarray:
    """[size, 3] colours in 0..255 of one family: hues near each other, one that stands against them."""
    hues = (rng.uniform(0, 180) + rng.normal(0, 14, size)) % 180
    hues[-1] = (hues[0] + 90 + rng.normal(0, 15)) % 180
    saturation = rng.uniform(20, 200) * rng.uniform(0.5, 1.2, size)
    value = np.linspace(rng.uniform(20, 90), rng.uniform(140, 250), size)
    hsv = np.stack([hues, np.clip(saturation, 0, 255), value], axis=1)[None].round().astype(np.uint8)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0].astype(np.float32)


def _texture(rng: np.random.Generator) -> ImageArray:
    """Clouds of noise at five scales, coloured by a palette, with soft things standing about in it."""
    field = np.zeros((HEIGHT, WIDTH), np.float32)
    roughness = rng.uniform(0.45, 0.8)
    for octave in range(5):
        cells = (3 << octave, 4 << octave)
        noise = rng.standard_normal(cells).astype(np.float32)
        field += roughness**octave * cv2.resize(noise, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    field += rng.uniform(-1.5, 1.5) * np.linspace(-1, 1, HEIGHT, dtype=np.float32)[:, None]
    colours = palette(6, rng)
    place = (field - field.min()) / (np.ptp(field) + 1e-6) * (len(colours) - 1.001)
    below = place.astype(np.int32)
    share = (place - below)[..., None]
    image = (colours[below] * (1 - share) + colours[below + 1] * share).astype(np.uint8)
    for _ in range(int(rng.integers(3, 12))):
        _thing(image, colours[int(rng.integers(len(colours)))] * rng.uniform(0.4, 1.3), rng)
    return cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.6, 2.0))).astype(np.uint8)


def _drawing(rng: np.random.Generator) -> ImageArray:
    """Areas of one colour each with dark outlines, as in drawn animation."""
    colours = palette(8, rng)
    image = np.full((HEIGHT, WIDTH, 3), colours[int(rng.integers(4, 8))].astype(np.uint8))
    horizon = int(rng.uniform(0.4, 0.8) * HEIGHT)
    image[horizon:] = colours[int(rng.integers(4))].astype(np.uint8)
    for _ in range(int(rng.integers(8, 26))):
        _thing(image, colours[int(rng.integers(len(colours)))], rng, outline=True)
    return image


def _thing(image: ImageArray, colour: np.ndarray, rng: np.random.Generator, outline: bool = False) -> None:
    red, green, blue = (int(c) for c in np.clip(colour, 0, 255))
    paint: Colour = (red, green, blue)
    x, y = float(rng.uniform(0, WIDTH)), float(rng.uniform(0, HEIGHT))
    wide, high = (float(s) for s in rng.uniform(8, 90, 2))
    if rng.random() < 0.5:
        ellipse(image, (x, y), (wide, high), paint, float(rng.uniform(0, 180)))
        return
    corners = np.array([(-wide, -high), (wide, -high), (wide, high), (-wide, high)])
    angle = rng.normal(0, 0.3)
    turn = np.array([(np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))])
    points = corners @ turn + (x, y)
    polygon(image, points, paint)
    if outline:
        stroke(image, [(float(a), float(b)) for a, b in [*points, points[0]]], 2, (20, 18, 24))
