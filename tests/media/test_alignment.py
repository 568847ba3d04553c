"""Cues and shots: exact shares."""

import itertools
from fractions import Fraction

import numpy as np
import pytest

from mediafm.media import cues_by_shot
from mediafm.types import Cue, Shot

THOUSANDTHS = Fraction(1, 1000)


def shots(*edges: int) -> list[Shot]:
    return [Shot(i, a, b, 0, 0) for i, (a, b) in enumerate(itertools.pairwise(edges))]


def shares(cues: list[Cue], *edges: int, time_base: Fraction = THOUSANDTHS) -> list[list[tuple[str, float]]]:
    return [[(s.cue.text, s.share) for s in found] for found in cues_by_shot(cues, shots(*edges), time_base)]


def test_a_cue_belongs_to_every_shot_it_overlaps() -> None:
    assert shares([Cue(500, 2500, "a")], 0, 1000, 2000, 3000) == [[("a", 0.25)], [("a", 0.5)], [("a", 0.25)]]


def test_a_cue_that_ends_at_a_cut_stays_before_it() -> None:
    assert shares([Cue(0, 1000, "a"), Cue(1000, 2000, "b")], 0, 1000, 2000) == [[("a", 1.0)], [("b", 1.0)]]


def test_an_instant_belongs_to_the_shot_that_holds_it() -> None:
    assert shares([Cue(1000, 1000, "a"), Cue(0, 0, "b")], 0, 1000, 2000) == [[("b", 1.0)], [("a", 1.0)]]


def test_outside_the_title_is_dropped() -> None:
    assert shares([Cue(2000, 3000, "a"), Cue(5000, 5000, "b"), Cue(1500, 2500, "c")], 0, 1000, 2000) == [
        [],
        [("c", 0.5)],
    ]


def test_cues_of_a_shot_are_in_time_order() -> None:
    assert shares([Cue(500, 600, "b"), Cue(100, 900, "a")], 0, 1000) == [[("a", 1.0), ("b", 1.0)]]


def test_no_shots_no_cues() -> None:
    assert shares([Cue(0, 1, "a")]) == []
    assert shares([], 0, 10) == [[]]


@pytest.mark.parametrize("seed", range(5))
def test_shares_of_a_cue_inside_sum_to_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    time_base = Fraction(1001, 30_000)
    edges = [0, *np.unique(rng.integers(1, 3000, 200)).tolist(), 3000]
    cues = []
    for i in range(300):
        start = int(rng.integers(0, 100_000))
        cues.append(Cue(start, start + int(rng.integers(0, 99) * rng.integers(0, 2)), str(i)))
    total: dict[str, float] = {}
    for found in shares(cues, *edges, time_base=time_base):
        for text, share in found:
            assert 0 < share <= 1
            total[text] = total.get(text, 0) + share
    assert list(total.values()) == pytest.approx([1.0] * 300, abs=1e-12)
    assert len(total) == 300
