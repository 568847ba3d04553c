import numpy as np
import pytest
from scipy.stats import kendalltau, spearmanr
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    f1_score,
    r2_score,
    roc_auc_score,
)

from mediafm.errors import UsageError
from mediafm.probes.metrics import (
    FoldRows,
    HeldOut,
    Predictions,
    average_precision,
    expected_average_precision,
    find_metric,
    mean_known,
)


def held_out(truth, titles=12, folds=1, group=None):
    n = len(truth)
    title = np.arange(n) * titles // n
    nothing = np.zeros(n)
    group = title if group is None else group
    return HeldOut(FoldRows(truth, title, group, title, nothing, nothing), title % folds)


def labels(rng, n=300, count=3):
    truth = rng.random((n, count)) < 0.3
    scores = np.round(truth + rng.normal(size=truth.shape), 1)  # many ties
    return truth, Predictions(scores, scores > 0.8)


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


@pytest.mark.parametrize("positives", [1, 2, 5])
def test_the_expected_average_precision_is_the_mean_over_all_orders(positives):
    from itertools import combinations

    rows = 7
    scores = np.arange(rows, 0, -1.0)
    every = [np.isin(np.arange(rows), places) for places in combinations(range(rows), positives)]
    mean = np.mean([average_precision(truth, scores) for truth in every])
    assert expected_average_precision(np.array([positives]), rows)[0] == pytest.approx(mean)


def recall_at(truth, scores, k):
    """By drawing the order of ties often."""
    rng = np.random.default_rng(0)
    found = [truth[np.lexsort((rng.random(len(truth)), -scores))[:k]].sum() / truth.sum() for _ in range(4000)]
    return np.mean(found)


REFERENCES = {
    "average_precision": average_precision_score,
    "roc_auc": roc_auc_score,
}


@pytest.mark.parametrize("name", REFERENCES)
def test_label_metrics_equal_scikit_learn_also_in_draws(name):
    rng = np.random.default_rng(3)
    truth, said = labels(rng)
    held, metric = held_out(truth), find_metric(name, "multilabel")
    weights = held.draws(6, rng)
    assert (weights.sum(axis=1) == 12).all()
    drawn = held.values(metric, said, weights)
    for b in range(6):
        rows = np.repeat(np.arange(len(truth)), weights[b, held.rows.cluster].astype(int))
        for label in range(3):
            assert drawn[b, label] == pytest.approx(REFERENCES[name](truth[rows, label], said.scores[rows, label]))
    flat, pooled = held.flat(said)
    assert flat.values(metric, pooled)[0, 0] == pytest.approx(REFERENCES[name](truth.ravel(), said.scores.ravel()))


def test_recall_shares_the_last_places_among_ties():
    rng = np.random.default_rng(4)
    truth, said = labels(rng, n=60)
    value = held_out(truth).values(find_metric("recall_at_10", "multilabel"), said)[0]
    for label in range(3):
        assert value[label] == pytest.approx(recall_at(truth[:, label], said.scores[:, label], 10), abs=0.01)


def test_f1_of_labels_and_classes_equals_scikit_learn():
    rng = np.random.default_rng(5)
    truth, said = labels(rng)
    value = held_out(truth).values(find_metric("f1", "multilabel"), said)[0]
    np.testing.assert_allclose(value, f1_score(truth, said.decided, average=None))
    classes = rng.integers(0, 4, (300, 1))
    told = Predictions(rng.normal(size=(300, 4)) + np.eye(4)[classes[:, 0]])
    held, best = held_out(classes), told.scores.argmax(axis=1)
    np.testing.assert_allclose(
        held.values(find_metric("f1", "multiclass"), told)[0], f1_score(classes[:, 0], best, average=None)
    )
    balanced = held.values(find_metric("balanced_accuracy", "multiclass"), told)[0].mean()
    assert balanced == pytest.approx(balanced_accuracy_score(classes[:, 0], best))
    assert held.values(find_metric("accuracy", "multiclass"), told)[0, 0] == pytest.approx(
        (classes[:, 0] == best).mean()
    )
    by_class = held.values(find_metric("average_precision", "multiclass"), told)[0]
    expected = [average_precision_score(classes[:, 0] == c, told.scores[:, c]) for c in range(4)]
    np.testing.assert_allclose(by_class, expected)


