"""Looking a catalog over and tidying it up."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mediafm.catalog.clip_sets import ClipSets
from mediafm.catalog.commit import YOUNG_S
from mediafm.catalog.compaction import Tidied
from mediafm.catalog.embedding_sets import EmbeddingSets
from mediafm.catalog.generations import drop_retired
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
GRACE = timedelta(minutes=10)  # what younger rows and versions are given: a commit and a scan take seconds
_WRITING = ["title_id", "revision"]
_DELETE_AT_ONCE = 100


def verify(rows: TitleRows, spec: CatalogSpec, sets: EmbeddingSets, clips: ClipSets) -> list[str]:
    """One sentence for everything that is not as it should be; empty: all well.

    Looks at every row: counts, tiling, finite features, zero exactly where not present, flags of shots and features
    alike, pictures of shots that exist, embeddings that are whole, clips that lie in their title. Rows that belong
    to no committed writing are no problem: no reader sees them; `litter` counts them.
    """
    records = rows.records()
    problems = [f"{r.title_id}: made by other encoders or detector" for r in records if not _same_origin(r, spec)]
    problems += _title_problems(rows.store)
    features = rows.scan(FEATURES, _feature_columns(spec), records)
    for (record, shots), (_, vectors) in zip(rows.scan(SHOTS, _SHOT_COLUMNS, records), features, strict=True):
        found = [*_shot_problems(record, shots), *_feature_problems(record, shots, vectors, spec)]
        problems += [f"{record.title_id}: {p}" for p in found]
    problems += _keyframe_problems(rows.store, records)
    for embedding_set in sets.specs():
        problems += _embedding_problems(rows, embedding_set.name, records)
    return problems + clips.problems(records)


def litter(rows: TitleRows) -> list[str]:
    """One sentence a title for rows that no reader sees: of writings that were killed, or are under way."""
    lost: Counter[str] = Counter()
    for _, orphans in _orphans(rows, rows.records()):
        for title_id, _, n in orphans:
            lost[title_id] += n
    return [f"{title_id}: {n} rows of an unfinished or replaced writing" for title_id, n in sorted(lost.items())]


def optimize(rows: TitleRows, sets: EmbeddingSets, clips: ClipSets, grace: timedelta) -> Tidied:
    """Delete the litter of unfinished writings, merge small files, drop old versions, refresh indexes.

    Litter and versions younger than `grace` stay: another process may be at work on them; litter of the last minute
    stays in any case.
    """
    drop_retired(rows.store, grace)
    oldest = time.time_ns() - int(max(grace.total_seconds(), YOUNG_S) * 1e9)
    store, records = rows.store, rows.records()
    by_title = [TITLES, *SHOT_TABLES, *(embeddings_table_name(s.name) for s in sets.specs()), *clips.tables()]
    small = [table for table in (EMBEDDING_SETS, CLIP_SETS, FAILURES) if store.has(table)]
    # Versions first, because what comes after needs space, which may be what is lacking.
    done = [store.drop_versions(table, grace) for table in (*by_title, *small)]
    for table, orphans in _orphans(rows, records):
        old = [f"(title_id = {quote(t)} AND revision = {r})" for t, r, _ in orphans if r <= oldest]
        for start in range(0, len(old), _DELETE_AT_ONCE):
            store.delete(table, " OR ".join(old[start : start + _DELETE_AT_ONCE]))
    clips.tidy(records)
    done += [store.compact(table, "title_id", grace) for table in by_title]
    done += [store.compact(table, None, grace) for table in small]
    return sum(done, Tidied())


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


def _title_problems(store: Store) -> list[str]:
    """Rows of older revisions are litter; two of one revision are one too many."""
    return [f"{title_id}: has {n} title rows" for (title_id, _), n in store.tally(TITLES, _WRITING).items() if n > 1]


def _keyframe_problems(store: Store, records: Sequence[TitleRecord]) -> list[str]:
    keyframes = store.scan(KEYFRAMES, columns=[*_WRITING, "shot"])
    shots = {(r.title_id, r.revision): r.n_shots for r in records if not r.live}  # theirs come before they count
    problems = []
    for g in _grouped(
        keyframes, _WRITING, ("shot", "min"), ("shot", "max"), ("shot", "count"), ("shot", "count_distinct")
    ):
        n = shots.get((g["title_id"], g["revision"]))
        if n is None:
            continue
        wrong = [shot for shot in (g["shot_min"], g["shot_max"]) if not 0 <= shot < n]
        problems += [f"{g['title_id']}: has a keyframe for shot {shot}, which does not exist" for shot in wrong]
        if g["shot_count"] > g["shot_count_distinct"]:
            mine = pc.and_(
                pc.equal(keyframes["title_id"], g["title_id"]), pc.equal(keyframes["revision"], g["revision"])
            )
            values, counts = np.unique(keyframes.filter(mine)["shot"].to_numpy(), return_counts=True)
            problems += [f"{g['title_id']}: has two keyframes for shot {shot}" for shot in values[counts > 1]]
    return problems


def _grouped(rows: pa.Table, keys: list[str], *what: Any) -> list[dict[str, Any]]:
    groups: list[dict[str, Any]] = rows.group_by(keys).aggregate(list(what)).to_pylist()
    return groups


def _embedding_problems(rows: TitleRows, name: str, records: Sequence[TitleRecord]) -> list[str]:
    """A set need not cover a title, nor the end of one that went on since, but what it holds must have no holes."""
    problems = []
    table = embeddings_table_name(name)
    held = dict.fromkeys(zip(*_columns(rows.store.scan(table, columns=["title_id", "revision"])), strict=True))
    for record, found in rows.scan(table, ["vector"], records, more=1):
        if found is None and (record.title_id, record.revision) in held and _has_holes(rows.store, table, record):
            problems.append(f"{record.title_id}: embedding set {name!r} does not hold its {record.n_shots} shots once")
    return problems


def _has_holes(store: Store, table: str, record: TitleRecord) -> bool:
    where = f"title_id = {quote(record.title_id)} AND revision = {record.revision} AND shot >= 0"
    shots = sorted(store.scan(table, where, ["shot"])["shot"].to_pylist())
    return shots != list(range(min(len(shots), record.n_shots)))


def _columns(rows: pa.Table) -> tuple[list[str], list[int]]:
    return rows["title_id"].to_pylist(), rows["revision"].to_pylist()


def _orphans(rows: TitleRows, records: Sequence[TitleRecord]) -> Iterator[tuple[str, list[tuple[str, int, int]]]]:
    """For each table its (title, revision, number of rows) of other writings than those that count."""
    committed = {(r.title_id, r.revision) for r in records}
    sets = rows.store.scan(EMBEDDING_SETS, columns=["table_name"])["table_name"].to_pylist()
    for table in (*SHOT_TABLES, *sets, TITLES):
        counts = rows.store.tally(table, _WRITING)
        yield table, sorted((*key, n) for key, n in counts.items() if key not in committed)
