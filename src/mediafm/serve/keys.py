"""Who may call: a file of keys, of which only hashes are kept.

A key is 256 random bits, so one round of SHA-256 is as good as a slow hash: there is nothing to guess. Every stored
hash is compared, in constant time, whichever fits.
"""

import fcntl
import hashlib
import hmac
import json
import os
import secrets
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

from mediafm.errors import UsageError

Role = Literal["read", "write", "admin"]
RANK: dict[Role, int] = {"read": 0, "write": 1, "admin": 2}
PREFIX = "mfm_"


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key as it is kept. made: ISO time."""

    name: str
    role: Role
    sha256: str
    made: str


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a request is from. may: role by role."""

    name: str
    role: Role

    def may(self, role: Role) -> bool:
        """Whether the caller may do what takes this role."""
        return RANK[self.role] >= RANK[role]


class KeyRing:
    """The keys of a file, read again when it changes: a key that was taken out is refused from the next request on."""

    def __init__(self, path: Path) -> None:
        self._path, self._lock = path, threading.Lock()
        self._seen: tuple[int, int, int] | None = None
        self._keys: list[StoredKey] = []
        self.caller("")  # a damaged file is told now

    def caller(self, key: str) -> Caller | None:
        """Whose key it is; None: nobody's."""
        digest = _digest(key)
        found = None
        for stored in self._current():
            if hmac.compare_digest(stored.sha256, digest):
                found = Caller(stored.name, stored.role)
        return found

    def _current(self) -> list[StoredKey]:
        with self._lock:
            stat = self._path.stat()
            seen = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
            if seen != self._seen:
                self._keys, self._seen = read_keys(self._path), seen
            return self._keys


def read_keys(path: Path) -> list[StoredKey]:
    """All keys of a file; none where it is not there. UsageError for a file that is something else."""
    if not path.exists():
        return []
    try:
        keys = [StoredKey(**json.loads(line)) for line in path.read_text("utf-8").splitlines() if line.strip()]
        if not all(key.role in RANK and len(key.sha256) == 64 for key in keys):
            raise ValueError
    except (OSError, ValueError, TypeError) as error:
        raise UsageError(f"{path} is no file of keys.", "Make one with `mediafm keys add`.") from error
    return keys


def add_key(path: Path, name: str, role: str) -> str:
    """A new key, which is told this once. UsageError for a name that is taken or a role that is none."""
    if role not in get_args(Role):
        raise UsageError(f"{role!r} is no role.", f"Roles are {', '.join(get_args(Role))}.")
    key = PREFIX + secrets.token_urlsafe(32)
    made = datetime.now(UTC).isoformat(timespec="seconds")
    with _alone(path):
        keys = read_keys(path)
        if name != name.strip() or not name or not name.isprintable() or name in {key.name for key in keys}:
            raise UsageError(f"A key cannot be called {name!r}.", "Choose a name that no other key has.")
        _write(path, [*keys, StoredKey(name, role, _digest(key), made)])  # type: ignore[arg-type]
    return key


def remove_key(path: Path, name: str, last_admin: bool = True) -> None:
    """Take a key out. UsageError where there is none of that name.

    last_admin: whether it may be the last that may do everything, after which only the file itself can be changed.
    """
    with _alone(path):
        keys = read_keys(path)
        rest = [key for key in keys if key.name != name]
        if len(rest) == len(keys):
            raise UsageError(f"{path} has no key {name!r}.", f"It has {', '.join(k.name for k in keys) or 'none'}.")
        if not last_admin and not any(key.role == "admin" for key in rest):
            raise UsageError("This is the last key of an admin.", "Add another first, or use `mediafm keys remove`.")
        _write(path, rest)


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Nobody else changes the file meanwhile: two who read it and then write it would lose a key of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with (path.parent / f".{path.name}.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # given back when the file is closed, also by death
        yield


def _write(path: Path, keys: list[StoredKey]) -> None:
    """Whole or not at all, for its owner's eyes alone."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".keys-")  # mode 600
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.writelines(json.dumps(asdict(key)) + "\n" for key in keys)
        file.flush()
        os.fsync(file.fileno())
    Path(name).replace(path)
