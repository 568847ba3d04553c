"""Small arrays on disk under a name: frames once decoded, vectors once made. A cache: it may be deleted at any time."""

import contextlib
import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file
from safetensors.numpy import save as arrays_to_bytes

from mediafm.caches import cache_folder
from mediafm.errors import MediafmError

Arrays = dict[str, NDArray[Any]]


class ArrayStore:
    """Files of safetensors below `$MEDIAFM_CACHE/KIND` or the user's cache directory. Safe to share."""

    def __init__(self, kind: str, folder: Path | None = None) -> None:
        self.folder = cache_folder(kind) if folder is None else folder

    @staticmethod
    def key(**facts: Any) -> str:
        """The name of an entry, from all that it depends on (JSON-able)."""
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    def __contains__(self, key: str) -> bool:
        return self._path(key).is_file()

    def shapes(self, key: str) -> dict[str, tuple[int, ...]] | None:
        """Shapes of an entry's arrays, from its head alone; None where there is no entry, or one that was cut short."""
        try:
            with safe_open(self._path(key), framework="numpy") as held:
                return {name: tuple(held.get_slice(name).get_shape()) for name in held.keys()}  # noqa: SIM118
        except (OSError, SafetensorError, ValueError):
            return None

    def get(self, key: str) -> Arrays | None:
        """The arrays of an entry; None where there is none, or a damaged one."""
        try:
            return load_file(self._path(key))
        except (OSError, SafetensorError, ValueError):
            return None

    def put(self, key: str, arrays: Arrays) -> None:
        """Write an entry in one step. MediafmError where that cannot be done."""
        path = self._path(key)
        part = ""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
                part = file.name
                file.write(arrays_to_bytes({name: np.ascontiguousarray(a) for name, a in arrays.items()}))
            Path(part).replace(path)
        except OSError as error:
            with contextlib.suppress(OSError):
                Path(part).unlink(missing_ok=True)
            raise MediafmError(
                f"The cache {self.folder} cannot be written: {error.strerror or error}.",
                "Free some space there, or set MEDIAFM_CACHE to a folder that can be written.",
            ) from error

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.safetensors"
