"""Scene boundaries of one title against brute force, known answers and laws."""

import itertools

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from mediafm.probes.boundaries import (
    boundaries,
    boundary_matches,
    predicted_boundaries,
    scene_iou,
    scene_titles,
)


def shots(lengths):
    ends = np.cumsum(np.asarray(lengths, dtype=np.float64))
    return np.concatenate([[0.0], ends[:-1]]), ends


def pairwise_iou(true, predicted, start_s, end_s):
    """The definition, all pairs."""

    def scenes(found):
        edges = [start_s[0], *start_s[found], end_s[-1]]
        return list(itertools.pairwise(edges))

    def one_way(mine, other):
        best = []
        for a, b in mine:
            inner = [max(0.0, min(b, d) - max(a, c)) for c, d in other]
            best.append(max(i / ((b - a) + (d - c) - i) for i, (c, d) in zip(inner, other, strict=True)))
        return np.mean(best)

    return (one_way(scenes(true), scenes(predicted)) + one_way(scenes(predicted), scenes(true))) / 2


def random_case(rng, n=40):
    start_s, end_s = shots(rng.uniform(0.2, 9, rng.integers(1, n)))
    true, predicted = (boundaries(rng.random(len(start_s)) < rng.uniform(0, 0.6)) for _ in range(2))
    return true, predicted, start_s, end_s


def test_scene_iou_equals_all_pairs():
    rng = np.random.default_rng(1)
    for _ in range(300):
        case = random_case(rng)
        assert scene_iou(*case) == pytest.approx(pairwise_iou(*case), abs=1e-12)


def test_scene_iou_known_answers():
    start_s, end_s = shots([10, 10, 10, 10])
    two, none = np.array([2]), np.array([], dtype=np.int64)
    assert scene_iou(two, two, start_s, end_s) == 1
    assert scene_iou(none, none, start_s, end_s) == 1
    # Two halves against the whole: 1/2 for each of the halves, 1/2 for the whole.
    assert scene_iou(two, none, start_s, end_s) == pytest.approx(0.5)
    # [0, 20) [20, 40) against [0, 30) [30, 40): 20/30 and 10/20 both ways.
    assert scene_iou(two, np.array([3]), start_s, end_s) == pytest.approx((2 / 3 + 1 / 2) / 2)


def test_scene_iou_laws():
    rng = np.random.default_rng(2)
    for _ in range(100):
        true, predicted, start_s, end_s = random_case(rng)
        value = scene_iou(true, predicted, start_s, end_s)
        assert 0 < value <= 1
        assert value == pytest.approx(scene_iou(predicted, true, start_s, end_s))
        assert scene_iou(true, true, start_s, end_s) == 1
        assert (value == 1) == np.array_equal(true, predicted)
        assert value == pytest.approx(scene_iou(true, predicted, start_s * 7, end_s * 7))


def best_matching(true, predicted, tolerance):
    """As many pairs within the tolerance as an assignment of all of them allows."""
    near = np.abs(np.subtract.outer(true, predicted)) <= tolerance
    return int(near[linear_sum_assignment(~near)].sum()) if near.size else 0


@pytest.mark.parametrize("tolerance", [0, 1, 2.5, 7])
def test_matching_is_optimal(tolerance):
    rng = np.random.default_rng(int(tolerance * 2))
    for _ in range(150):
        true, predicted = (np.unique(rng.integers(0, 60, rng.integers(0, 25))) for _ in range(2))
        found = boundary_matches(true, predicted, tolerance)
        assert found.hits == best_matching(true, predicted, tolerance)
        assert found.hits + found.false_alarms == len(predicted) and found.hits + found.misses == len(true)
        back = boundary_matches(predicted, true, tolerance)
        assert (back.hits, back.misses) == (found.hits, found.false_alarms)


def test_a_prediction_serves_one_truth_only():
    found = boundary_matches([10.0, 12.0], [11.0], 3)
    assert (found.hits, found.false_alarms, found.misses) == (1, 0, 1)
    # Taking the nearest partner first would pair 12 with 11 and leave 9 without one.
    assert boundary_matches([9.0, 12.0], [11.0, 14.0], 2).hits == 2
    assert boundary_matches([0.1 + 0.2], [0.3]).hits == 1  # rounding is no distance


def test_precision_recall_and_f1():
    found = boundary_matches([1, 5, 9, 12], [1, 6, 9])
    assert (found.precision, found.recall) == (2 / 3, 1 / 2)
    assert found.f1 == pytest.approx(2 * found.precision * found.recall / (found.precision + found.recall))
    assert boundary_matches([1, 5], [1, 5]).f1 == 1
    assert np.isnan(boundary_matches([], []).f1)
    assert boundary_matches([3], []).f1 == 0 and np.isnan(boundary_matches([3], []).precision)


def test_rows_become_titles_without_their_first_shots():
    start_s = np.array([0.0, 2, 5, 0, 1, 0])
    end_s = np.array([2.0, 5, 6, 1, 4, 3])
    truth = np.array([True, False, True, True, True, True])
    titles = scene_titles(np.array([4, 4, 4, 7, 7, 9]), start_s, end_s, truth)
    assert [len(title) for title in titles] == [3, 2, 1]
    assert [title.true.tolist() for title in titles] == [[2], [1], []]
    assert titles[1].end_s.tolist() == [1, 4]
    assert predicted_boundaries(np.array([0.9, 0.2, 0.5]), 0.5).tolist() == [2]
