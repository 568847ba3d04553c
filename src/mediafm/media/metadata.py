"""What is known of titles beside their media, from a CSV file or JSON lines."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mediafm.errors import ImportDataError, UsageError
from mediafm.media.limits import MAX_METADATA_BYTES
from mediafm.types import Metadata

_KEYS = ("title", "title_id")
_KNOWN = {*_KEYS, "name", "synopsis", "tags", "genres"}


def load_metadata(path: Path | str) -> dict[str, Metadata]:
    """Title id -> its metadata, from `.csv` or `.jsonl` (`.ndjson`, `.json` with one object a line).

    Columns or keys: `title` (or `title_id`), `name`, `synopsis`, `tags`, `genres`; everything else goes into `extra`.
    Tags and genres are split at `;` or `|`, in JSON they may be lists. Raises ImportDataError naming file and row.
    """
    path = Path(path)
    if not path.is_file():
        raise UsageError(f"There is no metadata file {path}.", "Check the path.")
    if path.suffix.lower() not in (".csv", ".jsonl", ".ndjson", ".json"):
        raise UsageError(f"{path}: metadata must be a .csv or .jsonl file.", "Convert it, or rename it to what it is.")
    if path.stat().st_size > MAX_METADATA_BYTES:
        raise ImportDataError(f"{path} holds more than {MAX_METADATA_BYTES >> 20} MiB.", "Split it.")
    result: dict[str, Metadata] = {}
    rows: dict[str, int] = {}
    for row, record in _records(path):
        title = next((str(record[k]).strip() for k in _KEYS if record.get(k) not in (None, "")), "")
        if not title:
            raise _error(path, row, "names no title", "Fill its column `title` (or `title_id`).")
        if title in result:
            raise _error(path, row, f"names {title!r} again, after row {rows[title]}", "Keep one row for each title.")
        result[title], rows[title] = _metadata(path, row, record), row
    return result


def _records(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """(row number in the file, record); rows are counted as an editor shows them."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from _csv(path, file) if path.suffix.lower() == ".csv" else _json_lines(path, file)
    except UnicodeDecodeError as error:
        raise ImportDataError(f"{path} is not UTF-8 ({error.reason}).", "Save it as UTF-8.") from error


def _csv(path: Path, file: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    reader = csv.DictReader(file, strict=True)
    if not set(_KEYS) & set(reader.fieldnames or ()):
        raise _error(path, 1, "has no column `title`", "The first row must name the columns: title, name, synopsis ...")
    try:
        for record in reader:
            if None in record or None in record.values():
                raise _error(
                    path, reader.line_num, "has not as many cells as the first row", "Quote cells with commas."
                )
            yield reader.line_num, record
    except csv.Error as error:
        raise _error(path, reader.line_num, f"is no CSV: {error}", "Check its quotes.") from error


def _json_lines(path: Path, file: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    for row, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:  # also numbers of thousands of digits, lists in lists in lists
            why = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
            raise _error(path, row, f"is no JSON: {why}", "Write one object a line.") from error
        if "\\u" in line and not _is_text(json.dumps(record, ensure_ascii=False)):
            raise _error(path, row, "holds half of a character (a lone surrogate)", "Write the character itself.")
        if not isinstance(record, dict):
            raise _error(path, row, "is no object", 'Write {"title": "...", "synopsis": "..."} on each line.')
        yield row, record


def _is_text(words: str) -> bool:
    """Whether it can be written down as Unicode."""
    return not any("\ud800" <= c <= "\udfff" for c in words)


def _metadata(path: Path, row: int, record: dict[str, Any]) -> Metadata:
    return Metadata(
        name=_text(path, row, "name", record.get("name")),
        synopsis=_text(path, row, "synopsis", record.get("synopsis")),
        tags=_list(path, row, "tags", record.get("tags")),
        genres=_list(path, row, "genres", record.get("genres")),
        extra={k: v for k, v in record.items() if k not in _KNOWN},
    )


def _text(path: Path, row: int, key: str, value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _error(path, row, f"has a `{key}` that is no text", "Write it in quotes.")
    return value.strip()


def _list(path: Path, row: int, key: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        value = value.replace("|", ";").split(";")
    if not isinstance(value, list | None) or any(not isinstance(v, str) for v in value or ()):
        raise _error(path, row, f"has `{key}` that are no list of words", "Write them as drama;war or as a JSON list.")
    return tuple(v.strip() for v in value or () if v.strip())


def _error(path: Path, row: int, what: str, remedy: str) -> ImportDataError:
    return ImportDataError(f"{path}, row {row} {what}.", remedy)
