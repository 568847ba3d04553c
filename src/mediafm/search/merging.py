"""Several rankings as one, by reciprocal rank (Cormack, Clarke & Büttcher 2009), with weights.

Shapes: N shots of the catalog.
"""

# ruff: noqa: N815 (fields carry their shapes)

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mediafm.types import BoolArray, FloatArray

RANK_OFFSET = 60  # as its authors chose it


@dataclass(frozen=True, eq=False)
class Ranking:
    """One way in which a query was answered.

    query: as given. way: "full text", "meaning", "likeness", "predicted". features: what was compared. scores_N:
    cosine or BM25, -inf: not found. weight: negative ones push down.
    """

    query: str
    way: str
    features: str
    scores_N: FloatArray
    weight: float = 1.0
    words: str = ""  # of the query, where it is words

    def within(self, allowed_N: BoolArray | None) -> "Ranking":
        """The same with nothing but what is allowed."""
        if allowed_N is None:
            return self
        scores_N = np.where(allowed_N, self.scores_N, np.float32(-np.inf))
        return Ranking(self.query, self.way, self.features, scores_N, self.weight, self.words)


def ranks(scores_N: FloatArray) -> NDArray[np.int64]:
    """1 for the best; equal scores share the better rank; 0 for -inf."""
    ordered = np.sort(-scores_N)
    rank = np.searchsorted(ordered, -scores_N, side="left") + 1
    return np.where(np.isfinite(scores_N), rank, 0)


def merged(rankings: Sequence[Ranking]) -> NDArray[np.float64]:
    """Scores of all together, [N]: of one ranking its own, else the sum of weight / (60 + rank).

    -inf where no ranking of a positive weight has a shot.
    """
    if len(rankings) == 1 and rankings[0].way != "full text":
        return rankings[0].scores_N.astype(np.float64)
    total_N = np.zeros(len(rankings[0].scores_N))
    found_N = np.zeros(len(total_N), dtype=np.bool_)
    for ranking in rankings:
        rank_N = ranks(ranking.scores_N)
        total_N += np.where(rank_N > 0, ranking.weight / (RANK_OFFSET + rank_N), 0.0)
        if ranking.weight > 0:
            found_N |= rank_N > 0
    return np.where(found_N, total_N, -np.inf)
