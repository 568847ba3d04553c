"""Beyond a million rows: lists of rows that lie near each other, of which a question looks through the nearest few.

Centres come from spherical k-means on a sample; the codes are written once more, list after list, so that a list is one
stretch of the file. Within the lists that are looked through an answer is exact. How many that are is chosen, and the
recall stated, by questions from the catalog itself: for each the ten true neighbours of a row (itself left out) are
found by the exact scan, and the ranks of their lists say which share of them a number of lists would have found.
"""

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mediafm.caches import locked, sync
from mediafm.index.building import translated
from mediafm.index.layout import BOUNDS, CODES, DTYPES, states, unchanged, write_document
from mediafm.index.scan import Candidates, Codes, scan
from mediafm.progress import Progress
from mediafm.sequences.mapping import MappedArrays
from mediafm.types import BoolArray, FloatArray

SCHEMA_VERSION = 1
IDS, CENTRES, _ABOUT, _UNFINISHED = "ids.i64", "centres.f32", "lists.json", "unfinished-lists"
_DTYPES = {**DTYPES, IDS: np.dtype("<i8"), CENTRES: np.dtype("<f4")}
AIMED_AT = 0.97  # of the questions by which the number of lists is chosen, so that others reach .95
NEIGHBOURS = 10
MOST = 100  # rows asked for; recall is stated for ten, so more are searched for exactly
FEW = 0.1  # share of rows allowed below which the exact scan, which passes over the others, is as quick
_SAMPLE, _ROUNDS, _QUESTIONS = 32, 6, 256  # rows a list and rounds of k-means; questions, half of them to choose by
_ROWS_AT_ONCE = 8192


@dataclass(frozen=True, slots=True)
class Facts:
    """What lists were built of and what they promise.

    starts: where lists begin, [lists + 1]. probes: lists that a question looks through. recall: share of the ten true
    neighbours found for rows of the catalog that the choice did not see.
    """

    version: str
    rows: int
    dim: int
    starts: list[int]
    probes: int
    recall: float
    seconds: float
    files: dict[str, tuple[int, int]]

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """File name -> shape of its array."""
        n, lists = self.starts[-1], len(self.starts) - 1
        return {CODES: (n, self.dim), BOUNDS: (n, 2), IDS: (n,), CENTRES: (lists, self.dim)}

    @classmethod
    def read(cls, folder: Path, version: str) -> "Facts | None":
        """Those of whole lists of that version; None where there are none."""
        try:
            stored = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
            if stored.pop("schema_version") != SCHEMA_VERSION or stored["version"] != version:
                return None
            facts = cls(**stored)
            sizes = {name: int(np.prod(shape)) * _DTYPES[name].itemsize for name, shape in facts.shapes.items()}
            whole = all(facts.files[name][0] == size for name, size in sizes.items())
            return facts if whole and unchanged(folder, facts.files) else None
        except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError):
            return None  # missing or damaged, however: they are built anew


class Lists:
    """Lists of an index, memory-mapped."""

    def __init__(self, folder: Path, facts: Facts) -> None:
        self.facts = facts
        arrays = MappedArrays(folder, _DTYPES, facts.shapes)
        self.table = Codes(arrays[CODES], arrays[BOUNDS], arrays[IDS])
        self._centres = np.array(arrays[CENTRES])
        self._starts = np.array(facts.starts)

    @property
    def ids(self) -> NDArray[np.int64]:
        """Rows list after list."""
        return self.table.ids

    def serves(self, k: int, allowed: BoolArray | None) -> bool:
        """Whether what was measured holds for this: few rows are asked for, and of many."""
        return k <= MOST and (allowed is None or bool(allowed.mean() >= FEW))

    def candidates(self, queries_QD: FloatArray, k: int, allowed: BoolArray | None) -> Iterator[Candidates]:
        """Of each query; where rows are not allowed, so many more lists are looked through."""
        probes = self.facts.probes if allowed is None else int(np.ceil(self.facts.probes / allowed.mean()))
        for query in queries_QD:
            near = _first(self._centres @ query, probes)
            spans = [(int(self._starts[i]), int(self._starts[i + 1])) for i in np.sort(near)]
            yield scan(self.table, spans, query[None], k, allowed)[0]


def build_lists(index: Any, folder: Path, version: str, progress: Progress, seed: int = 0) -> Lists:
    """The lists of an index in `folder`; built first where there are none. `index`: a VectorIndex."""
    facts = Facts.read(folder, version)
    if facts is None:
        with translated(folder), locked(folder.parent):
            facts = Facts.read(folder, version)  # somebody else may have built them while we waited
            if facts is None:
                facts = _build_alone(index, folder, version, progress, np.random.default_rng(seed))
    return Lists(folder, facts)


def _build_alone(index: Any, folder: Path, version: str, progress: Progress, rng: np.random.Generator) -> Facts:
    unfinished = folder.parent / _UNFINISHED
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
    unfinished.mkdir()
    try:
        facts = _write(index, unfinished, version, progress, rng)
        unfinished.rename(folder)
        sync(folder.parent)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return facts


