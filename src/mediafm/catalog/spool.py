"""Rows of one title that wait for its commit: in memory while they are few, in temporary files beyond that.

Nothing of a title reaches the catalog before all of it is known. So a film that takes hours, or fails at its end,
leaves nothing there, and what a killed writing can leave behind is seconds old.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import pyarrow as pa

from mediafm.errors import CatalogError

_HELD_BYTES = 4 << 20  # in memory


class Spool:
    """Tables of rows by name, kept in the order of their adding. Its files have no name and go with the process."""

    def __init__(self, held_bytes: int = _HELD_BYTES) -> None:
        self._limit = held_bytes
        self._held: dict[str, list[pa.RecordBatch]] = {}
        self._bytes = 0
        self._files: dict[str, IO[bytes]] = {}
        self._sinks: dict[str, pa.RecordBatchStreamWriter] = {}
        self._written: dict[str, int] = {}  # batches in the file
        self._counts: dict[str, int] = {}

    def add(self, name: str, rows: pa.Table) -> None:
        """Take rows for the table of that name. CatalogError where the temporary folder cannot hold them."""
        self._counts[name] = self.count(name) + len(rows)
        self._held.setdefault(name, []).extend(rows.to_batches())
        self._bytes += rows.nbytes
        if self._bytes > self._limit:
            with _explained():
                self._write_out()

    def count(self, name: str) -> int:
        """How many rows wait for the table."""
        return self._counts.get(name, 0)

    def batches(self, name: str) -> Iterator[pa.RecordBatch]:
        """The table's rows, as often as asked for."""
        if name in self._files:
            with _explained():
                self._files[name].flush()
                self._files[name].seek(0)
                stream = pa.ipc.open_stream(self._files[name])
                # The stream has no end mark yet: more rows may follow.
                yield from (stream.read_next_batch() for _ in range(self._written[name]))
                self._files[name].seek(0, os.SEEK_END)
        yield from self._held.get(name, [])

    def close(self) -> None:
        """Give the files back."""
        for file in self._files.values():
            file.close()
        self._files, self._sinks, self._held = {}, {}, {}

    def _write_out(self) -> None:
        for name, batches in self._held.items():
            for batch in batches:
                self._sink(name, batch.schema).write_batch(batch)
                self._written[name] += 1
        self._held, self._bytes = {}, 0

    def _sink(self, name: str, schema: pa.Schema) -> pa.RecordBatchStreamWriter:
        if name not in self._sinks:
            self._files[name] = tempfile.TemporaryFile(prefix="mediafm-")  # noqa: SIM115 - lives as long as the spool
            self._sinks[name] = pa.ipc.new_stream(self._files[name], schema)
            self._written[name] = 0
        return self._sinks[name]


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CatalogError(
            f"The temporary folder {tempfile.gettempdir()} cannot hold a long title's rows: {error.strerror or error}.",
            "Free some space there, or set TMPDIR to a folder that has it; then run the command again.",
        ) from error
