"""Names, columns and Arrow forms of the tables. docs/catalog.md describes them for people."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mediafm.catalog.records import CatalogSpec, ShotRecord, TitleRecord
from mediafm.types import Cue, Features, FloatArray, Metadata, Modality, ShotCue

SCHEMA_VERSION = 2
GENERATIONS_SCHEMA_VERSION = 3  # of a catalog that was re-encoded: its tables have other names

META, TITLES, SHOTS, FEATURES, KEYFRAMES = "meta", "titles", "shots", "features", "keyframes"
EMBEDDING_SETS, CLIP_SETS, FAILURES = "embedding_sets", "clip_sets", "failures"
SHOT_TABLES = (SHOTS, FEATURES, KEYFRAMES)  # rows of these count once their title's row names their revision

_KEYS = [pa.field("title_id", pa.utf8()), pa.field("revision", pa.int64())]
_CUE = pa.struct(
    [("start_ms", pa.int64()), ("end_ms", pa.int64()), ("text", pa.utf8()), ("share", pa.float64())],
)
_TITLE_COLUMNS = [
    ("path", pa.utf8()),
    ("source_fingerprint", pa.utf8()),
    ("inputs_fingerprint", pa.utf8()),
    ("detector_fingerprint", pa.utf8()),
    ("encoder_fingerprints", pa.utf8()),  # JSON object
    ("time_base_num", pa.int64()),
    ("time_base_den", pa.int64()),
    ("end_pts", pa.int64()),
    ("frames", pa.int64()),
    ("n_shots", pa.int32()),
    ("width", pa.int32()),
    ("height", pa.int32()),
    ("fps", pa.float64()),
    ("has_video", pa.bool_()),
    ("has_audio", pa.bool_()),
    ("has_text", pa.bool_()),
    ("metadata", pa.utf8()),  # JSON object
    ("decode_failures", pa.int64()),
    ("warning", pa.utf8()),
    ("extra", pa.utf8()),  # JSON object
    ("created_at", pa.utf8()),
]
_SHOT_COLUMNS = [
    ("shot", pa.int32()),
    ("start_pts", pa.int64()),
    ("end_pts", pa.int64()),
    ("start_frame", pa.int64()),
    ("end_frame", pa.int64()),
    ("start_s", pa.float64()),
    ("end_s", pa.float64()),
    ("text", pa.utf8()),
    ("cues", pa.list_(_CUE)),
    ("has_video", pa.bool_()),
    ("has_audio", pa.bool_()),
    ("has_text", pa.bool_()),
    ("lost_frames", pa.int32()),
]

META_SCHEMA = pa.schema([("key", pa.utf8()), ("value", pa.utf8())])
SHOTS_SCHEMA = pa.schema([*_KEYS, *_SHOT_COLUMNS])
KEYFRAMES_SCHEMA = pa.schema([*_KEYS, ("shot", pa.int32()), ("jpeg", pa.binary())])
FAILURES_SCHEMA = pa.schema([*_KEYS, ("path", pa.utf8()), ("reason", pa.utf8()), ("failed_at", pa.utf8())])
EMBEDDING_SETS_SCHEMA = pa.schema(
    [
        ("name", pa.utf8()),
        ("table_name", pa.utf8()),
        ("checkpoint_fingerprint", pa.utf8()),
        ("context", pa.utf8()),
        ("dim", pa.int32()),
        ("created_at", pa.utf8()),
    ]
)
CLIP_SETS_SCHEMA = pa.schema(
    [
        ("name", pa.utf8()),
        ("table_name", pa.utf8()),
        ("source", pa.utf8()),
        ("dim", pa.int32()),
        ("fingerprint", pa.utf8()),
        ("created_at", pa.utf8()),
    ]
)
LOST_FRAMES, LOST_FRAMES_V1 = "lost_frames", "decode_failures"  # the column of `shots` today and in schema version 1
TITLE_VECTOR = -1  # the `shot` of the row that holds a title's own vector in an embedding set


def titles_schema(spec: CatalogSpec) -> pa.Schema:
    """With `global_vector`, the encoded metadata, where the catalog has a text encoder."""
    columns = [*_KEYS, *_TITLE_COLUMNS]
    if "text" in spec.encoders:
        columns.append(("global_vector", pa.list_(pa.float32(), spec.encoders["text"].dim)))
    return pa.schema(columns)


def features_schema(spec: CatalogSpec) -> pa.Schema:
    """A half-precision vector and a presence flag for each modality."""
    columns: list[Any] = [*_KEYS, ("shot", pa.int32())]
    for modality, encoder in spec.encoders.items():
        columns += [(modality, pa.list_(pa.float16(), encoder.dim)), (f"{modality}_present", pa.bool_())]
    return pa.schema(columns)


def embeddings_schema(dim: int) -> pa.Schema:
    """Single precision: what the model said is what comes back."""
    return pa.schema([*_KEYS, ("shot", pa.int32()), ("vector", pa.list_(pa.float32(), dim))])


def clips_schema(dim: int) -> pa.Schema:
    """Spans in whole microseconds, so that the same span is the same row."""
    span = [("start_us", pa.int64()), ("end_us", pa.int64())]
    source = [pa.field("title_id", pa.utf8()), pa.field("source_fingerprint", pa.utf8())]
    return pa.schema([*source, *span, ("vector", pa.list_(pa.float32(), dim))])


def embeddings_table_name(name: str) -> str:
    """The table of an embedding set."""
    return _table_name("embeddings", name)


def clips_table_name(name: str) -> str:
    """The table of a clip set."""
    return _table_name("clips", name)


def _table_name(kind: str, name: str) -> str:
    """A table name for any set name: what is legible of it, and a hash that keeps two alike apart."""
    slug = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_").lower()[:40]
    return f"{kind}_{slug}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"


# vectors ---------------------------------------------------------------------------------------------------------


def vector_column(vectors: NDArray[Any]) -> pa.FixedSizeListArray:
    """[n, d] -> n fixed-size lists."""
    return pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(vectors).reshape(-1)), vectors.shape[1])


def column_vectors(column: pa.ChunkedArray) -> NDArray[Any]:
    """n fixed-size lists without nulls -> [n, d], memory of its own (a view would keep whole chunks alive)."""
    dim = column.type.list_size
    parts = [c.flatten().to_numpy(zero_copy_only=False).reshape(-1, dim) for c in column.chunks]
    return np.concatenate(parts) if parts else np.zeros((0, dim), column.type.value_type.to_pandas_dtype())


def column_values(column: pa.ChunkedArray) -> NDArray[Any]:
    """Numbers or flags without nulls -> [n], memory of its own."""
    return np.array(column.to_numpy())


def _keys(title_id: str, revision: int, n: int) -> dict[str, Any]:
    return {"title_id": pa.array([title_id] * n, pa.utf8()), "revision": pa.array([revision] * n, pa.int64())}


# shots, features, keyframes ---------------------------------------------------------------------------------------


def shots_to_rows(title_id: str, revision: int, shots: Sequence[ShotRecord]) -> pa.Table:
    """Rows of the table `shots`."""
    columns = _keys(title_id, revision, len(shots))
    columns["shot"] = [s.index for s in shots]
    columns["cues"] = [[_cue_row(c) for c in s.cues] for s in shots]
    for name, _ in _SHOT_COLUMNS:
        if name not in columns:
            columns[name] = [getattr(s, name) for s in shots]
    return pa.table([pa.array(columns[f.name], f.type) for f in SHOTS_SCHEMA], schema=SHOTS_SCHEMA)


def rows_to_shots(rows: pa.Table) -> list[ShotRecord]:
    """The inverse of `shots_to_rows`, also for rows of schema version 1."""
    shots = []
    for row in rows.to_pylist():
        row[LOST_FRAMES] = row.pop(LOST_FRAMES_V1, 0) or row.get(LOST_FRAMES) or 0
        cues = tuple(ShotCue(Cue(c["start_ms"], c["end_ms"], c["text"]), c["share"]) for c in row.pop("cues"))
        index = row.pop("shot")
        fields = {name: row[name] for name, _ in _SHOT_COLUMNS if name in row}
        shots.append(ShotRecord(index=index, cues=cues, **fields))
    return shots


def shot_columns(rows: pa.Table, columns: Sequence[str]) -> pa.Table:
    """Rows of `shots` with those columns alone, of schema version 1 under the names of today."""
    taken = rows.select(list(columns))
    return taken.rename_columns([LOST_FRAMES if name == LOST_FRAMES_V1 else name for name in columns])


def _cue_row(seen: ShotCue) -> dict[str, Any]:
    return {"start_ms": seen.cue.start_ms, "end_ms": seen.cue.end_ms, "text": seen.cue.text, "share": seen.share}


def features_to_rows(title_id: str, revision: int, first_shot: int, features: Features, schema: pa.Schema) -> pa.Table:
    """Rows of the table `features`; vectors must already be float16."""
    n = len(features)
    columns = _keys(title_id, revision, n)
    columns["shot"] = pa.array(np.arange(first_shot, first_shot + n, dtype=np.int32))
    for modality, vectors in features.vectors.items():
        columns[modality] = vector_column(vectors)
        columns[f"{modality}_present"] = pa.array(features.present[modality])
    return pa.table([columns[f.name] for f in schema], schema=schema)


def rows_to_features(rows: pa.Table, modalities: Sequence[Modality]) -> Features:
    """The inverse of `features_to_rows`, float16."""
    return Features(
        {m: column_vectors(rows[m]) for m in modalities},
        {m: column_values(rows[f"{m}_present"]) for m in modalities},
    )


def keyframes_to_rows(title_id: str, revision: int, keyframes: Mapping[int, bytes]) -> pa.Table:
    """Rows of the table `keyframes`."""
    columns = _keys(title_id, revision, len(keyframes))
    columns["shot"] = pa.array(list(keyframes), pa.int32())
    columns["jpeg"] = pa.array(list(keyframes.values()), pa.binary())
    return pa.table(list(columns.values()), schema=KEYFRAMES_SCHEMA)


def embeddings_to_rows(title_id: str, revision: int, shots: FloatArray, title: FloatArray, first: int = 0) -> pa.Table:
    """Rows of an embedding set's table: [n, h], shots from `first` on, and the title's own [h] behind them."""
    n = len(shots)
    columns = _keys(title_id, revision, n + 1)
    columns["shot"] = pa.array(np.append(np.arange(first, first + n, dtype=np.int32), np.int32(TITLE_VECTOR)))
    columns["vector"] = vector_column(np.concatenate([shots, title[None]]).astype(np.float32))
    return pa.table(list(columns.values()), schema=embeddings_schema(shots.shape[1]))


# titles ------------------------------------------------------------------------------------------------------------


def titles_to_rows(titles: Sequence[tuple[TitleRecord, FloatArray | None]], schema: pa.Schema) -> pa.Table:
    """Rows of the table `titles`."""
    return pa.Table.from_pylist([_title_row(record, vector) for record, vector in titles], schema=schema)


def _title_row(record: TitleRecord, global_vector: FloatArray | None) -> dict[str, Any]:
    computed = {
        "encoder_fingerprints": json.dumps(dict(record.encoder_fingerprints)),
        "time_base_num": record.time_base.numerator,
        "time_base_den": record.time_base.denominator,
        "metadata": metadata_to_json(record.metadata, in_order=True),
        "extra": json.dumps(dict(record.extra)),
        "global_vector": global_vector,
    }
    plain = ("title_id", "revision", *(name for name, _ in _TITLE_COLUMNS))
    return {name: getattr(record, name) for name in plain if name not in computed} | computed


def rows_to_titles(rows: pa.Table) -> list[TitleRecord]:
    """The inverse of `titles_to_rows`, without the vectors."""
    titles = []
    for row in rows.to_pylist():
        row.pop("global_vector", None)
        row["time_base"] = Fraction(row.pop("time_base_num"), row.pop("time_base_den"))
        row["encoder_fingerprints"] = json.loads(row["encoder_fingerprints"])
        row["metadata"] = _metadata_from_json(row["metadata"])
        row["extra"] = json.loads(row["extra"])
        titles.append(TitleRecord(**row))
    return titles


def title_columns() -> list[str]:
    """All of a title's columns but its vector."""
    return ["title_id", "revision", *(name for name, _ in _TITLE_COLUMNS)]


def metadata_to_json(metadata: Metadata, in_order: bool = False) -> str:
    """As a text; equal metadata give equal text. TypeError for what JSON cannot hold.

    in_order: further columns stay in their order, as stored in `titles`: read again it is what was given.
    """
    fields = {
        "name": metadata.name,
        "synopsis": metadata.synopsis,
        "tags": list(metadata.tags),
        "genres": list(metadata.genres),
        "extra": dict(metadata.extra),
    }
    return json.dumps(fields, sort_keys=not in_order, ensure_ascii=False)


def _metadata_from_json(text: str) -> Metadata:
    stored = json.loads(text)
    return Metadata(stored["name"], stored["synopsis"], tuple(stored["tags"]), tuple(stored["genres"]), stored["extra"])
