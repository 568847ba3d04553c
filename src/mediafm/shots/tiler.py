"""Cuts become shots that tile the title, while frames are still coming in.

The result depends on the frames and the cuts alone, not on how often or how early `settled` is asked:

1. A cut nearer than `min_frames` to the accepted cut before it (or to frame 0) is dropped; so is one with fewer than
   `min_frames` frames after it.
2. A shot longer than `max_seconds` is split at the last frame that keeps its first part within `max_seconds`, then the
   rest likewise. Parts are never shorter than `min_frames`: the split moves back from the shot's end, or forward where
   frames are so far apart that `min_frames` of them last longer than `max_seconds`, or there is none.
"""

import math
from bisect import bisect_right
from collections import deque
from fractions import Fraction

from mediafm.errors import UsageError
from mediafm.types import Shot


class ShotTiler:
    """Takes every frame and every cut of one title, gives its shots as soon as they are closed for good.

    Keeps the pts of the open shot's frames only. For each frame: `frame`, then `cut` for each cut the detector named,
    then `settled(index - detector.latency)`; after the last frame the detector's last cuts, then `finish`.

    Args:
        time_base: seconds a tick.
        min_frames: fewest frames of a shot, at least 1.
        max_seconds: longest shot. Only sound that outlasts the picture, or very sparse frames, make one longer.
    """

    def __init__(self, time_base: Fraction, min_frames: int = 3, max_seconds: float = 120) -> None:
        if min_frames < 1:
            raise UsageError(f"min_frames is {min_frames}.", "A shot needs at least 1 frame.")
        if not 0 < max_seconds < math.inf:
            raise UsageError(f"max_seconds is {max_seconds}.", "Give a positive number of seconds.")
        self._min_frames = min_frames
        self._max_ticks = int(Fraction(str(max_seconds)) / time_base)
        self._index = 0  # of the open shot, as are the next two
        self._start_frame = 0
        self._start_pts = 0
        self._pts: list[int] = []  # of the frames from _start_frame on
        self._end_pts = 0  # where the last frame ends
        self._cuts: deque[int] = deque()  # far enough from each other, not yet the end of a shot
        self._last_cut = 0
        self._certain = 0  # the last frame that can no longer become a cut

    @property
    def _frames(self) -> int:
        return self._start_frame + len(self._pts)

    def frame(self, index: int, pts: int, duration_pts: int) -> None:
        """The next frame of the title; pts rise strictly."""
        if index != self._frames:
            raise UsageError(f"Frame {index} came where frame {self._frames} was due.", "Push every frame in order.")
        if pts < 0 or (self._pts and pts <= self._pts[-1]):
            raise UsageError(f"Frame {index} has pts {pts}, not after the frame before.", "Make pts rise from 0 on.")
        self._pts.append(pts)
        self._end_pts = pts + duration_pts

    def cut(self, frame: int) -> None:
        """A new shot starts with `frame`, a frame already seen; cuts come in rising order."""
        if not self._certain < frame < self._frames:
            raise UsageError(
                f"A cut at frame {frame} came out of turn, not in {self._certain + 1}..{self._frames - 1}.",
                "Push frames before their cuts, cuts in rising order, and settle no later than the detector's latency.",
            )
        self._certain = frame
        if frame - self._last_cut >= self._min_frames:
            self._last_cut = frame
            self._cuts.append(frame)

    def settled(self, certain_frame: int) -> list[Shot]:
        """Shots closed for good, given that no further cut at or before `certain_frame` will come."""
        self._certain = max(self._certain, min(certain_frame, self._frames - 1))
        shots = []
        while self._cuts and self._cuts[0] + self._min_frames <= self._frames:
            cut = self._cuts.popleft()
            shots += self._close(cut, self._pts[cut - self._start_frame])
        # The open shot ends at a waiting cut, or at the title's end if that comes too soon after it, or later than all
        # that is certain.
        earliest_end = self._cuts[0] if self._cuts else self._certain + 1
        while self._pts and self._pts[-1] > self._start_pts + self._max_ticks:
            split = self._latest_split()
            if split + self._min_frames > earliest_end:
                break
            shots.append(self._emit(split, self._pts[split - self._start_frame]))
        return shots

    def finish(self, end_pts: int, frames: int) -> list[Shot]:
        """The remaining shots of a title of `frames` frames that ends at `end_pts`; none for a title of no frames."""
        if frames != self._frames:
            raise UsageError(f"The title has {frames} frames but {self._frames} were pushed.", "Push every frame.")
        if end_pts < self._end_pts:
            raise UsageError(
                f"The title is said to end at pts {end_pts}, but its last frame ends at {self._end_pts}.",
                "End a title no sooner than its last frame.",
            )
        if frames == 0:
            return []
        shots = self.settled(frames - 1)
        self._cuts.clear()  # what is left is too near to the end
        return shots + self._close(frames, end_pts)

    def _close(self, end_frame: int, end_pts: int) -> list[Shot]:
        """The open shot, which ends here, in as many parts as its length asks for."""
        shots = []
        while end_pts > self._start_pts + self._max_ticks:
            split = min(self._latest_split(), end_frame - self._min_frames)
            if split - self._start_frame < self._min_frames:
                break
            shots.append(self._emit(split, self._pts[split - self._start_frame]))
        shots.append(self._emit(end_frame, end_pts))
        return shots

    def _latest_split(self) -> int:
        """Where the open shot is split if its end leaves room: a frame number, maybe of a frame not seen yet."""
        within = bisect_right(self._pts, self._start_pts + self._max_ticks) - 1
        return self._start_frame + max(within, self._min_frames)

    def _emit(self, end_frame: int, end_pts: int) -> Shot:
        shot = Shot(self._index, self._start_pts, end_pts, self._start_frame, end_frame)
        del self._pts[: end_frame - self._start_frame]
        self._index, self._start_frame, self._start_pts = self._index + 1, end_frame, end_pts
        return shot
