"""Nearest rows against a full product in float64: equal rows and scores, whichever way they are found."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from mediafm.errors import UsageError
from mediafm.index import VectorIndex, vectors
from mediafm.index.codes import code_rows
from mediafm.index.layout import BOUNDS, CODES, DTYPES, Key, Manifest, states
from mediafm.index.scan import NO_IDS, Codes, scan

WAYS = ["product", "scan"]


def index_of(folder: Path, rows: np.ndarray, keys: Sequence[Key] = (), fingerprint: str = "f") -> VectorIndex:
    """An index of these rows, which need not be unit; of one title, or of these."""
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    arrays = code_rows((rows / np.where(norms > 0, norms, 1)).astype(np.float32))
    folder.mkdir(exist_ok=True)
    for name, array in arrays.items():
        (folder / name).write_bytes(np.ascontiguousarray(array, DTYPES[name]).tobytes())
    titles = list(keys) or [("only", len(rows), 1, -1)]
    manifest = Manifest("v", "run", rows.shape[1], fingerprint, titles, {}, states(folder, arrays))
    return VectorIndex(folder, manifest, None)


def brute(
    index: VectorIndex, queries: np.ndarray, k: int, allowed: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Scores [Q, k] and rows [Q, k] by the definition."""
    held = index.rows(0, len(index)).astype(np.float64)
    scores, rows = np.full((len(queries), k), -np.inf, np.float32), np.full((len(queries), k), -1)
    may = held.any(axis=1) & (np.ones(len(held), bool) if allowed is None else allowed)
    for i, query in enumerate(queries.astype(np.float64)):
        unit = (query / np.linalg.norm(query)).astype(np.float32).astype(np.float64)
        products = (held * unit).sum(axis=1).astype(np.float32)
        best = sorted(np.flatnonzero(may), key=lambda row: (-products[row], row))[:k]
        scores[i, : len(best)], rows[i, : len(best)] = products[best], best
    return scores, rows


