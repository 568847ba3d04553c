"""Text files of whole numbers, as annotations are published: tolerant of how they look, strict about what they say."""

import re
from collections.abc import Iterator
from pathlib import Path

from mediafm.errors import ImportDataError

Frames = tuple[int, int]  # [start, end)
Line = tuple[int, list[int]]  # its number in the file, counted from 1, and the numbers in it

_COMMENT = re.compile(r"(?:#|%|//).*")
_BETWEEN = re.compile(r"[\s,;\[\]()]+")


def number_lines(path: Path) -> list[Line]:
    """The lines of a file that hold numbers.

    Numbers may be parted by white space, commas, semicolons and brackets, and be written 12 or 12.0. Blank lines, and
    what follows #, % or //, are skipped. Raises ImportDataError, naming file and line, for anything else, and for a
    file that is missing, no text, or without a number.
    """
    lines = [(number, _numbers(path, number, line)) for number, line in _lines(path)]
    found = [(number, values) for number, values in lines if values]
    if not found:
        raise ImportDataError(f"{path} holds no number.", "Fetch it again, or leave the title out.")
    return found


def fault(path: Path, line: int, what: str) -> ImportDataError:
    """What is wrong with one line of an annotation file."""
    return ImportDataError(f"{path}, line {line}: {what}.", "Correct the line, or leave the title out.")


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ImportDataError(f"{path} is not text ({error.reason}).", "Fetch it again, or leave it out.") from error
    except OSError as error:
        raise ImportDataError(f"{path} cannot be read: {error.strerror}.", "Check the path.") from error
    yield from enumerate(text.splitlines(), 1)


def _numbers(path: Path, line: int, text: str) -> list[int]:
    numbers = []
    for word in filter(None, _BETWEEN.split(_COMMENT.sub("", text))):
        try:
            value = float(word)
            numbers.append(int(value))
        except (ValueError, OverflowError):
            raise fault(path, line, f"{word!r} is no whole number") from None
        if value != numbers[-1]:
            raise fault(path, line, f"{word!r} is no whole number")
    return numbers
