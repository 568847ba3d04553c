"""Truth about whole synthetic films: the age they are fit for, and which of them are alike."""

from collections.abc import Sequence
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from mediafm.synthetic.genres import TONES, Genre, Tone
from mediafm.synthetic.plan import TitlePlan
from mediafm.synthetic.runs import truth_rng

RATING_BANDS = ("U", "12", "16", "18")
# How much a tone weighs by its share of the shots, what a genre adds, and how far boards differ.
SEVERITY: dict[Tone, float] = {"tense": 1.0, "eerie": 1.6, "energetic": 0.6, "sad": 0.4}
STRICTER: dict[Genre, float] = {"Horror": 0.15, "Action": 0.05}
DISAGREEMENT = 0.05
BAND_ENDS = (0.33, 0.5, 0.7)  # severity at which the next band begins

ALIKE_TONES = 0.65  # overlap of two titles' shares of tones from which their tones count as alike
ALIKE_PLACES = 2  # kinds of places in common


def tone_shares(plan: TitlePlan) -> NDArray[np.float64]:
    """How much of a title has each tone, [TONES]; shares of all (shot, tone) pairs, so they sum to 1."""
    counts = np.zeros(len(TONES))
    for scene in plan.scenes:
        counts[[TONES.index(tone) for tone in scene.tones]] += scene.end_shot - scene.first_shot
    return np.asarray(counts / counts.sum())


def severity(plan: TitlePlan) -> float:
    """How hard a title is to take, before boards disagree."""
    weights = [SEVERITY.get(tone, 0.0) for tone in TONES]
    return float(tone_shares(plan) @ weights) + STRICTER.get(plan.genre, 0.0)


def rating_band(plan: TitlePlan) -> str:
    """The age band a title was given."""
    given = severity(plan) + truth_rng(plan.seed, "rating").normal(0.0, DISAGREEMENT)
    return RATING_BANDS[int(np.searchsorted(BAND_ENDS, given, side="right"))]


def similar_pairs(plans: Sequence[TitlePlan]) -> list[tuple[TitlePlan, TitlePlan, int]]:
    """(title, other, relevance) of all titles that are alike, either way round; relevance is 1 or 2.

    Same genre, tones alike, places in common: two of the three make titles alike, all three make them more so.
    """
    shares = [tone_shares(plan) for plan in plans]
    places = [{place.kind for place in plan.places} for plan in plans]
    found = []
    for a, b in permutations(range(len(plans)), 2):
        points = (
            (plans[a].genre == plans[b].genre)
            + bool(np.minimum(shares[a], shares[b]).sum() >= ALIKE_TONES)
            + (len(places[a] & places[b]) >= ALIKE_PLACES)
        )
        if points > 1:
            found.append((plans[a], plans[b], points - 1))
    return found
