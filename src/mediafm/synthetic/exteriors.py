"""Painted backdrops of places under the open sky. A painter gets a picture with the sky in it and paints the rest."""

import numpy as np

from mediafm.synthetic.draw import box, curve, ellipse, gradient, mix, polygon, shade, stroke
from mediafm.synthetic.plan import Colour
from mediafm.types import ImageArray

WIDTH, HEIGHT = 640, 360  # pixels of a backdrop, which is the world figures and camera move in
NIGHT: Colour = (14, 18, 44)


def sky(
    night: bool, rng: np.random.Generator, day: tuple[Colour, Colour] = ((96, 164, 226), (212, 230, 240))
) -> ImageArray:
    """A sky by day with clouds, or by night with stars and a moon; uint8 [HEIGHT, WIDTH, 3]."""
    if not night:
        image = gradient(HEIGHT, WIDTH, *day)
        for _ in range(rng.integers(2, 6)):
            x, y = rng.uniform(0, WIDTH), rng.uniform(20, 120)
            for _ in range(5):
                spot = (x + rng.normal(0, 26), y + rng.normal(0, 5))
                ellipse(image, spot, (rng.uniform(18, 40), rng.uniform(7, 14)), mix(day[1], (255, 255, 255), 0.7))
        return image
    image = gradient(HEIGHT, WIDTH, (8, 10, 30), (44, 48, 92))
    for _ in range(90):
        ellipse(image, (rng.uniform(0, WIDTH), rng.uniform(0, 200)), (0.9, 0.9), (210, 214, 235))
    ellipse(image, (rng.uniform(60, 580), rng.uniform(35, 80)), (17, 17), (238, 236, 214))
    return image


def _dim(colour: Colour, night: bool) -> Colour:
    return mix(colour, NIGHT, 0.62) if night else colour


def _ridge(image: ImageArray, base: float, rough: float, colour: Colour, rng: np.random.Generator) -> None:
    """A line of hills across the picture, filled down to its lower edge."""
    xs = np.linspace(-20, WIDTH + 20, 24)
    ys = base + rough * (np.sin(xs / rng.uniform(50, 110) + rng.uniform(0, 6)) + 0.5 * rng.normal(0, 0.5, 24))
    polygon(image, [*zip(xs, ys, strict=True), (WIDTH + 20, HEIGHT), (-20, HEIGHT)], colour)


def _tree(image: ImageArray, x: float, ground: float, size: float, leaf: Colour, rng: np.random.Generator) -> None:
    stroke(
        image,
        [(x, ground), (x + rng.normal(0, 2), ground - 0.6 * size)],
        0.12 * size,
        shade((96, 66, 44), leaf[1] / 140),
    )
    for k in range(7):
        spot = (x + rng.normal(0, 0.2 * size), ground - size * rng.uniform(0.55, 1.0))
        ellipse(image, spot, (0.24 * size, 0.2 * size), shade(leaf, 0.8 + 0.06 * k))


