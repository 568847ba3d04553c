"""Reading what users bring: a table of shots with vector columns, a table of titles.

Checked here is what concerns a whole table; what concerns one title's rows is the business of `importing`.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mediafm.catalog.tables import LOST_FRAMES
from mediafm.errors import ImportDataError
from mediafm.types import Metadata, Modality

_ID_COLUMNS = ("title_id", "title")


@dataclass(frozen=True, slots=True)
class ShotTable:
    """N shots of all titles, as they came.

    rows: title id -> its row numbers, in order of their shot numbers. shot: int64 [N], -1 where empty.
    start_s, end_s: float64 [N], NaN where empty. vectors: modality -> float [N, dim], zeros where empty.
    texts: N strings, stripped, empty where there is none; None without a text column. lost_frames: int64 [N], zeros
    without such a column.
    """

    rows: dict[str, NDArray[np.int64]]
    shot: NDArray[np.int64]
    start_s: NDArray[np.float64]
    end_s: NDArray[np.float64]
    vectors: dict[Modality, NDArray[Any]]
    texts: list[str] | None
    lost_frames: NDArray[np.int64]


def read_shots(path: str | os.PathLike[str], columns: Mapping[Modality, str], text_column: str | None) -> ShotTable:
    """Read the needed columns; ImportDataError names the column that is missing or of a wrong type."""
    schema = _schema(path)
    id_column = _id_column(path, schema)
    lost = [LOST_FRAMES] if LOST_FRAMES in schema.names else []
    plain = [id_column, "shot", "start_s", "end_s", *lost, *([text_column] if text_column else [])]
    table = _read(path, schema, list(dict.fromkeys([*plain, *columns.values()])))
    titles = _texts(path, table, id_column)
    if "" in titles:
        raise ImportDataError(
            f"{os.fspath(path)}: row {titles.index('')} has no {id_column}.", "Name every row's title."
        )
    shot = _numbers(path, table, "shot", pa.types.is_integer, -1).astype(np.int64)
    names = [f"shot {s} of {t}" for t, s in zip(titles, shot.tolist(), strict=True)]
    return ShotTable(
        rows=_by_title(titles, shot),
        shot=shot,
        start_s=_numbers(path, table, "start_s", _is_number, np.nan).astype(np.float64),
        end_s=_numbers(path, table, "end_s", _is_number, np.nan).astype(np.float64),
        vectors={m: _vectors(path, table, column, names) for m, column in columns.items()},
        texts=_texts(path, table, text_column) if text_column else None,
        lost_frames=_lost_frames(path, table) if lost else np.zeros(len(shot), np.int64),
    )


def read_titles(path: str | os.PathLike[str]) -> tuple[dict[str, Metadata], set[str]]:
    """Metadata by title id, and the ids that occur more than once.

    Columns name, synopsis, tags and genres are known (the last two a list, or a text split at commas and semicolons);
    every other column that is not empty goes into `extra`, but for those that an export of ours says are no metadata.
    """
    schema = _schema(path)
    id_column = _id_column(path, schema)
    derived = _derived(schema)
    table = _read(path, schema, [name for name in schema.names if name not in derived])
    ids = _texts(path, table, id_column)
    found: dict[str, Metadata] = {}
    twice: set[str] = set()
    for row, (title_id, fields) in enumerate(zip(ids, table.drop([id_column]).to_pylist(), strict=True)):
        if not title_id:
            raise ImportDataError(f"{os.fspath(path)}: row {row} has no {id_column}.", "Name every row's title.")
        if title_id in found:
            twice.add(title_id)
        found[title_id] = _metadata(fields)
    return found, twice


# whole files --------------------------------------------------------------------------------------------------------


def _schema(path: str | os.PathLike[str]) -> pa.Schema:
    try:
        return pq.read_schema(path)
    except (OSError, ValueError) as error:
        raise ImportDataError(
            f"{os.fspath(path)} cannot be read as parquet: {_first_line(error)}",
            "Check the path; the format is Apache Parquet.",
        ) from error


def _read(path: str | os.PathLike[str], schema: pa.Schema, columns: Sequence[str]) -> pa.Table:
    for column in columns:
        if column not in schema.names:
            raise ImportDataError(f"{os.fspath(path)} has no column {column!r}.", f"It has {', '.join(schema.names)}.")
    try:
        return pq.read_table(path, columns=list(columns))
    except (OSError, ValueError) as error:
        raise ImportDataError(f"{os.fspath(path)} is damaged: {_first_line(error)}", "Write it anew.") from error


def _derived(schema: pa.Schema) -> set[str]:
    """Columns that `mediafm export` wrote of the film, not of its metadata."""
    try:
        noted = json.loads((schema.metadata or {}).get(b"mediafm", b"{}"))
        return set(noted.get("derived_columns", ()))
    except (ValueError, TypeError, AttributeError):
        return set()


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _id_column(path: str | os.PathLike[str], schema: pa.Schema) -> str:
    for name in _ID_COLUMNS:
        if name in schema.names:
            return name
    raise ImportDataError(
        f"{os.fspath(path)} has no column 'title_id' (nor 'title').", f"It has {', '.join(schema.names)}."
    )


def _by_title(titles: list[str], shot: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
    ids, owner = np.unique(np.array(titles, object), return_inverse=True)
    order = np.lexsort((shot, owner))
    starts = np.searchsorted(owner[order], np.arange(1, len(ids)))
    return dict(zip(ids.tolist(), np.split(order, starts), strict=True)) if len(titles) else {}


# columns ------------------------------------------------------------------------------------------------------------


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind)


def _numbers(path: str | os.PathLike[str], table: pa.Table, column: str, fits: Any, empty: float) -> NDArray[Any]:
    kind = table.schema.field(column).type
    if not fits(kind):
        wanted = "whole numbers" if fits is pa.types.is_integer else "numbers"
        raise _wrong_type(path, column, kind, wanted)
    values = table[column]
    return values.fill_null(pa.scalar(empty, kind) if pa.types.is_signed_integer(kind) else empty).to_numpy()


def _lost_frames(path: str | os.PathLike[str], table: pa.Table) -> NDArray[np.int64]:
    counts = _numbers(path, table, LOST_FRAMES, pa.types.is_integer, 0).astype(np.int64)
    wrong = np.flatnonzero((counts < 0) | (counts > np.iinfo(np.int32).max))
    if len(wrong):
        raise ImportDataError(
            f"{os.fspath(path)}: row {wrong[0]} has {counts[wrong[0]]} {LOST_FRAMES}.",
            "Give a count, or leave it empty.",
        )
    return counts


def _texts(path: str | os.PathLike[str], table: pa.Table, column: str) -> list[str]:
    kind = table.schema.field(column).type
    plain = kind.value_type if pa.types.is_dictionary(kind) else kind
    if not (pa.types.is_string(plain) or pa.types.is_large_string(plain)):
        raise _wrong_type(path, column, kind, "text")
    return [(text or "").strip() for text in table[column].to_pylist()]


def _vectors(path: str | os.PathLike[str], table: pa.Table, column: str, names: Sequence[str]) -> NDArray[Any]:
    kind = table.schema.field(column).type
    is_list = pa.types.is_fixed_size_list(kind) or pa.types.is_list(kind) or pa.types.is_large_list(kind)
    if not (is_list and pa.types.is_floating(kind.value_type)):
        raise _wrong_type(path, column, kind, "lists of float16, float32 or float64, all of one length")
    lengths = pc.list_value_length(table[column]).fill_null(-1).to_numpy()
    given = lengths >= 0
    dims = np.unique(lengths[given])
    if len(dims) != 1 or dims[0] == 0:
        if len(dims) < 2:
            raise ImportDataError(f"{os.fspath(path)}: the column {column!r} holds no vectors.", "Leave it out.")
        first = int(np.argmax(given))
        other = int(np.argmax(given & (lengths != lengths[first])))
        raise ImportDataError(
            f"{os.fspath(path)}: vectors of the column {column!r} are not of one length: {lengths[first]} for "
            f"{names[first]}, {lengths[other]} for {names[other]}.",
            "Give every shot a vector of the same length, or none.",
        )
    flat = [pc.list_flatten(c).to_numpy(zero_copy_only=False) for c in table[column].chunks]
    vectors = np.concatenate(flat).reshape(-1, dims[0])
    if given.all():
        return vectors
    spread = np.zeros((len(given), dims[0]), vectors.dtype)
    spread[given] = vectors
    return spread


def _wrong_type(path: str | os.PathLike[str], column: str, kind: pa.DataType, wanted: str) -> ImportDataError:
    return ImportDataError(
        f"{os.fspath(path)}: the column {column!r} holds {kind}, not {wanted}.", "Name another column or convert it."
    )


# metadata -----------------------------------------------------------------------------------------------------------


def _metadata(fields: dict[str, Any]) -> Metadata:
    return Metadata(
        name=_text(fields.pop("name", None)),
        synopsis=_text(fields.pop("synopsis", None)),
        tags=_words(fields.pop("tags", None)),
        genres=_words(fields.pop("genres", None)),
        extra={k: _plain(v) for k, v in fields.items() if _plain(v) is not None},
    )


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _words(value: Any) -> tuple[str, ...]:
    parts = value if isinstance(value, list) else _text(value).replace(";", ",").split(",")
    return tuple(word for word in (_text(p) for p in parts) if word)


def _plain(value: Any) -> Any:
    """A value as JSON can hold it; None for what says nothing."""
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    if isinstance(value, list):
        return [_plain(v) for v in value]
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    return value if value is None or isinstance(value, str | int | bool) else str(value)
