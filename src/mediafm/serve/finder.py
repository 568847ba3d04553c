"""Search for a service: one catalog, many askers, encoders that are loaded once.

A search asks a catalog the same things several times over (its titles, its sets); here they are read once a second and
shared. What is sent to be searched by is opened in a confined process alone.
"""

import base64
import binascii
import re
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, cast

from mediafm.catalog import Catalog, EmbeddingSetSpec, TitleRecord
from mediafm.errors import MediafmError, UsageError
from mediafm.reading.process import Limits
from mediafm.search import Answer, Options, Query, QueryEncoders, Unit, find
from mediafm.search.external import FileReader
from mediafm.serve.library import Library

_STANDS_S = 1.0  # changes of a catalog are seen after this long
_FILE_LIMITS = Limits(timeout_s=30.0, stall_s=30.0, memory_mb=2048)


class Standing:
    """A catalog for a moment: what is asked again and again is read once; all else goes to the catalog itself."""

    def __init__(self, catalog: Catalog, before: "Standing | None") -> None:
        self._catalog = catalog
        self.identity, self._version = catalog.identity, catalog.content_version()
        same = before is not None and (before.identity, before._version) == (self.identity, self._version)
        self._titles: list[TitleRecord] | None = before._titles if same and before else None
        self._sets: list[EmbeddingSetSpec] | None = None
        self._missing: dict[str, list[str]] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._catalog, name)

    def content_version(self) -> str:
        """As the catalog's."""
        return self._version

    def titles(self) -> list[TitleRecord]:
        """As the catalog's; not to be changed."""
        if self._titles is None:
            self._titles = self._catalog.titles()
        return self._titles

    def title_ids(self) -> list[str]:
        """As the catalog's."""
        return [record.title_id for record in self.titles()]

    def embedding_sets(self) -> list[EmbeddingSetSpec]:
        """As the catalog's."""
        if self._sets is None:
            self._sets = self._catalog.embedding_sets()
        return self._sets

    def missing_embeddings(self, name: str) -> list[str]:
        """As the catalog's."""
        if name not in self._missing:
            self._missing[name] = self._catalog.missing_embeddings(name)
        return self._missing[name]


class Finder:
    """Answers searches of one catalog. For many threads; `close` ends the process that opens files."""

    def __init__(self, library: Library, preset: str = "") -> None:
        """preset: whose encoders read what is asked; default the one that the catalog was made with."""
        self._library, self._catalog, self._preset = library, library.catalog, preset
        self._files = FileReader(_FILE_LIMITS, keep=True)
        self._encoders = QueryEncoders(self._catalog, self._preset, self._files)
        self._lock = threading.Lock()
        self._standing: Standing | None = None
        self._until = float("-inf")

    def catalog(self) -> Catalog:
        """The catalog as it stands, for reading many times."""
        return self._now()[0]

    def find(self, queries: Sequence[Query], unit: Unit, k: int, features: Sequence[str], options: Options) -> Answer:
        """As `mediafm.search.find`."""
        catalog, encoders = self._now()
        return find(catalog, queries, unit, k, features, encoders, options)

    def close(self) -> None:
        """End the process that opens files."""
        self._files.close()

    def _now(self) -> tuple[Catalog, QueryEncoders]:
        """The catalog as it stands, and the encoders of its making."""
        with self._lock:
            if self._library.catalog is not self._catalog:
                self._catalog, self._standing = self._library.catalog, None
                self._encoders = QueryEncoders(self._catalog, self._preset, self._files)
            if self._standing is None or time.monotonic() >= self._until:
                self._standing = Standing(self._catalog, self._standing)
                self._until = time.monotonic() + _STANDS_S
            return cast(Catalog, self._standing), self._encoders  # it answers to all that a catalog does


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
