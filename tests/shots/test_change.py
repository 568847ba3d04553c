import numpy as np
import pytest

from mediafm.shots.change import BLENDS, FEATURES, HISTORY, LAGS, _cells, _histograms, _nearest, change_features

SAME = np.log1p(0) - 1.5


@pytest.fixture
def frames() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (HISTORY + 6, 27, 48, 3), dtype=np.uint8)


def test_cells_are_means_of_nine_pixels(frames: np.ndarray) -> None:
    expected = frames.reshape(-1, 9, 3, 16, 3, 3).mean(axis=(2, 4))
    np.testing.assert_allclose(_cells(frames).reshape(expected.shape), expected, rtol=1e-6)


def test_histograms_are_those_of_numpy(frames: np.ndarray) -> None:
    found = _histograms(frames) ** 2
    for frame, shares in zip(frames, found, strict=True):
        expected, _ = np.histogramdd(frame.reshape(-1, 3), bins=8, range=[(0, 256)] * 3)
        np.testing.assert_allclose(shares, expected.ravel() / 1296, atol=1e-6)


def test_cells_that_moved_by_one_are_found_again() -> None:
    cells = np.random.default_rng(1).uniform(0, 255, (1, 9, 16, 3)).astype(np.float32)
    moved = np.roll(cells, (1, -1), axis=(1, 2))
    assert np.abs(_nearest(moved, cells)[:, 1:, :-1]).max() == 0
    assert _nearest(moved, cells).max() > 0  # what came in at the edges is new


def test_a_still_picture_changes_nothing() -> None:
    still = np.repeat(np.random.default_rng(2).integers(0, 256, (1, 27, 48, 3), dtype=np.uint8), HISTORY + 4, axis=0)
    rows = change_features(still)
    assert rows.shape == (4, FEATURES) and rows.dtype == np.float32
    differences = rows[:, 0 : 2 * len(LAGS) : 2]
    np.testing.assert_allclose(differences, SAME, atol=1e-6)
    assert np.all(rows == rows[0])


def test_an_even_dissolve_lies_between_its_ends() -> None:
    rng = np.random.default_rng(3)
    old, new = rng.uniform(0, 255, (2, 27, 48, 3))
    share = np.linspace(0, 1, HISTORY + 1)[:, None, None, None]
    row = change_features(((1 - share) * old + share * new).round().astype(np.uint8))[0]
    blend = row[2 * len(LAGS) + 9 :][: 2 * len(BLENDS)]
    assert np.all(blend[0::2] < np.log1p(1) - 1.5)  # off by rounding alone
    assert row[2 * LAGS.index(16)] > 1  # though 16 frames apart all has changed


def test_rows_do_not_depend_on_what_is_computed_with_them(frames: np.ndarray) -> None:
    whole = change_features(frames)
    for k in range(len(whole)):
        np.testing.assert_array_equal(change_features(frames[k : k + HISTORY + 1])[0], whole[k])
