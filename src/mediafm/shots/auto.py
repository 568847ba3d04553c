"""TransNetV2's cuts for little more than the price of `content`: a look at every frame, the network where in doubt.

The glance (`glance`) gives every frame a probability, and a rule of a few frames' reach sorts them three ways:

- certainly nothing: below LOW;
- certainly a cut: one sharp peak above HIGH, quiet on both sides;
- doubtful: all else. TransNetV2 looks at the doubtful frames and at those around them, and its word counts. Where its
  own answer is near the threshold, it looks again, at the very window that `transnet` would show it.

Everything goes to the same `TransitionCutter` as TransNetV2's own probabilities, so transitions become cuts alike.
"""

from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mediafm.shots.checks import expect_frame, expect_image, fingerprint_of, number
from mediafm.shots.detector import Detector, Scaling
from mediafm.shots.trained import CHUNK, PACKAGE_VERSION, REACH, WEIGHTS_SHA256, Network, glance_weights
from mediafm.shots.transnet import HEIGHT, LONGEST_TRANSITION, MARGIN, STEP, WIDTH, WINDOW, TransitionCutter
from mediafm.types import FloatArray, ImageArray

if TYPE_CHECKING:
    from mediafm.shots.glance import GlanceStream

LOW, HIGH = 0.05, 0.75
SHARP = 3  # most frames of a certain cut's peak
QUIET = 3  # frames that are certainly nothing on either side of it
SPREAD = 3  # frames on either side of a doubtful one that are doubtful too
SPAN = 50  # frames that one look of the network may be about
GAP = 24  # doubtful frames nearer than this share a look
# Frames of context on either side of a look at up to that many doubtful frames; more are shown as `transnet` would.
CONTEXTS = {12: 14, 30: 24}
UNSURE = 0.1  # an answer this near to the threshold is asked for again, as `transnet` would
# Some processors look in half precision, which moves probabilities by a hundredth (measured: .011 at most). Of a whole
# window, an answer this near to the threshold is worked out anew in single precision.
ROUGH = 0.02

_RULES = 1  # raise when the same frames could give other cuts
_HALO = SHARP + QUIET + SPREAD  # frames around a frame that decide whether it is doubtful


class AutoDetector(Detector):
    """Finds what `transnet` finds, hard cuts and gradual transitions, mostly without its network.

    threshold: probability above which a frame belongs to a transition.
    low, high: frames below `low` are certainly nothing, sharp peaks above `high` certainly cuts. Closer to 0 and 1 the
        network sees more frames.
    device: where the network runs: "auto", or a torch device name. Not part of the fingerprint.
    """

    name = "auto"
    # A frame waits for its chunk, for all glances or all frames that a look may need, and for its transition's end.
    latency = CHUNK + SPAN + max(REACH + _HALO, MARGIN + STEP) + LONGEST_TRANSITION
    scaling: Scaling = "bicubic"

    def __init__(self, threshold: float = 0.5, low: float = LOW, high: float = HIGH, device: str = "auto") -> None:
        options = {
            "threshold": number(self.name, "threshold", threshold, low=0.0, high=1.0),
            "low": number(self.name, "low", low, low=0.0, high=1.0),
            "high": number(self.name, "high", high, low=0.0, high=1.0),
        }
        self.fingerprint = fingerprint_of(
            self.name,
            rules=_RULES,
            glance=glance_weights()[1],
            package=PACKAGE_VERSION,
            weights=WEIGHTS_SHA256,
            **options,
        )
        self._device, self._options = device, options
        if device != "auto":
            self._judge  # noqa: B018 (a device that is not there is told at once)
        self._transitions = TransitionCutter(options["threshold"])
        self._due = 0

    @cached_property
    def _glance(self) -> "GlanceStream":
        from mediafm.shots.glance import GlanceStream, load_glance  # loads PyTorch

        return GlanceStream(load_glance())

    @cached_property
    def _judge(self) -> "Judge":
        from mediafm.shots.transnet_network import load_network

        quick, exact = load_network(self._device, quick=True), load_network(self._device)
        return Judge(quick, exact, **self._options)

    @property
    def frames_seen(self) -> int:
        """Frames the network has looked at so far, each counted as often as it was shown."""
        return self._judge.frames_seen

    def frame_size(self, width: int, height: int) -> tuple[int, int]:
        """48 x 27, whatever the film's shape."""
        return WIDTH, HEIGHT

    def push(self, index: int, time_s: Fraction, image: ImageArray) -> list[int]:
        """Take frame `index`; every 50th call looks at what has come."""
        expect_frame(self.name, self._due, index)
        expect_image(self.name, image, (HEIGHT, WIDTH, 3))
        self._due += 1
        self._judge.add_frame(image)
        glances = self._glance.push(image)
        return self._transitions.push(self._judge.push(glances)) if len(glances) else []

    def finish(self) -> list[int]:
        """Settle the frames still owed."""
        return self._transitions.push(self._judge.finish(self._glance.finish()))


