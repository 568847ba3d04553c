"""InfoNCE against sums written out."""

import math

import numpy as np
import pytest
import torch

from mediafm.train.seqclip.contrast import info_nce, same_pairs


def reference(clips: np.ndarray, captions: np.ndarray, scale: float, same: np.ndarray) -> float:
    logits = np.exp(scale) * clips @ captions.T
    n, total = len(logits), 0.0
    for table, forbidden in ((logits, same), (logits.T, same.T)):
        for i in range(n):
            terms = [math.exp(table[i, j]) for j in range(n) if j == i or not forbidden[i, j]]
            total -= math.log(math.exp(table[i, i]) / sum(terms))
    return total / (2 * n)


@pytest.mark.parametrize("masked", [False, True])
def test_equals_the_sums_written_out(masked: bool) -> None:
    rng = np.random.default_rng(0)
    clips, captions = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in rng.normal(size=(2, 7, 5)))
    same = rng.random((7, 7)) < 0.3 if masked else np.zeros((7, 7), bool)
    same |= same.T
    found = info_nce(*(torch.from_numpy(a) for a in (clips, captions)), torch.tensor(1.3), torch.from_numpy(same))
    assert found.item() == pytest.approx(reference(clips, captions, 1.3, same), rel=1e-6)


def test_same_clips_and_same_words_are_no_negatives() -> None:
    same = same_pairs(["a", "a", "b", "c"], ["Dog", "cat", "dog", "fire"])
    assert same.tolist() == [
        [True, True, True, False], [True, True, False, False], [True, False, True, False], [False, False, False, True],
    ]  # fmt: skip


def test_masked_pair_gets_no_gradient_from_its_twin() -> None:
    generator = torch.Generator().manual_seed(0)
    clips, captions = (torch.randn(2, 4, generator=generator) for _ in range(2))
    clips.requires_grad_()
    info_nce(clips, captions, torch.tensor(0.0), torch.ones(2, 2, dtype=torch.bool)).backward()
    assert clips.grad is not None and not clips.grad.any()
