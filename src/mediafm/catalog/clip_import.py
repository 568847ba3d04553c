"""Bringing clip vectors of one's own into a clip set: a table in, all of it or nothing."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mediafm.catalog.catalog import Catalog
from mediafm.catalog.clip_tables import ClipTable, check_clips, read_clips
from mediafm.catalog.records import ClipSetSpec, TitleClips
from mediafm.errors import UsageError
from mediafm.progress import SILENT, Progress


@dataclass(frozen=True, slots=True)
class ClipImportSummary:
    """What an import of clips did. titles_skipped: those all of whose clips were there already just so."""

    clips: int
    titles_ok: int
    titles_skipped: int
    dim: int


def import_clips(
    path: str | os.PathLike[str],
    catalog_uri: str | os.PathLike[str],
    name: str,
    source: str = "",
    vector_column: str = "",
    replace: bool = False,
    progress: Progress = SILENT,
) -> ClipImportSummary:
    """Store clip vectors that somebody has already in the clip set `name` of a catalog that holds their titles.

    path: a table as `read_clips` takes it. source: what made the vectors, in words; default: the file's name. The set
    is made where there is none; a set of the same source and size gets more clips, one of another is a MismatchError
    unless `replace`. Whatever does not fit is an ImportDataError that names the rows, and nothing is stored.
    """
    if not name:
        raise UsageError("The clip set has no name.", "Name it by --clip-set.")
    catalog = Catalog.open(catalog_uri)
    table = check_clips(read_clips(path, vector_column), catalog)
    assert table.vectors is not None  # they were asked for
    dim, words = table.vectors.shape[1], source or Path(path).name
    catalog.add_clip_set(ClipSetSpec(name, words, dim, f"import:{words}:{dim}"), replace)
    stored = {title.title_id: title for title in catalog.clip_vectors(name, sorted(set(table.title)))}
    new = [title for title in _by_title(table) if not _holds(stored[title.title_id], title)]
    progress.start("import", len(table), "clips", done=len(table) - sum(len(t.start_s) for t in new))
    catalog.write_clips(name, new)
    written = sum(len(title.start_s) for title in new)
    progress.advance(written)
    progress.end(titles=len(new), skipped=len(stored) - len(new))
    return ClipImportSummary(written, len(new), len(stored) - len(new), dim)


def _by_title(table: ClipTable) -> Iterator[TitleClips]:
    titles = np.array(table.title)
    assert table.vectors is not None
    for title in sorted(set(table.title)):
        rows = np.flatnonzero(titles == title)
        rows = rows[np.lexsort((table.end_s[rows], table.start_s[rows]))]
        yield TitleClips(title, table.start_s[rows], table.end_s[rows], table.vectors[rows])


def _holds(stored: TitleClips, asked: TitleClips) -> bool:
    """Whether all clips asked for are stored with the very same vectors."""
    spans = np.stack([stored.start_s, stored.end_s], axis=1)
    place = {tuple(span): row for row, span in enumerate(spans.round(6).tolist())}
    wanted = np.stack([asked.start_s, asked.end_s], axis=1).round(6).tolist()
    if not all(tuple(span) in place for span in wanted):
        return False
    return bool(np.array_equal(stored.vectors[[place[tuple(span)] for span in wanted]], asked.vectors))
