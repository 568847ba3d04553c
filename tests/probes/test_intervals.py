import numpy as np
import pytest
from scipy import stats

from mediafm.probes.intervals import detectable, family_p_values, interval, p_value, standard_error
from mediafm.probes.metrics import FoldRows, HeldOut, Predictions, find_metric


def draws_of_mean(values, rng, count=4000):
    return rng.multinomial(len(values), np.full(len(values), 1 / len(values)), size=count) @ values / len(values)


def test_for_a_mean_it_is_the_t_interval():
    rng = np.random.default_rng(0)
    values = rng.normal(size=15)
    found = interval(values.mean(), draws_of_mean(values, rng), 14)
    low, high = stats.t.interval(0.95, 14, values.mean(), stats.sem(values))
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.03)
    assert found.error == pytest.approx(stats.sem(values), rel=0.05)
    expected = stats.ttest_1samp(values, 0).pvalue
    assert p_value(values.mean(), found.error, 14) == pytest.approx(expected, abs=0.03)


def test_bounds_are_kept_and_nothing_to_draw_gives_none():
    assert interval(0.98, np.linspace(0.8, 1.0, 100), 5, (0, 1)).high == 1
    assert interval(0.5, np.full(10, 0.5), 0) == interval(0.5, np.zeros(0), 3)
    assert standard_error(np.full(10, np.nan), 4) is None
    assert p_value(0.0, 0.0, 4) == 1.0 and p_value(0.1, 0.0, 4) == 0.0


def test_a_difference_as_large_as_detectable_is_found_four_times_in_five():
    rng = np.random.default_rng(1)
    titles, found = 20, 0
    true = detectable(1 / np.sqrt(titles), titles - 1)
    for _ in range(400):
        values = rng.normal(true, 1, titles)
        drawn = draws_of_mean(values, rng, 300)
        found += p_value(values.mean(), standard_error(drawn, titles - 1), titles - 1) < 0.05
    assert found / 400 == pytest.approx(0.8, abs=0.07)


def test_a_family_of_comparisons_makes_few_false_claims_and_alone_it_is_the_plain_test():
    rng = np.random.default_rng(2)
    titles, claims, alone = 20, 0, 0
    for _ in range(200):
        values = rng.normal(size=(8, titles))
        weights = rng.multinomial(titles, np.full(titles, 1 / titles), size=400) / titles
        p = family_p_values(values.mean(axis=1), values @ weights.T, titles - 1)
        claims += (p < 0.05).any()
        plain = [p_value(v.mean(), standard_error(weights @ v, titles - 1), titles - 1) for v in values]
        assert (p >= np.array(plain) - 1e-12).all()
        alone += (np.array(plain) < 0.05).any()
    assert claims / 200 < 0.1 < 0.2 < alone / 200


def test_a_real_difference_survives_its_family():
    rng = np.random.default_rng(3)
    values = rng.normal(size=(6, 40))
    values[2] += 1.5
    weights = rng.multinomial(40, np.full(40, 1 / 40), size=1000) / 40
    p = family_p_values(values.mean(axis=1), values @ weights.T, 39)
    assert p[2] < 0.01 and (np.delete(p, 2) > 0.05).sum() >= 4
    assert np.isnan(family_p_values(np.zeros(2), np.full((2, 5), np.nan), 3)).all()


def test_intervals_of_a_gain_over_chance_cover_zero_under_permuted_labels():
    """Quick form of benchmarks/probe_statistics.py."""
    rng = np.random.default_rng(6)
    metric, covered = find_metric("average_precision", "binary"), 0
    title = np.repeat(np.arange(20), 25)
    for _ in range(120):
        truth = rng.random((500, 1)) < 0.1
        said = Predictions(rng.normal(size=(500, 1)) + rng.normal(size=20)[title][:, None])
        held = HeldOut(FoldRows(truth, title, title, title, title * 0.0, title * 0.0), np.zeros(500, dtype=int))
        weights = held.draws(200, rng)
        gain = float((held.values(metric, said) - held.chance(metric, said))[0, 0])
        drawn = (held.values(metric, said, weights) - held.chance(metric, said, weights))[:, 0]
        found = interval(gain, drawn, held.freedom)
        covered += found.low <= 0 <= found.high
    assert 0.88 <= covered / 120 <= 1
