"""The cast as cartoon figures, drawn straight into a frame at the camera's scale, so that faces stay sharp close up."""

from dataclasses import dataclass

import numpy as np

from mediafm.synthetic.camera import View
from mediafm.synthetic.draw import Point, ellipse, mix, polygon, shade, stroke
from mediafm.synthetic.plan import Character, Colour
from mediafm.types import ImageArray

HEAD = 131.0  # height of the middle of its head
GROUND = 322.0  # where figures stand
INK: Colour = (34, 28, 34)


@dataclass(frozen=True, slots=True)
class Pose:
    """What a figure does in one frame. `x` is in world pixels, the rest in shares of a full movement."""

    x: float
    facing: int  # 1: to the right, -1: to the left
    stride: float = 0.0  # phase of the walk in radians
    speed: float = 0.0  # 0 stands, 1 runs
    mouth: float = 0.0  # 0 closed, 1 wide open
    smile: float = 0.0  # -1 .. 1
    brow: float = 0.0  # -1 frowns, 1 is worried
    gesture: float = 0.0  # 0 arms down, 1 arm raised
    blink: bool = False


class _Pen:
    """Draws in a figure's own coordinates: x forward (where it faces), y up from the ground."""

    def __init__(self, frame: ImageArray, view: View, who: Character, pose: Pose) -> None:
        self.frame, self.facing = frame, pose.facing
        bounce = 4.0 * pose.speed * abs(float(np.sin(pose.stride)))
        self.x, self.y = view.place(pose.x, GROUND - bounce)
        self.unit = view.scale * who.height

    def at(self, x: float, y: float) -> Point:
        return self.x + self.facing * x * self.unit, self.y - y * self.unit

    def blob(self, x: float, y: float, rx: float, ry: float, colour: Colour) -> None:
        ellipse(self.frame, self.at(x, y), (rx * self.unit, ry * self.unit), colour)

    def limb(self, points: list[Point], width: float, colour: Colour) -> None:
        stroke(self.frame, [self.at(*p) for p in points], width * self.unit, colour)

    def shape(self, points: list[Point], colour: Colour) -> None:
        polygon(self.frame, [self.at(*p) for p in points], colour)


def draw_figure(frame: ImageArray, view: View, who: Character, pose: Pose) -> None:
    """Draw one person into the frame, standing on the ground of the world."""
    pen = _Pen(frame, view, who, pose)
    swing = pose.speed * float(np.sin(pose.stride))
    _shadow(pen)
    _arm(pen, who, -swing, 0.0, shade(who.top, 0.72))
    _leg(pen, who, -swing, pose.speed, shade(who.bottom, 0.75))
    _leg(pen, who, swing, pose.speed, who.bottom)
    lean = 7.0 * pose.speed
    pen.shape([(-14, 62), (14, 62), (17 + lean, 112), (8 + lean, 118), (-8 + lean, 118), (-17 + lean, 112)], who.top)
    pen.shape([(-4 + lean, 119), (6 + lean, 119), (1 + lean, 106)], mix(who.top, (255, 255, 255), 0.45))
    pen.limb([(lean, 112), (lean + 1, 120)], 9, shade(who.skin, 0.85))
    _head(pen, who, pose, lean + 1)
    _arm(pen, who, swing, pose.gesture, shade(who.top, 0.88))


def draw_shoulder(frame: ImageArray, view: View, who: Character, left: bool) -> None:
    """The back of someone's head and shoulder, dark in a corner of the frame: the view past a listener."""
    width, height = view.size
    x, unit = (0.08 if left else 0.92) * width, height / 100
    ellipse(frame, (x, 1.02 * height), (34 * unit, 30 * unit), shade(who.top, 0.38))
    ellipse(frame, (x, 0.58 * height), (17 * unit, 23 * unit), shade(who.hair, 0.45))


def _shadow(pen: _Pen) -> None:
    x, y = pen.at(0, -1)
    left, right = int(max(0, x - 26 * pen.unit)), int(max(0, x + 26 * pen.unit))
    top, bottom = int(max(0, y - 4 * pen.unit)), int(max(0, y + 4 * pen.unit))
    patch = pen.frame[top:bottom, left:right]
    patch[:] = patch // 4 * 3


