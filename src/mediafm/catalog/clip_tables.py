"""Reading a table of clips that somebody brings: title, start, end, and with them a vector or not.

Parquet, CSV and JSON lines. What does not fit is refused with the numbers of its rows, counted from 1, the first row of
data, before anything is stored or paid for. Further columns are not looked at, so that a probe's labels table will do.
"""

import csv
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mediafm.catalog.clip_sets import OVERHANG_S
from mediafm.errors import ImportDataError, UsageError
from mediafm.types import FloatArray

if TYPE_CHECKING:
    from mediafm.catalog.catalog import Catalog

_TITLE, _START, _END = ("title", "title_id"), ("start", "start_s"), ("end", "end_s")
_VECTOR = ("vector", "embedding")
_ROWS_SHOWN = 8


@dataclass(frozen=True, slots=True)
class ClipTable:
    """N clips in the order of their rows.

    path: for messages. title: N ids. start_s, end_s: float64 [N], NaN for a whole title until `check_clips`. vectors:
    float32 [N, D], or None where none were asked for.
    """

    path: str
    title: list[str]
    start_s: NDArray[np.float64]
    end_s: NDArray[np.float64]
    vectors: FloatArray | None = None

    def __len__(self) -> int:
        return len(self.title)


def read_clips(path: str | os.PathLike[str], vector_column: str | None = None) -> ClipTable:
    """Read and check a table as far as that is possible without a catalog; ImportDataError by row.

    Columns are title or title_id, start or start_s, end or end_s (seconds from the title's start; left out or empty
    for a whole title). vector_column: the column of vectors to read, "" for the one called vector or embedding, or the
    only one that holds lists of numbers; None: no vectors are wanted.
    """
    file = Path(path)
    names = _columns(file)
    title = _pick(file, names, _TITLE)
    times = [_pick(file, names, usual, needed=False) for usual in (_START, _END)]
    if title is None or (times[0] is None) != (times[1] is None):
        missing = "title or title_id" if title is None else "start or end beside the other"
        raise ImportDataError(f"{file} has no column {missing}.", f"Its columns are {', '.join(names)}.")
    vector = None if vector_column is None else _vector_column(file, names, vector_column)
    table = _load(file, [c for c in (title, *times, vector) if c is not None], title, vector)
    if not table.num_rows:
        raise ImportDataError(f"{file} has no rows.", "A row is a clip: title, start, end.")
    start, end = (_seconds(file, table, name) for name in times)
    _check_spans(file, start, end)
    vectors = None if vector is None else _vectors(file, table, vector)
    return ClipTable(os.fspath(path), _titles(file, table, title), start, end, vectors)


def check_clips(table: ClipTable, catalog: "Catalog") -> ClipTable:
    """The table with whole titles spelt out as 0 to their duration; ImportDataError by row for what is not there.

    Every title must be in the catalog, every span inside its title (an end may overstep it by 0.05 s), and no clip may
    stand in the table twice.
    """
    file = Path(table.path)
    length = {r.title_id: r.duration_s for r in catalog.titles()}
    absent = np.array([title not in length for title in table.title])
    if absent.any():
        missing = sorted({t for t, gone in zip(table.title, absent, strict=True) if gone})
        failed = sorted({f.title_id for f in catalog.failures()} & set(missing))
        note = f" {_listed(failed)} failed when ingested (`mediafm info` says why)." if failed else ""
        fault = f"names titles that the catalog does not hold ({_listed(missing)})"
        raise _error(file, fault, absent, f"Ingest them, correct the ids, or drop the rows.{note}")
    ends = np.array([length[title] for title in table.title])
    whole = np.isnan(table.start_s)
    start, end = np.where(whole, 0.0, table.start_s), np.where(whole, ends, table.end_s)
    outside = (start < 0) | (start >= ends) | (end > ends + OVERHANG_S)
    if outside.any():
        i = int(np.argmax(outside))
        where = f"Row {i + 1} is {start[i]:.10g}-{end[i]:.10g} s of {table.title[i]}, which ends at {ends[i]:.3f} s."
        raise _error(file, "has spans outside their title", outside, f"{where} Times are seconds from its start.")
    _check_twice(file, table.title, start, end)
    return replace(table, start_s=start, end_s=end)