def _house(
    image: ImageArray,
    x: float,
    width: float,
    top: float,
    ground: float,
    wall: Colour,
    night: bool,
    rng: np.random.Generator,
) -> None:
    """A house front with rows of windows, some of them lit at night."""
    box(image, x, top, x + width, ground, wall)
    box(image, x, top, x + width, top + 5, shade(wall, 0.7))
    columns = max(2, int(width // 26))
    for row in range(int((ground - top - 14) // 30)):
        for column in range(columns):
            left, upper = x + width * (column + 0.25) / columns, top + 14 + 30 * row
            lit = (246, 214, 122) if rng.random() < 0.45 else (30, 34, 52)
            glass = lit if night else mix((150, 186, 206), (60, 84, 110), rng.random())
            box(image, left, upper, left + 0.5 * width / columns, upper + 17, glass)


def street(image: ImageArray, night: bool, rng: np.random.Generator) -> None:
    """Houses, a pavement, a road with its markings, lamps and a parked car."""
    x = -10.0
    while x < WIDTH:
        width = rng.uniform(70, 120)
        wall = mix((190, 120, 92), ((206, 190, 160), (150, 156, 168), (176, 98, 78))[rng.integers(3)], rng.random())
        _house(image, x, width, rng.uniform(50, 130), 262, _dim(wall, night), night, rng)
        x += width
    box(image, 0, 262, WIDTH, 296, _dim((172, 168, 162), night))
    box(image, 0, 296, WIDTH, HEIGHT, _dim((92, 92, 98), night))
    for k in range(8):
        box(image, 90 * k, 340, 90 * k + 44, 345, _dim((236, 232, 214), night))
    for x in (rng.uniform(60, 120), rng.uniform(500, 580)):
        stroke(image, [(x, 290), (x, 120), (x + 22, 112)], 4, (46, 50, 56))
        ellipse(image, (x + 24, 116), (9, 6), (255, 236, 170) if night else (214, 214, 206))
    paint, x = _dim(((188, 44, 44), (44, 92, 150), (224, 180, 60))[rng.integers(3)], night), rng.uniform(20, 380)
    polygon(
        image,
        [
            (x, 300),
            (x + 6, 282),
            (x + 30, 278),
            (x + 46, 260),
            (x + 92, 260),
            (x + 108, 280),
            (x + 130, 286),
            (x + 132, 300),
        ],
        paint,
    )
    polygon(image, [(x + 36, 278), (x + 50, 264), (x + 88, 264), (x + 98, 278)], _dim((170, 200, 214), night))
    for wheel in (x + 28, x + 104):
        ellipse(image, (wheel, 301), (12, 12), (24, 24, 26))
        ellipse(image, (wheel, 301), (5, 5), (150, 150, 154))


def rooftop(image: ImageArray, night: bool, rng: np.random.Generator) -> None:
    """A skyline below, a flat roof with a parapet, chimneys and an aerial."""
    for depth, base in ((0.35, 150), (0.12, 185)):
        x = -10.0
        while x < WIDTH:
            width = rng.uniform(36, 74)
            _house(
                image,
                x,
                width,
                base + rng.uniform(-60, 20),
                280,
                mix(_dim((120, 122, 140), night), (150, 170, 200), 0.0 if night else depth),
                night,
                rng,
            )
            x += width + rng.uniform(0, 10)
    box(image, 0, 262, WIDTH, 282, _dim((150, 92, 74), night))
    box(image, 0, 258, WIDTH, 264, _dim((196, 150, 122), night))
    box(image, 0, 282, WIDTH, HEIGHT, _dim((128, 120, 116), night))
    for x in rng.uniform(20, 600, 3):
        box(image, x, 206, x + 28, 290, _dim((158, 96, 76), night))
        box(image, x - 4, 200, x + 32, 208, _dim((110, 70, 60), night))
    x = rng.uniform(240, 400)
    stroke(image, [(x, 262), (x, 150)], 3, (60, 62, 66))
    for y in (158, 170, 182):
        stroke(image, [(x - 22, y), (x + 22, y)], 2, (60, 62, 66))


def park(image: ImageArray, night: bool, rng: np.random.Generator) -> None:
    """Lawns, round trees, a path, a pond and a bench."""
    _ridge(image, 215, 10, _dim((120, 168, 112), night), rng)
    box(image, 0, 244, WIDTH, HEIGHT, _dim((110, 178, 84), night))
    for x in np.sort(rng.uniform(0, WIDTH, 9)):
        _tree(image, x, rng.uniform(240, 262), rng.uniform(90, 140), _dim((74, 152, 66), night), rng)
    polygon(image, [(200, HEIGHT), (300, 250), (330, 250), (460, HEIGHT)], _dim((214, 192, 150), night))
    ellipse(image, (rng.uniform(90, 150), 292), (84, 16), _dim((112, 176, 206), night))
    x, wood = rng.uniform(440, 520), _dim((132, 84, 50), night)
    for y in (262, 270, 282):
        box(image, x, y, x + 84, y + 5, wood)
    for leg in (x + 8, x + 72):
        box(image, leg, 262, leg + 5, 304, shade(wood, 0.6))
    for _ in range(70):
        ellipse(
            image,
            (rng.uniform(0, WIDTH), rng.uniform(300, 358)),
            (1.6, 1.6),
            _dim(((250, 240, 250), (250, 214, 80), (232, 120, 150))[rng.integers(3)], night),
        )


def forest(image: ImageArray, night: bool, rng: np.random.Generator) -> None:
    """Rows of bare trunks that fade into mist, firs behind, needles on the ground."""
    fog = mix((150, 172, 166), NIGHT, 0.7) if night else (168, 192, 180)
    image[:] = gradient(HEIGHT, WIDTH, mix(fog, (206, 220, 214), 0.0 if night else 0.6), mix(fog, (60, 80, 70), 0.25))
    for row, count in enumerate((26, 16, 9)):
        bark = mix(fog, (44, 38, 34), 0.3 + 0.33 * row)
        for x in rng.uniform(-10, WIDTH + 10, count):
            width, lean = 5 + 7 * row + rng.uniform(0, 5), rng.normal(0, 6)
            polygon(
                image,
                [(x, 270 + 12 * row), (x + lean, -5), (x + lean + 0.6 * width, -5), (x + width, 270 + 12 * row)],
                bark,
            )
            for _ in range(3):
                y = rng.uniform(30, 200)
                stroke(
                    image,
                    [(x + 0.5 * width, y), (x + rng.choice((-1, 1)) * rng.uniform(20, 44), y - rng.uniform(5, 30))],
                    1 + row,
                    bark,
                )
        band = mix(mix(fog, (66, 92, 58), 0.4 + 0.25 * row), NIGHT, 0.5 if night else 0.0)
        _ridge(image, 262 + 14 * row, 4, band, rng)
    for _ in range(60):
        x, y = rng.uniform(0, WIDTH), rng.uniform(300, 356)
        stroke(image, [(x, y), (x + rng.normal(0, 5), y - 9)], 1, _dim((70, 118, 60), night))


def beach(image: ImageArray, night: bool, rng: np.random.Generator) -> None:
    """Sea with waves and a sail, sand with shells, a palm."""
    horizon = 188
    image[horizon:262] = gradient(262 - horizon, WIDTH, _dim((44, 122, 168), night), _dim((118, 200, 206), night))
    for _ in range(26):
        x, y = rng.uniform(0, WIDTH), rng.uniform(horizon + 8, 258)
        stroke(image, [(x, y), (x + rng.uniform(14, 50), y)], 1, _dim((206, 236, 240), night))
    x = rng.uniform(120, 520)
    polygon(image, [(x, horizon + 6), (x, horizon - 34), (x + 24, horizon + 2)], _dim((250, 246, 240), night))
    polygon(
        image,
        [(x - 14, horizon + 6), (x + 26, horizon + 6), (x + 18, horizon + 13), (x - 8, horizon + 13)],
        _dim((150, 70, 50), night),
    )
    _ridge(image, 262, 4, _dim((244, 246, 240), night), rng)
    image[270:] = gradient(HEIGHT - 270, WIDTH, _dim((226, 200, 146), night), _dim((240, 216, 166), night))
    for _ in range(50):
        ellipse(image, (rng.uniform(0, WIDTH), rng.uniform(276, 358)), (2, 1.3), _dim((206, 176, 122), night))
    x = (40.0, 600.0)[rng.integers(2)]
    stroke(image, [(x, 320), (x + 6, 230), (x + 22, 130)], 9, _dim((134, 96, 62), night))
    for angle in range(0, 360, 45):
        tip = curve((x + 22, 132), (62, 40), angle, angle + 20)
        stroke(
            image, [(x + 22, 130), (0.5 * (x + 22 + tip[0][0]), tip[0][1] - 16), tip[-1]], 7, _dim((52, 134, 70), night)
        )


def desert(image: ImageArray, night: bool, rng: np.random.Generator) -> None:
    """Table mountains, dunes, cactuses."""
    x = -40.0
    while x < WIDTH:
        width, top = rng.uniform(90, 190), rng.uniform(120, 190)
        polygon(image, [(x - 20, 240), (x, top), (x + width, top), (x + width + 26, 240)], _dim((188, 104, 66), night))
        polygon(
            image,
            [(x + 0.6 * width, 240), (x + 0.7 * width, top), (x + width, top), (x + width + 26, 240)],
            _dim((158, 82, 54), night),
        )
        x += width + rng.uniform(40, 150)
    for k, base in enumerate((225, 255, 295)):
        _ridge(image, base, 12, _dim(mix((236, 190, 122), (206, 142, 82), 0.3 * k), night), rng)
    for x in rng.uniform(20, 620, 4):
        green, ground = _dim((78, 128, 70), night), rng.uniform(262, 300)
        stroke(image, [(x, ground), (x, ground - 62)], 12, green)
        stroke(image, [(x, ground - 24), (x + 18, ground - 24), (x + 18, ground - 46)], 8, green)
        stroke(image, [(x, ground - 32), (x - 17, ground - 32), (x - 17, ground - 50)], 8, green)


def planet(image: ImageArray, night: bool, rng: np.random.Generator) -> None:
    """Another world: a ringed giant in a violet sky, craters, spires and a landed capsule."""
    image[:] = gradient(
        HEIGHT, WIDTH, (26, 14, 48) if night else (92, 52, 120), (148, 74, 104) if night else (236, 150, 122)
    )
    x, y = rng.uniform(120, 520), rng.uniform(70, 110)
    ellipse(image, (x, y), (54, 54), (214, 166, 132))
    ellipse(image, (x + 12, y + 6), (46, 48), (186, 132, 112))
    stroke(image, curve((x, y), (92, 20), 0, 180), 4, (240, 214, 186))
    ellipse(image, (x - 150 if x > 320 else x + 150, 50), (14, 14), (236, 228, 220))
    for base, colour in ((215, (122, 58, 62)), (250, (150, 72, 60)), (285, (176, 90, 66))):
        for spot in rng.uniform(0, WIDTH, 4):
            polygon(
                image,
                [(spot - 16, base + 20), (spot + rng.normal(0, 8), base - rng.uniform(30, 90)), (spot + 18, base + 20)],
                _dim(shade(colour, 0.9), night),
            )
        _ridge(image, base, 7, _dim(colour, night), rng)
    for _ in range(7):
        spot = (rng.uniform(0, WIDTH), rng.uniform(305, 352))
        ellipse(image, spot, (rng.uniform(14, 34), rng.uniform(4, 8)), _dim((126, 60, 50), night))
    x = rng.uniform(60, 480)
    polygon(image, [(x, 290), (x + 12, 236), (x + 34, 216), (x + 56, 236), (x + 68, 290)], (206, 210, 218))
    ellipse(image, (x + 34, 250), (11, 11), (90, 200, 220))
    for leg in ((x + 6, x - 10), (x + 62, x + 78)):
        stroke(image, [(leg[0], 282), (leg[1], 306)], 5, (120, 124, 132))
