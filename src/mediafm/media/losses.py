"""What a damaged film lost, and where: the accounts of the one pass.

A decoder says that something would not decode, but not which picture it would have been: it works on several packets at
a time and hands pictures out in another order than it takes them in. The times of the packets tell.
"""

from bisect import bisect_left, bisect_right, insort
from collections import deque
from fractions import Fraction

# Nothing sound for this long, and the rest is taken for lost. A film with a scratch goes on after it; one that has
# turned into noise ends. Few packets say nothing, however long they last (slides); where times stand still, they are
# counted instead.
_RUN_S, _RUN_LEAST, _RUN_MOST = 10, 8, 1000
# Codecs whose every packet is one picture that is shown, unless it is made of fields.
ONE_FOR_ONE = frozenset(
    ("dnxhd", "ffv1", "h264", "hevc", "huffyuv", "mjpeg", "mpeg1video", "mpeg2video", "mpeg4", "prores", "rawvideo")
)
_WAITING = 1024  # times of packets whose pictures are awaited at most; decoders hold back fewer than 64


class LostPictures:
    """Gives each picture that comes out the number of those that should have come before it and did not.

    exact: each packet of the stream is one picture. Then a packet whose time the pictures have passed over is a lost
    one, reported or not. Elsewhere (pictures that are never shown, fields that come singly) only reported errors count;
    each is laid where a packet's time was passed over, at the latest before the first picture that is later than all
    packets the decoder had when it failed. `total`: lost so far.
    """

    def __init__(self, exact: bool) -> None:
        self.total = 0
        self.earliest: int | None = None  # time of the first that was lost, as far as is known
        self._exact = exact
        self._awaited: list[int] = []  # pts of packets whose pictures have not come, rising
        self._errors: deque[int | None] = deque()  # not yet laid: the latest pts awaited when each was reported
        self._newest: int | None = None  # time of the picture that came last
        self._carried = 0  # damaged pictures since the last whole one, and what was lost before them

    def sent(self, pts: int | None) -> None:
        """A packet goes to the decoder."""
        # Pictures before the first that came out hang on a keyframe which the file does not hold: nobody sees them.
        if pts is not None and (self._newest is None or pts > self._newest):
            insort(self._awaited, pts)
            del self._awaited[:-_WAITING]

    def failed(self) -> None:
        """The decoder reports an error: one of the packets it has, this or one before, gives no picture."""
        self._errors.append(self._awaited[-1] if self._awaited else None)

    def came(self, pts: int | None, whole: bool, fields: bool = False) -> int:
        """The decoder hands out a picture; one that is not `whole` is lost too. `fields`: it is interlaced.

        Returns how many were lost since the last whole one (0 for a picture that is not whole: the next will tell).
        """
        again = pts is not None and pts == self._newest  # one picture can fall into two damaged ones
        self._carried += self._passed_over(pts, self._exact and not fields)
        self._newest = pts
        if not whole:
            self._carried += not again
            self._note(pts)
            return 0
        lost, self._carried = self._carried, 0
        self.total += lost
        return lost

    def rest(self) -> int:
        """How many were lost after the last whole picture. Asked once, at the end."""
        lost = self._carried + (len(self._awaited) if self._exact else len(self._errors))
        self.total += lost
        return lost

    def _passed_over(self, pts: int | None, exact: bool) -> int:
        jumped_back = pts is not None and self._newest is not None and pts < self._newest
        if pts is None or jumped_back:
            lost = len(self._errors)
            self._errors.clear()
            return lost
        passed = bisect_left(self._awaited, pts)
        overdue = sum(1 for latest in self._errors if latest is None or latest < pts)
        explained = max(overdue, min(passed, len(self._errors)))
        if explained and passed:
            self._note(self._awaited[0])
        del self._awaited[: bisect_right(self._awaited, pts)]
        for _ in range(explained):
            self._errors.popleft()
        return passed if exact and self._newest is not None else explained

    def _note(self, pts: int | None) -> None:
        if self.earliest is None and pts is not None:
            self.earliest = pts


class BadRun:
    """How long nothing sound has come out of a stream: `too_long` once the rest of it is not worth waiting for."""

    def __init__(self) -> None:
        self._n = 0
        self._first: Fraction | None = None
        self._last: Fraction | None = None

    def bad(self, time: Fraction | None) -> None:
        """A packet, at `time` in seconds where it is known, gave nothing sound."""
        self._n += 1
        if time is not None:
            self._first = time if self._first is None else self._first
            self._last = time

    def good(self) -> None:
        """Something sound came."""
        self._n, self._first, self._last = 0, None, None

    @property
    def too_long(self) -> bool:
        """Whether the rest is to be taken for lost."""
        lasted = Fraction(0) if self._first is None or self._last is None else self._last - self._first
        return self._n >= _RUN_MOST or (self._n >= _RUN_LEAST and lasted >= _RUN_S)

    def __str__(self) -> str:
        return f"{self._n} packets in a row"
