"""Objects and views of insert and cutaway shots. They know nothing of the film they are in: only a subject and a seed.

A painter makes the still part once, in world pixels; a mover draws what moves into each frame at the camera's scale.
"""

from collections.abc import Callable

import numpy as np

from mediafm.synthetic.camera import View
from mediafm.synthetic.draw import box, curve, ellipse, gradient, mix, polygon, shade, speckle, stroke
from mediafm.synthetic.exteriors import HEIGHT, WIDTH, sky
from mediafm.synthetic.plan import Colour
from mediafm.types import ImageArray

Mover = Callable[[ImageArray, View, float], None]  # frame, view, seconds into the shot
X, Y = 320.0, 180.0  # objects lie in the middle of the world


def paint_insert(subject: str, rng: np.random.Generator) -> tuple[ImageArray, Mover]:
    """The still picture of a subject (a key of `words.INSERT_SOUNDS`) and what moves in it."""
    painter = _PAINTERS[subject]
    image, mover = painter(rng)
    return speckle(image, 4.0, rng), mover


def _table(rng: np.random.Generator) -> ImageArray:
    wood: Colour = ((150, 104, 66), (120, 84, 58), (176, 136, 92), (134, 134, 140))[rng.integers(4)]
    image = gradient(HEIGHT, WIDTH, shade(wood, 0.75), shade(wood, 1.05))
    for y in rng.uniform(0, HEIGHT, 14):
        stroke(image, [(0, y), (WIDTH, y + rng.normal(0, 6))], 1, shade(wood, 0.8))
    return image


def _wall(rng: np.random.Generator) -> ImageArray:
    hue: Colour = ((186, 180, 166), (160, 170, 176), (172, 160, 148))[rng.integers(3)]
    return gradient(HEIGHT, WIDTH, shade(hue, 0.85), hue)


def _clock(rng: np.random.Generator) -> tuple[ImageArray, Mover]:
    image, start = _wall(rng), float(rng.uniform(0, 12))
    ellipse(image, (X, Y), (106, 106), (70, 52, 40))
    ellipse(image, (X, Y), (94, 94), (246, 242, 228))
    for hour in range(12):
        tip, inner = curve((X, Y), (86, 86), 30 * hour, 30 * hour)[0], curve((X, Y), (74, 74), 30 * hour, 30 * hour)[0]
        stroke(image, [inner, tip], 4, (50, 46, 44))

    def hands(frame: ImageArray, view: View, seconds: float) -> None:
        for turn, reach, width in ((start / 12, 48, 6), (start, 72, 4), (int(2 * seconds) / 60 + start, 80, 2)):
            tip = curve((X, Y), (reach, reach), 360 * turn - 90, 360 * turn - 90)[0]
            stroke(frame, [view.place(X, Y), view.place(*tip)], width * view.scale, (40, 36, 36))

    return image, hands


def _cup(rng: np.random.Generator) -> tuple[ImageArray, Mover]:
    image = _table(rng)
    hue: Colour = ((236, 232, 222), (92, 128, 160), (188, 84, 70))[rng.integers(3)]
    ellipse(image, (X, Y + 96), (130, 26), shade(hue, 0.9))
    ellipse(image, (X + 74, Y + 36), (30, 34), shade(hue, 0.85))
    ellipse(image, (X + 74, Y + 36), (18, 22), (110, 84, 62))
    polygon(image, [(X - 76, Y - 20), (X + 76, Y - 20), (X + 50, Y + 96), (X - 50, Y + 96)], hue)
    ellipse(image, (X, Y - 20), (76, 18), shade(hue, 0.8))
    ellipse(image, (X, Y - 18), (66, 14), (72, 42, 26))

    def steam(frame: ImageArray, view: View, seconds: float) -> None:
        for k, x in enumerate((-30, 0, 30)):
            ys = np.linspace(-40, -130, 8)
            trail = [view.place(X + x + 9 * np.sin(0.06 * y + 3 * seconds + k), Y + y) for y in ys]
            stroke(frame, trail, 4 * view.scale, (214, 210, 204))

    return image, steam


