"""Painted backdrops of rooms. A painter gets a picture with wall and floor in it and paints what stands there."""

import numpy as np

from mediafm.synthetic.draw import box, curve, ellipse, gradient, mix, polygon, shade, stroke
from mediafm.synthetic.exteriors import HEIGHT, WIDTH
from mediafm.synthetic.plan import Colour
from mediafm.types import ImageArray

FLOOR = 268  # height of the line between wall and floor


def room(wall: Colour, floor: Colour, rng: np.random.Generator) -> ImageArray:
    """An empty room, its wall colour varied from place to place; uint8 [HEIGHT, WIDTH, 3]."""
    other: Colour = (int(rng.integers(90, 230)), int(rng.integers(90, 230)), int(rng.integers(90, 230)))
    wall = mix(wall, other, 0.22)
    image = gradient(HEIGHT, WIDTH, shade(wall, 0.86), wall)
    image[FLOOR:] = gradient(HEIGHT - FLOOR, WIDTH, shade(floor, 0.8), shade(floor, 1.08))
    box(image, 0, FLOOR - 7, WIDTH, FLOOR, shade(wall, 0.62))
    return image


def _window(image: ImageArray, x: float, y: float, width: float, height: float, glass: Colour, frame: Colour) -> None:
    box(image, x - 5, y - 5, x + width + 5, y + height + 5, frame)
    box(image, x, y, x + width, y + height, glass)
    polygon(
        image,
        [(x, y + 0.6 * height), (x + 0.6 * width, y), (x + 0.85 * width, y), (x, y + 0.85 * height)],
        mix(glass, (255, 255, 255), 0.3),
    )
    box(image, x + 0.48 * width, y, x + 0.52 * width, y + height, frame)
    box(image, x, y + 0.47 * height, x + width, y + 0.52 * height, frame)


def _picture(image: ImageArray, x: float, y: float, rng: np.random.Generator) -> None:
    """A framed painting on the wall."""
    width, height = rng.uniform(34, 60), rng.uniform(30, 46)
    box(image, x, y, x + width, y + height, (110, 80, 46))
    box(
        image,
        x + 4,
        y + 4,
        x + width - 4,
        y + height - 4,
        (int(rng.integers(80, 220)), int(rng.integers(80, 220)), int(rng.integers(120, 230))),
    )
    polygon(
        image,
        [(x + 4, y + height - 4), (x + 0.4 * width, y + 0.4 * height), (x + width - 4, y + height - 4)],
        (88, 122, 84),
    )


def cafe(rng: np.random.Generator) -> ImageArray:
    """Counter with bottles, blackboard, round tables, hanging lamps, a wide window."""
    image = room((196, 150, 110), (122, 78, 52), rng)
    _window(image, 40, 60, 170, 120, (186, 220, 232), (92, 58, 40))
    box(image, 270, 70, 380, 140, (40, 52, 46))
    for y in (86, 100, 114, 126):
        stroke(image, [(282, y), (282 + rng.uniform(40, 86), y)], 2, (220, 224, 214))
    for y in (92, 134):
        box(image, 430, y, 620, y + 5, (92, 58, 40))
        for column in range(11):
            x = 438.0 + 16 * column
            hue = ((70, 120, 80), (150, 60, 50), (206, 170, 90), (80, 100, 150))[rng.integers(4)]
            box(image, x, y - rng.uniform(18, 30), x + 9, y, hue)
    box(image, 410, 196, WIDTH, 276, (134, 84, 52))
    box(image, 402, 188, WIDTH, 198, (214, 190, 156))
    for x in rng.uniform(30, 360, 2):
        ellipse(image, (x + 20, 262), (44, 8), (226, 208, 176))
        stroke(image, [(x + 20, 266), (x + 20, 306)], 6, (62, 44, 34))
        box(image, x + 12, 248, x + 24, 260, (250, 248, 244))
    for x in (120.0, 320.0, 520.0):
        stroke(image, [(x, 0), (x, 34)], 2, (40, 34, 30))
        polygon(image, [(x - 20, 52), (x - 7, 32), (x + 7, 32), (x + 20, 52)], (186, 62, 44))
        ellipse(image, (x, 53), (9, 5), (255, 240, 190))
    return image


