"""Candidate spans and their choice, against the same written naively."""

import numpy as np
import pytest

from mediafm.fusion import unit_rows
from mediafm.uses.spans import SpanVectors, most_relevant_unlike, runs_of_length, span_means


def title(seed, n=30, dim=6):
    rng = np.random.default_rng(seed)
    edges = np.concatenate([[0.0], np.cumsum(rng.uniform(0.4, 6.0, n))])
    return edges[:-1], edges[1:], unit_rows(rng.normal(size=(n, dim))).astype(np.float32), rng


@pytest.mark.parametrize("seed", range(8))
def test_runs_are_those_of_the_length_before_the_point(seed):
    start, end, _, rng = title(seed)
    low, high, until = 4.0, 11.0, float(rng.uniform(20, end[-1]))
    scene = np.cumsum(rng.random(len(start)) < 0.2)
    for scenes in (None, scene):
        expected = [
            [a, b]
            for a in range(len(start))
            for b in range(a + 1, len(start) + 1)
            if low <= end[b - 1] - start[a] <= high
            and end[b - 1] <= until
            and (scenes is None or scenes[a] == scenes[b - 1])
        ]
        assert runs_of_length(start, end, low, high, until, scenes).tolist() == expected
    assert len(runs_of_length(start, end, 1000.0, 2000.0)) == 0


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("diversity", [0.0, 0.3, 0.8, 1.0])
def test_choice_equals_maximal_marginal_relevance_written_out(seed, diversity):
    start, end, vectors, rng = title(seed)
    seconds, runs = end - start, runs_of_length(start, end, 3.0, 12.0)
    worth = span_means(rng.normal(size=len(start)), seconds, runs)
    avoid = unit_rows(rng.normal(size=(1, vectors.shape[1])))[0]
    blocked = (runs[:, 0] <= 3) & (runs[:, 1] > 3)
    found = most_relevant_unlike(worth, SpanVectors.of(vectors, seconds, runs), 5, diversity, (avoid,), blocked)
    means = np.stack([(vectors[a:b] * seconds[a:b, None]).sum(axis=0) for a, b in runs])
    means = unit_rows(means.astype(np.float64))
    scaled = (worth - worth.min()) / (worth.max() - worth.min())
    chosen = []
    for _ in range(5):
        best, at = -np.inf, None
        for i, (a, b) in enumerate(runs):
            if blocked[i] or any(a < runs[j][1] and b > runs[j][0] for j in chosen):
                continue
            likest = max([means[i] @ avoid, *(means[i] @ means[j] for j in chosen)])
            value = (1 - diversity) * scaled[i] - diversity * likest
            if value > best + 1e-12:
                best, at = value, i
        chosen.append(at)
    assert found == chosen


def test_mean_of_a_span_counts_seconds():
    runs = np.array([[0, 2], [1, 3]])
    np.testing.assert_allclose(span_means(np.array([1.0, 4.0, 0.0]), np.array([1.0, 2.0, 3.0]), runs), [3.0, 1.6])
