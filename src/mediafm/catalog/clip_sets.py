"""Clip sets: vectors of clips made outside mediafm, kept beside its own so that probes can compare with them.

Each set has a table of its own, entered in the registry `clip_sets` last. A clip is known by its title and its span in
whole microseconds. A row carries the fingerprint of the source its title was made of: vectors of a film that was
replaced since are not found; they are missing, not wrong. Writing a title's subtitles or shots anew changes nothing.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mediafm.catalog.clock import now
from mediafm.catalog.records import ClipSetSpec, TitleClips, TitleRecord
from mediafm.catalog.rows import TitleRows
from mediafm.catalog.store import any_of, quote
from mediafm.catalog.tables import (
    CLIP_SETS,
    CLIP_SETS_SCHEMA,
    clips_schema,
    clips_table_name,
    column_values,
    column_vectors,
    vector_column,
)
from mediafm.errors import CatalogError, MismatchError, UsageError
from mediafm.types import MODALITIES, FloatArray

# What probes call their own feature sets.
RESERVED = re.compile(r"chance|metadata|concat|neighbours|(moving_average|past_future)_\d+|.*[+/].*")
OVERHANG_S = 0.05  # a clip may end this much after its title: people's tools round to frames
_KEY = ("title_id", "start_us", "end_us")
_US = 1_000_000
_GROUP_TITLES, _BATCH_ROWS = 256, 8192  # read, and written, at once


class ClipSets:
    """The clip sets of one store. The registry is absent from catalogs made before there were any."""

    def __init__(self, rows: TitleRows) -> None:
        self._rows = rows
        self._store = rows.store

    def specs(self) -> list[ClipSetSpec]:
        """All sets in order of their names."""
        if not self._store.has(CLIP_SETS):
            return []
        rows = self._store.scan(CLIP_SETS, columns=["name", "source", "dim", "fingerprint"])
        return sorted((ClipSetSpec(**row) for row in rows.to_pylist()), key=lambda s: s.name)

    def spec(self, name: str) -> ClipSetSpec:
        """One set; CatalogError where there is none of that name."""
        known = {s.name: s for s in self.specs()}
        if name not in known:
            has = f"it has {', '.join(known)}" if known else "it has none"
            raise CatalogError(
                f"The catalog {self._store.uri} has no clip set {name!r} ({has}).",
                "Bring clip vectors in with `mediafm import --clip-set` or `mediafm hosted` first.",
            )
        return known[name]

    def add(self, spec: ClipSetSpec, replace: bool, embedding_sets: Iterable[str]) -> None:
        """Enter an empty set; nothing happens where the same is there already."""
        _check_spec(spec, embedding_sets)
        stored = {s.name: s for s in self.specs()}.get(spec.name)
        if stored == spec:
            return
        if stored is not None and not replace:
            raise MismatchError(
                f"The clip set {spec.name!r} in {self._store.uri} was made by {_describe(stored)}; "
                f"asked for is {_describe(spec)}.",
                "Choose another name for the new set, or replace the old one.",
            )
        if not self._store.has(CLIP_SETS):
            self._store.create(CLIP_SETS, CLIP_SETS_SCHEMA)
        table = clips_table_name(spec.name)
        self._store.delete(CLIP_SETS, f"name = {quote(spec.name)}")
        self._store.create(table, clips_schema(spec.dim))
        row = {
            "name": spec.name,
            "table_name": table,
            "source": spec.source,
            "dim": spec.dim,
            "fingerprint": spec.fingerprint,
            "created_at": now(),
        }
        self._store.upsert(CLIP_SETS, pa.Table.from_pylist([row], CLIP_SETS_SCHEMA), "name")

    def write(self, name: str, clips: Iterable[TitleClips]) -> None:
        """Put clips in place of those of the same title and span; other clips of the set stay.

        Checked title by title before any of a batch (some thousand clips) is stored.
        """
        spec, records = self.spec(name), {r.title_id: r for r in self._rows.records()}
        batch: list[pa.Table] = []
        for title in clips:
            if title.title_id not in records:
                raise self._rows.unknown(title.title_id)
            batch.append(_to_rows(spec, records[title.title_id], title))
            if sum(map(len, batch)) >= _BATCH_ROWS:
                self._flush(spec, batch)
                batch = []
        self._flush(spec, batch)

    def read(self, name: str, ids: Sequence[str] | None) -> Iterator[TitleClips]:
        """The clips of each title in the order of ids (None: all titles, in id order); none is n = 0."""
        spec, records = self.spec(name), self._rows.select(ids)
        for start in range(0, len(records), _GROUP_TITLES):
            yield from self._read(spec, records[start : start + _GROUP_TITLES])

    def count(self, name: str) -> int:
        """How many clips the set holds."""
        return self._store.count(clips_table_name(name))

    def problems(self, records: Sequence[TitleRecord]) -> list[str]:
        """One sentence for everything in the sets that is not as it should be."""
        tables = set(self._store.names())
        problems = []
        for spec in self.specs():
            if clips_table_name(spec.name) not in tables:
                problems.append(f"clip set {spec.name!r}: its table is missing; import or embed its clips again")
                continue
            problems += [f"clip set {spec.name!r}: {p}" for p in self._set_problems(spec, records)]
        return problems

    def tables(self) -> list[str]:
        """The sets' tables."""
        return [clips_table_name(s.name) for s in self.specs()]

    def tidy(self, records: Sequence[TitleRecord]) -> None:
        """Delete clips of titles that are gone or were made anew of another source."""
        source = {r.title_id: r.source_fingerprint for r in records}
        for table in self.tables():
            held = self._store.scan(table, columns=["title_id", "source_fingerprint"])
            pairs = sorted(set(zip(*(column.to_pylist() for column in held.columns), strict=True)))
            stale = [(t, f) for t, f in pairs if source.get(t) != f]
            for start in range(0, len(stale), _GROUP_TITLES):
                some = stale[start : start + _GROUP_TITLES]
                where = (f"(title_id = {quote(t)} AND source_fingerprint = {quote(f)})" for t, f in some)
                self._store.delete(table, " OR ".join(where))

    def _flush(self, spec: ClipSetSpec, batch: Sequence[pa.Table]) -> None:
        if batch:
            rows = pa.concat_tables(batch).combine_chunks()
            self._store.upsert(clips_table_name(spec.name), rows, _KEY)

    def _read(self, spec: ClipSetSpec, records: Sequence[TitleRecord]) -> Iterator[TitleClips]:
        rows = self._store.scan(clips_table_name(spec.name), any_of("title_id", (r.title_id for r in records)))
        title, source = np.array(rows["title_id"].to_pylist()), np.array(rows["source_fingerprint"].to_pylist())
        start, end = column_values(rows["start_us"]), column_values(rows["end_us"])
        vectors = column_vectors(rows["vector"])
        for record in records:
            mine = np.flatnonzero((title == record.title_id) & (source == record.source_fingerprint))
            mine = mine[np.lexsort((end[mine], start[mine]))]
            shape = (len(mine), spec.dim)
            yield TitleClips(record.title_id, start[mine] / _US, end[mine] / _US, vectors[mine].reshape(shape))

    def _set_problems(self, spec: ClipSetSpec, records: Sequence[TitleRecord]) -> Iterator[str]:
        rows = self._store.scan(clips_table_name(spec.name))
        by_id = {r.title_id: r for r in records}
        finite = np.isfinite(column_vectors(rows["vector"])).all(axis=1) if len(rows) else np.zeros(0, bool)
        seen: set[tuple[str, int, int]] = set()
        for row, good in zip(rows.drop(["vector"]).to_pylist(), finite.tolist(), strict=True):
            key = (row["title_id"], row["start_us"], row["end_us"])
            what = f"the clip {key[1] / _US:.10g}-{key[2] / _US:.10g} s of {key[0]}"
            record = by_id.get(key[0])
            if record is None:
                yield f"{what} belongs to no title; `mediafm optimize` deletes it"
            elif record.source_fingerprint != row["source_fingerprint"]:
                yield f"{what} was made of another film than the title is now; `mediafm optimize` deletes it"
            elif not 0 <= key[1] < key[2] <= (record.duration_s + OVERHANG_S) * _US:
                yield f"{what} is no span of the title, which ends at {record.duration_s:.3f} s"
            if not good:
                yield f"{what} has a vector that is not finite"
            if key in seen:
                yield f"{what} is there twice"
            seen.add(key)


