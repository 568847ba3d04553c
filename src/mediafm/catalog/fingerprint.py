"""A cheap fingerprint of a media file's content."""

import hashlib
import os
from pathlib import Path

from mediafm.errors import MediaError

_CHUNK = 1 << 18  # bytes hashed at the head, in the middle and at the tail


def source_fingerprint(path: str | os.PathLike[str]) -> str:
    """Size and sha256 of a file's head, middle and tail; of the whole file where it is no larger than the three.

    It notices another file, a cut or grown file and a new encode without reading gigabytes. A change of single bytes
    elsewhere at unchanged size goes unnoticed. Raises MediaError for a file that cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            digest = hashlib.sha256()
            if size <= 3 * _CHUNK:
                file.seek(0)
                digest.update(file.read())
            else:
                for start in (0, (size - _CHUNK) // 2, size - _CHUNK):
                    file.seek(start)
                    digest.update(file.read(_CHUNK))
    except OSError as error:
        raise MediaError(
            f"{os.fspath(path)} cannot be read: {error.strerror}.", "Check the path and its rights."
        ) from error
    return f"{size}-{digest.hexdigest()}"
