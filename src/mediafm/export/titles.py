"""Reading what is exported, title after title: each of one writing, some titles at a time, in bounded memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mediafm.errors import CatalogError, MismatchError
from mediafm.export.choosing import FeatureSet, Selection
from mediafm.fusion import fuse
from mediafm.storage import is_remote
from mediafm.types import BoolArray, Features, FloatArray

if TYPE_CHECKING:
    from mediafm.catalog import TitleRecord

_GROUP_BYTES = 16 << 20  # of vectors that are read at once
_SHOT_BYTES = 1000  # what a shot takes besides: its words and times, generously
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Title:
    """One title as it is exported.

    shots: the n rows of the catalog's table `shots`, without cues. vectors: feature set -> [n, dim], zero rows where
    absent. present: feature set -> bool [n]. whole: embedding set -> the title's own vector [dim], where it is covered.
    """

    record: "TitleRecord"
    shots: pa.Table
    vectors: dict[str, NDArray[Any]]
    present: dict[str, BoolArray]
    whole: dict[str, FloatArray]

    def __len__(self) -> int:
        return len(self.shots)


def read_titles(selection: Selection) -> Iterator[Title]:
    """Every title of the selection, in its order. Shots, vectors and times of a title are of the same writing.

    A title that another process writes meanwhile is read again; one that an embedding set no longer covers comes
    without. CatalogError for one that is gone or changes all the time, MismatchError where a set has another maker now.
    """
    for group in _groups(selection):
        for attempt in range(_ATTEMPTS):
            try:
                titles = _read(selection, [r.title_id for r in group])
            except _ChangedError as error:
                if attempt == _ATTEMPTS - 1:
                    raise CatalogError(
                        f"Title {error} changed each time it was read.", "Export again when nothing writes to it."
                    ) from error
                continue
            yield from titles
            break
    _check_makers(selection)


def film_of(record: "TitleRecord") -> str:
    """The film's path or address; empty for a title that was imported, of which there is no film."""
    if record.detector_fingerprint.startswith(("import", "movienet")):
        return ""
    return record.path


def film_is_there(record: "TitleRecord") -> bool:
    """Whether the film can be had: a file where the catalog says, or an address on object storage (not asked)."""
    film = film_of(record)
    return bool(film) and (is_remote(film) or Path(film).is_file())


class _ChangedError(Exception):
    """A title was written anew between two reads."""


def _groups(selection: Selection) -> "Iterator[list[TitleRecord]]":
    width = sum(f.dim * np.dtype(f.dtype).itemsize for f in selection.of_shots) + _SHOT_BYTES
    most = max(_GROUP_BYTES // width, 1)
    group: list[TitleRecord] = []
    for record in selection.titles:
        if group and sum(r.n_shots for r in group) + record.n_shots > most:
            yield group
            group = []
        group.append(record)
    if group:
        yield group


def _read(selection: Selection, ids: Sequence[str]) -> list[Title]:
    catalog = selection.catalog
    rows = list(catalog.iter_shot_rows(ids))
    vectors: list[dict[str, NDArray[Any]]] = [{} for _ in ids]
    present: list[dict[str, BoolArray]] = [{} for _ in ids]
    whole: list[dict[str, FloatArray]] = [{} for _ in ids]
    own = [f for f in selection.of_shots if f.source != "embedding"]
    if own:
        for place, (_, features) in enumerate(catalog.iter_features(ids)):
            for chosen in own:
                vectors[place][chosen.name], present[place][chosen.name] = _own(chosen, features)
    for chosen in (f for f in selection.of_shots if f.source == "embedding"):
        covered = _covered(selection, chosen, ids)
        for place, (record, _) in enumerate(rows):
            shots, title = covered.get(record.title_id, (np.zeros((record.n_shots, chosen.dim), np.float32), None))
            vectors[place][chosen.name] = shots
            present[place][chosen.name] = np.full(len(shots), title is not None)
            if title is not None:
                whole[place][chosen.name] = title
    _check_unchanged(selection, rows, vectors)
    return [Title(*parts) for parts in zip(*zip(*rows, strict=True), vectors, present, whole, strict=True)]


def _own(chosen: FeatureSet, features: Features) -> tuple[NDArray[Any], BoolArray]:
    if chosen.stats is not None:
        fused, flags = fuse(features, chosen.stats)
        return fused, np.asarray(flags.any(axis=1))
    (modality,) = (m for m in features.vectors if m == chosen.name)
    return features.vectors[modality], features.present[modality]


def _covered(
    selection: Selection, chosen: FeatureSet, ids: Sequence[str]
) -> dict[str, tuple[FloatArray, FloatArray | None]]:
    """Title -> vectors of its shots and its own, for those that the set covers as they are stored now."""
    lacking = set(selection.missing.get(chosen.name, ()))
    wanted = [t for t in ids if t not in lacking]
    try:
        return {t: (shots, whole) for t, shots, whole in selection.catalog.iter_embeddings(chosen.name, wanted)}
    except CatalogError:
        now = set(selection.catalog.missing_embeddings(chosen.name))
        if not now & set(wanted):
            raise
        selection.missing[chosen.name] = sorted(lacking | (now & set(wanted)))
        return _covered(selection, chosen, ids)


def _check_unchanged(
    selection: Selection, rows: "Sequence[tuple[TitleRecord, pa.Table]]", vectors: Sequence[dict[str, NDArray[Any]]]
) -> None:
    revisions = selection.catalog.revisions()
    for (record, shots), made in zip(rows, vectors, strict=True):
        if revisions.get(record.title_id) != record.revision or any(len(v) != len(shots) for v in made.values()):
            raise _ChangedError(record.title_id)


def _check_makers(selection: Selection) -> None:
    now = {s.name: s.checkpoint_fingerprint for s in selection.catalog.embedding_sets()}
    now |= {s.name: s.fingerprint for s in selection.catalog.clip_sets()}
    for chosen in (*selection.of_shots, *selection.of_clips):
        if chosen.source in ("embedding", "clips") and now.get(chosen.name) != chosen.fingerprint:
            raise MismatchError(
                f"The set {chosen.name!r} was replaced while it was read: it was made by {chosen.fingerprint}, now by "
                f"{now.get(chosen.name, 'nothing')}.",
                "Export again.",
            )
