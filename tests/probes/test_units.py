import numpy as np
import pytest

from mediafm.errors import ImportDataError, UsageError
from mediafm.probes.labels import LabelTable
from mediafm.probes.splits import grouped_folds, outer_folds, usable_labels
from mediafm.probes.tasks import Task
from mediafm.probes.units import Examples, make_examples, overlap_weights
from probes.fake_catalog import FakeCatalog, FakeTitle, unit

RNG = np.random.default_rng(0)


def task_for(**changes):
    values = {"name": "t", "kind": "multilabel", "unit": "shot", "labels": "labels.csv", "split": {"folds": 2}}
    return Task.model_validate(values | changes)


def catalog():
    starts, ends = np.array([0.0, 2.0, 5.0]), np.array([2.0, 5.0, 10.0])
    title = FakeTitle(starts, ends, {"video": unit(np.ones((3, 4)))})
    return FakeCatalog({"a": title, "b": title, "unlabelled": title})


def table(*rows):
    titles, starts, ends, first, second = zip(*rows, strict=True)
    truth = np.array([first, second], dtype=bool).T
    return LabelTable(np.array(titles), np.array(starts, float), np.array(ends, float), truth, ("first", "second"))


def test_a_shot_belongs_to_the_spans_that_hold_its_middle():
    spans = table(("b", 0, 1.1, 1, 0), ("b", 3.5, 6, 1, 0), ("b", 3, 3.6, 0, 1), ("a", 0, 1.0, 1, 0))
    examples = make_examples(spans, task_for(), catalog(), RNG)
    assert examples.titles == ("a", "b") and examples.shot.tolist() == [0, 1, 2, 0, 1, 2]
    # b's middles are 1, 3.5 and 7.5; a's span ends, half-open, at the middle of shot 0
    assert examples.truth.tolist() == [[False] * 2] * 3 + [[True, False], [True, True], [False, False]]


def test_an_onset_belongs_to_the_shot_that_starts_nearest_within_the_tolerance():
    spans = table(("a", 1.2, 9, 1, 0), ("a", 2.4, 9.5, 0, 1), ("a", 8.1, 10, 1, 0))
    task = task_for(span_to_shots="start_nearest", tolerance_s=3.0)
    examples = make_examples(spans, task, catalog(), RNG)
    assert examples.truth.tolist() == [[False, False], [True, True], [False, False]]


def test_clips_are_the_spans_and_titles_the_titles():
    spans = table(("b", 1, 4, 1, 0), ("a", 0, 5, 0, 1))
    examples = make_examples(spans, task_for(unit="clip"), catalog(), RNG)
    assert (examples.start_s.tolist(), examples.shot.tolist()) == ([0, 1], [-1, -1])
    assert examples.truth.tolist() == [[False, True], [True, False]]
    whole = make_examples(spans, task_for(unit="title"), catalog(), RNG)
    assert (whole.start_s.tolist(), whole.end_s.tolist()) == ([0, 0], [10, 10])


def test_a_clip_weighs_shots_by_overlap():
    begin, end = catalog().spans("a")
    weights = overlap_weights(begin, end, np.array([1.0, 5.0]), np.array([6.0, 10.04]))
    np.testing.assert_allclose(weights, [[0.2, 0.6, 0.2], [0, 0, 1]], rtol=1e-6)


def test_a_sliver_of_a_neighbour_is_not_part_of_a_clip():
    begin, end = catalog().spans("a")
    weights = overlap_weights(begin, end, np.array([1.9999, 4.98]), np.array([5.0001, 5.02]))
    np.testing.assert_allclose(weights, [[0, 1, 0], [0, 0.5, 0.5]], rtol=1e-6)


def examples_of(titles, truth_of):
    title = np.repeat(np.arange(len(titles)), 4)
    truth = np.stack([truth_of(i) for i in title])
    spans = tuple((np.arange(4.0), np.arange(1.0, 5.0)) for _ in titles)
    number = np.arange(len(title))
    return Examples(tuple(titles), spans, title, number * 1.0, number + 1.0, number % 4, truth, ("x",))


def mixed(titles):
    made = examples_of(titles, lambda i: np.array([False]))
    made.truth[::3] = True
    return made


@pytest.mark.parametrize("count", [2, 3, 5])
def test_folds_tile_the_titles_and_share_the_positives(count):
    rng = np.random.default_rng(count)
    title = np.repeat(np.arange(20), rng.integers(5, 30, 20))
    truth = np.stack([title % 4 == 0, np.isin(title, [3, 7, 11, 15, 19])], axis=1)
    groups = grouped_folds(title, truth, count, rng)
    assert sorted(np.concatenate(groups).tolist()) == list(range(20))
    sizes = [np.isin(title, group).sum() for group in groups]
    assert max(sizes) <= 1.5 * min(sizes)
    for group in groups:  # both labels live in five titles: every fold gets some
        assert truth[np.isin(title, group)].any(axis=0).all()


def test_outer_folds_never_put_a_title_on_both_sides():
    examples = mixed([f"t{i}" for i in range(9)])
    folds = outer_folds(examples, task_for(split={"folds": 3}), np.random.default_rng(0))
    for fold in folds:
        assert not set(fold.train) & set(fold.test) and len(fold.train) + len(fold.test) == 9
    assert sorted(np.concatenate([fold.test for fold in folds]).tolist()) == list(range(9))


def test_patterns_split_by_title_id_and_one_side_may_be_the_rest():
    examples = mixed(["s1a", "s1b", "s2a", "s5a"])
    rng = np.random.default_rng(0)
    (fold,) = outer_folds(examples, task_for(split={"train": ["s1*"], "test": ["s5*"]}), rng)
    assert (fold.train.tolist(), fold.test.tolist()) == ([0, 1], [3])
    (fold,) = outer_folds(examples, task_for(split={"test": ["s5*"]}), rng)
    assert fold.train.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    "split, message",
    [
        ({"train": ["s*"], "test": ["s5*"]}, "1 titles on both sides of its split (s5a)"),
        ({"test": ["x*"]}, "'x*' under split.test of task 't' matches no labelled title"),
        ({"train": ["s1a"], "test": ["s5*"]}, "leaves 1 titles to train on and 1 to test on"),
        ({"folds": 7}, "asks for 7 folds of 4 titles"),
    ],
)
def test_refuses_splits_that_cannot_be(split, message):
    with pytest.raises(UsageError) as error:
        outer_folds(mixed(["s1a", "s1b", "s2a", "s5a"]), task_for(split=split), np.random.default_rng(0))
    assert message in str(error.value)


def test_refuses_too_few_titles_and_a_label_of_one_class():
    rng = np.random.default_rng(0)
    with pytest.raises(ImportDataError, match="labels 2 titles; a probe needs 3"):
        outer_folds(mixed(["a", "b"]), task_for(), rng)
    for truth_of, message in (
        (lambda i: np.array([i < 2]), "no negative"),
        (lambda i: np.array([False]), "no positive"),
    ):
        lonely = examples_of(["a", "b", "c"], truth_of)
        folds = outer_folds(lonely, task_for(split={"test": ["c"]}), rng)
        with pytest.raises(ImportDataError, match=f"Label 'x' of task 't' has {message} in two training titles"):
            usable_labels(lonely, folds, task_for())
