"""Draws a reel: every shot through its camera and light, joined by the transitions of the plan."""

from collections.abc import Iterator

import cv2
import numpy as np

from mediafm.synthetic.reels.camera import camera_path
from mediafm.synthetic.reels.light import shot_light
from mediafm.synthetic.reels.plan import ReelPlan, ReelShot, Transition
from mediafm.synthetic.reels.things import shot_things
from mediafm.synthetic.reels.worlds import paint_world
from mediafm.types import ImageArray

SIZE = (256, 144)  # width and height in pixels
_HELD = 0.5  # share of drawn shots whose every picture is shown twice, as drawn films often are


def reel_frames(plan: ReelPlan, size: tuple[int, int] = SIZE) -> Iterator[ImageArray]:
    """All frames of a reel in order, uint8 [height, width, 3] RGB. Same plan and size, same bytes."""
    number = 0  # of the older shot that is seen
    old = _Shot(plan, plan.shots[0], size)
    new: _Shot | None = None
    for frame in range(plan.frames):
        transition = plan.transitions[number] if number < len(plan.transitions) else None
        if transition is not None and frame == transition.first:
            new = _Shot(plan, plan.shots[number + 1], size)
        if new is None or transition is None:
            yield old.frame(frame)
        elif transition.kind == "cut":
            yield new.frame(frame)
        else:
            yield _mixed(transition, old, new, frame)
        if transition is not None and new is not None and frame == transition.last:
            old, new, number = new, None, number + 1


class _Shot:
    """Any frame of one shot, by its number in the reel."""

    def __init__(self, plan: ReelPlan, shot: ReelShot, size: tuple[int, int]) -> None:
        self.shot, self.size = shot, size
        rng = np.random.default_rng([shot.seed, 1])
        self.world = paint_world(shot.flat, np.random.default_rng([plan.seed, 2, shot.world]))
        self.path = camera_path(shot, float(plan.fps), rng)
        self.things = shot_things(shot, size, float(plan.fps), rng)
        # Shots of one world share its light.
        self.light = shot_light(shot, size, np.random.default_rng([plan.seed, 3, shot.world]))
        self.hold = 2 if shot.flat and rng.random() < _HELD else 1

    def frame(self, number: int) -> ImageArray:
        t = (number - self.shot.start) // self.hold * self.hold
        frame = self.path.view(self.world, t, self.size)
        for thing in self.things:
            thing.draw(frame, t)
        return self.light.apply(frame, number - self.shot.start)


def _mixed(transition: Transition, old: _Shot, new: _Shot, frame: int) -> ImageArray:
    share = (frame - transition.first + 1) / (transition.frames + 1)
    if transition.kind == "dissolve":
        if transition.variant % 4 == 0:  # eased rather than even
            share = 0.5 - 0.5 * np.cos(np.pi * share)
        return cv2.addWeighted(old.frame(frame), 1 - share, new.frame(frame), share, 0).astype(np.uint8)
    if transition.kind == "wipe":
        mask = _wipe_mask(transition.variant, share, old.size)
        return (old.frame(frame) * (1 - mask) + new.frame(frame) * mask).astype(np.uint8)
    return _faded(transition, old, new, frame, share)


def _faded(transition: Transition, old: _Shot, new: _Shot, frame: int, share: float) -> ImageArray:
    """Out to one colour in the first part, in again in the last, with a rest between them."""
    rest = (0.0, 0.15, 0.4)[transition.variant % 3]
    turn = 0.5 * (1 - rest)
    source, left = (old, 1 - share / turn) if share < 0.5 else (new, 1 - (1 - share) / turn)
    left = max(0.0, left)
    level = 255.0 if transition.kind == "fade_white" else 0.0
    if left == 0:
        return np.full((old.size[1], old.size[0], 3), level, np.uint8)
    return cv2.addWeighted(source.frame(frame), left, source.frame(frame), 0, level * (1 - left)).astype(np.uint8)


def _wipe_mask(variant: int, share: float, size: tuple[int, int]) -> np.ndarray:
    """Where the new shot is seen; float32 [height, width, 1]. Eight ways, with a hard or a soft edge."""
    across = np.linspace(0, 1, size[0], dtype=np.float32)[None, :]
    down = np.linspace(0, 1, size[1], dtype=np.float32)[:, None]
    way = variant % 8
    if way < 2:
        place = across + 0 * down
    elif way < 4:
        place = down + 0 * across
    elif way < 6:
        place = 0.5 * (across + down)
    else:
        place = np.minimum(1.0, np.hypot(across - 0.5, down - 0.5) / 0.71)
    if way % 2:
        place = 1 - place
    soft = 0.02 if variant & 8 else 0.15
    return np.clip((share * (1 + soft) - place) / soft, 0, 1)[..., None]
