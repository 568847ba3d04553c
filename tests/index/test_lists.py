"""Lists: what they find, the recall they state, masks, damage."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from index.test_nearest import brute, index_of
from mediafm.index import VectorIndex, lists
from mediafm.index.listing import build_lists
from mediafm.index.lists import Facts, Lists
from mediafm.progress import SILENT

N, DIM = 6000, 24
FOLDERS: dict[str, Path] = {}


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
    FOLDERS[made.name] = home / "v.lists"
    return made


def recall(found: np.ndarray, true: np.ndarray) -> float:
    return float(np.mean([len(np.intersect1d(a, b)) / len(b) for a, b in zip(found, true, strict=True)]))


def test_every_row_that_is_there_is_in_one_list(index: VectorIndex) -> None:
    assert index.lists is not None
    present = np.flatnonzero(index.rows(0, N).any(axis=1))
    np.testing.assert_array_equal(np.sort(index.lists.ids), present)
    assert index.lists.facts.starts[-1] == len(present)


def test_with_all_lists_and_all_trust_nothing_is_lost(index: VectorIndex) -> None:
    assert index.lists is not None
    everything = replace(index.lists.facts, probes=len(index.lists.facts.starts) - 1)
    lists = Lists(FOLDERS[index.name], everything)
    queries = clustered(seed=3)[1:40]
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    _, true = brute(index, queries, 10)
    kept = [
        np.isin(best, some.rows).mean()
        for best, some in zip(true, lists.candidates(queries.astype(np.float32), 10, None), strict=True)
    ]
    assert np.mean(kept) > 0.98


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


@pytest.mark.parametrize("name", ["words.u64", "terms.f32", "ids.i64", "centres.f32", "rotation.f32", "lists.json"])
def test_damaged_lists_are_built_anew(tmp_path: Path, name: str) -> None:
    made = index_of(tmp_path / "v", clustered()[:500])
    folder = tmp_path / "v.lists"
    before = build_lists(made, folder, "v", SILENT).facts
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    assert Facts.read(folder) is None or name == "lists.json"
    after = build_lists(made, folder, "v", SILENT).facts
    assert (after.starts, after.probes, after.recall) == (before.starts, before.probes, before.recall)


@pytest.mark.parametrize("rows", [np.zeros((4, 3)), np.eye(1, 3), np.zeros((0, 3)), np.ones((50, 3))])
def test_tiny_tables_have_lists_too(tmp_path: Path, rows: np.ndarray) -> None:
    made = index_of(tmp_path / "v", rows)
    made.lists = build_lists(made, tmp_path / "v.lists", "v", SILENT)
    np.testing.assert_array_equal(made.nearest(np.ones(3), 5)[1], brute(made, np.ones((1, 3)), 5)[1])


def grown(home: Path, version: str, titles: dict[str, int], rows: np.ndarray) -> VectorIndex:
    """An index of titles of that many rows each, with the lists that lie beside it."""
    made = index_of(home / version, rows, [(name, n, 1, -1) for name, n in titles.items()])
    made.lists = build_lists(made, home / "lists" / version, version, SILENT)
    return made


def test_titles_that_come_are_put_into_the_lists_that_are_there(tmp_path: Path) -> None:
    rows = clustered()
    before = grown(tmp_path, "v1", {"b": 3000, "d": 2000}, rows[:5000])
    assert before.lists is not None
    centres = before.lists.centres
    # "a" comes in front, "c" between, "d" goes: every row number is another one.
    after_rows = np.concatenate([rows[5000:5600], rows[:3000], rows[5600:]])
    after = grown(tmp_path, "v2", {"a": 600, "b": 3000, "c": 400}, after_rows)
    assert after.lists is not None
    np.testing.assert_array_equal(after.lists.centres, centres)
    anew = build_lists(after, tmp_path / "other" / "v2", "v2", SILENT)
    assert after.lists.facts.learned == 5000
    assert anew.facts.learned == 4000
    np.testing.assert_array_equal(np.sort(after.lists.ids), np.sort(anew.ids))
    assert after.lists.facts.recall >= 0.95
    queries = after_rows[:200:7][after_rows[:200:7].any(axis=1)]
    assert recall(after.nearest(queries, 10)[1], brute(after, queries, 10)[1]) >= 0.9
    assert [path.name for path in (tmp_path / "lists").iterdir() if path.is_dir()] == ["v2"]


def test_lists_extended_are_those_that_their_centres_give(tmp_path: Path) -> None:
    """Copied or made, a row's signs and list are the same."""
    rows = clustered()[:2000]
    first = grown(tmp_path, "v1", {"b": 1900}, rows[100:])
    second = grown(tmp_path, "v2", {"a": 100, "b": 1900}, rows)
    assert first.lists is not None and second.lists is not None
    here = {row: at for at, row in enumerate(second.lists.ids.tolist())}
    for at in range(0, len(first.lists.ids), 97):
        there = here[int(first.lists.ids[at]) + 100]
        np.testing.assert_array_equal(
            first.lists.table.words[at // 64, :, at % 64], second.lists.table.words[there // 64, :, there % 64]
        )
        np.testing.assert_array_equal(
            first.lists.table.terms[at // 64, :, at % 64], second.lists.table.terms[there // 64, :, there % 64]
        )
    new = second.gather(np.arange(1, 50))
    nearest = (new @ second.lists.centres.T).argmax(axis=1)
    stands = np.searchsorted(second.lists.facts.starts, [here[row] for row in range(1, 50)], side="right") - 1
    np.testing.assert_array_equal(stands, nearest)


def test_lists_are_made_anew_where_much_came_or_vectors_are_of_another_model(tmp_path: Path) -> None:
    rows = clustered()
    grown(tmp_path, "v1", {"a": 1000}, rows[:1000])
    much = grown(tmp_path, "v2", {"a": 1000, "b": 3000}, rows[:4000])
    assert much.lists is not None and much.lists.facts.learned == 4000
    other = index_of(tmp_path / "v3", rows[:4100], [("a", 1000, 1, -1), ("b", 3100, 1, -1)], "g")
    lists = build_lists(other, tmp_path / "lists" / "v3", "v3", SILENT)
    assert lists.facts.learned == 4100
