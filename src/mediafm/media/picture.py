"""A decoded picture, and how it becomes an upright RGB image of the size that is asked for.

Scaling goes from the decoded planes straight to a small RGB image inside libswscale: no full-size RGB copy is made.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal, get_args

import cv2
import numpy as np
from av import FFmpegError, VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter

from mediafm.errors import MediaError
from mediafm.media.timeline import Timeline
from mediafm.types import ImageArray

Scaling = Literal["area", "bicubic", "bilinear"]

# All three widen their filter when they shrink, so none of them drops pixels. Measured on 640x360 -> 48x27, one
# thread: area 0.07 ms, bilinear 0.09 ms, bicubic 0.14 ms; cv2's INTER_AREA over the planes takes 0.66 ms.
_FILTERS = {
    "area": Interpolation.AREA,
    "bicubic": Interpolation.BICUBIC,
    "bilinear": Interpolation.BILINEAR,
}


# Libswscale is twice as quick in writing BGR as RGB. Its two ways differ by some levels of 256 here and there, so where
# the picture has to be what `ffmpeg -pix_fmt rgb24` makes it (TransNet V2 was trained on that), it has to be RGB.
_TO_RGB: frozenset[Scaling] = frozenset(("bicubic",))


@dataclass(frozen=True, slots=True)
class Orientation:
    """How a coded picture is turned for display: first transposed, then mirrored."""

    transposed: bool = False
    mirrored_x: bool = False
    mirrored_y: bool = False

    @property
    def degrees(self) -> int:
        """Degrees counter-clockwise of the turn; a mirror image counts as the turn that remains without its mirror."""
        if self.transposed:
            return 90 if self.mirrored_y else 270
        return 180 if self.mirrored_y else 0

    def apply(self, image: ImageArray) -> ImageArray:
        """`image` [h, w, 3] upright; contiguous."""
        if self.transposed:
            image = image.transpose(1, 0, 2)
        if self.mirrored_x:
            image = image[:, ::-1]
        if self.mirrored_y:
            image = image[::-1]
        return np.ascontiguousarray(image)


UPRIGHT = Orientation()
_UNSPECIFIED = 2  # the colours of a picture that says nothing of them


def orientation_of(frame: VideoFrame) -> Orientation:
    """The frame's display matrix as the nearest of the eight turns that keep pixels square to the screen.

    The matrix maps a coded point (x, y) to (a x + c y, b x + d y).
    """
    side_data: Any = frame.side_data  # typed as a dict in PyAV's stubs, iterates over its values
    data = next((bytes(s) for s in side_data if s.type.name == "DISPLAYMATRIX"), b"")
    if len(data) < 36:
        return UPRIGHT
    a, b, _, c, d, *_ = struct.unpack("=9i", data[:36])
    if abs(b) > abs(a):
        return Orientation(transposed=True, mirrored_x=c < 0, mirrored_y=b < 0)
    return Orientation(mirrored_x=a < 0, mirrored_y=d < 0)


@dataclass(slots=True)
class Screen:
    """What all pictures of one title share: their size on display, their orientation, the scalers in use."""

    width: int
    height: int
    orientation: Orientation = UPRIGHT
    # One scaler for each size and filter: libswscale builds its tables anew whenever they change.
    _scalers: dict[tuple[int, int, Scaling], VideoReformatter] = field(default_factory=dict)

    def image(self, frame: VideoFrame, width: int, height: int, scaling: Scaling) -> ImageArray:
        """`frame` as upright RGB uint8 [height, width, 3]."""
        if scaling not in get_args(Scaling):
            raise ValueError(f"scaling is {scaling!r}, must be one of {get_args(Scaling)}")
        try:
            small = self._scaled(frame, width, height, scaling)
        except FFmpegError:  # damaged pictures may claim colours that nobody has defined
            frame.colorspace = _UNSPECIFIED
            try:
                small = self._scaled(frame, width, height, scaling)
            except FFmpegError as error:
                what = f"{frame.format.name}, {frame.width} x {frame.height}"
                raise MediaError(f"A picture ({what}) cannot be scaled.", "Convert the film anew.") from error
        image = small.to_ndarray().astype(np.uint8, copy=False)
        if scaling not in _TO_RGB:
            image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)
        return self.orientation.apply(image)

    def _scaled(self, frame: VideoFrame, width: int, height: int, scaling: Scaling) -> VideoFrame:
        scaler = self._scalers.setdefault((width, height, scaling), VideoReformatter())
        turned = self.orientation.transposed
        return scaler.reformat(
            frame,
            width=height if turned else width,
            height=width if turned else height,
            format="rgb24" if scaling in _TO_RGB else "bgr24",
            interpolation=_FILTERS[scaling],
            threads=1,  # the pictures are small: handing slices to threads costs more than it saves
        )

    def fit(self, short_side: int) -> tuple[int, int]:
        """(width, height) with the display's aspect ratio and the given short side; never larger than the display."""
        shrink = min(1.0, short_side / min(self.width, self.height))
        return max(1, round(self.width * shrink)), max(1, round(self.height * shrink))


