"""Which shots may be found: conditions on titles' metadata, titles by name, and times within titles."""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import numpy as np

from mediafm.errors import UsageError
from mediafm.search.lines import Lines
from mediafm.types import BoolArray

if TYPE_CHECKING:
    from mediafm.catalog import Catalog, TitleRecord

_CONDITION = re.compile(r"\s*([^<>=!~]+?)\s*(>=|<=|!=|==|=|~|>|<)\s*(.*?)\s*", re.DOTALL)
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_PLURALS = {"genre": "genres", "tag": "tags"}


def allowed_shots(
    catalog: "Catalog",
    lines: Lines,
    where: Sequence[str] = (),
    titles: Sequence[str] = (),
    after: float | None = None,
    before: float | None = None,
) -> BoolArray | None:
    """Which shots may be found, bool [N]; None: all.

    where: "FIELD=value", also with !=, >=, <=, >, < and ~ (contains); all must hold. Fields: title, name, synopsis,
    genre, tag, duration, and the further columns of the metadata. A title without the field fits no condition on it.
    titles: ids or patterns of them (`s01*`); one must fit. after, before: a shot begins no earlier, ends no later.
    Raises UsageError for a condition that is none, a field that no title has, a title that is not there, or a span
    that ends before it starts.
    """
    if not where and not titles and after is None and before is None:
        return None
    if after is not None and before is not None and before <= after:
        raise UsageError(f"The time from {after:g} s to {before:g} s is empty.", "Write --after, then --before.")
    allowed = np.ones(len(lines), dtype=np.bool_)
    if where or titles:
        kept = _wanted_titles(lines.titles, titles)
        if where:
            kept &= _fitting([_parse(text) for text in where], catalog.titles())
        fits = np.array([title in kept for title in lines.titles], dtype=np.bool_)
        allowed &= np.repeat(fits, np.diff(lines.starts))
    if after is not None:
        allowed &= lines.start_s >= after
    if before is not None:
        allowed &= lines.end_s <= before
    return allowed


def _wanted_titles(known: Sequence[str], wanted: Sequence[str]) -> set[str]:
    if not wanted:
        return set(known)
    found: set[str] = set()
    for pattern in wanted:
        fitting = {pattern} & set(known) or {title for title in known if fnmatchcase(title, pattern)}
        if not fitting:
            near = get_close_matches(pattern, known, n=3)
            hint = f"Did you mean {', '.join(near)}?" if near else "`mediafm info` lists the titles."
            raise UsageError(f"The catalog holds no title {pattern!r}.", hint)
        found |= fitting
    return found


def _parse(text: str) -> tuple[str, str, str]:
    match = _CONDITION.fullmatch(text)
    if match is None or not match[3]:
        raise UsageError(f"{text!r} is no condition.", "Write FIELD=value, as in genre=Drama or year>=1999.")
    field, sign, value = match.groups()
    return _PLURALS.get(field, field), "=" if sign == "==" else sign, value


def _fitting(conditions: Sequence[tuple[str, str, str]], records: Sequence["TitleRecord"]) -> set[str]:
    fields = {record.title_id: _fields(record) for record in records}
    known = sorted({name for of_title in fields.values() for name in of_title})
    for field, _, _ in conditions:
        if field not in known:
            raise UsageError(f"No title has a field {field!r}.", f"Fields are {', '.join(known)}.")
    return {title for title, held in fields.items() if all(_holds(held, *c) for c in conditions)}


def _fields(record: "TitleRecord") -> Mapping[str, Any]:
    known = record.metadata
    own = {
        "title": record.title_id,
        "name": known.name,
        "synopsis": known.synopsis,
        "genres": list(known.genres),
        "tags": list(known.tags),
        "duration": record.duration_s,
    }
    return {**{str(k): v for k, v in known.extra.items()}, **own}


def _holds(fields: Mapping[str, Any], field: str, sign: str, wanted: str) -> bool:
    """Whether one condition holds of one title; of a list, whether it holds of any (!=: of all) its values."""
    value = fields.get(field)
    if value is None:
        return False
    values = list(value) if isinstance(value, list | tuple) else [value]
    if sign == "!=":
        return all(not _equal(v, wanted) for v in values)
    if sign == "=":
        return any(_equal(v, wanted) for v in values)
    if sign == "~":
        return any(wanted.casefold() in str(v).casefold() for v in values)
    return any(_compares(v, sign, wanted, field) for v in values)


def _equal(value: Any, wanted: str) -> bool:
    a, b = _number(value), _number(wanted)
    return a == b if a is not None and b is not None else str(value).casefold() == wanted.casefold()


def _compares(value: Any, sign: str, wanted: str, field: str) -> bool:
    """By number where both are; where neither is, as text, so that ISO dates compare."""
    a, b = _number(value), _number(wanted)
    if (a is None) != (b is None):
        if isinstance(value, int | float):
            raise UsageError(f"Field {field!r} holds numbers, {wanted!r} is none.", f"Write a number behind {sign}.")
        return False
    if a is not None and b is not None:
        return _ORDER[sign](a, b)
    return _ORDER[sign](str(value).casefold(), wanted.casefold())


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
