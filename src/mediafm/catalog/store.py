"""The one home of lancedb: a folder of tables with a handful of verbs, errors translated.

`uri` is a local path or whatever object storage lancedb takes (`s3://bucket/prefix`, `gs://`, `az://`) and is handed on
as it is. lancedb is imported on first use: it takes a second. It keeps native threads. They do not
hold up the end of a process, but they do not survive a fork: forked children that read a table often die of a
segmentation fault, so such a child gets an error instead.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from mediafm.errors import CatalogError

_user_pid: int | None = None  # the process in which lancedb's threads were started


def quote(text: str) -> str:
    """A string literal for a filter."""
    return "'" + text.replace("'", "''") + "'"


def any_of(column: str, values: Iterable[str | int]) -> str:
    """Filter: the column is one of the values (at least one must be given)."""
    return f"{column} IN ({', '.join(quote(v) if isinstance(v, str) else str(v) for v in values)})"


def local_folder(uri: str) -> Path | None:
    """The folder behind a uri, or None where it is not on this machine's file system."""
    if uri.startswith("file://"):
        return Path(uri.removeprefix("file://"))
    return None if "://" in uri else Path(uri).expanduser()


class Store:
    """A database of Arrow tables. Reads always see the last write, also those of other processes."""

    def __init__(self, uri: str | os.PathLike[str]) -> None:
        self.uri = os.fspath(uri)
        self._connection: Any = None
        self._tables: dict[str, Any] = {}

    def names(self) -> list[str]:
        """Names of all tables."""
        folder = local_folder(self.uri)
        if folder is not None and not folder.is_dir():
            return []  # connecting would make the folder
        found: list[str] = []
        with self._translated("list its tables"):
            connection, token = self._connect(), None
            while True:
                page = connection.list_tables(page_token=token)
                found.extend(page.tables)
                token = page.page_token
                if not token:
                    return found

    def has(self, name: str) -> bool:
        """Whether there is such a table: those that came later are absent from older catalogs."""
        return name in self._tables or name in self.names()

    def create(self, name: str, schema: pa.Schema, rows: pa.Table | None = None) -> None:
        """Make a table, in one step with its first rows; one of that name is dropped first."""
        with self._translated(f"create the table {name}"):
            # Not mode="overwrite": lance warns on standard error when there is nothing to overwrite.
            self.drop(name)
            self._tables[name] = self._connect().create_table(name, rows, schema=schema)

    def drop(self, name: str) -> None:
        """Drop a table if it is there."""
        with self._translated(f"drop the table {name}"):
            self._tables.pop(name, None)
            self._connect().drop_table(name, ignore_missing=True)

    def add(self, name: str, rows: pa.Table) -> None:
        """Append rows; visible all at once."""
        if len(rows):
            with self._translated(f"append to the table {name}"):
                self._table(name).add(rows)

    def upsert(self, name: str, rows: pa.Table, key: str | Sequence[str]) -> None:
        """Put rows in place of those of the same key (a column, or several together); visible all at once."""
        with self._translated(f"write to the table {name}"):
            merge = self._table(name).merge_insert(key)
            # "null": lancedb takes a missing vector for a bad one and would refuse it.
            merge.when_matched_update_all().when_not_matched_insert_all().execute(rows, on_bad_vectors="null")

    def delete(self, name: str, where: str) -> None:
        """Delete rows. Deleting nothing would still write a new version, so it looks first."""
        if self.count(name, where):
            with self._translated(f"delete from the table {name}"):
                self._table(name).delete(where)

    def scan(self, name: str, where: str = "", columns: Sequence[str] | None = None) -> pa.Table:
        """All rows that fit, in no promised order."""
        with self._translated(f"read the table {name}"):
            query = self._table(name).search()
            if where:
                query = query.where(where)
            if columns is not None:
                query = query.select(list(columns))
            return query.to_arrow()

    def count(self, name: str, where: str = "") -> int:
        """How many rows fit."""
        with self._translated(f"read the table {name}"):
            return int(self._table(name).count_rows(where or None))

    def columns(self, name: str) -> list[str]:
        """Names of a table's columns."""
        with self._translated(f"read the table {name}"):
            return list(self._table(name).schema.names)

    def rename_column(self, name: str, column: str, to: str, kind: pa.DataType) -> None:
        """Give a column another name and type."""
        with self._translated(f"rename a column of the table {name}"):
            self._table(name).alter_columns({"path": column, "rename": to, "data_type": kind})

    def compact(self, name: str, index: str | None, keep: timedelta) -> None:
        """Merge small files, drop versions older than `keep`, bring the index on a column up to date."""
        from lancedb.index import BTree

        with self._translated(f"optimize the table {name}"):
            table = self._table(name)
            if index is not None and not any(i.columns == [index] for i in table.list_indices()):
                table.create_index(index, config=BTree())
            # lancedb warns about a zero, whose meaning a millisecond has too.
            table.optimize(cleanup_older_than=max(keep, timedelta(milliseconds=1)))

    def disk_bytes(self) -> int | None:
        """Bytes on disk; None for storage that is not local."""
        folder = local_folder(self.uri)
        if folder is None:
            return None
        return sum(entry.stat().st_size for entry in folder.rglob("*") if entry.is_file())

    def _table(self, name: str) -> Any:
        connection = self._connect()
        if name not in self._tables:
            self._tables[name] = connection.open_table(name)
        return self._tables[name]

    def _connect(self) -> Any:
        global _user_pid
        if _user_pid not in (None, os.getpid()):
            raise CatalogError(
                f"The catalog {self.uri} cannot be used in a process forked from one that has used a catalog.",
                "Start worker processes with 'spawn' or 'forkserver', or hand them arrays.",
            )
        if self._connection is None:
            import lancedb

            # Zero: look for a newer version at every read. The default never looks.
            self._connection = lancedb.connect(self.uri, read_consistency_interval=timedelta(0))
            _user_pid = os.getpid()
        return self._connection

    @contextmanager
    def _translated(self, action: str) -> Iterator[None]:
        """Lancedb speaks in bare RuntimeError, ValueError and OSError; say what we were at."""
        try:
            yield
        except (RuntimeError, ValueError, OSError, NotImplementedError) as error:
            first_line = next(iter(str(error).splitlines()), type(error).__name__)
            raise CatalogError(
                f"The catalog {self.uri} could not {action}: {first_line}",
                "Check that its storage is reachable, writable and not full, then run the command again; "
                "`mediafm verify` lists what is damaged.",
            ) from error
