"""From labelled spans to examples: one row for each shot, clip or title that a probe sees."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mediafm.errors import ImportDataError
from mediafm.probes.label_file import listed
from mediafm.probes.labels import LabelTable
from mediafm.probes.negatives import draw_negatives, thin_negatives
from mediafm.probes.tasks import SCENE_METRICS, Task
from mediafm.types import FloatArray

if TYPE_CHECKING:
    from mediafm.catalog import Catalog


SLIVER_S = 0.05  # as far as the ends of spans and titles may miss each other (labels.OVERHANG_S)
Spans = tuple[NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Examples:
    """N examples of T titles, a title's examples one after the other.

    titles: their ids; spans: starts and ends in seconds of each title's shots; title: [N] number into `titles`;
    start_s, end_s: float64 [N]; shot: [N] the shot's number, -1 for a clip or title; truth: [N, L] as in LabelTable;
    names: of the L labels; classes: of a multiclass task. group: [N] number of the group an example is ranked in, empty
    where nothing is ranked. together: [T] titles of equal number never stand on two sides of a split, and are drawn as
    one. notes: what the user should know of how they were made.
    """

    titles: tuple[str, ...]
    spans: tuple[Spans, ...]
    title: NDArray[np.int64]
    start_s: NDArray[np.float64]
    end_s: NDArray[np.float64]
    shot: NDArray[np.int64]
    truth: NDArray[np.generic]
    names: tuple[str, ...]
    classes: tuple[str, ...] = ()
    group: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    together: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.title)

    @property
    def cluster(self) -> NDArray[np.int64]:
        """[N] what is split and drawn as one: the example's title, or the titles it is kept together with."""
        return self.title if not len(self.together) else self.together[self.title]


def make_examples(table: LabelTable, task: Task, catalog: "Catalog", rng: np.random.Generator) -> Examples:
    """The examples of a checked table, in the catalog's order of titles.

    With unit "shot" every shot of a labelled title is an example; one that no span reaches is a negative for all
    labels, and one that several reach has the labels of all. Where labels exclude each other (multiclass) or are
    numbers, a shot has those of the first span that holds its middle, and one that no span reaches is no example.
    `rng` draws negatives, where the task asks for some.
    """
    labelled = set(table.title.tolist())
    titles = tuple(title for title in catalog.title_ids() if title in labelled)
    spans = read_spans(catalog, titles)
    parts = [
        _of_title(table, np.flatnonzero(table.title == title), shots, task, rng)
        for title, shots in zip(titles, spans, strict=True)
    ]
    counts = [len(part.start_s) for part in parts]
    rows = np.concatenate([part.row for part in parts])
    title_number = np.repeat(np.arange(len(titles)), counts)
    examples = Examples(
        titles,
        spans,
        title_number,
        np.concatenate([part.start_s for part in parts]),
        np.concatenate([part.end_s for part in parts]),
        np.concatenate([part.shot for part in parts]),
        np.concatenate([part.truth for part in parts]),
        table.names,
        table.classes,
        _groups(table, rows, title_number, task),
        _together(table, titles),
        tuple(_notes(task, titles, parts)),
    )
    _check_groups(examples, task)
    return examples


def _check_groups(examples: Examples, task: Task) -> None:
    """A group is drawn and split as a whole: it may not lie in titles that are split from each other."""
    if not len(examples.group):
        return
    pairs = np.unique(np.stack([examples.group, examples.cluster]), axis=1)
    group, count = np.unique(pairs[0], return_counts=True)
    if (count > 1).any():
        torn = int(group[count > 1][0])
        titles = sorted({examples.titles[t] for t in examples.title[examples.group == torn]})
        many = int((count > 1).sum())
        raise ImportDataError(
            f"{many} groups of task {task.name!r} lie in several titles, the first in {listed(titles)}.",
            "Say by together_column which titles belong together.",
        )


@dataclass(frozen=True, slots=True)
class _Part:
    """Examples of one title; row: [n] the labels row each comes from, -1 for those that no row reaches."""

    start_s: NDArray[np.float64]
    end_s: NDArray[np.float64]
    shot: NDArray[np.int64]
    truth: NDArray[np.generic]
    row: NDArray[np.int64]


def _of_title(table: LabelTable, rows: NDArray[np.int64], shots: Spans, task: Task, rng: np.random.Generator) -> _Part:
    begin, end = shots
    if task.unit == "title":
        return _Part(begin[:1], end[-1:], np.full(1, -1), table.truth[rows[:1]], rows[:1])
    if task.unit == "clip":
        part = _Part(table.start_s[rows], table.end_s[rows], np.full(len(rows), -1), table.truth[rows], rows)
        return part if task.negatives_per_positive is None else _with_negatives(part, shots, task, rng)
    if table.truth.dtype == np.bool_:
        truth = _shot_labels(table, rows, begin, end, task)
        if any(SCENE_METRICS.fullmatch(name) for name in task.metrics):
            truth[0] = False  # a title's first shot starts its first scene whatever anybody predicts
        return _Part(begin, end, np.arange(len(begin)), truth, np.full(len(begin), -1))
    middle = (begin + end) / 2
    held = (middle[:, None] >= table.start_s[rows]) & (middle[:, None] < table.end_s[rows])
    reached = np.flatnonzero(held.any(axis=1))
    row = rows[held[reached].argmax(axis=1)]
    return _Part(begin[reached], end[reached], reached, table.truth[row], row)


