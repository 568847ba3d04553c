import numpy as np
import pyarrow as pa
import pytest
from scipy.special import expit
from scipy.stats import kendalltau
from sklearn.calibration import calibration_curve
from sklearn.metrics import (
    average_precision_score,
    confusion_matrix,
    precision_recall_curve,
    precision_recall_fscore_support,
)

from mediafm.probes.report import measures
from mediafm.probes.report.predictions import read_said
from probes.report_results import LABELS, make_predictions, make_titles


def said_of(kind, features="run", labels=None, folds=3):
    titles = make_titles(6)
    return read_said(make_predictions(kind, labels or LABELS[kind], titles, folds), features)


@pytest.mark.parametrize("ties", [False, True])
def test_precision_at_recall_is_scikit_learns(ties):
    rng = np.random.default_rng(3)
    truth = rng.random(500) < 0.2
    scores = truth + rng.normal(size=500)
    scores = np.round(scores, 1) if ties else scores
    precision, recall, _ = precision_recall_curve(truth, scores)
    ours = measures.precision_at(measures.RECALLS, truth, scores)
    for at, value in zip(measures.RECALLS, ours, strict=True):
        reached = np.flatnonzero(recall >= at - 1e-12)[-1]  # recall falls with the threshold's rise
        assert value == pytest.approx(precision[reached])
    assert ours.mean() == pytest.approx(average_precision_score(truth, scores), abs=5e-3)
    assert np.isnan(measures.precision_at(measures.RECALLS, np.zeros(5), np.arange(5.0))).all()


def test_curves_are_averaged_over_folds_and_labels_never_pooled():
    said = said_of("multilabel")
    each = [
        [average_precision_score(said.truth_NL[rows, i], said.score_NL[rows, i]) for rows in said.folds]
        for i in range(len(said.labels))
    ]
    assert len(said.folds) == 3
    for label, areas in enumerate(each):
        curve = measures.precision_recall(said, label)
        assert curve.area == pytest.approx(np.mean(areas))
        assert curve.precision.mean() == pytest.approx(curve.area, abs=6e-3)
    macro = measures.precision_recall(said, None)
    assert macro.area == pytest.approx(np.mean(each))
    assert macro.prevalence == pytest.approx(said.truth_NL.mean())
    micro = measures.precision_recall(said, None, micro=True)
    pairs = [(said.truth_NL[rows].ravel(), said.score_NL[rows].ravel()) for rows in said.folds]
    assert micro.area == pytest.approx(np.mean([average_precision_score(*pair) for pair in pairs]))
    assert micro.area != pytest.approx(macro.area, abs=1e-6)


def test_calibration_is_scikit_learns():
    said = said_of("binary")
    probability = expit(said.score_NL[:, 0])
    bins = measures.calibration_of(said, "binary", 0)
    share, mean = calibration_curve(said.truth_NL[:, 0], probability, n_bins=10)
    held = bins.count > 0
    np.testing.assert_allclose(bins.share[held], share)
    np.testing.assert_allclose(bins.probability[held], mean)
    assert bins.count.sum() == len(said)
    by_hand = sum(
        abs(probability[inside].mean() - said.truth_NL[inside, 0].mean()) * inside.mean()
        for low in np.arange(10) / 10
        if (inside := (probability > low) & (probability <= low + 0.1)).any()
    )
    assert bins.error == pytest.approx(by_hand)


def test_calibration_error_of_a_known_case():
    truth = np.array([1, 1, 1, 0, 0, 0, 0, 0, 0, 0])
    assert measures.calibration(truth, np.full(10, 0.3)).error == pytest.approx(0)
    assert measures.calibration(truth, np.full(10, 0.8)).error == pytest.approx(0.5)
    assert measures.calibration(truth, np.array([0.0, 1.0] * 5)).count.tolist() == [5, *[0] * 8, 5]


def test_all_classes_together_are_judged_by_the_likeliest():
    said = said_of("multiclass")
    probability = np.exp(said.score_NL)
    np.testing.assert_allclose(probability.sum(axis=1), 1, rtol=1e-5)
    right = said.truth_NL.argmax(axis=1) == probability.argmax(axis=1)
    share, mean = calibration_curve(right, probability.max(axis=1).clip(max=1), n_bins=10)
    bins = measures.calibration_of(said, "multiclass", None)
    np.testing.assert_allclose(bins.share[bins.count > 0], share)
    np.testing.assert_allclose(bins.probability[bins.count > 0], mean)


def test_confusions_are_scikit_learns():
    said = said_of("multiclass")
    expected = confusion_matrix(said.truth_NL.argmax(axis=1), said.score_NL.argmax(axis=1))
    np.testing.assert_array_equal(measures.confusion(said), expected)


def test_decisions_are_scikit_learns():
    said = said_of("multilabel")
    precision, recall, f1, support = precision_recall_fscore_support(said.truth_NL > 0, said.given_NL, average=None)
    for i, found in enumerate(measures.decisions(said)):
        assert (found.precision, found.recall, found.f1) == pytest.approx((precision[i], recall[i], f1[i]))
        assert found.true == support[i]
    assert measures.decisions(said_of("regression")) == []
    nothing = measures.Decisions(0, 0, 0)
    assert (nothing.precision, nothing.recall, nothing.f1) == (None, None, None)


def test_group_taus_and_places():
    said = said_of("ranking")
    taus = measures.group_taus(said, 0)
    groups = [said.group == group for group in np.unique(said.group)]
    expected = [kendalltau(said.truth_NL[rows, 0], said.score_NL[rows, 0]).statistic for rows in groups]
    np.testing.assert_allclose(taus, expected)
    shares = measures.rank_shares(np.array([3.0, 1.0, 2.0, 9.0]), np.array([0, 0, 0, 1]))
    assert shares.tolist() == [1.0, 0.0, 0.5, 0.5]


def test_binned_means_rise_and_keep_the_total():
    said = said_of("regression")
    predicted, true = measures.binned_means(said, 1)
    assert (np.diff(predicted) > 0).all() and len(predicted) == 10
    assert true.mean() == pytest.approx(said.truth_NL[:, 1].mean())  # 240 examples: bins of equal size


def test_only_examples_that_a_set_speaks_for_are_read():
    predictions = make_predictions("multilabel", LABELS["multilabel"], make_titles(6))
    whole, part = read_said(predictions, "run"), read_said(predictions, "foreign")
    assert len(whole) == 240 and 100 < len(part) < 240
    assert part.labels == ("tense", "joyful", "sad", "calm") and part.truth_NL.shape == (len(part), 4)
    assert read_said(predictions, "nobody") is None
    # The same rows again from plain strings in several chunks, as another reader might give them.
    plain = predictions.set_column(0, "features", predictions["features"].cast(pa.string()))
    again = read_said(pa.concat_tables([plain.slice(0, 5000), plain.slice(5000)]), "foreign")
    np.testing.assert_array_equal(again.score_NL, part.score_NL)
    assert again.titles == part.titles
