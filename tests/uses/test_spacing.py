"""Places that keep their distance, against every choice."""

from itertools import combinations

import numpy as np
import pytest

from mediafm.uses.spacing import best_spaced


def brute(places, values, gap, count):
    """(how many fit, at most `count`; the highest sum of so many)."""
    for k in range(min(count, len(places)), 0, -1):
        sums = [
            sum(values[list(chosen)])
            for chosen in combinations(range(len(places)), k)
            if all(places[b] - places[a] >= gap - 1e-9 for a, b in combinations(chosen, 2))
        ]
        if sums:
            return k, max(sums)
    return 0, 0.0


@pytest.mark.parametrize("seed", range(12))
def test_equals_brute_force(seed):
    rng = np.random.default_rng(seed)
    places = np.sort(rng.integers(0, 40, 9)).astype(float)
    values = rng.normal(size=9)
    for gap in (0.0, 3.0, 10.0, 100.0):
        for count in (1, 2, 4, 9):
            found = best_spaced(places, values, gap, count)
            assert (np.diff(found) > 0).all() and (np.diff(places[found]) >= gap - 1e-9).all()
            assert (len(found), values[found].sum()) == pytest.approx(brute(places, values, gap, count))


def test_nothing_to_choose():
    assert len(best_spaced(np.zeros(0), np.zeros(0), 1.0, 3)) == 0
    assert len(best_spaced(np.zeros(3), np.ones(3), 1.0, 0)) == 0