def _with_negatives(part: _Part, shots: Spans, task: Task, rng: np.random.Generator) -> _Part:
    """Of clips: so many negatives for each positive, thinned out from those labelled or drawn where there are none."""
    assert task.negatives_per_positive is not None
    positive = part.truth[:, 0].astype(bool)
    wanted = int(positive.sum()) * task.negatives_per_positive
    if task.columns != "spans":
        kept = np.sort(np.concatenate([np.flatnonzero(positive), thin_negatives(positive, wanted, rng)]))
        return _Part(part.start_s[kept], part.end_s[kept], part.shot[kept], part.truth[kept], part.row[kept])
    start_s, end_s = draw_negatives(part.start_s, part.end_s, shots, wanted, rng)
    count = len(start_s)
    order = np.argsort(np.concatenate([part.start_s, start_s]), kind="stable")
    return _Part(
        np.concatenate([part.start_s, start_s])[order],
        np.concatenate([part.end_s, end_s])[order],
        np.full(len(order), -1),
        np.concatenate([part.truth, np.zeros((count, 1), dtype=bool)])[order],
        np.concatenate([part.row, np.full(count, -1)])[order],
    )


def read_spans(catalog: "Catalog", titles: tuple[str, ...]) -> tuple[Spans, ...]:
    """Shots' starts and ends of many titles at once: `catalog.spans` would ask the store anew for each."""
    rows = groupby(catalog.iter_texts(titles), key=itemgetter(0))
    times = [np.array([(start_s, end_s) for _, _, start_s, end_s, _ in shots]) for _, shots in rows]
    return tuple((pairs[:, 0], pairs[:, 1]) for pairs in times)


def _shot_labels(
    table: LabelTable, rows: NDArray[np.int64], begin: NDArray[np.float64], end: NDArray[np.float64], task: Task
) -> NDArray[np.bool_]:
    """Labels of one title's shots, bool [shots, L]."""
    truth = np.zeros((len(begin), table.truth.shape[1]), dtype=bool)
    labels: NDArray[np.bool_] = table.truth.astype(bool)
    if task.span_to_shots == "middle":
        middle = (begin + end) / 2
        for row in rows:
            truth[(middle >= table.start_s[row]) & (middle < table.end_s[row])] |= labels[row]
        return truth
    for row in rows:
        distance = np.abs(begin - table.start_s[row])
        nearest = int(distance.argmin())
        if distance[nearest] <= task.tolerance_s:
            truth[nearest] |= labels[row]
    return truth


def _groups(table: LabelTable, rows: NDArray[np.int64], title: NDArray[np.int64], task: Task) -> NDArray[np.int64]:
    """The group each example is ranked in, [N]; empty where nothing is ranked."""
    if task.kind != "ranking":
        return np.zeros(0, dtype=np.int64)
    if table.group is None:
        return title
    return np.unique(table.group[rows], return_inverse=True)[1].astype(np.int64)


def _together(table: LabelTable, titles: Sequence[str]) -> NDArray[np.int64]:
    """Which titles stay together, [T]; empty where each stands by itself."""
    if table.together is None:
        return np.zeros(0, dtype=np.int64)
    held: dict[str, set[str]] = {}
    for title, value in zip(table.title.tolist(), table.together.tolist(), strict=True):
        held.setdefault(title, set()).add(value)
    torn = [title for title, values in held.items() if len(values) > 1]
    if torn:
        raise ImportDataError(
            f"The together column gives several values to one title ({listed(torn)}).", "Give each title one."
        )
    return np.unique([next(iter(held[title])) for title in titles], return_inverse=True)[1].astype(np.int64)


def _notes(task: Task, titles: Sequence[str], parts: Sequence[_Part]) -> list[str]:
    """What of a clip protocol the labels do not fulfil."""
    notes = []
    if task.positives_per_title is not None:
        low, high = task.positives_per_title
        counts = [int(part.truth[:, 0].astype(bool).sum()) for part in parts]
        off = [title for title, count in zip(titles, counts, strict=True) if not low <= count <= high]
        if off:
            notes.append(
                f"{len(off)} of {len(titles)} titles do not have {low} to {high} positives as the protocol wants "
                f"({listed(off)})."
            )
    if task.negatives_per_positive is not None:
        short = [
            title
            for title, part in zip(titles, parts, strict=True)
            if len(part.truth) < (1 + task.negatives_per_positive) * int(part.truth[:, 0].astype(bool).sum())
        ]
        if short:
            notes.append(
                f"{len(short)} of {len(titles)} titles have less than {task.negatives_per_positive} negatives a "
                f"positive ({listed(short)})."
            )
    return notes


def overlap_weights(
    begin: NDArray[np.float64], end: NDArray[np.float64], start_s: NDArray[np.float64], end_s: NDArray[np.float64]
) -> FloatArray:
    """Share of each span's covered time that lies in each shot, float32 [spans, shots]; rows sum to 1.

    A shot that a span overlaps by less than `SLIVER_S` has no share, unless no shot has more: times of labels and shots
    are rounded differently, and a sliver of a neighbour, blown up by standardisation where a modality is missing, would
    tell a clip what it cannot know.
    """
    overlap = np.minimum(end, end_s[:, None]) - np.maximum(begin, start_s[:, None])
    overlap = np.maximum(overlap, 0.0)
    sliver = overlap < np.minimum(SLIVER_S, overlap.max(axis=1, keepdims=True))
    overlap[sliver] = 0.0
    return (overlap / overlap.sum(axis=1, keepdims=True)).astype(np.float32)
