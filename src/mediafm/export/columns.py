"""Columns of what is exported as tables: a row a shot, a row a title, a row a clip; docs/export.md lists them.

Vector columns are called `vector_NAME`, their flags `present_NAME`. A vector is zero exactly where its flag is false.
"""

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mediafm.export.choosing import FeatureSet, Selection
from mediafm.export.titles import Title, film_of

if TYPE_CHECKING:
    from mediafm.catalog import TitleClips, TitleRecord

VECTOR, PRESENT = "vector_", "present_"
METADATA_VECTOR = "vector_metadata"  # the title's encoded metadata
DERIVED = "derived_columns"  # in the tables' own metadata: columns of titles that are no metadata

_NUMBER = {"float16": pa.float16(), "float32": pa.float32()}
SHOT_COLUMNS = [
    ("title_id", pa.utf8()),
    ("shot", pa.int32()),
    ("start_s", pa.float64()),
    ("end_s", pa.float64()),
    ("start_pts", pa.int64()),
    ("end_pts", pa.int64()),
    ("time_base_num", pa.int64()),
    ("time_base_den", pa.int64()),
    ("start_frame", pa.int64()),
    ("end_frame", pa.int64()),
    ("text", pa.utf8()),
    ("has_video", pa.bool_()),
    ("has_audio", pa.bool_()),
    ("has_text", pa.bool_()),
    ("lost_frames", pa.int32()),
]
_KNOWN = [
    ("title_id", pa.utf8()),
    ("name", pa.utf8()),
    ("synopsis", pa.utf8()),
    ("tags", pa.list_(pa.utf8())),
    ("genres", pa.list_(pa.utf8())),
]
_OF_FILM = [
    ("film", pa.utf8()),
    ("duration_s", pa.float64()),
    ("end_pts", pa.int64()),
    ("time_base_num", pa.int64()),
    ("time_base_den", pa.int64()),
    ("frames", pa.int64()),
    ("fps", pa.float64()),
    ("width", pa.int32()),
    ("height", pa.int32()),
    ("n_shots", pa.int32()),
    ("chapters", pa.utf8()),  # JSON list
    ("warning", pa.utf8()),
]


def shots_schema(selection: Selection, notes: dict[str, Any]) -> pa.Schema:
    """Columns of the table of shots; its metadata say what made each vector."""
    columns = list(SHOT_COLUMNS)
    for chosen in selection.of_shots:
        columns += [(VECTOR + chosen.name, _list_of(chosen)), (PRESENT + chosen.name, pa.bool_())]
    return pa.schema(columns, metadata=_metadata(notes))


def shots_table(title: Title, schema: pa.Schema) -> pa.Table:
    """A title's rows."""
    n, base = len(title), title.record.time_base
    columns: dict[str, Any] = {name: title.shots[name] for name in title.shots.column_names}
    columns["title_id"] = pa.array([title.record.title_id] * n, pa.utf8())
    columns["time_base_num"] = pa.array(np.full(n, base.numerator))
    columns["time_base_den"] = pa.array(np.full(n, base.denominator))
    for name, vectors in title.vectors.items():
        columns[VECTOR + name] = vector_array(vectors)
        columns[PRESENT + name] = pa.array(title.present[name])
    return pa.table([columns[field.name] for field in schema], schema=schema)


def titles_table(selection: Selection, titles: Sequence[Title], notes: dict[str, Any]) -> pa.Table:
    """A row a title: its metadata, a column a field; what is known of its film; vectors of its own.

    titles: without their shots' vectors, see `without_shots`.
    """
    records = [t.record for t in titles]
    fields, own = list(_KNOWN), _extra_columns(records)
    columns: dict[str, Any] = {
        "title_id": [r.title_id for r in records],
        "name": [r.metadata.name for r in records],
        "synopsis": [r.metadata.synopsis for r in records],
        "tags": [list(r.metadata.tags) for r in records],
        "genres": [list(r.metadata.genres) for r in records],
    }
    arrays = [pa.array(columns[name], kind) for name, kind in fields]
    names = [name for name, _ in fields]
    taken = {*names, *(name for name, _ in _OF_FILM)}
    for key, values in own.items():
        arrays.append(values)
        names.append(key if key not in taken and not key.startswith((VECTOR, PRESENT)) else f"extra_{key}")
    rows = [_film_row(r) for r in records]
    derived = {name: pa.array([row[name] for row in rows], kind) for name, kind in _OF_FILM}
    derived |= _title_vectors(selection, titles)
    schema_notes = {**notes, DERIVED: list(derived)}
    return pa.table([*arrays, *derived.values()], names=[*names, *derived]).replace_schema_metadata(
        _metadata(schema_notes)
    )


