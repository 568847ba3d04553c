"""Fits that need steps: as many lanes (one label in one fold each) side by side as memory allows."""

import numpy as np
import torch
from numpy.typing import NDArray

from mediafm.probes.solver.curvature import Curvature
from mediafm.probes.solver.descent import HISTORY, Descent
from mediafm.probes.solver.lanes import Logits
from mediafm.probes.solver.logits import LogisticObjective, Objective, RankObjective, SoftmaxObjective
from mediafm.probes.solver.losses import Logistic, Loss, PairwiseRank, Softmax
from mediafm.probes.solver.problem import Problem, Solution

LOGITS_HELD = 4  # arrays of logits that a lane keeps (lanes.py)
VECTORS_HELD = 2 * HISTORY + 8  # and vectors as long as its weights (descent.py)
ROOM = 1.4  # memory of the lanes that descend together, in sizes of the features
LEAST_ROOM = 2**28  # bytes that it may be in any case


def make_objective(loss: Loss) -> Objective:
    """The loss as the descent sees it."""
    if isinstance(loss, Logistic):
        return LogisticObjective(loss)
    if isinstance(loss, Softmax):
        return SoftmaxObjective(loss)
    assert isinstance(loss, PairwiseRank)
    return RankObjective(loss)


def solve_side_by_side(problem: Problem, curvature: Curvature, tolerance: float, max_iterations: int) -> Solution:
    """Every wanted fit; NaN where it did not converge in so many steps."""
    objective = make_objective(problem.loss)
    solution = Solution.empty(problem, objective.outputs, problem.rows.kind)
    for lanes in _shares(problem, objective.outputs):
        descent, order_BP = _begin(problem, curvature, objective, lanes)
        descent.run(tolerance, max_iterations)
        _put(solution, descent, lanes, order_BP)
    return solution


def _shares(problem: Problem, outputs: int) -> list[NDArray[np.int64]]:
    """Wanted lanes (fold, label) in as few and equal shares as memory allows, label by label."""
    rows = problem.rows
    label, fold = np.nonzero(problem.wanted_FL.T)
    if not len(fold):
        return []
    taught = rows.teaches_FN.sum(axis=1)[fold]
    size = rows.features_ND.element_size()
    bytes_B = size * outputs * (LOGITS_HELD * taught + VECTORS_HELD * rows.width)
    room = max(ROOM * size * rows.features_ND.numel(), LEAST_ROOM)
    return np.array_split(np.stack([fold, label], axis=1), min(int(bytes_B.sum() / room) + 1, len(fold)))


def _begin(
    problem: Problem, curvature: Curvature, objective: Objective, lanes: NDArray[np.int64]
) -> tuple[Descent, NDArray[np.int64]]:
    """The descent of some lanes (fold, label), and the order in which each takes its penalties [B, P]."""
    rows, (fold, label) = problem.rows, lanes.T
    fold_B, label_B = (torch.from_numpy(part.copy()).to(rows.device) for part in (fold, label))
    count_B = problem.moments.count_F[fold_B].to(rows.kind)
    penalty_BP = problem.penalties_FPL[fold, :, label]
    order_BP = np.argsort(-penalty_BP, axis=1, kind="stable")
    path_BP = torch.from_numpy(np.take_along_axis(penalty_BP, order_BP, axis=1)).to(count_B) * count_B[:, None]
    start_BKQ = count_B.new_zeros(len(lanes), objective.outputs, rows.width + 1)
    first = np.stack([objective.start(rows.teaches_FN[f], int(c)) for f, c in lanes])
    start_BKQ[..., -1] = torch.from_numpy(first).to(count_B)
    logits = Logits(rows, objective, problem.moments, fold_B, label_B, start_BKQ[..., -1], problem.groups)
    return Descent(logits, curvature, path_BP, count_B, start_BKQ, objective.intercept), order_BP


def _put(solution: Solution, descent: Descent, lanes: NDArray[np.int64], order_BP: NDArray[np.int64]) -> None:
    """Write what these lanes found in its place."""
    outputs = descent.solved_BPKQ.shape[2]
    for number, (fold, label) in enumerate(lanes):
        span, order = slice(label * outputs, (label + 1) * outputs), order_BP[number]
        solved_PKQ = descent.solved_BPKQ[number].cpu()
        solution.weights_FPMD[fold, order, span] = solved_PKQ[..., :-1]
        solution.intercepts_FPM[fold, order, span] = solved_PKQ[..., -1].double()
        solution.norm_FPL[fold, order, label] = descent.norm_BP[number].double().cpu()
        solution.iterations_FPL[fold, order, label] = descent.taken_BP[number].cpu().numpy()