def _write(index: Any, folder: Path, version: str, progress: Progress, rng: np.random.Generator) -> Facts:
    began = time.monotonic()
    present = np.flatnonzero(index.coded.bounds[:, 0] > 0)
    lists = max(1, int(2 ** np.round(np.log2(max(len(present), 1)) / 2)))
    progress.start("lists", 3, "step")
    centres = _centres(index, present, lists, rng)
    progress.advance(1, done="centres")
    list_of_row = _assigned(index, centres)
    present = present[np.argsort(list_of_row[present], kind="stable")]
    starts = np.searchsorted(list_of_row[present], np.arange(lists + 1))
    _write_arrays(index, folder, present, centres)
    progress.advance(1, done="rows")
    probes, recall = _probes(index, centres, list_of_row, present, rng)
    progress.advance(1, done="recall")
    files = states(folder, (CODES, BOUNDS, IDS, CENTRES))
    seconds = time.monotonic() - began
    facts = Facts(version, len(index), index.dim, starts.tolist(), probes, recall, seconds, files)
    write_document(folder / _ABOUT, {"schema_version": SCHEMA_VERSION, **asdict(facts)})
    sync(folder)
    progress.end(lists=lists, probes=probes, recall=recall)
    return facts


def _centres(index: Any, present: NDArray[np.int64], lists: int, rng: np.random.Generator) -> FloatArray:
    """Spherical k-means (Dhillon & Modha 2001) on a sample: unit centres [lists, D].

    One that no row is near to starts anew.
    """
    if not len(present):
        return np.zeros((lists, index.dim), np.float32)
    sample = np.sort(rng.choice(present, min(len(present), _SAMPLE * lists), replace=False))
    rows = index.gather(sample)
    centres = rows[rng.choice(len(rows), lists, replace=len(rows) < lists)]
    for _ in range(_ROUNDS):
        nearest = np.concatenate([(part @ centres.T).argmax(axis=1) for part in _parts(rows)])
        order = np.argsort(nearest, kind="stable")
        counts = np.bincount(nearest, minlength=lists)
        some = np.flatnonzero(counts)
        sums = np.add.reduceat(rows[order], np.cumsum(counts)[some] - counts[some], axis=0)
        norms = np.linalg.norm(sums, axis=1, keepdims=True)
        centres = rows[rng.choice(len(rows), lists)]
        centres[some] = sums / np.where(norms > 0, norms, 1)
    return centres


def _assigned(index: Any, centres: FloatArray) -> NDArray[np.int64]:
    """Which list each row belongs to, [N]."""
    nearest = np.empty(len(index), np.int64)
    for start in range(0, len(index), _ROWS_AT_ONCE):
        rows = index.rows(start, start + _ROWS_AT_ONCE)
        nearest[start : start + len(rows)] = (rows @ centres.T).argmax(axis=1)
    return nearest


def _write_arrays(index: Any, folder: Path, order: NDArray[np.int64], centres: FloatArray) -> None:
    with ExitStack() as stack:
        files = {name: stack.enter_context((folder / name).open("wb")) for name in (CODES, BOUNDS, IDS, CENTRES)}
        for part in _parts(order):
            files[CODES].write(index.coded.codes[part].data)
            files[BOUNDS].write(index.coded.bounds[part].data)
            files[IDS].write(part.astype(_DTYPES[IDS]).data)
        files[CENTRES].write(centres.astype(_DTYPES[CENTRES]).data)


def _probes(
    index: Any,
    centres: FloatArray,
    list_of_row: NDArray[np.int64],
    present: NDArray[np.int64],
    rng: np.random.Generator,
) -> tuple[int, float]:
    """How many lists to look through, and the recall of that on questions that the choice did not see."""
    if len(present) < 2:
        return 1, 1.0
    asked = rng.choice(present, min(_QUESTIONS, len(present)), replace=False)
    questions = index.gather(asked)
    _, rows = index.nearest(questions, NEIGHBOURS + 1, exact=True)
    ranks = np.argsort(np.argsort(-(questions @ centres.T), axis=1, kind="stable"), axis=1)
    found = [
        ranks[i, list_of_row[[row for row in rows[i] if row not in (asked[i], -1)][:NEIGHBOURS]]]
        for i in range(len(asked))
    ]
    half = (len(found) + 1) // 2
    chosen = np.sort(np.concatenate(found[:half]))
    probes = int(chosen[min(int(np.ceil(AIMED_AT * len(chosen))), len(chosen)) - 1]) + 1
    others = np.concatenate(found[half:] or found)
    return probes, float((others < probes).mean())


def _first(scores: FloatArray, n: int) -> NDArray[np.int64]:
    """Places of the n largest, in no order."""
    return np.argpartition(-scores, n - 1)[:n] if n < len(scores) else np.arange(len(scores))


def _parts(array: NDArray[Any]) -> Iterator[NDArray[Any]]:
    return (array[start : start + _ROWS_AT_ONCE] for start in range(0, len(array), _ROWS_AT_ONCE))
