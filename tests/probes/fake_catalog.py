"""A catalog in memory with the reading methods that probes and search use."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np

from mediafm.catalog import EmbeddingSetSpec
from mediafm.types import MODALITIES, Features


@dataclass
class FakeTitle:
    """starts, ends: seconds [n]; vectors: modality -> [n, d]; texts: [n]."""

    starts: np.ndarray
    ends: np.ndarray
    vectors: Mapping[str, np.ndarray]
    texts: Sequence[str] = ()
    present: Mapping[str, np.ndarray] = field(default_factory=dict)


class FakeCatalog:
    """sets: name -> (context, {title id: (shots [n, h], title [h])})."""

    uri = "memory"

    def __init__(
        self,
        titles: dict[str, FakeTitle],
        sets: dict[str, tuple[str, dict]] | None = None,
        told: dict[str, np.ndarray] | None = None,
    ) -> None:
        self.identity = uuid.uuid4().hex
        self._globals = told or {}
        self._titles = dict(sorted(titles.items()))
        self._sets = sets or {}
        self._failures: list[Any] = []
        dims = {m: v.shape[1] for t in titles.values() for m, v in t.vectors.items()}
        self.spec = SimpleNamespace(
            dims={m: dims[m] for m in MODALITIES if m in dims},
            encoders={
                m: SimpleNamespace(name=f"{m}-encoder", fingerprint=f"{m}-print") for m in MODALITIES if m in dims
            },
            fingerprints={m: f"{m}-print" for m in MODALITIES if m in dims},
        )

    def title_ids(self) -> list[str]:
        return list(self._titles)

    def titles(self) -> list[Any]:
        facts = {"fps": 25.0, "live": False, "revision": 1}
        return [
            SimpleNamespace(title_id=i, duration_s=float(t.ends[-1]), n_shots=len(t.starts), **facts)
            for i, t in self._titles.items()
        ]

    def failures(self) -> list[Any]:
        return self._failures

    def record_failure(self, title_id: str, path: str, reason: str) -> None:
        self._failures.append(SimpleNamespace(title_id=title_id, path=path, reason=reason))

    def spans(self, title_id: str) -> tuple[np.ndarray, np.ndarray]:
        return self._titles[title_id].starts, self._titles[title_id].ends

    def features(self, title_id: str) -> Features:
        title = self._titles[title_id]
        present = {m: title.present.get(m, np.ones(len(title.starts), dtype=bool)) for m in title.vectors}
        return Features(title.vectors, present)

    def iter_features(
        self, ids: Sequence[str] | None = None, modalities: Sequence[str] | None = None
    ) -> Iterator[tuple[str, Features]]:
        for title_id in self._titles if ids is None else ids:
            yield title_id, self.features(title_id)

    def iter_texts(self, ids: Sequence[str] | None = None) -> Iterator[tuple[str, int, float, float, str]]:
        for title_id in self._titles if ids is None else ids:
            title = self._titles[title_id]
            texts = title.texts or [""] * len(title.starts)
            for shot, row in enumerate(zip(title.starts.tolist(), title.ends.tolist(), texts, strict=True)):
                yield (title_id, shot, *row)

    def embedding_sets(self) -> list[EmbeddingSetSpec]:
        return [
            EmbeddingSetSpec(name, f"{name}-print", context, next((v.shape[1] for v, _ in held.values()), 0))
            for name, (context, held) in sorted(self._sets.items())
        ]

    def missing_embeddings(self, name: str) -> list[str]:
        return [title for title in self._titles if title not in self._sets[name][1]]

    def clip_sets(self) -> list[Any]:
        return []

    def global_vector(self, title_id: str) -> np.ndarray | None:
        return self._globals.get(title_id)

    def embeddings(self, name: str, title_id: str) -> np.ndarray:
        return self._sets[name][1][title_id][0]

    def title_embedding(self, name: str, title_id: str) -> np.ndarray:
        return self._sets[name][1][title_id][1]

    def iter_embeddings(self, name: str, ids: Sequence[str] | None = None) -> Iterator[tuple]:
        for title_id in self._titles if ids is None else ids:
            yield (title_id, *self._sets[name][1][title_id])


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)
