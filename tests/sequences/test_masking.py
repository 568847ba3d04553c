"""Rates hold, what is told is chosen, nothing without features is, and chance is each sequence's own."""

from dataclasses import fields, replace

import numpy as np
import pytest

from mediafm.config import MaskingRecipe
from mediafm.fusion import FusionSpec, FusionStats, fuse, unit_rows
from mediafm.sequences import Batch, Masking, ShotMasker, Span, fold_masks
from mediafm.types import MODALITIES, Features

BLOCKS = (6, 5, 4)
DIMS = dict(zip(MODALITIES, BLOCKS, strict=True))
STATS = FusionStats.fit([], FusionSpec(DIMS))


def make(lengths: list[int], present: tuple[float, ...] = (1, 1, 1), seed: int = 0) -> Batch:
    """Random shots that have each modality with the chance given."""
    rng, n = np.random.default_rng(seed), sum(lengths)
    flags = rng.random((n, 3)) < np.array(present)
    vectors = {m: rng.normal(size=(n, d)) * flags[:, [k]] for k, (m, d) in enumerate(DIMS.items())}
    fused_ND, present_NM = fuse(Features(vectors, dict(zip(DIMS, flags.T, strict=True))), STATS)
    spans = tuple(Span(f"{seed}-{i}", 0, length) for i, length in enumerate(lengths))
    zeros = np.zeros((len(lengths), 0), np.float32), np.zeros((n, 2), np.float32)
    return Batch(spans, fused_ND, present_NM, np.array(lengths), *zeros, BLOCKS)


def part(batch: Batch, rows: list[int]) -> Batch:
    """Some of a batch's sequences, in the order given."""
    shots = np.concatenate([np.flatnonzero(batch.owner_N == row) for row in rows])
    return replace(
        batch,
        spans=tuple(batch.spans[row] for row in rows),
        fused_ND=batch.fused_ND[shots],
        present_NM=batch.present_NM[shots],
        lengths_B=batch.lengths_B[rows],
        global_BG=batch.global_BG[rows],
        times_N2=batch.times_N2[shots],
    )


def mask(batch: Batch, progress: float = 0.0, seed: int = 0, **settings: object) -> Masking:
    return ShotMasker(MaskingRecipe(**settings)).apply(batch, progress, [seed])  # type: ignore[arg-type]


def by_sequence(batch: Batch, flags: np.ndarray) -> np.ndarray:
    return np.bincount(batch.owner_N[flags], minlength=len(batch.spans))


LARGE = make([137] * 300)


def test_rates_hold_over_many_shots() -> None:
    masking = mask(LARGE, share=0.2, kept=0.1, random=0.15)
    chosen = masking.scored_N.sum()
    changed = (masking.fused_ND != LARGE.fused_ND).any(axis=1)
    assert chosen / LARGE.shots == pytest.approx(0.2, abs=0.001)
    assert masking.masked_N.sum() / chosen == pytest.approx(0.75, abs=0.01)
    assert changed.sum() / chosen == pytest.approx(0.15, abs=0.01)
    assert not (masking.masked_N & ~masking.scored_N).any()
    assert not (changed & (masking.masked_N | ~masking.scored_N)).any()
    assert (masking.visible_N == ~masking.scored_N).all()
    assert masking.blocks_NM.all()


def test_every_shot_is_as_likely_as_any_other() -> None:
    batch, counts = make([20] * 200), np.zeros(20)
    for seed in range(20):
        counts += mask(batch, seed=seed).scored_N.reshape(200, 20).sum(axis=0)
    assert counts / 4000 == pytest.approx(np.full(20, 0.2), abs=0.03)  # four and a half standard errors


@pytest.mark.parametrize("n", [3, 7, 50])
def test_the_share_is_right_on_average_also_where_it_is_no_whole_number(n: int) -> None:
    batch = make([n] * 4000)
    counts = by_sequence(batch, mask(batch, share=0.45).scored_N)
    assert counts.mean() == pytest.approx(0.45 * n, abs=0.04)
    assert set(counts.tolist()) <= {int(0.45 * n), int(0.45 * n) + 1}


def test_spread_gives_every_sequence_a_share_of_its_own() -> None:
    share_B = by_sequence(LARGE, mask(LARGE, share=0.3, spread=0.2).scored_N) / 137
    assert share_B.mean() == pytest.approx(0.3, abs=0.025)
    assert share_B.std() == pytest.approx(0.4 / np.sqrt(12), abs=0.015)
    assert share_B.min() >= 0.1 - 1 / 137
    assert share_B.max() <= 0.5 + 1 / 137
    assert np.quantile(share_B, [0.05, 0.95]) == pytest.approx([0.12, 0.48], abs=0.03)


