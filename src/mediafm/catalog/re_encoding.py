"""A re-encoding of a catalog: its titles written once more, with some modalities' vectors new, then one switch.

Who makes the new vectors, and of what, is ingest's affair.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from mediafm.catalog.catalog import Catalog
from mediafm.catalog.contents import global_vectors
from mediafm.catalog.generations import Target, abandon, begin, switch, target_of
from mediafm.catalog.records import CatalogSpec, ShotRecord, TitleRecord, TitleSource
from mediafm.catalog.rows import TitleRows
from mediafm.catalog.store import Store, any_of
from mediafm.catalog.tables import FEATURES, KEYFRAMES, SHOTS, SHOTS_SCHEMA, rows_to_features, rows_to_shots
from mediafm.catalog.writer import BatchWriter
from mediafm.errors import UsageError
from mediafm.types import Features, FloatArray, Modality

MADE_FROM = "re_encoded"  # in a record's `extra`: the revision that its other vectors were copied from
_CHUNK = 1024  # shots handed to the writer at a time
_GROUP_TITLES, _GROUP_SHOTS = 128, 4096  # read at once: their pictures take some 40 MB


@dataclass(frozen=True, slots=True)
class Stored:
    """A title's rows as they are, all of the record's own writing."""

    record: TitleRecord
    shots: list[ShotRecord]
    features: Features
    keyframes: Mapping[int, bytes]
    global_vector: FloatArray | None


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A title's rows as they shall be: `shots` and `features` of all of them, pictures by shot, its metadata vector."""

    record: TitleRecord
    source: TitleSource
    shots: Sequence[ShotRecord]
    features: Features
    keyframes: Mapping[int, bytes]
    global_vector: FloatArray | None


class ReEncoding:
    """`due` says which titles are still to be written, `write` takes them, `switch` makes them the catalog.

    Opened anew after a kill it goes on where it stood. Until the switch the catalog is what it was.
    """

    def __init__(self, catalog: Catalog, target: Target) -> None:
        self.catalog, self.spec = catalog, target.spec
        self._target = target
        self._new = Catalog(Store(catalog.uri, target.generation), target.spec)

    @classmethod
    def begin(cls, catalog: Catalog, spec: CatalogSpec) -> "ReEncoding":
        """Begin, or go on with, making the catalog one of that spec; MismatchError where another is under way.

        UsageError where shots would differ: they stay as they are.
        """
        if spec.detector != catalog.spec.detector:
            raise UsageError("A re-encoding keeps the shots as they are.", "Ingest into another catalog.")
        catalog.prepare_writing()
        return cls(catalog, begin(catalog.store, spec))

    @classmethod
    def under_way(cls, catalog: Catalog) -> "ReEncoding | None":
        """The one that is under way, if one is."""
        target = target_of(catalog.store)
        return None if target is None else cls(catalog, target)

    @staticmethod
    def abandon(catalog: Catalog) -> bool:
        """Give up the one that is under way and drop what it has made; whether there was one."""
        return abandon(catalog.store)

    def due(self) -> list[TitleRecord]:
        """Titles that are not written yet, or were stored anew since; in id order."""
        made = {r.title_id: r.extra.get(MADE_FROM) for r in self._new.titles()}
        return [r for r in self.catalog.titles() if made.get(r.title_id) != r.revision]

    def read(self, records: Sequence[TitleRecord]) -> Iterator[tuple[TitleRecord, Stored | None]]:
        """The rows of titles, many titles at a time; None where they are not whole, or not of that writing any more."""
        rows = TitleRows(self.catalog.store)
        columns = [f.name for f in SHOTS_SCHEMA if f.name not in ("title_id", "revision")]
        modalities = list(self.catalog.spec.encoders)
        feature_columns = [c for m in modalities for c in (m, f"{m}_present")]
        for group in _groups(records):
            vectors, pictures = global_vectors(rows, self.catalog.spec, group), self._pictures(group)
            shots, features = rows.scan(SHOTS, columns, group), rows.scan(FEATURES, feature_columns, group)
            for (record, held), (_, encoded) in zip(shots, features, strict=True):
                key = record.title_id, record.revision
                if held is None or encoded is None or key not in vectors:
                    yield record, None
                    continue
                made = rows_to_features(encoded, modalities)
                yield record, Stored(record, rows_to_shots(held), made, pictures.get(key, {}), vectors[key])

    def _pictures(self, records: Sequence[TitleRecord]) -> dict[tuple[str, int], dict[int, bytes]]:
        where = any_of("title_id", (r.title_id for r in records))
        table = self.catalog.store.scan(KEYFRAMES, where, ["title_id", "revision", "shot", "jpeg"])
        found: dict[tuple[str, int], dict[int, bytes]] = {}
        for title_id, revision, shot, jpeg in zip(*(column.to_pylist() for column in table.columns), strict=True):
            found.setdefault((title_id, revision), {})[shot] = jpeg
        return found

    def batch_writer(self) -> BatchWriter:
        """For `write`."""
        return self._new.batch_writer()

    def write(self, writer: BatchWriter, title: Rewritten) -> None:
        """Store a title. Where the catalog has another writing of it by now, it stays due."""
        before = title.record
        record = replace(before, extra={**before.extra, MADE_FROM: before.revision})
        gone = [m for m in self.catalog.spec.encoders if m not in self.spec.encoders]
        shots = [_without(shot, gone) for shot in title.shots] if gone else title.shots
        with writer.writer(before.title_id, title.source) as one:
            for start in range(0, len(shots), _CHUNK):
                part = slice(start, start + _CHUNK)
                indexes = {shot.index for shot in shots[part]}
                pictures = {shot: jpeg for shot, jpeg in title.keyframes.items() if shot in indexes}
                one.append(shots[part], _part(title.features, part), pictures)
            one.commit(record, title.global_vector)

    def switch(self, leave_out: bool = False) -> bool:
        """Make the new vectors the catalog; False, and nothing changes, while titles are due.

        leave_out: titles that are still due are left out of the catalog. Context embeddings are of the old vectors and
        go. A title that another process stored just now may be due afterwards: `due` tells.
        """
        if self.due() and not leave_out:
            return False
        stored = set(self.catalog.title_ids())
        for title_id in self._new.title_ids():
            if title_id not in stored:
                self._new.remove_title(title_id)
        self._new.copy_failures(self.catalog)
        switch(self.catalog.store, self._target)
        return True

    def progress(self) -> tuple[int, int]:
        """(Titles written, titles in all)."""
        total = len(self.catalog.title_ids())
        return total - len(self.due()), total


def _groups(records: Sequence[TitleRecord]) -> Iterator[list[TitleRecord]]:
    group: list[TitleRecord] = []
    for record in records:
        if group and (len(group) == _GROUP_TITLES or sum(r.n_shots for r in group) + record.n_shots > _GROUP_SHOTS):
            yield group
            group = []
        group.append(record)
    if group:
        yield group


def _part(features: Features, rows: slice) -> Features:
    vectors = {m: v[rows] for m, v in features.vectors.items()}
    return Features(vectors, {m: p[rows] for m, p in features.present.items()})


def _without(shot: ShotRecord, modalities: Sequence[Modality]) -> ShotRecord:
    """The shot as a catalog that has no encoder for these modalities describes it."""
    return replace(
        shot,
        has_video=shot.has_video and "video" not in modalities,
        has_audio=shot.has_audio and "audio" not in modalities,
        has_text=shot.has_text and "text" not in modalities,
    )
