"""The titles that an ingest is about: which films, under what ids, made of what."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mediafm.catalog import FileState, TitleRecord, TitleSource, file_state, require_unchanged, source_fingerprint
from mediafm.errors import MediafmError, UsageError
from mediafm.ingest.summary import IngestSummary
from mediafm.media import RemoteFilm, Segments, find_sidecars, load_metadata, metadata_beside
from mediafm.storage import RemoteFile, require_same
from mediafm.types import Metadata

_AT_ONCE = 16  # .nfo files that are brought from object storage

FilmState = FileState | RemoteFile  # what a film was like at one moment; equal states are equal bytes


@dataclass(frozen=True, slots=True)
class TitleJob:
    """One film to ingest."""

    title_id: str
    path: Path | RemoteFilm
    metadata: Metadata
    language: str

    @property
    def address(self) -> str:
        """Where the film is, for people and for the catalog."""
        return str(self.path.absolute()) if isinstance(self.path, Path) else str(self.path)

    def state(self) -> FilmState:
        """The film as it is now; on object storage, as it was when it was listed. Raises MediaError."""
        return file_state(self.path) if isinstance(self.path, Path) else self.path.file

    def require_unchanged(self, before: FilmState) -> None:
        """MediaError or StorageError where the film is not what it was."""
        if isinstance(self.path, Path):
            assert isinstance(before, FileState)
            require_unchanged(self.path, before)
        else:
            require_same(self.path.file)

    def source(self, fingerprint: str) -> TitleSource:
        """What the title is made of: the film, whose fingerprint it is, and what lies beside it. Raises MediaError."""
        return TitleSource(self.address, fingerprint, self._inputs_fingerprint())

    def source_now(self) -> TitleSource:
        """As `source`, of the film as it is now: a file, or a folder of segments."""
        if not isinstance(self.path, Path) or not self.path.is_dir():
            return self.source(self.state().fingerprint)
        digest = hashlib.sha256()
        for name in Segments(self.path).names:
            digest.update(f"{name}:{source_fingerprint(self.path / name)}\n".encode())
        return self.source(f"segments-{digest.hexdigest()}")

    def _inputs_fingerprint(self) -> str:
        """Of all that shapes the result beside the film itself: subtitles, metadata, language."""
        digest = hashlib.sha256(json.dumps([repr(self.metadata), self.language]).encode())
        if isinstance(self.path, Path):
            for sidecar in find_sidecars(self.path):
                digest.update(f"{sidecar.path.name}:{source_fingerprint(sidecar.path)}".encode())
        else:
            for file in self.path.beside:
                digest.update(f"{file.name}:{file.fingerprint}".encode())
        return digest.hexdigest()


def title_jobs(
    films: Mapping[str, Path | RemoteFilm],
    metadata: Path | None,
    language: str,
    summary: IngestSummary,
    stored: Mapping[str, TitleRecord] | None = None,
) -> list[TitleJob]:
    """A job for each film, with what is known of it: from the metadata file, and from an .nfo file beside it.

    What the metadata file says counts before the .nfo, field by field. An .nfo that cannot be read is noted in the
    summary. stored: titles that the catalog holds: of one that nothing is said of now, what was said then stays, and so
    does the language it was read in where none is given.
    """
    known = load_metadata(metadata) if metadata else {}

    def job(film: tuple[str, Path | RemoteFilm]) -> TitleJob:
        title_id, path = film
        beside: Metadata | None = None
        try:
            beside = metadata_beside(path)
        except MediafmError as error:
            summary.notes.append((title_id, str(error)))
        before = stored.get(title_id) if stored else None
        told = joined(title_id, known.get(title_id), beside, before.metadata if before else None)
        return TitleJob(title_id, path, told, language or (before.language if before else ""))

    if not any(isinstance(path, RemoteFilm) and path.nfo for path in films.values()):
        return [job(film) for film in films.items()]
    with ThreadPoolExecutor(_AT_ONCE) as pool:  # object storage takes its time over each
        return list(pool.map(job, films.items()))


def joined(title_id: str, given: Metadata | None, beside: Metadata | None, before: Metadata | None = None) -> Metadata:
    """Two accounts of one title as one: where the first says nothing, the second counts; else the one before."""
    found = [m for m in (given, beside) if m is not None]
    if not found:
        return before or Metadata(name=title_id)

    def first(field: str) -> Any:
        return next((value for m in found if (value := getattr(m, field))), getattr(found[0], field))

    extra = {key: value for m in reversed(found) for key, value in m.extra.items()}
    return Metadata(first("name"), first("synopsis"), first("tags"), first("genres"), extra)


def title_ids(films: Sequence[Path | RemoteFilm]) -> dict[str, Path | RemoteFilm]:
    """Title id -> film: the file's stem. Two films with one stem are a UsageError."""
    out: dict[str, Path | RemoteFilm] = {}
    for film in films:
        if film.stem in out and out[film.stem] != film:
            raise UsageError(
                f"two films would both be title '{film.stem}': {out[film.stem]} and {film}.",
                "Rename one of the files: a title's id is its file name without the ending.",
            )
        out[film.stem] = film
    return out
