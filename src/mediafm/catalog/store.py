"""The one home of lancedb: a folder of tables with a handful of verbs, errors translated.

`uri` is a local path or whatever object storage lancedb takes (`s3://bucket/prefix`, `gs://`, `az://`) and is handed on
as it is, with the options of `mediafm.storage`. lancedb is imported on first use: it takes a second. It keeps native
threads. They do not hold up the end of a process, but they do not survive a fork: forked children that read a table
often die of a segmentation fault, so such a child gets an error instead.

Any number of processes may change a table. Where two changes meet, LanceDB carries out one and refuses the other, which
is then made again here. A read that finds a file gone, because another process tidied up, looks at the table anew.
"""

import os
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa

from mediafm.catalog.compaction import Tidied, compact, drop_versions
from mediafm.catalog.faults import explained, is_gone, met_another
from mediafm.errors import CatalogError, MediafmError, UsageError
from mediafm.storage import check_writable, lance_options, list_files

_PATIENCE_S = 60.0  # for changes that meet others; waits grow to a second and are of random length
_MARK = "-"  # between the name of a table and its generation
_LOOKS = 5  # at a table whose files went

_Answer = TypeVar("_Answer")

_CACHE_BYTES = 64 << 20  # of indexes, and of the lists of files; the defaults are gigabytes

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


def _shared(name: str) -> bool:
    return name in ("meta", "clip_sets") or name.startswith("clips_")


def _split_name(real: str) -> tuple[str, str | None]:
    """(Name, generation) of a table; None for one that all generations share."""
    name, _, generation = real.partition(_MARK)
    return (name, None) if _shared(name) else (name, generation)


