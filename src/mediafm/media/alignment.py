"""Which cue belongs to which shot, and how much of it."""

from bisect import bisect_right
from collections.abc import Sequence
from fractions import Fraction
from math import ceil, floor

from mediafm.media.limits import MAX_SHOT_CUES, MAX_SHOT_TEXT
from mediafm.types import Cue, Shot, ShotCue


def cues_by_shot(cues: Sequence[Cue], shots: Sequence[Shot], time_base: Fraction) -> list[tuple[ShotCue, ...]]:
    """For each shot the cues it overlaps, in time order, with the share of the cue's duration that lies in the shot.

    `shots` tile the title. All arithmetic is exact: the shares of a cue that lies inside the title sum to 1 (to the
    rounding of a float). A cue without length goes wholly to the shot that holds its instant; what lies outside the
    title is dropped. A shot takes no more than MAX_SHOT_CUES cues with MAX_SHOT_TEXT characters together, the earliest.
    """
    starts = [s.start_pts * time_base for s in shots]
    result: list[list[ShotCue]] = [[] for _ in shots]
    room = [MAX_SHOT_TEXT] * len(shots)
    not_full = len(shots)
    for cue in sorted(_near(cues, shots, time_base), key=lambda c: (c.start_ms, c.end_ms)):
        if not not_full:
            break
        begin, end = Fraction(cue.start_ms, 1000), Fraction(cue.end_ms, 1000)
        at = max(0, bisect_right(starts, begin) - 1)
        while at < len(shots) and (starts[at] < end or starts[at] <= begin):
            if room[at] >= 0 and (len(result[at]) == MAX_SHOT_CUES or len(cue.text) > room[at]):
                room[at] = -1
                not_full -= 1
            share = _share(begin, end, starts[at], shots[at].end_pts * time_base) if room[at] >= 0 else 0
            if share > 0:
                result[at].append(ShotCue(cue, float(share)))
                room[at] -= len(cue.text)
            at += 1
    return [tuple(found) for found in result]


def _near(cues: Sequence[Cue], shots: Sequence[Shot], time_base: Fraction) -> list[Cue]:
    """Those of the cues that can overlap the shots: a cheap look, since one shot at a time may be asked for."""
    if not shots:
        return []
    first_ms, last_ms = floor(shots[0].start_pts * time_base * 1000), ceil(shots[-1].end_pts * time_base * 1000)
    return [c for c in cues if c.end_ms >= first_ms and c.start_ms <= last_ms]


def _share(begin: Fraction, end: Fraction, shot_start: Fraction, shot_end: Fraction) -> Fraction:
    if end <= begin:
        return Fraction(int(shot_start <= begin < shot_end))
    return max(Fraction(0), min(end, shot_end) - max(begin, shot_start)) / (end - begin)
