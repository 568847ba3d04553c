"""A re-encoding of a catalog: its titles written once more, with some modalities' vectors new, then one switch.

Who makes the new vectors, and of what, is ingest's affair.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mediafm.catalog.catalog import Catalog
from mediafm.catalog.generations import Target, abandon, begin, switch, target_of
from mediafm.catalog.records import CatalogSpec, ShotRecord, TitleRecord, TitleSource
from mediafm.catalog.rows import TitleRows
from mediafm.catalog.store import Store
from mediafm.catalog.writer import BatchWriter
from mediafm.errors import UsageError
from mediafm.types import Features, FloatArray, Modality

MADE_FROM = "re_encoded"  # in a record's `extra`: the revision that its other vectors were copied from
_CHUNK = 1024  # shots handed to the writer at a time


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

    def batch_writer(self) -> BatchWriter:
        """For `write`."""
        return self._new.batch_writer()

    def write(self, writer: BatchWriter, title: Rewritten) -> bool:
        """Store a title; False, and nothing is, where the catalog has another writing of it by now."""
        before = title.record
        now = TitleRows(self.catalog.store).find(before.title_id)
        if now is None or now.revision != before.revision:
            return False
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
        return True

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
