"""Which shots of a batch are hidden, changed and scored.

Shapes: B sequences, N shots of all of them under each other, D fused size, M modalities.
"""

# ruff: noqa: N815 (fields carry their shapes)

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from mediafm.config import MaskingRecipe
from mediafm.sequences.batch import Batch
from mediafm.types import BoolArray, FloatArray

Draws = NDArray[np.float64]  # uniform in [0, 1)


@dataclass(frozen=True, slots=True)
class Masking:
    """What becomes of a batch; targets stay the batch's own `fused_ND`.

    fused_ND: the input, some shots replaced by others, some blocks zeroed. masked_N: to become [MASK]. scored_N: in the
    loss. visible_N: not chosen and shown whole, as they are. blocks_NM: which blocks of a scored shot count in the
    loss. withheld_B: whose [GLOBAL] is withheld. A shot without any feature is in none of the first three.
    """

    fused_ND: FloatArray
    masked_N: BoolArray
    scored_N: BoolArray
    visible_N: BoolArray
    blocks_NM: BoolArray
    withheld_B: BoolArray


@dataclass(frozen=True, slots=True)
class _Chance:
    """All chance of a batch: a generator for each sequence, and what was drawn from it first.

    Each sequence draws the same numbers whatever the recipe says, so that one option changed leaves the others' chance
    as it was.
    """

    generators: list[np.random.Generator]
    share_B: Draws
    count_B: Draws
    withhold_B: Draws
    lack_B: Draws
    lacking_B: Draws
    choose_N: Draws
    fate_N: Draws
    other_N: Draws
    part_N: Draws
    size_N: Draws
    hide_NM: Draws

    @classmethod
    def draw(cls, batch: Batch, seed: Sequence[int]) -> "_Chance":
        generators = [np.random.default_rng([*seed, _title_number(s.title), s.start]) for s in batch.spans]
        sequence_5B = np.array([g.random(5) for g in generators]).reshape(-1, 5).T
        columns = 5 + batch.present_NM.shape[1]
        shots = [g.random((len(span), columns)) for g, span in zip(generators, batch.spans, strict=True)]
        shot_N = np.concatenate(shots) if shots else np.zeros((0, columns))
        share, count, withhold, lack, lacking = sequence_5B
        choose, fate, other, part, size = shot_N[:, :5].T
        return cls(
            generators, share, count, withhold, lack, lacking, choose, fate, other, part, size, hide_NM=shot_N[:, 5:]
        )


