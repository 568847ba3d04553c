"""A catalog as the service sees it: what every request asks for, kept until the catalog changes.

Other processes may ingest, embed, re-encode and tidy meanwhile: what they commit is seen within a second, a new
embedding set or another encoder too, without a restart.
"""

import mimetypes
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from mediafm.catalog import Catalog, EmbeddingSetSpec, FileState, TitleRecord, file_state
from mediafm.errors import CatalogError, MediafmError
from mediafm.media import MEDIA_SUFFIXES
from mediafm.storage import is_remote

_LOOK_EVERY_S = 1.0  # at whether the catalog has changed


class Standing:
    """A catalog for a moment: what is asked again and again is read once; all else goes to the catalog itself.

    before: the one of a moment ago, whose titles count on where nothing was written. opened: the catalog itself,
    another object once it was re-encoded or made anew in its place.
    """

    def __init__(self, opened: Catalog, before: "Standing | None" = None) -> None:
        self.opened, self.identity, self._version = opened, opened.identity, opened.content_version()
        same = before is not None and (before.identity, before._version) == (self.identity, self._version)
        self.records: dict[str, TitleRecord] = (
            before.records if same and before else {r.title_id: r for r in opened.titles()}
        )
        self._catalog = opened.holding(list(self.records.values()))
        self._sets: list[EmbeddingSetSpec] | None = None
        self._missing: dict[str, list[str]] = {}
        self._spans: dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._catalog, name)

    def content_version(self) -> str:
        """As the catalog's."""
        return self._version

    def titles(self) -> list[TitleRecord]:
        """As the catalog's."""
        return list(self.records.values())

    def title_ids(self) -> list[str]:
        """As the catalog's."""
        return list(self.records)

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

    def spans(self, title_id: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """As the catalog's; not to be changed."""
        if title_id not in self._spans:
            self._spans[title_id] = self._catalog.spans(title_id)
        return self._spans[title_id]


class Library:
    """The titles of a catalog and their films. Used by many threads."""

    def __init__(self, uri: str) -> None:
        self._lock = threading.Lock()
        self._standing, self._looked = Standing(Catalog.open(uri)), time.monotonic()
        self._films: dict[str, tuple[int, FileState]] = {}

    @property
    def catalog(self) -> Catalog:
        """The catalog as it stands, for reading."""
        return cast(Catalog, self.standing())  # it answers to all that a catalog does

    def records(self) -> dict[str, TitleRecord]:
        """Title id -> record, in id order."""
        return self.standing().records

    def version(self) -> str:
        """Another one whenever a title was added, changed or removed."""
        return self.standing().content_version()

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

    def standing(self) -> Standing:
        """The catalog for this moment: all that one answer needs comes from one of them."""
        with self._lock:
            if time.monotonic() - self._looked >= _LOOK_EVERY_S:
                opened = self._standing.opened
                # What its encoders are is read when a catalog is opened.
                if opened.identity != self._standing.identity:
                    opened = Catalog.open(opened.uri)
                self._standing, self._looked = Standing(opened, self._standing), time.monotonic()
            return self._standing


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
