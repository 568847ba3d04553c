"""The first guess of the curvature: of one matrix for all folds, labels and penalties, held as eigenvectors.

A lane's second derivative is XᵀWX + λI with weights W that differ from row to row. With their mean M (one number, or
for softmax a matrix over classes) in their place it is M ⊗ XᵀX + λI, whose inverse costs two products with the
eigenvectors V of XᵀX, whatever M and λ are. Folds see different rows and standardise differently, but a guess need
not be exact: V comes from all taught rows. With many features not all eigenvectors pay: beyond `WHOLE_WIDTH` only the
leading ones are found (randomised subspace iteration: Halko, Martinsson, Tropp 2011) and one mean stands for the rest.

D features, R eigenvectors, B lanes, K outputs.
"""

# ruff: noqa: N815 (fields carry their shapes)

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mediafm.probes.solver.rows import Moments, Rows, gram, less_group_mean

WHOLE_WIDTH = 3072  # with more features all eigenvectors cost more than the steps they save
LEADING = 512  # eigenvectors that are found then
ROUNDS = 2  # passes over the features to find them
FEW = 0.5  # rows a feature, below which the eigenvectors come from the rows' products
NO_VALUE = 1e-10  # of the largest eigenvalue: what is smaller is rounding
SMALLEST_BEND = 1e-6  # of a row's mean second derivative, where a lane is all but certain of every row


@dataclass(frozen=True)
class Curvature:
    """Eigenvectors [D, R] and eigenvalues [R] of the features' correlations; the mean of the others, if there are."""

    vectors_DR: Tensor
    values_R: Tensor
    rest: float | None

    def solve(self, vector_BKQ: Tensor, bend_BKK: Tensor, count_B: Tensor, penalty_B: Tensor) -> Tensor:
        """The inverse of the guess times a vector, [B, K, D + 1] (weights, then the intercept).

        bend: mean second derivative of a row's loss by its logits; count: rows of the lane; penalty: λ.
        """
        mean_BK, turn_BKK = _eigen_small(bend_BKK)
        turned_BKQ = turn_BKK.mT @ vector_BKQ if turn_BKK is not None else vector_BKQ
        strength_BK1 = (mean_BK.clamp(min=SMALLEST_BEND) * count_B[:, None])[..., None]
        penalty_B11 = penalty_B[:, None, None]
        inner_BKR = turned_BKQ[..., :-1] @ self.vectors_DR
        scale_BKR = 1 / (strength_BK1 * self.values_R + penalty_B11)
        solved_BKQ = torch.empty_like(turned_BKQ)
        if self.rest is None:
            solved_BKQ[..., :-1] = (inner_BKR * scale_BKR) @ self.vectors_DR.T
        else:
            rest_BK1 = 1 / (strength_BK1 * self.rest + penalty_B11)
            solved_BKQ[..., :-1] = (inner_BKR * (scale_BKR - rest_BK1)) @ self.vectors_DR.T
            solved_BKQ[..., :-1] += rest_BK1 * turned_BKQ[..., :-1]
        solved_BKQ[..., -1:] = turned_BKQ[..., -1:] / strength_BK1
        return turn_BKK @ solved_BKQ if turn_BKK is not None else solved_BKQ


def _eigen_small(bend_BKK: Tensor) -> tuple[Tensor, Tensor | None]:
    """Eigenvalues [B, K] and eigenvectors [B, K, K] of the lanes' small matrices; none are needed for one output."""
    if bend_BKK.shape[1] == 1:
        return bend_BKK[..., 0], None
    values_BK, vectors_BKK = torch.linalg.eigh(bend_BKK)
    return values_BK, vectors_BKK


def make_curvature(rows: Rows, pooled: Moments, groups: NDArray[np.int64] | None = None) -> Curvature:
    """The guess from all taught rows, whose moments are the only ones of `pooled` (one fold).

    groups: where only differences within a group count.
    """
    which = rows.taught if groups is None else rows.taught[np.argsort(groups[rows.taught], kind="stable")]
    if len(which) <= FEW * rows.width and len(which) <= WHOLE_WIDTH:
        return _from_few(rows, which, pooled, groups)
    whole = rows.width <= WHOLE_WIDTH
    return _from_gram(rows, which, pooled, groups) if whole else _from_sketch(rows, which, pooled, groups)


def _standard(
    rows: Rows, which: NDArray[np.int64], pooled: Moments, groups: NDArray[np.int64] | None
) -> Iterator[Tensor]:
    """The rows in turn, less their mean or their group's, on the scale of the features."""
    mean_D, scale_D = pooled.offset_FD[0].to(rows.kind), pooled.scale_FD[0].to(rows.kind)
    for chunk in rows.cut(which):
        features_nD = rows.read(chunk)
        centred_nD = features_nD.sub_(mean_D) if groups is None else less_group_mean(features_nD, groups[chunk.rows])
        yield centred_nD.div_(scale_D)


def _from_few(rows: Rows, which: NDArray[np.int64], pooled: Moments, groups: NDArray[np.int64] | None) -> Curvature:
    standard_ND = torch.cat([part.double() for part in _standard(rows, which, pooled, groups)])
    values_N, turn_NN = torch.linalg.eigh(standard_ND @ standard_ND.T / len(which))
    told_N = values_N > NO_VALUE * values_N[-1]
    values_R = values_N[told_N]
    vectors_DR = standard_ND.T @ turn_NN[:, told_N] / (len(which) * values_R).sqrt()
    return Curvature(vectors_DR.to(rows.kind), values_R.to(rows.kind), 0.0)


def _from_gram(rows: Rows, which: NDArray[np.int64], pooled: Moments, groups: NDArray[np.int64] | None) -> Curvature:
    gram_DD = gram(rows, which, rows.kind, groups)
    mean_D, scale_D = pooled.offset_FD[0].to(rows.kind), pooled.scale_FD[0].to(rows.kind)
    if groups is None:
        gram_DD -= len(which) * torch.outer(mean_D, mean_D)
    gram_DD /= len(which) * torch.outer(scale_D, scale_D)
    values_D, vectors_DD = torch.linalg.eigh(gram_DD)
    return Curvature(vectors_DD, values_D.clamp(min=0), None)


def _from_sketch(rows: Rows, which: NDArray[np.int64], pooled: Moments, groups: NDArray[np.int64] | None) -> Curvature:
    generator = torch.Generator().manual_seed(0)  # which start is taken hardly matters: a fixed one, the same each time
    count = min(LEADING, rows.width, len(which))
    image_DR = torch.randn(rows.width, count, generator=generator, dtype=rows.kind).to(rows.device)
    for _ in range(ROUNDS):
        basis_DR = torch.linalg.qr(image_DR).Q
        image_DR, total = torch.zeros_like(basis_DR), 0.0
        for standard_nD in _standard(rows, which, pooled, groups):
            image_DR.addmm_(standard_nD.T, standard_nD @ basis_DR)
            total += float(standard_nD.square().sum())
    # In the span of the last basis the matrix is Qᵀ A Q: its eigenvectors, turned back, are the guess.
    values_R, turn_RR = torch.linalg.eigh(basis_DR.T @ image_DR / len(which))
    values_R = values_R.clamp(min=0)
    rest = max(total / len(which) - float(values_R.sum()), 0.0) / max(rows.width - count, 1)
    return Curvature(basis_DR @ turn_RR, values_R, rest)
