"""Vectors of texts that were paid for once, on disk: no text is sent twice, whatever becomes of a run or a catalog.

One SQLite file for each model and size: thousands of small vectors in one transaction a request, durable once it ends,
undone when its process is killed. A text is known by its SHA-256. Whoever is about to send takes the file's one place
for a writer first and looks again: of two processes with the same text the second finds what the first has paid for.
Texts and keys are never written here.
"""

import hashlib
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np

from mediafm.caches import cache_folder
from mediafm.encoders.hosted.waiting import Clock, StoppedError
from mediafm.errors import CatalogError
from mediafm.types import FloatArray

_LOOK_S = 0.5  # between looks whether the run was told to stop
_PATIENCE_S = 60.0  # for another process that is just writing
_AT_ONCE = 500  # keys of one question
_TABLE = "CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB NOT NULL)"


def text_key(text: str) -> bytes:
    """The name of a text."""
    return hashlib.sha256(text.encode("utf-8")).digest()


class TextCache:
    """The vectors of one model at one size, in a file below `$MEDIAFM_CACHE/texts` or the user's cache directory."""

    def __init__(self, model: str, dim: int, folder: Path | None = None) -> None:
        self.folder = cache_folder("texts") if folder is None else folder
        slug = re.sub(r"[^A-Za-z0-9.]+", "-", model)[:60]
        self.path = self.folder / f"{slug}-{dim}-{hashlib.sha256(model.encode()).hexdigest()[:8]}.sqlite"
        self._dim = dim

    def vectors(self, keys: Sequence[bytes]) -> dict[bytes, FloatArray]:
        """Those of the keys that are known; float32 [dim] each."""
        if not self.path.is_file():
            return {}
        with self._translated(), closing(self._connect(_PATIENCE_S)) as connection:
            return self._known(connection, keys)

    @contextmanager
    def sole(self, clock: Clock) -> Iterator["Sole"]:
        """The place of the one sender; waits for it. What is put is there once the block ends well.

        StoppedError where the run is told to stop. CatalogError where nothing can be kept: better before paying.
        """
        with self._translated():
            self.folder.mkdir(parents=True, exist_ok=True)
            connection = self._connect(_LOOK_S)
        with closing(connection):
            with self._translated():
                self._begin(connection, clock)
            yield Sole(self, connection)  # an exception closes the connection, which undoes what was put

    def known(self, connection: sqlite3.Connection, keys: Sequence[bytes]) -> dict[bytes, FloatArray]:
        """As `vectors`, inside `sole`."""
        with self._translated():
            return self._known(connection, keys)

    def put(self, connection: sqlite3.Connection, vectors: Mapping[bytes, FloatArray]) -> None:
        """Keep vectors for good."""
        rows = [(key, np.asarray(vector, "<f4").tobytes()) for key, vector in vectors.items()]
        with self._translated():
            connection.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)
            connection.execute("COMMIT")

    def _connect(self, patience_s: float) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=patience_s, isolation_level=None)
        connection.execute("PRAGMA synchronous = FULL")
        return connection

    def _begin(self, connection: sqlite3.Connection, clock: Clock) -> None:
        while True:
            if clock.stopped:
                raise StoppedError
            try:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute(_TABLE)  # a place that cannot be written shows before anything is sent
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                    raise

    def _known(self, connection: sqlite3.Connection, keys: Sequence[bytes]) -> dict[bytes, FloatArray]:
        found: dict[bytes, FloatArray] = {}
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'vectors'").fetchone():
            return found
        for start in range(0, len(keys), _AT_ONCE):
            some = keys[start : start + _AT_ONCE]
            marks = ", ".join("?" * len(some))
            for key, data in connection.execute(f"SELECT key, vector FROM vectors WHERE key IN ({marks})", some):
                vector = np.frombuffer(data, "<f4").astype(np.float32) if len(data) == 4 * self._dim else None
                if vector is not None and np.isfinite(vector).all():
                    found[key] = vector
        return found

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise CatalogError(
                f"The cache of paid vectors {self.path} cannot be used: {error}.",
                "Free some space there, or set MEDIAFM_CACHE to a folder that can be written; a damaged file can only "
                "be deleted, and its texts be paid for again.",
            ) from error


class Sole:
    """What the one sender may do."""

    def __init__(self, cache: TextCache, connection: sqlite3.Connection) -> None:
        self._cache, self._connection = cache, connection

    def vectors(self, keys: Sequence[bytes]) -> dict[bytes, FloatArray]:
        """As `TextCache.vectors`, and nobody else will add to them before the block ends."""
        return self._cache.known(self._connection, keys)

    def put(self, vectors: Mapping[bytes, FloatArray]) -> None:
        """Keep vectors for good. Once only: the place is free again."""
        self._cache.put(self._connection, vectors)
