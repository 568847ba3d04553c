"""Files on object storage: what lies below an address, copies of it, and whether it is still the same.

The one home of fsspec, with s3fs or gcsfs behind it (the extra `cloud`). Catalogs need none of it: they are LanceDB's.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from mediafm.errors import StorageError, UsageError
from mediafm.storage.options import system_options
from mediafm.storage.troubles import translated

_CHUNK = 16 << 20  # bytes asked for at a time


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file on object storage as it was when it was listed. Two that are equal are the same bytes.

    address: with its scheme. version: the storage's own mark of the content (etag), or the time of the last change
    where it has none.
    """

    address: str
    size: int
    version: str

    def __str__(self) -> str:
        return self.address

    @property
    def name(self) -> str:
        """The last part of the address."""
        return PurePosixPath(self.address).name

    @property
    def stem(self) -> str:
        """The name without its ending."""
        return PurePosixPath(self.address).stem

    @property
    def suffix(self) -> str:
        """The ending of the name, with its dot."""
        return PurePosixPath(self.address).suffix

    @property
    def folder(self) -> str:
        """The address without the name."""
        return self.address.rpartition("/")[0]

    @property
    def fingerprint(self) -> str:
        """Size and version: what changes when the content does."""
        return f"{self.size}-{self.version}"


def look_up(address: str) -> RemoteFile | None:
    """The file at an address; None where there is none of just that name. Raises StorageError."""
    system = _file_system(address)
    with translated(address):
        try:
            about = system.info(_inside(address))
        except FileNotFoundError:
            return None
    return _file(address, about) if about.get("type") == "file" else None


def list_files(address: str, deep: bool = True) -> list[RemoteFile]:
    """All files below an address, in order of their addresses; empty where there are none. Raises StorageError.

    deep: also those that lie deeper than one level.
    """
    system, scheme = _file_system(address), address.partition("://")[0]
    with translated(address):
        try:
            found = system.find(_inside(address), maxdepth=None if deep else 1, detail=True)
        except FileNotFoundError as error:
            if "bucket" in str(error).lower():
                raise
            return []
    files = [_file(f"{scheme}://{path}", about) for path, about in found.items() if about.get("type") == "file"]
    below = address.rstrip("/") + "/"
    return sorted((f for f in files if f.address.startswith(below)), key=lambda f: f.address)


def fetch(file: RemoteFile, to: Path, go_on: Callable[[], None] = lambda: None) -> None:
    """Copy a file to this machine, piece by piece; `go_on` is called between pieces and may raise to stop it.

    Raises StorageError where it cannot be read, or is not what it was when it was listed.
    """
    system, path = _file_system(file.address), _inside(file.address)
    with to.open("wb") as out:
        for start in range(0, file.size, _CHUNK):
            go_on()
            with translated(file.address):
                piece = system.cat_file(path, start=start, end=min(start + _CHUNK, file.size))
            out.write(piece)
        if out.tell() != file.size:
            raise _changed(file)
    require_same(file)


def read_start(file: RemoteFile, nbytes: int) -> bytes:
    """The first bytes of a file, all of it where it is no longer. Raises StorageError where it cannot be read."""
    system = _file_system(file.address)
    with translated(file.address):
        end = min(file.size, nbytes)
        return bytes(system.cat_file(_inside(file.address), start=0, end=end)) if end else b""


def require_same(file: RemoteFile) -> None:
    """StorageError where the file is not what it was when it was listed."""
    if look_up(file.address) != file:
        raise _changed(file)


def check_writable(folder: str) -> None:
    """StorageError where nothing can be written below an address: told before hours of work, not after."""
    system = _file_system(folder)
    path = f"{_inside(folder).rstrip('/')}/.mediafm-writable-{os.getpid()}"
    with translated(folder, "written"):
        system.pipe_file(path, b"")
        system.rm_file(path)


def _changed(file: RemoteFile) -> StorageError:
    return StorageError(
        f"{file.address} changed while it was read.",
        "Run the command again when nothing writes to it any more; what was stored of it before stands.",
    )


def _file(address: str, about: Mapping[str, Any]) -> RemoteFile:
    version = about.get("ETag") or about.get("etag") or about.get("md5Hash")
    if not version:
        changed = about.get("LastModified") or about.get("mtime") or about.get("created")
        version = changed.isoformat() if isinstance(changed, datetime) else str(changed or "")
    return RemoteFile(address, int(about.get("size") or 0), str(version).strip('"'))


def _inside(address: str) -> str:
    """The address as file systems of fsspec have it: without scheme."""
    return address.partition("://")[2]


def _file_system(address: str) -> Any:
    import fsspec

    scheme = address.partition("://")[0]
    try:
        known = fsspec.get_filesystem_class(scheme)
    except ImportError as error:
        raise UsageError(
            f"{address} needs a library that is not installed: {error}.", "pip install 'mediafm[cloud]'"
        ) from error
    except ValueError as error:
        raise UsageError(
            f"{address}: {scheme}:// is no object storage that is known here.", "Use s3:// or gs://, or a local path."
        ) from error
    with translated(address):
        return known(use_listings_cache=False, **system_options(scheme))
