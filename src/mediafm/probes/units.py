"""From labelled spans to examples: one row for each shot, clip or title that a probe sees."""

from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mediafm.probes.labels import LabelTable
from mediafm.probes.tasks import Task
from mediafm.types import FloatArray

if TYPE_CHECKING:
    from mediafm.catalog import Catalog


Spans = tuple[NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Examples:
    """N examples of T titles, a title's examples one after the other.

    titles: their ids; spans: starts and ends in seconds of each title's shots; title: [N] number into `titles`;
    start_s, end_s: float64 [N]; shot: [N] the shot's number, -1 for a clip or title; truth: bool [N, L]; names: of the
    L labels.
    """

    titles: tuple[str, ...]
    spans: tuple[Spans, ...]
    title: NDArray[np.int64]
    start_s: NDArray[np.float64]
    end_s: NDArray[np.float64]
    shot: NDArray[np.int64]
    truth: NDArray[np.bool_]
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.title)


def make_examples(table: LabelTable, task: Task, catalog: "Catalog") -> Examples:
    """The examples of a checked table, in the catalog's order of titles.

    With unit "shot" every shot of a labelled title is an example; one that no span reaches is a negative for all
    labels, and one that several reach has the labels of all.
    """
    labelled = set(table.title.tolist())
    titles = tuple(title for title in catalog.title_ids() if title in labelled)
    spans = _read_spans(catalog, titles)
    starts, ends, shots, truths = [], [], [], []
    for title, (begin, end) in zip(titles, spans, strict=True):
        rows = np.flatnonzero(table.title == title)
        shot = np.full(len(rows), -1)
        if task.unit == "shot":
            truth = _shot_truth(table, rows, begin, end, task)
            shot = np.arange(len(begin))
        elif task.unit == "clip":
            begin, end, truth = table.start_s[rows], table.end_s[rows], table.truth[rows]
        else:
            begin, end, truth = begin[:1], end[-1:], table.truth[rows]
        starts.append(begin)
        ends.append(end)
        shots.append(shot)
        truths.append(truth)
    title_number = np.repeat(np.arange(len(titles)), [len(s) for s in starts])
    return Examples(
        titles,
        spans,
        title_number,
        np.concatenate(starts),
        np.concatenate(ends),
        np.concatenate(shots),
        np.concatenate(truths),
        table.names,
    )


def _read_spans(catalog: "Catalog", titles: tuple[str, ...]) -> tuple[Spans, ...]:
    """Shots' starts and ends of many titles at once: `catalog.spans` would ask the store anew for each."""
    rows = groupby(catalog.iter_texts(titles), key=itemgetter(0))
    times = [np.array([(start_s, end_s) for _, _, start_s, end_s, _ in shots]) for _, shots in rows]
    return tuple((pairs[:, 0], pairs[:, 1]) for pairs in times)


def _shot_truth(
    table: LabelTable, rows: NDArray[np.int64], begin: NDArray[np.float64], end: NDArray[np.float64], task: Task
) -> NDArray[np.bool_]:
    """Labels of one title's shots, bool [shots, L]."""
    truth = np.zeros((len(begin), table.truth.shape[1]), dtype=bool)
    if task.span_to_shots == "middle":
        middle = (begin + end) / 2
        for row in rows:
            truth[(middle >= table.start_s[row]) & (middle < table.end_s[row])] |= table.truth[row]
        return truth
    for row in rows:
        distance = np.abs(begin - table.start_s[row])
        nearest = int(distance.argmin())
        if distance[nearest] <= task.tolerance_s:
            truth[nearest] |= table.truth[row]
    return truth


def overlap_weights(
    begin: NDArray[np.float64], end: NDArray[np.float64], start_s: NDArray[np.float64], end_s: NDArray[np.float64]
) -> FloatArray:
    """Share of each span's covered time that lies in each shot, float32 [spans, shots]; rows sum to 1."""
    overlap = np.minimum(end, end_s[:, None]) - np.maximum(begin, start_s[:, None])
    overlap = np.maximum(overlap, 0.0)
    return (overlap / overlap.sum(axis=1, keepdims=True)).astype(np.float32)
