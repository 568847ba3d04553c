"""What readers of a catalog ask for, title by title or all at once."""

from collections.abc import Iterator, Sequence
from typing import Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mediafm.catalog.contents import Contents, content_version, iter_contents
from mediafm.catalog.records import CatalogSpec, ShotRecord, TitleRecord
from mediafm.catalog.rows import TitleRows, newest
from mediafm.catalog.store import Store, any_of, quote
from mediafm.catalog.tables import (
    FEATURES,
    KEYFRAMES,
    SHOTS,
    TITLES,
    column_values,
    column_vectors,
    rows_to_features,
    rows_to_shots,
    shot_columns,
)
from mediafm.errors import CatalogError
from mediafm.types import Features, FloatArray, Modality

_TITLES_AT_ONCE = 512


class Reading:
    """The half of `Catalog` that reads titles, shots, features and pictures, and changes nothing."""

    def __init__(self, store: Store, spec: CatalogSpec) -> None:
        self._store = store
        self._rows = TitleRows(store)
        self.spec = spec

    def holding(self, records: Sequence[TitleRecord]) -> Self:
        """This catalog for many readings at one moment: its titles are taken to be `records` and not read each time.

        A title that was written anew meanwhile is read as it is now, where its rows show that. Not for writing.
        """
        other = type(self)(self._store, self.spec)
        other._rows.hold(records)
        return other

    @property
    def uri(self) -> str:
        """Where it is, as given."""
        return self._store.uri

    def title_ids(self) -> list[str]:
        """Ids of all stored titles, sorted."""
        return sorted(set(self._store.scan(TITLES, columns=["title_id"])["title_id"].to_pylist()))

    def titles(self) -> list[TitleRecord]:
        """All stored titles in id order."""
        return self._rows.records()

    def revisions(self) -> dict[str, int]:
        """Title id -> number of the writing that counts: another one whenever the title was written anew."""
        rows = newest(self._store.scan(TITLES, columns=["title_id", "revision"]))
        return dict(zip(rows["title_id"].to_pylist(), rows["revision"].to_pylist(), strict=True))

    def title_record(self, title_id: str) -> TitleRecord:
        """One title; CatalogError with close matches where there is none of that id."""
        return self._rows.record(title_id)

    def shots(self, title_id: str) -> list[ShotRecord]:
        """A title's shots in order."""
        columns = [name for name in self._store.columns(SHOTS) if name not in ("title_id", "revision")]
        return rows_to_shots(self._rows.read(SHOTS, columns, title_id)[1])

    def spans(self, title_id: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Starts [n] and ends [n] of a title's shots in seconds."""
        rows = self._rows.read(SHOTS, ["start_s", "end_s"], title_id)[1]
        return column_values(rows["start_s"]), column_values(rows["end_s"])

    def features(self, title_id: str) -> Features:
        """A title's features, float16, in every modality of the catalog."""
        return rows_to_features(
            self._rows.read(FEATURES, self._feature_columns(), title_id)[1], list(self.spec.encoders)
        )

    def iter_features(
        self, ids: Sequence[str] | None = None, modalities: Sequence[Modality] | None = None
    ) -> Iterator[tuple[str, Features]]:
        """(title id, features) in the order of ids (None: all, in id order), read many titles at a time.

        modalities: those that are read; None: all.
        """
        read = list(self.spec.encoders) if modalities is None else list(modalities)
        for record, rows in self._rows.read_many(FEATURES, [c for m in read for c in (m, f"{m}_present")], ids):
            yield record.title_id, rows_to_features(rows, read)

    def iter_contents(self) -> Iterator[Contents]:
        """(title id, features, starts, ends, metadata vector or None) of every title in id order, for `FeatureCache`.

        All of a title comes from one writing. Times are seconds, float64 [n].
        """
        return iter_contents(self._rows, self.spec)

    def content_version(self) -> str:
        """Another one whenever a title was added, written anew or removed; reads no shots.

        Embedding sets, failures and tidying up do not change it. A catalog made anew in the same place has another.
        """
        return content_version(self._rows, self.spec)

    def iter_texts(self, ids: Sequence[str] | None = None) -> Iterator[tuple[str, int, float, float, str]]:
        """(title id, shot, start_s, end_s, text) of every shot, also those without text, as `iter_features`."""
        columns = ["shot", "start_s", "end_s", "text"]
        for record, rows in self._rows.read_many(SHOTS, columns, ids):
            for row in zip(*(rows[c].to_pylist() for c in columns), strict=True):
                yield (record.title_id, *row)

    def iter_shot_rows(self, ids: Sequence[str] | None = None) -> Iterator[tuple[TitleRecord, pa.Table]]:
        """(title, its rows of the table `shots` without ids and cues, in shot order) in the order of ids.

        For whoever goes through very many shots and wants columns. They are named as in docs/catalog.md.
        """
        columns = [n for n in self._store.columns(SHOTS) if n not in ("title_id", "revision", "cues")]
        for record, rows in self._rows.read_many(SHOTS, columns, ids):
            yield record, shot_columns(rows, columns)

    def keyframe(self, title_id: str, shot: int) -> bytes | None:
        """A shot's picture as JPEG; None where it has none. CatalogError for a shot that does not exist."""
        record = self.title_record(title_id)
        if not 0 <= shot < record.n_shots:
            raise CatalogError(f"Title {title_id} has no shot {shot}.", f"Its shots are 0 to {record.n_shots - 1}.")
        where = f"title_id = {quote(title_id)} AND revision = {record.revision} AND shot = {shot}"
        found = self._store.scan(KEYFRAMES, where, ["jpeg"])["jpeg"].to_pylist()
        return found[0] if found else None

    def poster(self, record: TitleRecord) -> bytes | None:
        """The picture of a shot a third of the way into a title, or of the first that has one; None: none has.

        record: as stored, which saves looking it up.
        """
        of_title = f"title_id = {quote(record.title_id)} AND revision = {record.revision}"
        found = self._store.scan(KEYFRAMES, f"{of_title} AND shot = {record.n_shots // 3}", ["jpeg"])["jpeg"]
        if not len(found):
            shots = self.shots_with_keyframe(record)
            if not shots:
                return None
            found = self._store.scan(KEYFRAMES, f"{of_title} AND shot = {shots[0]}", ["jpeg"])["jpeg"]
        return bytes(found[0].as_py()) if len(found) else None

    def shots_with_keyframe(self, record: TitleRecord) -> list[int]:
        """Numbers of a title's shots that have a picture, in order; reads no picture."""
        where = f"title_id = {quote(record.title_id)} AND revision = {record.revision}"
        return sorted(self._store.scan(KEYFRAMES, where, ["shot"])["shot"].to_pylist())

    def keyframes(self, title_id: str) -> dict[int, bytes]:
        """All pictures of a title, by shot, as JPEG."""
        record = self.title_record(title_id)
        where = f"title_id = {quote(title_id)} AND revision = {record.revision}"
        found = self._store.scan(KEYFRAMES, where, ["shot", "jpeg"])
        return dict(sorted(zip(found["shot"].to_pylist(), found["jpeg"].to_pylist(), strict=True)))

    def global_vector(self, title_id: str) -> FloatArray | None:
        """The title's encoded metadata, float32 [dim of text]; None where it has none."""
        has_vectors = "text" in self.spec.encoders
        columns = ["title_id", "revision", *(["global_vector"] if has_vectors else [])]
        row = newest(self._store.scan(TITLES, f"title_id = {quote(title_id)}", columns))
        if not len(row):
            raise self._rows.unknown(title_id)
        if not has_vectors or row["global_vector"].null_count:
            return None
        return column_vectors(row["global_vector"])[0]

    def global_vectors(self, ids: Sequence[str]) -> list[FloatArray | None]:
        """`global_vector` of many titles in one read; None also for a title that is not there."""
        if "text" not in self.spec.encoders:
            return [None] * len(ids)
        columns, found = ["title_id", "revision", "global_vector"], {}
        for start in range(0, len(ids), _TITLES_AT_ONCE):
            rows = newest(self._store.scan(TITLES, any_of("title_id", ids[start : start + _TITLES_AT_ONCE]), columns))
            for title_id, vector in zip(rows["title_id"].to_pylist(), rows["global_vector"], strict=True):
                found[title_id] = vector.values.to_numpy() if vector.is_valid else None
        return [found.get(title_id) for title_id in ids]

    def _feature_columns(self) -> list[str]:
        return [c for m in self.spec.encoders for c in (m, f"{m}_present")]
