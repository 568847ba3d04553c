"""Who liked what: a table of interactions, as MovieLens writes it, matched to a catalog's titles.

Shapes: U users, T titles of the catalog.
"""

# ruff: noqa: N815 (fields carry their shapes)

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray
from scipy import sparse

from mediafm.errors import CatalogError, ImportDataError, UsageError
from mediafm.probes.label_file import listed

USER = ("user", "userid", "user_id", "uid", "viewer", "viewer_id", "profile_id", "account_id")
ITEM = ("item", "itemid", "item_id", "movieid", "movie_id", "title", "title_id", "titleid", "show_id", "content_id")
RATING = ("rating", "score", "stars", "weight", "value", "plays")
TITLE = ("title", "title_id", "titleid")
LIKED_SHARE = 0.7  # of the highest rating, from which on an interaction counts as liked
TIMESTAMP = ("timestamp", "time", "date", "datetime")


@dataclass(frozen=True)
class Interactions:
    """liked: 0 and 1, [U, T]; columns are the catalog's titles in the order given.

    min_rating: from which on an interaction counted, None where the table has no ratings. notes: what was left out.
    """

    users: list[str]
    titles: list[str]
    liked_UT: sparse.csr_array
    min_rating: float | None
    notes: list[str] = field(default_factory=list)

    @property
    def counts(self) -> NDArray[np.int64]:
        """Likes of each title, [T]."""
        return np.asarray(self.liked_UT.sum(axis=0)).ravel().astype(np.int64)


def read_interactions(
    path: str | os.PathLike[str],
    titles: Sequence[str],
    items: str | os.PathLike[str] | None = None,
    item_column: str = "",
    min_rating: float | None = None,
) -> Interactions:
    """Read a table of interactions: a row a user and an item, with a rating or without.

    path: CSV (comma, tab or semicolon, with a header) or parquet. Columns may be called as usual (userId, movieId ...).
    items: table that says which item is which title (two columns: item, title), where items are not title ids
    themselves. item_column: which column names the title. min_rating: what counts as liked; default: 70 % of the
    highest rating there is (3.5 of 5). Several rows of one pair count once. ImportDataError where the table cannot be
    read, has no users, or no item is a title; CatalogError where there are no titles.
    """
    if not titles:
        raise CatalogError("The catalog holds no titles.", "Fill it with `mediafm ingest` or `mediafm import`.")
    table, source = _read(Path(path)), Path(path)
    user = _column(table, USER, source, "user")
    item = _column(table, (item_column,) if item_column else ITEM, source, "item")
    rating = _column(table, RATING, source, "rating", needed=False)
    if not table.num_rows:
        raise ImportDataError(f"{source} has no rows, so no users.", "Interactions are rows of user and item.")
    of_user, of_item = _text(table[user], user, source), _text(table[item], item, source)
    notes: list[str] = []
    wanted: float | None = None
    keep = np.ones(table.num_rows, dtype=bool)
    if rating is not None:
        given = _ratings(table[rating], rating, source)
        wanted = LIKED_SHARE * float(given.max()) if min_rating is None else min_rating
        keep = given >= wanted
        if not keep.any():
            raise ImportDataError(f"No rating in {source} reaches {wanted:g}.", f"The highest is {given.max():g}.")
    elif min_rating is not None:
        raise UsageError(f"{source} has no ratings to compare with {min_rating:g}.", "Leave --min-rating out.")
    title_of = _title_of(items, set(titles)) if items is not None else {title: title for title in titles}
    number = {title: place for place, title in enumerate(titles)}
    known, code = np.unique(of_item, return_inverse=True)
    place = np.array([number.get(title_of.get(str(one), ""), -1) for one in known])[code]
    unmatched = [str(one) for one in known if title_of.get(str(one), "") not in number]
    if (place < 0).all():
        raise ImportDataError(
            f"No item of {source} is a title of the catalog: items are {listed(unmatched)}; titles are "
            f"{listed(list(titles))}.",
            "Name the column that holds title ids (--item-column), or a table of item and title (--items).",
        )
    if unmatched:
        share = (place < 0).mean()
        notes.append(f"{len(unmatched)} items are no titles of the catalog ({share:.0%} of rows): {listed(unmatched)}.")
    keep &= place >= 0
    if not keep.any():
        raise ImportDataError(f"{source} has no liked row about a title of the catalog.", "Lower --min-rating.")
    users, of = np.unique(of_user[keep], return_inverse=True)
    liked = sparse.csr_array((np.ones(len(of), np.float32), (of, place[keep])), shape=(len(users), len(titles)))
    liked.data[:] = 1.0
    return Interactions([str(one) for one in users], list(titles), liked, wanted, notes)