def test_value_metrics_equal_scipy_and_scikit_learn_also_in_draws():
    rng = np.random.default_rng(6)
    truth = np.round(rng.normal(size=(240, 2)), 1)
    said = Predictions(np.round(truth + rng.normal(size=truth.shape), 1))
    held = held_out(truth)
    weights = held.draws(4, rng)
    for name, reference in (
        ("r2", r2_score),
        ("pearson", lambda y, s: np.corrcoef(y, s)[0, 1]),
        ("spearman", lambda y, s: spearmanr(y, s).statistic),
    ):
        drawn = held.values(find_metric(name, "regression"), said, weights)
        for b in range(4):
            rows = np.repeat(np.arange(240), weights[b, held.rows.cluster].astype(int))
            for label in range(2):
                assert drawn[b, label] == pytest.approx(reference(truth[rows, label], said.scores[rows, label]))


def test_kendall_is_the_mean_of_scipys_over_groups():
    rng = np.random.default_rng(7)
    truth = np.round(rng.normal(size=(120, 1)), 0)  # many ties
    said = Predictions(np.round(truth + rng.normal(size=truth.shape), 0))
    held = held_out(truth)
    value = held.values(find_metric("kendall_tau", "ranking"), said)[0, 0]
    groups = [held.rows.group == g for g in range(12)]
    expected = [kendalltau(truth[g, 0], said.scores[g, 0]).statistic for g in groups]
    assert value == pytest.approx(np.mean(expected))
    flat = Predictions(np.zeros_like(said.scores))
    assert held.values(find_metric("kendall_tau", "ranking"), flat)[0, 0] == 0
    order = held.values(find_metric("spearman", "ranking"), said)[0, 0]
    assert order == pytest.approx(np.mean([spearmanr(truth[g, 0], said.scores[g, 0]).statistic for g in groups]))


def test_folds_are_scored_apart_and_drawn_apart():
    rng = np.random.default_rng(4)
    truth, said = labels(rng)
    held = held_out(truth, folds=2)
    scores = said.scores + 100.0 * (held.fold == 1)[:, None]  # the two folds' probes need not share a scale
    expected = [
        np.mean([average_precision_score(truth[held.fold == f, i], scores[held.fold == f, i]) for f in (0, 1)])
        for i in range(3)
    ]
    metric = find_metric("average_precision", "multilabel")
    np.testing.assert_allclose(held.values(metric, Predictions(scores))[0], expected)
    weights = held.draws(50, rng)
    assert (weights[:, 0::2].sum(axis=1) == 6).all() and (weights[:, 1::2].sum(axis=1) == 6).all()
    assert held.freedom == 10


def test_small_chunks_change_nothing(monkeypatch):
    rng = np.random.default_rng(5)
    truth, said = labels(rng)
    held, metric = held_out(truth), find_metric("average_precision", "multilabel")
    weights = held.draws(20, rng)
    whole = held.values(metric, said, weights)
    monkeypatch.setattr("mediafm.probes.metrics.retrieval.CHUNK", 1500)
    np.testing.assert_allclose(held.values(metric, said, weights), whole, rtol=1e-12)


CASES = [
    *((name, "multilabel") for name in ("average_precision", "roc_auc", "f1", "recall_at_20")),
    *((name, "multiclass") for name in ("accuracy", "balanced_accuracy", "f1", "average_precision")),
    *((name, "regression") for name in ("r2", "pearson", "spearman")),
    *((name, "ranking") for name in ("kendall_tau", "spearman")),
]


@pytest.mark.parametrize("name, kind", CASES)
def test_predictions_that_know_nothing_score_chance_on_average(name, kind):
    rng = np.random.default_rng(8)
    metric, gaps = find_metric(name, kind), []
    for _ in range(150):
        if kind == "multilabel":
            truth, said = rng.random((120, 2)) < 0.2, rng.normal(size=(120, 2))
        elif kind == "multiclass":
            truth, said = rng.integers(0, 3, (120, 1)), rng.normal(size=(120, 3)) + [0.5, 0, 0]
        else:
            truth, said = rng.normal(size=(120, 1)), 0.5 * rng.normal(size=(120, 1)) + 0.3
        held, told = held_out(truth), Predictions(said, said > 0.5 if kind == "multilabel" else None)
        gaps.append(np.nanmean(held.values(metric, told) - held.chance(metric, told)))
    assert np.mean(gaps) == pytest.approx(0, abs=4 * np.std(gaps) / np.sqrt(len(gaps)) + 1e-12)


def test_an_unknown_metric_is_refused():
    with pytest.raises(UsageError, match="no metric 'accurracy'"):
        find_metric("accurracy", "multiclass")


def test_mean_known_leaves_nan_out():
    values = np.array([[1.0, np.nan, np.nan], [3.0, 2.0, np.nan]])
    np.testing.assert_array_equal(mean_known(values, axis=0), [2.0, 2.0, np.nan])
