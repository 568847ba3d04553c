"""Making lists: centres by spherical k-means, each row's signs in the list of its nearest centre, and what they find.

How many lists a question looks through is chosen, and the recall stated, by questions from the catalog itself: for
each the ten true neighbours of a row (itself left out) are found by the exact scan. The ranks of their lists say which
share of them a number of lists would hold; with that number the other half of the questions is asked.

Where titles came to an embedding set, its lists are extended: the centres stay, what stands of other titles is copied,
and the recall is measured again. Once half as many rows came as the centres were learned from, all is made anew.
"""

import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mediafm.caches import locked, sync
from mediafm.index.building import translated
from mediafm.index.layout import states, write_document
from mediafm.index.lists import ABOUT, CENTRES, IDS, LIST_DTYPES, ROTATION, SCHEMA_VERSION, TERMS, WORDS, Facts, Lists
from mediafm.index.scan import exact_best
from mediafm.index.signs import GROUP, grouped, rotation, sign_rows
from mediafm.progress import Progress
from mediafm.types import FloatArray

if TYPE_CHECKING:
    from mediafm.index.vectors import VectorIndex

AIMED_AT = 0.98  # of the neighbours of questions by which the number of lists is chosen, so that others reach .95
NEIGHBOURS = 10
GROWTH = 0.5  # as many rows for each that the centres were learned from may come before they are learned anew
_UNFINISHED = "unfinished-lists"
_SAMPLE, _ROUNDS, _QUESTIONS = 32, 6, 256  # rows a list and rounds of k-means; questions, half of them to choose by
_ROWS_AT_ONCE = 8192
assert _ROWS_AT_ONCE % GROUP == 0


def build_lists(index: "VectorIndex", folder: Path, version: str, progress: Progress, seed: int = 0) -> Lists:
    """The lists of an index in `folder`; built first where there are none of that version.

    Those of earlier versions that lie beside it are extended where that can be, and removed. CatalogError where the
    folder cannot be written.
    """
    facts = Facts.read(folder)
    if facts is None or facts.version != version:
        with translated(folder):
            folder.parent.mkdir(parents=True, exist_ok=True)
            with locked(folder.parent):
                facts = Facts.read(folder)  # somebody else may have built them while we waited
                if facts is None or facts.version != version:
                    facts = _build_alone(index, folder, version, progress, np.random.default_rng(seed))
    return Lists(folder, facts)


def _build_alone(
    index: "VectorIndex", folder: Path, version: str, progress: Progress, rng: np.random.Generator
) -> Facts:
    others = [path for path in folder.parent.iterdir() if (path / ABOUT).exists() and path != folder]
    old = next((Lists(path, facts) for path in others if (facts := _extensible(path, index)) is not None), None)
    unfinished = folder.parent / _UNFINISHED
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
    unfinished.mkdir()
    try:
        facts = _write(index, unfinished, version, old, progress, rng)
        unfinished.rename(folder)
        sync(folder.parent)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    for path in others:
        shutil.rmtree(path, ignore_errors=True)
    return facts


def _extensible(folder: Path, index: "VectorIndex") -> Facts | None:
    """What lists say whose centres may serve this index: made of the same vectors, and not of far fewer."""
    facts = Facts.read(folder)
    if facts is None or index.standardised or (facts.fingerprint, facts.dim) != (index.fingerprint, index.dim):
        return None
    kept = sum(key[1] for key in set(facts.keys) & set(index.keys))
    return facts if kept and len(index) - kept <= GROWTH * facts.learned else None


def _write(
    index: "VectorIndex", folder: Path, version: str, old: Lists | None, progress: Progress, rng: np.random.Generator
) -> Facts:
    began = time.monotonic()
    present = np.flatnonzero(index.coded.bounds[:, 0] > 0)
    progress.start("lists", 3, "step")
    if old is None:
        count = max(1, int(2 ** np.round(np.log2(max(len(present), 1)) / 2)))
        centres, turn, learned = _centres(index, present, count, rng), rotation(index.dim, rng), len(index)
    else:
        centres, turn, learned = old.centres, old.rotation, old.facts.learned
    progress.advance(1, done="centres")
    place_of_row = _kept(index, old)
    list_of_row = _assigned(index, centres, place_of_row, old)
    order = present[np.argsort(list_of_row[present], kind="stable")]
    starts = np.searchsorted(list_of_row[order], np.arange(len(centres) + 1)).tolist()
    arrays = _arrays(index, order, list_of_row, centres, turn, place_of_row, old)
    _write_arrays(folder, chain(arrays, [{CENTRES: centres, ROTATION: turn}]))
    progress.advance(1, done="rows")

    def facts(probes: int, recall: float) -> Facts:
        seconds, files = time.monotonic() - began, states(folder, LIST_DTYPES)
        keys, print_ = index.keys, index.fingerprint
        return Facts(version, print_, keys, index.dim, starts, probes, recall, learned, seconds, files)

    probes, recall = _measured(index, folder, facts, list_of_row, present, rng)
    progress.advance(1, done="recall")
    made = facts(probes, recall)
    write_document(folder / ABOUT, {"schema_version": SCHEMA_VERSION, **asdict(made)})
    sync(folder)
    progress.end(lists=len(centres), probes=probes, recall=recall, extended=old is not None)
    return made


