"""Films from object storage, on this machine for as long as they are read.

A film is read by a process that can open no socket, so it has to be brought. It is brought whole, to the temporary
folder, rather than handed over piece by piece: nothing of what reads films changes then, an embedded track of subtitles
(a second look at the film) is paid for once, and a network that stumbles is asked again without the decoder noticing.
Memory stays flat, the disk is bounded, and the next film comes while one is read.

Copies are deleted when they have been read. A folder that a killed process left is known by its lock, which the system
has taken back, and goes when the next one starts.
"""

import errno
import fcntl
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from mediafm.errors import StorageError
from mediafm.media import RemoteFilm
from mediafm.storage import fetch

_PREFIX, _LOCK = "mediafm-films-", "lock"
_SHARE = 0.8  # of what is free in the temporary folder
_NOTICE_S = 0.2


class FilmSpool:
    """Copies of films, as many at a time as fit into `limit_bytes` (0: most of what is free in the temporary folder).

    go_on: raises when it is time to stop. A context manager; used by several threads.
    """

    def __init__(self, limit_bytes: int = 0, go_on: Callable[[], None] = lambda: None) -> None:
        self._limit_bytes, self._go_on = limit_bytes, go_on
        self._room = threading.Condition()
        self._taken = 0
        self._folder: Path | None = None
        self._lock: IO[bytes] | None = None

    def __enter__(self) -> "FilmSpool":
        return self

    def __exit__(self, *_: object) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        if self._lock is not None:
            self._lock.close()

    @contextmanager
    def copy(self, film: RemoteFilm) -> Iterator[Path]:
        """The film and what lies beside it, on this machine; gone after the block. Raises StorageError."""
        files = (film.file, *film.beside)
        size = sum(file.size for file in files)
        with self._taking(film, size):
            folder = Path(tempfile.mkdtemp(dir=self._home()))
            try:
                with _explained(film, size):
                    for file in files:
                        fetch(file, folder / file.name, self._go_on)
                yield folder / film.file.name
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def _taking(self, film: RemoteFilm, size: int) -> Iterator[None]:
        with self._room:
            self._home()
            if size > self._limit_bytes:
                raise _full(film, size, f"{tempfile.gettempdir()} ({self._limit_bytes / 1e9:.1f} GB for films)")
            while self._taken + size > self._limit_bytes:
                self._go_on()
                self._room.wait(_NOTICE_S)
            self._taken += size
        try:
            yield
        finally:
            with self._room:
                self._taken -= size
                self._room.notify_all()

    def _home(self) -> Path:
        with self._room:
            if self._folder is None:
                _sweep()
                made = Path(tempfile.mkdtemp(prefix=".mediafm-"))
                self._lock = (made / _LOCK).open("wb")
                fcntl.flock(self._lock, fcntl.LOCK_EX)
                self._folder = made.rename(made.with_name(_PREFIX + made.name.rpartition("-")[2]))  # locked by then
                self._limit_bytes = self._limit_bytes or int(shutil.disk_usage(self._folder).free * _SHARE)
            return self._folder


def _sweep() -> None:
    """Delete what processes left that are no more."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError), (folder / _LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # BlockingIOError: its process is alive
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _explained(film: RemoteFilm, size: int) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise _full(film, size, tempfile.gettempdir()) from error
        raise StorageError(
            f"{film} cannot be brought to {tempfile.gettempdir()}: {error.strerror}.",
            "Set TMPDIR to a folder of yours.",
        ) from error


def _full(film: RemoteFilm, size: int, where: str) -> StorageError:
    return StorageError(
        f"{film} takes {size / 1e9:.1f} GB while it is read, for which there is no room in {where}.",
        "Set TMPDIR to a folder that has it.",
    )
