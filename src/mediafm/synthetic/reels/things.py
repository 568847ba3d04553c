"""What moves in front of a reel's worlds: a few objects, and now and then one that passes close to the lens."""

from dataclasses import dataclass

import cv2
import numpy as np

from mediafm.synthetic.reels.plan import ReelShot
from mediafm.synthetic.reels.worlds import palette
from mediafm.types import ImageArray


@dataclass(frozen=True, slots=True)
class Thing:
    """An object with soft edges: picture, opacity, and its top left corner in each frame of the shot [frames]."""

    image: np.ndarray  # float32 [h, w, 3]
    opacity: np.ndarray  # float32 [h, w, 1]
    x: np.ndarray
    y: np.ndarray

    def draw(self, frame: ImageArray, t: int) -> None:
        """Paint it onto `frame` where it is in frame `t`; nothing where it is out of sight."""
        x, y = int(self.x[t]), int(self.y[t])
        high, wide = self.opacity.shape[:2]
        x0, x1 = max(0, x), min(frame.shape[1], x + wide)
        y0, y1 = max(0, y), min(frame.shape[0], y + high)
        if x0 >= x1 or y0 >= y1:
            return
        part = slice(y0 - y, y1 - y), slice(x0 - x, x1 - x)
        spot = frame[y0:y1, x0:x1]
        spot[:] = spot + (self.image[part] - spot) * self.opacity[part]


def shot_things(shot: ReelShot, size: tuple[int, int], fps: float, rng: np.random.Generator) -> list[Thing]:
    """Up to three objects on their ways, and the one that passes close by if the shot has it."""
    n = shot.end - shot.start
    seconds = np.arange(n) / fps
    width, height = size
    things = []
    for _ in range(int(rng.integers(0, 4))):
        image, opacity = _body(float(rng.uniform(0.1, 0.45)) * height, shot.flat, rng)
        across, down = rng.normal(0, 0.25, 2) * height  # pixels a second
        bob = rng.uniform(0, 0.05) * height * np.sin(2 * np.pi * rng.uniform(0.3, 2.5) * seconds)
        x = rng.uniform(0, 0.8) * width + across * seconds
        y = rng.uniform(0.1, 0.7) * height + 0.3 * down * seconds + bob
        things.append(Thing(image, opacity, x, y))
    if shot.disturbance is not None and shot.disturbance.kind == "passer":
        image, opacity = _body(float(rng.uniform(0.9, 1.6)) * height, shot.flat, rng)
        first, length = shot.disturbance.first - shot.start, shot.disturbance.last - shot.disturbance.first + 1
        way = (np.arange(n) - first + 1) / (length + 1)
        x = -opacity.shape[1] + way * (width + opacity.shape[1])
        if rng.random() < 0.5:
            x = width - opacity.shape[1] - x
        x[(way <= 0) | (way >= 1)] = -10 * width
        things.append(Thing(0.5 * image, opacity, x, np.full(n, rng.uniform(-0.4, 0.1) * height)))
    return things


def _body(high: float, flat: bool, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A blob of `high` pixels; shaded and blurred unless flat."""
    h = max(6, round(high))
    w = max(6, round(high * float(rng.uniform(0.5, 1.2))))
    opacity = np.zeros((h, w), np.float32)
    cv2.ellipse(opacity, (w // 2, h // 2), (max(1, w // 2 - 2), max(1, h // 2 - 2)), 0, 0, 360, 1.0, -1)
    colours = palette(4, rng)
    if flat:
        image = np.broadcast_to(colours[int(rng.integers(4))], (h, w, 3)).astype(np.float32)
    else:
        grain = cv2.resize(rng.uniform(0.4, 1.2, (6, 5)).astype(np.float32), (w, h), interpolation=cv2.INTER_CUBIC)
        image = np.clip(colours[int(rng.integers(4))] * grain[..., None], 0, 255)
        opacity = cv2.GaussianBlur(opacity, (0, 0), 0.02 * h + 0.6).astype(np.float32)
    return image, opacity[..., None]
