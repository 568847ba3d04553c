"""The titles of a catalog in any order a person may want, filtered, a page at a time.

Pages are keyset pages: one begins behind the last entry of the one before, wherever that has come to stand by then, so
that titles which are ingested meanwhile shift nothing.
"""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from mediafm.catalog import TitleRecord
from mediafm.errors import UsageError
from mediafm.serve.facets import year_of

Order = Literal["name", "newest", "year", "longest", "shots"]
State = Literal["any", "live", "warning"]
Key = tuple[Any, str]
_KEPT = 16  # shelves in memory


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to stand on the shelf, and in which order. words: all of them in id or name; years: first and last."""

    words: str = ""
    genre: str = ""
    tag: str = ""
    has: tuple[str, ...] = ()
    years: tuple[int, int] | None = None
    state: State = "any"
    order: Order = "name"

    def holds(self, record: TitleRecord) -> bool:
        """Whether a title fits."""
        known = record.metadata
        year = year_of(record) if self.years else None
        text = f"{record.title_id} {known.name}".casefold() if self.words else ""
        return (
            all(word in text for word in self.words.casefold().split())
            and (not self.genre or self.genre in known.genres)
            and (not self.tag or self.tag in known.tags)
            and all(getattr(record, f"has_{name}") for name in self.has)
            and (self.years is None or (year is not None and self.years[0] <= year <= self.years[1]))
            and (self.state == "any" or bool(getattr(record, self.state)))
        )


_KEYS: dict[Order, Callable[[TitleRecord], Any]] = {
    "name": lambda r: (r.metadata.name or r.title_id).casefold(),
    "newest": lambda r: -r.revision,
    "year": lambda r: -(year_of(r) or 0),
    "longest": lambda r: -r.duration_s,
    "shots": lambda r: -r.n_shots,
}
assert set(_KEYS) == set(get_args(Order))


@dataclass
class Shelves:
    """Ordered titles, kept while the catalog stays as it is: a page then costs no sorting."""

    _kept: dict[tuple[str, Wanted], list[tuple[Key, TitleRecord]]] = field(default_factory=dict)

    def page(
        self, version: str, records: Sequence[TitleRecord], wanted: Wanted, after: str, limit: int
    ) -> tuple[list[TitleRecord], int, str | None]:
        """(The titles of the page, how many fit in all, what to ask the next one with or None).

        version: of the catalog, no newer than the records.
        """
        shelf = self._kept.get((version, wanted))
        if shelf is None:
            key = _KEYS[wanted.order]
            shelf = sorted((((key(r), r.title_id), r) for r in records if wanted.holds(r)), key=lambda entry: entry[0])
            # A new dictionary each time, so that other threads never meet one that is being changed.
            self._kept = {**dict(list(self._kept.items())[-_KEPT + 1 :]), (version, wanted): shelf}
        first = _behind(shelf, _read(after)) if after else 0
        rest = shelf[first : first + limit]
        more = _written(rest[-1][0]) if rest and first + limit < len(shelf) else None
        return [record for _, record in rest], len(shelf), more


def _behind(shelf: Sequence[tuple[Key, TitleRecord]], key: Key) -> int:
    """Where the first entry behind a key stands."""
    low, high = 0, len(shelf)
    try:
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if shelf[middle][0] <= key else (low, middle)
    except TypeError as error:
        raise _no_place() from error
    return low


def _written(key: Key) -> str:
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode()


def _read(text: str) -> Key:
    try:
        value, title = json.loads(base64.urlsafe_b64decode(text))
    except (ValueError, TypeError, binascii.Error, RecursionError) as error:
        raise _no_place() from error
    if not isinstance(title, str):
        raise _no_place()
    return value, title


def _no_place() -> UsageError:
    return UsageError("`after` is no place in this list.", "Take it from the page before, asked in the same way.")
