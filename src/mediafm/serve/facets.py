"""What the titles of a catalog can be filtered by, with how many there are of each."""

from collections import Counter
from collections.abc import Iterable, Sequence

from pydantic import Field

from mediafm.catalog import EmbeddingSetSpec, TitleRecord
from mediafm.serve.forms import Form

_MOST = 200  # values of one kind; the most frequent stay


class Facets(Form):
    """Genre, tag -> titles that have it. years: the first and the last, null where no title has one.

    fields: further columns of the metadata, for conditions of a search. sets: embedding set -> its context.
    """

    genres: dict[str, int]
    tags: dict[str, int]
    years: list[int] | None = Field(min_length=2, max_length=2, examples=[[1961, 2024]])
    has: dict[str, int]
    fields: list[str]
    sets: dict[str, str]
    live: int
    warnings: int


def facets_of(records: Sequence[TitleRecord], sets: Sequence[EmbeddingSetSpec]) -> Facets:
    """Of these titles, and of what they are embedded in."""
    years = [year for record in records if (year := year_of(record)) is not None]
    return Facets(
        genres=_counted(genre for r in records for genre in set(r.metadata.genres)),
        tags=_counted(tag for r in records for tag in set(r.metadata.tags)),
        years=[min(years), max(years)] if years else None,
        has={name: sum(getattr(r, f"has_{name}") for r in records) for name in ("video", "audio", "text")},
        fields=sorted({str(name) for r in records for name in r.metadata.extra})[:_MOST],
        sets={spec.name: spec.context for spec in sets},
        live=sum(r.live for r in records),
        warnings=sum(bool(r.warning) for r in records),
    )


def year_of(record: TitleRecord) -> int | None:
    """The year a title's metadata name, as a number or at the beginning of a date; None: none."""
    for name in ("year", "released", "date"):
        text = str(record.metadata.extra.get(name, ""))[:4]
        if len(text) == 4 and text.isdecimal():
            return int(text)
    return None


def _counted(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).most_common(_MOST)))
