"""Looking a catalog over and tidying it up."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta

import numpy as np
import pyarrow as pa

from mediafm.catalog.clip_sets import ClipSets
from mediafm.catalog.embedding_sets import EmbeddingSets
from mediafm.catalog.records import CatalogSpec, TitleRecord
from mediafm.catalog.rows import TitleRows
from mediafm.catalog.store import Store, quote
from mediafm.catalog.tables import (
    CLIP_SETS,
    EMBEDDING_SETS,
    FAILURES,
    FEATURES,
    KEYFRAMES,
    SHOT_TABLES,
    SHOTS,
    TITLES,
    embeddings_table_name,
    rows_to_features,
)
from mediafm.types import Features

_SHOT_COLUMNS = ("start_pts", "end_pts", "start_frame", "end_frame", "has_video", "has_audio", "has_text")
_DELETE_AT_ONCE = 100


def verify(rows: TitleRows, spec: CatalogSpec, sets: EmbeddingSets, clips: ClipSets) -> list[str]:
    """One sentence for everything that is not as it should be; empty: all well.

    Looks at every row: counts, tiling, finite features, zero exactly where not present, flags of shots and features
    alike, pictures of shots that exist, embeddings that are whole, clips that lie in their title, rows that belong to
    no committed writing.
    """
    records = rows.records()
    problems = [f"{r.title_id}: made by other encoders or detector" for r in records if not _same_origin(r, spec)]
    title_rows = Counter(r.title_id for r in records)
    problems += [f"{title_id}: has {n} title rows" for title_id, n in title_rows.items() if n > 1]
    features = rows.scan(FEATURES, _feature_columns(spec), records)
    for (record, shots), (_, vectors) in zip(rows.scan(SHOTS, _SHOT_COLUMNS, records), features, strict=True):
        found = [*_shot_problems(record, shots), *_feature_problems(record, shots, vectors, spec)]
        problems += [f"{record.title_id}: {p}" for p in found]
    problems += _keyframe_problems(rows.store, records)
    for embedding_set in sets.specs():
        problems += _embedding_problems(rows, embedding_set.name, records)
    return problems + clips.problems(records) + _orphan_problems(rows, records)


def optimize(rows: TitleRows, sets: EmbeddingSets, clips: ClipSets, grace: timedelta) -> None:
    """Delete the litter of unfinished writings, merge small files, drop old versions, refresh indexes.

    Litter and versions younger than `grace` stay: another process may be at work on them.
    """
    oldest = time.time_ns() - int(grace.total_seconds() * 1e9)
    records = rows.records()
    for table, orphans in _orphans(rows, records):
        old = [f"(title_id = {quote(t)} AND revision = {r})" for t, r, _ in orphans if r <= oldest]
        for start in range(0, len(old), _DELETE_AT_ONCE):
            rows.store.delete(table, " OR ".join(old[start : start + _DELETE_AT_ONCE]))
    by_title = (TITLES, *SHOT_TABLES, *(embeddings_table_name(s.name) for s in sets.specs()), *clips.tidy(records))
    for table in by_title:
        rows.store.compact(table, "title_id", grace)
    for table in (EMBEDDING_SETS, CLIP_SETS, FAILURES):
        if rows.store.has(table):
            rows.store.compact(table, None, grace)


def _same_origin(record: TitleRecord, spec: CatalogSpec) -> bool:
    return record.detector_fingerprint == spec.detector and dict(record.encoder_fingerprints) == spec.fingerprints


def _feature_columns(spec: CatalogSpec) -> list[str]:
    return [c for m in spec.encoders for c in (m, f"{m}_present")]


def _shot_problems(record: TitleRecord, shots: pa.Table | None) -> Iterator[str]:
    if shots is None:
        yield f"the table shots does not hold its {record.n_shots} shots exactly once"
        return
    column = {name: shots[name].to_numpy() for name in ("shot", *_SHOT_COLUMNS)}
    start, end = column["start_pts"], column["end_pts"]
    if not np.array_equal(column["shot"], np.arange(record.n_shots)):
        yield "shot numbers do not run 0, 1, 2 ..."
    if start[0] != 0 or end[-1] != record.end_pts or (start[1:] != end[:-1]).any() or (end <= start).any():
        yield f"shots do not tile [0, {record.end_pts})"
    if (column["start_frame"][1:] != column["end_frame"][:-1]).any():
        yield "frame numbers of successive shots do not meet"


def _feature_problems(
    record: TitleRecord, shots: pa.Table | None, vectors: pa.Table | None, spec: CatalogSpec
) -> Iterator[str]:
    if vectors is None:
        yield f"the table features does not hold its {record.n_shots} shots exactly once"
        return
    features: Features = rows_to_features(vectors, list(spec.encoders))
    for modality in spec.encoders:
        values, present = features.vectors[modality], features.present[modality]
        finite = np.isfinite(values).all(axis=1)
        if not finite.all():
            yield f"{modality} features of shot {np.argmin(finite)} are not finite"
        agree = values.any(axis=1) == present
        if not agree.all():
            yield f"{modality} features of shot {np.argmin(agree)} are zero though present or the reverse"
        if shots is not None and not np.array_equal(shots[f"has_{modality}"].to_numpy(), present):
            yield f"has_{modality} of the shots differs from the features' flags"


def _keyframe_problems(store: Store, records: Sequence[TitleRecord]) -> list[str]:
    keyframes = store.scan(KEYFRAMES, columns=["title_id", "revision", "shot"])
    count = {(r.title_id, r.revision): r.n_shots for r in records}
    seen: set[tuple[str, int, int]] = set()
    problems = []
    for row in keyframes.to_pylist():
        key = (row["title_id"], row["revision"])
        if key in count and not 0 <= row["shot"] < count[key]:
            problems.append(f"{row['title_id']}: has a keyframe for shot {row['shot']}, which does not exist")
        if (*key, row["shot"]) in seen:
            problems.append(f"{row['title_id']}: has two keyframes for shot {row['shot']}")
        seen.add((*key, row["shot"]))
    return problems


def _embedding_problems(rows: TitleRows, name: str, records: Sequence[TitleRecord]) -> list[str]:
    """A set need not cover a title, but what it holds for one must be whole."""
    problems = []
    table = embeddings_table_name(name)
    held = dict.fromkeys(zip(*_columns(rows.store.scan(table, columns=["title_id", "revision"])), strict=True))
    for record, found in rows.scan(table, ["vector"], records, more=1):
        if found is None and (record.title_id, record.revision) in held:
            problems.append(f"{record.title_id}: embedding set {name!r} does not hold its {record.n_shots} shots once")
    return problems


def _columns(rows: pa.Table) -> tuple[list[str], list[int]]:
    return rows["title_id"].to_pylist(), rows["revision"].to_pylist()


def _orphans(rows: TitleRows, records: Sequence[TitleRecord]) -> Iterator[tuple[str, list[tuple[str, int, int]]]]:
    """For each table its (title, revision, number of rows) that no title row names."""
    committed = {(r.title_id, r.revision) for r in records}
    sets = rows.store.scan(EMBEDDING_SETS, columns=["table_name"])["table_name"].to_pylist()
    for table in (*SHOT_TABLES, *sets):
        found = rows.store.scan(table, columns=["title_id", "revision"])
        groups = found.group_by(["title_id", "revision"]).aggregate([([], "count_all")]).to_pylist()
        keys = [(g["title_id"], g["revision"], g["count_all"]) for g in groups]
        yield table, sorted(k for k in keys if k[:2] not in committed)


def _orphan_problems(rows: TitleRows, records: Sequence[TitleRecord]) -> list[str]:
    return [
        f"{title_id}: {n} rows of an unfinished writing in the table {table}; "
        "`mediafm optimize` deletes them once they are an hour old"
        for table, orphans in _orphans(rows, records)
        for title_id, _, n in orphans
    ]
