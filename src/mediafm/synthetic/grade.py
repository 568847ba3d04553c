"""What a tone does to a picture: colour and light, the corners of a mouth. Weak and noisy on purpose.

A single shot only hints at its tone; the shots of a scene together say it clearly.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from mediafm.synthetic.genres import Tone
from mediafm.types import ImageArray

# Per tone: gains of red, green and blue, saturation, contrast, brightness in levels.
LOOKS: dict[Tone, tuple[float, float, float, float, float, float]] = {
    "tense": (0.90, 1.00, 1.03, 0.65, 1.22, -12.0),
    "joyful": (1.10, 1.05, 0.92, 1.22, 1.03, 13.0),
    "sad": (0.84, 0.93, 1.10, 0.60, 0.90, -9.0),
    "romantic": (1.14, 0.95, 0.99, 1.00, 0.92, 7.0),
    "calm": (1.00, 1.03, 1.03, 0.88, 0.84, 11.0),
    "eerie": (0.78, 1.07, 0.92, 0.62, 1.12, -20.0),
    "comic": (1.06, 1.08, 0.90, 1.30, 1.10, 8.0),
    "energetic": (1.09, 0.99, 0.95, 1.20, 1.24, 0.0),
}
NOISE = (0.04, 0.04, 0.04, 0.10, 0.08, 9.0)  # of every shot's look, whatever its tone
# Per tone: how far mouths smile and brows rise (negative: frown).
FACES: dict[Tone, tuple[float, float]] = {
    "tense": (-0.5, -0.8),
    "joyful": (1.0, 0.2),
    "sad": (-0.9, 0.9),
    "romantic": (0.6, 0.3),
    "calm": (0.3, 0.0),
    "eerie": (-0.4, 0.7),
    "comic": (0.8, 0.6),
    "energetic": (0.3, -0.5),
}
LUMA = np.array([0.299, 0.587, 0.114])


class Grade:
    """The look of one shot: `strength` [0, 1] of its tones' mean look, noise, and a vignette."""

    def __init__(self, tones: Sequence[Tone], strength: float, size: tuple[int, int], rng: np.random.Generator) -> None:
        neutral = np.array([1.0, 1.0, 1.0, 1.0, 1.0, 0.0])
        mood = np.mean([LOOKS[tone] for tone in tones], axis=0)
        look = neutral + strength * (mood - neutral) + rng.normal(0, 1, 6) * NOISE
        self._matrix = _colour_matrix(look)
        width, height = size
        ys, xs = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
        dark = 1 - 0.22 * np.clip(xs**2 + ys**2 - 0.4, 0, 1)
        self._vignette = np.repeat((dark * 255).astype(np.uint8)[:, :, None], 3, axis=2)

    def apply(self, frame: ImageArray) -> ImageArray:
        """The graded frame."""
        graded = cv2.transform(frame, self._matrix)
        return cv2.multiply(graded, self._vignette, scale=1 / 255).astype(np.uint8, copy=False)


def _colour_matrix(look: np.ndarray) -> np.ndarray:
    """Gains, saturation, contrast and brightness as one affine map of RGB; [3, 4]."""
    gains, saturation, contrast, brightness = look[:3], look[3], look[4], look[5]
    matrix = saturation * np.eye(3) + (1 - saturation) * LUMA[None, :]
    matrix = contrast * gains[:, None] * matrix
    offset = 128 * (1 - contrast) + brightness
    return np.column_stack([matrix, np.full(3, offset)])


def expression(tones: Sequence[Tone], strength: float, rng: np.random.Generator) -> tuple[float, float]:
    """Smile and brow of the people in a shot, each in [-1, 1]."""
    smile, brow = strength * np.mean([FACES[tone] for tone in tones], axis=0) + rng.normal(0, 0.3, 2)
    return float(np.clip(smile, -1, 1)), float(np.clip(brow, -1, 1))
