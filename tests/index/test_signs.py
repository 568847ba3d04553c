"""Estimates from signs: without bias, off by as much as they say; counts of bits against plain arithmetic."""

import numpy as np
import pytest

from mediafm.index.sign_kernel import go_over_signs
from mediafm.index.signs import GROUP, TRUSTED, asked, grouped, rotation, sign_rows


def unit(rng: np.random.Generator, *shape: int) -> np.ndarray:
    rows = rng.standard_normal(shape).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def unpacked(words: np.ndarray) -> np.ndarray:
    return np.unpackbits(words.view(np.uint8), axis=-1, bitorder="little").astype(np.float64)


@pytest.mark.parametrize("dim", [3, 64, 77, 200])
def test_a_rotation_keeps_every_product(dim: int) -> None:
    rng = np.random.default_rng(0)
    turn = rotation(dim, rng)
    assert turn.shape == (dim, -(-dim // 64) * 64)
    rows = unit(rng, 20, dim)
    np.testing.assert_allclose((rows @ turn) @ (rows @ turn).T, rows @ rows.T, atol=1e-5)


def test_estimates_are_without_bias_and_as_far_off_as_they_say() -> None:
    rng = np.random.default_rng(1)
    rows, centre, query = unit(rng, 4000, 128), unit(rng, 128) * 0.3, unit(rng, 128)
    turn = rotation(128, rng)
    words, terms = sign_rows(rows, np.broadcast_to(centre, rows.shape), turn)
    signs, rotated = 2 * unpacked(words) - 1, (query @ turn).astype(np.float64)
    estimate = centre @ query + terms[:, 0] * (signs @ rotated)
    error = estimate - rows @ query
    deviation = terms[:, 2] / TRUSTED
    assert abs(error.mean()) < 4 * error.std() / np.sqrt(len(error))
    assert 0.85 < (error / deviation).std() < 1.15
    assert (error < -terms[:, 2]).mean() < 0.02


def test_a_row_that_is_its_centre_and_one_of_signs_alone_are_exact() -> None:
    turn = np.eye(64, dtype=np.float32)
    centre = np.zeros((2, 64), np.float32)
    centre[0, 3] = 1
    rows = np.stack([centre[0], np.where(np.arange(64) % 3, 1, -1) / np.float32(8)]).astype(np.float32)
    words, terms = sign_rows(rows, centre, turn)
    np.testing.assert_array_equal(terms[0], [0, 0, 0])
    assert terms[1, 2] < 1e-3
    assert terms[1, 0] == pytest.approx(1 / 8)
    np.testing.assert_array_equal(unpacked(words[1:])[0], np.arange(64) % 3 > 0)


@pytest.mark.parametrize("constant", [False, True])
def test_a_query_in_whole_numbers_is_off_by_half_a_unit_at_most(constant: bool) -> None:
    rotated = np.full(128, 0.25, np.float32) if constant else unit(np.random.default_rng(2), 128)
    question = asked(rotated)
    whole = sum(unpacked(plane) * 2**p for p, plane in enumerate(question.planes))
    np.testing.assert_allclose(question.unit * whole + question.lowest, rotated, atol=question.unit / 2 + 1e-6)
    assert question.total == pytest.approx(question.unit * whole.sum())


def test_the_loop_counts_as_plain_arithmetic_does() -> None:
    rng = np.random.default_rng(3)
    n, dim, k = 150, 77, 5
    rows, query, turn = unit(rng, n, dim), unit(rng, dim), rotation(dim, rng)
    words, terms = sign_rows(rows, np.zeros_like(rows), turn)
    question = asked(query @ turn)
    whole = sum(unpacked(plane) * 2**p for p, plane in enumerate(question.planes))
    expected = terms[:, 0] * ((2 * unpacked(words) - 1) @ (question.unit * whole + question.lowest))
    spans, known = np.array([[0, 70], [70, 71], [71, n]]), np.array([0.0, 0.5, 0.0])
    expected[70] += 0.5
    heap = np.full(k, -np.inf, np.float32)
    found, highest = np.empty(n, np.int64), np.empty(n, np.float32)
    ids, everything = np.arange(n) + 1000, np.empty(0, np.bool_)
    count = go_over_signs(
        grouped(words), grouped(terms), ids, everything, *question, spans, known, heap, found, highest
    )
    lowest = np.sort(expected - terms[:, 2])[::-1]
    np.testing.assert_allclose(np.sort(heap)[::-1], lowest[:k], atol=1e-5)
    np.testing.assert_allclose(highest[:count], (expected + terms[:, 2])[found[:count] - 1000], atol=1e-5)
    must = np.flatnonzero(expected + terms[:, 2] >= lowest[k - 1] + 1e-5)
    assert set(must + 1000) <= set(found[:count].tolist())
    assert grouped(words).shape == (-(-n // GROUP), 2, GROUP)
