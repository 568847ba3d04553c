"""Where the places of unequal sequences stand when they are packed without padding.

A sequence of n shots takes n + 2 rows: [CLS], [GLOBAL], then its shots; sequences follow each other.

Shapes: B sequences, N shots in all, T = N + 2 B places.
"""

# ruff: noqa: N815 (fields carry their shapes)

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

FRONT = 2  # [CLS] and [GLOBAL] stand before the shots, at positions 0 and 1


@dataclass(frozen=True, slots=True)
class Packing:
    """places: rows of each sequence. cls_B, global_B, shot_N: rows of each kind. sequence_N: whose each shot is.

    index_T: position of every row in its own sequence, from 0. offsets: row at which each sequence begins, and the end,
    int32 [B + 1].
    """

    places: tuple[int, ...]
    offsets: Tensor
    cls_B: Tensor
    global_B: Tensor
    shot_N: Tensor
    sequence_N: Tensor
    index_T: Tensor

    @classmethod
    def of(cls, lengths: Sequence[int], device: torch.device) -> "Packing":
        """Layout of sequences of these numbers of shots, each at least 1."""
        lengths_B = torch.as_tensor(lengths, dtype=torch.long)
        sequence_N = torch.repeat_interleave(torch.arange(len(lengths_B)), lengths_B)
        before_B = lengths_B.cumsum(0) - lengths_B
        cls_B = before_B + FRONT * torch.arange(len(lengths_B))
        shot_N = torch.arange(len(sequence_N)) + FRONT * (sequence_N + 1)
        index_T = torch.arange(len(sequence_N) + FRONT * len(lengths_B))
        index_T = index_T - torch.repeat_interleave(cls_B, lengths_B + FRONT)
        offsets = torch.nn.functional.pad((lengths_B + FRONT).cumsum(0), (1, 0)).int()
        rows = (offsets, cls_B, cls_B + 1, shot_N, sequence_N, index_T)
        return cls(tuple((lengths_B + FRONT).tolist()), *(t.to(device, non_blocking=True) for t in rows))

    @property
    def even(self) -> bool:
        """Whether all sequences are of one length."""
        return min(self.places) == max(self.places)