@dataclass(frozen=True, slots=True)
class ShotMasker:
    """Masked Shot Modeling as a `MaskingRecipe` wants it.

    Of each sequence a share of the shots is chosen, at least one. Of the chosen, some stay as they are and some become
    another shot of the batch, as in BERT (Devlin et al. 2019); the others become [MASK], or lose some of their
    modalities. Runs have geometric lengths, as in SpanBERT (Joshi et al. 2020).
    """

    recipe: MaskingRecipe

    def apply(self, batch: Batch, progress: float, seed: Sequence[int]) -> Masking:
        """Mask one batch, which is left as it was.

        progress: how much of the run is over, 0 to 1. seed: whole numbers >= 0. What is chosen of a sequence and
        becomes of it follows from the seed, its title and its first shot, whatever else is in the batch; only what a
        random replacement shows is taken from its company.
        """
        chance = _Chance.draw(batch, seed)
        scored_N = self._choose(batch, progress, chance)
        random_N = scored_N & (chance.fate_N < self.recipe.random)
        kept_N = scored_N & ~random_N & (chance.fate_N < self.recipe.random + self.recipe.kept)
        hidden_N = scored_N & ~random_N & ~kept_N
        part_N = hidden_N & (chance.part_N < self.recipe.modality) & (batch.present_NM.sum(axis=1) > 1)
        source_N = _replacements(batch.real_N, scored_N, random_N, chance)
        present_NM = batch.present_NM[source_N]
        blocks_NM = np.ones_like(present_NM)
        blocks_NM[part_N] = _some(present_NM[part_N], chance.size_N[part_N], chance.hide_NM[part_N])
        shown_NM = present_NM & ~(part_N[:, None] & blocks_NM)
        shown_NM &= ~self._dropped(batch, shown_NM, chance)
        changed_N = random_N | (shown_NM != batch.present_NM).any(axis=1)
        return Masking(
            _corrupted(batch, source_N, present_NM, shown_NM, random_N),
            hidden_N & ~part_N,
            scored_N,
            batch.real_N & ~scored_N & ~changed_N,
            blocks_NM,
            chance.withhold_B < self.recipe.global_dropout,
        )

    def _choose(self, batch: Batch, progress: float, chance: _Chance) -> BoolArray:
        """Which shots are chosen: share * n of a sequence's n on average, exactly so over many sequences."""
        real_N, owner_N = batch.real_N, batch.owner_N
        n_B = np.bincount(owner_N[real_N], minlength=len(batch.spans))
        recipe = self.recipe
        final = recipe.share if recipe.final_share is None else recipe.final_share
        share_B = recipe.share + (final - recipe.share) * progress + recipe.spread * (2 * chance.share_B - 1)
        count_B = np.minimum(np.maximum((share_B * n_B + chance.count_B).astype(np.int64), 1), n_B)
        chosen_N = np.zeros_like(real_N)
        if recipe.span > 1:
            runs = zip(chance.generators, n_B.tolist(), count_B.tolist(), strict=True)
            chosen_N[real_N] = np.concatenate([_runs(n, count, recipe.span, rng) for rng, n, count in runs])
            return chosen_N
        # The largest of log(u) / weight: a weighted draw without replacement (Efraimidis & Spirakis 2006).
        key_N = np.log(1 - chance.choose_N) / self._weights(batch, n_B, chance)
        rows = np.flatnonzero(real_N)
        rows = rows[np.lexsort((-key_N[rows], owner_N[rows]))]
        place = np.arange(len(rows)) - np.repeat(np.cumsum(n_B) - n_B, n_B)
        chosen_N[rows[place < np.repeat(count_B, n_B)]] = True
        return chosen_N

    def _weights(self, batch: Batch, n_B: NDArray[np.int64], chance: _Chance) -> NDArray[np.float64] | float:
        """How readily each shot is chosen: by its rank, in its sequence, of likeness to its neighbours.

        Ranks, since how alike neighbours are depends on encoders and centring. Chance decides between equals.
        """
        if self.recipe.choose == "uniform":
            return 1.0
        rows = np.flatnonzero(batch.real_N)
        likeness = _likeness(batch)[rows]
        sign = 1 if self.recipe.choose == "alike" else -1
        order = rows[np.lexsort((chance.part_N[rows], sign * likeness, batch.owner_N[rows]))]
        weight_N = np.ones(batch.shots)
        weight_N[order] = np.arange(len(rows)) - np.repeat(np.cumsum(n_B) - n_B, n_B) + 1
        return weight_N

    def _dropped(self, batch: Batch, shown_NM: BoolArray, chance: _Chance) -> BoolArray:
        """Blocks that a whole sequence's input lacks; never the last one that a shot shows."""
        dropped_BM = np.zeros((len(batch.spans), shown_NM.shape[1]), np.bool_)
        for row in np.flatnonzero(chance.lack_B < self.recipe.modality_dropout):
            held = np.flatnonzero(batch.present_NM[batch.owner_N == row].any(axis=0))
            if len(held) > 1:
                dropped_BM[row, held[int(chance.lacking_B[row] * len(held))]] = True
        dropped_NM: BoolArray = dropped_BM[batch.owner_N] & (shown_NM.sum(axis=1, keepdims=True) > 1)
        return dropped_NM


def fold_masks(n: int, folds: int, rng: np.random.Generator) -> list[BoolArray]:
    """`folds` masks over n shots of which each shot is in exactly one; sizes differ by one at most."""
    fold_of = rng.permutation(n) % folds
    return [fold_of == k for k in range(min(folds, n))]