def living_room(rng: np.random.Generator) -> ImageArray:
    """Sofa, floor lamp, bookshelf, window with curtains, paintings, a rug."""
    image = room((206, 186, 150), (150, 106, 70), rng)
    _window(image, 270, 50, 110, 120, (176, 208, 228), (240, 236, 226))
    drape = ((150, 60, 60), (70, 100, 130), (110, 130, 80))[rng.integers(3)]
    for x in (240.0, 378.0):
        polygon(image, [(x, 38), (x + 34, 38), (x + 28, 200), (x - 2, 200)], drape)
    box(image, 30, 70, 140, FLOOR, (112, 72, 44))
    for y in (110, 150, 190, 230):
        x = 38.0
        while x < 126:
            width = rng.uniform(5, 11)
            box(
                image,
                x,
                y - rng.uniform(22, 32),
                x + width,
                y,
                (int(rng.integers(60, 200)), int(rng.integers(50, 150)), int(rng.integers(50, 160))),
            )
            x += width + 1
        box(image, 36, y, 134, y + 5, (80, 50, 32))
    cloth = ((92, 126, 142), (160, 88, 72), (124, 128, 92))[rng.integers(3)]
    box(image, 420, 202, 600, 262, cloth)
    box(image, 410, 236, 610, 286, shade(cloth, 1.15))
    for x in (404.0, 592.0):
        box(image, x, 222, x + 24, 290, shade(cloth, 0.82))
    ellipse(image, (320, 326), (190, 24), mix(drape, (230, 210, 180), 0.4))
    stroke(image, [(196, 290), (196, 150)], 4, (60, 52, 44))
    polygon(image, [(174, 152), (184, 116), (208, 116), (218, 152)], (250, 226, 160))
    for x in (430.0, 520.0):
        _picture(image, x, rng.uniform(80, 110), rng)
    return image


def office(rng: np.random.Generator) -> ImageArray:
    """Window front over the town, desks with screens, a filing cabinet, a plant, ceiling lights."""
    image = room((208, 214, 220), (120, 128, 138), rng)
    for x in (30.0, 180.0, 330.0, 480.0):
        _window(image, x, 50, 130, 130, (168, 204, 230), (110, 118, 128))
        for column in range(5):
            top = rng.uniform(100, 160)
            box(image, x + 26 * column, top, x + 26 * column + 22, 180, (122, 146, 170))
    for x in (60.0, 250.0, 470.0):
        box(image, x, 16, x + 110, 26, (250, 252, 250))
    for x in (rng.uniform(20, 120), rng.uniform(420, 500)):
        box(image, x, 238, x + 140, 248, (196, 170, 130))
        box(image, x + 8, 248, x + 14, 300, (90, 92, 96))
        box(image, x + 126, 248, x + 132, 300, (90, 92, 96))
        box(image, x + 46, 196, x + 104, 232, (36, 40, 46))
        box(image, x + 50, 200, x + 100, 228, ((80, 160, 206), (92, 190, 140), (230, 232, 236))[rng.integers(3)])
        box(image, x + 70, 232, x + 80, 238, (60, 62, 66))
    box(image, 290, 206, 336, 286, (132, 140, 150))
    for y in (210, 236, 262):
        box(image, 294, y, 332, y + 21, (158, 166, 174))
        box(image, 306, y + 8, 320, y + 11, (80, 84, 90))
    polygon(image, [(376, 290), (380, 262), (404, 262), (408, 290)], (176, 98, 62))
    for angle in range(200, 341, 20):
        stroke(image, [(392, 262), curve((392, 262), (34, 60), angle, angle)[0]], 6, (70, 140, 76))
    return image


