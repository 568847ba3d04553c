"""Reading a table of labels, and refusing what does not fit, row by row.

Rows are counted from 1, the first row of data, in every message.
"""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from mediafm.errors import ImportDataError, UsageError
from mediafm.probes.tasks import Task

if TYPE_CHECKING:
    from mediafm.catalog import Catalog

TITLE_NAMES = ("title", "title_id")
START_NAMES = ("start", "start_s")
END_NAMES = ("end", "end_s")
OVERHANG_S = 0.05  # a span may end this much after its title: people's tools round to frames
ROWS_SHOWN = 8


@dataclass(frozen=True, slots=True)
class LabelTable:
    """N labelled spans (or titles) and L labels.

    title: str [N]; start_s, end_s: float64 [N], both NaN where the unit is a title; truth: bool [N, L].
    """

    title: NDArray[np.str_]
    start_s: NDArray[np.float64]
    end_s: NDArray[np.float64]
    truth: NDArray[np.bool_]
    names: tuple[str, ...]


def read_labels(task: Task) -> LabelTable:
    """Read and check the task's labels file as far as that is possible without a catalog. ImportDataError by row."""
    table = _load(task)
    title_name = _column(table, task.title_column, TITLE_NAMES, "title", task)
    spans = [
        _column(table, task.start_column, START_NAMES, "start", task, needed=task.unit != "title"),
        _column(table, task.end_column, END_NAMES, "end", task, needed=task.unit != "title"),
    ]
    if task.unit == "title" and any(spans):
        raise ImportDataError(
            f"{task.labels} has spans, but task {task.name!r} labels whole titles.",
            'Use unit = "clip" or "shot", or leave the span columns out.',
        )
    names = _label_names(table, task, {title_name, *spans})
    titles = _titles(table, title_name or "", task)
    start_s, end_s = (_seconds(table, name, task) for name in spans)
    truth = np.ones((len(titles), 1), dtype=bool)
    if task.columns != "spans":
        truth = np.stack([_binary(table, name, task) for name in names], axis=1)
    result = LabelTable(titles, start_s, end_s, truth, names)
    _check_spans(result, task)
    return result


def check_against_catalog(table: LabelTable, task: Task, catalog: "Catalog") -> None:
    """Every labelled title is in the catalog and every span inside its title; else ImportDataError by row."""
    failed = {failure.title_id for failure in catalog.failures()}
    known = set(catalog.title_ids())
    absent = np.array([title not in known for title in table.title])
    if absent.any():
        missing = sorted(set(table.title[absent]))
        broken = [title for title in missing if title in failed]
        note = f" {_listed(broken)} failed when ingested (`mediafm info` says why)." if broken else ""
        raise _error(
            task,
            f"names titles that the catalog does not hold ({_listed(missing)})",
            absent,
            f"Ingest them, correct the ids, or drop the rows.{note}",
        )
    if task.unit == "title":
        return
    length = {record.title_id: record.duration_s for record in catalog.titles()}
    ends = np.array([length[title] for title in table.title])
    outside = (table.start_s < 0) | (table.start_s >= ends) | (table.end_s > ends + OVERHANG_S)
    if outside.any():
        first = int(np.flatnonzero(outside)[0])
        title = str(table.title[first])
        raise _error(
            task,
            "has spans outside their title",
            outside,
            f"Row {first + 1} is {table.start_s[first]:g}-{table.end_s[first]:g} s of {title}, which ends at "
            f"{length[title]:.3f} s. Times are seconds from the title's start.",
        )


def _load(task: Task) -> pa.Table:
    path = task.labels
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".parquet"):
        raise UsageError(f"Labels must be a .csv or .parquet file, not {path.name}.", "Convert the table.")
    try:
        table = _read_csv(task) if suffix == ".csv" else pyarrow.parquet.read_table(path)
    except FileNotFoundError as error:
        raise ImportDataError(
            f"The labels file {path} of task {task.name!r} does not exist.",
            "Correct `labels` in the task file (it is relative to that file) or pass another.",
        ) from error
    except (pa.ArrowException, OSError, UnicodeDecodeError, csv.Error) as error:
        raise ImportDataError(f"Cannot read the labels file {path}: {error}.", "Write it anew as parquet.") from error
    if not table.num_rows:
        raise ImportDataError(f"The labels file {path} has no rows.", "A probe needs labelled spans or titles.")
    return table


def _read_csv(task: Task) -> pa.Table:
    with task.labels.open(newline="", encoding="utf-8-sig") as file:
        header = next(csv.reader(file), [])
    # Ids such as 0042 must stay text.
    text = {name: pa.string() for name in header if name in (task.title_column, *TITLE_NAMES)}
    options = pyarrow.csv.ConvertOptions(column_types=text, strings_can_be_null=True)
    return pyarrow.csv.read_csv(task.labels, convert_options=options)