def clips_schema(chosen: FeatureSet, notes: dict[str, Any]) -> pa.Schema:
    """Columns of a clip set's table."""
    span = [("title_id", pa.utf8()), ("start_s", pa.float64()), ("end_s", pa.float64())]
    return pa.schema([*span, ("vector", _list_of(chosen))], metadata=_metadata(notes))


def clips_table(clips: "TitleClips", schema: pa.Schema) -> pa.Table:
    """A title's clips."""
    title_ids = pa.array([clips.title_id] * len(clips.start_s), pa.utf8())
    return pa.table(
        [title_ids, pa.array(clips.start_s), pa.array(clips.end_s), vector_array(clips.vectors)], schema=schema
    )


def iter_clips(selection: Selection, chosen: FeatureSet) -> "Iterator[TitleClips]":
    """The clips of each title that has any."""
    ids = [r.title_id for r in selection.titles]
    for clips in selection.catalog.clip_vectors(chosen.name, ids):
        if len(clips.start_s):
            yield clips


def vector_array(vectors: NDArray[Any]) -> pa.FixedSizeListArray:
    """[n, d] -> n lists of fixed size."""
    return pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(vectors).reshape(-1)), vectors.shape[1])


def without_shots(title: Title) -> Title:
    """What is kept of a title when its shots are written."""
    return Title(title.record, title.shots.slice(0, 0), {}, {}, title.whole)


def _list_of(chosen: FeatureSet) -> pa.DataType:
    return pa.list_(_NUMBER[chosen.dtype], chosen.dim)


def _metadata(notes: dict[str, Any]) -> dict[str, str]:
    return {"mediafm": json.dumps(notes, ensure_ascii=False)}


def _film_row(record: "TitleRecord") -> dict[str, Any]:
    base = record.time_base
    return {
        "film": film_of(record) or None,
        "duration_s": record.duration_s,
        "end_pts": record.end_pts,
        "time_base_num": base.numerator,
        "time_base_den": base.denominator,
        "frames": record.frames,
        "fps": record.fps,
        "width": record.width,
        "height": record.height,
        "n_shots": record.n_shots,
        "chapters": json.dumps([dict(c) for c in record.chapters]) if record.chapters else None,
        "warning": record.warning or None,
    }


def _title_vectors(selection: Selection, titles: Sequence[Title]) -> dict[str, pa.Array]:
    """Embedding sets' vectors of whole titles, and the encoded metadata; null where a title has none."""
    columns = {}
    for chosen in (f for f in selection.of_shots if f.source == "embedding"):
        columns[VECTOR + chosen.name] = pa.array([t.whole.get(chosen.name) for t in titles], _list_of(chosen))
    encoder = selection.catalog.spec.encoders.get("text")
    if encoder is not None and any(f.name == "text" for f in selection.of_shots):
        vectors = selection.catalog.global_vectors([t.record.title_id for t in titles])
        columns[METADATA_VECTOR] = pa.array(vectors, pa.list_(pa.float32(), encoder.dim))
    return columns


def _extra_columns(records: "Sequence[TitleRecord]") -> dict[str, pa.Array]:
    """A column a key of the titles' further metadata; JSON text where values of a key are of several types."""
    keys = dict.fromkeys(key for r in records for key in r.metadata.extra)
    columns = {}
    for key in keys:
        values = [r.metadata.extra.get(key) for r in records]
        kinds = {type(v) for v in values if v is not None}
        try:
            if len(kinds) > 1 or dict in kinds:  # a struct would give every title every key
                raise pa.ArrowInvalid
            columns[key] = pa.array(values)
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
            columns[key] = pa.array([None if v is None else json.dumps(v, ensure_ascii=False) for v in values])
    return columns
