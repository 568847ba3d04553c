"""The vectors a map is drawn from: those that search compares, a row a shot, or one a title."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mediafm.fusion import unit_rows
from mediafm.index import VectorIndex, open_index
from mediafm.maps.drawing import Key, MapUnit, starts_of
from mediafm.progress import SILENT, Progress
from mediafm.search.lines import Lines
from mediafm.types import FloatArray

if TYPE_CHECKING:
    from mediafm.catalog import Catalog


@dataclass(frozen=True)
class Points:
    """rows: unit rows float32, zeros where there is nothing. keys: the titles in order. start_s: seconds.

    fingerprint: what made the vectors. lines: what is said in the catalog's shots.
    """

    fingerprint: str
    keys: list[Key]
    rows: FloatArray
    start_s: FloatArray
    lines: Lines

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which have a vector."""
        return np.asarray(self.rows.any(axis=1))

    @property
    def starts(self) -> NDArray[np.int64]:
        """Where titles begin among the rows, int64 [titles + 1]."""
        return starts_of(self.keys)


def read_points(catalog: "Catalog", name: str, unit: MapUnit, progress: Progress = SILENT) -> Points:
    """The points of a unit under a name: an embedding set, a modality or `concat`. Errors are those of `open_index`."""
    index = open_index(catalog, name, progress)
    records = {record.title_id: record for record in catalog.titles()}
    lines = Lines.open(catalog)
    revisions = [records[title].revision if title in records else -1 for title in index.titles]
    if unit == "title":
        keys = [(title, 1, revision) for title, revision in zip(index.titles, revisions, strict=True)]
        return Points(index.fingerprint, keys, _of_titles(catalog, name, index), np.zeros(len(keys), np.float32), lines)
    counts = np.diff(index.starts)
    keys = [(t, int(n), r) for t, n, r in zip(index.titles, counts, revisions, strict=True)]
    return Points(index.fingerprint, keys, index.rows(0, len(index)), _beginnings(index, lines), lines)


def _of_titles(catalog: "Catalog", name: str, index: VectorIndex) -> FloatArray:
    """An embedding set's own vector of each title; of features the mean of its shots that have any."""
    if any(spec.name == name for spec in catalog.embedding_sets()):
        return unit_rows(np.stack([whole for _, _, whole in catalog.iter_embeddings(name, index.titles)]))
    sums = [index.rows(a, b).sum(axis=0) for a, b in zip(index.starts[:-1], index.starts[1:], strict=True)]
    return unit_rows(np.stack(sums).astype(np.float32))


def _beginnings(index: VectorIndex, lines: Lines) -> FloatArray:
    """Where each shot begins, float32 [N]; the text may be of a moment later, when a title that is live went on."""
    begins = dict(zip(lines.titles, zip(lines.starts[:-1], lines.starts[1:], strict=True), strict=True))
    found = np.zeros(len(index), np.float32)
    for number, title in enumerate(index.titles):
        start, end = begins.get(title, (0, 0))
        n = min(int(index.starts[number + 1] - index.starts[number]), int(end - start))
        found[index.starts[number] : index.starts[number] + n] = lines.start_s[start : start + n]
    return found
