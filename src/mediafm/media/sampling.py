"""Gathering, while a title streams by, the pictures and the sound of shots whose ends are learned late."""

from collections import deque
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from mediafm.media.picture import Picture
from mediafm.media.sound import Sound
from mediafm.types import FloatArray, ImageArray

# Detectors report a cut at most 100 frames late; the newest candidates are never thinned for that long and some more.
_LATE_FRAMES = 128


class _Candidate(NamedTuple):
    frame: int
    pts: int
    image: ImageArray


class FrameSampler:
    """Picks up to `n` pictures, uniformly in time, from each shot of a title.

    Every `stride`-th picture of the title (by its index) is a candidate, shrunk at once, so a shot of at least
    `stride` pictures has one. While a shot stays open, candidates older than 128 frames are thinned by doubling their
    stride whenever more than max(16, 4 n) of them are held; younger ones are all kept, because a cut among them may
    still be reported. Memory bound: max(16, 4 n) + ceil(128 / stride) + 2 images of the short side asked for, and
    128 + 2 timestamps, however long the shot.
    """

    def __init__(self, n: int, short_side: int, stride: int = 3) -> None:
        if min(n, short_side, stride) < 1:
            raise ValueError(f"n, short_side and stride must be at least 1: {n}, {short_side}, {stride}")
        self._n, self._short_side, self._stride = n, short_side, stride
        self._most_old = max(16, 4 * n)
        self._old: list[_Candidate] = []
        self._old_stride = stride
        self._young: deque[_Candidate] = deque()
        self._times: deque[tuple[int, int]] = deque(maxlen=_LATE_FRAMES + 2)  # (index, pts) of the newest pictures
        self._end_pts = 0  # end of the newest picture
        self._start_pts: int | None = None  # start of the oldest open shot

    def __len__(self) -> int:
        """Images held now."""
        return len(self._old) + len(self._young)

    def push(self, picture: Picture) -> None:
        """Take the title's next picture."""
        if self._start_pts is None:
            self._start_pts = picture.pts
        self._times.append((picture.index, picture.pts))
        self._end_pts = picture.pts + picture.duration_pts
        if picture.index % self._stride == 0:
            self._young.append(_Candidate(picture.index, picture.pts, picture.scaled(self._short_side)))
        while self._young and self._young[0].frame <= picture.index - _LATE_FRAMES:
            self._grow_old(self._young.popleft())

    def close(self, end_frame: int) -> tuple[tuple[ImageArray, ...], tuple[int, ...]]:
        """End the oldest open shot before picture `end_frame`: its images and their pts, in time order.

        The picks are the candidates nearest to the centres of n equal parts of the shot's time; a shot with fewer
        candidates gives them all, one shorter than the stride may give none.
        """
        mine = [c for c in self._old if c.frame < end_frame]
        self._old = [c for c in self._old if c.frame >= end_frame]
        while self._young and self._young[0].frame < end_frame:
            mine.append(self._young.popleft())
        end_pts = self._pts_of(end_frame)
        start_pts = end_pts if self._start_pts is None else self._start_pts
        self._start_pts, self._old_stride = end_pts, self._stride
        picks = pick_nearest([c.pts for c in mine], _centres(start_pts, end_pts, self._n))
        return tuple(mine[i].image for i in picks), tuple(mine[i].pts for i in picks)

    def _grow_old(self, candidate: _Candidate) -> None:
        if candidate.frame % self._old_stride == 0:
            self._old.append(candidate)
        while len(self._old) > self._most_old:
            self._old_stride *= 2
            self._old = [c for c in self._old if c.frame % self._old_stride == 0]

    def _pts_of(self, frame: int) -> int:
        return next((pts for index, pts in self._times if index >= frame), self._end_pts)


def _centres(start: int, end: int, n: int) -> list[Fraction]:
    return [start + Fraction((2 * k + 1) * (end - start), 2 * n) for k in range(n)]


def pick_nearest(times: Sequence[float], targets: Sequence[float | Fraction]) -> list[int]:
    """For each target the nearest of the rising `times`, each used once, in order; all of them if they are few."""
    if len(times) <= len(targets):
        return list(range(len(times)))
    picks: list[int] = []
    for k, target in enumerate(targets):
        first = picks[-1] + 1 if picks else 0
        last = len(times) - (len(targets) - k)  # leave enough for the targets that follow
        distances = [abs(times[i] - target) for i in range(first, last + 1)]
        picks.append(first + distances.index(min(distances)))
    return picks


class SoundCutter:
    """Keeps a title's sound until the shots it belongs to are known, and cuts it.

    Holds what was pushed since the last cut's end, so its memory is that of the open shots, not of the title.
    `have_until` is the number of samples known so far, counted from the title's zero (0 before any sound).
    `missing` is how many samples of the last cut the title does not have: holes, and what lies before the first sound
    or after the last.
    """

    def __init__(self) -> None:
        self.have_until = 0
        self.missing = 0
        self._held: deque[Sound] = deque()
        self._cut_until = 0

    def push(self, sound: Sound) -> None:
        """Take the title's next stretch of sound."""
        self._held.append(sound)
        self.have_until = sound.start + len(sound.samples)

    def cut(self, start_sample: int, end_sample: int) -> FloatArray | None:
        """Samples [start, end) as float32 [end - start]; None where the title has no sound in all of that span.

        A hole that was filled with silence is no sound. Parts without sound are zeros. Cuts must not go back behind the
        end of the one before: that sound is gone.
        """
        if start_sample < self._cut_until or end_sample < start_sample:
            raise ValueError(f"cut [{start_sample}, {end_sample}) after a cut that ended at {self._cut_until}")
        self._cut_until = end_sample
        result = np.zeros(end_sample - start_sample, np.float32)
        heard = 0
        for sound in self._held:
            first, last = max(start_sample, sound.start), min(end_sample, sound.start + len(sound.samples))
            if first < last and not sound.missing:
                result[first - start_sample : last - start_sample] = sound.samples[
                    first - sound.start : last - sound.start
                ]
                heard += last - first
        self.missing = len(result) - heard
        while self._held and self._held[0].start + len(self._held[0].samples) <= end_sample:
            self._held.popleft()
        return result if heard else None
