"""What was paid for once, on disk: no clip is sent twice, whatever becomes of a run or a catalog.

A clip is known by its film (source fingerprint), its span, how it is cut, and what embeds it, not by the bytes of the
cut file: those change with the video encoder's version, and with them known beforehand nothing need be cut at all. A
vector is written as soon as its answer is there, in one step; a task that was begun is noted, so that a run killed
while it waited asks for the result instead of paying again. Keys and clips are never written here.
"""

import base64
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mediafm.caches import cache_folder
from mediafm.errors import CatalogError
from mediafm.types import FloatArray

_VECTOR, _TASK = "vector", "task"


class HostedCache:
    """JSON files below `$MEDIAFM_CACHE/hosted` or the user's cache directory, one a vector. Safe to share."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = cache_folder("hosted") if folder is None else folder

    def check(self) -> None:
        """CatalogError where nothing can be kept: better before paying than after."""
        self._write("00", "check", {})

    @staticmethod
    def key(**facts: Any) -> str:
        """The name of a clip's files, from all that its vector depends on (JSON-able)."""
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    def vector(self, key: str) -> FloatArray | None:
        """float32 [dim], or None; a file that is damaged counts as none."""
        stored = self._read(key, _VECTOR)
        try:
            vector = np.frombuffer(base64.b64decode(stored["float32"]), "<f4").astype(np.float32)
        except (KeyError, ValueError, TypeError):
            return None
        return vector if len(vector) and np.isfinite(vector).all() else None

    def put_vector(self, key: str, vector: FloatArray, about: Mapping[str, Any]) -> None:
        """Keep a vector, and forget the task that made it. about: whatever helps people to know the file."""
        data = base64.b64encode(np.asarray(vector, "<f4").tobytes()).decode()
        self._write(key, _VECTOR, {**about, "float32": data})
        self.forget_task(key)

    def task(self, key: str) -> str:
        """The id of the task that was begun for a clip; empty where there is none."""
        task = self._read(key, _TASK).get("id")
        return task if isinstance(task, str) else ""

    def put_task(self, key: str, task_id: str) -> None:
        """Note that a task was begun."""
        self._write(key, _TASK, {"id": task_id})

    def forget_task(self, key: str) -> None:
        """The task is over, or gone."""
        self._path(key, _TASK).unlink(missing_ok=True)

    def _path(self, key: str, kind: str) -> Path:
        return self.folder / key[:2] / f"{key}.{kind}.json"

    def _read(self, key: str, kind: str) -> dict[str, Any]:
        try:
            stored = json.loads(self._path(key, kind).read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return stored if isinstance(stored, dict) else {}

    def _write(self, key: str, kind: str, content: Mapping[str, Any]) -> None:
        path = self._path(key, kind)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=path.parent, suffix=".part", delete=False) as file:
                file.write(json.dumps(content))
                file.flush()
                os.fsync(file.fileno())
            Path(file.name).replace(path)
        except OSError as error:
            raise CatalogError(
                f"The cache of paid vectors in {self.folder} cannot be written: {error.strerror or error}.",
                "Free some space there, or set MEDIAFM_CACHE to a folder that can be written.",
            ) from error