def _phone(rng: np.random.Generator) -> tuple[ImageArray, Mover]:
    image = _table(rng)
    polygon(image, [(X - 70, Y - 110), (X + 62, Y - 126), (X + 84, Y + 110), (X - 48, Y + 126)], (28, 28, 32))
    screen = [(X - 58, Y - 92), (X + 52, Y - 106), (X + 71, Y + 90), (X - 38, Y + 104)]
    dark, light = (44, 56, 74), (170, 206, 232)

    def ring(frame: ImageArray, view: View, seconds: float) -> None:
        polygon(frame, [view.place(*p) for p in screen], light if int(3 * seconds) % 2 else mix(dark, light, 0.55))
        for k in range(3):
            ends = [view.place(X - 30 + 5 * k, Y - 40 + 34 * k), view.place(X + 34 + 4 * k, Y - 47 + 34 * k)]
            stroke(frame, ends, 6 * view.scale, dark)

    return image, ring


def _key(rng: np.random.Generator) -> tuple[ImageArray, Mover]:
    image = _table(rng)
    metal: Colour = ((206, 178, 98), (180, 184, 190))[rng.integers(2)]
    ellipse(image, (X - 90, Y + 10), (46, 40), metal)
    ellipse(image, (X - 90, Y + 10), (26, 22), (96, 70, 48))
    stroke(image, [(X - 46, Y + 6), (X + 126, Y - 12)], 16, metal)
    for x, y in ((X + 84, Y - 6), (X + 116, Y - 10)):
        stroke(image, [(x, y), (x + 4, y + 36)], 14, metal)

    def glint(frame: ImageArray, view: View, seconds: float) -> None:
        x = X - 60 + 120 * (seconds % 1.5)
        stroke(
            frame,
            [view.place(x, Y + 4 - 0.1 * (x - X)), view.place(x + 22, Y + 2 - 0.1 * (x - X))],
            5 * view.scale,
            (255, 252, 240),
        )

    return image, glint


def _candle(rng: np.random.Generator) -> tuple[ImageArray, Mover]:
    image = gradient(HEIGHT, WIDTH, (58, 50, 48), (112, 88, 66))
    box(image, 0, 300, WIDTH, HEIGHT, (92, 66, 46))
    ellipse(image, (X, 302), (70, 14), (150, 140, 120))
    box(image, X - 24, 170, X + 24, 300, (236, 226, 202))
    ellipse(image, (X, 170), (24, 8), (250, 240, 216))
    phase = float(rng.uniform(0, 6))

    def flame(frame: ImageArray, view: View, seconds: float) -> None:
        lean, scale = 4 * float(np.sin(9 * seconds + phase)), view.scale
        ellipse(frame, view.place(X + lean, 134), (15 * scale, (33 + lean) * scale), (250, 176, 66))
        ellipse(frame, view.place(X + 0.5 * lean, 144), (8 * scale, 18 * scale), (255, 240, 178))

    return image, flame


def _book(rng: np.random.Generator) -> tuple[ImageArray, Mover]:
    image = _table(rng)
    cover: Colour = ((130, 44, 44), (44, 74, 110), (58, 96, 66))[rng.integers(3)]
    polygon(
        image,
        [(X - 172, Y - 84), (X, Y - 70), (X + 172, Y - 84), (X + 184, Y + 100), (X, Y + 112), (X - 184, Y + 100)],
        cover,
    )
    for side in (-1, 1):
        polygon(
            image,
            [(X, Y - 66), (X + side * 160, Y - 86), (X + side * 170, Y + 90), (X, Y + 104)],
            (242, 234, 212) if side < 0 else (232, 224, 202),
        )
        for k in range(8):
            y = Y - 54 + 18 * k
            stroke(image, [(X + side * 22, y), (X + side * (110 + 36 * rng.random()), y - 12)], 3, (128, 120, 110))

    def page(frame: ImageArray, view: View, seconds: float) -> None:
        lift = 60 * abs(float(np.cos(1.6 * seconds)))
        polygon(
            frame,
            [view.place(*p) for p in ((X, Y - 66), (X + lift + 40, Y - 110), (X + lift + 50, Y + 66), (X, Y + 104))],
            (250, 244, 226),
        )

    return image, page


