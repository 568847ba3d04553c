"""Tables of labels and classes: scores beside concat and chance, decisions at the threshold, confusions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from mediafm.probes.report.cells import Bars, Forest, leaves_out_zero
from mediafm.probes.report.groups import Cast
from mediafm.probes.report.measures import Decisions, confusion, decisions
from mediafm.probes.report.numbers import between, decimal, signed
from mediafm.probes.report.predictions import Said

AT_ONCE = 25  # rows of a long table before the rest is folded away
LARGEST_MATRIX = 16  # classes that a matrix can hold and still be read
CONFUSIONS = 30
TINT = 55  # percent of the strongest, so that numbers stay readable on it

_Line = TypeVar("_Line")


@dataclass(frozen=True, slots=True)
class LabelLine:
    """One label's scores."""

    name: str
    positives: str
    score: str
    concat: str
    chance: str
    bar: Markup
    difference: str
    interval: str
    forest: Markup


@dataclass(frozen=True, slots=True)
class LabelTable:
    """Of one feature set. lines: those seen at once; more: the rest. compared: whether concat stands beside it."""

    features: str
    lines: list[LabelLine]
    more: list[LabelLine]
    score_axis: Markup
    difference_axis: Markup
    compared: bool


def label_table(cast: Cast) -> LabelTable | None:
    """Labels of the feature set in focus, the largest gain over concat first, or the best where there is none; None
    with fewer than two labels."""
    row, concat = cast.focus, cast.concat
    if len(row.labels) < 2:
        return None
    beside = concat.labels if concat and concat != row else {}
    values = [v for held in (row.labels, beside) for label in held.values() for v in (label.score, label.chance)]
    bars, forest = Bars.of(values), Forest.of(label.versus_concat for label in row.labels.values())
    lines = []
    for name, label in row.labels.items():
        versus = label.versus_concat
        other = beside.get(name)
        lines.append((versus.difference if versus else 0.0, label.score, LabelLine(
            name, f"{label.positives:,}", decimal(label.score), decimal(other.score) if other else "",
            decimal(label.chance), bars.label(label, other), signed(versus.difference) if versus else "",
            between(versus.low, versus.high, signs=True) if versus else "",
            forest.difference(versus, leaves_out_zero(versus)) if versus else Markup(""),
        )))  # fmt: skip
    ordered = [line for *_, line in sorted(lines, key=lambda held: held[:2], reverse=True)]
    compared = any(label.versus_concat for label in row.labels.values())
    return LabelTable(row.features, *folded(ordered), bars.axis, forest.axis, compared)


def folded(lines: list[_Line]) -> tuple[list[_Line], list[_Line]]:
    """What is seen at once, and the rest: a handful is not worth folding."""
    return (lines, []) if len(lines) <= AT_ONCE + 5 else (lines[:AT_ONCE], lines[AT_ONCE:])


@dataclass(frozen=True, slots=True)
class DecisionLine:
    """What one label's threshold makes of it; beside: F1 of concat."""

    name: str
    true: str
    given: str
    precision: str
    recall: str
    f1: str
    beside: str


@dataclass(frozen=True, slots=True)
class DecisionTable:
    """Of one feature set."""

    features: str
    lines: list[DecisionLine]
    more: list[DecisionLine]
    compared: bool


def decision_table(said: Said, concat: Said | None) -> DecisionTable | None:
    """Precision, recall and F1 of each label at the threshold chosen inside training; None where nothing is decided."""
    beside: Sequence[Decisions] = decisions(concat) if concat else []
    lines = []
    for i, found in enumerate(decisions(said)):
        lines.append(DecisionLine(
            said.labels[i], f"{found.true:,}", f"{found.given:,}", decimal(found.precision), decimal(found.recall),
            decimal(found.f1), decimal(beside[i].f1) if beside else "",
        ))  # fmt: skip
    return DecisionTable(said.features, *folded(lines), bool(beside)) if lines else None


@dataclass(frozen=True, slots=True)
class Cell:
    """One pair of classes: how many, which share of the true class ("" for none), how strongly tinted, in percent."""

    count: str
    share: str
    tint: int
    right: bool


@dataclass(frozen=True, slots=True)
class Matrix:
    """True classes down, likeliest classes across; cells are None where there are too many classes. confusions: the
    most frequent ones as (true, said, count, share of the true class)."""

    features: str
    classes: list[str]
    totals: list[str]
    cells: list[list[Cell]] | None
    confusions: list[tuple[str, str, str, str]]


def confusion_matrix(said: Said) -> Matrix:
    """Of a multiclass task."""
    counts, classes = confusion(said), list(said.labels)
    totals = counts.sum(axis=1)
    share = counts / np.maximum(totals, 1)[:, None]
    fits = len(classes) <= LARGEST_MATRIX
    cells = [_cells(counts[i], share[i], i) for i in range(len(classes))] if fits else None
    wrong = counts * (1 - np.eye(len(classes), dtype=np.int64))
    order = [divmod(int(flat), len(classes)) for flat in np.argsort(-wrong, axis=None, kind="stable")[:CONFUSIONS]]
    listed = [
        (classes[i], classes[j], f"{counts[i, j]:,}", decimal(float(share[i, j]))) for i, j in order if wrong[i, j]
    ]
    return Matrix(said.features, classes, [f"{total:,}" for total in totals], cells, listed)


def _cells(counts: NDArray[np.int64], share: NDArray[np.float64], true: int) -> list[Cell]:
    return [
        Cell(f"{n:,}", f"{s:.2f}" if n else "", round(TINT * s), said == true)
        for said, (n, s) in enumerate(zip(counts.tolist(), share.tolist(), strict=True))
    ]
