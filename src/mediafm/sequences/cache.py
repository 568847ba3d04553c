"""The features of a catalog in memory."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from mediafm.errors import CatalogError
from mediafm.fusion import FusionStats, fuse
from mediafm.progress import SILENT, Progress
from mediafm.sequences.source import FeatureSource
from mediafm.sequences.windows import Span
from mediafm.types import Features, FloatArray, Modality


class FeatureCache:
    """All features of a catalog, float16, by title in the order of ids.

    `fingerprint` is a hash of ids and content: equal fingerprints train equal models.
    """

    def __init__(self, catalog: FeatureSource) -> None:
        self._features = {title: _halved(features) for title, features in sorted(_items(catalog))}
        self._globals = {title: catalog.global_vector(title) for title in self._features}
        self._times = {title: _times(catalog, title) for title in self._features}
        self.lengths: dict[str, int] = {title: len(f) for title, f in self._features.items()}
        self.fingerprint = self._hash()

    @classmethod
    def open(cls, source: FeatureSource, folder: Path | None = None, progress: Progress = SILENT) -> "FeatureCache":
        """The cache of a catalog."""
        return cls(source)

    @property
    def title_ids(self) -> list[str]:
        """Ids, sorted."""
        return list(self._features)

    @property
    def dims(self) -> dict[Modality, int]:
        """Modality -> vector size; CatalogError for an empty catalog."""
        if not self._features:
            raise CatalogError("The catalog holds no titles.", "Ingest or import some first.")
        return next(iter(self._features.values())).dims

    @property
    def global_dim(self) -> int:
        """Size of the metadata vectors; 0 where no title has one."""
        return next((len(v) for v in self._globals.values() if v is not None), 0)

    def features(self, title: str, start: int = 0, stop: int | None = None) -> Features:
        """Features of shots [start, stop) of a title, views where possible."""
        held = self._features[title]
        return Features(
            {m: v[start:stop] for m, v in held.vectors.items()}, {m: p[start:stop] for m, p in held.present.items()}
        )

    def wholes(self, titles: Iterable[str]) -> list[Span]:
        """These titles as spans of all their shots."""
        return [Span(title, 0, self.lengths[title]) for title in titles]

    def iter_features(self, spans: Iterable[Span]) -> Iterator[Features]:
        """Features of these spans, one by one."""
        return (self.features(span.title, span.start, span.stop) for span in spans)

    def fused(self, span: Span, stats: FusionStats) -> FloatArray:
        """Fused embeddings of a span, float32 [len(span), D]."""
        return fuse(self.features(span.title, span.start, span.stop), stats)[0]

    def global_vector(self, title: str) -> FloatArray:
        """The title's metadata vector [G]; zeros where it has none."""
        vector = self._globals[title]
        return np.zeros(self.global_dim, np.float32) if vector is None else np.asarray(vector, np.float32)

    def times(self, span: Span) -> FloatArray:
        """Start and end of a span's shots, float32 [len(span), 2], seconds from the title's zero."""
        return self._times[span.title][span.start : span.stop]

    def gather(self, spans: Sequence[Span]) -> tuple[Features, FloatArray]:
        """Features and times of all shots of these spans under each other."""
        parts = [self.features(span.title, span.start, span.stop) for span in spans]
        features = Features(
            {m: np.concatenate([p.vectors[m] for p in parts]) for m in self.dims},
            {m: np.concatenate([p.present[m] for p in parts]) for m in self.dims},
        )
        return features, np.concatenate([self.times(span) for span in spans])

    def _hash(self) -> str:
        digest = hashlib.sha256()
        for title, features in self._features.items():
            digest.update(f"{title}\0{len(features)}\0".encode())
            for modality, vectors in features.vectors.items():
                digest.update(modality.encode())
                digest.update(np.ascontiguousarray(vectors).data)
                digest.update(np.ascontiguousarray(features.present[modality]).data)
            if (vector := self._globals[title]) is not None:
                digest.update(np.asarray(vector, np.float32).tobytes())
        return digest.hexdigest()


def _items(catalog: FeatureSource) -> Iterator[tuple[str, Features]]:
    return ((title, features) for title, features in catalog.iter_features() if len(features))


def _halved(features: Features) -> Features:
    vectors: Mapping[Modality, FloatArray] = {m: np.asarray(v, np.float16) for m, v in features.vectors.items()}
    return Features(vectors, {m: np.asarray(p, np.bool_) for m, p in features.present.items()})


def _times(catalog: FeatureSource, title: str) -> FloatArray:
    return np.stack(catalog.spans(title), axis=1).astype(np.float32)
