"""Who teaches and who judges: titles, never single shots, are split, so that no title stands on both sides."""

from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np
from numpy.typing import NDArray

from mediafm.errors import ImportDataError, UsageError
from mediafm.probes.tasks import Task
from mediafm.probes.units import Examples

FEWEST_TITLES = 3  # two to choose the penalty between, one to judge


@dataclass(frozen=True, slots=True)
class Fold:
    """Numbers of the training and the held-out titles."""

    train: NDArray[np.int64]
    test: NDArray[np.int64]


def outer_folds(examples: Examples, task: Task, rng: np.random.Generator) -> list[Fold]:
    """The task's split over the labelled titles: one fold for patterns, `split.folds` otherwise.

    Raises UsageError if patterns overlap or match nothing, ImportDataError if there are fewer than three titles or a
    label lacks a class on either side.
    """
    if len(examples.titles) < FEWEST_TITLES:
        raise ImportDataError(
            f"{task.labels} labels {len(examples.titles)} titles; a probe needs {FEWEST_TITLES} at least.",
            "Two teach and choose the penalty, one judges; an interval worth reading needs a dozen.",
        )
    if task.split.folds is None:
        folds = [_by_pattern(examples, task)]
    else:
        if task.split.folds > len(examples.titles):
            raise UsageError(
                f"Task {task.name!r} asks for {task.split.folds} folds of {len(examples.titles)} titles.",
                "Ask for as many folds as there are labelled titles, or fewer.",
            )
        groups = grouped_folds(examples.title, examples.truth, task.split.folds, rng)
        everyone = np.arange(len(examples.titles))
        folds = [Fold(np.setdiff1d(everyone, group), group) for group in groups]
    for fold in folds:
        _check_classes(examples, task, fold)
    return folds


def grouped_folds(
    title: NDArray[np.int64], truth: NDArray[np.bool_], count: int, rng: np.random.Generator
) -> list[NDArray[np.int64]]:
    """Deal titles into `count` groups of about equal rows and, as far as that goes, equal positives of every label.

    title: [N] title number of each row; truth: bool [N, L]. Titles that hold the largest share of anything are dealt
    first, each to the group that has least of what the title brings; `rng` breaks ties.
    """
    numbers, member = np.unique(title, return_inverse=True)
    brings = np.concatenate([np.ones((len(truth), 1)), truth], axis=1)
    shares = np.zeros((len(numbers), brings.shape[1]))
    np.add.at(shares, member, brings)
    shares /= np.maximum(shares.sum(axis=0), 1)
    order = rng.permutation(len(numbers))
    order = order[np.argsort(-shares[order].max(axis=1), kind="stable")]
    held = np.zeros((count, shares.shape[1]))
    sizes = np.zeros(count)
    group = np.empty(len(numbers), dtype=np.int64)
    for position in order:
        # Adding c to group loads h raises the sum of squared loads by 2 h·c: take the least. Sizes settle equality.
        cost = held @ shares[position]
        best = np.flatnonzero(np.isclose(cost, cost.min(), rtol=0, atol=1e-12))
        group[position] = best[np.argmin(sizes[best])]
        held[group[position]] += shares[position]
        sizes[group[position]] += 1
    return [numbers[group == fold] for fold in range(count)]


def _by_pattern(examples: Examples, task: Task) -> Fold:
    split = task.split
    everyone = np.arange(len(examples.titles))
    named = {
        side: _matching(examples, patterns, side, task)
        for side, patterns in (("train", split.train), ("test", split.test))
        if patterns is not None
    }
    train = named["train"] if "train" in named else np.setdiff1d(everyone, named["test"])
    test = named["test"] if "test" in named else np.setdiff1d(everyone, train)
    both = np.intersect1d(train, test)
    if len(both):
        names = ", ".join(examples.titles[i] for i in both[:5])
        raise UsageError(
            f"Task {task.name!r} has {len(both)} titles on both sides of its split ({names}).",
            "A title that teaches must not judge: correct the patterns under [split].",
        )
    if len(train) < FEWEST_TITLES - 1 or not len(test):
        raise UsageError(
            f"The split of task {task.name!r} leaves {len(train)} titles to train on and {len(test)} to test on.",
            "It needs two and one at least: correct the patterns under [split].",
        )
    return Fold(train, test)


def _matching(examples: Examples, patterns: list[str], side: str, task: Task) -> NDArray[np.int64]:
    matched: set[int] = set()
    for pattern in patterns:
        hits = [i for i, title in enumerate(examples.titles) if fnmatchcase(title, pattern)]
        if not hits:
            raise UsageError(
                f"Pattern {pattern!r} under split.{side} of task {task.name!r} matches no labelled title.",
                f"Labelled titles are named like {', '.join(examples.titles[:3])}.",
            )
        matched.update(hits)
    return np.array(sorted(matched), dtype=np.int64)


def _check_classes(examples: Examples, task: Task, fold: Fold) -> None:
    for side, titles in (("training", fold.train), ("held-out", fold.test)):
        rows = np.isin(examples.title, titles)
        for name, positives in zip(examples.names, examples.truth[rows].sum(axis=0), strict=True):
            if positives in (0, rows.sum()):
                what = "no positive" if positives == 0 else "nothing but positives"
                raise ImportDataError(
                    f"Label {name!r} of task {task.name!r} has {what} among the {int(rows.sum())} {task.unit}s of the "
                    f"{len(titles)} {side} titles.",
                    "Label more titles, split them otherwise, or drop the label from `columns`.",
                )