@pytest.mark.parametrize(("progress", "share"), [(0.0, 0.2), (0.5, 0.35), (1.0, 0.5)])
def test_the_share_moves_to_its_final_value(progress: float, share: float) -> None:
    assert mask(LARGE, progress, final_share=0.5).scored_N.mean() == pytest.approx(share, abs=0.002)
    assert mask(LARGE, progress).scored_N.mean() == pytest.approx(0.2, abs=0.002)


def test_pure_masking_changes_no_input() -> None:
    batch = make([20, 20, 20])
    masking = mask(batch, share=0.3, kept=0, random=0)
    assert masking.fused_ND is batch.fused_ND
    assert (masking.masked_N == masking.scored_N).all()


def test_kept_shots_are_scored_and_unchanged() -> None:
    masking = mask(LARGE, share=0.5, kept=0.9, random=0)
    assert (masking.scored_N & ~masking.masked_N).sum() / masking.scored_N.sum() == pytest.approx(0.9, abs=0.01)
    assert masking.fused_ND is LARGE.fused_ND
    assert not (masking.visible_N & masking.scored_N).any()


SETTINGS: list[dict[str, object]] = [
    {},
    {"share": 0.5, "kept": 0.2, "random": 0.4},
    {"span": 4},
    {"choose": "alike"},
    {"choose": "unlike", "spread": 0.1},
    {"modality": 0.7, "modality_dropout": 0.7},
    {"span": 3, "modality": 0.5, "modality_dropout": 0.5, "final_share": 0.6},
]


@pytest.mark.parametrize("settings", SETTINGS)
def test_shots_without_features_are_never_touched(settings: dict) -> None:
    batch = make([30, 1, 200, 2, 80], present=(0.4, 0.4, 0.4))
    nothing_N = ~batch.real_N
    assert nothing_N.sum() > 40
    for seed in range(5):
        masking = mask(batch, 1.0, seed, **settings)
        for flags in (masking.masked_N, masking.scored_N, masking.visible_N):
            assert not (flags & nothing_N).any()
        assert not masking.fused_ND[nothing_N].any()
        assert (by_sequence(batch, masking.scored_N) >= np.minimum(by_sequence(batch, batch.real_N), 1)).all()


@pytest.mark.parametrize("settings", SETTINGS)
def test_what_is_shown_has_unit_norm_and_never_a_block_the_shot_lacks(settings: dict) -> None:
    batch = make([30, 1, 200, 2, 80], present=(0.5, 0.6, 0.7))
    before = batch.fused_ND.copy()
    masking = mask(batch, 1.0, **settings)
    assert np.linalg.norm(masking.fused_ND[batch.real_N], axis=1) == pytest.approx(1, abs=1e-6)
    assert (batch.fused_ND == before).all()
    shown_NM = blocks_of(masking.fused_ND)
    replaced = masking.scored_N & ~masking.masked_N & (shown_NM & ~batch.present_NM).any(axis=1)
    assert not (shown_NM & ~batch.present_NM)[~replaced].any()
    if not settings.get("random", 0.1):
        assert not replaced.any()


@pytest.mark.parametrize("settings", SETTINGS)
def test_chance_follows_from_the_seed(settings: dict) -> None:
    batch = make([30, 100, 40])
    one, again, other = (mask(batch, 0.3, seed, **settings) for seed in (3, 3, 4))
    for field in fields(Masking):
        assert (getattr(one, field.name) == getattr(again, field.name)).all()
    assert (one.scored_N != other.scored_N).any()


@pytest.mark.parametrize("settings", SETTINGS)
def test_company_changes_nothing_but_replacements(settings: dict) -> None:
    batch = make([30, 100, 40, 7], present=(0.9, 0.9, 0.9))
    together = mask(batch, 0.3, **settings)
    for rows in ([2, 0], [1], [3, 2, 1]):
        company = part(batch, rows)
        apart = mask(company, 0.3, **settings)
        shots = np.concatenate([np.flatnonzero(batch.owner_N == row) for row in rows])
        assert (apart.scored_N == together.scored_N[shots]).all()
        assert (apart.masked_N == together.masked_N[shots]).all()
        assert (apart.blocks_NM == together.blocks_NM[shots]).all()
        assert (apart.withheld_B == together.withheld_B[rows]).all()
        if settings.get("modality_dropout", 0) == 0:  # else a replacement may show fewer blocks, or more
            assert (apart.visible_N == together.visible_N[shots]).all()
        calm = ~apart.scored_N | apart.masked_N
        assert (apart.fused_ND[calm] == together.fused_ND[shots][calm]).all()


def test_titles_and_windows_have_chance_of_their_own() -> None:
    batch = make([60] * 3)
    same = replace(batch, spans=(Span("a", 0, 60), Span("b", 0, 60), Span("a", 60, 120)))
    chosen = mask(same).scored_N.reshape(3, 60)
    assert (chosen[0] != chosen[1]).any()
    assert (chosen[0] != chosen[2]).any()


