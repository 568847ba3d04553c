from itertools import pairwise

import numpy as np
import pytest

from mediafm.errors import UsageError
from mediafm.sequences import Span, plan_steps, select_titles, split_titles, training_spans, windows


@pytest.mark.parametrize("n", [1, 5, 64, 65, 96, 100, 1000])
@pytest.mark.parametrize("overlap", [0, 10, 32, 63])
def test_windows_cover_and_overlap(n: int, overlap: int) -> None:
    cuts = windows(n, 64, overlap)
    assert cuts[0][0] == 0
    assert cuts[-1][1] == n
    if n <= 64:
        assert cuts == [(0, n)]
    assert all(b - a == min(n, 64) for a, b in cuts)
    assert all(before[1] - after[0] >= overlap for before, after in pairwise(cuts))
    assert all(before[0] < after[0] for before, after in pairwise(cuts))


def test_windows_of_nothing_and_of_nonsense() -> None:
    assert windows(0, 64, 32) == []
    with pytest.raises(UsageError):
        windows(100, 64, 64)


def test_an_epoch_shows_every_shot_once_under_changing_borders() -> None:
    wholes, rng = [Span("a", 0, 30), Span("b", 7, 8), Span("c", 12, 512)], np.random.default_rng(0)
    borders = set()
    for _ in range(20):
        spans = training_spans(wholes, 64, rng)
        assert all(1 <= len(span) <= 64 for span in spans)
        for whole in wholes:
            shown = [i for s in spans if s.title == whole.title for i in range(s.start, s.stop)]
            assert shown == list(range(whole.start, whole.stop))
        borders.add(next(s.stop for s in spans if s.title == "c"))
    assert len(borders) > 10


def spans_of(lengths: np.ndarray) -> list[Span]:
    return [Span(f"t{i}", 0, int(n)) for i, n in enumerate(lengths)]


def test_a_plan_keeps_both_budgets_and_loses_nothing() -> None:
    spans = spans_of(np.random.default_rng(0).integers(1, 300, size=400))
    steps = plan_steps(spans, 2000, 600, np.random.default_rng(1))
    assert sorted((s for step in steps for micro in step for s in micro), key=str) == sorted(spans, key=str)
    assert max(sum(map(len, micro)) for step in steps for micro in step) <= 600
    shots = [sum(len(s) for micro in step for s in micro) for step in steps]
    assert max(shots) <= 2000
    assert min(shots[:-1]) > 1950
    assert all(len(step) <= 5 for step in steps)


def test_a_plan_follows_from_the_generator() -> None:
    spans = spans_of(np.random.default_rng(0).integers(1, 300, size=400))
    one, again, other = (plan_steps(spans, 1000, 500, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert one == again
    assert one != other


def test_order_and_company_are_random() -> None:
    spans = spans_of(np.full(1000, 10))
    steps = plan_steps(spans, 100, 100, np.random.default_rng(0))
    places = [int(s.title[1:]) for step in steps for micro in step for s in micro]
    assert abs(np.corrcoef(places, np.arange(1000))[0, 1]) < 0.1


def test_a_span_beyond_the_budget_stands_alone() -> None:
    steps = plan_steps(spans_of(np.array([5, 50, 5])), 20, 8, np.random.default_rng(0))
    micros = sorted([len(s) for s in micro] for step in steps for micro in step)
    assert micros == [[5], [5], [50]]
    assert len(steps) == 2


def test_a_plan_of_nothing() -> None:
    assert plan_steps([], 20, 8, np.random.default_rng(0)) == []


def test_split_is_stable_by_title() -> None:
    ids = [f"title-{i}" for i in range(1000)]
    training, validation = split_titles(ids, 0.1, seed=0)
    assert sorted(training + validation) == sorted(ids)
    assert 70 < len(validation) < 130
    assert split_titles(reversed(ids), 0.1, seed=0) == (training, validation)
    fewer, _ = split_titles(ids[:500], 0.1, seed=0)
    assert set(fewer) <= set(training)
    assert split_titles(ids, 0.1, seed=1)[1] != validation


def test_split_of_few_titles_has_two_sides() -> None:
    for share in (0.001, 0.999):
        training, validation = split_titles(["a", "b", "c"], share, seed=0)
        assert training
        assert validation


def test_globs_choose_titles() -> None:
    ids = ["s01e01", "s05e01", "s05e02"]
    assert select_titles(ids, ["s05*"], "data.validation_titles") == ["s05e01", "s05e02"]
    with pytest.raises(UsageError, match=r"data\.validation_titles: no title .* 's06\*'"):
        select_titles(ids, ["s05*", "s06*"], "data.validation_titles")
