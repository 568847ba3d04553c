"""Going through all that pretraining reads of a catalog, a few scans for many titles."""

import hashlib
import json
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from mediafm.catalog.records import CatalogSpec, TitleRecord
from mediafm.catalog.rows import TitleRows, newest
from mediafm.catalog.store import any_of
from mediafm.catalog.tables import FEATURES, SHOTS, TITLES, column_values, column_vectors, rows_to_features
from mediafm.errors import CatalogError
from mediafm.types import Features, FloatArray

Contents = tuple[str, Features, NDArray[np.float64], NDArray[np.float64], FloatArray | None]
_GROUP_TITLES = 512  # whose metadata vectors are read at once


def content_version(rows: TitleRows, spec: CatalogSpec) -> str:
    """A hash of ids and revisions: every writing of a title brings a revision that no other has.

    A title that grows keeps its revision; what its record says of that counts as well.
    """
    titles = newest(rows.store.scan(TITLES, columns=["title_id", "revision", "extra"]))
    pairs = sorted(zip(titles["title_id"].to_pylist(), titles["revision"].to_pylist(), strict=True))
    extras = zip(titles["title_id"].to_pylist(), map(json.loads, titles["extra"].to_pylist()), strict=True)
    pairs += sorted((title_id, extra["live"]["shown"]) for title_id, extra in extras if extra.get("live"))
    return hashlib.sha256(f"{spec.to_json()}\n{pairs!r}".encode()).hexdigest()


def iter_contents(rows: TitleRows, spec: CatalogSpec) -> Iterator[Contents]:
    """Features, starts and ends of shots in seconds and the metadata vector of every title, in id order.

    All of a title is of one writing, also while another process writes it anew.
    """
    records = rows.records()
    for start in range(0, len(records), _GROUP_TITLES):
        group = records[start : start + _GROUP_TITLES]
        for record, contents in _scan(rows, spec, group):
            yield contents or _read(rows, spec, record.title_id)


def _read(rows: TitleRows, spec: CatalogSpec, title_id: str) -> Contents:
    for _ in range(3):
        ((_, contents),) = _scan(rows, spec, [rows.record(title_id)])
        if contents is not None:
            return contents
    raise CatalogError(
        f"The rows of title {title_id!r} are not all there.",
        f"The catalog {rows.store.uri} is damaged: ingest or import this title again.",
    )


def _scan(
    rows: TitleRows, spec: CatalogSpec, records: Sequence[TitleRecord]
) -> Iterator[tuple[TitleRecord, Contents | None]]:
    """For each title its contents; None if they are not whole, or not of the record's revision."""
    vectors = global_vectors(rows, spec, records)
    columns = [c for m in spec.encoders for c in (m, f"{m}_present")]
    features, shots = rows.scan(FEATURES, columns, records), rows.scan(SHOTS, ["start_s", "end_s"], records)
    for (record, held), (_, times) in zip(features, shots, strict=True):
        key = (record.title_id, record.revision)
        if held is None or times is None or key not in vectors:
            yield record, None
            continue
        start_s, end_s = column_values(times["start_s"]), column_values(times["end_s"])
        yield record, (record.title_id, rows_to_features(held, list(spec.encoders)), start_s, end_s, vectors[key])


def global_vectors(
    rows: TitleRows, spec: CatalogSpec, records: Sequence[TitleRecord]
) -> dict[tuple[str, int], FloatArray | None]:
    """(Title, revision) -> metadata vector as stored now."""
    known = "text" in spec.encoders
    columns = ["title_id", "revision", *(["global_vector"] if known else [])]
    table = rows.store.scan(TITLES, any_of("title_id", (r.title_id for r in records)), columns)
    keys = list(zip(table["title_id"].to_pylist(), table["revision"].to_pylist(), strict=True))
    found: dict[tuple[str, int], FloatArray | None] = dict.fromkeys(keys)
    if known:
        valid = np.flatnonzero(table["global_vector"].is_valid().to_numpy())
        for place, vector in zip(valid, column_vectors(table["global_vector"].drop_null()), strict=True):
            found[keys[place]] = vector
    return found
