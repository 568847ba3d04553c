"""A cheap fingerprint of a media file's content, and whether the file changed while it was read."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from mediafm.errors import MediaError

_CHUNK = 1 << 18  # bytes hashed at the head, in the middle and at the tail


@dataclass(frozen=True, slots=True)
class FileState:
    """What a file was like at one moment. Equal states: it was neither written nor replaced in between.

    fingerprint: of its content (`source_fingerprint`). device, inode, size in bytes, modified (nanoseconds): as the
    file system tells; they see a change anywhere in the file, which the fingerprint may not.
    """

    fingerprint: str
    device: int
    inode: int
    size: int
    modified: int


def source_fingerprint(path: str | os.PathLike[str]) -> str:
    """Size and sha256 of a file's head, middle and tail; of the whole file where it is no larger than the three.

    It notices another file, a cut or grown file and a new encode without reading gigabytes, and does not mind a copy, a
    new name or a new date. A change of single bytes elsewhere at unchanged size goes unnoticed. Raises MediaError for a
    file that cannot be read.
    """
    return file_state(path).fingerprint


def file_state(path: str | os.PathLike[str]) -> FileState:
    """The state of a file; reads 0.8 MB, whatever its size. Raises MediaError for a file that cannot be read."""
    if Path(path).exists() and not Path(path).is_file():
        raise MediaError(f"{os.fspath(path)} is no regular file.", "Name a file, not a pipe or a device.")
    try:
        with Path(path).open("rb") as file:
            about = os.fstat(file.fileno())
            size = file.seek(0, os.SEEK_END)
            digest = hashlib.sha256()
            if size <= 3 * _CHUNK:
                file.seek(0)
                digest.update(file.read(3 * _CHUNK))
            else:
                for start in (0, (size - _CHUNK) // 2, size - _CHUNK):
                    file.seek(start)
                    digest.update(file.read(_CHUNK))
    except OSError as error:
        raise MediaError(
            f"{os.fspath(path)} cannot be read: {error.strerror}.", "Check the path and its rights."
        ) from error
    return FileState(f"{size}-{digest.hexdigest()}", about.st_dev, about.st_ino, size, about.st_mtime_ns)


def require_unchanged(path: str | os.PathLike[str], before: FileState) -> None:
    """MediaError where the file is not what it was: what was read in between may be half of one and half of another."""
    if file_state(path) != before:
        raise MediaError(
            f"{os.fspath(path)} changed while it was read.",
            "Run the command again when nothing writes to it any more; what was stored of it before stands.",
        )
