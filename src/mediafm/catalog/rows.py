"""Reading by the commit rule: only rows of the revision that a title's row names, in shot order.

A title's rows lie in several tables and another process may write the title anew between two reads. A reader therefore
counts: too few rows means that it looked at the wrong moment, and it looks again with a fresh title row.
"""

import difflib
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from mediafm.catalog.records import TitleRecord
from mediafm.catalog.store import Store, any_of, quote
from mediafm.catalog.tables import TITLES, rows_to_titles, title_columns
from mediafm.errors import CatalogError

_GROUP_ROWS, _GROUP_TITLES = 16_384, 512  # read at once when going through many titles


def newest(titles: pa.Table) -> pa.Table:
    """Of rows of `titles`, with title_id and revision among their columns, the one of each title that counts.

    A title has more than one only while another process puts a new one in place, or if that process died.
    """
    ids, revisions = titles["title_id"].to_pylist(), titles["revision"].to_pylist()
    if len(set(ids)) == len(ids):
        return titles
    best: dict[str, int] = {}
    for row, (title_id, revision) in enumerate(zip(ids, revisions, strict=True)):
        if title_id not in best or revision > revisions[best[title_id]]:
            best[title_id] = row
    return titles.take(pa.array(sorted(best.values()), pa.int64()))


class TitleRows:
    """The committed rows of a store."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._held: dict[str, TitleRecord] | None = None

    def hold(self, records: Sequence[TitleRecord]) -> None:
        """Take the titles to be these from now on; one of them that turns out to be another by now is looked up."""
        self._held = {record.title_id: record for record in records}

    def records(self) -> list[TitleRecord]:
        """All titles in order of their ids."""
        if self._held is not None:
            return list(self._held.values())
        found = rows_to_titles(newest(self.store.scan(TITLES, columns=title_columns())))
        return sorted(found, key=lambda r: r.title_id)

    def find(self, title_id: str, fresh: bool = False) -> TitleRecord | None:
        """One title, or None. fresh: as it is stored now, whatever is held."""
        if self._held and title_id in self._held and not fresh:
            return self._held[title_id]
        rows = self.store.scan(TITLES, f"title_id = {quote(title_id)}", title_columns())
        return rows_to_titles(newest(rows))[0] if len(rows) else None

    def record(self, title_id: str, fresh: bool = False) -> TitleRecord:
        """`find`; CatalogError with close matches where there is none."""
        found = self.find(title_id, fresh)
        if found is None:
            raise self.unknown(title_id)
        return found

    def unknown(self, title_id: str) -> CatalogError:
        """The error for a title that is not here."""
        ids = set(self.store.scan(TITLES, columns=["title_id"])["title_id"].to_pylist())
        close = difflib.get_close_matches(title_id, ids, n=3)
        near = f"Did you mean {' or '.join(close)}?" if close else "`mediafm info` says what it holds."
        return CatalogError(f"The catalog {self.store.uri} has no title {title_id!r} (it has {len(ids)}).", near)

    def read(self, table: str, columns: Sequence[str], title_id: str) -> tuple[TitleRecord, pa.Table]:
        """A title's row and its rows of one table, one a shot."""
        for attempt in range(3):
            record = self.record(title_id, fresh=attempt > 0)
            (_, rows), *_ = self.scan(table, columns, [record])
            if rows is not None:
                return record, rows
        raise CatalogError(
            f"Title {title_id!r} has {record.n_shots} shots but the table {table} holds other rows for it.",
            f"The catalog {self.store.uri} is damaged: ingest or import this title again.",
        )

    def read_many(
        self, table: str, columns: Sequence[str], ids: Sequence[str] | None = None
    ) -> Iterator[tuple[TitleRecord, pa.Table]]:
        """`read` for many titles, in the order of ids (None: all, in id order), a few scans for all of them."""
        for record, rows in self.scan(table, columns, self.select(ids)):
            yield (record, rows) if rows is not None else self.read(table, columns, record.title_id)

    def select(self, ids: Sequence[str] | None) -> list[TitleRecord]:
        """The titles of those ids in that order; None: all, in id order."""
        everything = self.records()
        if ids is None:
            return everything
        by_id = {r.title_id: r for r in everything}
        for title_id in ids:
            if title_id not in by_id:
                raise self.unknown(title_id)
        return [by_id[i] for i in ids]

    def scan(
        self, table: str, columns: Sequence[str], records: Sequence[TitleRecord], more: int = 0
    ) -> Iterator[tuple[TitleRecord, pa.Table | None]]:
        """For each title its committed rows in order of `shot`; None unless there are exactly n_shots + more.

        more: rows that a title has beside those of its shots; tables that have such may hold a row twice.
        """
        wanted = list(dict.fromkeys(["title_id", "revision", "shot", *columns]))
        for group in _groups(records):
            rows = self.store.scan(table, any_of("title_id", (r.title_id for r in group)), wanted)
            yield from _split(rows, group, more)


def _groups(records: Sequence[TitleRecord]) -> Iterator[list[TitleRecord]]:
    group: list[TitleRecord] = []
    n_rows = 0
    for record in records:
        if group and (n_rows + record.n_shots > _GROUP_ROWS or len(group) == _GROUP_TITLES):
            yield group
            group, n_rows = [], 0
        group.append(record)
        n_rows += record.n_shots
    if group:
        yield group


def _split(rows: pa.Table, group: Sequence[TitleRecord], more: int) -> Iterator[tuple[TitleRecord, pa.Table | None]]:
    place = {r.title_id: i for i, r in enumerate(group)}
    title_ids = rows["title_id"].combine_chunks().dictionary_encode()
    places = np.array([place[t] for t in title_ids.dictionary.to_pylist()], np.int64)
    owner = places[title_ids.indices.to_numpy()] if len(rows) else np.zeros(0, np.int64)
    committed = np.array([r.revision for r in group], np.int64)
    # Of a title that grows, rows are appended before its own row counts them.
    most = np.array([r.n_shots if r.live else np.iinfo(np.int64).max for r in group], np.int64)
    shots = rows["shot"].to_numpy()
    counted = shots < most[owner]
    kept = np.flatnonzero(counted & (rows["revision"].to_numpy() == committed[owner]))
    order = kept[np.lexsort((shots[kept], owner[kept]))]
    if more:  # two that embed one title at once may both add its rows, which say the same: either will do
        same = (np.diff(owner[order]) == 0) & (np.diff(shots[order]) == 0)
        order = order[~np.append(same, np.zeros(min(1, len(order)), bool))]
    sorted_rows = rows if np.array_equal(order, np.arange(len(rows))) else rows.take(pa.array(order))
    ends = np.searchsorted(owner[order], np.arange(len(group)), side="right")
    start = 0
    for record, end in zip(group, ends.tolist(), strict=True):
        complete = end - start == record.n_shots + more
        yield record, sorted_rows.slice(start, end - start) if complete else None
        start = end