def _clouds(rng: np.random.Generator) -> tuple[ImageArray, Mover]:
    image = sky(False, rng, ((128, 156, 186), (206, 212, 216)))
    spots = [(rng.uniform(0, WIDTH), rng.uniform(60, 320), rng.uniform(30, 80)) for _ in range(12)]

    def drift(frame: ImageArray, view: View, seconds: float) -> None:
        for x, y, size in spots:
            ellipse(
                frame, view.place(x + 14 * seconds, y), (size * view.scale, 0.3 * size * view.scale), (228, 230, 232)
            )

    return image, drift


def _birds(rng: np.random.Generator) -> tuple[ImageArray, Mover]:
    image = gradient(HEIGHT, WIDTH, (150, 170, 190), (214, 216, 212))
    flock = [(rng.uniform(150, 460), rng.uniform(80, 270), rng.uniform(8, 17), rng.uniform(0, 6)) for _ in range(11)]

    def fly(frame: ImageArray, view: View, seconds: float) -> None:
        for x, y, size, phase in flock:
            px, flap = x + 40 * seconds, 0.7 * size * float(np.sin(9 * seconds + phase))
            wings = [(px - size, y - flap), (px, y), (px + size, y - flap)]
            stroke(frame, [view.place(*w) for w in wings], 3 * view.scale, (46, 48, 54))

    return image, fly


def _rain(rng: np.random.Generator) -> tuple[ImageArray, Mover]:
    image = gradient(HEIGHT, WIDTH, (112, 124, 136), (142, 148, 152))
    for _ in range(14):
        spot, size = (rng.uniform(0, WIDTH), rng.uniform(40, 330)), rng.uniform(14, 34)
        ellipse(image, spot, (size, size), mix((150, 156, 158), (206, 190, 150), rng.random() * 0.6))
    drops = [(rng.uniform(0, WIDTH), rng.uniform(0, HEIGHT), rng.uniform(40, 150)) for _ in range(40)]

    def run(frame: ImageArray, view: View, seconds: float) -> None:
        for x, y, speed in drops:
            top = (y + speed * seconds) % HEIGHT
            stroke(frame, [view.place(x, top - 16), view.place(x + 1, top)], 2 * view.scale, (206, 214, 220))
            ellipse(frame, view.place(x + 1, top), (2.6 * view.scale, 3.4 * view.scale), (216, 224, 230))

    return image, run


def _moon(rng: np.random.Generator) -> tuple[ImageArray, Mover]:
    image = gradient(HEIGHT, WIDTH, (40, 46, 70), (84, 92, 112))
    ellipse(image, (X, Y - 20), (74, 74), (228, 226, 210))
    for x, y, size in ((-24, -36, 14), (22, -10, 19), (-8, 16, 11)):
        ellipse(image, (X + x, Y + y), (size, size), (206, 204, 190))
    spots = [(rng.uniform(120, 480), rng.uniform(110, 260), rng.uniform(50, 110)) for _ in range(6)]

    def drift(frame: ImageArray, view: View, seconds: float) -> None:
        for x, y, size in spots:
            ellipse(frame, view.place(x + 18 * seconds, y), (size * view.scale, 9 * view.scale), (98, 104, 124))

    return image, drift


_PAINTERS: dict[str, Callable[[np.random.Generator], tuple[ImageArray, Mover]]] = {
    "clock": _clock,
    "cup": _cup,
    "phone": _phone,
    "key": _key,
    "candle": _candle,
    "book": _book,
    "sky": _clouds,
    "birds": _birds,
    "rain": _rain,
    "moon": _moon,
}
