"""Who teaches and who judges: titles, never single shots, are split, so that no title stands on both sides."""

from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

import numpy as np
from numpy.typing import NDArray

from mediafm.errors import ImportDataError, UsageError
from mediafm.probes.label_file import listed
from mediafm.probes.tasks import CLASSIFYING, Split, Task
from mediafm.probes.units import Examples

FEWEST_TITLES = 3  # two to choose the penalty between, one to judge
FEW_TITLES = 12  # below which intervals are too wide to lean on


@dataclass(frozen=True, slots=True)
class Fold:
    """Numbers of the training and the held-out titles, and the groups of training titles that penalties are chosen
    among, each held out once."""

    train: NDArray[np.int64]
    test: NDArray[np.int64]
    inner: tuple[NDArray[np.int64], ...]


def outer_folds(examples: Examples, task: Task, rng: np.random.Generator) -> list[Fold]:
    """The task's split over the labelled titles: one fold for patterns, `split.folds` otherwise.

    Raises UsageError if patterns overlap or match nothing, ImportDataError if there are fewer than three titles.
    """
    split = task.split
    assert split is not None
    whole = len(np.unique(examples.cluster))
    if whole < FEWEST_TITLES:
        what = "titles" if not len(examples.together) else "groups of titles that stay together"
        raise ImportDataError(
            f"{task.labels} labels {whole} {what}; a probe needs {FEWEST_TITLES} at least.",
            "Two teach and choose the penalty, one judges; an interval worth reading needs a dozen.",
        )
    everyone = np.arange(len(examples.titles))
    if split.folds is None:
        pairs = [_by_pattern(examples, task, split)]
    else:
        if split.folds > whole:
            raise UsageError(
                f"Task {task.name!r} asks for {split.folds} folds of {whole} titles.",
                "Ask for as many folds as there are labelled titles (or groups that stay together), or fewer.",
            )
        groups = title_groups(examples, everyone, split.folds, rng)
        pairs = [(np.setdiff1d(everyone, group), group) for group in groups]
    return [Fold(train, test, inner_groups(examples, train, task.inner_folds, rng)) for train, test in pairs]


def inner_groups(
    examples: Examples, train: NDArray[np.int64], count: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], ...]:
    """Groups of training titles among which penalties are chosen."""
    held = np.unique(examples.cluster[np.isin(examples.title, train)])
    return tuple(title_groups(examples, train, min(count, len(held)), rng))


def title_groups(
    examples: Examples, titles: NDArray[np.int64], count: int, rng: np.random.Generator
) -> list[NDArray[np.int64]]:
    """Some of the titles dealt into groups, those that stay together in one, labels spread evenly."""
    rows = np.isin(examples.title, titles)
    dealt = grouped_folds(examples.cluster[rows], _brings(examples)[rows], count, rng)
    together = examples.together if len(examples.together) else np.arange(len(examples.titles))
    return [titles[np.isin(together[titles], group)] for group in dealt]


def _brings(examples: Examples) -> NDArray[np.bool_]:
    """What is to be spread over folds: labels, or classes; nothing where labels are numbers."""
    if examples.classes:
        return np.asarray(examples.truth == np.arange(len(examples.classes)))
    if examples.truth.dtype == np.bool_:
        return examples.truth.astype(bool)
    return np.zeros((len(examples), 0), dtype=bool)


def usable_labels(examples: Examples, folds: list[Fold], task: Task) -> Examples:
    """The examples with the labels that can be learned in every fold and judged in one; a note names the others.

    ImportDataError if none is left, or if the task has one label only.
    """
    if task.kind == "multiclass":
        _check_classes(examples, folds, task)
        return examples
    if task.kind not in CLASSIFYING:
        _check_values(examples, folds, task)
        return examples
    faults = [_fault(examples, folds, label) for label in range(len(examples.names))]
    kept = [label for label, fault in enumerate(faults) if not fault]
    if not kept or (faults[0] and len(faults) == 1):
        raise ImportDataError(
            f"Label {examples.names[0]!r} of task {task.name!r} {faults[0]}.",
            "Label more titles, split them otherwise, or drop the label from `columns`.",
        )
    if len(kept) == len(faults):
        return examples
    said = [f"{name} {fault}" for name, fault in zip(examples.names, faults, strict=True) if fault]
    note = f"{len(said)} of {len(faults)} labels are left out: {'; '.join(said[:8])}{'; …' if len(said) > 8 else ''}."
    names = tuple(examples.names[label] for label in kept)
    return replace(examples, truth=examples.truth[:, kept], names=names, notes=(*examples.notes, note))


def _fault(examples: Examples, folds: list[Fold], label: int) -> str:
    """Why a label cannot be probed; empty: it can."""
    truth = examples.truth[:, label].astype(bool)
    judged = 0
    for fold in folds:
        taught, asked = (np.isin(examples.title, side) for side in (fold.train, fold.test))
        for what, hit in (("positive", truth), ("negative", ~truth)):
            if len(np.unique(examples.title[taught & hit])) < FEWEST_TITLES - 1:
                return f"has no {what} in two training titles" if folds else ""
        judged += bool((truth & asked).any() and (~truth & asked).any())
    return "" if judged else "has one class only among the held-out examples"


def _check_classes(examples: Examples, folds: list[Fold], task: Task) -> None:
    if len(examples.classes) < 2:
        raise ImportDataError(
            f"Task {task.name!r} has one class only ({listed(list(examples.classes))}).", "It needs two at least."
        )
    for fold in folds:
        taught = np.unique(examples.truth[np.isin(examples.title, fold.train)])
        missing = [name for number, name in enumerate(examples.classes) if number not in taught]
        if missing:
            raise ImportDataError(
                f"Classes of task {task.name!r} are in no training title ({listed(missing)}).",
                "Join rare classes, label more titles, or ask for fewer folds.",
            )


def _check_values(examples: Examples, folds: list[Fold], task: Task) -> None:
    for label, name in enumerate(examples.names):
        if len(np.unique(examples.truth[:, label])) < 2:
            raise ImportDataError(
                f"All values of {name!r} of task {task.name!r} are equal.", "There is nothing to tell apart."
            )


def few_titles(examples: Examples, folds: list[Fold]) -> list[str]:
    """A note where intervals rest on too few held-out titles."""
    tested = sum(len(np.unique(examples.cluster[np.isin(examples.title, fold.test)])) for fold in folds)
    if tested >= FEW_TITLES:
        return []
    return [
        f"Only {tested} held-out title{'s' * (tested > 1)}: intervals are wide, and no claim on other titles is safe."
    ]


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


def _by_pattern(examples: Examples, task: Task, split: Split) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    everyone = np.arange(len(examples.titles))
    named = {
        side: _matching(examples, patterns, side, task)
        for side, patterns in (("train", split.train), ("test", split.test))
        if patterns is not None
    }
    train = named["train"] if "train" in named else np.setdiff1d(everyone, named["test"])
    test = named["test"] if "test" in named else np.setdiff1d(everyone, train)
    _check_sides(examples, task, train, test)
    return train, test


def _check_sides(examples: Examples, task: Task, train: NDArray[np.int64], test: NDArray[np.int64]) -> None:
    both = np.intersect1d(train, test)
    if len(examples.together):
        torn = np.intersect1d(examples.together[train], examples.together[test])
        both = np.union1d(both, test[np.isin(examples.together[test], torn)])
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
