"""A reel's light and film stock: exposure and tint of a shot, grain, and flashes, flicker, strobes and explosions."""

from dataclasses import dataclass

import cv2
import numpy as np

from mediafm.synthetic.reels.plan import ReelShot
from mediafm.types import ImageArray

_GRAINS = 6  # fields of grain that take turns


@dataclass(frozen=True, slots=True)
class ShotLight:
    """Per shot: gamma, tint, grain. Per frame: gain and a colour mixed in."""

    curve: np.ndarray  # uint8 [256, 1, 3]: exposure and tint
    grain: np.ndarray  # int16 [fields, height, width]
    gain: np.ndarray  # [frames]
    glow: np.ndarray  # [frames]: share of `colour`
    colour: np.ndarray  # [3]

    def apply(self, frame: ImageArray, t: int) -> ImageArray:
        """`frame` in the light of frame `t`."""
        frame = cv2.LUT(frame, self.curve).astype(np.uint8)
        share, gain = float(self.glow[t]), float(self.gain[t])
        if share > 0 or gain != 1:
            red, green, blue = (float(c) for c in self.colour * share)
            frame = cv2.addWeighted(frame, gain * (1 - share), frame, 0, 0).astype(np.uint8)
            frame = cv2.add(frame, (red, green, blue, 0)).astype(np.uint8)  # type: ignore[call-overload]
        if self.grain.size:
            noisy = frame.astype(np.int16) + self.grain[(7 * t) % len(self.grain)][..., None]
            frame = np.clip(noisy, 0, 255).astype(np.uint8)
        return frame


def shot_light(shot: ReelShot, size: tuple[int, int], rng: np.random.Generator) -> ShotLight:
    """Light by day or night, and what the shot's disturbance does to it."""
    n = shot.end - shot.start
    strength = float(rng.uniform(0.3, 0.6) if rng.random() < 0.2 else rng.uniform(0.7, 1.1))
    tint = rng.uniform(0.85, 1.0, 3)
    levels = (np.arange(256) / 255) ** float(rng.uniform(0.8, 1.3))
    curve = np.clip(255 * strength * levels[:, None] * tint, 0, 255).round().astype(np.uint8)[:, None]
    grain = np.zeros((0, size[1], size[0]), np.int16)
    if not shot.flat and rng.random() < 0.7:
        grain = rng.normal(0, rng.uniform(1, 7), (_GRAINS, size[1], size[0])).round().astype(np.int16)
    gain, glow, colour = np.ones(n), np.zeros(n), np.full(3, 255.0)
    if shot.disturbance is not None:
        part = slice(shot.disturbance.first - shot.start, shot.disturbance.last - shot.start + 1)
        length = part.stop - part.start
        match shot.disturbance.kind:
            case "flash":
                glow[part] = rng.uniform(0.5, 1.0) * 0.7 ** np.arange(length)
            case "flicker":
                gain[part] = np.clip(1 + rng.uniform(0.08, 0.35) * rng.standard_normal(length), 0.3, 1.8)
            case "strobe":
                period = int(rng.integers(2, 9))
                gain[part] = np.where(np.arange(length) // period % 2 == 0, 1.0, rng.uniform(0.1, 0.5))
            case "explosion":
                rise = min(4, length)
                fall = np.exp(-np.arange(length - rise) / (0.3 * length))
                glow[part] = rng.uniform(0.6, 0.95) * np.concatenate([np.linspace(0.3, 1, rise), fall])
                colour = np.array([255.0, rng.uniform(150, 230), rng.uniform(40, 150)])
            case _:
                pass
    return ShotLight(curve.astype(np.uint8), grain, gain, glow, colour)
