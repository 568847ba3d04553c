import numpy as np
import pytest
from scipy.special import expit, softmax
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import average_precision_score

from mediafm.errors import TrainingError, UsageError
from mediafm.probes.solver import Logistic, PairwiseRank, Softmax, Squared, curvature, fit_linear, rows
from probes.solver import problems

PENALTIES = [1e-1, 1e-3]
SIZES = [(1200, 60), (60, 100)]


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("size", SIZES)
def test_logistic_equals_scikit_learn_fold_by_fold(kind, size):
    x = problems.features(*size, kind=kind)
    y = problems.truth(x, 3)
    y[[0, -1]], y[[1, -2]] = True, False
    teaches = problems.folds(len(x), 3)
    fit = fit_linear(x, Logistic(y), teaches, PENALTIES)
    assert fit.weights.shape == (3, 2, 3, size[1]) and fit.weights.dtype == kind
    for f, p, label in np.ndindex(3, 2, 3):
        weights, intercept = problems.scikit_learn(x, y[:, label], teaches[f], PENALTIES[p])
        assert problems.relative(fit.weights[f, p, label], weights[0]) < 1e-3
        found, wanted = x @ fit.weights[f, p, label] + fit.intercepts[f, p, label], x @ weights[0] + intercept
        np.testing.assert_allclose(expit(found), expit(wanted), atol=1e-4 if len(x) > size[1] else 2e-4)
        ap = [average_precision_score(y[:, label], z) for z in (found, wanted)]
        assert ap[0] == pytest.approx(ap[1], abs=1e-4)


@pytest.mark.parametrize("size", SIZES)
def test_softmax_equals_scikit_learn(size):
    x = problems.features(*size)
    rng = np.random.default_rng(3)
    chances = softmax(problems.logits(x, 4, strength=2) + np.array([0, 0, -1, -2]), axis=1)
    classes = (chances.cumsum(axis=1) > rng.random((len(x), 1))).argmax(axis=1)
    classes[:4], classes[-4:] = np.arange(4), np.arange(4)
    teaches = problems.folds(len(x), 2)
    fit = fit_linear(x, Softmax(classes, 4), teaches, PENALTIES)
    assert fit.weights.shape == (2, 2, 4, size[1]) and fit.gradient_norm.shape == (2, 2, 1)
    np.testing.assert_allclose(fit.weights.sum(axis=2), 0, atol=1e-4)
    np.testing.assert_allclose(fit.intercepts.sum(axis=2), 0, atol=1e-4)
    for f, p in np.ndindex(2, 2):
        weights, intercept = problems.scikit_learn(x, classes, teaches[f], PENALTIES[p])
        assert problems.relative(fit.weights[f, p].ravel(), weights.ravel()) < 1e-3
        found, wanted = x @ fit.weights[f, p].T + fit.intercepts[f, p], x @ weights.T + intercept
        np.testing.assert_allclose(softmax(found, axis=1), softmax(wanted, axis=1), atol=1e-4)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("unit", [1.0, 1000.0])
def test_squared_equals_scikit_learn_in_any_unit(size, unit):
    x = problems.features(*size)
    y = unit * (5 + problems.logits(x, 3) + np.random.default_rng(2).normal(size=(len(x), 3)))
    teaches = problems.folds(len(x), 3)
    fit = fit_linear(x, Squared(y), teaches, PENALTIES)
    for f, p in np.ndindex(3, 2):
        standard, mean, scale = problems.standardised(x, teaches[f])
        model = Ridge(alpha=PENALTIES[p] * len(standard), solver="svd").fit(standard, y[teaches[f]])
        weights = model.coef_ / scale
        assert problems.relative(fit.weights[f, p], weights).max() < 1e-5
        np.testing.assert_allclose(fit.intercepts[f, p], model.intercept_ - weights @ mean, rtol=1e-4)
    assert fit.gradient_norm.max() < 1e-9 * unit