def _check_spec(spec: ClipSetSpec, embedding_sets: Iterable[str]) -> None:
    if not spec.name or spec.dim < 1:
        raise UsageError(f"A clip set needs a name and a size, not {spec}.", "Give both.")
    taken = ""
    if spec.name in MODALITIES:
        taken = "a modality"
    elif RESERVED.fullmatch(spec.name):
        taken = "a feature set that probes make themselves"
    elif spec.name in set(embedding_sets):
        taken = "an embedding set of this catalog"
    if taken:
        raise UsageError(f"A clip set cannot be called {spec.name!r}: this is {taken}.", "Choose another name.")


def _to_rows(spec: ClipSetSpec, record: TitleRecord, title: TitleClips) -> pa.Table:
    """Checked rows of one title."""
    vectors = np.asarray(title.vectors, np.float32)
    start, end = _microseconds(title.start_s), _microseconds(title.end_s)
    n = len(start)
    what = f"Clip vectors of title {record.title_id} for the set {spec.name!r}"
    if vectors.shape != (n, spec.dim) or start.shape != (n,) or end.shape != (n,):
        raise CatalogError(
            f"{what} have shape {vectors.shape} for {n} starts and {len(end)} ends; the set wants ({n}, {spec.dim}).",
            "Give a span and a vector of the set's size for every clip.",
        )
    _check_rows(what, record, start, end, vectors)
    columns = {
        "title_id": pa.array([record.title_id] * n, pa.utf8()),
        "source_fingerprint": pa.array([record.source_fingerprint] * n, pa.utf8()),
        "start_us": pa.array(start),
        "end_us": pa.array(end),
        "vector": vector_column(vectors),
    }
    return pa.table(list(columns.values()), schema=clips_schema(spec.dim))


