"""How well captions find their clips, and clips their captions: R@1, R@5, R@10 and the median rank.

Shapes: Q queries, I items, D common space, P pairs of a query and an item that is right for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mediafm.types import FloatArray

_CHUNK = 1024  # queries at a time


@dataclass(frozen=True, slots=True)
class Recalls:
    """r1, r5, r10: share of queries whose best right item is among the first so many. median_rank: of that item, from
    1. queries, items: how many there were.
    """

    r1: float
    r5: float
    r10: float
    median_rank: float
    queries: int
    items: int


@dataclass(frozen=True, slots=True)
class Retrieval:
    """Both ways."""

    text_to_video: Recalls
    video_to_text: Recalls

    @property
    def score(self) -> float:
        """The mean of all six recalls: what the best model is chosen by."""
        both = (self.text_to_video, self.video_to_text)
        return sum(r.r1 + r.r5 + r.r10 for r in both) / 6


def best_ranks(queries_QD: FloatArray, items_ID: FloatArray, right_P2: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rank of each query's best right item by dot product, from 1, [Q]. Ties count against it.

    right_P2: rows (query, item); every query has one at least.
    """
    ranks = np.empty(len(queries_QD), np.int64)
    right_P2 = right_P2[np.argsort(right_P2[:, 0], kind="stable")]
    for start in range(0, len(queries_QD), _CHUNK):
        score_QI = queries_QD[start : start + _CHUNK] @ items_ID.T
        low, high = np.searchsorted(right_P2[:, 0], [start, start + len(score_QI)])
        right_QI = np.zeros(score_QI.shape, np.bool_)
        right_QI[right_P2[low:high, 0] - start, right_P2[low:high, 1]] = True
        best_Q1 = np.where(right_QI, score_QI, -np.inf).max(axis=1, keepdims=True)
        ranks[start : start + _CHUNK] = 1 + (~right_QI & (score_QI >= best_Q1)).sum(axis=1)
    return ranks


def recalls(ranks: NDArray[np.int64], items: int) -> Recalls:
    """What a list of ranks comes to."""
    r1, r5, r10 = (float((ranks <= k).mean()) for k in (1, 5, 10))
    return Recalls(r1, r5, r10, float(np.median(ranks)), len(ranks), items)


def retrieval(
    clip_of: Sequence[str], caption_of: Sequence[str], clips_ID: FloatArray, captions_QD: FloatArray
) -> Retrieval:
    """Both ways over pairs: among the distinct clips and the distinct captions.

    clip_of, caption_of: of each pair. clips_ID, captions_QD: unit rows of `distinct(...)` of either, in that order. A
    caption that several clips have finds any of them; so does a clip with several captions.
    """
    clip_row = {name: row for row, name in enumerate(distinct(clip_of))}
    caption_row = {name: row for row, name in enumerate(distinct(caption_of))}
    pairs = {(caption_row[c], clip_row[v]) for v, c in zip(clip_of, caption_of, strict=True)}
    right_P2 = np.array(sorted(pairs), np.int64)
    return Retrieval(
        recalls(best_ranks(captions_QD, clips_ID, right_P2), len(clips_ID)),
        recalls(best_ranks(clips_ID, captions_QD, right_P2[:, ::-1]), len(captions_QD)),
    )


def distinct(names: Sequence[str]) -> list[str]:
    """Each name once, in order of first use."""
    return list(dict.fromkeys(names))