def _leg(pen: _Pen, who: Character, swing: float, speed: float, colour: Colour) -> None:
    knee = (swing * 16 + 3 * speed, 34.0)
    foot = (swing * 26 - 8 * max(0.0, -swing), 4 + 16 * max(0.0, -swing) * speed)
    start = (4.0 if swing >= 0 else -4.0, 66.0)
    pen.limb([start, knee, foot], 12, colour)
    pen.limb([foot, (foot[0] + 8, foot[1] - 1)], 8, INK)


def _arm(pen: _Pen, who: Character, swing: float, gesture: float, sleeve: Colour) -> None:
    shoulder = (-12 if gesture == 0 else -4, 108.0)
    elbow = (shoulder[0] + 14 * swing + 10 * gesture - 3, 84.0 + 4 * gesture)
    hand = (elbow[0] + 12 * abs(swing) + 16 * gesture + 2, 64.0 + 46 * gesture + 18 * abs(swing))
    pen.limb([shoulder, elbow, hand], 9, sleeve)
    pen.blob(hand[0], hand[1], 5, 5, who.skin)


def _head(pen: _Pen, who: Character, pose: Pose, x: float) -> None:
    if who.hair_style == 1:  # long hair falls behind the face
        pen.shape([(x - 18, 138), (x - 19, 104), (x - 4, 104), (x + 4, 140)], shade(who.hair, 0.8))
    pen.blob(x, HEAD, 15, 18, who.skin)
    pen.blob(x - 13, HEAD - 2, 3.2, 4.4, shade(who.skin, 0.88))
    _hair(pen, who, x)
    for eye in (x + 2.5, x + 10.5):
        if pose.blink:
            pen.limb([(eye - 2.5, HEAD), (eye + 2.5, HEAD)], 1.2, INK)
        else:
            pen.blob(eye, HEAD + 0.5, 3.1, 3.9, (250, 250, 248))
            pen.blob(eye + 1.0, HEAD, 1.6, 2.1, INK)
        inner, outer = (1, -1) if eye > x + 6 else (-1, 1)
        rise = 2.4 * pose.brow
        pen.limb(
            [
                (eye - 3.2, HEAD + 6.8 + rise * (inner > 0) - 0.4 * rise),
                (eye + 3.2, HEAD + 6.8 + rise * (outer > 0) - 0.4 * rise),
            ],
            1.5,
            shade(who.hair, 0.7),
        )
    pen.limb([(x + 7, HEAD - 2), (x + 9, HEAD - 5), (x + 6.5, HEAD - 5.5)], 1.1, shade(who.skin, 0.7))
    _mouth(pen, pose, x + 6)


def _mouth(pen: _Pen, pose: Pose, x: float) -> None:
    y = HEAD - 10.5
    if pose.mouth > 0.15:
        pen.blob(x, y, 4.2, 1.0 + 3.4 * pose.mouth, (112, 38, 44))
        return
    bend = 3.2 * pose.smile
    pen.limb([(x - 5, y + 0.5 * bend), (x, y - 0.5 * bend), (x + 5, y + 0.5 * bend)], 1.4, (132, 56, 56))


def _hair(pen: _Pen, who: Character, x: float) -> None:
    colour = who.hair
    cap = [(x + 14 * float(np.cos(a)) - 1, HEAD + 3 + 17 * float(np.sin(a))) for a in np.linspace(0.35, 3.6, 12)]
    if who.hair_style == 0:  # short
        pen.shape([*cap, (x - 6, HEAD + 6), (x + 6, HEAD + 9)], colour)
    elif who.hair_style == 1:  # long, parted
        pen.shape([*cap, (x - 14, HEAD - 12), (x - 7, HEAD + 4), (x + 2, HEAD + 10)], colour)
    elif who.hair_style == 2:  # curls
        for angle in np.linspace(0.3, 3.9, 9):
            pen.blob(x - 1 + 14 * float(np.cos(angle)), HEAD + 6 + 13 * float(np.sin(angle)), 6.5, 6.5, colour)
    else:  # a hat
        pen.shape([*cap, (x - 8, HEAD + 4)], shade(colour, 0.8))
        pen.shape(
            [(x - 14, HEAD + 9), (x + 14, HEAD + 9), (x + 11, HEAD + 25), (x - 11, HEAD + 25)], shade(who.bottom, 1.3)
        )
        pen.limb([(x - 18, HEAD + 9.5), (x + 20, HEAD + 9.5)], 3, shade(who.bottom, 1.0))