def doubtful(glances: FloatArray, low: float, high: float) -> NDArray[np.bool_]:
    """Which frames the glance leaves open. [n] probabilities to [n] flags; beyond the ends nothing is taken to be.

    Runs of frames at or above `low` are open unless they are short, reach `high`, fall off on both sides of their peak
    and have QUIET frames below `low` before and after.
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[0], glances >= low, [0]])))
    starts, ends = edges[::2], edges[1::2]
    flags = np.zeros(len(glances), bool)
    for k, (start, end) in enumerate(zip(starts, ends, strict=True)):
        alone = (k == 0 or start - ends[k - 1] >= QUIET) and (k + 1 == len(starts) or starts[k + 1] - end >= QUIET)
        run = glances[start:end]
        rises = np.diff(run) > 0
        single = not np.any(rises[1:] & ~rises[:-1])
        if not (alone and single and len(run) <= SHARP and run.max() >= high):
            flags[max(0, start - SPREAD) : end + SPREAD] = True
    return flags


class Judge:
    """Glances in order become final probabilities in order; keeps the frames that the network may have to look at."""

    def __init__(self, quick: Network, exact: Network, threshold: float, low: float, high: float) -> None:
        self.frames_seen = 0
        self._quick, self._exact = quick, exact
        self._threshold, self._low, self._high = threshold, low, high
        self._frames = FrameStore()
        self._whole: dict[int, FloatArray] = {}  # TransNetV2's own windows that were looked at, by number
        self._glances: FloatArray = np.empty(0, np.float32)  # from `_first` on
        self._first = 0
        self._done = 0  # frames with a final probability

    def add_frame(self, image: ImageArray) -> None:
        """Take the next frame; its glance may come later."""
        self._frames.add(image)

    def push(self, glances: FloatArray) -> FloatArray:
        """Take the glances of the next frames; final probabilities of the next frames, maybe none."""
        self._glances = np.concatenate([self._glances, glances])
        return self._settle(ended=False)

    def finish(self, glances: FloatArray) -> FloatArray:
        """The last glances; final probabilities of all frames still owed."""
        self._glances = np.concatenate([self._glances, glances])
        return self._settle(ended=True)

    def _settle(self, ended: bool) -> FloatArray:
        final = self._glances.copy()
        flags = doubtful(self._glances, self._low, self._high)
        known = self._first + len(final) - (0 if ended else _HALO)
        begun = self._done
        while self._done < known:
            open_frames = np.flatnonzero(flags[self._done - self._first : known - self._first]) + self._done
            if not len(open_frames):
                self._done = known
                break
            start = self._done = int(open_frames[0])
            if not ended and known < start + SPAN:
                break
            end = _look_end(open_frames)
            if not ended and self._frames.count < end + MARGIN + STEP:
                break
            final[start - self._first : end - self._first] = self._look(start, end)
            self._done = end
        settled = final[begun - self._first : self._done - self._first]
        keep = max(self._first, self._done - _HALO - SHARP - QUIET)
        self._glances, self._first = self._glances[keep - self._first :], keep
        self._frames.forget(self._done - STEP - MARGIN)
        return settled

    def _look(self, start: int, end: int) -> FloatArray:
        """What the network says of frames start .. end - 1."""
        windows = range(start // STEP, (end - 1) // STEP + 1)
        context = next((c for longest, c in CONTEXTS.items() if end - start <= longest), None)
        if context is not None and any(window not in self._whole for window in windows):
            answer = self._run(self._quick, start - context, end + context)[context:-context]
            if not np.any(np.abs(answer - self._threshold) < UNSURE):
                return answer
        whole = np.concatenate([self._window(window) for window in windows])
        return whole[start - windows[0] * STEP : end - windows[0] * STEP]

    def _window(self, number: int) -> FloatArray:
        """The middle of one of TransNetV2's own windows: frames STEP * number and on, shown to the network once."""
        if number not in self._whole:
            first = number * STEP - MARGIN
            self._whole = {n: kept for n, kept in self._whole.items() if n >= number - 1}
            answer = self._run(self._quick, first, first + WINDOW)[MARGIN : MARGIN + STEP]
            if self._quick is not self._exact and np.any(np.abs(answer - self._threshold) < ROUGH):
                answer = self._run(self._exact, first, first + WINDOW)[MARGIN : MARGIN + STEP]
            self._whole[number] = answer
        return self._whole[number]

    def _run(self, network: Network, first: int, end: int) -> FloatArray:
        self.frames_seen += end - first
        return network(self._frames.stretch(first, end))


def _look_end(open_frames: NDArray[np.intp]) -> int:
    """Where the look ends that begins with the first of these frames: before a gap, or after SPAN frames."""
    near = open_frames[open_frames < open_frames[0] + SPAN]
    gaps = np.flatnonzero(np.diff(near) > GAP)
    return int(near[gaps[0]] if len(gaps) else near[-1]) + 1


class FrameStore:
    """The last frames of a title by their numbers."""

    def __init__(self) -> None:
        self.count = 0  # frames added so far
        self._buffer: NDArray[np.uint8] = np.empty((512, HEIGHT, WIDTH, 3), np.uint8)
        self._first = 0  # number of the buffer's first frame
        self._needed = 0

    def add(self, image: ImageArray) -> None:
        """Take the next frame."""
        if self.count - self._first == len(self._buffer):
            drop = self._needed - self._first
            self._buffer[: len(self._buffer) - drop] = self._buffer[drop:].copy()
            self._first = self._needed
        self._buffer[self.count - self._first] = image
        self.count += 1

    def forget(self, before: int) -> None:
        """Frames below number `before` will not be asked for again."""
        self._needed = max(self._needed, min(before, self.count))

    def stretch(self, first: int, end: int) -> NDArray[np.uint8]:
        """Frames first .. end - 1, [n, 27, 48, 3]; the title's first and last frame stand for what lies outside."""
        numbers = np.clip(np.arange(first, end), 0, self.count - 1)
        return self._buffer[numbers - self._first]
