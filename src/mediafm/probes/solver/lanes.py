"""All logits of one descent, block by block: the only place that multiplies with the features.

A lane is one label in one fold. Lanes are grouped by the rows that teach them (`patterns` in rows.py), so that no
product is spent on rows that a lane may not see and none is masked. Products of all lanes of a section with a chunk of
features are one matrix product; what follows a product works on logits while they are in the processor's cache.

B lanes, K outputs, D features, n rows of a block.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mediafm.probes.solver.logits import BlockTargets, Objective
from mediafm.probes.solver.rows import Chunk, Moments, Rows, patterns


@dataclass
class _Block:
    """Some rows, and for the lanes of its section [B, K, n]: logits; how a step would move them; the residual there;
    and the logits of the last solution on the lane's path."""

    chunks: list[Chunk]
    targets: BlockTargets
    logits: Tensor
    moved: Tensor
    residual: Tensor
    before: Tensor


@dataclass
class _Section:
    """Lanes that the same rows teach. lanes: their numbers among all, [B]."""

    lanes: Tensor
    blocks: list[_Block]


class Logits:
    """The logits of B lanes on the rows that teach them.

    fold_B, label_B: what each lane is; start_BK: their intercepts while all weights are zero. inverse and ratio [B, D]:
    one over the deviation, and the mean over the deviation, of the lane's fold.
    """

    def __init__(
        self,
        rows: Rows,
        objective: Objective,
        moments: Moments,
        fold_B: Tensor,
        label_B: Tensor,
        start_BK: Tensor,
        groups: NDArray[np.int64] | None,
    ) -> None:
        self.rows, self.label_B = rows, label_B
        self.inverse_BD = (1 / moments.scale_FD).to(rows.kind)[fold_B]
        self.ratio_BD = (moments.offset_FD / moments.scale_FD).to(rows.kind)[fold_B]
        self.sections: list[_Section] = []
        fold_of_lane = fold_B.cpu().numpy()
        for which, folds in patterns(rows.teaches_FN, groups):
            lanes = torch.from_numpy(np.flatnonzero(np.isin(fold_of_lane, folds))).to(rows.device)
            if len(lanes):
                pieces = _pieces(which, rows.chunk, groups)
                blocks = [_first_block(rows, objective, start_BK[lanes], piece) for piece in pieces]
                self.sections.append(_Section(lanes, blocks))

    def aim(self, direction_BKQ: Tensor, along_path_B: Tensor) -> None:
        """How the logits would move by a whole step. along_path [B]: 0, or the sign of a step on from the last solution
        on the path, whose logits are known without a product; what is here now becomes the last solution."""
        for section in self.sections:
            known_B = along_path_B[section.lanes]
            fresh = torch.nonzero(known_B == 0)[:, 0]
            known = torch.nonzero(known_B)[:, 0]
            weights_MD, constant_M1 = self._standard_weights(direction_BKQ, section.lanes[fresh])
            for block in section.blocks:
                if len(known):
                    here_bKn = block.logits[known]
                    block.moved[known] = known_B[known, None, None] * (here_bKn - block.before[known])
                    block.before[known] = here_bKn
                if len(fresh):
                    self._product(block, weights_MD, constant_M1, fresh if len(known) else None)

    def _standard_weights(self, direction_BKQ: Tensor, lanes: Tensor) -> tuple[Tensor, Tensor]:
        """Weights [M, D] and constants [M, 1] on the features as they are read; M lanes times outputs."""
        chosen_BKQ = direction_BKQ[lanes]
        weights_BKD = chosen_BKQ[..., :-1] * self.inverse_BD[lanes, None]
        constant_BK = chosen_BKQ[..., -1] - torch.linalg.vecdot(chosen_BKQ[..., :-1], self.ratio_BD[lanes, None])
        return weights_BKD.flatten(0, 1), constant_BK.reshape(-1, 1)

    def _product(self, block: _Block, weights_MD: Tensor, constant_M1: Tensor, some: Tensor | None) -> None:
        first = 0
        flat_Mn = block.moved.view(-1, block.moved.shape[-1])
        for chunk in block.chunks:
            features_nD = self.rows.read(chunk)
            span = slice(first, first + len(features_nD))
            if some is None:
                torch.addmm(constant_M1, weights_MD, features_nD.T, out=flat_Mn[:, span])
            else:
                moved_Mn = torch.addmm(constant_M1, weights_MD, features_nD.T)
                block.moved[some, :, span] = moved_Mn.view(len(some), -1, len(features_nD))
            first = span.stop

    def slope(self, length_B: Tensor) -> tuple[Tensor, Tensor]:
        """Slope of the losses along `aim` after steps of these lengths, [B], and how they bend there, [B, K, K]."""
        slope_B = torch.zeros_like(length_B)
        outputs = self.sections[0].blocks[0].logits.shape[1]
        bend_BKK = length_B.new_zeros(len(length_B), outputs, outputs)
        for section in self.sections:
            step_B11, label_B = length_B[section.lanes, None, None], self.label_B[section.lanes]
            for block in section.blocks:
                there_BKn = torch.addcmul(block.logits, step_B11, block.moved)
                block.residual, bend_bKK = block.targets.residual(there_BKn, label_B)
                slope_BK = torch.linalg.vecdot(block.residual, block.moved)
                slope_B.index_add_(0, section.lanes, slope_BK.sum(dim=1))
                bend_BKK.index_add_(0, section.lanes, bend_bKK)
        return slope_B, bend_BKK

    def step(self, length_B: Tensor) -> Tensor:
        """Take the step whose `slope` was asked last; the gradient of the losses there, [B, K, D + 1]."""
        outputs = self.sections[0].blocks[0].logits.shape[1]
        gradient_BKQ = length_B.new_zeros(len(length_B), outputs, self.rows.width + 1)
        for section in self.sections:
            step_B11 = length_B[section.lanes, None, None]
            product_MD = length_B.new_zeros(len(section.lanes) * outputs, self.rows.width)
            total_BK = length_B.new_zeros(len(section.lanes), outputs)
            for block in section.blocks:
                block.logits.addcmul_(step_B11, block.moved)
                total_BK += block.residual.sum(dim=-1)
                residual_Mn, first = block.residual.flatten(0, 1), 0
                for chunk in block.chunks:
                    span = slice(first, first + len(chunk.rows))
                    product_MD.addmm_(residual_Mn[:, span], self.rows.read(chunk))
                    first = span.stop
            product_BKD = product_MD.view(len(section.lanes), outputs, -1)
            product_BKD *= self.inverse_BD[section.lanes, None]
            product_BKD -= total_BK[..., None] * self.ratio_BD[section.lanes, None]
            gradient_BKQ[..., :-1].index_add_(0, section.lanes, product_BKD)
            gradient_BKQ[..., -1].index_add_(0, section.lanes, total_BK)
        return gradient_BKQ

    def keep(self, keep_B: Tensor) -> None:
        """Forget all other lanes."""
        number_B = keep_B.cumsum(0) - 1
        self.label_B, self.inverse_BD, self.ratio_BD = (
            self.label_B[keep_B],
            self.inverse_BD[keep_B],
            self.ratio_BD[keep_B],
        )
        for section in self.sections:
            mine_B = keep_B[section.lanes]
            section.lanes = number_B[section.lanes[mine_B]]
            if not mine_B.all():
                for block in section.blocks:
                    for name in ("logits", "moved", "residual", "before"):
                        setattr(block, name, getattr(block, name)[mine_B])
        self.sections = [section for section in self.sections if len(section.lanes)]


def _first_block(rows: Rows, objective: Objective, start_BK: Tensor, piece: NDArray[np.int64]) -> _Block:
    """These rows before the first step: all logits are the intercepts."""
    logits_BKn = start_BK[..., None].expand(-1, -1, len(piece)).contiguous()
    moved_BKn, residual_BKn = torch.zeros_like(logits_BKn), torch.zeros_like(logits_BKn)
    targets = objective.block(piece, logits_BKn)
    return _Block(rows.cut(piece), targets, logits_BKn, moved_BKn, residual_BKn, logits_BKn.clone())


def _pieces(which: NDArray[np.int64], limit: int, groups: NDArray[np.int64] | None) -> list[NDArray[Any]]:
    """Rows in blocks of about `limit`; where rows have groups (and come sorted by them), no group is cut."""
    if groups is None:
        return np.array_split(which, -(-len(which) // limit))
    starts = np.flatnonzero(np.diff(groups[which], prepend=-1))
    block_of_group = starts // limit
    cuts = starts[np.flatnonzero(np.diff(block_of_group)) + 1]
    return np.split(which, cuts)
