import warnings

import numpy as np
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from mediafm.errors import TrainingError, UsageError
from mediafm.probes.solver import fit_logistic


def problem(rows, width, labels, seed=0, decay=2.0):
    """Correlated standardised features, as embeddings are, and labels from rare to common."""
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(width, width)) * 10 ** (-decay * np.linspace(0, 1, width))[:, None]
    x = rng.normal(size=(rows, width)) @ mixing
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    logits = x @ rng.normal(size=(width, labels))
    logits = 1.5 * logits / logits.std(axis=0) + np.linspace(-4, 1, labels)
    return x, logits + rng.logistic(size=logits.shape) > 0


def reference(x, y, penalty):
    # tol far below ours, so that the difference measured is ours alone
    model = LogisticRegression(C=1 / penalty, tol=1e-10, max_iter=10_000, solver="newton-cholesky")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # line search messages at the limit of float64
        return model.fit(x, y)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("rows, width", [(2000, 60), (60, 100)])
def test_equals_scikit_learn(kind, rows, width):
    x, y = problem(rows, width, 4)
    y[:2] = [[True] * 4, [False] * 4]
    penalties = rows * np.array([1e-3, 1e-1])
    fit = fit_logistic(x.astype(kind), y, penalties)
    assert fit.weights.shape == (2, 4, width) and fit.weights.dtype == kind
    for p, penalty in enumerate(penalties):
        for label in range(4):
            model = reference(x, y[:, label], penalty)
            error = np.linalg.norm(fit.weights[p, label] - model.coef_[0]) / np.linalg.norm(model.coef_[0])
            assert error < 1e-3
            scores = expit(x @ fit.weights[p, label] + fit.intercepts[p, label])
            np.testing.assert_allclose(scores, model.predict_proba(x)[:, 1], atol=1e-4)


def test_gradient_vanishes_at_the_reported_size():
    x, y = problem(500, 20, 3)
    fit = fit_logistic(x, y, np.array([1.0, 50.0]), tolerance=1e-6)
    for p, penalty in enumerate([1.0, 50.0]):
        residual = expit(x @ fit.weights[p].T + fit.intercepts[p]) - y
        gradient = np.vstack([x.T @ residual + penalty * fit.weights[p].T, residual.sum(axis=0)]) / len(x)
        np.testing.assert_allclose(np.abs(gradient).max(axis=0), fit.gradient_norm[p], atol=1e-12)
        assert fit.gradient_norm[p].max() < 1e-6


def test_each_label_can_have_its_own_penalty():
    x, y = problem(400, 10, 2)
    path = fit_logistic(x, y, np.array([1.0, 100.0]), tolerance=1e-8)
    own = fit_logistic(x, y, np.array([[1.0, 100.0]]), tolerance=1e-8)
    np.testing.assert_allclose(own.weights[0, 0], path.weights[0, 0], atol=1e-6)
    np.testing.assert_allclose(own.weights[0, 1], path.weights[1, 1], atol=1e-6)


def test_wide_features_without_eigenvectors_reach_the_same_optimum(monkeypatch):
    x, y = problem(300, 40, 2, decay=1.0)
    full = fit_logistic(x, y, np.array([3.0]), tolerance=1e-7)
    monkeypatch.setattr("mediafm.probes.solver.EIGEN_LIMIT", 10)
    diagonal = fit_logistic(x, y, np.array([3.0]), tolerance=1e-7)
    np.testing.assert_allclose(diagonal.weights, full.weights, atol=1e-5)


def test_separable_labels_and_constant_columns_converge():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(30, 50)).astype(np.float32)
    x[:, 3] = 0
    y = (x[:, :1] > 0) | (x[:, 1:2] > 1)
    fit = fit_logistic(x, y, np.array([30e-4]))
    assert ((x @ fit.weights[0].T + fit.intercepts[0] > 0) == y).all()
    assert abs(fit.weights[0, 0, 3]) < 1e-4  # nothing but the rounding of the eigenvectors


def test_uninformative_features_give_the_prevalence():
    y = np.arange(90)[:, None] % 3 == 0
    fit = fit_logistic(np.zeros((90, 4)), y, np.array([1.0]))
    assert np.all(fit.weights == 0)
    assert expit(fit.intercepts[0, 0]) == pytest.approx(1 / 3)


def test_no_convergence_is_an_error():
    x, y = problem(300, 40, 2)
    with pytest.raises(TrainingError, match="did not converge in 2 steps for 2 of 2 fits"):
        fit_logistic(x, y, np.array([1.0]), max_iterations=2)


def test_refuses_one_class_and_no_penalty():
    x, y = problem(50, 3, 2)
    with pytest.raises(UsageError, match="greater than 0"):
        fit_logistic(x, y, np.array([0.0]))
    y[:, 1] = True
    with pytest.raises(UsageError, match="Label column 1 has one class only"):
        fit_logistic(x, y, np.array([1.0]))