# files --------------------------------------------------------------------------------------------------------------


def _columns(file: Path) -> list[str]:
    suffix = file.suffix.lower()
    if suffix not in (".parquet", ".csv", ".jsonl", ".ndjson"):
        raise UsageError(f"{file} is no table that can be read.", "Give a .parquet, .csv or .jsonl file.")
    try:
        if suffix == ".parquet":
            return list(pq.read_schema(file).names)
        with file.open(newline="", encoding="utf-8-sig") as lines:
            if suffix == ".csv":
                return next(csv.reader(lines), [])
            first = json.loads(next((line for line in lines if line.strip()), "{}"))
            return list(first) if isinstance(first, dict) else []
    except (OSError, ValueError, csv.Error) as error:
        raise _unreadable(file, error) from error


def _load(file: Path, columns: Sequence[str], title: str, vector: str | None) -> pa.Table:
    try:
        if file.suffix.lower() == ".parquet":
            return pq.read_table(file, columns=list(columns))
        if file.suffix.lower() == ".csv":
            # Ids such as 0042 must stay text; a vector in a cell is a JSON list.
            text = {name: pa.string() for name in (title, vector) if name is not None}
            options = pyarrow.csv.ConvertOptions(
                column_types=text, include_columns=list(columns), strings_can_be_null=True
            )
            parse = pyarrow.csv.ParseOptions(newlines_in_values=True)
            return pyarrow.csv.read_csv(file, convert_options=options, parse_options=parse)
        table = pyarrow.json.read_json(file, read_options=pyarrow.json.ReadOptions(block_size=1 << 26))
        return table.select(list(columns))
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise _unreadable(file, error) from error


def _unreadable(file: Path, error: Exception) -> ImportDataError:
    reason = getattr(error, "strerror", None) or next(iter(str(error).splitlines()), type(error).__name__)
    return ImportDataError(f"{file} cannot be read: {reason}.", "Check the path, or write the table anew as parquet.")


def _pick(file: Path, names: Sequence[str], usual: Sequence[str], needed: bool = True) -> str | None:
    found = [name for name in usual if name in names]
    if len(found) > 1:
        raise ImportDataError(f"{file} has both {found[0]!r} and {found[1]!r}.", "Leave out one of the two.")
    if not found and needed:
        raise ImportDataError(
            f"{file} has no column {' or '.join(map(repr, usual))}.", f"Its columns are {', '.join(names)}."
        )
    return found[0] if found else None


def _vector_column(file: Path, names: Sequence[str], asked: str) -> str:
    if asked and asked not in names:
        raise ImportDataError(f"{file} has no column {asked!r}.", f"Its columns are {', '.join(names)}.")
    found = [asked] if asked else [name for name in _VECTOR if name in names]
    if not found and file.suffix.lower() == ".parquet":
        found = [field.name for field in pq.read_schema(file) if _is_list(field.type)]
    if len(found) != 1:
        which = f"several columns of vectors ({', '.join(found)})" if found else "no column 'vector' or 'embedding'"
        raise ImportDataError(f"{file} has {which}.", "Name the column of vectors by --vector.")
    return found[0]


# columns ------------------------------------------------------------------------------------------------------------


def _is_list(kind: pa.DataType) -> bool:
    lists = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    return lists and (pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type))


def _titles(file: Path, table: pa.Table, name: str) -> list[str]:
    values = ["" if value is None else str(value).strip() for value in table[name].to_pylist()]
    _refuse(file, f"has no {name}", np.array([not v for v in values]), "Name every row's title.")
    return values


