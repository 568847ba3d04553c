"""A catalog as the service sees it: what every request asks for, kept until the catalog changes.

Other processes may ingest, embed, re-encode and tidy meanwhile: each request sees what is committed by then, and a new
embedding set, or another encoder, is there without a restart.
"""

import mimetypes
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mediafm.catalog import Catalog, FileState, TitleRecord, file_state
from mediafm.errors import CatalogError, MediafmError
from mediafm.media import MEDIA_SUFFIXES
from mediafm.storage import is_remote

_LOOK_EVERY_S = 1.0  # at whether the catalog has changed


@dataclass(frozen=True, slots=True)
class _Seen:
    catalog: Catalog
    identity: str
    version: str
    records: dict[str, TitleRecord]


class Library:
    """The titles of a catalog and their films. Used by many threads."""

    def __init__(self, uri: str) -> None:
        self._lock = threading.Lock()
        catalog = Catalog.open(uri)
        self._seen, self._looked = _Seen(catalog, catalog.identity, "", {}), float("-inf")
        self._films: dict[str, tuple[int, FileState]] = {}

    @property
    def catalog(self) -> Catalog:
        """The catalog; another object once it was re-encoded or made anew in its place."""
        return self._current().catalog

    def records(self) -> dict[str, TitleRecord]:
        """Title id -> record, in id order."""
        return self._current().records

    def version(self) -> str:
        """Another one whenever a title was added, changed or removed."""
        return self._current().version

    def record(self, title_id: str) -> TitleRecord:
        """One title; CatalogError with close matches where there is none."""
        found = self.records().get(title_id)
        return self.catalog.title_record(title_id) if found is None else found

    def film(self, title_id: str) -> tuple[Path, str]:
        """The file a title was made of, and its media type. CatalogError where it cannot be handed out.

        Only a title's own film is: a file of a film's or sound's kind, unchanged since it was ingested.
        """
        record = self.record(title_id)
        if is_remote(record.path):
            raise CatalogError(f"The film of {title_id} lies on object storage.", "Play it from there.")
        path = Path(record.path)
        if not path.is_absolute() or path.suffix.lower() not in MEDIA_SUFFIXES or not path.is_file():
            raise CatalogError(f"The film of {title_id} is not at hand.", "Only films on the service's machine are.")
        if self._state(title_id, record, path).fingerprint != record.source_fingerprint:
            raise CatalogError(f"The film of {title_id} was changed since.", "Ingest it again.")
        return path, mimetypes.guess_type(path.name)[0] or "application/octet-stream"

    def has_film(self, record: TitleRecord) -> bool:
        """Whether `film` would hand one out, but for its being unchanged: for lists."""
        path = Path(record.path)
        return not is_remote(record.path) and path.suffix.lower() in MEDIA_SUFFIXES and path.is_file()

    def _state(self, title_id: str, record: TitleRecord, path: Path) -> FileState:
        """The file's state, computed anew when it could be another: a fingerprint reads megabytes."""
        changed = path.stat().st_mtime_ns
        known = self._films.get(title_id)
        if known is None or known[0] != changed:
            known = (changed, file_state(path))
            self._films[title_id] = known
        return known[1]

    def _current(self) -> _Seen:
        with self._lock:
            if time.monotonic() - self._looked >= _LOOK_EVERY_S:
                self._seen = _looked_at(self._seen)
                self._looked = time.monotonic()
            return self._seen


def _looked_at(seen: _Seen) -> _Seen:
    """The catalog as it is now. What its encoders are is read when it is opened, so another one is opened anew."""
    catalog, identity = seen.catalog, seen.catalog.identity
    if identity != seen.identity:
        catalog = Catalog.open(catalog.uri)
    version = catalog.content_version()
    if (catalog, version) == (seen.catalog, seen.version):
        return seen
    return _Seen(catalog, identity, version, {r.title_id: r for r in catalog.titles()})


def matching(
    records: Sequence[TitleRecord], words: str, genre: str, tag: str, only: Sequence[str]
) -> list[TitleRecord]:
    """The titles whose id or name has all words in it, with that genre and tag, having all of `only` (video ...)."""
    wanted = words.casefold().split()
    return [
        r
        for r in records
        if all(word in f"{r.title_id} {r.metadata.name}".casefold() for word in wanted)
        and (not genre or genre in r.metadata.genres)
        and (not tag or tag in r.metadata.tags)
        and all(getattr(r, f"has_{name}") for name in only)
    ]


def trouble_opening(uri: str) -> str:
    """Why a catalog cannot be opened; empty: it can."""
    try:
        Catalog.open(uri)
    except MediafmError as error:
        return error.message
    return ""