@dataclass(frozen=True, slots=True)
class Picture:
    """One decoded picture. Small to pass around; holds a decoder buffer, so do not keep many.

    index: 0, 1, 2 ... over the pictures handed out. pts, duration_pts: when it appears, counted from the title's zero,
    and how long it stays, in the reader's time base. The duration reaches to the next picture, so pictures tile their
    part of the title even at a variable rate. lost_before: pictures that lay between this one and the one
    before it in the film, but would not decode or came out damaged; they are left out.
    """

    index: int
    pts: int
    duration_pts: int
    _frame: VideoFrame = field(repr=False)
    _screen: Screen = field(repr=False)
    lost_before: int = 0

    def rgb(self, width: int, height: int, scaling: Scaling = "area") -> ImageArray:
        """The whole picture as uint8 RGB [height, width, 3], upright, stretched to the size asked for.

        "bicubic" is libswscale's bicubic with its default flags, which is what `ffmpeg -s WxH -pix_fmt rgb24` uses.
        """
        return self._screen.image(self._frame, width, height, scaling)

    def scaled(self, short_side: int) -> ImageArray:
        """The picture as uint8 RGB [h, w, 3], upright, square pixels, its short side as given (never enlarged)."""
        width, height = self._screen.fit(short_side)
        return self._screen.image(self._frame, width, height, "area")


_Frame = tuple[VideoFrame, int]  # a decoded frame and how many were lost before it


class PictureLine:
    """Lays decoded frames on the title's line of time, in rising order, each lasting until the next appears.

    zero_pts: the title's zero on the stream's own clock. usual_duration: of a picture that says nothing, in ticks.
    """

    def __init__(
        self, screen: Screen, time_base: Fraction, last_end: Fraction | None, zero_pts: int, usual_duration: int
    ) -> None:
        self.timeline: Timeline[_Frame] = Timeline(time_base, last_end, zero_pts)
        self.count = 0  # pictures handed out
        self.end = 0  # where the last of them ends
        self.repaired = 0  # pictures that claimed to appear no later than the one before
        self._screen, self._zero_pts, self._usual_duration = screen, zero_pts, usual_duration
        self._held: tuple[_Frame, int] | None = None

    def push(self, frame: VideoFrame, lost_before: int = 0) -> Iterator[Picture]:
        """Take the next whole frame and how many were lost before it; yield the picture whose duration is known now."""
        pts = frame.pts if frame.pts is not None else frame.dts
        for settled, at in self.timeline.push((frame, lost_before), pts, self._length(frame, pts)):
            yield from self._take(settled, at - self._zero_pts)

    def flush(self) -> Iterator[Picture]:
        """No more frames: yield the rest."""
        for settled, at in self.timeline.flush():
            yield from self._take(settled, at - self._zero_pts)
        if self._held is not None:
            frame, at = self._held
            yield self._picture(frame, at, at + self._length(frame[0], at + self._zero_pts))
            self._held = None

    def _take(self, frame: _Frame, at: int) -> Iterator[Picture]:
        earliest = 0 if self._held is None else self._held[1] + 1
        if at < earliest:
            at = earliest
            self.repaired += 1
        if self._held is not None:
            yield self._picture(*self._held, at)
        self._held = frame, at

    def _picture(self, frame: _Frame, at: int, until: int) -> Picture:
        self.end = until
        self.count += 1
        return Picture(self.count - 1, at, until - at, frame[0], self._screen, frame[1])

    def _length(self, frame: VideoFrame, pts: int | None) -> int:
        stated = frame.duration if frame.duration and frame.duration > 0 else self._usual_duration
        return stated if pts is None else self.timeline.within(pts, stated, self._usual_duration)
