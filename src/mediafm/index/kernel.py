"""The innermost loop of a scan, compiled by numba: products of whole numbers, many at a time."""

import numpy as np
from numba import njit

_TILE = 64  # rows that all queries go over while they are in the processor's cache


@njit(nogil=True)
def product(codes_D, query_D):  # type: ignore[no-untyped-def]
    """Of a row's codes, int8, and a query's whole numbers, int16: int32."""
    total = np.int32(0)
    for j in range(codes_D.shape[0]):
        total = np.int32(total + np.int32(codes_D[j]) * np.int32(query_D[j]))  # else numba sums up in 64 bits
    return total


@njit(nogil=True)
def put(heap, value):  # type: ignore[no-untyped-def]
    """In place of the least of a heap whose least is first."""
    at, n = 0, heap.shape[0]
    while True:
        child = 2 * at + 1
        if child >= n:
            break
        if child + 1 < n and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= value:
            break
        heap[at] = heap[child]
        at = child
    heap[at] = value


@njit(nogil=True)
def go_over(codes, bounds, ids, allowed, queries, units, slack, spans, heaps, rows, highest, counts):  # type: ignore[no-untyped-def]
    """Fill rows, highest [Q, :] and counts [Q] with what may be among the k nearest within spans [S, 2].

    heaps [Q, k], of -inf at first, keep the largest of the least that rows seen so far can score: a row whose most is
    less than the k-th of them is out.
    """
    for s in range(spans.shape[0]):
        for start in range(spans[s, 0], spans[s, 1], _TILE):
            end = min(start + _TILE, spans[s, 1])
            for q in range(queries.shape[0]):
                heap = heaps[q]
                for i in range(start, end):
                    if bounds[i, 0] == 0:
                        continue
                    row = ids[i] if ids.shape[0] else i
                    if allowed.shape[0] and not allowed[row]:
                        continue
                    score = product(codes[i], queries[q]) * (bounds[i, 0] * units[q])
                    margin = bounds[i, 1] + slack[q]
                    if score + margin < heap[0]:
                        continue
                    rows[q, counts[q]] = row
                    highest[q, counts[q]] = score + margin
                    counts[q] += 1
                    if score - margin > heap[0]:
                        put(heap, np.float32(score - margin))
