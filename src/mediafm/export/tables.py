"""Parquet and CSV: tables of shots, titles and clips, written title by title."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mediafm.export.choosing import Selection
from mediafm.export.columns import (
    SHOT_COLUMNS,
    clips_schema,
    clips_table,
    iter_clips,
    shots_schema,
    shots_table,
    titles_table,
    without_shots,
)
from mediafm.export.job import Job
from mediafm.export.naming import file_name

_ROWS_AT_ONCE = 4096  # in a row group; small titles are gathered until there are so many


def write_parquet(job: Job) -> None:
    """`shots.parquet`, `titles.parquet`, `clips-NAME.parquet` of each clip set, `hits.parquet` where there are hits.

    `mediafm import` reads the first two back. Their metadata (key `mediafm`) say what made each vector.
    """
    selection, folder = job.selection, job.folder
    notes = selection.as_json()
    schema = shots_schema(selection, notes)
    kept = []
    with rows_into(folder / "shots.parquet", schema) as shots:
        for title in job.titles:
            shots.add(shots_table(title, schema))
            kept.append(without_shots(title))
    pq.write_table(titles_table(selection, kept, notes), folder / "titles.parquet")
    write_clip_tables(selection, folder, "clips-{}.parquet")
    if job.hits:
        pq.write_table(pa.Table.from_pylist([hit.as_row() for hit in job.hits]), folder / "hits.parquet")


def write_clip_tables(selection: Selection, folder: Path, name: str, notes: dict[str, Any] | None = None) -> None:
    """A table a clip set; `mediafm import --clip-set` reads it back. name: of the files, {} is the set's."""
    for chosen in selection.of_clips:
        schema = clips_schema(chosen, notes or selection.as_json())
        with rows_into(folder / name.format(file_name(chosen.name)), schema) as rows:
            for clips in iter_clips(selection, chosen):
                rows.add(clips_table(clips, schema))


def write_csv(job: Job) -> None:
    """`shots.csv` and `titles.csv` for people: no vectors; UTF-8 with a mark, which spreadsheets need."""
    names = [name for name, _ in SHOT_COLUMNS]
    selection, folder = job.selection, job.folder
    schema = shots_schema(selection, {})
    kept = []
    with (folder / "shots.csv").open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        for title in job.titles:
            rows = shots_table(title, schema).select(names)
            writer.writerows(zip(*(map(_cell, c.to_pylist()) for c in rows.columns), strict=True))
            kept.append(without_shots(title))
    _write_rows(folder / "titles.csv", titles_table(selection, kept, {}))
    if job.hits:
        _write_rows(folder / "hits.csv", pa.Table.from_pylist([hit.as_row() for hit in job.hits]))


class RowsInto:
    """A Parquet file that takes tables of any size and writes row groups of some thousand rows."""

    def __init__(self, writer: pq.ParquetWriter, schema: pa.Schema) -> None:
        self._writer, self._schema = writer, schema
        self._waiting: list[pa.Table] = []
        self.rows = 0

    def add(self, table: pa.Table) -> None:
        """Append rows."""
        self._waiting.append(table)
        self.rows += len(table)
        if sum(map(len, self._waiting)) >= _ROWS_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        if self._waiting:
            self._writer.write_table(pa.concat_tables(self._waiting), row_group_size=2 * _ROWS_AT_ONCE)
            self._waiting = []


@contextmanager
def rows_into(path: Path, schema: pa.Schema) -> Iterator[RowsInto]:
    """A Parquet file of that schema, closed at the end of the block."""
    plain = [
        f.name for f in schema if not _is_vector(f.type)
    ]  # vectors do not repeat, so a dictionary is wasted on them
    with pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=plain) as writer:
        rows = RowsInto(writer, schema)
        yield rows
        rows.flush()


def _is_vector(kind: pa.DataType) -> bool:
    return bool(pa.types.is_fixed_size_list(kind))


def _write_rows(path: Path, table: pa.Table) -> None:
    plain = [f.name for f in table.schema if not _is_vector(f.type)]
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(plain)
        writer.writerows(zip(*(map(_cell, table[name].to_pylist()) for name in plain), strict=True))


def _cell(value: Any) -> Any:
    """A value as a cell: lists joined by semicolons, and no text that a spreadsheet would take for a formula."""
    if isinstance(value, list):
        value = "; ".join(map(str, value))
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + value
    return value
