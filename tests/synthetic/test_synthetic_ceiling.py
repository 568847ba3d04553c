"""What the process allows: exact posteriors against enumeration of every story, and their calibration."""

from itertools import product

import numpy as np
import pytest
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, log_loss

from mediafm.fusion import FusionSpec, FusionStats, fuse
from mediafm.synthetic import FeatureTitle, Law, SyntheticFeatures, ceiling
from mediafm.synthetic.features.chains import forward, posterior

SMALL = Law(
    casts=4, storylines=2, plots=2, moods=3, motifs=3, title_motifs=2, omens=2, motif_wait=1, clarity=0.4, metadata=0.5
)


@pytest.mark.parametrize("number", range(4))
def test_posteriors_equal_the_sum_over_every_story(number: int) -> None:
    dims = {"video": 8, "audio": 5, "text": 4}
    title = SyntheticFeatures(3, 4, (4, 5), dims, SMALL).title(f"title-{number + 1:06d}")
    expected = np.concatenate(
        [*enumerated_story(title)[:1], enumerated_mood(title), *enumerated_story(title)[1:]], axis=1
    )
    found = ceiling(title)
    assert np.allclose(found[:, : expected.shape[1]], expected, atol=1e-9)
    assert np.allclose(found[:, expected.shape[1] :], enumerated_omens(title), atol=1e-9)


def seen(title: FeatureTitle, channel: str, symbols: list[int], chances: list[float], shot: int) -> float:
    """Log-likelihood of one shot's channel when the symbols have these chances; 0 where it is missing."""
    part = title.world.channels[channel]
    if not title.features.present[part.modality][shot]:
        return 0.0
    vector = title.features.vectors[part.modality][shot, part.columns].astype(np.float64) / part.length
    return float(logsumexp([part.kappa * part.directions[s] @ vector for s in symbols], b=chances))


def others(truth: float, right: int, count: int) -> list[float]:
    return [truth if k == right else (1 - truth) / (count - 1) for k in range(count)]


def enumerated_story(title: FeatureTitle) -> tuple[np.ndarray, np.ndarray]:
    """Chances of plots [n, 2] and fortunes [n, 3] by going through every set of casts, plots, storylines and acts."""
    n, law, world = len(title.features), SMALL, title.world
    motif = title.truth.motif
    first, second = (
        range(int(np.ceil(a * n)), max(int(np.ceil(a * n)), int(b * n)) + 1) for a, b in ((0.2, 0.45), (0.55, 0.8))
    )
    looks = {}
    for shot, cast, act in product(range(n), range(4), range(3)):
        right = act if cast % 2 == 0 else 2 - act
        symbols = [cast * 3 + look for look in range(3)]
        looks[shot, cast, act] = (
            0.0 if motif[shot] >= 0 else seen(title, "subject", symbols, others(law.look_truth, right, 3), shot)
        )
    topics = {
        (i, k): seen(title, "topic", [0, 1], others(law.topic_truth, k, 2), i) for i in range(n) for k in range(2)
    }
    weights, plot_of, fares = [], [], []
    companies = [c for c in product(range(4), repeat=2) if c[0] % 2 != c[1] % 2]
    for company, plots, path in product(companies, product(range(2), repeat=2), product(range(2), repeat=n)):
        weight = 0.0
        if title.global_vector is not None:
            told = sum(world.casts_in_metadata.directions[c] for c in company)
            weight += world.casts_in_metadata.kappa * told @ title.global_vector / np.linalg.norm(told)
        for i in range(n):
            stays = i > 0 and path[i] == path[i - 1]
            weight += np.log(0.5 if i == 0 else 1 - 1 / law.scene_shots if stays else 1 / law.scene_shots)
            weight += topics[i, plots[path[i]]]
        for one, two in product(first, second):
            acts = [(i >= one) + (i >= two) for i in range(n)]
            weights.append(weight + sum(looks[i, company[path[i]], acts[i]] for i in range(n)))
            plot_of.append([plots[s] for s in path])
            casts = [company[line] for line in path]
            fares.append([act if cast % 2 == 0 else 2 - act for cast, act in zip(casts, acts, strict=True)])
    chance = np.exp(np.array(weights) - logsumexp(weights))
    return tuple(
        np.stack([((np.array(of) == k) * chance[:, None]).sum(axis=0) for k in range(count)], axis=1)
        for of, count in ((plot_of, 2), (fares, 3))
    )  # type: ignore[return-value]


