"""Why a hit was found: which way of comparing brought it, at what rank, and which words stand in its text."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mediafm.search.lines import words_of
from mediafm.search.merging import RANK_OFFSET, Ranking, ranks


def explained(rankings: Sequence[Ranking], rows: NDArray[np.int64], texts: Sequence[str]) -> list[dict[str, Any]]:
    """One reason a hit, JSON-able. rows: of its best shot; texts: of the hit.

    `rankings`: [{query, way, features, score, rank, weight, share}], the most telling first: share is what it adds
    to the merged score. `words`: those of the queries that stand in the text.
    """
    reasons: list[list[dict[str, Any]]] = [[] for _ in rows]
    for ranking in rankings:
        rank_N = ranks(ranking.scores_N)
        for reason, row in zip(reasons, rows, strict=True):
            if rank := int(rank_N[row]):
                reason.append(
                    {
                        "query": ranking.query,
                        "way": ranking.way,
                        "features": ranking.features,
                        "score": float(ranking.scores_N[row]),
                        "rank": rank,
                        "weight": ranking.weight,
                        "share": ranking.weight / (RANK_OFFSET + rank),
                    }
                )
    asked = list(dict.fromkeys(word for r in rankings if r.words and r.weight > 0 for word in words_of(r.words)))
    return [
        {
            "rankings": sorted(reason, key=lambda one: -one["share"]),
            "words": [word for word in asked if word in set(words_of(text))],
        }
        for reason, text in zip(reasons, texts, strict=True)
    ]
