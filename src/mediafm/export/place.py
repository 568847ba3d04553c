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
    folder = Path(out).resolve()  # with a name, also for "."
    if folder.parent.is_dir():
        with _explained(folder):
            _sweep(folder)
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is not a folder.", "An export is a folder of files: name a new one.")
    if not folder.is_dir() or not any(folder.iterdir()):
        return folder
    if not overwrite:
        raise UsageError(f"There is something in {folder} already.", "Name another folder, or add --overwrite.")
    if others := _not_ours(folder):
        raise UsageError(
            f"{folder} holds other things than an export ({', '.join(others[:3])}), which --overwrite would delete.",
            "Move them away, or name another folder.",
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
            partial.mkdir()
            yield partial
            _take_place(partial, folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def write_note(folder: Path, note: dict[str, Any]) -> None:
    """Write `export.json`: what was exported, what made it, and which files are there."""
    files = [path.relative_to(folder).as_posix() for path in files_of(folder)]
    write_json(folder / NOTE, {_MARK: 1, **note, "files": files})


def write_json(path: Path, document: Any) -> None:
    """One JSON document, readable by people."""
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def files_of(folder: Path) -> list[Path]:
    """All files in a folder, in order of their paths."""
    return sorted(p for p in folder.rglob("*") if p.is_file())


def _not_ours(folder: Path) -> list[str]:
    """Files that no export of ours wrote there, by their paths inside the folder."""
    found = [path.relative_to(folder).as_posix() for path in files_of(folder)]
    try:
        note = json.loads((folder / NOTE).read_text("utf-8"))
        written = {NOTE, *note["files"]} if _MARK in note else set()
    except (OSError, ValueError, KeyError, TypeError):
        written = set()
    return [name for name in found if name not in written]


def _take_place(partial: Path, folder: Path) -> None:
    for file in files_of(partial):
        with file.open("rb") as written:
            os.fsync(written.fileno())
    if not folder.exists():
        partial.rename(folder)
        return
    old = partial.with_name(partial.name.replace(".partial-", ".old-", 1))
    folder.rename(old)
    partial.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def _sweep(folder: Path) -> None:
    """Tidy up after exports to this place whose process, on this machine, is no more."""
    for kind in ("partial", "old"):
        start = f".{folder.name}.{kind}-{platform.node()}-"
        for left in [path for path in folder.parent.iterdir() if path.name.startswith(start)]:
            number = left.name.removeprefix(start)
            if not number.isdigit() or _is_alive(int(number)):
                continue
            if kind == "old" and not folder.exists():
                left.rename(folder)  # it was killed between its two renamings
            else:
                shutil.rmtree(left, ignore_errors=True)


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
