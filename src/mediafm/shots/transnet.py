"""TransNet V2, streamed.

T. Souček and J. Lokoč, "TransNet V2: An effective deep network architecture for fast shot transition detection"
(https://arxiv.org/abs/2008.04838). Windows, padding and threshold are the authors': windows of 100 frames every 50, of
which the middle 50 count; before the first frame stand 25 copies of it, after the last as many of the last as the last
window needs.
"""

from fractions import Fraction
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mediafm.shots.checks import expect_frame, expect_image, fingerprint_of, number
from mediafm.shots.detector import Detector, Scaling
from mediafm.shots.trained import PACKAGE_VERSION, WEIGHTS_SHA256, Network
from mediafm.types import FloatArray, ImageArray

WIDTH, HEIGHT = 48, 27
WINDOW, STEP = 100, 50
MARGIN = (WINDOW - STEP) // 2
LONGEST_TRANSITION = 50  # frames

_RULES = 1  # raise when the same frames could give other cuts


class TransnetDetector(Detector):
    """Finds hard cuts and gradual transitions with a trained network.

    threshold: probability above which a frame belongs to a transition.
    device: "auto", or a torch device name. Results agree between devices to about 1e-5 in probability, so the device
        is not part of the fingerprint.
    """

    name = "transnet"
    # A frame's probability is known 74 frames later at most, the end of a transition one window step after its middle.
    latency = WINDOW
    scaling: Scaling = "bicubic"

    def __init__(self, threshold: float = 0.5, device: str = "auto") -> None:
        threshold = number(self.name, "threshold", threshold, low=0.0, high=1.0)
        self.fingerprint = fingerprint_of(
            self.name, rules=_RULES, package=PACKAGE_VERSION, weights=WEIGHTS_SHA256, threshold=threshold
        )
        self._device = device
        if device != "auto":
            self._windows  # noqa: B018 (a device that is not there is told at once)
        self._transitions = TransitionCutter(threshold)
        self._due = 0

    @cached_property
    def _windows(self) -> "WindowStream":
        from mediafm.shots.transnet_network import load_network  # loads PyTorch

        return WindowStream(load_network(self._device))

    def frame_size(self, width: int, height: int) -> tuple[int, int]:
        """48 x 27, whatever the film's shape."""
        return WIDTH, HEIGHT

    def push(self, index: int, time_s: Fraction, image: ImageArray) -> list[int]:
        """Take frame `index`; every 50th call runs the network."""
        expect_frame(self.name, self._due, index)
        expect_image(self.name, image, (HEIGHT, WIDTH, 3))
        self._due += 1
        return self._transitions.push(self._windows.push(image))

    def finish(self) -> list[int]:
        """Run the windows that reach over the title's end."""
        return self._transitions.push(self._windows.finish())


class WindowStream:
    """Frames in, probabilities out, frame by frame the same as `TransNetV2.predict_frames` on the whole film."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._window: NDArray[np.uint8] = np.empty((WINDOW, HEIGHT, WIDTH, 3), np.uint8)
        self._filled = 0
        self._owed = 0  # frames pushed whose probability is not yet known

    def push(self, image: ImageArray) -> FloatArray:
        """Take the next frame, uint8 [27, 48, 3]; probabilities of the next frames in order: 0 or 50 of them."""
        if self._filled == 0:
            self._window[:MARGIN] = image
            self._filled = MARGIN
        self._window[self._filled] = image
        self._filled += 1
        self._owed += 1
        return self._run() if self._filled == WINDOW else np.empty(0, np.float32)

    def finish(self) -> FloatArray:
        """Probabilities of all frames still owed."""
        parts = [np.empty(0, np.float32)]
        while self._owed > 0:
            self._window[self._filled :] = self._window[self._filled - 1]
            parts.append(self._run())
        return np.concatenate(parts)

    def _run(self) -> FloatArray:
        middle = self._network(self._window)[MARGIN : MARGIN + STEP][: self._owed]
        self._owed -= len(middle)
        self._window[:-STEP] = self._window[STEP:].copy()
        self._filled = WINDOW - STEP
        return middle


class TransitionCutter:
    """Probabilities in order become cuts.

    A run of frames a..b above the threshold is one transition and its cut is (a + b) // 2 + 1: for a hard cut a = b is
    the last frame of the old shot. As with the authors, a run that touches the film's first or last frame is no cut:
    there is no shot on its other side. A run longer than LONGEST_TRANSITION counts as if it ended there, so that a cut
    is never later than promised.
    """

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold
        self._frame = 0  # number of the next frame
        self._start: int | None = None  # first frame of the run that is open
        self._done = False  # the open run has given its cut

    def push(self, probabilities: FloatArray) -> list[int]:
        """Take the next frames' probabilities; return the cuts that are certain now."""
        cuts = []
        for above in (probabilities > self._threshold).tolist():
            cut = self._grow() if above else self._close()
            if cut is not None:
                cuts.append(cut)
            self._frame += 1
        return cuts

    def _grow(self) -> int | None:
        if self._start is None:
            self._start, self._done = self._frame, self._frame == 0
        if self._done or self._frame - self._start + 1 < LONGEST_TRANSITION:
            return None
        self._done = True
        return (self._start + self._frame) // 2 + 1

    def _close(self) -> int | None:
        start, self._start = self._start, None
        return None if start is None or self._done else (start + self._frame - 1) // 2 + 1