@cache
def _title_number(title: str) -> int:
    return int.from_bytes(hashlib.sha256(title.encode()).digest()[:8], "big")


def _runs(n: int, count: int, mean: float, rng: np.random.Generator) -> BoolArray:
    """Exactly `count` of n chosen, in runs that do not touch and are `mean` long on average.

    Every way to cut `count` into that many runs, and to lay them out, is as likely as any other.
    """
    chosen = np.zeros(n, np.bool_)
    if count == 0:
        return chosen
    runs = min(max(int(count / mean + rng.random()), 1), n - count + 1)
    cuts = np.sort(rng.choice(count - 1, runs - 1, replace=False)) + 1
    lengths = np.diff(cuts, prepend=0, append=count)
    before = np.sort(rng.choice(n - count + 1, runs, replace=False))  # shots not chosen that stand before each run
    starts = before + np.cumsum(lengths) - lengths
    for start, length in zip(starts.tolist(), lengths.tolist(), strict=True):
        chosen[start : start + length] = True
    return chosen


def _likeness(batch: Batch) -> FloatArray:
    """Mean cosine of each shot to the one before and the one after in its sequence, if they have features; [N]."""
    fused_ND, real_N, owner_N = batch.fused_ND, batch.real_N, batch.owner_N
    pair = (owner_N[1:] == owner_N[:-1]) & real_N[1:] & real_N[:-1]
    cosine = np.vecdot(fused_ND[1:], fused_ND[:-1]) * pair
    total = np.concatenate([cosine, [0]]) + np.concatenate([[0], cosine])
    neighbours = np.concatenate([pair, [False]]).astype(int) + np.concatenate([[False], pair])
    return np.asarray(total / np.maximum(neighbours, 1), np.float32)


def _replacements(real_N: BoolArray, scored_N: BoolArray, random_N: BoolArray, chance: _Chance) -> NDArray[np.int64]:
    """Whose features each shot shows: its own or, where random, those of a shot of the batch that nobody asks for.

    A shot that is asked for must not stand elsewhere in the input. Where all are asked for, nothing is replaced.
    """
    source_N = np.arange(len(real_N))
    pool = np.flatnonzero(real_N & ~scored_N)
    rows = np.flatnonzero(random_N)
    if len(pool):
        source_N[rows] = pool[(chance.other_N[rows] * len(pool)).astype(np.int64)]
    return source_N


def _some(present_KM: BoolArray, size_K: Draws, hide_KM: Draws) -> BoolArray:
    """For each of K shots some of its modalities, at least one and not all; any number as likely as any other."""
    held_K = present_KM.sum(axis=1)
    count_K = 1 + (size_K * (held_K - 1)).astype(np.int64)
    rank_KM = np.where(present_KM, hide_KM, 2).argsort(axis=1).argsort(axis=1)
    return np.asarray(rank_KM < count_K[:, None])


def _corrupted(
    batch: Batch, source_N: NDArray[np.int64], present_NM: BoolArray, shown_NM: BoolArray, random_N: BoolArray
) -> FloatArray:
    """Input rows: sources with only the blocks shown. All blocks a fused row has are equally long, so what is left
    is at unit norm again when scaled by the root of how many there were over how many there are."""
    lessened = np.flatnonzero((shown_NM != present_NM).any(axis=1))
    if not (len(lessened) or random_N.any()):
        return batch.fused_ND
    fused_ND = batch.fused_ND.copy()
    fused_ND[random_N] = batch.fused_ND[source_N[random_N]]
    if len(lessened):
        counts = present_NM[lessened].sum(axis=1) / shown_NM[lessened].sum(axis=1)
        scale_KM = shown_NM[lessened] * np.sqrt(counts).astype(np.float32)[:, None]
        fused_ND[lessened] *= np.repeat(scale_KM, batch.blocks, axis=1)
    return fused_ND