def test_one_option_changed_leaves_the_chance_of_the_others() -> None:
    plain, other = mask(LARGE), mask(LARGE, modality=0.5, modality_dropout=0.5, global_dropout=0.4)
    assert (plain.scored_N == other.scored_N).all()
    assert (other.withheld_B >= plain.withheld_B).all()


def test_random_shots_are_other_shots_of_the_batch() -> None:
    batch = make([30] * 10, present=(0.5, 0.5, 0.5))
    masking = mask(batch, share=0.9, kept=0, random=0.9)
    known = {row.tobytes(): i for i, row in enumerate(batch.fused_ND) if batch.real_N[i]}
    replaced = np.flatnonzero(masking.scored_N & ~masking.masked_N)
    sources = np.array([known[masking.fused_ND[i].tobytes()] for i in replaced])
    assert len(replaced) > 150
    assert not masking.scored_N[sources].any()
    assert (batch.owner_N[sources] != batch.owner_N[replaced]).mean() == pytest.approx(0.9, abs=0.07)


@pytest.mark.parametrize("settings", SETTINGS)
def test_no_hidden_shot_stands_elsewhere_in_the_input(settings: dict) -> None:
    batch = make([40, 9])
    for seed in range(20):
        masking = mask(batch, seed=seed, **{**settings, "random": 0.5, "kept": 0.1})
        shown = {row.tobytes() for row in masking.fused_ND[~masking.masked_N]}
        assert not shown & {row.tobytes() for row in batch.fused_ND[masking.masked_N]}


def test_where_every_shot_is_asked_for_none_can_replace_another() -> None:
    batch = make([1])
    assert (mask(batch, share=0.9, kept=0, random=0.99).fused_ND == batch.fused_ND).all()


@pytest.mark.parametrize(("share", "span"), [(0.1, 5), (0.3, 3), (0.2, 1.5), (0.6, 8)])
def test_runs_have_their_mean_length_and_the_share_holds(share: float, span: float) -> None:
    batch = make([400] * 150)
    chosen = mask(batch, share=share, span=span).scored_N.reshape(150, 400)
    assert chosen.mean() == pytest.approx(share, abs=0.001)
    edges = np.diff(np.pad(chosen.astype(int), ((0, 0), (1, 1))), axis=1)
    assert chosen.sum() / (edges == 1).sum() == pytest.approx(span, rel=0.02)
    lengths = np.concatenate([np.flatnonzero(row == -1) - np.flatnonzero(row == 1) for row in edges])
    deviation = np.sqrt(span * (span - 1))  # of a geometric distribution of that mean
    assert lengths.std() == pytest.approx(deviation, rel=0.15)


def test_runs_stand_anywhere() -> None:
    batch = make([40] * 3000)
    places = mask(batch, share=0.2, span=4).scored_N.reshape(3000, 40).mean(axis=0)
    assert places[3:-3] == pytest.approx(np.full(34, places[3:-3].mean()), abs=0.035)


def story(seed: int = 0) -> tuple[Batch, np.ndarray]:
    """Sequences of which the first half repeats one shot and the second half is all different."""
    rng = np.random.default_rng(seed)
    rows = unit_rows(rng.normal(size=(200 * 60, sum(BLOCKS)))).astype(np.float32)
    alike_N = np.tile(np.arange(60) < 30, 200)
    rows[alike_N] = rows[0]
    batch = make([60] * 200)
    return replace(batch, fused_ND=rows), alike_N


@pytest.mark.parametrize(
    ("choose", "low", "high"), [("alike", 1.8, 4.0), ("uniform", 0.9, 1.1), ("unlike", 0.25, 0.55)]
)
def test_likeness_to_neighbours_is_chosen_as_told(choose: str, low: float, high: float) -> None:
    batch, alike_N = story()
    masking = mask(batch, choose=choose)
    assert masking.scored_N.mean() == pytest.approx(0.2, abs=0.002)
    assert low < masking.scored_N[alike_N].mean() / masking.scored_N[~alike_N].mean() < high


def test_likeness_does_not_reach_over_the_border_of_a_sequence() -> None:
    """All shots of a sequence are alike; only its neighbour in the batch is not."""
    batch = make([5] * 2000)
    same = np.tile(batch.fused_ND[:1], (batch.shots, 1))
    same[batch.owner_N % 2 == 1] *= -1
    places = mask(replace(batch, fused_ND=same), choose="unlike", share=0.2).scored_N.reshape(2000, 5)
    ties = mask(replace(batch, fused_ND=np.abs(same)), choose="unlike", share=0.2).scored_N.reshape(2000, 5)
    assert (places == ties).all()
    assert places.mean(axis=0) == pytest.approx(np.full(5, 0.2), abs=0.04)  # among equals chance decides


