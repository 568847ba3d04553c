"""What the process allows: the exact chance of every label at every shot, given all that is seen of the title.

The best that any method can do is to score shots by these posteriors, so their average precision is the ceiling. They
are told the world (directions, tables, rates), which shots show which motif, and the features; nothing of the story.

Three parts of the story are independent given that, and each is summed over exactly:

- casts, plots and acts: a chain over (storyline, act), for every set of casts and every assignment of plots. Sets of
  casts so unlikely that no text could bring them back are left out (their whole chance is below 1e-12).
- mood: a chain over (no score, score), for every pair of tunes.
- omens: one sum for each motif of the title.

Shapes: n shots, K states, C chains, S storylines, P plots.
"""

from itertools import product

import numpy as np
from numpy.typing import NDArray

from mediafm.synthetic.features.chains import Array, forward, posterior, softmax
from mediafm.synthetic.features.law import ACTS, World, fortune
from mediafm.synthetic.features.timeline import act_ranges
from mediafm.synthetic.features.title import FeatureTitle, metadata_directions

NEGLIGIBLE = 60.0  # nats below the likeliest: with fewer than e^30 sets of casts, a chance below 1e-12


def ceiling(title: FeatureTitle) -> Array:
    """Chance of every label at every shot, float64 [n, labels], columns as in `Law.labels`."""
    plots, arcs = _story(title)
    return np.concatenate([plots, _mood(title), arcs, _omens(title)], axis=1)


def _likelihoods(title: FeatureTitle, name: str, first: int, count: int) -> Array:
    """Log-likelihood [n, count] of a channel's symbols, up to a constant a shot; 0 where nothing is seen."""
    if name not in title.world.channels:
        return np.zeros((len(title.features), count))
    channel = title.world.channels[name]
    rows = title.features.vectors[channel.modality][:, channel.columns].astype(np.float64) / channel.length
    return channel.kappa * (rows @ channel.directions[first : first + count].T)


def _mixed(log_symbols: Array, tables: Array) -> Array:
    """Log-likelihood of each state [.., states], from that of symbols [.., symbols] and tables [states, symbols]."""
    top = log_symbols.max(axis=-1, keepdims=True)
    return np.log(np.exp(log_symbols - top) @ tables.T) + top


def _story(title: FeatureTitle) -> tuple[Array, Array]:
    """Chances of plots [n, P] and fortunes [n, 3]."""
    world, law, n = title.world, title.world.law, len(title.features)
    looks = _likelihoods(title, "subject", 0, law.casts * ACTS).reshape(n, law.casts, ACTS)
    looks[title.truth.motif >= 0] = 0
    casts, acts = np.arange(law.casts)[:, None], np.arange(ACTS)
    by_cast = np.take_along_axis(_mixed(looks, world.looks), fortune(casts, acts)[None], axis=2)  # [n, casts, acts]
    topics = _mixed(_likelihoods(title, "topic", 0, law.plots), world.topics)
    start, moves = _story_chain(n, world)
    companies, prior = _likely_companies(title, by_cast, topics, start, moves)
    assignments = np.array(list(product(range(law.plots), repeat=law.storylines)))
    chosen = [(company, plots) for company in range(len(companies)) for plots in range(len(assignments))]
    of_company, of_plots = np.array(chosen).T
    seen = by_cast[:, companies[of_company]] + topics[:, assignments[of_plots]][..., None]  # [n, C, S, acts]
    smoothed, evidence = posterior(seen.reshape(n, len(chosen), -1), start, moves)
    weighted = (smoothed * softmax(prior[of_company] + evidence)[:, None]).reshape(seen.shape)
    by_plot, by_fortune = np.zeros((n, law.plots)), np.zeros((n, ACTS))
    for line in range(law.storylines):
        for plot in range(law.plots):
            by_plot[:, plot] += weighted[:, assignments[of_plots, line] == plot, line].sum(axis=(1, 2))
        fares = fortune(companies[of_company, line][:, None], acts)  # [C, acts]
        for state in range(ACTS):
            by_fortune[:, state] += (weighted[:, :, line] * (fares == state)).sum(axis=(1, 2))
    return by_plot, by_fortune


def _likely_companies(
    title: FeatureTitle, by_cast: Array, topics: Array, start: Array, moves: Array
) -> tuple[NDArray[np.int64], Array]:
    """The sets of casts [sets, S] worth summing over, and the log-likelihood of the metadata under each."""
    world = title.world
    prior = np.zeros(len(world.companies))
    if title.global_vector is not None:
        told = metadata_directions(world.companies, world) @ title.global_vector.astype(np.float64)
        prior = world.casts_in_metadata.kappa * told
    seen = by_cast[:, world.companies].reshape(len(by_cast), len(world.companies), -1)
    chance = prior + forward(seen, start, moves)[1]
    # However the plots fall, text can raise one set over another by no more than this.
    most = (topics.max(axis=1) - topics.min(axis=1)).sum()
    likely = chance > chance.max() - most - NEGLIGIBLE
    return world.companies[likely], prior[likely]


def _story_chain(n: int, world: World) -> tuple[Array, Array]:
    """Start [S * acts] and moves [n - 1, S * acts, S * acts] of (storyline, act)."""
    lines, stay = world.law.storylines, 1 - 1 / world.law.scene_shots
    scene = np.full((lines, lines), (1 - stay) / (lines - 1))
    np.fill_diagonal(scene, stay)
    acts = np.zeros((n - 1, ACTS, ACTS))
    acts[:] = np.eye(ACTS)
    first = np.zeros(ACTS)
    first[0] = 1
    for act, (low, high) in enumerate(act_ranges(n)):
        for begin in range(max(low, 1), min(high, n - 1) + 1):
            # Of the shots that the next act may still begin with, each is equally likely.
            chance = 1 / (high - begin + 1)
            acts[begin - 1, act, act : act + 2] = 1 - chance, chance
    return np.kron(np.full(lines, 1 / lines), first), np.stack([np.kron(scene, a) for a in acts]).reshape(
        n - 1, lines * ACTS, lines * ACTS
    )


def _mood(title: FeatureTitle) -> Array:
    """Chances [n, moods]: 0 as far as the shot is not scored."""
    world, law, n = title.world, title.world.law, len(title.features)
    heard = _likelihoods(title, "sound", 0, law.moods)
    heard[title.truth.motif >= 0] = 0
    tunes = _mixed(heard, world.tunes)
    pairs = np.array([(source, mood) for source in range(law.moods) for mood in range(law.moods) if mood != source])
    seen = tunes[:, pairs] + _mixed(_likelihoods(title, "grade", 0, 2), world.grades)[:, None]
    change = 1 / law.score_shots
    moves = np.broadcast_to([[1 - change, change], [change, 1 - change]], (n - 1, 2, 2))
    smoothed, evidence = posterior(seen, np.full(2, 0.5), np.asarray(moves))
    scored = smoothed[:, :, 1] * softmax(evidence)
    return scored @ (pairs[:, 1, None] == np.arange(law.moods))


def _omens(title: FeatureTitle) -> Array:
    """Chances [n, omens]: 0 where no motif is in the picture."""
    world, law, motif = title.world, title.world.law, title.truth.motif
    by_omen = _mixed(_likelihoods(title, "sound", law.moods, law.omens), world.omens)
    chances = np.zeros_like(by_omen)
    for shown in np.unique(motif[motif >= 0]):
        chances[motif == shown] = softmax(by_omen[motif == shown].sum(axis=0))
    return chances