def read_oracles(path: str | os.PathLike[str], interactions: Interactions) -> dict[str, NDArray[np.float64]]:
    """What is known of every pair beforehand: each further column of a table of user and item, as [U, T].

    A pair that is not there counts as the column's least.
    """
    source = Path(path)
    table = _read(source)
    user, item = _column(table, USER, source, "user"), _column(table, ITEM, source, "item")
    users = {name: place for place, name in enumerate(interactions.users)}
    titles = {name: place for place, name in enumerate(interactions.titles)}
    row = np.array([users.get(name, -1) for name in _text(table[user], user, source).tolist()])
    column = np.array([titles.get(name, -1) for name in _text(table[item], item, source).tolist()])
    there = (row >= 0) & (column >= 0)
    found: dict[str, NDArray[np.float64]] = {}
    for name in (n for n in table.column_names if n not in (user, item) and n.lower() not in TIMESTAMP):
        values = _ratings(table[name], name, source)
        found[name] = np.full((len(users), len(titles)), values.min())
        found[name][row[there], column[there]] = values[there]
    return found


def _read(path: Path) -> pa.Table:
    try:
        if path.suffix.lower() == ".parquet":
            return pyarrow.parquet.read_table(path)
        with path.open(encoding="utf-8-sig") as file:
            header = file.readline()
        sign = max(",\t;", key=header.count)
        text = {name.strip().strip('"'): pa.string() for name in header.rstrip("\n").split(sign)}
        ids = {name: kind for name, kind in text.items() if name.lower() in (*USER, *ITEM)}
        return pyarrow.csv.read_csv(
            path,
            parse_options=pyarrow.csv.ParseOptions(delimiter=sign),
            convert_options=pyarrow.csv.ConvertOptions(column_types=ids),
        )
    except FileNotFoundError:
        raise ImportDataError(f"There is no table {path}.", "Check the path.") from None
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise ImportDataError(f"Cannot read the table {path}: {error}.", "Write it as CSV with a header.") from None


def _column(table: pa.Table, usual: Sequence[str], path: Path, what: str, needed: bool = True) -> str | None:
    lower = [name.lower() for name in usual]
    found = sorted((lower.index(name.lower()), name) for name in table.column_names if name.lower() in lower)
    if not found and needed:
        raise ImportDataError(
            f"{path} has no {what} column ({', '.join(usual)}); its columns are {', '.join(table.column_names)}.",
            "Give the table a header with one of these names"
            + (", or name the column by --item-column." if what == "item" else "."),
        )
    return found[0][1] if found else None


def _text(column: pa.ChunkedArray, name: str | None, path: Path) -> NDArray[np.str_]:
    written = ["" if value is None else value for value in pc.cast(column, pa.string()).to_pylist()]
    if missing := sum(not value for value in written):
        raise ImportDataError(f"{path} has {missing} rows without {name}.", "Fill or drop the rows.")
    return np.asarray(written, dtype=np.str_)


def _ratings(column: pa.ChunkedArray, name: str, path: Path) -> NDArray[np.float64]:
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        raise ImportDataError(f"Column {name!r} of {path} is {column.type}, not numbers.", "Write plain numbers.")
    values = np.asarray(column.to_numpy(), dtype=np.float64)
    if not np.isfinite(values).all():
        raise ImportDataError(f"Column {name!r} of {path} has gaps.", "Fill or drop the rows.")
    return values


def _title_of(path: str | os.PathLike[str], titles: set[str]) -> dict[str, str]:
    """Item -> title id, from a table of both."""
    source = Path(path)
    table = _read(source)
    names = [n for n in table.column_names if n.lower() in TITLE]
    items = [n for n in table.column_names if n.lower() in ITEM and n not in names[:1]]
    if not names or not items:
        raise ImportDataError(
            f"{source} needs two columns, item and title; it has {', '.join(table.column_names)}.",
            "Write for each item which title of the catalog it is.",
        )
    pairs = zip(_text(table[items[0]], items[0], source), _text(table[names[0]], names[0], source), strict=True)
    found = {str(item): str(title) for item, title in pairs}
    if not set(found.values()) & titles:
        raise ImportDataError(
            f"{source} names no title of the catalog: {listed(sorted(set(found.values())))}.", "Write title ids."
        )
    return found
