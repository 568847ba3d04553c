"""Pk and WindowDiff against loops over windows, and what is known of them."""

import numpy as np
import pytest

from mediafm.probes.window_errors import pk, usual_window, window_diff


def loops(true, predicted, n, k):
    """(Pk, WindowDiff) as their authors define them, window by window."""
    scene = [np.searchsorted(sorted(b), np.arange(n), side="right") for b in (true, predicted)]
    apart = wrong = 0
    for i in range(n - k):
        counts = [s[i + k] - s[i] for s in scene]
        apart += (counts[0] == 0) != (counts[1] == 0)
        wrong += counts[0] != counts[1]
    return apart / (n - k), wrong / (n - k)


@pytest.mark.parametrize("seed", range(10))
def test_equal_loops(seed):
    rng = np.random.default_rng(seed)
    n = 60
    true, predicted = (np.flatnonzero(rng.random(n) < 0.15) for _ in range(2))
    true, predicted = true[true > 0], predicted[predicted > 0]
    for k in (1, 4, 9):
        expected = loops(true, predicted, n, k)
        assert (pk(true, predicted, n, k), window_diff(true, predicted, n, k)) == pytest.approx(expected)
        assert pk(true, predicted, n, k) <= window_diff(true, predicted, n, k)


def test_known_answers():
    true = np.array([5, 10, 15])
    assert usual_window(true, 20) == 2 and usual_window(true[:0], 1) == 1
    assert pk(true, true, 20) == window_diff(true, true, 20) == 0
    assert window_diff(true, np.arange(1, 20), 20) == 1.0  # every window of two has two boundaries, none so many
    assert np.isnan(pk(true[:0], true[:0], 3, 5))