class Store:
    """A database of Arrow tables. Reads always see the last write, also those of other processes.

    generation: which of several sets of tables (see `generations`) the names mean; "" for the first.
    """

    def __init__(self, uri: str | os.PathLike[str], generation: str = "") -> None:
        self.uri = os.fspath(uri)
        self.generation = generation
        self._connection: Any = None
        self._tables: dict[str, Any] = {}

    def turn_to(self, generation: str) -> None:
        """Have names mean the tables of another generation from now on."""
        if generation != self.generation:
            self.generation, self._tables = generation, {}

    def names(self) -> list[str]:
        """Names of all tables of this generation, and of those that all share."""
        split = [_split_name(name) for name in self._all_names()]
        return [name for name, generation in split if generation in (self.generation, None)]

    def own_names(self) -> list[str]:
        """Names of the tables that only this generation has."""
        split = [_split_name(name) for name in self._all_names()]
        return [name for name, generation in split if generation == self.generation]

    def generations(self) -> set[str]:
        """All generations that there are tables of."""
        return {generation for _, generation in map(_split_name, self._all_names()) if generation is not None}

    def _real(self, name: str) -> str:
        return name if not self.generation or _shared(name) else f"{name}{_MARK}{self.generation}"

    def _all_names(self) -> list[str]:
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

    def opens(self, name: str) -> bool:
        """Whether a table that is listed is whole: a folder without a version is what a killed `create` leaves."""
        with self._translated(f"open the table {name}"):
            try:
                self._table(name)
            except (RuntimeError, ValueError, OSError) as error:
                if "not found" in str(error).lower():
                    return False
                raise
        return True

    def create(self, name: str, schema: pa.Schema, rows: pa.Table | None = None) -> None:
        """Make a table, in one step with its first rows; one of that name is dropped first."""
        with self._translated(f"create the table {name}"):
            # Not mode="overwrite": lance warns on standard error when there is nothing to overwrite.
            self.drop(name)
            self._tables[name] = self._connect().create_table(self._real(name), rows, schema=schema)

    def create_missing(self, name: str, schema: pa.Schema, rows: pa.Table | None = None) -> None:
        """Make a table unless it is there, or another process makes it first."""
        with self._translated(f"create the table {name}"):
            self._tables[name] = self._connect().create_table(self._real(name), rows, schema=schema, exist_ok=True)

    def drop(self, name: str) -> None:
        """Drop a table if it is there."""
        with self._translated(f"drop the table {name}"):
            self._tables.pop(name, None)
            self._connect().drop_table(self._real(name), ignore_missing=True)

    def add(self, name: str, rows: pa.Table | Callable[[], pa.RecordBatchReader], written: str = "") -> bool:
        """Append rows, or the stream of rows that a call gives; visible all at once. Whether the first attempt did it.

        written: a filter that only these rows fit; should an attempt go through and yet report a failure, they are not
        appended again.
        """
        tries = 0

        def attempt() -> None:
            nonlocal tries
            tries += 1
            if tries == 1 or not (written and self._table(name).count_rows(written)):
                self._table(name).add(rows() if callable(rows) else rows)

        if callable(rows) or len(rows):
            self._repeated(name, f"append to the table {name}", attempt)
        return tries <= 1

    def upsert(self, name: str, rows: pa.Table, key: str | Sequence[str]) -> None:
        """Put rows in place of those of the same key (a column, or several together); visible all at once."""

        def attempt() -> None:
            merge = self._table(name).merge_insert(key)
            # "null": lancedb takes a missing vector for a bad one and would refuse it.
            merge.when_matched_update_all().when_not_matched_insert_all().execute(rows, on_bad_vectors="null")

        self._repeated(name, f"write to the table {name}", attempt)

    def delete(self, name: str, where: str) -> None:
        """Delete rows. Deleting nothing would still write a new version, so it looks first."""
        if self.count(name, where):
            self._repeated(name, f"delete from the table {name}", lambda: self._table(name).delete(where))

    def scan(self, name: str, where: str = "", columns: Sequence[str] | None = None) -> pa.Table:
        """All rows that fit, in no promised order."""

        def attempt() -> pa.Table:
            query = self._table(name).search()
            if where:
                query = query.where(where)
            if columns is not None:
                query = query.select(list(columns))
            return query.to_arrow()

        return self._repeated(name, f"read the table {name}", attempt)

    def count(self, name: str, where: str = "") -> int:
        """How many rows fit."""
        return int(self._repeated(name, f"read the table {name}", lambda: self._table(name).count_rows(where or None)))

    def tally(self, name: str, keys: Sequence[str]) -> Counter[tuple[Any, ...]]:
        """How many rows there are of each combination of values in these columns, read piece by piece."""

        def attempt() -> Counter[tuple[Any, ...]]:
            found: Counter[tuple[Any, ...]] = Counter()
            for batch in self._table(name).search().select(list(keys)).to_batches():
                groups = pa.Table.from_batches([batch]).group_by(list(keys)).aggregate([([], "count_all")])
                found.update({tuple(g[k] for k in keys): g["count_all"] for g in groups.to_pylist()})
            return found

        return self._repeated(name, f"read the table {name}", attempt)

    def columns(self, name: str) -> list[str]:
        """Names of a table's columns."""
        return list(self._repeated(name, f"read the table {name}", lambda: self._table(name).schema.names))

    def rename_column(self, name: str, column: str, to: str, kind: pa.DataType) -> None:
        """Give a column another name and type; nothing happens if another process has."""

        def attempt() -> None:
            if column in self._table(name).schema.names:
                self._table(name).alter_columns({"path": column, "rename": to, "data_type": kind})

        self._repeated(name, f"rename a column of the table {name}", attempt)

    def compact(self, name: str, index: str | None, keep: timedelta) -> Tidied:
        """Merge small files, bring the index on a column up to date, drop versions older than `keep`."""
        folder, options = self._folder(name)
        done = self._repeated(name, f"optimize the table {name}", lambda: compact(folder, index, options))
        return done + self.drop_versions(name, keep)

    def drop_versions(self, name: str, keep: timedelta) -> Tidied:
        """Drop versions older than `keep`, and what only they hold."""
        folder, options = self._folder(name)
        action = f"drop old versions of the table {name}"
        return self._repeated(name, action, lambda: drop_versions(folder, keep, options))

    def _folder(self, name: str) -> tuple[str, dict[str, str] | None]:
        """A table's place, and the options that reach it."""
        self._connect()  # for its check of the process
        return f"{str(local_folder(self.uri) or self.uri).rstrip('/')}/{self._real(name)}.lance", lance_options(
            self.uri
        )

    def check_writable(self) -> None:
        """CatalogError where nothing can be written: told before hours of work, not after.

        On object storage that is known only where the extra `cloud` is installed; elsewhere the first commit tells.
        """
        folder = local_folder(self.uri)
        if folder is not None:
            with self._translated("make a file"), tempfile.TemporaryFile(dir=folder) as file:
                file.write(b"\0")
            return
        try:
            check_writable(self.uri)
        except UsageError:
            return
        except MediafmError as error:
            raise CatalogError(f"The catalog cannot be written: {error.message}", error.remedy) from error

    def entries(self) -> list[str] | None:
        """Names of what lies in its place, tables and all else; None where that cannot be told."""
        folder = local_folder(self.uri)
        if folder is not None:
            return [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
        return _if_known(
            lambda: sorted({f.address[len(self.uri.rstrip("/")) + 1 :].partition("/")[0] for f in list_files(self.uri)})
        )

    def disk_bytes(self) -> int | None:
        """Bytes it takes where it lies; None where that cannot be told."""
        folder = local_folder(self.uri)
        if folder is None:
            return _if_known(lambda: sum(file.size for file in list_files(self.uri)))
        return sum(entry.stat().st_size for entry in folder.rglob("*") if entry.is_file())

    def _table(self, name: str) -> Any:
        connection = self._connect()
        if name not in self._tables:
            self._tables[name] = connection.open_table(self._real(name))
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
            session = lancedb.Session(index_cache_size_bytes=_CACHE_BYTES, metadata_cache_size_bytes=_CACHE_BYTES)
            with self._translated("be opened"):
                self._connection = lancedb.connect(
                    self.uri,
                    read_consistency_interval=timedelta(0),
                    session=session,
                    storage_options=lance_options(self.uri),
                )
            _user_pid = os.getpid()
        return self._connection

    def _repeated(self, name: str, action: str, attempt: Callable[[], _Answer]) -> _Answer:
        """Do something with a table until no other process comes in between."""
        started, tries = time.monotonic(), 0
        with self._translated(action):
            while True:
                try:
                    return attempt()
                except (RuntimeError, ValueError, OSError) as error:
                    tries += 1
                    met = met_another(error) and time.monotonic() - started < _PATIENCE_S
                    if not met and not (is_gone(error) and tries < _LOOKS):
                        raise
                self._tables.pop(name, None)
                time.sleep(random.uniform(0.2, 1.0) * min(0.02 * 2**tries, 1.0))

    @contextmanager
    def _translated(self, action: str) -> Iterator[None]:
        """Lancedb speaks in bare RuntimeError, ValueError and OSError; say what we were at."""
        try:
            yield
        except (RuntimeError, ValueError, OSError, NotImplementedError) as error:
            raise explained(self.uri, action, error) from error


def _if_known(look: Callable[[], _Answer]) -> _Answer | None:
    """What a look at object storage tells; None where its libraries are not installed, or it may not be listed."""
    try:
        return look()
    except MediafmError:
        return None
