"""Making titles the stored ones, by the commit rule.

1. The shots, features and keyframes of a title are appended under a revision number that no other writing has; no
reader looks at them. 2. They are counted, where something came in between or it took long. 3. The title's row is
appended, naming the revision: from that moment on readers see the new rows and only them, for a title is its row of the
highest revision. 4. What the title had before is deleted, if it had anything. A process that dies before 3 leaves the
title as it was, one that dies after 3 leaves it as it should be; the litter is invisible and goes with
`Catalog.optimize`.

Every step is an append or a delete, so any number of processes may be at it. Of two that write one title at once, the
one with the higher revision stands, whichever step comes first, and both end well.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import pyarrow as pa

from mediafm.catalog.clock import fresh_revision
from mediafm.catalog.generations import require_live
from mediafm.catalog.records import CatalogSpec, TitleRecord
from mediafm.catalog.spool import Spool
from mediafm.catalog.store import Store, any_of, quote
from mediafm.catalog.tables import (
    CLIP_SETS,
    EMBEDDING_SETS,
    FAILURES,
    SHOT_TABLES,
    SHOTS,
    TITLES,
    titles_schema,
    titles_to_rows,
)
from mediafm.errors import CatalogError
from mediafm.types import FloatArray

YOUNG_S = 60.0  # rows of no title that are younger are left alone whoever tidies up: this may be their commit
_ATTEMPTS = 5  # at appending all rows of a title
_DELETE_AT_ONCE = 100  # titles in one filter
_KEYS = ["title_id", "revision", "source_fingerprint"]


@dataclass(frozen=True, slots=True)
class Pending:
    """A title all of whose rows are known and whose commit is due."""

    record: TitleRecord
    global_vector: FloatArray | None
    spool: Spool


class Committer:
    """The four steps, for one title or for many at once."""

    def __init__(self, store: Store, spec: CatalogSpec) -> None:
        self.store = store
        self.spec = spec
        self._titles = titles_schema(spec)

    def commit(self, pending: Sequence[Pending]) -> int:
        """Make these titles the stored ones, unless another process stores newer writings of them meanwhile.

        Returns their revision.
        """
        ids = [p.record.title_id for p in pending]
        for _ in range(_ATTEMPTS):
            before = self.store.scan(TITLES, any_of("title_id", ids), _KEYS)
            revision = fresh_revision(above=max(before["revision"].to_pylist(), default=0))
            if self._append(pending, revision):
                break
            self._delete(_writing(pending, revision))  # nobody saw it
        else:
            raise CatalogError(
                f"The rows of {', '.join(ids[:5])} do not stay in the catalog {self.store.uri}: they are deleted.",
                "What was stored before stands. See that no other process tidies it, then run the command again.",
            )
        titles = [(replace(p.record, revision=revision), p.global_vector) for p in pending]
        rows = titles_to_rows(titles, self._titles)
        self.store.add(TITLES, rows, written=_writing(pending, revision))
        require_live(self.store)
        if self.store.count(FAILURES):
            self.store.delete(FAILURES, f"{any_of('title_id', ids)} AND revision < {revision}")
        self._delete_replaced(before, {p.record.title_id: p.record.source_fingerprint for p in pending})
        return revision

    def extend(self, pending: Pending, revision: int, change: Callable[[], None]) -> None:
        """Add shots to a title that was committed under `revision` and goes on; its row, which counts them, comes last.

        change: other changes of its rows, made before the new row counts. CatalogError where the title is not ours now.
        """
        title_id = pending.record.title_id
        stored = self.store.scan(TITLES, f"title_id = {quote(title_id)}", _KEYS)["revision"].to_pylist()
        if not stored or max(stored) != revision:
            raise CatalogError(
                f"Title {title_id} was stored or removed by another process while it was followed.",
                "Let one process at a time follow a title; run the command again to go on.",
            )
        due = {table: pending.spool.count(table) for table in SHOT_TABLES}
        new = f"{_writing([pending], revision)} AND shot >= {pending.record.n_shots - due[SHOTS]}"
        for table, n in due.items():
            once = self._append_to(table, [pending], revision, new)
            if not once and self.store.count(table, new) != n:
                raise CatalogError(
                    f"Shots of title {title_id} were not appended once to the table {table} of {self.store.uri}.",
                    "Run the command again: it reads the title anew.",
                )
        change()
        row = titles_to_rows([(replace(pending.record, revision=revision), pending.global_vector)], self._titles)
        self.store.upsert(TITLES, row, ("title_id", "revision"))

    def remove(self, title_id: str) -> None:
        """Take a title out, its row first; a writing that is under way and commits later brings it back, whole."""
        mine = f"title_id = {quote(title_id)}"
        stored = self.store.scan(TITLES, mine, _KEYS)["revision"].to_pylist()
        if stored:
            writings = f"{mine} AND {any_of('revision', stored)}"
            self.store.delete(TITLES, writings)
            self._delete(writings)
        for table in (*self._set_tables(CLIP_SETS), FAILURES):
            self.store.delete(table, mine)

    def _append(self, pending: Sequence[Pending], revision: int) -> bool:
        """Append all rows of the titles; whether they are there once, counted where that is not certain."""
        started = time.monotonic()
        certain = [self._append_to(table, pending, revision) for table in SHOT_TABLES]
        if all(certain) and time.monotonic() - started < YOUNG_S / 2:
            return True  # no change was tried twice, and no `optimize` deletes what is so young
        due = {table: sum(p.spool.count(table) for p in pending) for table in SHOT_TABLES}
        return all(self.store.count(table, _writing(pending, revision)) == n for table, n in due.items())

    def _append_to(self, table: str, pending: Sequence[Pending], revision: int, written: str = "") -> bool:
        def stream() -> pa.RecordBatchReader:
            batches = chain.from_iterable(p.spool.batches(table) for p in pending)
            first = next(batches)
            stamped = (_stamped(batch, revision) for batch in chain([first], batches))
            return pa.RecordBatchReader.from_batches(first.schema, stamped)

        if not any(p.spool.count(table) for p in pending):
            return True
        return self.store.add(table, stream, written=written or _writing(pending, revision))

    def _delete_replaced(self, before: pa.Table, made_of: dict[str, str]) -> None:
        """Delete what these titles had, their rows in `titles` last."""
        old = before.to_pylist()
        for start in range(0, len(old), _DELETE_AT_ONCE):
            some = old[start : start + _DELETE_AT_ONCE]
            where = _one_of((row["title_id"], row["revision"]) for row in some)
            self._delete(where)
            others = {t: f for row in some if row["source_fingerprint"] != (f := made_of[(t := row["title_id"])])}
            if others:
                self._delete_clips(others)
            self.store.delete(TITLES, where)

    def _delete(self, where: str) -> None:
        for table in (*SHOT_TABLES, *self._set_tables(EMBEDDING_SETS)):
            self.store.delete(table, where)

    def _delete_clips(self, made_of: dict[str, str]) -> None:
        """Clips belong to a title's source, whatever its revision."""
        others = (f"(title_id = {quote(t)} AND source_fingerprint <> {quote(f)})" for t, f in made_of.items())
        where = " OR ".join(others)
        for table in self._set_tables(CLIP_SETS):
            self.store.delete(table, where)

    def _set_tables(self, registry: str) -> list[str]:
        if not self.store.has(registry):
            return []
        names: list[str] = self.store.scan(registry, columns=["table_name"])["table_name"].to_pylist()
        return names


def _writing(pending: Sequence[Pending], revision: int) -> str:
    """Filter: the row belongs to this writing of these titles."""
    return f"{any_of('title_id', (p.record.title_id for p in pending))} AND revision = {revision}"


def _one_of(keys: Iterable[tuple[str, int]]) -> str:
    """Filter: the row belongs to one of these writings."""
    return " OR ".join(f"(title_id = {quote(t)} AND revision = {r})" for t, r in keys)


def _stamped(batch: pa.RecordBatch, revision: int) -> pa.RecordBatch:
    at = batch.schema.get_field_index("revision")
    return batch.set_column(at, batch.schema.field(at), pa.array([revision] * len(batch), pa.int64()))
