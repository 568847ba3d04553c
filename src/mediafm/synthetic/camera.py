"""The camera: which part of a place a shot shows, and how that part moves while the shot runs."""

from dataclasses import dataclass

import cv2
import numpy as np

from mediafm.synthetic.backdrops import HEIGHT, WIDTH
from mediafm.synthetic.draw import Point
from mediafm.synthetic.plan import ShotPlan
from mediafm.types import ImageArray


@dataclass(frozen=True, slots=True)
class View:
    """The window on the world one frame shows: its centre and height in world pixels, and the frame's size."""

    x: float
    y: float
    height: float
    size: tuple[int, int]  # width, height of the frame in pixels

    @property
    def scale(self) -> float:
        """Frame pixels per world pixel."""
        return self.size[1] / self.height

    def place(self, x: float, y: float) -> Point:
        """Where a point of the world lies in the frame."""
        return (x - self.x) * self.scale + 0.5 * self.size[0], (y - self.y) * self.scale + 0.5 * self.size[1]

    def crop(self, world: ImageArray) -> ImageArray:
        """The part of a world picture inside the window, as a frame."""
        left, top = self.place(0, 0)
        matrix = np.array([[self.scale, 0, left], [0, self.scale, top]])
        frame = cv2.warpAffine(world, matrix, self.size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        return frame.astype(np.uint8, copy=False)


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera move: from one view to another over a shot's frames, with a shaking hand if `shake` > 0."""

    start: tuple[float, float, float]  # x, y, height
    end: tuple[float, float, float]
    shake: float  # share of the view's height
    phases: tuple[float, ...]
    frames: int
    size: tuple[int, int]

    def view(self, frame: float) -> View:
        """The view at a frame of the shot (a few frames before or after it also have one, for dissolves)."""
        share = min(1.0, max(0.0, frame / max(1, self.frames - 1)))
        x, y, height = (a + (b - a) * share for a, b in zip(self.start, self.end, strict=True))
        sway = self.shake * height
        x += sway * (np.sin(1.1 * frame + self.phases[0]) + 0.6 * np.sin(2.3 * frame + self.phases[1]))
        y += sway * (np.sin(1.4 * frame + self.phases[2]) + 0.5 * np.sin(2.7 * frame + self.phases[3]))
        return self._inside(float(x), float(y), height)

    def _inside(self, x: float, y: float, height: float) -> View:
        """The nearest view that shows nothing beyond the edges of the world."""
        width = height * self.size[0] / self.size[1]
        x = min(max(x, 0.5 * width), WIDTH - 0.5 * width)
        y = min(max(y, 0.5 * height), HEIGHT - 0.5 * height)
        return View(x, y, height, self.size)


def aim(
    shot: ShotPlan,
    target: Point,
    height: float,
    intensity: float,
    size: tuple[int, int],
    rng: np.random.Generator,
    travel: float = 0.0,
) -> Camera:
    """A camera that looks at `target`, `height` world pixels high; it follows `travel` pixels to the right."""
    x, y = target[0] + rng.normal(0, 0.02 * height), target[1] + rng.normal(0, 0.015 * height)
    start, end = (x, y, height), (x + travel, y, height)
    if shot.move == "pan" and not travel:
        swing = float(rng.choice((-1, 1)) * rng.uniform(0.06, 0.14) * height)
        start, end = (x - swing, y, height), (x + swing, y, height)
    elif shot.move == "push":
        near = rng.uniform(0.86, 0.94)
        start, end = (x, y, height), (x, y, height * float(near))
    shake = 0.012 * (0.4 + intensity) if shot.move == "handheld" or travel else 0.0
    return Camera(start, end, shake, tuple(rng.uniform(0, 6.28, 4)), shot.frames, size)
