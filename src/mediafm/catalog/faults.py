"""What LanceDB's errors mean: it speaks in bare RuntimeError, ValueError and OSError."""

import re

from mediafm.errors import CatalogError
from mediafm.storage import is_remote, trouble_of

_CONFLICT = re.compile(r"commit conflict|concurrent (transaction|writers|commit)|was preempted", re.IGNORECASE)
_GONE = re.compile(r"not found.*\.(lance|manifest|txn|arrow|bin|idx)\b", re.IGNORECASE | re.DOTALL)
_FULL = re.compile(r"no space left|file too large|quota exceeded|os error (27|28|122)\b", re.IGNORECASE)
_DENIED = re.compile(r"read-only|permission denied|access ?denied|os error (1|13|30)\b", re.IGNORECASE)
_SOURCE_LINE = re.compile(r",? \S+\.rs:\d+(:\d+)?|lance error: |LanceError\(\w+\): ")


def met_another(error: Exception) -> bool:
    """Whether a change was refused because another process made one meanwhile."""
    return bool(_CONFLICT.search(str(error)))


def is_gone(error: Exception) -> bool:
    """Whether a file was missing, as after another process has tidied up."""
    return bool(_GONE.search(str(error)))


def explained(uri: str, action: str, error: Exception) -> CatalogError:
    """The error for people: what could not be done (`action`), why, and what helps."""
    if is_remote(uri) and (trouble := trouble_of(uri, action, error)):
        return CatalogError(*trouble)
    first_line = next(iter(str(error).splitlines()), type(error).__name__)
    said = _SOURCE_LINE.sub("", first_line)
    if _FULL.search(said):
        return CatalogError(
            f"The storage of the catalog {uri} is full; it could not {action}: {said}",
            "What was stored before stands. Free some space (`mediafm optimize --grace 0` drops old versions), then "
            "run the command again.",
        )
    if _DENIED.search(said):
        return CatalogError(
            f"The catalog {uri} cannot be written; it could not {action}: {said}",
            "What is stored stands and can be read. Make the place writable for you, or work with a copy.",
        )
    return CatalogError(
        f"The catalog {uri} could not {action}: {said}",
        "Check that its storage is reachable, writable and not full, then run the command again; "
        "`mediafm verify` lists what is damaged.",
    )
