"""Who likes which title of a feature catalogue: a planted taste, so that what any recommender can reach is known.

A user's liking has three parts. *People*: who is in it; metadata tells (of most titles), and pictures do. *Story*: what
its plots are and what mood it has; only sound and text tell. *Hidden*: what no vector shows at all. Users have tastes
of their own over all of them; the rest is luck. Every like is drawn with a chance that is known, so the order by that
chance is the best there can be, and the order by people and story the best that vectors allow.

Shapes: U users, T titles.
"""

# ruff: noqa: N815 (fields carry their shapes)

import csv
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mediafm.errors import UsageError
from mediafm.synthetic.features.source import SyntheticFeatures
from mediafm.synthetic.features.title import FeatureTitle

HIDDEN = 4  # traits that nothing shows
_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Taste:
    """How much each part weighs (shares of the variance), how strong taste is, and how much is liked and disliked.

    strength: standard deviation of the log odds of a like between a user's titles. liked: share of (user, title) pairs
    that are liked; noted: share of the others that are rated too, badly. activity: deviation of users' log odds.
    """

    people: float = 0.3
    story: float = 0.5
    hidden: float = 0.2
    strength: float = 2.0
    liked: float = 0.08
    noted: float = 0.02
    activity: float = 0.5


@dataclass(frozen=True, slots=True)
class Viewing:
    """What users made of a catalogue. chance: of a like, [U, T]; visible: log odds but for what nothing shows."""

    users: list[str]
    titles: list[str]
    chance_UT: NDArray[np.float64]
    visible_UT: NDArray[np.float64]
    people_UT: NDArray[np.float64]
    rating_UT: NDArray[np.int8]  # 0: none; 4 and 5: liked

    @property
    def liked_UT(self) -> NDArray[np.bool_]:  # noqa: N802
        """Who liked what."""
        return self.rating_UT >= 4


def draw_viewing(catalogue: SyntheticFeatures, users: int, seed: int, taste: Taste | None = None) -> Viewing:
    """What `users` users like of a catalogue's titles. UsageError for none, or for a catalogue of one title."""
    titles = catalogue.title_ids
    if users < 1 or len(titles) < 2:
        raise UsageError(f"No taste shows in {users} users and {len(titles)} titles.", "Ask for a user and two titles.")
    taste = taste or Taste()
    rng = np.random.default_rng([seed, 8])
    people, story = (np.array(part) for part in zip(*(_traits(title) for title in catalogue), strict=True))
    hidden = rng.normal(size=(len(titles), HIDDEN))
    parts = [_likings(traits, users, rng) for traits in (people, story, hidden)]
    shares = np.sqrt(np.array([taste.people, taste.story, taste.hidden]))
    weighed = [taste.strength * share * part for share, part in zip(shares, parts, strict=True)]
    activity = taste.activity * rng.normal(size=(users, 1))
    odds = _shifted(weighed[0] + weighed[1] + weighed[2] + activity, taste.liked)
    chance = 1 / (1 + np.exp(-odds))
    liked = rng.random(chance.shape) < chance
    noted = ~liked & (rng.random(chance.shape) < taste.noted)
    rating = np.where(liked, rng.integers(4, 6, chance.shape), np.where(noted, rng.integers(1, 3, chance.shape), 0))
    names = [f"user-{number + 1:05d}" for number in range(users)]
    visible = weighed[0] + weighed[1] + activity
    return Viewing(names, titles, chance, visible, weighed[0] + activity, rating.astype(np.int8))


def write_viewing(folder: str | os.PathLike[str], viewing: Viewing, seed: int = 0) -> None:
    """Write `interactions.csv` (user, item, rating, timestamp) and `oracle.csv`: of every pair what is known.

    oracle.csv: user, item, chance (of a like), visible (log odds by what vectors show), people (by what metadata says).
    """
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    pairs = np.argwhere(viewing.rating_UT > 0)
    days = np.random.default_rng([seed, 9]).integers(0, 1000 * _DAY_S, len(pairs))
    with (target / "interactions.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["user", "item", "rating", "timestamp"])
        for (user, title), when in zip(pairs.tolist(), days.tolist(), strict=True):
            row = [viewing.users[user], viewing.titles[title], int(viewing.rating_UT[user, title])]
            writer.writerow([*row, 1_600_000_000 + when])
    with (target / "oracle.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["user", "item", "chance", "visible", "people"])
        known = (viewing.chance_UT, viewing.visible_UT, viewing.people_UT)
        for user, name in enumerate(viewing.users):
            for title, item in enumerate(viewing.titles):
                writer.writerow([name, item, *(f"{part[user, title]:.5f}" for part in known)])


def _traits(title: FeatureTitle) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Who is in a title (one number a cast), and what it is about (a share for each plot, one number a mood)."""
    law, truth = title.world.law, title.truth
    people = np.bincount(truth.company, minlength=law.casts).astype(np.float64)
    plots = np.bincount(truth.plot, minlength=law.plots) / len(truth.plot)
    return people, np.concatenate([plots / 0.3, np.arange(law.moods) == truth.mood])


def _likings(traits_TF: NDArray[np.float64], users: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """How each user likes each title by these traits, [U, T], of variance 1."""
    centred = traits_TF - traits_TF.mean(axis=0)
    liking = rng.normal(size=(users, centred.shape[1])) @ centred.T
    return np.asarray(liking / max(float(liking.std()), 1e-9))


def _shifted(odds: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    """Log odds moved until the mean chance is `share`."""
    low, high = -30.0, 30.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if (1 / (1 + np.exp(-(odds + middle)))).mean() > share else (middle, high)
    return odds + low
