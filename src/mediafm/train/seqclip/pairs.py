"""Pairs of video and caption: JSON lines, read strictly."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mediafm.errors import ImportDataError

_KEYS = ("video", "caption", "start_s", "end_s")
_NAMED = 5  # bad lines that an error names
_FORM = '{"video": "films/a.mp4", "caption": "a dog runs", "start_s": 2.5, "end_s": 7.0}'


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a film, in seconds from its zero; end_s is infinite where it goes to the film's end."""

    path: Path
    start_s: float = 0.0
    end_s: float = math.inf


@dataclass(frozen=True, slots=True)
class Pair:
    """A caption and the span it describes. row: its line in the file, from 1."""

    span: Span
    caption: str
    row: int


def read_pairs(path: str | Path) -> list[Pair]:
    """All pairs of a file of JSON lines; videos are named relative to it, blank lines do not count.

    A line is an object with `video`, `caption` and, where only a part of the film is meant, `start_s` and `end_s`.
    Raises ImportDataError naming the lines that are wrong, and why. Whether the videos are there is not asked.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ImportDataError(f"Pairs {path} cannot be read: {reason}.", f"Give a file of lines like {_FORM}") from None
    pairs, wrong = [], []
    for row, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            pairs.append(_parse(line, row, path.parent))
        except ValueError as error:
            wrong.append(f"line {row}: {error}")
    if wrong:
        more = f"; and {len(wrong) - _NAMED} more" if len(wrong) > _NAMED else ""
        raise ImportDataError(
            f"{path}: {len(wrong)} of {len(pairs) + len(wrong)} lines are wrong: {'; '.join(wrong[:_NAMED])}{more}.",
            f"A line looks like {_FORM} (times are optional).",
        )
    if not pairs:
        raise ImportDataError(f"{path} holds no pair.", f"Write one a line, like {_FORM}")
    return pairs


def _parse(line: str, row: int, folder: Path) -> Pair:
    """One line; ValueError says what is wrong with it."""
    try:
        values = json.loads(line)
    except ValueError:
        raise ValueError("it is not JSON") from None
    if not isinstance(values, dict):
        raise ValueError("it is no object")
    if unknown := [key for key in values if key not in _KEYS]:
        raise ValueError(f"unknown key {unknown[0]!r} (known: {', '.join(_KEYS)})")
    for key in ("video", "caption"):
        if not isinstance(values.get(key), str) or not values[key].strip() or "\0" in values[key]:
            raise ValueError(f"{key} must be text that is not empty")
    start, end = _seconds(values, "start_s", 0.0), _seconds(values, "end_s", math.inf)
    if start < 0 or end <= start:
        raise ValueError(f"end_s must be after start_s, and that not below 0 ({start:g} to {end:g})")
    return Pair(Span(folder / Path(values["video"]).expanduser(), start, end), " ".join(values["caption"].split()), row)


def _seconds(values: dict[str, Any], key: str, usual: float) -> float:
    value = values.get(key)
    if value is None:
        return usual
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{key} must be a number of seconds")
    return float(value)
