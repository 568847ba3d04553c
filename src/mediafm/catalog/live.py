"""Writing a title that grows: what is there of it can be seen, and what comes next costs only itself.

All rows of the title carry one revision. Each `show` appends the rows of the shots that came since, then puts the
title's row, which says how many shots there are, in place of the one before. Readers take that many and overlook what
lies beyond, so they see one or the other. Nothing that is stored is written again but the title's row, and the words of
shots whose cues came late.

What was stored of the title before stands until the first `show`. A writer that dies leaves the title so far.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from mediafm.catalog.checks import check_global_vector, check_record
from mediafm.catalog.commit import Pending
from mediafm.catalog.records import CatalogSpec, TitleRecord, TitleSource
from mediafm.catalog.spool import Spool
from mediafm.catalog.store import Store, any_of, quote
from mediafm.catalog.tables import (
    EMBEDDING_SETS,
    FEATURES,
    SHOTS,
    TITLE_VECTOR,
    column_values,
    column_vectors,
    rows_to_shots,
    shots_to_rows,
    vector_column,
)
from mediafm.catalog.writer import TitleWriter
from mediafm.types import FloatArray, ShotCue

PAST = "past"  # the context whose vectors hold when a title goes on
_AT_ONCE = 512  # shots whose words are written in one change
_KEYS = ("title_id", "revision", "shot")


@dataclass(frozen=True, slots=True)
class Words:
    """What a shot says by now, and its vector [dim]; None where it says nothing or the catalog has no text encoder."""

    text: str
    cues: tuple[ShotCue, ...]
    vector: FloatArray | None


class LiveWriter(TitleWriter):
    """A title's writer whose `show` takes the place of `commit`, as often as one likes."""

    def __init__(self, store: Store, spec: CatalogSpec, title_id: str, source: TitleSource) -> None:
        super().__init__(store, spec, title_id, source)
        self._store = store
        self._revision: int | None = None
        self._shown = False
        self._later: dict[int, Words] = {}

    def retell(self, shot: int, words: Words) -> None:
        """A shot that was appended says something else; stored by the next `show`."""
        self._later[shot] = words

    def show(
        self, record: TitleRecord, global_vector: FloatArray | None = None, source: TitleSource | None = None
    ) -> TitleRecord:
        """Make the title as it is now the stored one; returns its record. source: of a title that has ended.

        CatalogError where another process has stored the title meanwhile.
        """
        self._require_open()
        check_record(self._title_id, record, self._shots)
        check_global_vector(self._title_id, self._spec, global_vector)
        self._source = source or self._source
        pending = Pending(self._stamped(record), global_vector, self._spool)
        if self._revision is None:
            # With words still to come it is not what it will be, so it must not pass for that if we die in between.
            begun = replace(pending, record=_unfinished(pending.record)) if self._later else pending
            self._revision = self._committer.commit([begun])
            pending = replace(pending, spool=self._renewed())
        if self._later or self._shown:
            self._committer.extend(pending, self._revision, self._retell)
            self._renewed()
        self._shown = True
        return replace(pending.record, revision=self._revision)

    def _renewed(self) -> Spool:
        self._spool.close()
        self._spool = Spool()
        return self._spool

    def _retell(self) -> None:
        shots = sorted(self._later)
        for start in range(0, len(shots), _AT_ONCE):
            some = {shot: self._later[shot] for shot in shots[start : start + _AT_ONCE]}
            self._drop_embeddings(min(some))
            mine = f"title_id = {quote(self._title_id)} AND revision = {self._revision}"
            where = f"{mine} AND {any_of('shot', some)}"
            if "text" in self._spec.encoders:
                rows = self._store.scan(FEATURES, where)
                self._store.upsert(FEATURES, _with_vectors(rows, some), _KEYS)
            self._retell_shots(where, some)
        self._later = {}

    def _retell_shots(self, where: str, words: Mapping[int, Words]) -> None:
        assert self._revision is not None
        found = rows_to_shots(self._store.scan(SHOTS, where))
        told = "text" in self._spec.encoders
        changed = [
            replace(
                shot,
                text=words[shot.index].text,
                cues=words[shot.index].cues,
                has_text=words[shot.index].vector is not None if told else shot.has_text,
            )
            for shot in found
        ]
        self._store.upsert(SHOTS, shots_to_rows(self._title_id, self._revision, changed), _KEYS)

    def _drop_embeddings(self, shot: int) -> None:
        """What was made of other words: of a set that knows the past alone what follows, of any other everything."""
        sets = self._store.scan(EMBEDDING_SETS, columns=["table_name", "context"])
        for table, context in zip(sets["table_name"].to_pylist(), sets["context"].to_pylist(), strict=True):
            where = f"title_id = {quote(self._title_id)} AND revision = {self._revision}"
            kept = f" AND (shot >= {shot} OR shot = {TITLE_VECTOR})" if context == PAST else ""
            self._store.delete(table, where + kept)


def _unfinished(record: TitleRecord) -> TitleRecord:
    return replace(record, source_fingerprint="", extra={**record.extra, "live": {"shown": 0}})


def _with_vectors(rows: pa.Table, words: Mapping[int, Words]) -> pa.Table:
    """Rows of `features` with other vectors of text."""
    vectors, present = column_vectors(rows["text"]), column_values(rows["text_present"])
    for row, shot in enumerate(rows["shot"].to_pylist()):
        vector = words[shot].vector
        present[row] = vector is not None
        vectors[row] = 0 if vector is None else vector.astype(np.float16)
    columns: Sequence[tuple[str, pa.Array]] = [("text", vector_column(vectors)), ("text_present", pa.array(present))]
    for name, column in columns:
        at = rows.schema.get_field_index(name)
        rows = rows.set_column(at, rows.schema.field(at), column)
    return rows
