"""Lists: what they find, the recall they state, masks, damage."""

from pathlib import Path

import numpy as np
import pytest

from index.test_nearest import brute, index_of
from mediafm.index import VectorIndex, lists
from mediafm.index.lists import Facts, build_lists
from mediafm.progress import SILENT

N, DIM = 6000, 24


def clustered(seed: int = 0) -> np.ndarray:
    """Sixty clusters of a hundred rows; every fiftieth row is absent."""
    rng = np.random.default_rng(seed)
    rows = np.repeat(rng.standard_normal((60, DIM)), N // 60, axis=0) + 0.5 * rng.standard_normal((N, DIM))
    rows[::50] = 0
    return rows[rng.permutation(N)]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> VectorIndex:
    home = tmp_path_factory.mktemp("home")
    made = index_of(home / "v", clustered())
    made.lists = build_lists(made, home / "v.lists", "v", SILENT)
    return made


def recall(found: np.ndarray, true: np.ndarray) -> float:
    return float(np.mean([len(np.intersect1d(a, b)) / len(b) for a, b in zip(found, true, strict=True)]))


def test_every_row_that_is_there_is_in_one_list(index: VectorIndex) -> None:
    assert index.lists is not None
    present = np.flatnonzero(index.rows(0, N).any(axis=1))
    np.testing.assert_array_equal(np.sort(index.lists.ids), present)
    codes = np.array(index.coded.codes)
    np.testing.assert_array_equal(index.lists.table.codes, codes[index.lists.ids])
    assert index.lists.facts.starts[-1] == len(present)


def test_the_recall_that_is_stated_is_had_by_other_questions(index: VectorIndex) -> None:
    assert index.lists is not None
    facts = index.lists.facts
    assert 0.95 <= facts.recall <= 1
    assert facts.probes < (len(facts.starts) - 1) / 2
    rng = np.random.default_rng(5)
    rows = index.gather(rng.choice(N, 100))
    queries = rows[rows.any(axis=1)] + 0.02 * rng.standard_normal(DIM)
    _, found = index.nearest(queries, 10)
    assert recall(found, brute(index, queries, 10)[1]) >= 0.93
    scores, exact = index.nearest(queries, 10, exact=True)
    np.testing.assert_array_equal(exact, brute(index, queries, 10)[1])
    np.testing.assert_allclose(scores, brute(index, queries, 10)[0], atol=1e-6)


def test_what_is_found_has_its_true_score_and_is_in_order(index: VectorIndex) -> None:
    queries = clustered(seed=1)[1:9]
    scores, rows = index.nearest(queries, 20)
    for query, some, best in zip(queries, rows, scores, strict=True):
        there = some[some >= 0]
        np.testing.assert_allclose(index.scores(query)[there], best[: len(there)], atol=1e-6)
        assert (np.diff(best[: len(there)]) <= 0).all()


def test_masks_are_honoured(index: VectorIndex) -> None:
    rng = np.random.default_rng(2)
    queries = index.gather(np.array([1, 2, 3]))
    for share in (0.5, 0.02):
        allowed = rng.random(N) < share
        _, rows = index.nearest(queries, 10, allowed)
        assert allowed[rows[rows >= 0]].all()
        truth = brute(index, queries, 10, allowed)[1]
        if share < lists.FEW:
            np.testing.assert_array_equal(rows, truth)  # few: searched exactly
        else:
            assert recall(rows, truth) >= 0.9


def test_more_than_was_measured_for_is_searched_exactly(index: VectorIndex) -> None:
    query = index.gather(np.array([7]))
    np.testing.assert_array_equal(index.nearest(query, 300)[1], brute(index, query, 300)[1])


@pytest.mark.parametrize("name", ["codes.i8", "ids.i64", "centres.f32", "lists.json"])
def test_damaged_lists_are_built_anew(tmp_path: Path, name: str) -> None:
    made = index_of(tmp_path / "v", clustered()[:500])
    folder = tmp_path / "v.lists"
    before = build_lists(made, folder, "v", SILENT).facts
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    assert Facts.read(folder, "v") is None or name == "lists.json"
    after = build_lists(made, folder, "v", SILENT).facts
    assert (after.starts, after.probes, after.recall) == (before.starts, before.probes, before.recall)
    assert Facts.read(folder, "v2") is None


@pytest.mark.parametrize("rows", [np.zeros((4, 3)), np.eye(1, 3), np.zeros((0, 3)), np.ones((50, 3))])
def test_tiny_tables_have_lists_too(tmp_path: Path, rows: np.ndarray) -> None:
    made = index_of(tmp_path / "v", rows)
    made.lists = build_lists(made, tmp_path / "v.lists", "v", SILENT)
    np.testing.assert_array_equal(made.nearest(np.ones(3), 5)[1], brute(made, np.ones((1, 3)), 5)[1])
