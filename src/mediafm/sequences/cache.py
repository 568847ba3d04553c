"""The features of a catalog as pretraining reads them: float16 rows in a memory-mapped file."""

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from pathlib import Path

import numpy as np

from mediafm.caches import cache_folder
from mediafm.errors import CatalogError
from mediafm.fusion import FusionStats, fuse
from mediafm.progress import SILENT, Progress
from mediafm.sequences.building import ensure_built
from mediafm.sequences.layout import DTYPES, GLOBALS, PRESENT, ROWS, TIMES, Index
from mediafm.sequences.mapping import MappedArrays
from mediafm.sequences.source import FeatureSource
from mediafm.sequences.windows import Span
from mediafm.types import Features, FloatArray, Modality

_ATTEMPTS = 3


class FeatureCache:
    """All features of a catalog, by title in the order of ids. Make one with `open`.

    `lengths`: title -> number of shots. `fingerprint`: a hash of ids and content; equal fingerprints train equal
    models.
    """

    def __init__(self, folder: Path, index: Index) -> None:
        self._index = index
        self._arrays = MappedArrays(folder, DTYPES, index.shapes)
        firsts = [0, *accumulate(index.lengths)]
        places = sorted(zip(index.titles, index.lengths, firsts, index.global_rows, strict=False))
        self.lengths: dict[str, int] = {title: n for title, n, _, _ in places}
        self._first = {title: first for title, _, first, _ in places}
        self._global_row = {title: row for title, _, _, row in places}
        stops = [0, *accumulate(index.dims.values())]
        self._columns = {m: slice(a, b) for m, a, b in zip(index.dims, stops, stops[1:], strict=False)}
        self.fingerprint = index.fingerprint

    @classmethod
    def open(
        cls, source: FeatureSource, folder: str | os.PathLike[str] | None = None, progress: Progress = SILENT
    ) -> "FeatureCache":
        """The cache of what the catalog holds now.

        It is built once for each content version of a catalog, title by title, and takes the place of older ones;
        another process that is building it is waited for. folder: where caches lie; None: `$MEDIAFM_CACHE` or the
        user's cache directory. CatalogError where it cannot be written or the catalog cannot be read.
        """
        root = cache_folder("features") if folder is None else Path(folder)
        failure: OSError | None = None
        for _ in range(_ATTEMPTS):
            path, index = ensure_built(source, root, progress)
            try:
                return cls(path, index)
            except OSError as error:  # a newer version may have taken its place just now
                failure = error
        raise CatalogError(
            f"The feature cache {path} cannot be read: {failure}.",
            "Delete this folder, or set MEDIAFM_CACHE to another place; it is built anew from the catalog.",
        ) from failure

    @property
    def title_ids(self) -> list[str]:
        """Ids, sorted."""
        return list(self.lengths)

    @property
    def dims(self) -> dict[Modality, int]:
        """Modality -> vector size; CatalogError for an empty catalog."""
        if not self.lengths:
            raise CatalogError("The catalog holds no titles.", "Ingest or import some first.")
        return dict(self._index.dims)

    @property
    def global_dim(self) -> int:
        """Size of the metadata vectors; 0 where no title has one."""
        return self._index.global_dim

    def features(self, title: str, start: int = 0, stop: int | None = None) -> Features:
        """Features of shots [start, stop) of a title, float16, as read-only views."""
        shots = self._rows(Span(title, start, self.lengths[title] if stop is None else stop))
        return self._features(self._arrays[ROWS][shots], self._arrays[PRESENT][shots])

    def wholes(self, titles: Iterable[str]) -> list[Span]:
        """These titles as spans of all their shots."""
        return [Span(title, 0, self.lengths[title]) for title in titles]

    def iter_features(self, spans: Iterable[Span]) -> Iterator[Features]:
        """Features of these spans, one by one."""
        return (self.features(span.title, span.start, span.stop) for span in spans)

    def fused(self, span: Span, stats: FusionStats) -> FloatArray:
        """Fused embeddings of a span, float32 [len(span), D]."""
        return fuse(self.features(span.title, span.start, span.stop), stats)[0]

    def times(self, span: Span) -> FloatArray:
        """Start and end of a span's shots, float32 [len(span), 2], in seconds from the title's zero."""
        return self._arrays[TIMES][self._rows(span)]

    def global_vector(self, title: str) -> FloatArray:
        """The title's metadata vector [G]; zeros where it has none."""
        row = self._global_row[title]
        return np.zeros(self.global_dim, np.float32) if row < 0 else self._arrays[GLOBALS][row]

    def gather(self, spans: Sequence[Span]) -> tuple[Features, FloatArray]:
        """Features [N shots of all spans] and times [N, 2] under each other, in memory of their own."""
        shots = [self._rows(span) for span in spans]
        rows, present, times = (
            np.concatenate([self._arrays[name][part] for part in shots]) for name in (ROWS, PRESENT, TIMES)
        )
        return self._features(rows, present), times

    def _rows(self, span: Span) -> slice:
        first = self._first[span.title]
        self._arrays.touch(len(span) * self._arrays[ROWS].shape[1] * DTYPES[ROWS].itemsize)
        return slice(first + span.start, first + min(span.stop, self.lengths[span.title]))

    def _features(self, rows: FloatArray, present: np.ndarray) -> Features:
        return Features(
            {m: rows[:, columns] for m, columns in self._columns.items()},
            {m: present[:, k] for k, m in enumerate(self._columns)},
        )