def enumerated_mood(title: FeatureTitle) -> np.ndarray:
    """Chances [n, 3] that a shot is scored with each mood, by going through every pair of tunes and every score."""
    n, law, motif = len(title.features), SMALL, title.truth.motif
    total, by_mood = [], []
    for mood, source in product(range(3), repeat=2):
        if mood == source:
            continue
        for path in product(range(2), repeat=n):
            weight = 0.0
            for i, scored in enumerate(path):
                if i:
                    weight += np.log(1 / law.score_shots if scored != path[i - 1] else 1 - 1 / law.score_shots)
                weight += seen(title, "grade", [0, 1], others(law.grade_truth, scored, 2), i)
                if motif[i] < 0:
                    tune = mood if scored else source
                    weight += seen(title, "sound", [0, 1, 2], others(law.tune_truth, tune, 3), i)
            total.append(weight)
            by_mood.append([[scored * (mood == m) for m in range(3)] for scored in path])
    chance = np.exp(np.array(total) - logsumexp(total))
    return np.einsum("w,wnm->nm", chance, np.array(by_mood))


def enumerated_omens(title: FeatureTitle) -> np.ndarray:
    motif, law = title.truth.motif, SMALL
    found = np.zeros((len(motif), 2))
    for shown in set(motif[motif >= 0].tolist()):
        at = np.flatnonzero(motif == shown)
        weights = [sum(seen(title, "sound", [3, 4], others(law.omen_truth, k, 2), i) for i in at) for k in range(2)]
        found[at] = np.exp(weights - logsumexp(weights))
    return found


def test_forward_backward_equals_the_sum_over_paths() -> None:
    rng = np.random.default_rng(0)
    n, chains, states = 5, 3, 3
    log_seen = 3 * rng.normal(size=(n, chains, states))
    start, moves = rng.dirichlet(np.ones(states)), rng.dirichlet(np.ones(states), size=(n - 1, states))
    moves[2, 0] = [1, 0, 0]  # some moves cannot be
    paths = np.array(list(product(range(states), repeat=n)))
    prior = np.log(start[paths[:, 0]])
    with np.errstate(divide="ignore"):
        prior = prior + np.log(moves[np.arange(n - 1), paths[:, :-1], paths[:, 1:]]).sum(axis=1)
    smoothed, evidence = posterior(log_seen, start, moves)
    for chain in range(chains):
        weights = prior + log_seen[np.arange(n), chain, paths].sum(axis=1)
        assert evidence[chain] == pytest.approx(logsumexp(weights))
        chance = np.exp(weights - logsumexp(weights))
        expected = [[chance[paths[:, i] == k].sum() for k in range(states)] for i in range(n)]
        assert np.allclose(smoothed[:, chain], expected, atol=1e-12)
    assert np.allclose(forward(log_seen, start, moves)[1], evidence)


def test_posteriors_are_chances_of_one_of_each_family() -> None:
    law = Law()
    for title in SyntheticFeatures(0, 5, (1, 60)):
        chances = ceiling(title)
        assert chances.shape == title.labels.shape
        by_family = np.split(chances, np.cumsum(list(law.families.values()))[:-1], axis=1)
        plot, mood, arc, omen = (family.sum(axis=1) for family in by_family)
        assert np.allclose(plot, 1) and np.allclose(arc, 1)
        assert ((mood >= 0) & (mood <= 1 + 1e-9)).all()
        assert np.allclose(omen, title.truth.motif >= 0)


@pytest.fixture(scope="module")
def judged() -> tuple[list[FeatureTitle], np.ndarray, np.ndarray]:
    """Titles in which much stays unsure, their labels and the chances of these."""
    law = Law(topic_truth=0.4, look_truth=0.45, tune_truth=0.4, grade_truth=0.65, omen_truth=0.45, present_text=0.3)
    titles = list(SyntheticFeatures(5, 60, (60, 100), law=law))
    return titles, np.concatenate([t.labels for t in titles]), np.concatenate([ceiling(t) for t in titles])


def test_of_what_is_given_a_chance_that_share_is_true(judged: tuple) -> None:
    _, labels, chances = judged
    for low in np.arange(0.05, 0.95, 0.15):
        within = (chances >= low) & (chances < low + 0.15)
        assert within.sum() > 500
        assert labels[within].mean() == pytest.approx(chances[within].mean(), abs=0.05)
    assert np.allclose(labels.mean(axis=0), chances.mean(axis=0), atol=0.05)


def test_no_probe_does_better(judged: tuple) -> None:
    titles, labels, chances = judged
    spec = FusionSpec(titles[0].features.dims)
    stats = FusionStats.fit((t.features for t in titles), spec)
    rows = []
    for title in titles:
        fused = fuse(title.features, stats)[0]
        rows.append(np.concatenate([fused, np.broadcast_to(fused.mean(axis=0), fused.shape)], axis=1))
    features = np.concatenate(rows)
    half = sum(len(t.features) for t in titles[:30])
    for column in range(0, labels.shape[1], 2):
        probe = LogisticRegression(C=0.01, max_iter=300).fit(features[:half], labels[:half, column])
        guess = probe.predict_proba(features[half:])[:, 1]
        truth, best = labels[half:, column], np.clip(chances[half:, column], 1e-12, 1 - 1e-12)
        assert log_loss(truth, best) < log_loss(truth, guess)
        assert average_precision_score(truth, best) > average_precision_score(truth, guess)
