"""A task's labels as arrays, and what does not fit refused row by row."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mediafm.errors import ImportDataError
from mediafm.probes.label_file import (
    RateOf,
    binary,
    find_column,
    listed,
    load_table,
    numbers,
    refuse_null,
    row_error,
    seconds,
    texts,
)
from mediafm.probes.tasks import VALUED, Task, exact_rate

if TYPE_CHECKING:
    from mediafm.catalog import Catalog

TITLE_NAMES = ("title", "title_id")
START_NAMES = ("start", "start_s")
END_NAMES = ("end", "end_s")
OTHER_NAMES = ("other", "similar")
OVERHANG_S = 0.05  # a span may end this much after its title: people's tools round to frames
SEPARATORS = "|;,"  # between several labels in one cell, the first that is found in any


@dataclass(frozen=True, slots=True)
class LabelTable:
    """N labelled spans (or titles) and L labels.

    title: str [N]; start_s, end_s: float64 [N], both NaN where the unit is a title; truth: [N, L], bool for labels that
    hold or do not, float64 for values, int64 [N, 1] numbers of `classes` for a multiclass task; names: of the labels.
    group, together: str [N] as the task's columns say; other: str [N], the title that a similarity row names.
    """

    title: NDArray[np.str_]
    start_s: NDArray[np.float64]
    end_s: NDArray[np.float64]
    truth: NDArray[np.generic]
    names: tuple[str, ...]
    classes: tuple[str, ...] = ()
    group: NDArray[np.str_] | None = None
    together: NDArray[np.str_] | None = None
    other: NDArray[np.str_] | None = None


def read_labels(task: Task, catalog: "Catalog | None" = None) -> LabelTable:
    """Read and check the task's labels file as far as that is possible by itself. ImportDataError by row.

    The catalog is only asked for the frame rates of titles, where times are timecode and the task names no rate.
    """
    table = load_table(task)
    title_name = find_column(table, task.title_column, TITLE_NAMES, "title", task) or ""
    needed = task.unit != "title"
    start = find_column(table, task.start_column, START_NAMES, "start", task, needed=needed)
    end = find_column(table, task.end_column, END_NAMES, "end", task, needed=needed)
    if task.unit == "title" and (start or end):
        raise ImportDataError(
            f"{task.labels} has spans, but task {task.name!r} labels whole titles.",
            'Use unit = "clip" or "shot", or leave the span columns out.',
        )
    other = find_column(table, task.other_column, OTHER_NAMES, "other", task) if task.kind == "similarity" else None
    keyed = {
        what: find_column(table, named, (), what, task) if named else None
        for what, named in (("group", task.group_column), ("together", task.together_column))
    }
    titles = texts(table, title_name, task)
    rate_of = _rates(catalog)
    names, classes, truth = _truth(table, task, {title_name, start, end, other, *keyed.values()})
    result = LabelTable(
        titles,
        seconds(table, start, task, titles, rate_of),
        seconds(table, end, task, titles, rate_of),
        truth,
        names,
        classes,
        other=texts(table, other, task) if other else None,
        **{what: texts(table, name, task) if name else None for what, name in keyed.items()},
    )
    _check_spans(result, task)
    return result


def check_against_catalog(table: LabelTable, task: Task, catalog: "Catalog") -> None:
    """Every labelled title is in the catalog and every span inside its title; else ImportDataError by row."""
    known = set(catalog.title_ids())
    for named in (table.title, table.other):
        absent = np.array([title not in known for title in (() if named is None else named)], dtype=bool)
        if absent.any():
            raise _unknown_titles(task, table.title if named is None else named, absent, catalog)
    if task.unit == "title":
        return
    length = {record.title_id: record.duration_s for record in catalog.titles()}
    ends = np.array([length[title] for title in table.title])
    outside = (table.start_s < 0) | (table.start_s >= ends) | (table.end_s > ends + OVERHANG_S)
    if outside.any():
        first = int(np.flatnonzero(outside)[0])
        title = str(table.title[first])
        raise row_error(
            task,
            "has spans outside their title",
            outside,
            f"Row {first + 1} is {table.start_s[first]:g}-{table.end_s[first]:g} s of {title}, which ends at "
            f"{length[title]:.3f} s. Times are seconds from the title's start.",
        )


def _unknown_titles(
    task: Task, named: NDArray[np.str_], absent: NDArray[np.bool_], catalog: "Catalog"
) -> ImportDataError:
    failed = {failure.title_id for failure in catalog.failures()}
    missing = sorted(set(named[absent]))
    broken = [title for title in missing if title in failed]
    note = f" {listed(broken)} failed when ingested (`mediafm info` says why)." if broken else ""
    return row_error(
        task,
        f"names titles that the catalog does not hold ({listed(missing)})",
        absent,
        f"Ingest them, correct the ids, or drop the rows.{note}",
    )


def _rates(catalog: "Catalog | None") -> RateOf:
    """A title's frame rate as the catalog knows it; None where it does not."""
    known: dict[str, float] = {}

    def rate_of(title: str) -> Fraction | None:
        if catalog is not None and not known:
            known.update({record.title_id: record.fps for record in catalog.titles()})
        fps = known.get(title, 0.0)
        return exact_rate(Fraction(fps).limit_denominator(1001)) if fps else None

    return rate_of