def _seconds(file: Path, table: pa.Table, name: str | None) -> NDArray[np.float64]:
    if name is None or pa.types.is_null(table[name].type):
        return np.full(table.num_rows, np.nan)
    column = table[name]
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        raise ImportDataError(f"The column {name!r} of {file} holds {column.type}, not seconds.", "Write numbers.")
    empty = np.asarray(column.is_null().to_numpy(), bool)
    seconds = np.asarray(column.cast(pa.float64()).fill_null(0.0).to_numpy(), np.float64)
    _refuse(file, f"has no finite time in column {name!r}", ~np.isfinite(seconds), "Fill in or drop the rows.")
    return np.where(empty, np.nan, seconds)


def _check_spans(file: Path, start: NDArray[np.float64], end: NDArray[np.float64]) -> None:
    half = np.isnan(start) != np.isnan(end)
    _refuse(file, "has a start or an end but not both", half, "Give both, or neither for a whole title.")
    _refuse(file, "has spans that end before they start", end <= start, "Swap or drop them.")


def _check_twice(file: Path, title: Sequence[str], start: NDArray[np.float64], end: NDArray[np.float64]) -> None:
    seen: dict[tuple[str, int, int], int] = {}
    keys = zip(title, np.round(start * 1e6).tolist(), np.round(end * 1e6).tolist(), strict=True)
    again = np.array([seen.setdefault(key, row) != row for row, key in enumerate(keys)])
    _refuse(file, "has the same clip twice", again, "Keep one row of each.")


def _vectors(file: Path, table: pa.Table, name: str) -> FloatArray:
    column = table[name]
    if pa.types.is_string(column.type):
        column = _parsed(file, column, name)
    if not _is_list(column.type):
        raise ImportDataError(
            f"The column {name!r} of {file} holds {column.type}, not lists of numbers.", "Convert it."
        )
    lengths: NDArray[np.int64] = pc.list_value_length(column).fill_null(0).to_numpy()
    _refuse(file, f"has no vector in column {name!r}", lengths == 0, "Drop the rows: a clip may be missing.")
    unlike = lengths != lengths[0]
    fault = f"has vectors of another size than row 1 ({lengths[0]} numbers) in column {name!r}"
    _refuse(file, fault, unlike, "One model makes vectors of one size: import others as a set of their own.")
    flat = pa.chunked_array([pc.list_flatten(chunk) for chunk in column.chunks]).cast(pa.float64())
    values = np.asarray(flat.fill_null(np.nan).to_numpy(), np.float64).reshape(-1, int(lengths[0]))
    with np.errstate(over="ignore"):
        vectors = values.astype(np.float32)
    wrong = np.asarray(~np.isfinite(vectors).all(axis=1))
    _refuse(file, f"has a NaN, an infinity or a gap in column {name!r}", wrong, "Drop or correct the rows.")
    nothing = np.asarray(~vectors.any(axis=1))
    _refuse(file, f"has vectors of zeros in column {name!r}", nothing, "Drop the rows: a clip may be missing.")
    return vectors


def _parsed(file: Path, column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    """Cells of text such as `[0.1, 0.2]` as lists."""
    lists: list[list[Any] | None] = []
    wrong = np.zeros(len(column), bool)
    for row, text in enumerate(column.to_pylist()):
        try:
            values = None if text is None else [float(x) for x in json.loads(text)]
        except (ValueError, TypeError):
            values, wrong[row] = None, True
        lists.append(values)
    _refuse(file, f"has no list of numbers such as [0.1, 0.2] in column {name!r}", wrong, "Write JSON lists.")
    return pa.chunked_array([pa.array(lists, pa.list_(pa.float64()))])


# messages -----------------------------------------------------------------------------------------------------------


def _refuse(file: Path, fault: str, rows: NDArray[np.bool_], remedy: str) -> None:
    if rows.any():
        raise _error(file, fault, rows, remedy)


def _error(file: Path, fault: str, rows: NDArray[np.bool_], remedy: str) -> ImportDataError:
    numbers = [str(int(row) + 1) for row in np.flatnonzero(rows)]
    return ImportDataError(f"{file} {fault}: row{'s' * (len(numbers) > 1)} {_listed(numbers)}.", remedy)


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _ROWS_SHOWN
    return ", ".join(names[:_ROWS_SHOWN]) + (f" and {more} more" if more > 0 else "")