def blocks_of(fused_ND: np.ndarray) -> np.ndarray:
    """Which blocks a row shows, [N, M]."""
    return np.stack([block.any(axis=1) for block in np.split(fused_ND, np.cumsum(BLOCKS)[:-1], axis=1)], axis=1)


def test_modality_wise_masks_hide_some_blocks_and_score_just_those() -> None:
    batch = make([137] * 300, present=(1, 0.8, 0.6))
    masking = mask(batch, modality=0.4, kept=0, random=0)
    part_N = masking.scored_N & ~masking.masked_N
    able_N = batch.present_NM.sum(axis=1) > 1
    assert (part_N & ~able_N).sum() == 0
    assert part_N.sum() / (masking.scored_N & able_N).sum() == pytest.approx(0.4, abs=0.02)
    hidden, shown, held = masking.blocks_NM[part_N], blocks_of(masking.fused_ND)[part_N], batch.present_NM[part_N]
    assert hidden.any(axis=1).all()
    assert shown.any(axis=1).all()
    assert ((hidden ^ shown) == held).all()
    assert masking.blocks_NM[~part_N].all()
    three = held.all(axis=1)
    assert (hidden[three].sum(axis=1) == 2).mean() == pytest.approx(0.5, abs=0.04)
    assert hidden[three].mean(axis=0) == pytest.approx([0.5, 0.5, 0.5], abs=0.03)


def test_a_lessened_shot_is_what_fusion_makes_of_the_rest() -> None:
    rng = np.random.default_rng(0)
    vectors = {m: rng.normal(size=(200, d)) for m, d in DIMS.items()}
    fused_ND, present_NM = fuse(Features(vectors, {m: np.ones(200, bool) for m in DIMS}), STATS)
    batch = replace(make([200]), fused_ND=fused_ND, present_NM=present_NM)
    masking = mask(batch, share=0.5, modality=0.9, modality_dropout=0.5, kept=0, random=0)
    shown_NM = blocks_of(masking.fused_ND)
    assert (~shown_NM).sum() > 50
    truth, _ = fuse(Features(vectors, dict(zip(DIMS, shown_NM.T, strict=True))), STATS)
    assert masking.fused_ND == pytest.approx(truth, abs=1e-6)


def test_modality_dropout_takes_one_modality_off_whole_sequences() -> None:
    batch = make([20] * 3000, present=(1, 0.7, 0.7))
    masking = mask(batch, modality_dropout=0.3, kept=0, random=0)
    gone_NM = batch.present_NM & ~blocks_of(masking.fused_ND)
    assert (gone_NM.sum(axis=1) <= 1).all()
    gone_BM = gone_NM.reshape(3000, 20, 3).any(axis=1)
    assert (gone_BM.sum(axis=1) <= 1).all()
    assert gone_BM.any(axis=1).mean() == pytest.approx(0.3, abs=0.03)
    assert gone_BM.sum(axis=0) / gone_BM.sum() == pytest.approx([1 / 3] * 3, abs=0.05)
    # It is gone from every shot of the sequence but those that would have nothing left.
    dropped_NM = np.repeat(gone_BM, 20, axis=0)
    only_NM = batch.present_NM & (batch.present_NM.sum(axis=1) == 1)[:, None]
    assert (gone_NM == (dropped_NM & batch.present_NM & ~only_NM)).all()
    assert (masking.visible_N == (batch.real_N & ~masking.scored_N & ~gone_NM.any(axis=1))).all()


def test_dropout_and_modality_wise_masks_leave_every_shot_something() -> None:
    batch = make([20] * 500, present=(0.7, 0.7, 0.7))
    masking = mask(batch, share=0.5, modality=0.9, modality_dropout=1.0, random=0.3)
    assert blocks_of(masking.fused_ND)[batch.real_N].any(axis=1).all()


def test_dropout_spares_sequences_of_one_modality() -> None:
    batch = make([20] * 50, present=(1, 0, 0))
    masking = mask(batch, modality_dropout=1.0, modality=0.9, random=0)
    assert masking.fused_ND is batch.fused_ND
    assert (masking.visible_N == ~masking.scored_N).all()


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_metadata_are_withheld_as_often_as_told(share: float) -> None:
    batch = make([2] * 4000)
    assert mask(batch, global_dropout=share).withheld_B.mean() == pytest.approx(share, abs=0.025)


@pytest.mark.parametrize("n", [0, 1, 3, 5, 52])
def test_folds_hide_each_shot_once(n: int) -> None:
    masks = fold_masks(n, 5, np.random.default_rng(0))
    assert len(masks) == min(n, 5)
    if n:
        assert (np.sum(masks, axis=0) == 1).all()
        sizes = [m.sum() for m in masks]
        assert max(sizes) - min(sizes) <= 1