def _column(
    table: pa.Table, named: str | None, usual: tuple[str, ...], what: str, task: Task, needed: bool = True
) -> str | None:
    """The name of the title, start or end column; None if it is neither there nor needed."""
    found = [name for name in ((named,) if named else usual) if name in table.column_names]
    if len(found) > 1:
        raise ImportDataError(
            f"{task.labels} has both {found[0]!r} and {found[1]!r}.",
            f"Say which is meant by {what}_column in the task.",
        )
    if not found and (needed or named):
        raise ImportDataError(
            f"{task.labels} has no {what} column ({' or '.join(repr(n) for n in ((named,) if named else usual))}); its "
            f"columns are {', '.join(table.column_names)}.",
            f"Name it by {what}_column in the task.",
        )
    return found[0] if found else None


def _label_names(table: pa.Table, task: Task, taken: Iterable[str | None]) -> tuple[str, ...]:
    if task.columns == "spans":
        return (task.name,)
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
    if not names or (task.kind == "binary" and len(names) != 1):
        raise ImportDataError(
            f"{task.labels} has {len(names)} label columns ({', '.join(names) or 'none'}), which does not fit a "
            f"{task.kind} task.",
            "Name the label columns by `columns` in the task.",
        )
    return tuple(names)


def _titles(table: pa.Table, name: str, task: Task) -> NDArray[np.str_]:
    column = table[name]
    _refuse_null(column, name, task)
    return np.array([str(value) for value in column.to_pylist()])


def _seconds(table: pa.Table, name: str | None, task: Task) -> NDArray[np.float64]:
    if name is None:
        return np.full(table.num_rows, np.nan)
    column = table[name]
    _refuse_null(column, name, task)
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        raise ImportDataError(
            f"Column {name!r} of {task.labels} is {column.type}, not seconds.", "Write plain numbers."
        )
    seconds = column.to_numpy().astype(np.float64)
    if not np.isfinite(seconds).all():
        raise _error(task, f"has no finite time in column {name!r}", ~np.isfinite(seconds), "Fill or drop the rows.")
    return seconds


def _binary(table: pa.Table, name: str, task: Task) -> NDArray[np.bool_]:
    column = table[name]
    _refuse_null(column, name, task)
    if pa.types.is_boolean(column.type):
        return np.asarray(column.to_numpy(), dtype=bool)
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        values: NDArray[Any] = column.to_numpy()
        wrong = (values != 0) & (values != 1)
    else:
        wrong = np.ones(table.num_rows, dtype=bool)
    if wrong.any():
        shown = column[int(np.flatnonzero(wrong)[0])].as_py()
        raise _error(
            task,
            f"has other values than 0, 1, true and false in label column {name!r} (such as {shown!r})",
            wrong,
            "Turn it into one column a label, or name the label columns by `columns` in the task.",
        )
    return values == 1


def _refuse_null(column: pa.ChunkedArray, name: str, task: Task) -> None:
    missing = np.asarray(column.is_null(nan_is_null=True).to_numpy(), dtype=bool)
    if missing.any():
        raise _error(task, f"has no value in column {name!r}", missing, "Fill or drop the rows.")


def _check_spans(table: LabelTable, task: Task) -> None:
    reversed_rows = table.end_s <= table.start_s
    if reversed_rows.any():
        raise _error(task, "has spans that end before they start", reversed_rows, "Swap or drop them.")
    seen: dict[tuple[str, float, float], int] = {}
    again = np.zeros(len(table.title), dtype=bool)
    whole = task.unit == "title"
    for row, title in enumerate(table.title.tolist()):
        key = (title, 0.0, 0.0) if whole else (title, float(table.start_s[row]), float(table.end_s[row]))
        again[row] = seen.setdefault(key, row) != row
    if again.any():
        raise _error(task, f"has the same {'title' if whole else 'span'} twice", again, "Keep one row of each.")


def _error(task: Task, fault: str, rows: NDArray[np.bool_], remedy: str) -> ImportDataError:
    numbers = [str(int(row) + 1) for row in np.flatnonzero(rows)]
    return ImportDataError(f"{task.labels} {fault}: row{'s' * (len(numbers) > 1)} {_listed(numbers)}.", remedy)


def _listed(names: list[str]) -> str:
    more = len(names) - ROWS_SHOWN
    return ", ".join(names[:ROWS_SHOWN]) + (f" and {more} more" if more > 0 else "")
