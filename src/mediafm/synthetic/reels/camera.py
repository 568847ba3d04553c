"""How a reel's camera moves: the path of one shot, frame by frame."""

from dataclasses import dataclass

import cv2
import numpy as np

from mediafm.synthetic.backdrops import HEIGHT, WIDTH
from mediafm.synthetic.reels.plan import ReelShot
from mediafm.types import ImageArray


@dataclass(frozen=True, slots=True)
class CameraPath:
    """For each frame of a shot: the view's centre (world pixels) and height (world pixels); float64 [frames]."""

    x: np.ndarray
    y: np.ndarray
    height: np.ndarray

    def view(self, world: ImageArray, t: int, size: tuple[int, int]) -> ImageArray:
        """Frame `t` as uint8 [height, width, 3]; the world goes on as its mirror image; fast moves are blurred."""
        width, height = size
        scale = self.height[t] / height
        matrix = np.array([[scale, 0, self.x[t] - scale * width / 2], [0, scale, self.y[t] - scale * height / 2]])
        flags = (cv2.INTER_AREA if scale > 1.5 else cv2.INTER_LINEAR) | cv2.WARP_INVERSE_MAP
        frame = cv2.warpAffine(world, matrix, size, flags=flags, borderMode=cv2.BORDER_REFLECT)
        before = max(0, t - 1)
        across = int(abs(self.x[t] - self.x[before]) / scale / 2)
        down = int(abs(self.y[t] - self.y[before]) / scale / 2)
        if max(across, down) > 1:
            frame = cv2.blur(frame, (min(across, width // 2) + 1, min(down, height // 2) + 1))
        return frame.astype(np.uint8)


def camera_path(shot: ReelShot, fps: float, rng: np.random.Generator) -> CameraPath:
    """Still, panning, tilting, zooming or held by hand; with the whip or the shake its disturbance asks for."""
    n = shot.end - shot.start
    seconds = np.arange(n) / fps
    x, y = np.full(n, rng.uniform(0.2, 0.8) * WIDTH), np.full(n, rng.uniform(0.3, 0.7) * HEIGHT)
    height = np.full(n, float(np.exp(rng.uniform(np.log(90), np.log(300)))))
    move = rng.choice(("still", "pan", "tilt", "zoom", "hand", "drift"))
    pace = height[0] * float(np.exp(rng.uniform(np.log(0.05), np.log(0.9)))) * float(rng.choice((-1, 1)))  # a second
    if move in ("pan", "drift"):
        x = x + pace * seconds
    if move in ("tilt", "drift"):
        y = y + 0.5 * pace * seconds
    if move == "zoom":
        height = height * np.exp(np.clip(float(rng.normal(0, 0.25)) * seconds, -0.9, 0.9))
    if move == "hand":
        x, y = x + _wander(n, fps, 0.06 * height[0], rng), y + _wander(n, fps, 0.06 * height[0], rng)
    if shot.disturbance is not None:
        part = slice(shot.disturbance.first - shot.start, shot.disturbance.last - shot.start + 1)
        length = part.stop - part.start
        if shot.disturbance.kind == "shake":
            x[part] += rng.normal(0, 0.05 * height[0], length)
            y[part] += rng.normal(0, 0.05 * height[0], length)
        if shot.disturbance.kind == "whip":
            swing = height[0] * float(rng.uniform(0.8, 2.5)) * float(rng.choice((-1, 1)))
            ease = 0.5 - 0.5 * np.cos(np.pi * (np.arange(length) + 1) / length)
            x[part] += swing * ease
            x[part.stop :] += swing
    return CameraPath(x, y, height)


def _wander(n: int, fps: float, strength: float, rng: np.random.Generator) -> np.ndarray:
    """A smooth random walk that stays near 0; [n]."""
    seconds = np.arange(n) / fps
    waves = [np.sin(2 * np.pi * (f * seconds + rng.random())) / f for f in rng.uniform(0.3, 3.0, 4)]
    return strength * np.sum(waves, axis=0) / 2
