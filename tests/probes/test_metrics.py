import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from mediafm.probes.metrics import HeldOut, average_precision, interval, mean_known


@pytest.mark.parametrize("levels", [2, 5, 50, 10_000])
def test_average_precision_equals_scikit_learn_with_ties(levels):
    rng = np.random.default_rng(levels)
    for _ in range(20):
        truth = rng.random(200) < rng.uniform(0.02, 0.9)
        truth[0] = True
        scores = np.floor(rng.random(200) * levels) / levels
        assert average_precision(truth, scores) == pytest.approx(average_precision_score(truth, scores), abs=1e-12)


def test_constant_scores_give_the_prevalence_and_no_positive_gives_nan():
    assert average_precision(np.array([1, 0, 0, 0]), np.zeros(4)) == 0.25
    assert np.isnan(average_precision(np.zeros(4), np.arange(4.0)))


def held_out(rng, titles=12, each=25, labels=3, folds=1):
    title = np.repeat(np.arange(titles), each)
    truth = rng.random((len(title), labels)) < 0.3
    return HeldOut(truth, title, title % folds)


def test_a_drawn_title_counts_as_often_as_it_was_drawn():
    rng = np.random.default_rng(3)
    held = held_out(rng)
    scores = np.round(rng.normal(size=held.truth.shape), 1)
    weights = held.draws(8, rng)
    assert (weights.sum(axis=1) == 12).all()
    drawn, micro = held.per_label(scores, weights), held.micro(scores, weights)
    for b in range(8):
        rows = np.repeat(np.arange(len(held.title)), weights[b, held.title].astype(int))
        for label in range(3):
            expected = average_precision_score(held.truth[rows, label], scores[rows, label])
            assert drawn[b, label] == pytest.approx(expected)
        assert micro[b] == pytest.approx(average_precision_score(held.truth[rows].ravel(), scores[rows].ravel()))


def test_folds_are_scored_apart_and_drawn_apart():
    rng = np.random.default_rng(4)
    held = held_out(rng, folds=2)
    scores = rng.normal(size=held.truth.shape)
    scores[held.fold == 1] += 100  # the two folds' probes need not share a scale
    expected = [
        np.mean([average_precision_score(held.truth[held.fold == f, i], scores[held.fold == f, i]) for f in (0, 1)])
        for i in range(3)
    ]
    np.testing.assert_allclose(held.per_label(scores)[0], expected)
    weights = held.draws(50, rng)
    assert (weights[:, 0::2].sum(axis=1) == 6).all() and (weights[:, 1::2].sum(axis=1) == 6).all()


def test_small_chunks_change_nothing(monkeypatch):
    rng = np.random.default_rng(5)
    held = held_out(rng)
    scores, weights = rng.normal(size=held.truth.shape), held.draws(20, rng)
    whole = held.micro(scores, weights)
    monkeypatch.setattr("mediafm.probes.metrics.CHUNK", 1500)
    np.testing.assert_allclose(held.micro(scores, weights), whole, rtol=1e-12)


def test_intervals_cover_the_truth():
    """The score of a fixed scorer on a large population lies in 95 % intervals of samples of titles from it."""
    rng = np.random.default_rng(6)

    def sample(titles):
        title = np.repeat(np.arange(titles), 10)
        tendency = rng.normal(size=titles)[title]  # shots of a title are alike: the interval must know
        truth = (tendency + rng.normal(size=len(title)) > 0.5)[:, None]
        scores = truth[:, 0] + 1.5 * rng.normal(size=titles)[title] + rng.normal(size=len(title))
        return HeldOut(truth, title, np.zeros(len(title), dtype=np.int64)), scores[:, None]

    population, scores = sample(20_000)
    truth = population.per_label(scores)[0, 0]
    covered = 0
    for _ in range(200):
        held, scores = sample(60)
        low, high = interval(held.per_label(scores, held.draws(300, rng))[:, 0])
        covered += low <= truth <= high
    assert covered >= 0.9 * 200


def test_mean_known_leaves_nan_out():
    values = np.array([[1.0, np.nan, np.nan], [3.0, 2.0, np.nan]])
    np.testing.assert_array_equal(mean_known(values, axis=0), [2.0, 2.0, np.nan])
