"""Near-duplicates among what was found: the same shot in another cut, encoding or title, shown once.

Two finds are duplicates if the cosine of their vectors is over a threshold in every modality that both have; a picture
that only one of them has makes them different. Vectors are the catalog's own features, standardised over the catalog.
"""

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mediafm.errors import UsageError
from mediafm.search.ranking import Run
from mediafm.types import BoolArray, FloatArray

if TYPE_CHECKING:
    from mediafm.catalog import Catalog
    from mediafm.index import VectorIndex

# All re-encoded and cropped shots of a trailer were over it, none of 477 neighbours in a film nor of 4,463 shots of
# others (benchmarks/duplicates.py).
THRESHOLD = 0.9


class Folding:
    """Folds runs of shots of one catalog."""

    def __init__(self, catalog: "Catalog", threshold: float = THRESHOLD) -> None:
        from mediafm.index import open_index

        self._threshold = threshold
        self._indexes: list[VectorIndex] = []
        for name in catalog.spec.encoders:
            with contextlib.suppress(UsageError):  # no shot has it: there is nothing to compare
                self._indexes.append(open_index(catalog, name))
        self._place = [{title: i for i, title in enumerate(index.titles)} for index in self._indexes]
        self._picture = [index.name == "video" for index in self._indexes]

    def fold(self, runs: Sequence[Run], titles: Sequence[str], most: int) -> tuple[list[Run], list[list[Run]]]:
        """The best of each group, best first, at most so many, and the others of each group."""
        kept: list[Run] = []
        others: list[list[Run]] = []
        held = [np.empty((min(most, len(runs)), index.dim), dtype=np.float32) for index in self._indexes]
        for run in runs:
            own = [self._vector(i, run, titles) for i in range(len(self._indexes))]
            twins = self._alike(own, [vectors[: len(kept)] for vectors in held])
            if twins.any():
                others[int(np.argmax(twins))].append(run)
            elif len(kept) < most:
                for vectors, vector in zip(held, own, strict=True):
                    vectors[len(kept)] = vector
                kept.append(run)
                others.append([])
        return kept, others

    def _alike(self, own: list[FloatArray], held: list[FloatArray]) -> BoolArray:
        """Which of those kept, [K, D] by index, are duplicates of this one, [K]."""
        count = len(held[0]) if held else 0
        alike, compared = np.ones(count, dtype=np.bool_), np.zeros(count, dtype=np.bool_)
        if not count:
            return alike
        for vector, held_KD, picture in zip(own, held, self._picture, strict=True):
            there_K = held_KD.any(axis=1)
            both_K = there_K & bool(vector.any())
            alike &= ~both_K | (held_KD @ vector >= self._threshold)
            if picture:
                alike &= there_K == bool(vector.any())
            compared |= both_K
        return alike & compared

    def _vector(self, number: int, run: Run, titles: Sequence[str]) -> FloatArray:
        """Mean of the run's shots, unit or zero [D]."""
        index, title = self._indexes[number], self._place[number].get(titles[run.title])
        if title is None:
            return np.zeros(index.dim, dtype=np.float32)
        first = int(index.starts[title])
        end = int(min(first + run.end, index.starts[title + 1]))
        mean = np.asarray(index.rows(first + run.first, end), dtype=np.float32).sum(axis=0)
        return mean / max(float(np.linalg.norm(mean)), 1e-12)
