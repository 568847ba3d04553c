"""Optimal partition against every possible cut, planted segments, laws of the price."""

from itertools import combinations

import numpy as np
import pytest

from mediafm.errors import UsageError
from mediafm.fusion import unit_rows
from mediafm.uses.partition import best_of_count, best_of_price, noise_price, scatter_of


def drawn(n, dim, seed, absent=0.0):
    rng = np.random.default_rng(seed)
    rows = unit_rows(rng.normal(size=(n, dim))).astype(np.float32)
    rows[rng.random(n) < absent] = 0
    return rows


def planted(sizes, dim=16, noise=0.02, seed=0):
    rng = np.random.default_rng(seed)
    means = np.repeat(unit_rows(rng.normal(size=(len(sizes), dim))), sizes, axis=0)
    rows = unit_rows(means + noise * rng.normal(size=means.shape)).astype(np.float32)
    return rows, np.cumsum([0, *sizes[:-1]])


def every_cut(n, count):
    return (np.array((0, *cut)) for cut in combinations(range(1, n), count - 1))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("absent", [0.0, 0.4])
def test_so_many_segments_equal_brute_force(seed, absent):
    rows = drawn(9, 3, seed, absent)
    for count in range(1, 10):
        found = best_of_count(rows, count)
        assert len(found) == count and found[0] == 0 and (np.diff(found) > 0).all()
        least = min(scatter_of(rows, cut) for cut in every_cut(9, count))
        assert scatter_of(rows, found) == pytest.approx(least, abs=1e-6)


@pytest.mark.parametrize("seed", range(6))
def test_a_price_equals_brute_force(seed):
    rows = drawn(9, 3, seed, 0.2)
    for price in (0.01, 0.3, 0.8, 5.0):
        found = best_of_price(rows, price)
        least = min(scatter_of(rows, cut) + price * count for count in range(1, 10) for cut in every_cut(9, count))
        assert scatter_of(rows, found) + price * len(found) == pytest.approx(least, abs=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_no_segment_is_shorter_than_asked(seed):
    rows, rng = drawn(9, 3, seed), np.random.default_rng(seed)
    edges = np.concatenate([[0.0], np.cumsum(rng.uniform(0.5, 3.0, 9))])
    shortest = 3.0

    def allowed(cut):
        return (np.diff(np.append(edges[cut], edges[-1])) >= shortest).all()

    for count in (1, 2, 3):
        cuts = [cut for cut in every_cut(9, count) if allowed(cut)]
        if not cuts:
            with pytest.raises(UsageError, match="no 3 parts"):
                best_of_count(rows, count, edges, shortest)
            continue
        found = best_of_count(rows, count, edges, shortest)
        assert allowed(found)
        assert scatter_of(rows, found) == pytest.approx(min(scatter_of(rows, cut) for cut in cuts), abs=1e-6)
    assert allowed(best_of_price(rows, 0.1, edges, shortest))
    assert best_of_price(rows, 0.1, edges, 100.0).tolist() == [0]


@pytest.mark.parametrize("seed", range(5))
def test_planted_segments_are_found_exactly(seed):
    rows, starts = planted((12, 5, 30, 9, 14), seed=seed)
    assert best_of_count(rows, 5).tolist() == starts.tolist()
    assert best_of_price(rows, noise_price(rows)).tolist() == starts.tolist()
    with_holes = rows.copy()
    with_holes[[3, 20, 40]] = 0
    assert best_of_count(with_holes, 5).tolist() == starts.tolist()


def test_noise_alone_is_one_segment():
    one = [len(best_of_price(rows, noise_price(rows))) for rows in (drawn(120, 12, seed) for seed in range(20))]
    assert one == [1] * 20


def test_blocks_of_ends_change_nothing():
    rows, starts = planted((300, 200, 170), seed=3)
    assert best_of_price(rows, noise_price(rows)).tolist() == starts.tolist()
    assert best_of_count(rows, 3).tolist() == starts.tolist()


def test_wrong_use_is_told():
    rows = drawn(4, 3, 0)
    for count in (0, 5):
        with pytest.raises(UsageError, match="Cannot cut 4 shots"):
            best_of_count(rows, count)
    with pytest.raises(UsageError, match="Cannot cut a title of 0 shots"):
        best_of_price(rows[:0], 1.0)
    assert best_of_price(rows[:1], 1.0).tolist() == [0] and noise_price(rows[:1]) == np.inf