def test_ridge_gives_every_target_its_own_penalty():
    x = problems.features(300, 20)
    y = problems.logits(x, 2)
    own = fit_linear(x, Squared(y), np.ones((1, 300), bool), [[[0.1, 10.0]]])
    alike = fit_linear(x, Squared(y), np.ones((1, 300), bool), [0.1, 10.0])
    np.testing.assert_allclose(own.weights[0, 0, 0], alike.weights[0, 0, 0], rtol=1e-6)
    np.testing.assert_allclose(own.weights[0, 0, 1], alike.weights[0, 1, 1], rtol=1e-6)


def all_pairs(x, y, groups, taught):
    """Every pair of rows of one group with y_i > y_j as x_i - x_j, and its weight: the group's rows over its pairs."""
    differences, weights = [], []
    for group in np.unique(groups[taught]):
        members = np.flatnonzero(taught & (groups == group))
        i, j = np.nonzero(y[members][:, None] > y[members][None])
        differences.append(x[members[i]] - x[members[j]])
        weights.append(np.full(len(i), len(members) / max(len(i), 1)))
    return np.concatenate(differences), np.concatenate(weights)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("size", SIZES)
def test_rank_equals_scikit_learn_on_all_pairs(size, ties, monkeypatch):
    monkeypatch.setitem(rows.CHUNK_ENTRIES, "cpu", 50 * size[1])  # blocks of a few groups
    x = problems.features(*size)
    rng = np.random.default_rng(5)
    y = problems.logits(x, 2) + rng.logistic(size=(len(x), 2))
    y = np.round(y) if ties else y
    groups = rng.permutation(np.arange(len(x)) // 12)  # neither sorted nor in one stretch
    y[groups == 1] = 2.0  # drops out
    teaches = np.stack([groups % 3 != 0, rng.random(len(x)) < 0.7])  # whole groups, and parts of them
    fit = fit_linear(x, PairwiseRank(y, groups), teaches, PENALTIES)
    assert (fit.intercepts == 0).all()
    for f, p, label in np.ndindex(2, 2, 2):
        _, mean, scale = problems.standardised(x, teaches[f])
        pairs, weights = all_pairs((x - mean) / scale, y[:, label], groups, teaches[f])
        signs = rng.random(len(pairs)) < 0.5  # both classes, as scikit-learn asks for
        model = LogisticRegression(
            C=1 / (PENALTIES[p] * teaches[f].sum()), fit_intercept=False, tol=1e-10, solver="newton-cholesky"
        ).fit(np.where(signs[:, None], pairs, -pairs), signs, sample_weight=weights)
        assert problems.relative(fit.weights[f, p, label] * scale, model.coef_[0]) < 1e-3


def test_unseen_rows_do_not_matter():
    x = problems.features(900, 30)
    y = problems.truth(x, 2)
    teaches = problems.folds(900, 3)
    teaches[:, ::7] = False
    before = fit_linear(x, Logistic(y), teaches, PENALTIES)
    x[::7], y[::7] = np.nan, ~y[::7]
    after = fit_linear(x, Logistic(y), teaches, PENALTIES)
    np.testing.assert_array_equal(before.weights, after.weights)


@pytest.mark.parametrize("loss", ["logistic", "squared"])
def test_rows_of_other_folds_do_not_matter(loss):
    x = problems.features(900, 30)
    y = problems.truth(x, 2)
    teaches = problems.folds(900, 3)
    make = (lambda: Logistic(y)) if loss == "logistic" else (lambda: Squared(y.astype(float)))
    before = fit_linear(x, make(), teaches, PENALTIES, tolerance=1e-5)
    x[~teaches[0]] = 3 * x[~teaches[0]] - 50
    y[~teaches[0]] = ~y[~teaches[0]]
    after = fit_linear(x, make(), teaches, PENALTIES, tolerance=1e-5)
    assert problems.relative(after.weights[0], before.weights[0]).max() < 1e-4
    assert problems.relative(after.weights[1], before.weights[1]).min() > 0.1


def test_many_unrelated_folds_equal_each_by_itself():
    x = problems.features(400, 20)
    y = problems.truth(x, 2)
    teaches = np.random.default_rng(4).random((9, 400)) < 0.6  # nearly every row has folds of its own
    together = fit_linear(x, Logistic(y), teaches, PENALTIES, tolerance=1e-5)
    for f in range(9):
        alone = fit_linear(x[teaches[f]], Logistic(y[teaches[f]]), np.ones((1, teaches[f].sum()), bool), PENALTIES)
        assert problems.relative(together.weights[f], alone.weights[0]).max() < 1e-3


def test_order_of_rows_labels_and_penalties_does_not_matter():
    x = problems.features(700, 30)
    y, teaches = problems.truth(x, 3), problems.folds(700, 2)
    fit = fit_linear(x, Logistic(y), teaches, [1e-3, 1.0, 1e-2], tolerance=1e-5)
    order = np.random.default_rng(0).permutation(700)
    other = fit_linear(x[order], Logistic(y[order][:, ::-1]), teaches[:, order], [1.0, 1e-2, 1e-3], tolerance=1e-5)
    assert problems.relative(other.weights[:, [2, 0, 1], ::-1], fit.weights).max() < 1e-4


def test_blocks_of_lanes_change_nothing(monkeypatch):
    x = problems.features(600, 25)
    y, teaches = problems.truth(x, 4), problems.folds(600, 2)
    whole = fit_linear(x, Logistic(y), teaches, PENALTIES, tolerance=1e-5)
    monkeypatch.setattr("mediafm.probes.solver.sidebyside.LEAST_ROOM", 100_000)
    parts = fit_linear(x, Logistic(y), teaches, PENALTIES, tolerance=1e-5)
    assert problems.relative(parts.weights, whole.weights).max() < 1e-4


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("ranked", [False, True])
def test_wide_features_need_no_whole_eigendecomposition(size, ranked, monkeypatch):
    x = problems.features(*size)
    groups = np.arange(len(x)) // 10
    loss = PairwiseRank(problems.logits(x, 2), groups) if ranked else Logistic(problems.truth(x, 2))
    teaches = np.ones((1, len(x)), bool)
    whole = fit_linear(x, loss, teaches, PENALTIES, tolerance=1e-5)
    monkeypatch.setattr(curvature, "WHOLE_WIDTH", 10)
    monkeypatch.setattr(curvature, "LEADING", 16)
    sketched = fit_linear(x, loss, teaches, PENALTIES, tolerance=1e-5)
    assert problems.relative(sketched.weights, whole.weights).max() < 1e-4


@pytest.mark.parametrize("ranked", [False, True])
def test_few_rows_are_solved_as_many_are(ranked, monkeypatch):
    x = problems.features(60, 150)
    groups = np.arange(len(x)) // 10
    loss = PairwiseRank(problems.logits(x, 2), groups) if ranked else Logistic(problems.truth(x, 2))
    teaches = np.ones((1, len(x)), bool)
    few = fit_linear(x, loss, teaches, PENALTIES, tolerance=1e-5)
    monkeypatch.setattr(curvature, "FEW", 0)
    many = fit_linear(x, loss, teaches, PENALTIES, tolerance=1e-5)
    assert problems.relative(few.weights, many.weights).max() < 1e-4
    assert few.iterations.max() <= many.iterations.max() + 2


def test_columns_that_hardly_vary_are_only_centred():
    x = problems.features(400, 12)
    y = problems.truth(x, 1)
    teaches = problems.folds(400, 2)
    plain = fit_linear(x, Logistic(y), teaches, PENALTIES)
    rng = np.random.default_rng(0)
    still = np.stack([np.full(400, 7.0), 1e4 + 1e-4 * rng.normal(size=400), ~teaches[0] * 1.0], axis=1)
    fit = fit_linear(np.hstack([x, still]).astype(np.float32), Logistic(y), teaches, PENALTIES)
    np.testing.assert_array_equal(fit.scale[:, 12:14], 1)
    assert fit.scale[0, 14] == 1  # constant in this fold alone
    assert problems.relative(fit.weights[..., :12], plain.weights).max() < 1e-3
    assert np.abs(fit.weights[..., 12:14]).max() < 1e-2


def test_far_means_cost_no_digits():
    x = problems.features(800, 20, kind=np.float64)
    y, teaches = problems.truth(x, 2), problems.folds(800, 2)
    near = fit_linear(x, Logistic(y), teaches, PENALTIES)
    far = (x + 100).astype(np.float32)
    fit = fit_linear(far, Logistic(y), teaches, PENALTIES)
    assert problems.relative(fit.weights, near.weights).max() < 1e-3


def test_only_what_is_wanted_is_fitted():
    x = problems.features(300, 10)
    y, teaches = problems.truth(x, 3), problems.folds(300, 2)
    y[teaches[0], 2] = True
    wanted = np.array([[True, True, False], [False, True, True]])
    fit = fit_linear(x, Logistic(y), teaches, PENALTIES, wanted)
    for values in (fit.weights, fit.intercepts, fit.gradient_norm):
        known = np.isfinite(values).reshape(2, 2, 3, -1)
        np.testing.assert_array_equal(known.all(axis=(1, 3)), wanted)
        np.testing.assert_array_equal(known.any(axis=(1, 3)), wanted)
    assert (fit.iterations[:, 0] > 0).tolist() == wanted.tolist()
    with pytest.raises(UsageError, match="In the 150 rows that teach fold 0, label column 2 has one class only"):
        fit_linear(x, Logistic(y), teaches, PENALTIES)


def test_gradient_norm_is_of_the_standardised_problem():
    x = problems.features(500, 20, kind=np.float64)
    y, teaches = problems.truth(x, 2), np.ones((1, 500), bool)
    fit = fit_linear(x, Logistic(y), teaches, PENALTIES, tolerance=1e-6)
    standard, _, scale = problems.standardised(x, teaches[0])
    for p, penalty in enumerate(PENALTIES):
        residual = expit(x @ fit.weights[0, p].T + fit.intercepts[0, p]) - y
        gradient = standard.T @ residual / 500 + penalty * scale[:, None] * fit.weights[0, p].T
        # One step on from where it was taken, the gradient has shrunk further.
        assert (np.abs(gradient).max(axis=0) <= fit.gradient_norm[0, p]).all()
        assert fit.gradient_norm[0, p].max() < 1e-6


def test_separable_labels_converge():
    x = np.random.default_rng(1).normal(size=(30, 50)).astype(np.float32)
    y = (x[:, :1] > 0) | (x[:, 1:2] > 1)
    fit = fit_linear(x, Logistic(y), np.ones((1, 30), bool), [1e-4])
    assert ((x @ fit.weights[0, 0].T + fit.intercepts[0, 0] > 0) == y).all()


def test_uninformative_features_give_the_prevalence():
    y = np.arange(90)[:, None] % 3 == 0
    fit = fit_linear(np.zeros((90, 4)), Logistic(y), np.ones((1, 90), bool), [1.0, 0.1])
    assert np.all(fit.weights == 0)
    assert expit(fit.intercepts[0, :, 0]) == pytest.approx([1 / 3, 1 / 3])


@pytest.mark.parametrize("loss", ["logistic", "softmax", "rank"])
def test_no_convergence_is_an_error_that_counts(loss):
    x = problems.features(300, 40)
    y, teaches = problems.truth(x, 2), problems.folds(300, 3)
    losses = {
        "logistic": (Logistic(y), 12),
        "softmax": (Softmax(y[:, 0] + 1 * y[:, 1], 3), 6),
        "rank": (PairwiseRank(y, np.arange(300) // 50), 12),
    }
    asked, fits = losses[loss]
    with pytest.raises(TrainingError, match=f"did not converge in 2 steps for {fits} of {fits} fits"):
        fit_linear(x, asked, teaches, [1e-3, 1e-4], max_iterations=2)


def test_read_only_and_strided_features_are_read_as_they_are():
    x = problems.features(200, 20)
    y, teaches = problems.truth(x, 1), problems.folds(200, 2)
    expected = fit_linear(x[:, ::2].copy(), Logistic(y), teaches, [0.1])
    x.flags.writeable = False
    found = fit_linear(x[:, ::2], Logistic(y), teaches, [0.1])
    np.testing.assert_allclose(found.weights, expected.weights, atol=1e-6)


def test_refuses_what_does_not_fit_together():
    x, y = np.ones((10, 3)), np.arange(10)[:, None] % 2 == 0
    all_rows = np.ones((1, 10), bool)
    with pytest.raises(UsageError, match="greater than 0"):
        fit_linear(x, Logistic(y), all_rows, [0.0])
    with pytest.raises(UsageError, match="do not fit together"):
        fit_linear(x, Logistic(y), all_rows[:, :9], [1.0])
    with pytest.raises(UsageError, match="10 rows of features, but targets of 9"):
        fit_linear(x, Logistic(y[:9]), all_rows, [1.0])
    with pytest.raises(UsageError, match="do not fit 1 folds and 1 labels"):
        fit_linear(x, Logistic(y), all_rows, np.ones((2, 1, 1)))
    with pytest.raises(UsageError, match="0 rows that teach fold 0, there is nothing to learn from"):
        fit_linear(x, Squared(y), ~all_rows, [1.0])
    with pytest.raises(UsageError, match="class 1 does not occur"):
        fit_linear(x, Softmax(np.zeros(10, int), 2), all_rows, [1.0])
    with pytest.raises(UsageError, match="no untied pair within a group"):
        fit_linear(x, PairwiseRank(y, np.arange(10) % 2), all_rows, [1.0])
    x[3, 1] = np.inf
    with pytest.raises(UsageError, match="Feature column 1 holds values that are not finite"):
        fit_linear(x, Logistic(y), all_rows, [1.0])


def test_rows_that_repeat_each_other_converge():
    """A title's metadata, shot by shot: rounding errors of equal rows are equal, and add up."""
    rng = np.random.default_rng(7)
    title = np.repeat(np.arange(60), 200)
    x = rng.normal(size=(60, 120)).astype(np.float32)[title]
    y = (rng.random((60, 3)) < 0.4)[title] & (rng.random((12_000, 3)) < 0.9)
    teaches = np.stack([title % 3 != fold for fold in range(3)])
    fit = fit_linear(x, Logistic(y), teaches, [0.1, 1e-3, 1e-4])
    exact = fit_linear(x.astype(np.float64), Logistic(y), teaches, [0.1, 1e-3, 1e-4])
    assert fit.gradient_norm.max() < 1e-5
    scores, wanted = (np.einsum("nd,fpld->fpln", x, f.weights) + f.intercepts[..., None] for f in (fit, exact))
    np.testing.assert_allclose(expit(scores), expit(wanted), atol=3e-3)


def test_columns_of_rounded_zeros_say_nothing():
    x = problems.features(40, 6)
    y = problems.truth(x, 1)
    y[:4, 0] = [True, False, True, False]
    wide = np.concatenate([x, 1e-33 * x], axis=1)
    both = [fit_linear(m, Logistic(y), np.ones((1, 40), bool), [0.1]) for m in (x, wide)]
    np.testing.assert_allclose(both[1].weights[..., :6], both[0].weights, rtol=1e-3, atol=1e-6)
