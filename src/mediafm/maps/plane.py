"""Places on a plane by t-SNE (van der Maaten & Hinton 2008; Kobak & Berens 2019): the one home of openTSNE.

The start is the two strongest directions, so that equal vectors give equal maps and the large shape is that of the
data; neighbours are exact. A point is drawn to its `NEIGHBOURS` nearest with equal force (which differs little from
weights by a perplexity, and needs none). New points are placed among old ones that stay where they are
(Poličar, Stražar & Zupan 2021).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from mediafm.types import FloatArray

NEIGHBOURS = 15
DIRECTIONS = 50  # that are kept of the vectors
FEW = 8  # points up to which the two strongest directions are the map
_TREE_UP_TO = 10_000  # points; beyond, forces by interpolation on a grid are quicker
_EARLY, _LATE = 250, 500  # rounds: first with attraction raised, so that groups find each other
_EARLY_EXAGGERATION, _LATE_EXAGGERATION = 12.0, 1.0
_TOLD_EVERY = 10
ROUNDS = _EARLY + _LATE

Told = Callable[[int], None]


def strongest(rows_ND: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(Middle [D], the strongest directions as columns [D, R], strongest first, each turned the same way always)."""
    middle = rows_ND.mean(axis=0, dtype=np.float64)
    centred = rows_ND - middle.astype(np.float32)
    _, turn = np.linalg.eigh((centred.T @ centred).astype(np.float64))
    turn = turn[:, ::-1][:, : min(DIRECTIONS, turn.shape[1])]
    largest = turn[np.abs(turn).argmax(axis=0), np.arange(turn.shape[1])]
    return middle.astype(np.float32), (turn * np.where(largest < 0, -1, 1)).astype(np.float32)


def neighbours_of(n: int) -> int:
    """How many a point is drawn to among n: a third of few, else all would fall onto one place."""
    return max(1, min(NEIGHBOURS, (n - 1) // 3))


def nearest(among_NR: FloatArray, of_MR: FloatArray | None, k: int) -> NDArray[np.int64]:
    """The k rows nearest to each of `of`, [M, k]; None: to each of `among` itself, which is not its own neighbour."""
    from sklearn.neighbors import NearestNeighbors

    found = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(among_NR)
    return np.asarray(found.kneighbors(of_MR, return_distance=False), np.int64)


def lay_out(reduced_NR: FloatArray, told: Told = lambda _: None) -> FloatArray:
    """Places of all points, float32 [N, 2], centred. told: called with rounds done since it was called last."""
    if len(reduced_NR) <= FEW:
        return _pair(reduced_NR)
    from openTSNE import TSNEEmbedding
    from openTSNE.affinity import PrecomputedAffinities

    start = _pair(reduced_NR).astype(np.float64)
    start *= 1e-4 / max(float(start[:, 0].std()), 1e-12)
    drawn = TSNEEmbedding(
        start,
        PrecomputedAffinities(_forces(reduced_NR)),
        negative_gradient_method="bh" if len(reduced_NR) <= _TREE_UP_TO else "fft",
        random_state=0,
        n_jobs=1,
        callbacks=[lambda *_: told(_TOLD_EVERY)],
        callbacks_every_iters=_TOLD_EVERY,
    )
    # Few points that draw each other twelve times as strongly would all fall onto one place, and stay there.
    early = min(_EARLY_EXAGGERATION, max(1.0, len(reduced_NR) / neighbours_of(len(reduced_NR))))
    drawn = drawn.optimize(_EARLY, exaggeration=early, momentum=0.5)
    drawn = drawn.optimize(_LATE, exaggeration=_LATE_EXAGGERATION, momentum=0.8)
    places = np.asarray(drawn, np.float64)
    return (places - places.mean(axis=0)).astype(np.float32)


def place_among(placed_NR: FloatArray, places_N2: FloatArray, new_MR: FloatArray) -> FloatArray:
    """Places of new points among those that are placed, which stay: float32 [M, 2]."""
    if not len(new_MR):
        return np.zeros((0, 2), np.float32)
    k = neighbours_of(len(placed_NR))
    near_Mk = nearest(placed_NR, new_MR, k)
    start = np.median(places_N2[near_Mk], axis=1).astype(np.float64)
    if len(placed_NR) <= FEW:
        return start.astype(np.float32)
    from openTSNE import TSNEEmbedding
    from openTSNE.affinity import PrecomputedAffinities
    from openTSNE.tsne import PartialTSNEEmbedding

    forces = csr_matrix(
        (np.full(near_Mk.size, 1 / k), near_Mk.ravel(), np.arange(0, near_Mk.size + 1, k)),
        shape=(len(new_MR), len(placed_NR)),
    )
    unforced = PrecomputedAffinities(csr_matrix((len(placed_NR), len(placed_NR))), normalize=False)
    there = TSNEEmbedding(places_N2, unforced)
    moved = PartialTSNEEmbedding(
        start, there, forces, negative_gradient_method="bh", n_jobs=1, dof=1, learning_rate=0.1
    ).optimize(_EARLY, exaggeration=1.5, momentum=0.8, max_grad_norm=0.25)
    return np.asarray(moved, np.float32)


def _pair(reduced_NR: FloatArray) -> FloatArray:
    """The two strongest directions; zeros where there is only one."""
    pair = np.zeros((len(reduced_NR), 2), np.float32)
    pair[:, : min(2, reduced_NR.shape[1])] = reduced_NR[:, :2]
    return pair


def _forces(reduced_NR: FloatArray) -> csr_matrix:
    """Who draws whom, [N, N] summing to 1: each point its nearest, and they it."""
    n = len(reduced_NR)
    k = neighbours_of(n)
    near = nearest(reduced_NR, None, k)
    draws = csr_matrix((np.ones(near.size), near.ravel(), np.arange(0, near.size + 1, k)), shape=(n, n))
    both = (draws + draws.T).tocsr()
    both.sort_indices()
    return both / both.sum()
