from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from mediafm.errors import UsageError
from mediafm.shots import spans_without_picture
from mediafm.types import Cue, Shot

MS = Fraction(1, 1000)


def bounds(shots: list[Shot]) -> list[int]:
    assert all(a.end_pts == b.start_pts for a, b in pairwise(shots))
    assert [s.index for s in shots] == list(range(len(shots)))
    assert all(s.start_frame == s.end_frame == 0 for s in shots)
    return [shots[0].start_pts, *(s.end_pts for s in shots)]


def cues(*spans: tuple[int, int]) -> list[Cue]:
    return [Cue(start, end, "words") for start, end in spans]


def test_fixed_length_without_cues() -> None:
    assert bounds(spans_without_picture(25_000, MS, [])) == [0, 10_000, 20_000, 25_000]
    assert bounds(spans_without_picture(20_000, MS, [])) == [0, 10_000, 20_000]
    assert bounds(spans_without_picture(1, MS, [])) == [0, 1]
    assert spans_without_picture(0, MS, []) == []
    # A span is at most 3 s: 6.6 ticks of 5/11 s are 6 ticks.
    assert bounds(spans_without_picture(13, Fraction(5, 11), [], seconds=3)) == [0, 6, 12, 13]


def test_cues_are_grouped_and_spans_meet_in_the_middle_of_pauses() -> None:
    talk = cues((0, 3000), (3200, 6000), (6400, 9000), (9600, 14_000), (14_000, 18_000))
    # The middles are 3100, 6200, 9300 and 14,000, where two cues meet.
    assert bounds(spans_without_picture(19_500, MS, talk)) == [0, 9300, 14_000, 19_500]


def test_long_pause_is_divided_evenly() -> None:
    # The last 11 s do not fit one span: they part at the edge of the cue.
    found = bounds(spans_without_picture(40_000, MS, cues((0, 4000), (34_000, 40_000))))
    assert found == [0, 9000, 19_000, 29_000, 34_000, 40_000]


def test_cue_longer_than_a_span_is_cut() -> None:
    found = bounds(spans_without_picture(30_000, MS, cues((2000, 27_000))))
    assert found == [0, 2000, 12_000, 22_000, 30_000]


def test_cues_outside_the_title_are_ignored() -> None:
    assert spans_without_picture(25_000, MS, cues((30_000, 40_000), (7, 7))) == spans_without_picture(25_000, MS, [])


@pytest.mark.parametrize("seed", range(200))
def test_random_speech(seed: int) -> None:
    rng = np.random.default_rng(seed)
    base = [MS, Fraction(1, 44_100), Fraction(1, 25)][seed % 3]
    longest_cue = 4000 if seed % 2 else 9000
    edges = np.cumsum(rng.integers(0, longest_cue, 2 * int(rng.integers(1, 40))) * rng.choice([1, 1, 1, 8]))
    starts, ends = edges[::2], np.minimum(edges[1::2], edges[::2] + longest_cue)
    talk = cues(*zip(starts.tolist(), ends.tolist(), strict=True))
    end_pts = int(Fraction(int(edges[-1] + rng.integers(1, 30_000)), 1000) / base)
    shots = spans_without_picture(end_pts, base, list(reversed(talk)), seconds=10)
    found = bounds(shots)
    assert found[0] == 0 and found[-1] == end_pts
    lengths = np.diff(found)
    assert lengths.min() > 0 and lengths.max() * base <= 10
    inside = [
        (b, cue)
        for b in found[1:-1]
        for cue in talk
        if round(Fraction(cue.start_ms, 1000) / base) < b < round(Fraction(cue.end_ms, 1000) / base)
    ]
    assert inside == []
    # Greedy grouping leaves no two neighbours of pure speech that would have fitted one span.
    assert len(shots) <= 2 * end_pts * base / 10 + len(talk) + 1


def test_wrong_use_is_named() -> None:
    for seconds in (0, -1, 1e-9, float("nan"), float("inf")):
        with pytest.raises(UsageError, match="Spans of"):
            spans_without_picture(1000, MS, [], seconds=seconds)
