"""What an example is: a title, a span of one, or a shot, and how much of it lies in each shot."""

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mediafm.errors import UsageError

if TYPE_CHECKING:
    from mediafm.catalog import Catalog

OVERHANG_S = 0.05  # a span may end this much after its title: people round


@dataclass(frozen=True, slots=True)
class Example:
    """What `--like` names: a whole title, some seconds of it, or one shot."""

    title: str
    start_s: float | None = None
    end_s: float | None = None
    shot: int | None = None


def parse_example(text: str, titles: list[str]) -> Example:
    """TITLE, TITLE@a-b or TITLE#n, for one of the titles. UsageError names near titles, or what is wrong with a-b."""
    if text in titles:
        return Example(text)
    title, mark, rest = text.rpartition("@")
    if not mark:
        title, mark, rest = text.rpartition("#")
    if not mark:
        title = text
    require_title(title, titles)
    if mark == "#":
        if not re.fullmatch(r"\d+", rest):
            raise UsageError(f"{rest!r} in {text!r} is no shot number.", "Shots count from 0, as in TITLE#3.")
        return Example(title, shot=int(rest))
    parts = rest.split("-")
    if len(parts) != 2:
        raise UsageError(f"{rest!r} in {text!r} is no span of time.", "Write start and end, as in TITLE@12.5-20.")
    start_s, end_s = (parse_time(part) for part in parts)
    if end_s <= start_s:
        raise UsageError(f"The span {rest!r} in {text!r} ends before it starts.", "Write start, then end.")
    return Example(title, start_s, end_s)


def require_title(title: str, titles: list[str]) -> None:
    """UsageError with near names for a title that is none of these."""
    if title not in titles:
        near = get_close_matches(title, titles, n=3)
        hint = f"Did you mean {', '.join(near)}?" if near else "`mediafm info` lists the titles."
        raise UsageError(f"The catalog holds no title {title!r}.", hint)


def parse_time(text: str) -> float:
    """Seconds ("12.5"), "mm:ss" or "hh:mm:ss", the last part with a fraction if wanted, as seconds."""
    match = re.fullmatch(r"(?:(?:(\d+):)?(\d{1,2}):)?(\d+(?:\.\d+)?)", text.strip())
    if match is None or (match[2] and float(match[3]) >= 60) or (match[1] and int(match[2]) >= 60):
        raise UsageError(f"{text!r} is no time.", "Write seconds, as in 12.5, or hh:mm:ss.mmm.")
    return int(match[1] or 0) * 3600 + int(match[2] or 0) * 60 + float(match[3])


def example_weights(catalog: "Catalog", example: Example) -> NDArray[np.float64]:
    """How much of the example lies in each shot of its title, [n]."""
    starts, ends = catalog.spans(example.title)
    if example.shot is not None:
        if example.shot >= len(starts):
            raise UsageError(f"Title {example.title!r} has no shot {example.shot}.", f"Its last is {len(starts) - 1}.")
        return (np.arange(len(starts)) == example.shot).astype(np.float64)
    if example.start_s is None or example.end_s is None:
        return np.ones(len(starts))
    if example.start_s >= ends[-1] or example.end_s > ends[-1] + OVERHANG_S:
        raise UsageError(
            f"The span {example.start_s:g}-{example.end_s:g} s lies outside title {example.title!r}.",
            f"It ends at {ends[-1]:.3f} s.",
        )
    return np.maximum(np.minimum(ends, example.end_s) - np.maximum(starts, example.start_s), 0.0)
