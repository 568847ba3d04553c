"""What of content people's likes go by: a small change of how profiles are compared with new titles.

Content alone scores a title x for a user by `p . x`, p the mean content of what he liked. Here it is `p . (c I + D) x`:
the frozen vectors stay, and a matrix D is learned, held to zero by a penalty, so that profiles made of one half of the
titles say who liked the other half. That is just what is asked of a new title. D has a closed form; without evidence it
is zero, which leaves content alone.

Shapes: U users, W titles that teach, H and O their halves, R numbers of content.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Array = NDArray[np.float64]
HALVES = 4  # random halves that teach
PENALTIES = (np.inf, 10.0, 1.0, 0.1, 0.01)  # in means of what a product of profile and title varies by


def profiles(liked_UW: sparse.csr_array, content_WR: Array) -> Array:
    """The mean content of what each user liked, [U, R]; zeros for who liked nothing."""
    counts = np.maximum(np.asarray(liked_UW.sum(axis=1)).ravel(), 1)
    return np.asarray((liked_UW @ content_WR) / counts[:, None])


def profile_maps(
    liked_UW: sparse.csr_array, content_WR: Array, seed: int, penalties: tuple[float, ...] = PENALTIES
) -> list[Array]:
    """`c I + D` for each penalty, [R, R]; scaled so that infinite penalties give the identity."""
    rng = np.random.default_rng([seed, 5])
    size = content_WR.shape[1]
    of_profiles, of_titles, cross = np.zeros((size, size)), np.zeros((size, size)), np.zeros((size, size))
    agreed = strength = 0.0
    for _ in range(HALVES):
        order = rng.permutation(len(content_WR))
        for half in (order[: len(order) // 2], order[len(order) // 2 :]):
            rest = np.setdiff1d(order, half)
            told_UR, titles_OR = profiles(liked_UW[:, half], content_WR[half]), content_WR[rest]
            wanted_UR = _centred_products(liked_UW[:, rest], titles_OR)
            of_profiles += told_UR.T @ told_UR
            of_titles += titles_OR.T @ titles_OR
            cross += told_UR.T @ wanted_UR
            agreed += float((told_UR * wanted_UR).sum())
            strength += float(((told_UR.T @ told_UR) * (titles_OR.T @ titles_OR)).sum())
    parts = 2 * HALVES
    return _solved(of_profiles, of_titles / parts, cross, max(agreed / max(strength, 1e-12), 1e-9), penalties)


def _centred_products(liked_UO: sparse.csr_array, titles_OR: Array) -> Array:
    """(likes less each user's mean) @ titles, [U, R], without making the likes dense."""
    mean_U = np.asarray(liked_UO.mean(axis=1)).ravel()
    return np.asarray(liked_UO @ titles_OR - mean_U[:, None] * titles_OR.sum(axis=0))


def _solved(
    of_profiles: Array, of_titles: Array, cross: Array, scale: float, penalties: tuple[float, ...]
) -> list[Array]:
    """The least squares of profiles' products with titles, held to `scale` times the identity by each penalty."""
    values_p, turn_p = np.linalg.eigh(of_profiles)
    values_t, turn_t = np.linalg.eigh(of_titles)
    weight = np.outer(np.maximum(values_p, 0), np.maximum(values_t, 0))
    turned, start = turn_p.T @ cross @ turn_t, scale * (turn_p.T @ turn_t)
    found = []
    for penalty in penalties:
        if np.isinf(penalty):
            found.append(np.eye(len(cross)))
            continue
        own = penalty * max(float(weight.mean()), 1e-12)
        found.append(turn_p @ ((turned + own * start) / (weight + own)) @ turn_t.T / scale)
    return found
