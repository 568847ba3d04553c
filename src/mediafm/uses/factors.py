"""What people's likes say of titles, and a map from content to it, so that a title nobody has seen gets its place too.

Users and titles get factors, found by alternating least squares over all pairs, those that are liked counting more (Hu,
Koren & Volinsky, "Collaborative filtering for implicit feedback datasets", 2008). A title's factors are its content's,
a linear map of the frozen vector, plus a small difference of its own, which likes must pay for and which is bounded
(after Wang & Blei, "Collaborative topic modeling for recommending scientific articles", 2011). A new title has no
likes, so its difference is zero: it stands where the map puts it, among titles that have learned from likes.

Shapes: U users, W titles with likes, T titles, R numbers of content, K factors.
"""

# ruff: noqa: N815 (fields carry their shapes)

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Array = NDArray[np.float64]
CONFIDENCE = 20.0  # how much more a like counts than a pair of which nothing is known
SHRINKAGE = 10.0  # penalty on factors
FIRST_ROUNDS = 8
HELD_TO_CONTENT = 30.0  # penalty on what a title's factors differ from its content's
REACH = 1.0  # the difference is never longer than this share of the content's factors
ROWS_AT_ONCE = 4096


@dataclass(frozen=True)
class Factors:
    """users [U, K], items [W, K]."""

    users_UK: Array
    items_WK: Array


@dataclass(frozen=True)
class ContentFactors:
    """A user likes content x as much as `users @ (x @ weight + mean)`; items: of the titles that taught."""

    users_UK: Array
    items_WK: Array
    weight_RK: Array
    mean_K: Array

    def place(self, content_TR: Array) -> Array:
        """Factors of titles by their content alone, [T, K]."""
        return np.asarray(content_TR @ self.weight_RK + self.mean_K)

    def scores(self, content_TR: Array) -> Array:
        """How much each user would like each title, [U, T]."""
        return np.asarray(self.users_UK @ self.place(content_TR).T)


def factorise(liked_UW: sparse.csr_array, factors: int, seed: int) -> Factors:
    """Factors from likes alone."""
    rng = np.random.default_rng(seed)
    liked_WU = liked_UW.T.tocsr()
    items = 0.1 * rng.normal(size=(liked_UW.shape[1], factors))
    users = np.zeros((liked_UW.shape[0], factors))
    for _ in range(FIRST_ROUNDS):
        users = _solved(liked_UW, items, SHRINKAGE, np.zeros_like(users))
        items = _solved(liked_WU, users, SHRINKAGE, np.zeros_like(items))
    return Factors(users, items)


def learn(liked_UW: sparse.csr_array, content_WR: Array, start: Factors, penalty: float, rounds: int) -> ContentFactors:
    """The map from content to factors; after it `rounds` times users, titles' bounded differences and the map again.

    penalty: on the map, in means of the content's variances. start: what likes alone said.
    """
    users, items = start.users_UK, start.items_WK
    liked_WU = liked_UW.T.tocsr()
    weight, mean = _ridge(content_WR, items, penalty)
    for _ in range(rounds):
        placed = content_WR @ weight + mean
        items = _bounded(_solved(liked_WU, users, HELD_TO_CONTENT, placed), placed)
        users = _solved(liked_UW, items, SHRINKAGE, np.zeros_like(users))
        weight, mean = _ridge(content_WR, items, penalty)
    return ContentFactors(users, items, weight, mean)


def _solved(liked: sparse.csr_array, others_OK: Array, penalty: float, toward_NK: Array) -> Array:
    """For each row the factors that explain its likes best, given the others', held to `toward` by the penalty."""
    factors = others_OK.shape[1]
    every = others_OK.T @ others_OK + penalty * np.eye(factors)
    outer_OKK = (others_OK[:, :, None] * others_OK[:, None, :]).reshape(len(others_OK), -1)
    found = np.empty((liked.shape[0], factors))
    for at in range(0, liked.shape[0], ROWS_AT_ONCE):
        part = liked[at : at + ROWS_AT_ONCE]
        left = CONFIDENCE * (part @ outer_OKK).reshape(-1, factors, factors) + every
        right = (1 + CONFIDENCE) * (part @ others_OK) + penalty * toward_NK[at : at + ROWS_AT_ONCE]
        found[at : at + ROWS_AT_ONCE] = np.linalg.solve(left, right[:, :, None])[:, :, 0]
    return found


def _bounded(items_WK: Array, placed_WK: Array) -> Array:
    """Items no further from where content puts them than REACH times its own length."""
    difference = items_WK - placed_WK
    longest = REACH * np.linalg.norm(placed_WK, axis=1, keepdims=True)
    length = np.maximum(np.linalg.norm(difference, axis=1, keepdims=True), 1e-12)
    return np.asarray(placed_WK + difference * np.minimum(1.0, longest / length))


def _ridge(content_WR: Array, items_WK: Array, penalty: float) -> tuple[Array, Array]:
    """Weight [R, K] and mean [K] of the map; the mean is not penalised."""
    centre, mean = content_WR.mean(axis=0), items_WK.mean(axis=0)
    rows = content_WR - centre
    own = penalty * max(float(np.square(rows).sum()) / rows.shape[1], 1e-12)
    weight = np.linalg.solve(rows.T @ rows + own * np.eye(rows.shape[1]), rows.T @ (items_WK - mean))
    return weight, mean - centre @ weight
