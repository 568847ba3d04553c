"""One pass over codes: which rows may be among the nearest, told by what their codes lose at most.

Its innermost loop is compiled when first called, which takes a second or two; few rows are not worth it.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mediafm.types import BoolArray, FloatArray

# Codes go up to 127 and a query's numbers up to this, so that products of any dimension that matters fit 32 bits.
_LARGEST_QUERY = 32_767
_LARGEST_SUM = (1 << 31) - 1
# Of all arithmetic in floating point, and of scores that differ but are equal as float32.
_SLACK = 2e-6
_FEW = 1 << 15  # rows that are not shared out
_QUERIES_AT_ONCE = 16
_ROWS_AT_ONCE = 4096

Span = tuple[int, int]
NO_IDS = np.empty(0, np.int64)
NO_IDS.flags.writeable = False  # as what is mapped: one compiled form serves all


class Codes(NamedTuple):
    """Rows in whole numbers: codes [N, D], bounds [N, 2]; ids [N], which row each is, or empty: as they stand."""

    codes: NDArray[np.int8]
    bounds: FloatArray
    ids: NDArray[np.int64]


class Candidates(NamedTuple):
    """Of one query, best first: rows that may be among its nearest, and what each may score at most."""

    rows: NDArray[np.int64]
    highest: FloatArray


def scan(
    table: Codes, spans: Sequence[Span], queries_QD: FloatArray, k: int, allowed: BoolArray | None = None
) -> list[Candidates]:
    """Candidates of unit queries among rows [first, end) of the table: all that may be among the k nearest."""
    found: list[Candidates] = []
    for start in range(0, len(queries_QD), _QUERIES_AT_ONCE):
        found += _scan_some(table, spans, queries_QD[start : start + _QUERIES_AT_ONCE], k, allowed)
    return found


def _scan_some(
    table: Codes, spans: Sequence[Span], queries_QD: FloatArray, k: int, allowed: BoolArray | None
) -> list[Candidates]:
    whole, units, slack = _in_whole_numbers(queries_QD)
    mask = np.empty(0, np.bool_) if allowed is None else allowed
    parts = _shared_out(spans, threads())
    outcomes = []
    for part in parts:
        n = sum(end - first for first, end in part)
        heaps = np.full((len(whole), min(k, max(n, 1))), -np.inf, np.float32)
        # Never filled to the end unless rows come from worst to best; memory that is not touched is none.
        rows, highest = np.empty((len(whole), n), np.int64), np.empty((len(whole), n), np.float32)
        outcomes.append((np.array(part, np.int64).reshape(-1, 2), heaps, rows, highest, np.zeros(len(whole), np.int64)))

    from mediafm.index.kernel import go_over  # compiles

    def run(outcome: tuple[NDArray[Any], ...]) -> None:
        go_over(*table, mask, whole, units, slack, *outcome)

    if len(outcomes) == 1:
        run(outcomes[0])
    else:
        list(pool().map(run, outcomes))
    return [
        _merged([(h[q], r[q, : c[q]], top[q, : c[q]]) for _, h, r, top, c in outcomes], k) for q in range(len(whole))
    ]


def _merged(parts: list[tuple[NDArray[Any], ...]], k: int) -> Candidates:
    heaps, rows, highest = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    surpassed = np.partition(heaps, len(heaps) - k)[len(heaps) - k] if len(heaps) >= k else -np.inf
    stay = np.flatnonzero(highest >= surpassed)
    order = stay[np.argsort(-highest[stay], kind="stable")]
    return Candidates(rows[order], highest[order])


def _in_whole_numbers(queries_QD: FloatArray) -> tuple[NDArray[np.int16], NDArray[np.float64], NDArray[np.float64]]:
    """Queries as a unit times whole numbers: those, the units, and what a score may differ by because of it."""
    queries = queries_QD.astype(np.float64)
    # By Cauchy-Schwarz no sum of products is larger than the norms': that of codes is at most 127 sqrt(D).
    longest = _LARGEST_SUM / (127 * np.sqrt(queries.shape[1])) - np.sqrt(queries.shape[1])
    largest, norms = np.abs(queries).max(axis=1), np.linalg.norm(queries, axis=1)
    units = np.maximum(largest / _LARGEST_QUERY, norms / longest)
    units = np.where(units > 0, units, 1.0)
    whole = np.rint(queries / units[:, None]).astype(np.int16)
    lost = np.linalg.norm(queries - units[:, None] * whole, axis=1)
    return whole, units, 1.01 * lost + _SLACK


def _shared_out(spans: Sequence[Span], threads: int) -> list[list[Span]]:
    """The spans in as many parts of about equal size, in order."""
    total = sum(end - first for first, end in spans)
    if total <= _FEW or threads == 1:
        return [list(spans)]
    size = -(-total // threads)
    parts: list[list[Span]] = [[]]
    room = size
    for first, end in spans:
        while first < end:
            taken = min(room, end - first)
            parts[-1].append((first, first + taken))
            first, room = first + taken, room - taken
            if room == 0:
                parts.append([])
                room = size
    return [part for part in parts if part]


def threads() -> int:
    """As many as other arithmetic here is told to take, or all processors."""
    told = os.environ.get("OMP_NUM_THREADS", "")
    return max(int(told), 1) if told.isdigit() else os.cpu_count() or 1


@cache
def pool() -> ThreadPoolExecutor:
    """Threads for parts of one question."""
    return ThreadPoolExecutor(threads(), "mediafm-index")


def exact_best(rows_ND: NDArray[Any], query_D: FloatArray, found: Candidates, k: int) -> Candidates:
    """The k best of a query's candidates by the stored rows themselves, ties in order of rows.

    Scores are sums in float64, rounded to float32. Candidates whose most is less than the k-th best are not read.
    """
    query = query_D.astype(np.float64)
    rows, scores = np.empty(0, np.int64), np.empty(0, np.float32)
    step = max(2 * k, 256)
    for start in range(0, len(found.rows), step):
        if len(rows) >= k and found.highest[start] < scores[k - 1]:
            break
        part = np.sort(found.rows[start : start + step])
        more = [
            np.vecdot(rows_ND[some].astype(np.float64), query) for some in np.split(part, range(4096, len(part), 4096))
        ]
        rows, scores = np.concatenate([rows, part]), np.concatenate([scores, np.concatenate(more).astype(np.float32)])
        order = np.lexsort((rows, -scores))[:k]
        rows, scores = rows[order], scores[order]
    return Candidates(rows, scores)
