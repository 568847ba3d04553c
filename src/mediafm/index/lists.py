"""Beyond a million rows: lists of rows that lie near each other, told by signs. A question looks through the nearest.

Within the lists that are looked through, counts of bits leave the rows that are likely to be among the nearest
(`index.signs`), and the stored rows decide among them: scores are true, some neighbours may be missing. How many is
measured when lists are made (`index.listing`), on questions from the catalog itself.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mediafm.index.layout import Key, unchanged
from mediafm.index.scan import Candidates, pool, threads
from mediafm.index.signs import GROUP, Signs, asked
from mediafm.sequences.mapping import MappedArrays
from mediafm.types import BoolArray, FloatArray

SCHEMA_VERSION = 2
WORDS, TERMS, IDS, CENTRES, ROTATION = "words.u64", "terms.f32", "ids.i64", "centres.f32", "rotation.f32"
LIST_DTYPES: Mapping[str, np.dtype[Any]] = {
    WORDS: np.dtype("<u8"),
    TERMS: np.dtype("<f4"),
    IDS: np.dtype("<i8"),
    CENTRES: np.dtype("<f4"),
    ROTATION: np.dtype("<f4"),
}
ABOUT = "lists.json"
MOST = 100  # rows asked for; recall is stated for ten, so more are searched for exactly
FEW = 0.1  # share of rows allowed below which the exact scan, which passes over the others, is as quick
_FEW_ROWS = 1 << 17  # that are not shared out among threads


@dataclass(frozen=True, slots=True)
class Facts:
    """What lists were built of and what they promise.

    fingerprint, keys: of the index (see its manifest). starts: where lists begin, [lists + 1]. probes: lists that a
    question looks through. recall: share of the ten true neighbours found for rows of the catalog that the choice did
    not see. learned: rows there were when the centres were learned.
    """

    version: str
    fingerprint: str
    keys: list[Key]
    dim: int
    starts: list[int]
    probes: int
    recall: float
    learned: int
    seconds: float
    files: dict[str, tuple[int, int]]

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """File name -> shape of its array."""
        n, lists, words = self.starts[-1], len(self.starts) - 1, -(-self.dim // 64)
        return {
            WORDS: (-(-n // GROUP), words, GROUP),
            TERMS: (-(-n // GROUP), 3, GROUP),
            IDS: (n,),
            CENTRES: (lists, self.dim),
            ROTATION: (self.dim, 64 * words),
        }

    @classmethod
    def read(cls, folder: Path) -> "Facts | None":
        """Those of whole lists in a folder; None where there are none."""
        try:
            stored = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
            if stored.pop("schema_version") != SCHEMA_VERSION:
                return None
            stored["keys"] = [(str(title), int(n), int(at), int(shown)) for title, n, at, shown in stored["keys"]]
            facts = cls(**stored)
            sizes = {name: int(np.prod(shape)) * LIST_DTYPES[name].itemsize for name, shape in facts.shapes.items()}
            whole = all(facts.files[name][0] == size for name, size in sizes.items())
            return facts if whole and unchanged(folder, facts.files) else None
        except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError):
            return None  # missing or damaged, however: they are built anew


class Lists:
    """Lists of an index, memory-mapped. table: signs of rows list after list; ids [N]: which row each is."""

    def __init__(self, folder: Path, facts: Facts) -> None:
        self.facts = facts
        arrays = MappedArrays(folder, LIST_DTYPES, facts.shapes)
        self.table = Signs(arrays[WORDS], arrays[TERMS])
        self.ids: NDArray[np.int64] = arrays[IDS]
        self.centres, self.rotation = np.array(arrays[CENTRES]), np.array(arrays[ROTATION])
        self._starts = np.array(facts.starts)

    @property
    def nbytes(self) -> int:
        """Bytes on disk."""
        return sum(size for size, _ in self.facts.files.values())

    def serves(self, k: int, allowed: BoolArray | None) -> bool:
        """Whether what was measured holds for this: few rows are asked for, and of many."""
        return k <= MOST and (allowed is None or bool(allowed.mean() >= FEW))

    def candidates(self, queries_QD: FloatArray, k: int, allowed: BoolArray | None) -> Iterator[Candidates]:
        """Of each query; where rows are not allowed, so many more lists are looked through."""
        probes = self.facts.probes if allowed is None else int(np.ceil(self.facts.probes / allowed.mean()))
        mask = np.empty(0, np.bool_) if allowed is None else allowed
        for query in queries_QD:
            scores = self.centres @ query
            near = _first(scores, probes)
            near = near[np.argsort(-scores[near], kind="stable")]  # the best first, so that few are kept meanwhile
            yield self._scanned(query, near, scores, k, mask)

    def _scanned(
        self, query_D: FloatArray, near: NDArray[np.int64], scores: FloatArray, k: int, mask: BoolArray
    ) -> Candidates:
        from mediafm.index.sign_kernel import go_over_signs  # compiles

        question = asked(query_D @ self.rotation)

        def run(part: NDArray[np.int64]) -> tuple[NDArray[Any], ...]:
            spans = np.stack([self._starts[part], self._starts[part + 1]], axis=1)
            n = int((spans[:, 1] - spans[:, 0]).sum())
            heap = np.full(k, -np.inf, np.float32)
            rows, highest = np.empty(n, np.int64), np.empty(n, np.float32)  # memory that is not touched is none
            known = scores[part].astype(np.float64)
            count = go_over_signs(*self.table, self.ids, mask, *question, spans, known, heap, rows, highest)
            return heap, rows[:count], highest[:count]

        shares = threads() if len(near) > 1 and self._starts[-1] > _FEW_ROWS else 1
        parts = [near[i::shares] for i in range(min(shares, len(near)))]
        found = list(pool().map(run, parts)) if len(parts) > 1 else [run(part) for part in parts]
        heaps, rows, highest = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
        stay = np.flatnonzero(highest >= np.partition(heaps, len(heaps) - k)[len(heaps) - k])
        order = stay[np.argsort(-highest[stay], kind="stable")]
        return Candidates(rows[order], highest[order])


def _first(scores: FloatArray, n: int) -> NDArray[np.int64]:
    """Places of the n largest, in no order."""
    return np.argpartition(-scores, n - 1)[:n] if n < len(scores) else np.arange(len(scores))