def _truth(
    table: pa.Table, task: Task, taken: set[str | None]
) -> tuple[tuple[str, ...], tuple[str, ...], NDArray[np.generic]]:
    """Names of the labels, of the classes, and their values [N, L]."""
    if task.columns == "spans":
        return (task.name,), (), np.ones((table.num_rows, 1), dtype=bool)
    names = _label_names(table, task, taken)
    if task.kind == "similarity":
        weights = [numbers(table, name, task, "relevance") for name in names[:1]]
        return ("similar",), (), np.stack(weights or [np.ones(table.num_rows)], axis=1)
    if task.kind in VALUED:
        return names, (), np.stack([numbers(table, name, task, "value") for name in names], axis=1)
    if task.kind == "multiclass":
        values = texts(table, names[0], task)
        classes, number = np.unique(values, return_inverse=True)
        return (task.name,), tuple(classes.tolist()), number.astype(np.int64)[:, None]
    if task.kind == "multilabel" and len(names) == 1 and (sets := _label_sets(table[names[0]], names[0], task)):
        found = tuple(sorted(set().union(*sets)))
        return found, (), np.array([[label in held for label in found] for held in sets], dtype=bool)
    return names, (), np.stack([binary(table, name, task) == 1 for name in names], axis=1)


def _label_sets(column: pa.ChunkedArray, name: str, task: Task) -> list[set[str]] | None:
    """The labels of each row where one column lists them (as a list, or as text with separators); else None."""
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        refuse_null(column, name, task)
        return [{str(value) for value in held} for held in column.to_pylist()]
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return None
    cells = [value or "" for value in column.to_pylist()]  # an empty cell has no label
    separator = next((mark for mark in SEPARATORS if any(mark in cell for cell in cells)), SEPARATORS[0])
    return [{part.strip() for part in cell.split(separator) if part.strip()} for cell in cells]


def _label_names(table: pa.Table, task: Task, taken: Iterable[str | None]) -> tuple[str, ...]:
    if task.columns == "others":
        names = [name for name in table.column_names if name not in {*taken, *task.ignore_columns}]
    else:
        names = list(task.columns)
        missing = [name for name in names if name not in table.column_names]
        if missing:
            raise ImportDataError(
                f"{task.labels} has no column {missing[0]!r}; its columns are {', '.join(table.column_names)}.",
                "Correct `columns` in the task.",
            )
    wrong = len(names) > 1 if task.kind == "similarity" else not names
    if wrong or (task.kind in ("binary", "multiclass") and len(names) != 1):
        raise ImportDataError(
            f"{task.labels} has {len(names)} label columns ({', '.join(names) or 'none'}), which does not fit a "
            f"{task.kind} task.",
            "Name the label columns by `columns` in the task.",
        )
    return tuple(names)


def _check_spans(table: LabelTable, task: Task) -> None:
    reversed_rows = table.end_s <= table.start_s
    if reversed_rows.any():
        raise row_error(task, "has spans that end before they start", reversed_rows, "Swap or drop them.")
    seen: dict[tuple[object, ...], int] = {}
    again = np.zeros(len(table.title), dtype=bool)
    whole = task.unit == "title"
    for row, title in enumerate(table.title.tolist()):
        key: tuple[object, ...] = (title,) if whole else (title, float(table.start_s[row]), float(table.end_s[row]))
        if table.other is not None:
            key = (*key, table.other[row])
        again[row] = seen.setdefault(key, row) != row
    if again.any():
        what = "pair" if table.other is not None else "title" if whole else "span"
        raise row_error(task, f"has the same {what} twice", again, "Keep one row of each.")