def assert_nearest(index: VectorIndex, queries: np.ndarray, k: int, allowed: np.ndarray | None = None) -> None:
    scores, rows = index.nearest(queries, k, allowed)
    expected_scores, expected_rows = brute(index, queries, k, allowed)
    np.testing.assert_array_equal(rows, expected_rows)
    np.testing.assert_allclose(scores, expected_scores, rtol=0, atol=1e-6)
    assert scores.dtype == np.float32
    assert rows.dtype == np.int64


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Products of everything at once, or a scan of codes by two threads."""
    if request.param == "scan":
        monkeypatch.setattr(vectors, "SMALL", 0)
        monkeypatch.setattr("mediafm.index.scan._FEW", 8)
        monkeypatch.setattr("mediafm.index.scan.threads", lambda: 2)
    yield request.param


RNG = np.random.default_rng(0)


def noise(n: int, dim: int) -> np.ndarray:
    return RNG.standard_normal((n, dim))


def near_ties(n: int, dim: int) -> np.ndarray:
    """Rows that differ by less than their codes can tell."""
    return np.ones((n, dim)) + 1e-3 * noise(n, dim)


def duplicates(n: int, dim: int) -> np.ndarray:
    return np.repeat(noise(n // 20 + 1, dim), 20, axis=0)[:n]


def absent(n: int, dim: int) -> np.ndarray:
    rows = noise(n, dim)
    rows[::3] = 0
    return rows


def spikes(n: int, dim: int) -> np.ndarray:
    """Nearly all of a row in one number, so that its codes lose all others."""
    rows = 1e-3 * noise(n, dim)
    rows[np.arange(n), RNG.integers(dim, size=n)] = RNG.choice([-1, 1], n)
    return rows


def ever_better(n: int, dim: int) -> np.ndarray:
    """Each row is nearer to the first axis than those before it: all are candidates at their time."""
    rows = np.zeros((n, dim))
    angle = np.linspace(np.pi, 0, n)
    rows[:, 0], rows[:, 1] = np.cos(angle), np.sin(angle)
    return rows


KINDS = [noise, near_ties, duplicates, absent, spikes, ever_better]


@pytest.mark.parametrize("make", KINDS)
@pytest.mark.parametrize(("n", "dim", "k"), [(700, 32, 10), (700, 33, 1), (300, 5, 400), (1, 768, 3), (90, 200, 90)])
def test_it_is_the_full_product(tmp_path: Path, way: str, make, n: int, dim: int, k: int) -> None:
    rows = make(n, dim)
    axis = np.eye(1, dim)
    queries = np.concatenate([rows[rows.any(axis=1)][:2], -rows[-1:] + 0.01, RNG.standard_normal((2, dim)), axis])
    index = index_of(tmp_path / "index", rows)
    assert_nearest(index, queries, k)
    assert_nearest(index, queries, k, RNG.random(n) < 0.3)
    assert_nearest(index, queries[:1], k, np.zeros(n, bool))


@pytest.mark.parametrize("make", KINDS)
def test_a_scan_leaves_few_and_none_too_few(make) -> None:
    rows = make(2000, 64)
    arrays = code_rows((rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)).astype(np.float32))
    query = np.ones((1, 64), np.float32) / 8
    (found,) = scan(Codes(arrays[CODES], arrays[BOUNDS], NO_IDS), [(0, 2000)], query, 10)
    true = arrays["rows.f16"].astype(np.float64) @ query[0]
    assert (found.highest >= true[found.rows]).all()
    assert (np.diff(found.highest) <= 0).all()
    left_out = np.setdiff1d(np.flatnonzero(rows.any(axis=1)), found.rows)
    assert true[left_out].max(initial=-2) <= np.sort(true)[-10]
    if make is noise:
        assert len(found.rows) < 100


@pytest.mark.parametrize("make", KINDS)
@pytest.mark.parametrize("dim", [3, 768])
def test_codes_lose_no_more_than_they_say(make, dim: int) -> None:
    rows = make(300, dim)
    arrays = code_rows((rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)).astype(np.float32))
    told = arrays[BOUNDS][:, :1].astype(np.float64) * arrays[CODES]
    lost = np.linalg.norm(arrays["rows.f16"].astype(np.float64) - told, axis=1)
    assert (lost <= arrays[BOUNDS][:, 1]).all()
    assert ((arrays[BOUNDS][:, 0] == 0) == ~rows.any(axis=1)).all()


def test_many_queries_are_many_times_one(tmp_path: Path, way: str) -> None:
    index = index_of(tmp_path / "index", noise(500, 24))
    queries = RNG.standard_normal((37, 24))
    together = index.nearest(queries, 7)
    for i, query in enumerate(queries):
        np.testing.assert_array_equal(index.nearest(query, 7)[1][0], together[1][i])


def test_scores_are_cosines_of_all_rows(tmp_path: Path) -> None:
    index = index_of(tmp_path / "index", absent(50, 12))
    query = RNG.standard_normal(12)
    held = index.rows(0, 50)
    expected = np.where(held.any(axis=1), held @ (query / np.linalg.norm(query)), -np.inf)
    np.testing.assert_allclose(index.scores(query), expected, atol=1e-6)
    np.testing.assert_array_equal(index.gather(np.array([7, 3])), held[[7, 3]])


def test_what_has_no_direction_finds_nothing(tmp_path: Path, way: str) -> None:
    index = index_of(tmp_path / "index", noise(20, 4))
    scores, rows = index.nearest(np.zeros(4), 3)
    assert (rows == -1).all() and np.isneginf(scores).all()
    empty = index_of(tmp_path / "empty", np.zeros((20, 4)))
    assert (empty.nearest(np.ones(4), 3)[1] == -1).all()
    none = index_of(tmp_path / "none", np.zeros((0, 4)))
    assert none.nearest(np.ones((2, 4)), 3)[1].shape == (2, 3)
    assert none.scores(np.ones(4)).shape == (0,)


def test_wrong_use_is_told(tmp_path: Path) -> None:
    index = index_of(tmp_path / "index", noise(20, 4))
    with pytest.raises(UsageError, match="k is 0"):
        index.nearest(np.ones(4), 0)
    with pytest.raises(UsageError, match=r"shape \(3,\).*20 rows"):
        index.nearest(np.ones(4), 1, np.ones(3, bool))
