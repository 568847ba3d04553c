"""Where an export is written: beside its place, which it takes at the end, so that a folder by its name is whole.

What a killed export leaves is called `.NAME.partial-HOST-PID`; the next export to the same place deletes it.
"""

import errno
import json
import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from mediafm.errors import StorageError, UsageError
from mediafm.storage import is_remote

NOTE = "export.json"  # what was exported and what made it; only an export has one with this key
_MARK = "mediafm_export"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def check_place(out: str | os.PathLike[str], overwrite: bool) -> Path:
    """The folder to be; UsageError where it must not be written, told before hours of work."""
    if is_remote(os.fspath(out)):
        raise UsageError(
            f"Cannot export to {os.fspath(out)}: exports are written to a local folder.",
            "Export to a folder here, then copy it there.",
        )
    folder = Path(out)
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise UsageError(f"{folder} is not a folder.", "An export is a folder of files: name a new one.")
    if not folder.is_dir() or not any(folder.iterdir()):
        return folder
    if not overwrite:
        raise UsageError(f"There is something in {folder} already.", "Name another folder, or add --overwrite.")
    if not _is_export(folder):
        raise UsageError(
            f"{folder} holds other things than an export, which --overwrite would delete.", "Name another folder."
        )
    return folder


@contextmanager
def written_beside(folder: Path) -> Iterator[Path]:
    """A new folder to write into, which becomes `folder` at the end of the block; gone if the block fails.

    StorageError where the disk is full or the place may not be written. An export that is there stays until then.
    """
    partial = folder.with_name(f".{folder.name}.partial-{platform.node()}-{os.getpid()}")
    with _explained(folder):
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            _sweep(folder)
            partial.mkdir()
            yield partial
            _take_place(partial, folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def write_note(folder: Path, note: dict[str, Any]) -> None:
    """Write `export.json`: what was exported and what made it."""
    write_json(folder / NOTE, {_MARK: 1, **note})


def write_json(path: Path, document: Any) -> None:
    """One JSON document, readable by people."""
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def files_of(folder: Path) -> list[Path]:
    """All files in a folder, in order of their paths."""
    return sorted(p for p in folder.rglob("*") if p.is_file())


def _is_export(folder: Path) -> bool:
    try:
        note = json.loads((folder / NOTE).read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(note, dict) and _MARK in note


def _take_place(partial: Path, folder: Path) -> None:
    for file in files_of(partial):
        with file.open("rb") as written:
            os.fsync(written.fileno())
    if not folder.exists():
        partial.rename(folder)
        return
    old = partial.with_name(partial.name.replace(".partial-", ".old-"))
    folder.rename(old)
    partial.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def _sweep(folder: Path) -> None:
    """Delete what exports to this place left whose process, on this machine, is no more."""
    start = f".{folder.name}.partial-{platform.node()}-"
    for left in folder.parent.glob(f".{_escaped(folder.name)}.partial-*"):
        number = left.name.removeprefix(start)
        if number.isdigit() and not _is_alive(int(number)):
            shutil.rmtree(left, ignore_errors=True)


def _escaped(name: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)


def _is_alive(process: int) -> bool:
    if process == os.getpid():
        return False  # a number used again: ours begins just now
    with suppress(PermissionError):
        try:
            os.kill(process, 0)
        except (ProcessLookupError, OverflowError):
            return False
    return True


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StorageError(
                f"There is no room for the export in {folder.parent}: {error.strerror}.",
                "Nothing of it is left there. Free some space, choose fewer --features, or another disk.",
            ) from error
        raise StorageError(
            f"The export cannot be written to {folder}: {error.strerror or error}.", "Choose a place of yours."
        ) from error