def _kept(index: "VectorIndex", old: Lists | None) -> NDArray[np.int64]:
    """Where each row stands in older lists, [N]; -1 where it does not."""
    place = np.full(len(index), -1, np.int64)
    if old is None:
        return place
    old_starts = np.cumsum([0, *(key[1] for key in old.facts.keys)])
    place_of_old = np.full(int(old_starts[-1]), -1, np.int64)
    place_of_old[old.ids] = np.arange(len(old.ids))
    old_start = {key: int(start) for key, start in zip(old.facts.keys, old_starts, strict=False)}
    for key, start in zip(index.keys, index.starts, strict=False):
        if key in old_start:
            place[start : start + key[1]] = place_of_old[old_start[key] : old_start[key] + key[1]]
    return place


def _centres(index: "VectorIndex", present: NDArray[np.int64], lists: int, rng: np.random.Generator) -> FloatArray:
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


def _assigned(
    index: "VectorIndex", centres: FloatArray, place_of_row: NDArray[np.int64], old: Lists | None
) -> NDArray[np.int64]:
    """Which list each row belongs to, [N]: that in which it stands, or that of the nearest centre."""
    nearest = np.zeros(len(index), np.int64)
    stands = place_of_row >= 0
    if old is not None:
        nearest[stands] = np.searchsorted(old.facts.starts, place_of_row[stands], side="right") - 1
    for part in _parts(np.flatnonzero(~stands)):
        nearest[part] = (index.gather(part) @ centres.T).argmax(axis=1)
    return nearest


def _arrays(
    index: "VectorIndex",
    order: NDArray[np.int64],
    list_of_row: NDArray[np.int64],
    centres: FloatArray,
    turn: FloatArray,
    place_of_row: NDArray[np.int64],
    old: Lists | None,
) -> Iterator[dict[str, NDArray[Any]]]:
    """Rows in the order of their lists, part by part, by file."""
    for part in _parts(order):
        words, terms = np.empty((len(part), turn.shape[1] // 64), np.uint64), np.empty((len(part), 3), np.float32)
        place = place_of_row[part]
        new = np.flatnonzero(place < 0)
        if len(new):
            rows = index.gather(part[new])
            words[new], terms[new] = sign_rows(rows, centres[list_of_row[part[new]]], turn)
        if old is not None and len(new) < len(part):
            there = np.flatnonzero(place >= 0)
            words[there] = old.table.words[place[there] // GROUP, :, place[there] % GROUP]
            terms[there] = old.table.terms[place[there] // GROUP, :, place[there] % GROUP]
        yield {WORDS: grouped(words), TERMS: grouped(terms), IDS: part}


def _write_arrays(folder: Path, parts: Iterable[dict[str, NDArray[Any]]]) -> None:
    with ExitStack() as stack:
        files = {name: stack.enter_context((folder / name).open("wb")) for name in LIST_DTYPES}
        for part in parts:
            for name, array in part.items():
                files[name].write(np.ascontiguousarray(array, LIST_DTYPES[name]).data)


def _measured(
    index: "VectorIndex",
    folder: Path,
    facts: Any,
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
    true = [[row for row in found if row not in (own, -1)][:NEIGHBOURS] for own, found in zip(asked, rows, strict=True)]
    half = (len(asked) + 1) // 2
    lists = Lists(folder, facts(1, 0.0))
    ranks = np.argsort(np.argsort(-(questions[:half] @ lists.centres.T), axis=1, kind="stable"), axis=1)
    chosen = np.sort(np.concatenate([ranks[i, list_of_row[true[i]]] for i in range(half)]))
    probes = int(chosen[min(int(np.ceil(AIMED_AT * len(chosen))), len(chosen)) - 1]) + 1
    lists = Lists(folder, facts(probes, 0.0))
    others = range(half, len(asked)) if half < len(asked) else range(half)
    found = lists.candidates(questions[others], NEIGHBOURS + 1, None)
    hits = [
        np.isin(true[i], exact_best(index.stored, questions[i], some, NEIGHBOURS + 1).rows)
        for i, some in zip(others, found, strict=True)
    ]
    return probes, float(np.concatenate(hits).mean())


def _parts(array: NDArray[Any]) -> Iterator[NDArray[Any]]:
    return (array[start : start + _ROWS_AT_ONCE] for start in range(0, len(array), _ROWS_AT_ONCE))
