"""Batches of fused sequences, packed: all shots of all sequences under each other, without padding.

Shapes: B sequences, N shots of all of them, D fused size, M fused modalities, G metadata size.
"""

# ruff: noqa: N802, N815 (names carry their shapes)

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mediafm.fusion import FusionStats, fuse
from mediafm.sequences.cache import FeatureCache
from mediafm.sequences.windows import Span
from mediafm.types import BoolArray, FloatArray


@dataclass(frozen=True)
class Batch:
    """Sequences of shots, the one after the other.

    spans: the B sequences. fused_ND: unit rows, zero where a shot has no feature. present_NM: which blocks of a row
    count. lengths_B: int64. global_BG: metadata vectors, zeros where unknown. times_N2: start and end of each shot,
    seconds from its title's zero. blocks: sizes of the M blocks that make D.
    """

    spans: tuple[Span, ...]
    fused_ND: FloatArray
    present_NM: BoolArray
    lengths_B: NDArray[np.int64]
    global_BG: FloatArray
    times_N2: FloatArray
    blocks: tuple[int, ...]

    @property
    def shots(self) -> int:
        """N."""
        return len(self.fused_ND)

    @cached_property
    def real_N(self) -> BoolArray:
        """Which shots have any feature."""
        return np.asarray(self.present_NM.any(axis=1))

    @cached_property
    def owner_N(self) -> NDArray[np.int64]:
        """The sequence, 0 to B - 1, that each shot belongs to."""
        return np.repeat(np.arange(len(self.spans)), self.lengths_B)


def collate(cache: FeatureCache, stats: FusionStats, spans: Sequence[Span]) -> Batch:
    """Gather the spans' rows and fuse them all at once."""
    features, times_N2 = cache.gather(spans)
    fused_ND, present_NM = fuse(features, stats)
    return Batch(
        tuple(spans),
        fused_ND,
        present_NM,
        np.array([len(span) for span in spans], np.int64),
        np.stack([cache.global_vector(span.title) for span in spans]),
        times_N2,
        tuple(stats.spec.dims.values()),
    )