def _check_rows(
    what: str, record: TitleRecord, start: NDArray[np.int64], end: NDArray[np.int64], vectors: FloatArray
) -> None:
    outside = np.flatnonzero((start < 0) | (start >= end) | (end > (record.duration_s + OVERHANG_S) * _US))
    if len(outside):
        i = outside[0]
        raise CatalogError(
            f"{what}: {start[i] / _US:.10g}-{end[i] / _US:.10g} s is no span of it.",
            f"Title {record.title_id} runs from 0 to {record.duration_s:.3f} s.",
        )
    if not np.isfinite(vectors).all():
        raise CatalogError(f"{what} are not finite.", "Leave out the clips without a vector.")
    if len(set(zip(start.tolist(), end.tolist(), strict=True))) != len(start):
        raise CatalogError(f"{what} hold the same span twice.", "Give every span once.")


def _microseconds(seconds: NDArray[np.float64]) -> NDArray[np.int64]:
    values = np.asarray(seconds, np.float64)
    if not np.isfinite(values).all():
        raise CatalogError("A clip's start or end is not a number.", "Give seconds from the title's start.")
    return np.round(values * _US).astype(np.int64)


def _describe(spec: ClipSetSpec) -> str:
    return f"{spec.source} ({spec.dim} wide, fingerprint {spec.fingerprint})"
