"""Reading the file of a task's labels: CSV, parquet or JSON lines, and its columns as arrays.

Rows are counted from 1, the first row of data, in every message.
"""

import csv
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet
from numpy.typing import NDArray

from mediafm.errors import ImportDataError, UsageError
from mediafm.probes.tasks import Task
from mediafm.probes.times import is_timecode, parse_time

ROWS_SHOWN = 8
SUFFIXES = (".csv", ".parquet", ".jsonl", ".ndjson")
TEXT_COLUMNS = ("title", "title_id", "other", "similar")  # ids such as 0042 must stay text
RateOf = Callable[[str], Fraction | None]


def load_table(task: Task) -> pa.Table:
    """The labels file of a task. ImportDataError where it cannot be read or is empty."""
    path, suffix = task.labels, task.labels.suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(f"Labels must be a file of {', '.join(SUFFIXES)}, not {path.name}.", "Convert the table.")
    try:
        if suffix == ".csv":
            table = _read_csv(task)
        elif suffix == ".parquet":
            table = pyarrow.parquet.read_table(path)
        else:
            table = pyarrow.json.read_json(path)
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
    named = (task.title_column, task.other_column, task.group_column, task.together_column)
    text = {name: pa.string() for name in header if name in (*named, *TEXT_COLUMNS)}
    options = pyarrow.csv.ConvertOptions(column_types=text, strings_can_be_null=True)
    return pyarrow.csv.read_csv(task.labels, convert_options=options)


def find_column(
    table: pa.Table, named: str | None, usual: tuple[str, ...], what: str, task: Task, needed: bool = True
) -> str | None:
    """The name of a column that the task names or that is called as usual; None if it is neither there nor needed."""
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


def texts(table: pa.Table, name: str, task: Task) -> NDArray[np.str_]:
    """A column as text, without a gap."""
    column = table[name]
    refuse_null(column, name, task)
    return np.array([str(value) for value in column.to_pylist()])


def seconds(
    table: pa.Table, name: str | None, task: Task, titles: NDArray[np.str_], rate_of: RateOf
) -> NDArray[np.float64]:
    """A column of times in seconds; NaN without one. Times may be numbers, clock times or timecode."""
    if name is None:
        return np.full(table.num_rows, np.nan)
    column = table[name]
    refuse_null(column, name, task)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return _written_times(column.to_pylist(), name, task, titles, rate_of)
    if pa.types.is_time(column.type):  # what readers make of 00:01:02.5
        return np.array([_clock_seconds(value) for value in column.to_pylist()])
    return numbers(table, name, task, "time")


def _clock_seconds(value: Any) -> float:
    return float(value.hour * 3600 + value.minute * 60 + value.second + value.microsecond / 1e6)


def _written_times(
    written: list[str], name: str, task: Task, titles: NDArray[np.str_], rate_of: RateOf
) -> NDArray[np.float64]:
    found, wrong, said = np.zeros(len(written)), np.zeros(len(written), dtype=bool), ""
    for row, (text, title) in enumerate(zip(written, titles, strict=True)):
        counted = is_timecode(text)
        rate = (task.rate or rate_of(str(title))) if counted else None
        try:
            start = parse_time(task.timecode_start, rate) if counted and task.timecode_start else 0.0
            found[row] = parse_time(text, rate) - start
        except ValueError as error:
            wrong[row], said = True, said or str(error)
    if wrong.any():
        raise row_error(
            task,
            f"has times in column {name!r} that cannot be read ({said})",
            wrong,
            "Write seconds, hh:mm:ss.mmm or hh:mm:ss:ff; for frames, name frame_rate in the task.",
        )
    return found


def numbers(table: pa.Table, name: str, task: Task, what: str) -> NDArray[np.float64]:
    """A column of finite numbers."""
    column = table[name]
    refuse_null(column, name, task)
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        raise ImportDataError(
            f"Column {name!r} of {task.labels} is {column.type}, not numbers.", "Write plain numbers."
        )
    values = column.to_numpy().astype(np.float64)
    if not np.isfinite(values).all():
        raise row_error(
            task, f"has no finite {what} in column {name!r}", ~np.isfinite(values), "Fill or drop the rows."
        )
    return values


def binary(table: pa.Table, name: str, task: Task) -> NDArray[np.float64]:
    """A column of yes and no as 1 and 0."""
    column = table[name]
    refuse_null(column, name, task)
    if pa.types.is_boolean(column.type):
        return np.asarray(column.to_numpy(), dtype=np.float64)
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        values: NDArray[Any] = column.to_numpy()
        wrong = (values != 0) & (values != 1)
    else:
        wrong = np.ones(table.num_rows, dtype=bool)
    if wrong.any():
        shown = column[int(np.flatnonzero(wrong)[0])].as_py()
        raise row_error(
            task,
            f"has other values than 0, 1, true and false in label column {name!r} (such as {shown!r})",
            wrong,
            "Turn it into one column a label, or name the label columns by `columns` in the task.",
        )
    return values.astype(np.float64)


def refuse_null(column: pa.ChunkedArray, name: str, task: Task) -> None:
    """ImportDataError by row for a column with gaps."""
    missing = np.asarray(column.is_null(nan_is_null=True).to_numpy(), dtype=bool)
    if missing.any():
        raise row_error(task, f"has no value in column {name!r}", missing, "Fill or drop the rows.")


def row_error(task: Task, fault: str, rows: NDArray[np.bool_], remedy: str) -> ImportDataError:
    """The error about some rows of the labels file, with their numbers."""
    return ImportDataError(f"{task.labels} {fault}: {row_numbers(rows)}.", remedy)


def row_numbers(rows: NDArray[np.bool_]) -> str:
    """ "row 3" or "rows 3, 5 and 9 more"."""
    found = [str(int(row) + 1) for row in np.flatnonzero(rows)]
    return f"row{'s' * (len(found) > 1)} {listed(found)}"


def listed(names: list[str]) -> str:
    """The first few, and how many more."""
    more = len(names) - ROWS_SHOWN
    return ", ".join(names[:ROWS_SHOWN]) + (f" and {more} more" if more > 0 else "")
