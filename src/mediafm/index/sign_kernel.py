"""The innermost loop over signs, compiled by numba: bits that are set in a row and in each plane of a query."""

from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import intrinsic

from mediafm.index.kernel import put

_GROUP = 64


def _bits_set(context: Any, word: Any) -> Any:
    """How many bits of a word are set: one instruction, of which processors do several at once."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), code


_ones: Any = intrinsic(_bits_set)


@njit(nogil=True)
def go_over_signs(words, terms, ids, allowed, planes, unit, lowest, total, spans, known, heap, rows, highest):  # type: ignore[no-untyped-def]
    """Fill rows and highest with what may be among the k nearest within spans [S, 2]; how many there are.

    known [S]: the query's product with the centre of each span's list. heap [k], of -inf at first, as in `go_over`.
    """
    count = 0
    counted, most = np.empty(_GROUP, np.uint64), np.empty(_GROUP, np.float32)
    two, four, eight = np.uint64(1), np.uint64(2), np.uint64(3)
    twice, less, low = np.float32(2 * unit), np.float32(total), np.float32(lowest)
    for s in range(spans.shape[0]):
        first, end, near = spans[s, 0], spans[s, 1], np.float32(known[s])
        for group in range(first // _GROUP, (end + _GROUP - 1) // _GROUP):
            for i in range(_GROUP):
                counted[i] = 0
            for w in range(words.shape[1]):
                ones, twos, fours, eights = planes[0, w], planes[1, w], planes[2, w], planes[3, w]
                for i in range(_GROUP):
                    word = words[group, w, i]
                    counted[i] += (
                        _ones(word & ones)
                        + (_ones(word & twos) << two)
                        + (_ones(word & fours) << four)
                        + (_ones(word & eights) << eight)
                    )
            promising = 0
            for i in range(_GROUP):  # without a branch, so that several are done at once
                along = terms[group, 0, i] * (twice * np.float32(np.int64(counted[i])) - less)
                most[i] = near + along + terms[group, 1, i] * low + terms[group, 2, i]
                promising += most[i] >= heap[0]
            if promising == 0:
                continue
            start = group * _GROUP
            for at in range(max(start, first), min(start + _GROUP, end)):
                i = at - start
                if most[i] < heap[0]:
                    continue
                row = ids[at]
                if allowed.shape[0] and not allowed[row]:
                    continue
                rows[count] = row
                highest[count] = most[i]
                count += 1
                least = most[i] - 2 * terms[group, 2, i]
                if least > heap[0]:
                    put(heap, least)
    return count
