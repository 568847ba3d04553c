"""Spans that somebody found: hits of `mediafm search --json`, chapters of a JSON file, as marks in a title."""

import json
import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mediafm.errors import ImportDataError
from mediafm.export.choosing import near

if TYPE_CHECKING:
    from mediafm.catalog import TitleRecord

_OVERHANG_S = 0.05  # a span may end this much after its title: people round


@dataclass(frozen=True, slots=True)
class Hit:
    """A span of a title, in seconds, with its rank from 1 and score where it has one, and what is said or written."""

    title_id: str
    start_s: float
    end_s: float
    rank: int
    score: float | None = None
    text: str = ""

    def as_row(self) -> dict[str, Any]:
        """A row of a table."""
        span = {"title_id": self.title_id, "start_s": self.start_s, "end_s": self.end_s}
        return {**span, "rank": self.rank, "score": self.score, "text": self.text}


def read_hits(path: str | os.PathLike[str], titles: "Sequence[TitleRecord]") -> tuple[list[Hit], int]:
    """Hits of those titles, best first, and how many are of other titles of the catalog.

    path: what `mediafm search --json` prints, {"hits": [{"title", "start_s", "end_s", "score", "text"}]}, or the list
    alone. ImportDataError for what is no such document or no span of its title.
    """
    return _read(path, "hits", titles)


def read_chapters(path: str | os.PathLike[str], titles: "Sequence[TitleRecord]") -> list[Hit]:
    """Chapters in order of time: {"chapters": [{"title", "start_s", "end_s", "name"}]}, or the list alone.

    Chapters may also stand together by title, as `mediafm chapters --json` prints them: objects of `title` and
    `chapters`, in the list `titles`, in a list of their own, or one alone.
    """
    found = sorted(_read(path, "chapters", titles)[0], key=lambda h: (h.title_id, h.start_s, h.end_s))
    return [Hit(h.title_id, h.start_s, h.end_s, n, h.score, h.text) for n, h in _numbered(found)]


def _numbered(found: Iterable[Hit]) -> Iterable[tuple[int, Hit]]:
    title, number = None, 0
    for hit in found:
        number = number + 1 if hit.title_id == title else 1
        title = hit.title_id
        yield number, hit


def _read(path: str | os.PathLike[str], key: str, titles: "Sequence[TitleRecord]") -> tuple[list[Hit], int]:
    file, by_id = Path(path), {r.title_id: r for r in titles}
    rows = _rows(file, key)
    found = [_hit(file, number, row) for number, row in enumerate(rows, start=1)]
    for hit in found:
        record = by_id.get(hit.title_id)
        if record is not None and hit.end_s > record.duration_s + _OVERHANG_S:
            raise ImportDataError(
                f"{file}: number {hit.rank} is {hit.start_s:g}-{hit.end_s:g} s of {hit.title_id!r}, which ends at "
                f"{record.duration_s:.3f} s.",
                "It is of another film or catalog: search again.",
            )
    inside = [hit for hit in found if hit.title_id in by_id]
    if found and not inside:
        first = found[0].title_id
        raise ImportDataError(
            f"{file}: none of its {len(found)} {key} is of a title that is exported; the first is of {first!r}.",
            near(first, by_id) + "Export the titles they are of, or search this catalog.",
        )
    return inside, len(found) - len(inside)


def _rows(file: Path, key: str) -> list[Any]:
    try:
        document = json.loads(file.read_text("utf-8-sig"))
    except OSError as error:
        raise ImportDataError(f"{file} cannot be read: {error.strerror}.", "Check the path.") from error
    except ValueError as error:
        raise ImportDataError(f"{file} is no JSON: {error}.", _remedy(key)) from error
    if isinstance(document, dict):
        document = [document] if "title" in document else document.get(key, document.get("titles"))
    if not isinstance(document, list):
        raise ImportDataError(f"{file} holds no list {key!r}.", _remedy(key))
    return [row for entry in document for row in _flat(entry, key)]


def _flat(entry: Any, key: str) -> list[Any]:
    """The rows of an entry that holds a title's, each with its title; else the entry itself."""
    rows = entry.get(key) if isinstance(entry, dict) else None
    if not isinstance(rows, list):
        return [entry]
    return [{**row, "title": entry.get("title")} if isinstance(row, dict) else row for row in rows]


def _hit(file: Path, number: int, row: Any) -> Hit:
    if not isinstance(row, dict):
        raise ImportDataError(f"{file}: number {number} is no object with title, start_s and end_s.", _remedy("hits"))
    title = row.get("title", row.get("title_id"))
    start, end, score = (_number(row.get(key)) for key in ("start_s", "end_s", "score"))
    if not isinstance(title, str) or start is None or end is None or not 0 <= start < end:
        raise ImportDataError(
            f"{file}: number {number} has no title, or no span of seconds: {json.dumps(row)[:120]}", _remedy("hits")
        )
    words = next((row[key] for key in ("name", "label", "text") if isinstance(row.get(key), str)), "")
    return Hit(title, start, end, number, score, words)


def _number(value: Any) -> float | None:
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if good else None


def _remedy(key: str) -> str:
    if key == "hits":
        return "Make it by `mediafm search --json ... > hits.json`."
    return 'Write {"chapters": [{"title": ..., "start_s": ..., "end_s": ..., "name": ...}]}.'
