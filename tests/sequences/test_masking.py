import numpy as np
import pytest

from mediafm.sequences import ShotMasker, fold_masks


def batch(B: int, S: int, D: int = 4, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(B, S, D)).astype(np.float32)


def test_rates_hold_over_many_shots() -> None:
    fused, rng = batch(100, 137), np.random.default_rng(1)
    masker = ShotMasker(share=0.2, kept=0.1, random=0.1)
    chosen = masked = changed = 0
    for _ in range(20):
        masking = masker.apply(fused, rng)
        assert not (masking.masked_BS & ~masking.scored_BS).any()
        chosen += masking.scored_BS.sum()
        masked += masking.masked_BS.sum()
        replaced = (masking.fused_BSD != fused).any(axis=-1)
        assert not (replaced & (masking.masked_BS | ~masking.scored_BS)).any()
        changed += replaced.sum()
    assert chosen / (20 * 100 * 137) == pytest.approx(0.2, abs=0.003)
    assert masked / chosen == pytest.approx(0.8, abs=0.01)
    assert changed / chosen == pytest.approx(0.1, abs=0.01)


def test_pure_masking_changes_no_input() -> None:
    fused = batch(3, 20)
    masking = ShotMasker(share=0.3).apply(fused, np.random.default_rng(0))
    assert masking.fused_BSD is fused
    assert (masking.masked_BS == masking.scored_BS).all()


def test_every_sequence_hides_at_least_one_shot_but_never_a_missing_one() -> None:
    fused = batch(50, 3)
    fused[:, 2] = 0  # padding, or a shot without features
    fused[7] = 0
    masking = ShotMasker(share=0.05).apply(fused, np.random.default_rng(0))
    counts = masking.scored_BS.sum(axis=1)
    assert counts[7] == 0
    assert (np.delete(counts, 7) == 1).all()
    assert not masking.scored_BS[:, 2].any()


def test_random_shots_come_from_the_batch() -> None:
    fused = batch(5, 40)
    fused[:, 30:] = 0
    masking = ShotMasker(share=0.5, random=0.9).apply(fused, np.random.default_rng(0))
    known = {row.tobytes() for row in fused[:, :30].reshape(-1, 4)}
    changed = (masking.fused_BSD != fused).any(axis=-1)
    assert changed.sum() > 40
    assert all(row.tobytes() in known for row in masking.fused_BSD[changed])


def test_spans_have_their_mean_length_and_the_share_holds() -> None:
    fused, rng = batch(50, 400), np.random.default_rng(0)
    scored = ShotMasker(share=0.1, span=5).apply(fused, rng).scored_BS
    assert scored.mean() == pytest.approx(0.1, abs=0.002)
    edges = np.diff(np.pad(scored.astype(int), ((0, 0), (1, 1))), axis=1)
    mean_length = scored.sum() / (edges == 1).sum()
    assert 3.5 < mean_length < 7


def test_same_generator_state_same_masks() -> None:
    fused, masker = batch(4, 30), ShotMasker(kept=0.1, random=0.1)
    one, two = (masker.apply(fused, np.random.default_rng(3)) for _ in range(2))
    assert (one.masked_BS == two.masked_BS).all()
    assert (one.fused_BSD == two.fused_BSD).all()
    assert (masker.apply(fused, np.random.default_rng(4)).masked_BS != one.masked_BS).any()


@pytest.mark.parametrize("n", [0, 1, 3, 5, 52])
def test_folds_hide_each_shot_once(n: int) -> None:
    masks = fold_masks(n, 5, np.random.default_rng(0))
    assert len(masks) == min(n, 5)
    if n:
        assert (np.sum(masks, axis=0) == 1).all()
        sizes = [m.sum() for m in masks]
        assert max(sizes) - min(sizes) <= 1
