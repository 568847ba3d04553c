"""Ridge regression in closed form: one Gram matrix a fold, one Cholesky factor a penalty, all targets at once.

A fold's Gram matrix is that of all rows less that of the fold's unseen ones, where those are fewer. With fewer rows
than features the matrix of products between rows takes its place (w = Xᵀ(XXᵀ + λI)⁻¹y). Double precision throughout.

D features, L targets, n a fold's rows, M targets that share a penalty.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from mediafm.probes.solver.losses import Squared
from mediafm.probes.solver.problem import Problem, Solution
from mediafm.probes.solver.rows import Rows, gram

COLUMNS = 256  # features that are put in double precision at once


def solve_ridge(problem: Problem) -> Solution:
    """Every wanted fit."""
    rows, loss = problem.rows, problem.loss
    assert isinstance(loss, Squared)
    solution = Solution.empty(problem, 1, torch.float64)
    grams = _Grams(rows)
    for fold, teaches_N in enumerate(rows.teaches_FN):
        wanted = np.flatnonzero(problem.wanted_FL[fold])
        if not len(wanted):
            continue
        taught = np.flatnonzero(teaches_N)
        targets_nL = torch.from_numpy(loss.targets[np.ix_(taught, wanted)]).to(rows.device)
        mean_L = targets_nL.mean(dim=0)
        targets_nL -= mean_L
        primal = len(taught) >= rows.width
        system: _System = (
            _Primal(problem, fold, targets_nL, grams.taught(fold)) if primal else _Dual(problem, fold, targets_nL)
        )
        penalties_PL = len(taught) * problem.penalties_FPL[fold][:, wanted]
        for penalty in np.unique(penalties_PL):
            place, column = np.nonzero(penalties_PL == penalty)
            weights_DM, gradient_DM = system.solve(float(penalty), torch.from_numpy(column).to(rows.device))
            solution.weights_FPMD[fold, place, wanted[column]] = weights_DM.T.cpu()
            solution.intercepts_FPM[fold, place, wanted[column]] = mean_L[column].cpu()
            solution.norm_FPL[fold, place, wanted[column]] = gradient_DM.abs().amax(dim=0).cpu() / len(taught)
    return solution


class _Grams:
    """Gram matrices of the folds' rows, less the shift."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.all_DD: Tensor | None = None

    def taught(self, fold: int) -> Tensor:
        """Of the rows that teach a fold, [D, D]."""
        taught = np.flatnonzero(self.rows.teaches_FN[fold])
        unseen = np.setdiff1d(self.rows.taught, taught, assume_unique=True)
        if len(unseen) > len(taught):
            return gram(self.rows, taught, torch.float64)
        if self.all_DD is None:
            self.all_DD = gram(self.rows, self.rows.taught, torch.float64)
        return self.all_DD - gram(self.rows, unseen, torch.float64)


class _System(ABC):
    """The normal equations of one fold."""

    matrix: Tensor

    @abstractmethod
    def solve(self, penalty: float, column_M: Tensor) -> tuple[Tensor, Tensor]:
        """Weights of these targets on standardised features and what is left of their gradients, [D, M] each."""

    def _solve(self, penalty: float, sides: Tensor) -> tuple[Tensor, Tensor]:
        """x with (matrix + penalty) x = sides, and by how much the rounded x misses that."""
        shifted = self.matrix.clone()
        shifted.diagonal().add_(penalty)
        solved = torch.cholesky_solve(sides, torch.linalg.cholesky(shifted))
        return solved, torch.addmm(sides, self.matrix, solved, beta=-1).add_(solved, alpha=penalty)


class _Primal(_System):
    """XᵀX + λI of one fold, standardised; the matrix is made of `gram_DD`, which it takes over."""

    def __init__(self, problem: Problem, fold: int, targets_nL: Tensor, gram_DD: Tensor) -> None:
        rows = problem.rows
        taught = np.flatnonzero(rows.teaches_FN[fold])
        offset_D, scale_D = problem.moments.offset_FD[fold], problem.moments.scale_FD[fold]
        gram_DD.addr_(offset_D, offset_D, alpha=-len(taught))
        self.matrix = gram_DD.div_(scale_D).div_(scale_D[:, None])
        # Centred targets sum to zero, so that the features' own means drop out here.
        self.sides_DL = torch.zeros(rows.width, targets_nL.shape[1], dtype=torch.float64, device=rows.device)
        first = 0
        for chunk in rows.cut(taught):
            self.sides_DL.addmm_(rows.read(chunk).double().T, targets_nL[first : first + len(chunk.rows)])
            first += len(chunk.rows)
        self.sides_DL /= scale_D[:, None]

    def solve(self, penalty: float, column_M: Tensor) -> tuple[Tensor, Tensor]:
        return self._solve(penalty, self.sides_DL[:, column_M])


class _Dual(_System):
    """XXᵀ + λI of one fold, standardised."""

    def __init__(self, problem: Problem, fold: int, targets_nL: Tensor) -> None:
        self.problem, self.fold, self.targets_nL = problem, fold, targets_nL
        self.matrix = torch.zeros(len(targets_nL), len(targets_nL), dtype=torch.float64, device=targets_nL.device)
        for panel_nd in self._panels():
            self.matrix.addmm_(panel_nd, panel_nd.T)

    def solve(self, penalty: float, column_M: Tensor) -> tuple[Tensor, Tensor]:
        dual_nM, left_nM = self._solve(penalty, self.targets_nL[:, column_M])
        pairs = [(panel_nd.T @ dual_nM, panel_nd.T @ left_nM) for panel_nd in self._panels()]
        weights, gradients = zip(*pairs, strict=True)
        return torch.cat(weights), torch.cat(gradients)

    def _panels(self) -> Iterator[Tensor]:
        """The fold's taught rows, standardised in double precision, some features at a time: [n, d]."""
        rows, moments = self.problem.rows, self.problem.moments
        index = torch.from_numpy(np.flatnonzero(rows.teaches_FN[self.fold])).to(rows.device)
        for first in range(0, rows.width, COLUMNS):
            span = slice(first, first + COLUMNS)
            panel_nd = (rows.features_ND[:, span][index] - rows.shift_D[span]).double()
            yield (panel_nd - moments.offset_FD[self.fold, span]) / moments.scale_FD[self.fold, span]
