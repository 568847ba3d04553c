"""Spans for titles without picture: what a podcast has in place of shots."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from mediafm.errors import UsageError
from mediafm.types import Cue, Shot


def spans_without_picture(end_pts: int, time_base: Fraction, cues: Sequence[Cue], seconds: float = 10.0) -> list[Shot]:
    """Spans of at most `seconds` that tile [0, end_pts), with no frames.

    With cues, neighbouring ones share a span as long as they fit, and spans meet in the middle of the pauses between
    them. A pause too long for that has further boundaries inside, spread evenly. A boundary lies at a cue's own edge
    only where no pause is near enough, and inside a cue only where that cue (or cues that overlap) is longer than a
    span may be. Without cues, spans have exactly that length, the last one what is left.

    Args:
        end_pts: the title's end in ticks of `time_base` (seconds a tick).
        cues: timed text in any order; parts outside the title are ignored.
        seconds: longest span, at least one tick.
    """
    longest = int(Fraction(str(seconds)) / time_base) if 0 < seconds < float("inf") else 0
    if longest < 1:
        raise UsageError(f"Spans of {seconds} seconds cannot be made.", "Give a number of seconds above one tick.")
    blocks = _speech(end_pts, time_base, cues)
    pauses = _pause_points(end_pts, blocks, longest) if blocks else []
    edges = sorted({edge for block in blocks for edge in block.edges(longest)})
    bounds = [0]
    while end_pts - bounds[-1] > longest:
        limit = bounds[-1] + longest
        reach = _last_within(pauses, bounds[-1], limit) or _last_within(edges, bounds[-1], limit)
        bounds.append(reach or limit)
    if end_pts > 0:
        bounds.append(end_pts)
    return [Shot(i, start, end, 0, 0) for i, (start, end) in enumerate(pairwise(bounds))]


@dataclass(frozen=True, slots=True)
class _Speech:
    """Cues that overlap, in ticks."""

    start: int
    end: int
    cue_starts: tuple[int, ...]

    def edges(self, longest: int) -> tuple[int, ...]:
        """Where a span may end at need: at the ends, and inside only if it does not fit a span as a whole."""
        return (self.start, self.end, *(self.cue_starts if self.end - self.start > longest else ()))


def _speech(end_pts: int, time_base: Fraction, cues: Sequence[Cue]) -> list[_Speech]:
    """The blocks of overlapping cues that lie in the title, in time order."""

    def ticks(ms: int) -> int:
        return min(max(round(Fraction(ms, 1000) / time_base), 0), end_pts)

    blocks: list[_Speech] = []
    for cue in sorted(cues, key=lambda cue: cue.start_ms):
        start, end = ticks(cue.start_ms), ticks(cue.end_ms)
        if start >= end:
            continue
        if blocks and start < blocks[-1].end:
            last = blocks[-1]
            blocks[-1] = _Speech(last.start, max(last.end, end), (*last.cue_starts, start))
        else:
            blocks.append(_Speech(start, end, (start,)))
    return blocks


def _pause_points(end_pts: int, blocks: Sequence[_Speech], longest: int) -> list[int]:
    """Boundaries inside the pauses, ascending: the middle of each, and more where it is longer than a span."""
    lead, tail = blocks[0].start, end_pts - blocks[-1].end
    # The title's start and end are boundaries themselves: mirror the pause there, so that the middle falls on them.
    points = [p for p in _spread(-lead, lead, -(-2 * lead // longest) | 1) if p > 0]
    for before, after in pairwise(blocks):
        points += _spread(before.end, after.start, -(-(after.start - before.end) // longest) or 1)
    mirrored = _spread(end_pts - tail, end_pts + tail, -(-2 * tail // longest) | 1)
    return points + [p for p in mirrored if p < end_pts]


def _spread(start: int, end: int, count: int) -> list[int]:
    """The middles of `count` equal parts of [start, end]."""
    return [start + (end - start) * (2 * i + 1) // (2 * count) for i in range(count)]


def _last_within(points: Sequence[int], low: int, high: int) -> int | None:
    """The largest of the ascending points in (low, high]."""
    at = bisect_right(points, high)
    return points[at - 1] if at > 0 and points[at - 1] > low else None
