"""How well scores sort what is liked: nDCG and recall at k, rows that tie sharing their places evenly.

Shapes: N rows of things to sort, J things in each.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def ndcg_and_recall(liked_NJ: NDArray[np.bool_], scores_NJ: Array, k: int) -> tuple[Array, Array]:
    """nDCG@k and recall@k of each row, [N] each; NaN for a row that likes nothing.

    nDCG equals scikit-learn's `ndcg_score`, which averages over orders of things that tie; recall is averaged alike.
    Equal scores for all are therefore what a random order gives on average.
    """
    ndcg, recall = np.full(len(liked_NJ), np.nan), np.full(len(liked_NJ), np.nan)
    discount_J = np.where(np.arange(liked_NJ.shape[1]) < k, 1 / np.log2(np.arange(liked_NJ.shape[1]) + 2), 0.0)
    above_J, room_J = np.cumsum(discount_J), np.minimum(np.arange(1, liked_NJ.shape[1] + 1), k)
    for row, (liked, scores) in enumerate(zip(liked_NJ, scores_NJ, strict=True)):
        many = int(liked.sum())
        if not many:
            continue
        order = np.argsort(-scores, kind="stable")
        falling = scores[order]
        ends = np.append(np.flatnonzero(falling[1:] != falling[:-1]), len(falling) - 1)
        hits = np.diff(np.cumsum(liked[order])[ends], prepend=0)
        sizes = np.diff(ends, prepend=-1)
        ndcg[row] = hits / sizes @ np.diff(above_J[ends], prepend=0.0) / above_J[min(many, k) - 1]
        recall[row] = hits / sizes @ np.diff(room_J[ends], prepend=0) / many
    return ndcg, recall
