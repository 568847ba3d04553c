"""What happens in a title, before anything of it is seen."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mediafm.synthetic.features.law import ACTS, RUN_LENGTHS, Law, World, fortune

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Timeline:
    """The hidden story of n shots; all arrays but `company` are [n].

    company: the cast of each storyline. scene: counted from 0. storyline: 0 .. storylines - 1. cast, plot: of the
    shot's storyline. act: 0 .. 2. fortune: of the shot's cast, 0 .. 2. mood: of the title's score. source: the tune
    heard where there is no score, another than the mood's. scored: 1 or 0. motif: -1 or which motif is in the picture.
    omen: -1 or what that motif stands for in this title.
    """

    company: Ints
    scene: Ints
    storyline: Ints
    cast: Ints
    plot: Ints
    act: Ints
    fortune: Ints
    mood: int
    source: int
    scored: Ints
    motif: Ints
    omen: Ints


def draw_timeline(shots: int, world: World, rng: np.random.Generator) -> Timeline:
    """One title of the law's process."""
    law = world.law
    company = rng.permutation(world.companies[rng.integers(len(world.companies))])
    plots = rng.integers(law.plots, size=law.storylines)
    scene, storyline = _scenes(shots, law, rng)
    mood, source = rng.choice(law.moods, size=2, replace=False).tolist()
    changes = rng.random(shots) < 1 / law.score_shots
    changes[0] = rng.random() < 0.5
    motif = _motifs(shots, law, rng)
    omens = rng.integers(law.omens, size=law.motifs)
    act = np.searchsorted(_act_starts(shots, rng), np.arange(shots), side="right").astype(np.int64)
    return Timeline(
        company=company,
        scene=scene,
        storyline=storyline,
        cast=company[storyline],
        plot=plots[storyline],
        act=act,
        fortune=fortune(company[storyline], act),
        mood=mood,
        source=source,
        scored=np.cumsum(changes) % 2,
        motif=motif,
        omen=np.where(motif >= 0, omens[motif], -1),
    )


def act_ranges(shots: int) -> list[tuple[int, int]]:
    """For each act but the first, the first and the last shot that it may begin with; all between are equally likely.

    A title of a shot or two ends before its later acts begin.
    """
    shares = ((0.2, 0.45), (0.55, 0.8))
    assert len(shares) == ACTS - 1
    return [(low, max(low, int(b * shots))) for a, b in shares if (low := int(np.ceil(a * shots))) >= 0]


def _act_starts(shots: int, rng: np.random.Generator) -> list[int]:
    return [int(rng.integers(low, high + 1)) for low, high in act_ranges(shots)]


def _scenes(shots: int, law: Law, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Scenes of geometric length, each of another storyline than the one before."""
    begins = rng.random(shots) < 1 / law.scene_shots
    begins[0] = False
    steps = np.where(begins, rng.integers(1, law.storylines, size=shots), 0)
    steps[0] = rng.integers(law.storylines)
    return np.cumsum(begins), np.cumsum(steps) % law.storylines


def _motifs(shots: int, law: Law, rng: np.random.Generator) -> Ints:
    """The title's motifs in turns, each for a few shots, with rests between: each stays away before it returns."""
    motif = np.full(shots, -1)
    turns = rng.choice(law.motifs, size=law.title_motifs, replace=False)
    at, turn = int(rng.integers(law.rests + 1)), 0
    while at < shots:
        stop = at + int(rng.integers(RUN_LENGTHS[0], RUN_LENGTHS[1] + 1))
        motif[at:stop] = turns[turn % law.title_motifs]
        at, turn = stop + law.rests + int(rng.geometric(1 / law.motif_wait)), turn + 1
    return motif
