"""For those who run the service: keys, the audit log, what is at work, and taking nothing new for a while."""

import json
import resource
import sys
import time
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi import Path as InPath
from pydantic import Field

from mediafm.errors import CatalogError, UsageError
from mediafm.serve.forms import Form
from mediafm.serve.keys import Role, add_key, read_keys, remove_key
from mediafm.serve.options import ServeOptions
from mediafm.serve.work import Work

_TAIL = 1 << 20  # bytes of the audit log that are looked at

KeyName = Annotated[str, Field(min_length=1, max_length=200, examples=["anna"])]


class StoredKeyForm(Form):
    """A key as it is kept: nothing in it can be used to call."""

    name: KeyName
    role: Role
    made: str = Field(examples=["2026-11-22T09:00:00+00:00"])


class StoredKeys(Form):
    """All keys."""

    keys: list[StoredKeyForm]


class KeyAsked(Form):
    """A key that is to be made."""

    name: KeyName
    role: Role = "read"


class KeyMade(Form):
    """A new key, told this once."""

    name: KeyName
    role: Role
    key: str = Field(examples=["mfm_the-key-itself"])


class Audit(Form):
    """Lines of the audit log, newest first."""

    lines: list[dict[str, Any]]


class Standing(Form):
    """How the service stands. at_work: requests by kind, with those that wait for their turn; of: the room there is."""

    up_s: float = Field(examples=[3600.0])
    draining: bool
    stopping: bool
    connections: int = Field(examples=[12])
    at_work: dict[str, int] = Field(examples=[{"request": 1, "stream": 0, "watch": 1}])
    of: dict[str, int] = Field(examples=[{"request": 32, "stream": 256, "watch": 8}])
    peak_memory_mb: float = Field(examples=[412.0])


def make_router(options: ServeOptions, work: Work) -> APIRouter:
    """Routes below `/v1/admin`; the guard lets nobody but admins to them."""
    router = APIRouter(prefix="/v1/admin", tags=["admin"])

    @router.get("/keys")
    def list_keys() -> StoredKeys:
        """Whose keys there are."""
        found = read_keys(_file(options))
        return StoredKeys(keys=[StoredKeyForm(name=k.name, role=k.role, made=k.made) for k in found])

    @router.post("/keys", status_code=201)
    def add(asked: KeyAsked) -> KeyMade:
        """Make a key. It is told this once; only its hash is kept."""
        return KeyMade(name=asked.name, role=asked.role, key=add_key(_file(options), asked.name, asked.role))

    @router.delete("/keys/{name:path}", status_code=204)
    def revoke(name: Annotated[str, InPath(max_length=200, examples=["anna"])]) -> None:
        """Take a key out: it is refused from the next request on. The last admin's stays."""
        file = _file(options)
        if name not in {key.name for key in read_keys(file)}:
            raise CatalogError("There is no key of that name.", "GET /v1/admin/keys lists them.")
        remove_key(file, name, last_admin=False)

    @router.get("/audit")
    def audit(limit: Annotated[int, Query(ge=1, le=1000, description="How many lines.")] = 100) -> Audit:
        """The end of the audit log, newest first."""
        if options.audit is None:
            raise UsageError("The service keeps no audit log.", "Start it with --audit FILE.")
        return Audit(lines=_tail(options.audit, limit))

    @router.get("/status")
    def status() -> Standing:
        """How long it is up, what is at work, and how much room there is."""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return Standing(
            up_s=round(time.monotonic() - work.began, 3),
            draining=work.draining,
            stopping=work.stopping,
            connections=len(work.connections),
            at_work={kind: slots.held for kind, slots in work.slots.items()},
            of={kind: slots.most for kind, slots in work.slots.items()},
            peak_memory_mb=round(peak / (1 << 20 if sys.platform == "darwin" else 1 << 10), 1),
        )

    @router.post("/drain")
    def drain() -> Standing:
        """Take nothing new (503) while what is at work is finished; `/healthz` says so, too."""
        work.draining = True
        return status()

    @router.delete("/drain")
    def go_on() -> Standing:
        """Take requests again."""
        work.draining = False
        return status()

    return router


def _file(options: ServeOptions) -> Path:
    if options.keys is None:
        raise UsageError("The service was started without keys.", "Start it with --keys FILE to have any.")
    return options.keys


def _tail(path: Path, limit: int) -> list[dict[str, Any]]:
    """The last lines of a log, newest first. One that is not whole, by a kill or at the start of the piece, is none."""
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, 2) - _TAIL))
        lines = file.read().splitlines()
    found: list[dict[str, Any]] = []
    for line in reversed(lines):
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict):
            found.append(entry)
        if len(found) == limit:
            break
    return found
