"""`fit_linear`: checks what it is given, fits every label, fold and penalty, and answers on raw features."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mediafm.errors import TrainingError, UsageError
from mediafm.probes.solver.curvature import make_curvature
from mediafm.probes.solver.losses import Loss, PairwiseRank, Squared
from mediafm.probes.solver.problem import Problem, Solution
from mediafm.probes.solver.ridge import solve_ridge
from mediafm.probes.solver.rows import Rows, moments
from mediafm.probes.solver.sidebyside import solve_side_by_side
from mediafm.types import BoolArray

# Steps in single precision. Most fits take a third of them. Where rows repeat each other (a title's metadata, shot by
# shot) their rounding errors are alike and add up, and no step gets below that: such fits begin again in double.
SINGLE_STEPS = 100


@dataclass(frozen=True, slots=True)
class LinearFit:
    """Linear probes on raw features: logits = x @ weights[f, p, l] + intercepts[f, p, l].

    weights: [F, P, L, D]; intercepts: [F, P, L], 0 for PairwiseRank, which has none; for Softmax the classes stand in
    L's place, weights and intercepts summing to zero over them. gradient_norm: [F, P, L] (Softmax: L is 1), the largest
    gradient entry on standardised features over the number of taught rows, where it was last taken: the weights are
    one more step on, which was within the tolerance. iterations: [F, P, L], steps that each fit took from where it
    began. mean, scale: [F, D], each fold's standardisation. NaN (0 iterations) where nothing was wanted.
    """

    weights: NDArray[Any]
    intercepts: NDArray[Any]
    gradient_norm: NDArray[np.float64]
    iterations: NDArray[np.int64]
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]


def fit_linear(
    features: NDArray[Any],
    loss: Loss,
    teaches: BoolArray,
    penalties: Any,
    wanted: BoolArray | None = None,
    tolerance: float = 2e-5,
    max_iterations: int = 5000,
    device: str = "cpu",
) -> LinearFit:
    """Fit every label in every fold at every penalty, on one copy of the features.

    features: float32 [N, D], raw (float64 is computed in double precision throughout); teaches: bool [F, N], the rows
    that a fold's fits may see, rows that none sees being never read; penalties: L2 a taught row, greater than 0, [P] or
    anything of three axes that broadcasts to [F, P, L] (Softmax: L is 1); wanted: bool [F, L], which fits are (all);
    device: "cpu", or "cuda", onto which the features are copied.

    A fit minimises the sum of the loss over the fold's taught rows plus λ/2 |w|², with w the weights on features
    standardised on these rows (columns that hardly vary are only centred), λ the penalty times their number, and the
    intercept free. It has converged when its next step is shorter than `tolerance` times its weights.

    Raises TrainingError if a fit has not after `max_iterations` steps; UsageError for shapes that do not fit together,
    and if a wanted label cannot be learned in its fold (one class only, no untied pair).
    """
    features, teaches = np.asarray(features), np.asarray(teaches)
    penalties_FPL, wanted_FL = _checked(features, loss, teaches, penalties, wanted)
    rows = Rows(features, teaches, device)
    problem = Problem(rows, moments(rows, teaches), loss, penalties_FPL, wanted_FL)
    if isinstance(loss, Squared):
        return _on_raw_features(problem, solve_ridge(problem))
    double = rows.kind == torch.float64
    solution = _descend(problem, tolerance, max_iterations if double else min(SINGLE_STEPS, max_iterations))
    lost_FL = _lost(solution, wanted_FL)
    if lost_FL.any() and not double:
        again = Problem(Rows(features, teaches, device, double=True), problem.moments, loss, penalties_FPL, lost_FL)
        solution.take(_descend(again, tolerance, max_iterations), lost_FL)
        lost_FL = _lost(solution, wanted_FL)
    if lost_FL.any():
        failed = int(solution.norm_FPL.isnan().numpy()[np.broadcast_to(lost_FL[:, None], penalties_FPL.shape)].sum())
        raise TrainingError(
            f"The probe's solver did not converge in {max_iterations} steps for {failed} of "
            f"{int(wanted_FL.sum()) * penalties_FPL.shape[1]} fits.",
            "Use stronger penalties, or allow more steps.",
        )
    return _on_raw_features(problem, solution)


def _descend(problem: Problem, tolerance: float, max_iterations: int) -> Solution:
    rows = problem.rows
    curvature = make_curvature(rows, moments(rows, np.any(rows.teaches_FN, axis=0)[None]), problem.groups)
    return solve_side_by_side(problem, curvature, tolerance, max_iterations)


def _lost(solution: Solution, wanted_FL: BoolArray) -> BoolArray:
    """Labels [F, L] some of whose fits did not converge."""
    return np.asarray(wanted_FL & solution.norm_FPL.isnan().any(dim=1).numpy())


def _checked(
    features: NDArray[Any], loss: Loss, teaches: BoolArray, penalties: Any, wanted: BoolArray | None
) -> tuple[NDArray[np.float64], BoolArray]:
    """Penalties in full [F, P, L] and the wanted fits [F, L]."""
    if features.ndim != 2 or teaches.dtype != np.bool_ or teaches.shape[1:] != features.shape[:1]:
        raise UsageError(
            f"Features {features.shape} and taught rows {teaches.dtype} {teaches.shape} do not fit together.",
            "Give features [rows, width] and true or false for [folds, rows].",
        )
    if loss.rows != len(features):
        raise UsageError(f"There are {len(features)} rows of features, but targets of {loss.rows}.", "Give one each.")
    penalties = np.asarray(penalties, dtype=np.float64)
    penalties = penalties[:, None] if penalties.ndim == 1 else penalties
    try:
        penalties_FPL = np.broadcast_to(penalties, (len(teaches), *penalties.shape[-2:-1], loss.labels))
        wanted_FL = np.broadcast_to(True if wanted is None else np.asarray(wanted), (len(teaches), loss.labels))
    except ValueError:
        raise UsageError(
            f"Penalties {penalties.shape} or what is wanted do not fit {len(teaches)} folds and {loss.labels} labels.",
            "Penalties broadcast to [folds, penalties, labels], `wanted` to [folds, labels].",
        ) from None
    if not (np.isfinite(penalties_FPL) & (penalties_FPL > 0)).all():
        raise UsageError("Every penalty of a probe must be greater than 0.", "Without one the optimum may not exist.")
    _check_lessons(loss, teaches, wanted_FL)
    return penalties_FPL, wanted_FL


def _check_lessons(loss: Loss, teaches: BoolArray, wanted_FL: BoolArray) -> None:
    """Raises UsageError if a wanted label cannot be learned from its fold's rows."""
    for fold, label in zip(*np.nonzero(wanted_FL), strict=True):
        taught = int(teaches[fold].sum())
        complaint = loss.complaint(teaches[fold], int(label)) if taught else "there is nothing to learn from"
        if complaint:
            raise UsageError(
                f"In the {taught} rows that teach fold {int(fold)}, {complaint}.",
                "Leave this fit out (`wanted`), or teach it rows of every kind.",
            )


def _on_raw_features(problem: Problem, solution: Solution) -> LinearFit:
    """Fold each fold's standardisation into its weights and intercepts."""
    kind = problem.rows.kind
    scale_FD = problem.moments.scale_FD.cpu()
    mean_FD = (problem.moments.offset_FD + problem.rows.shift_D).cpu()
    weights_FPMD = solution.weights_FPMD.div_(scale_FD[:, None, None].to(solution.weights_FPMD.dtype))
    if not isinstance(problem.loss, PairwiseRank):
        for weights_PMD, intercepts_PM, mean_D in zip(weights_FPMD, solution.intercepts_FPM, mean_FD, strict=True):
            intercepts_PM -= weights_PMD.double() @ mean_D
    return LinearFit(
        weights_FPMD.to(kind).numpy(),
        solution.intercepts_FPM.to(kind).numpy(),
        solution.norm_FPL.numpy(),
        solution.iterations_FPL,
        mean_FD.numpy(),
        scale_FD.numpy(),
    )
