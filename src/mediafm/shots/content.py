"""PySceneDetect's adaptive detector, fed by our own frames.

A frame's score is the mean change of hue, saturation and brightness against the frame before; a cut is where the score
stands out from its neighbours' (https://www.scenedetect.com/docs/latest/api/detectors.html). Frames are scaled as
PySceneDetect's own manager scales them and times are handed over exactly, so the cuts are those its `detect` gives.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from math import lcm

import cv2
import numpy as np

from mediafm.errors import UsageError
from mediafm.shots.checks import expect_frame, expect_image, fingerprint_of, number
from mediafm.shots.detector import Detector, Scaling
from mediafm.types import ImageArray


@contextmanager
def _logger_kept(name: str) -> Iterator[None]:
    """scenedetect resets its own logger when imported; whatever the program had set up there stays."""
    logger = logging.getLogger(name)
    handlers, level = list(logger.handlers), logger.level
    try:
        yield
    finally:
        logger.handlers[:] = handlers
        logger.setLevel(level)


with _logger_kept("pyscenedetect"):
    import scenedetect
    from scenedetect.common import FrameTimecode, Timecode
    from scenedetect.detectors import AdaptiveDetector
    from scenedetect.scene_manager import compute_downscale_factor

_RULES = 1  # raise when the same frames could give other cuts
# FrameTimecode insists on a frame rate, yet between two exact times or a time and float seconds it never uses it.
_UNUSED_RATE = Fraction(25, 1)


class _QuickAdaptive(AdaptiveDetector):
    """The same scores, to the bit, of RGB images and in a sixth of the time: all three channels at once, as bytes."""

    _hsv: ImageArray | None = None  # the frame before

    def _calculate_frame_score(self, timecode: FrameTimecode, frame_img: ImageArray) -> float:
        before, self._hsv = self._hsv, cv2.cvtColor(frame_img, cv2.COLOR_RGB2HSV).astype(np.uint8, copy=False)
        if before is None:
            return 0.0
        hue, saturation, brightness, _ = cv2.sumElems(cv2.absdiff(self._hsv, before))
        pixels = float(before.shape[0] * before.shape[1])
        return (hue / pixels + saturation / pixels + brightness / pixels) / 3.0


class ContentDetector(Detector):
    """Finds hard cuts by colour and brightness; cheap, blind to slow dissolves.

    threshold: how many times its neighbours' mean score a cut's score must reach.
    min_score: the score (mean change of hue, saturation, brightness in 0..255) below which nothing is a cut.
    window: neighbours looked at on each side. The first `window` frames after frame 0 and the last `window` frames of
        a title are never cuts; with the default of 2 these would be shots so short that the tiler merges them anyway.
    min_seconds: a cut nearer than this to the cut before (or to the title's first frame) is passed over.
    """

    name = "content"
    scaling: Scaling = "bilinear"

    def __init__(
        self, threshold: float = 3.0, min_score: float = 15.0, window: int = 2, min_seconds: float = 0.2
    ) -> None:
        options = {
            "threshold": number(self.name, "threshold", threshold, low=0.0),
            "min_score": number(self.name, "min_score", min_score, low=0.0, high=255.0),
            "window": number(self.name, "window", window, low=1, high=100),
            "min_seconds": number(self.name, "min_seconds", min_seconds, low=0.0),
        }
        if options["window"] != int(window):
            raise UsageError(f"Detector 'content': window is {window!r}.", "Give a whole number of frames.")
        self.latency = int(window)
        self.fingerprint = fingerprint_of(self.name, rules=_RULES, scenedetect=scenedetect.__version__, **options)
        self._adaptive = _QuickAdaptive(
            adaptive_threshold=options["threshold"],
            min_content_val=options["min_score"],
            window_width=self.latency,
            min_scene_len=options["min_seconds"],
        )
        self._due = 0
        self._shape: tuple[int, int, int] | None = None
        self._ticks = 1  # ticks a second, fine enough for every time seen so far

    def frame_size(self, width: int, height: int) -> tuple[int, int]:
        """The size PySceneDetect works at: the longer side brought down to 256 pixels."""
        factor = compute_downscale_factor(max(width, height))
        return max(1, round(width / factor)), max(1, round(height / factor))

    def push(self, index: int, time_s: Fraction, image: ImageArray) -> list[int]:
        """Score frame `index`; the frame that may turn out to be a cut is the one `latency` frames before."""
        expect_frame(self.name, self._due, index)
        self._shape = self._shape or (*image.shape[:2], 3)
        expect_image(self.name, image, self._shape)
        self._due += 1
        return [index - self.latency] if self._adaptive.process_frame(self._timecode(time_s), image) else []

    def finish(self) -> list[int]:
        """Nothing is owed: the last `window` frames have too few neighbours to be judged."""
        return []

    def _timecode(self, time_s: Fraction) -> FrameTimecode:
        """`time_s`, exactly: every tick size divides the one before, so differences of times stay exact too."""
        self._ticks = lcm(self._ticks, time_s.denominator)
        return FrameTimecode(Timecode(int(time_s * self._ticks), Fraction(1, self._ticks)), fps=_UNUSED_RATE)
