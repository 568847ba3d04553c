"""Ranks against counting one by one, with ties."""

import numpy as np
import pytest

from mediafm.train.seqclip import retrieval as module
from mediafm.train.seqclip.retrieval import best_ranks, recalls, retrieval


def brute_force(scores: np.ndarray, right: set[tuple[int, int]]) -> list[int]:
    ranks = []
    for q, row in enumerate(scores):
        mine = [i for i in range(len(row)) if (q, i) in right]
        best = max(row[i] for i in mine)
        ranks.append(1 + sum(1 for i, score in enumerate(row) if i not in mine and score >= best))
    return ranks


@pytest.mark.parametrize("chunk", [3, 1000])
def test_ranks_equal_counting(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CHUNK", chunk)
    rng = np.random.default_rng(0)
    queries, items = rng.integers(-2, 3, (11, 3)).astype(np.float32), rng.integers(-2, 3, (9, 3)).astype(np.float32)
    right = {(q, int(rng.integers(9))) for q in range(11)} | {(int(q), int(i)) for q, i in rng.integers(0, 9, (6, 2))}
    scores = queries @ items.T
    assert len(np.unique(scores)) < 30  # ties there are
    found = best_ranks(queries, items, np.array(list(right), np.int64))
    assert found.tolist() == brute_force(scores, right)


def test_what_tells_nothing_apart_finds_nothing() -> None:
    alike = np.ones((12, 4), np.float32)
    found = retrieval([f"v{i}" for i in range(12)], [f"c{i}" for i in range(12)], alike, alike)
    assert found.score == 0 and found.text_to_video.median_rank == 12


def test_several_captions_of_a_clip_and_clips_of_a_caption() -> None:
    east, north, up = np.eye(3, dtype=np.float32)
    # Clips a, b, c; captions: x (of a and b), y (of a), z (of c).
    clip_of, caption_of = ["a", "b", "a", "c"], ["x", "x", "y", "z"]
    found = retrieval(clip_of, caption_of, np.stack([east, north, up]), np.stack([north, up, east]))
    # x finds b: 1. y lies on c: a and b tie behind it: 3. z lies on a: 3 (b ties with c).
    assert found.text_to_video.r1 == pytest.approx(1 / 3) and found.text_to_video.median_rank == 3
    # a's best captions: z is not its own: x and y tie at 0 beneath it: 2. b finds x: 1. c: y, then x and z tie: 3.
    assert found.video_to_text.r1 == pytest.approx(1 / 3) and found.video_to_text.median_rank == 2
    assert (found.text_to_video.queries, found.text_to_video.items) == (3, 3)


def test_recalls_count_ranks() -> None:
    found = recalls(np.array([1, 5, 6, 10, 11, 200]), 300)
    assert (found.r1, found.r5, found.r10, found.median_rank) == pytest.approx((1 / 6, 2 / 6, 4 / 6, 8))
