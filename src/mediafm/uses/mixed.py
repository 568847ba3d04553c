"""Content and likes together: settings are chosen by titles that are held back as if they were new.

Shapes: U users, W titles that teach, T titles to score.
"""

# ruff: noqa: N815 (fields carry their shapes)

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mediafm.uses.factors import ContentFactors, Factors, factorise, learn
from mediafm.uses.profile_map import PENALTIES as PROFILE_PENALTIES
from mediafm.uses.profile_map import profile_maps, profiles
from mediafm.uses.ranking_scores import ndcg_and_recall

Array = NDArray[np.float64]
FACTORS = 16
PENALTIES = (0.1, 1.0, 10.0, 100.0)
ROUNDS = (0, 2)
SHARES = (0.0, 0.25, 0.5, 0.75)  # of profiles in the mixture
HELD_BACK = 0.25
USERS_ASKED = 500
DEPTH = 10


@dataclass(frozen=True, slots=True)
class Setting:
    """penalty and rounds of `factors.learn`; the part that profiles have in the score, and the penalty of their map."""

    penalty: float
    rounds: int
    share: float
    profile: float

    def describe(self) -> str:
        """In words."""
        return (
            f"map penalty {self.penalty:g}, {self.rounds} rounds of differences, {self.share:g} by profiles "
            f"(penalty {self.profile:g})"
        )


@dataclass(frozen=True)
class Mixed:
    """A fitted mixture; `scores` as in `content_scores`."""

    setting: Setting
    factors: ContentFactors
    profile_UR: Array
    map_RR: Array

    def scores(self, content_TR: Array, users: NDArray[np.int64] | None = None) -> Array:
        """How much users (None: all) would like each title, [users, T]: both parts at one scale, that of all users."""
        some = slice(None) if users is None else users
        places_TK, turned_UR = self.factors.place(content_TR), self.profile_UR @ self.map_RR
        own = self.factors.users_UK[some] @ places_TK.T / _deviation(self.factors.users_UK, places_TK)
        alone = turned_UR[some] @ content_TR.T / _deviation(turned_UR, content_TR)
        return np.asarray((1 - self.setting.share) * own + self.setting.share * alone)


def content_scores(
    liked_UW: sparse.csr_array, content_WR: Array, content_TR: Array, users: NDArray[np.int64] | None = None
) -> Array:
    """Content alone: the mean cosine of a title with what a user (None: each) liked, [users, T]."""
    return profiles(liked_UW if users is None else liked_UW[users], content_WR) @ content_TR.T


def fit_mixed(
    liked_UW: sparse.csr_array, content_WR: Array, seed: int, starts: dict[str, Factors] | None = None
) -> Mixed:
    """Choose a setting by titles held back, then learn from all. starts: kept between calls of the same likes."""
    starts = {} if starts is None else starts
    size = max(1, min(FACTORS, min(liked_UW.shape) - 1))
    setting = _choose(liked_UW, content_WR, size, seed, starts)
    if "all" not in starts:
        starts["all"] = factorise(liked_UW, size, seed)
    factors = learn(liked_UW, content_WR, starts["all"], setting.penalty, setting.rounds)
    (turn,) = profile_maps(liked_UW, content_WR, seed, (setting.profile,))
    return Mixed(setting, factors, profiles(liked_UW, content_WR), turn)


def _choose(liked_UW: sparse.csr_array, content_WR: Array, size: int, seed: int, starts: dict[str, Factors]) -> Setting:
    order = np.random.default_rng([seed, 4]).permutation(len(content_WR))
    back = max(1, round(HELD_BACK * len(order)))
    held, rest = np.sort(order[:back]), np.sort(order[back:])
    if back < 2 or len(rest) < 2:
        return Setting(PENALTIES[1], 0, SHARES[-1], np.inf)
    teaching, likes_held = liked_UW[:, rest], liked_UW[:, held]
    asked = np.flatnonzero(np.asarray(likes_held.sum(axis=1)).ravel() > 0)[:USERS_ASKED]
    wanted = likes_held[asked].toarray() > 0
    if "rest" not in starts:
        starts["rest"] = factorise(teaching, size, seed)
    if not len(asked):
        return Setting(PENALTIES[1], 0, SHARES[-1], np.inf)

    def judged(scores_AT: Array) -> float:
        return float(np.mean(ndcg_and_recall(wanted, scores_AT, DEPTH)[0]))

    told = profiles(teaching, content_WR[rest])
    maps = profile_maps(teaching, content_WR[rest], seed)
    reached_by = [judged(told[asked] @ turn @ content_WR[held].T) for turn in maps]
    chosen = int(np.argmax(reached_by))
    best, reached = Setting(PENALTIES[1], 0, SHARES[-1], PROFILE_PENALTIES[chosen]), -1.0
    for penalty, rounds in product(PENALTIES, ROUNDS):
        factors = learn(teaching, content_WR[rest], starts["rest"], penalty, rounds)
        for share in SHARES:
            setting = Setting(penalty, rounds, share, PROFILE_PENALTIES[chosen])
            score = judged(Mixed(setting, factors, told, maps[chosen]).scores(content_WR[held], asked))
            if score > reached:
                best, reached = setting, score
    return best


def _deviation(users_UK: Array, titles_TK: Array) -> float:
    """Root of what the products of a user with all titles vary by, on average over users; no product is made."""
    centred = titles_TK - titles_TK.mean(axis=0)
    spread_KK = centred.T @ centred / len(centred)
    variances_U = np.einsum("uk,kl,ul->u", users_UK, spread_KK, users_UK, optimize=True)
    return max(float(np.sqrt(max(variances_U.mean(), 0.0))), 1e-12)
