"""Which shots of a batch are hidden, changed and scored.

Shapes: B sequences, S shots, D fused size.
"""

# ruff: noqa: N815 (fields carry their shapes)

from dataclasses import dataclass

import numpy as np

from mediafm.types import BoolArray, FloatArray


@dataclass(frozen=True, slots=True)
class Masking:
    """fused_BSD: the input, with some shots replaced by others. masked_BS: to become [MASK]. scored_BS: in the loss."""

    fused_BSD: FloatArray
    masked_BS: BoolArray
    scored_BS: BoolArray


@dataclass(frozen=True, slots=True)
class ShotMasker:
    """Chooses `share` of each sequence's shots, at least one; the rest of the sequence is context.

    Of the chosen, a part `kept` stays as it is and a part `random` becomes some other shot of the batch, as in BERT;
    all others become [MASK]. All chosen are scored against the original. `span` is the mean length of the runs that are
    chosen (geometric, as in SpanBERT); 1 chooses shots one by one. Shots without any feature are never chosen: there
    is nothing to predict.
    """

    share: float = 0.2
    kept: float = 0.0
    random: float = 0.0
    span: float = 1.0

    def apply(self, fused_BSD: FloatArray, rng: np.random.Generator) -> Masking:
        """Mask one batch; rows of zeros are padding or shots without features. The input is left as it was."""
        real_BS: BoolArray = np.asarray(fused_BSD.any(axis=-1))
        scored_BS = np.zeros_like(real_BS)
        for row, real_S in enumerate(real_BS):
            candidates = np.flatnonzero(real_S)
            if len(candidates):
                scored_BS[row, candidates[self._choose(len(candidates), rng)]] = True
        return self._corrupt(fused_BSD, real_BS, scored_BS, rng)

    def _choose(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Indices of the chosen among n; their number is share * n on average, exactly so over many sequences."""
        count = min(max(int(self.share * n + rng.random()), 1), n)
        if self.span <= 1:
            return rng.choice(n, size=count, replace=False)
        chosen = np.zeros(n, np.bool_)
        while (missing := count - int(chosen.sum())) > 0:
            length = min(int(rng.geometric(1 / self.span)), missing)
            start = int(rng.integers(n - length + 1))
            chosen[start : start + length] = True
        return np.flatnonzero(chosen)

    def _corrupt(
        self, fused_BSD: FloatArray, real_BS: BoolArray, scored_BS: BoolArray, rng: np.random.Generator
    ) -> Masking:
        draw_BS = rng.random(scored_BS.shape)
        random_BS = scored_BS & (draw_BS < self.random)
        kept_BS = scored_BS & ~random_BS & (draw_BS < self.random + self.kept)
        masked_BS = scored_BS & ~random_BS & ~kept_BS
        if random_BS.any():
            pool = np.flatnonzero(real_BS.ravel())
            others = rng.choice(pool, size=int(random_BS.sum()))
            replacement_ND = fused_BSD.reshape(-1, fused_BSD.shape[-1])[others]
            fused_BSD = fused_BSD.copy()
            fused_BSD[random_BS] = replacement_ND
        return Masking(fused_BSD, masked_BS, scored_BS)


def fold_masks(n: int, folds: int, rng: np.random.Generator) -> list[BoolArray]:
    """`folds` masks over n shots of which each shot is in exactly one; sizes differ by one at most."""
    fold_of = rng.permutation(n) % folds
    return [fold_of == k for k in range(min(folds, n))]
