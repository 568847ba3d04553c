"""Where things that can be made again are kept: each kind in a folder of its own, which may be deleted at any time."""

import fcntl
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LOCK = "lock"


def cache_folder(kind: str) -> Path:
    """`$MEDIAFM_CACHE/KIND`, or `mediafm/KIND` in the user's cache directory."""
    if named := os.environ.get("MEDIAFM_CACHE"):
        return Path(named).expanduser() / kind
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "mediafm" / kind
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mediafm" / kind


@contextmanager
def locked(home: Path) -> Iterator[None]:
    """Hold the lock of a cache's folder; whoever has it is waited for, and one who dies gives it back."""
    with (home / _LOCK).open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # taken back when the file is closed, also by death
        yield


def clear(home: Path, keep: Path | None = None) -> None:
    """Remove everything but the lock and `keep`: older versions, what is not whole, builds that were killed."""
    for entry in home.iterdir():
        if entry.name != _LOCK and entry != keep:
            # What another process holds open may linger on a network file system; it is in nobody's way.
            shutil.rmtree(entry, ignore_errors=True)


def sync(folder: Path) -> None:
    """See that what stands in a folder is on the disk by name."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
