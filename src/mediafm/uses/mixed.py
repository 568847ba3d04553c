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

    def scores(self, content_TR: Array) -> Array:
        """How much each user would like each title, [U, T]: both parts at one scale."""
        own, alone = self.factors.scores(content_TR), self.profile_UR @ self.map_RR @ content_TR.T
        return (1 - self.setting.share) * _scaled(own) + self.setting.share * _scaled(alone)


def content_scores(liked_UW: sparse.csr_array, content_WR: Array, content_TR: Array) -> Array:
    """Content alone: the mean cosine of a title with what a user liked, [U, T]."""
    return profiles(liked_UW, content_WR) @ content_TR.T


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
    teaching, wanted = liked_UW[:, rest], liked_UW[:, held].toarray() > 0
    asked = np.flatnonzero(wanted.any(axis=1))[:USERS_ASKED]
    if "rest" not in starts:
        starts["rest"] = factorise(teaching, size, seed)
    if not len(asked):
        return Setting(PENALTIES[1], 0, SHARES[-1], np.inf)

    def judged(scores_UT: Array) -> float:
        return float(np.mean(ndcg_and_recall(wanted[asked], scores_UT[asked], DEPTH)[0]))

    told = profiles(teaching, content_WR[rest])
    maps = profile_maps(teaching, content_WR[rest], seed)
    reached_by = [judged(told @ turn @ content_WR[held].T) for turn in maps]
    chosen = int(np.argmax(reached_by))
    best, reached = Setting(PENALTIES[1], 0, SHARES[-1], PROFILE_PENALTIES[chosen]), -1.0
    for penalty, rounds in product(PENALTIES, ROUNDS):
        factors = learn(teaching, content_WR[rest], starts["rest"], penalty, rounds)
        for share in SHARES:
            setting = Setting(penalty, rounds, share, PROFILE_PENALTIES[chosen])
            score = judged(Mixed(setting, factors, told, maps[chosen]).scores(content_WR[held]))
            if score > reached:
                best, reached = setting, score
    return best


def _scaled(scores: Array) -> Array:
    """Scores at deviation 1 within a user's list, on average over users."""
    return np.asarray(scores / max(float(np.sqrt(scores.var(axis=1).mean())), 1e-12))
