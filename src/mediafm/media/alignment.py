"""Which cue belongs to which shot, and how much of it."""

from bisect import bisect_right
from collections.abc import Sequence
from fractions import Fraction

from mediafm.types import Cue, Shot, ShotCue


def cues_by_shot(cues: Sequence[Cue], shots: Sequence[Shot], time_base: Fraction) -> list[tuple[ShotCue, ...]]:
    """For each shot the cues it overlaps, in time order, with the share of the cue's duration that lies in the shot.

    `shots` tile the title. All arithmetic is exact: the shares of a cue that lies inside the title sum to 1 (to the
    rounding of a float). A cue without length goes wholly to the shot that holds its instant; what lies outside the
    title is dropped.
    """
    starts = [s.start_pts * time_base for s in shots]
    result: list[list[ShotCue]] = [[] for _ in shots]
    for cue in sorted(cues, key=lambda c: (c.start_ms, c.end_ms)):
        begin, end = Fraction(cue.start_ms, 1000), Fraction(cue.end_ms, 1000)
        at = max(0, bisect_right(starts, begin) - 1)
        while at < len(shots) and (starts[at] < end or starts[at] <= begin):
            share = _share(begin, end, starts[at], shots[at].end_pts * time_base)
            if share > 0:
                result[at].append(ShotCue(cue, float(share)))
            at += 1
    return [tuple(found) for found in result]


def _share(begin: Fraction, end: Fraction, shot_start: Fraction, shot_end: Fraction) -> Fraction:
    if end <= begin:
        return Fraction(int(shot_start <= begin < shot_end))
    return max(Fraction(0), min(end, shot_end) - max(begin, shot_start)) / (end - begin)
