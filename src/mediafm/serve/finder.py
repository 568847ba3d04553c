"""Search for a service: one catalog, many askers, encoders that are loaded once.

What is sent to be searched by is opened in a confined process alone.
"""

import base64
import binascii
import re
import tempfile
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, cast

from mediafm.catalog import Catalog
from mediafm.errors import MediafmError, UsageError
from mediafm.reading.process import Limits
from mediafm.search import Answer, Options, Query, QueryEncoders, Unit, find
from mediafm.search.external import FileReader
from mediafm.serve.library import Library

_FILE_LIMITS = Limits(timeout_s=30.0, stall_s=30.0, memory_mb=2048)


class Finder:
    """Answers searches of one catalog. For many threads; `close` ends the process that opens files."""

    def __init__(self, library: Library, preset: str = "") -> None:
        """preset: whose encoders read what is asked; default the one that the catalog was made with."""
        self._library, self._preset = library, preset
        self._files = FileReader(_FILE_LIMITS, keep=True)
        self._lock = threading.Lock()
        self._opened = library.standing().opened
        self._encoders = QueryEncoders(self._opened, preset, self._files)

    def find(self, queries: Sequence[Query], unit: Unit, k: int, features: Sequence[str], options: Options) -> Answer:
        """As `mediafm.search.find`."""
        now = self._library.standing()
        # A Standing answers to all that a catalog does.
        return find(cast(Catalog, now), queries, unit, k, features, self._encoders_of(now.opened), options)

    def close(self) -> None:
        """End the process that opens files."""
        self._files.close()

    def _encoders_of(self, opened: Catalog) -> QueryEncoders:
        """Those of this making of the catalog, so that no question meets vectors of other encoders."""
        with self._lock:
            if opened is not self._opened:
                self._opened, self._encoders = opened, QueryEncoders(opened, self._preset, self._files)
            return self._encoders


class Sent(AbstractContextManager["Sent"]):
    """Files that came with a request, in a folder of their own that goes away with it.

    Their names are ours. Errors about them speak of what was sent, not of where it lay.
    """

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="mediafm-sent-")

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        where = f"{self._folder.name}/"
        self._folder.cleanup()
        if isinstance(error, MediafmError):
            told = error.message.replace(where, "the ")
            error.message = told[:1].upper() + told[1:]
            if "`mediafm" not in error.remedy:  # options of the command line are fields here
                error.remedy = re.sub(r"--([a-z]+)", r"`\1`", error.remedy)

    def keep(self, name: str, data: bytes) -> Path:
        """The file that holds these bytes. name: what it is to be called in answers."""
        if not data:
            raise UsageError(f"The {name} is empty.", "Send the bytes of a file.")
        path = Path(self._folder.name) / name
        path.write_bytes(data)
        return path


def from_base64(name: str, text: str) -> bytes:
    """The bytes that were written as text; also as a `data:` address, as browsers write them."""
    body = text.partition(",")[2] if text.startswith("data:") else text
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError) as error:
        raise UsageError(f"The {name} is not base64: {error}.", "Encode the bytes of the file as base64.") from error
