"""The titles that an ingest is about: which films, under what ids, made of what."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mediafm.catalog import TitleSource, source_fingerprint
from mediafm.errors import UsageError
from mediafm.media import find_sidecars
from mediafm.types import Metadata


@dataclass(frozen=True, slots=True)
class TitleJob:
    """One film to ingest."""

    title_id: str
    path: Path
    metadata: Metadata
    language: str

    def source(self, fingerprint: str) -> TitleSource:
        """What the title is made of: the film, whose fingerprint it is, and what lies beside it. Raises MediaError."""
        return TitleSource(str(self.path.absolute()), fingerprint, self._inputs_fingerprint())

    def _inputs_fingerprint(self) -> str:
        """Of all that shapes the result beside the film itself: subtitles, metadata, language."""
        digest = hashlib.sha256(json.dumps([repr(self.metadata), self.language]).encode())
        for sidecar in find_sidecars(self.path):
            digest.update(f"{sidecar.path.name}:{source_fingerprint(sidecar.path)}".encode())
        return digest.hexdigest()


def title_ids(films: Sequence[Path]) -> dict[str, Path]:
    """Title id -> film: the file's stem. Two films with one stem are a UsageError."""
    out: dict[str, Path] = {}
    for film in films:
        if film.stem in out and out[film.stem] != film:
            raise UsageError(
                f"two films would both be title '{film.stem}': {out[film.stem]} and {film}.",
                "Rename one of the files: a title's id is its file name without the ending.",
            )
        out[film.stem] = film
    return out