def corridor(rng: np.random.Generator) -> ImageArray:
    """A hallway in perspective with doors on both sides and a row of lights."""
    image = room((150, 158, 160), (96, 92, 92), rng)
    grey = int(image[200, 10].mean())
    wall: Colour = (grey, grey, grey)
    far = (250, 110, 390, 240)  # the end of the hallway: left, top, right, bottom
    polygon(image, [(0, 0), (WIDTH, 0), (far[2], far[1]), (far[0], far[1])], shade(wall, 0.7))
    polygon(image, [(0, HEIGHT), (WIDTH, HEIGHT), (far[2], far[3]), (far[0], far[3])], (88, 84, 88))
    polygon(
        image,
        [(190, HEIGHT), (450, HEIGHT), (345, far[3]), (295, far[3])],
        ((122, 44, 44), (44, 74, 92), (70, 96, 70))[rng.integers(3)],
    )
    box(image, *far, shade(wall, 0.55))
    box(image, 300, 150, 342, 240, shade(wall, 0.35))
    for near, deep in ((30, 100), (150, 195)):
        for flip in (False, True):
            xs = [WIDTH - near, WIDTH - deep] if flip else [near, deep]
            tops = [60 + 0.38 * near, 60 + 0.38 * deep]
            floors = [HEIGHT - 0.48 * near, HEIGHT - 0.48 * deep]
            polygon(image, [(xs[0], tops[0]), (xs[1], tops[1]), (xs[1], floors[1]), (xs[0], floors[0])], (96, 66, 46))
            ellipse(image, (xs[1] - (3 if not flip else -3), 0.5 * (tops[1] + floors[1])), (2.5, 2.5), (220, 190, 110))
    for k, y in enumerate((18, 58, 88)):
        half = 60 - 18 * k
        polygon(
            image,
            [(320 - half, y), (320 + half, y), (320 + 0.8 * half, y + 9 - 2 * k), (320 - 0.8 * half, y + 9 - 2 * k)],
            (250, 250, 232),
        )
    return image


def cellar(rng: np.random.Generator) -> ImageArray:
    """Stone walls, a bare bulb, stairs, barrels and cobwebs."""
    image = room((96, 88, 80), (66, 58, 52), rng)
    for row, y in enumerate(range(0, FLOOR, 24)):
        for left in range(-30 * (row % 2), WIDTH, 60):
            stone = shade((104, 96, 88), rng.uniform(0.6, 1.05))
            box(image, left + 1, y + 1, left + 59, y + 23, stone)
    for k in range(7):
        box(image, 470 + 24 * k, 250 - 32 * k, WIDTH, 270 - 32 * k + 60, shade((110, 84, 60), 0.75 + 0.04 * k))
    for x in (40, 108, rng.uniform(180, 260)):
        ellipse(image, (x + 30, 262), (32, 44), (112, 72, 42))
        for y in (240, 282):
            stroke(image, [(x + 1, y), (x + 59, y)], 4, (52, 52, 56))
    stroke(image, [(320, 0), (320, 52)], 2, (20, 20, 20))
    ellipse(image, (320, 62), (8, 10), (255, 236, 160))
    glow = np.zeros((HEIGHT, WIDTH, 1), np.float32)
    ys, xs = np.mgrid[0:HEIGHT, 0:WIDTH]
    glow[..., 0] = np.exp(-(((xs - 320) / 260.0) ** 2 + ((ys - 90) / 190.0) ** 2))
    for corner, flip in ((0, 1), (WIDTH, -1)):
        for reach in (30, 55):
            stroke(
                image,
                [(corner, reach), (corner + 0.5 * flip * reach, 0.5 * reach), (corner + flip * reach, 0)],
                1,
                (170, 170, 170),
            )
    return np.clip(image * (0.45 + 0.75 * glow), 0, 255).astype(np.uint8)


def bridge(rng: np.random.Generator) -> ImageArray:
    """A starship's bridge: a panorama of stars, consoles with lamps, pillars."""
    image = room((84, 98, 116), (62, 70, 84), rng)
    polygon(image, [(90, 50), (550, 50), (590, 190), (50, 190)], (8, 10, 26))
    for _ in range(110):
        x, y = rng.uniform(95, 545), rng.uniform(54, 186)
        ellipse(image, (x, y), (0.9, 0.9), (220, 226, 250))
    hue: Colour = ((90, 150, 220), (206, 120, 80), (120, 190, 140))[rng.integers(3)]
    x = rng.uniform(200, 440)
    ellipse(image, (x, 120), (38, 38), hue)
    ellipse(image, (x + 10, 126), (30, 32), shade(hue, 0.8))
    for left in (80, 236, 392, 548):
        polygon(image, [(left, 44), (left + 10, 44), (left + 10, 194), (left, 194)], (120, 134, 150))
    for left in (20, 230, 440):
        polygon(image, [(left, 230), (left + 180, 230), (left + 190, 282), (left - 10, 282)], (52, 60, 76))
        for _ in range(26):
            lamp = ((240, 90, 80), (100, 220, 150), (250, 210, 100), (110, 190, 250))[rng.integers(4)]
            box(image, (px := left + rng.uniform(6, 166)), (py := rng.uniform(236, 270)), px + 7, py + 4, lamp)
    for y in (300, 326):
        stroke(image, [(0, y), (WIDTH, y)], 2, (96, 190, 220))
    return image
