"""Fingerprints: one short text that changes whenever the same shot could get another vector."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_CHUNK = 1 << 20
_known: dict[tuple[str, int, int], str] = {}  # (path, size, mtime) -> sha256; lives as long as the process


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes in hex. A file that has not changed is read once a process: it may be gigabytes."""
    stat = path.stat()
    key = (str(path.resolve()), stat.st_size, stat.st_mtime_ns)
    if key not in _known:
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
        _known[key] = digest.hexdigest()
    return _known[key]


def files_sha256(root: Path, files: Iterable[Path]) -> str:
    """One SHA-256 over several files' names (relative to `root`) and contents, whatever order they come in."""
    digest = hashlib.sha256()
    for name, path in sorted((path.relative_to(root).as_posix(), path) for path in files):
        digest.update(f"{name}\0{file_sha256(path)}\n".encode())
    return digest.hexdigest()


def fingerprint(name: str, **parts: Any) -> str:
    """`name:` and a SHA-256 over JSON-able parts: code version, settings, weights."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return f"{name}:{hashlib.sha256(text.encode()).hexdigest()}"
