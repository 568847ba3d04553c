"""Sums over titles, thresholds and chance against doing it the long way."""

import numpy as np
import pytest
from sklearn.metrics import f1_score, precision_score, recall_score

from mediafm.errors import UsageError
from mediafm.probes.boundaries import boundary_matches, predicted_boundaries, scene_iou, scene_titles
from mediafm.probes.boundary_scores import chance_sums, pick_threshold, title_sums

MEASURES = ("f1", "precision", "recall", "iou")


def make_titles(rng, count=6, most=40):
    """Titles, their scores (which know something, with ties), and the same as flat rows without first shots."""
    number = np.repeat(np.arange(count), rng.integers(2, most, count))
    lengths = rng.uniform(0.5, 8, len(number))
    end_s = np.concatenate([np.cumsum(lengths[number == t]) for t in range(count)])
    truth = rng.random(len(number)) < 0.25
    titles = scene_titles(number, end_s - lengths, end_s, truth)
    scores = np.round(truth + rng.normal(size=len(number)), 1)
    first = np.flatnonzero(np.diff(number, prepend=-1))
    rows = np.setdiff1d(np.arange(len(number)), first)
    return titles, np.split(scores, first[1:]), truth[rows], scores[rows]


def found_at(scores, threshold):
    return [predicted_boundaries(values, threshold) for values in scores]


def test_pooled_scores_equal_scikit_learn():
    rng = np.random.default_rng(1)
    for _ in range(20):
        titles, scores, truth, flat = make_titles(rng)
        predicted = found_at(scores, 0.4)
        for measure, reference in (("f1", f1_score), ("precision", precision_score), ("recall", recall_score)):
            expected = reference(truth, flat >= 0.4)
            assert title_sums(titles, predicted, measure).score() == pytest.approx(expected)


def test_tolerance_and_iou_are_those_of_single_titles():
    rng = np.random.default_rng(2)
    titles, scores, _, _ = make_titles(rng)
    predicted = found_at(scores, 0.4)
    matches = [boundary_matches(t.start_s[t.true], t.start_s[p], 3.0) for t, p in zip(titles, predicted, strict=True)]
    hits, wrong = sum(m.hits for m in matches), sum(m.false_alarms + m.misses for m in matches)
    assert title_sums(titles, predicted, "f1", 3.0).score() == pytest.approx(2 * hits / (2 * hits + wrong))
    ious = [scene_iou(t.true, p, t.start_s, t.end_s) for t, p in zip(titles, predicted, strict=True)]
    assert title_sums(titles, predicted, "iou").score() == pytest.approx(np.mean(ious))


@pytest.mark.parametrize("measure", MEASURES)
def test_a_drawn_title_counts_as_often_as_it_was_drawn(measure):
    rng = np.random.default_rng(3)
    titles, scores, _, _ = make_titles(rng)
    predicted = found_at(scores, 0.2)
    weights_BT = rng.multinomial(6, np.full(6, 1 / 6), size=8).astype(np.float64)
    drawn = title_sums(titles, predicted, measure, 2.0).drawn(weights_BT)
    for b in range(8):
        again = [i for i in range(6) for _ in range(int(weights_BT[b, i]))]
        expected = title_sums([titles[i] for i in again], [predicted[i] for i in again], measure, 2.0).score()
        assert drawn[b] == pytest.approx(expected)


def test_perfect_predictions_score_one_and_nothing_to_divide_by_is_nan():
    titles, _, _, _ = make_titles(np.random.default_rng(4))
    true = [title.true for title in titles]
    for measure in MEASURES:
        assert title_sums(titles, true, measure).score() == 1
    nothing = [title.true[:0] for title in titles]
    assert np.isnan(title_sums(titles, nothing, "precision").score())
    assert title_sums(titles, nothing, "f1").score() == 0
    with pytest.raises(UsageError, match="f1, precision, recall, iou"):
        title_sums(titles, nothing, "accuracy")


@pytest.mark.parametrize(("measure", "tolerance"), [("f1", 0.0), ("f1", 2.0), ("iou", 0.0)])
def test_the_threshold_is_the_best_there_is(measure, tolerance):
    rng = np.random.default_rng(5)
    for _ in range(5):
        titles, scores, _, flat = make_titles(rng)

        def at(threshold, titles=titles, scores=scores):
            return title_sums(titles, found_at(scores, threshold), measure, tolerance).score()

        levels = np.unique(flat)  # fewer than are tried, so that all of them are
        assert len(levels) <= 128
        picked = pick_threshold(titles, scores, measure, tolerance)
        assert at(picked) == pytest.approx(np.nanmax([at(level) for level in levels]))
        assert picked <= levels.max()


def test_of_equal_thresholds_the_highest_wins_and_it_stands_between_scores():
    number, end_s = np.zeros(5, dtype=int), np.arange(1.0, 6)
    truth = np.array([False, False, True, False, False])
    titles = scene_titles(number, end_s - 1, end_s, truth)
    assert pick_threshold(titles, [np.array([9, 0.2, 0.8, 0.4, 0.1])]) == pytest.approx(0.6)
    assert pick_threshold(titles, [np.array([9.0, 1, 1, 1, 1])]) == 1
    with pytest.raises(UsageError, match="two shots"):
        pick_threshold(scene_titles(number[:1], end_s[:1] - 1, end_s[:1], truth[:1]), [np.ones(1)])


@pytest.mark.parametrize("measure", ["f1", "precision", "recall"])
def test_chance_in_closed_form_is_what_drawing_gives(measure):
    rng = np.random.default_rng(6)
    titles, scores, _, _ = make_titles(rng)
    counts = [len(p) for p in found_at(scores, 0.4)]
    exact = chance_sums(titles, counts, measure, rng)
    drawn = chance_sums(titles, counts, measure, rng, tolerance_s=1e-9, draws=3000)
    np.testing.assert_allclose(exact.denominator, drawn.denominator)
    assert exact.score() == pytest.approx(drawn.score(), abs=0.01)


def test_chance_knows_its_limits():
    """Boundaries at all shots find all; more tolerance finds more; a seed gives the same again."""
    rng = np.random.default_rng(7)
    titles, _, _, _ = make_titles(rng)
    everywhere = [len(title) - 1 for title in titles]
    assert chance_sums(titles, everywhere, "recall", rng).score() == pytest.approx(1)
    some = [len(title) // 5 for title in titles]
    loose, tight = (chance_sums(titles, some, "f1", rng, tolerance_s=t, draws=30).score() for t in (10.0, 0.0))
    assert loose > tight
    iou = [chance_sums(titles, some, "iou", np.random.default_rng(8), draws=20).score() for _ in range(2)]
    assert iou[0] == iou[1] and 0 < iou[0] < 1
    one_shot = scene_titles(np.zeros(1, int), np.zeros(1), np.ones(1), np.ones(1, bool))
    assert chance_sums(one_shot, [0], "iou", rng).score() == 1
