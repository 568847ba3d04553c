"""Our own convex solver: one-vs-rest L2 logistic regression for many labels and penalties on one copy of the features.

For every label and every penalty λ it minimises, over weights w and intercept b (which is not penalised),

    sum_i log(1 + exp(-y_i (x_i·w + b))) + λ/2 |w|²            (scikit-learn's LogisticRegression with C = 1/λ)

by limited-memory BFGS. Three things make it quick where features are correlated, as embeddings are. All columns (label
x penalty) share each product with the features. The first guess of the inverse curvature is not a multiple of the
identity but (c XᵀX + λ I)⁻¹ with c the column's mean p(1 - p): one eigendecomposition of XᵀX serves every column and
every step; with fewer rows than features, the problem is first turned into the span of its rows. And since logits are
linear in the step, the line search costs no product with the features at all.

Shapes: N rows, D features, L labels, P penalties, C = P·L columns, K = D + 1 (weights, then the intercept).
"""

from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mediafm.errors import TrainingError, UsageError

HISTORY = 8  # pairs of steps and gradient changes that BFGS remembers
EIGEN_LIMIT = 4096  # with more features the eigendecomposition costs more than the steps it saves
LINE_SEARCH_EVALUATIONS = 10
SLOPE_LEFT = 0.1  # a step is good when the slope along it has fallen to this share of what it was


@dataclass(frozen=True, slots=True)
class LogisticFit:
    """weights: [P, L, D]; intercepts: [P, L]; gradient_norm: [P, L], the largest gradient entry divided by N."""

    weights: NDArray[Any]
    intercepts: NDArray[Any]
    gradient_norm: NDArray[np.float64]
    iterations: int


def fit_logistic(
    features: NDArray[Any],
    labels: NDArray[Any],
    penalties: NDArray[Any],
    tolerance: float = 1e-4,
    max_iterations: int = 500,
) -> LogisticFit:
    """Fit every label at every penalty.

    features: float32 or float64 [N, D], standardised (columns far from mean 0 converge slowly); labels: 0/1 [N, L];
    penalties: λ > 0, [P] for all labels alike or [P, L]. A column has converged when the next step is shorter than
    `tolerance` times its weights, and its gradient smaller than `tolerance` times the one it began with.
    Raises TrainingError if a column has not after `max_iterations`, UsageError if a label has one class only.
    """
    penalties = np.asarray(penalties, dtype=np.float64)
    penalties_PL = np.broadcast_to(penalties.reshape(len(penalties), -1), (len(penalties), labels.shape[1]))
    _check(labels, penalties_PL)
    rows_NK, basis_DK = _row_space(torch.from_numpy(np.ascontiguousarray(features)))
    columns = _Columns(rows_NK, labels, penalties_PL)
    for iteration in range(max_iterations):
        direction_KC = columns.direction()
        direction_KC = columns.retire(direction_KC, tolerance)
        if not len(columns.active):
            return columns.result(penalties_PL.shape, iteration, basis_DK)
        columns.step(direction_KC)
    raise TrainingError(
        f"The probe's solver did not converge in {max_iterations} steps for {len(columns.active)} of "
        f"{penalties_PL.size} fits (largest gradient {float(columns.gradient_norm().max()):.1e} a row).",
        "Use stronger penalties, and check that no feature is many orders of magnitude larger than the others.",
    )


def _check(labels: NDArray[Any], penalties_PL: NDArray[np.float64]) -> None:
    positives = labels.sum(axis=0)
    lonely = np.flatnonzero((positives == 0) | (positives == len(labels)))
    if len(lonely):
        raise UsageError(
            f"Label column {int(lonely[0])} has one class only in the {len(labels)} rows to fit.",
            "A probe needs examples of both classes.",
        )
    if not (penalties_PL > 0).all():
        raise UsageError("Every penalty of a probe must be greater than 0.", "Without one the optimum may not exist.")


def _row_space(features_ND: Tensor) -> tuple[Tensor, Tensor | None]:
    """With fewer rows than features, the same rows in an orthonormal basis of their span, and that basis; else as is.

    The optimum lies in the span of the rows and rotation keeps |w|, so nothing changes but the size of the problem.
    """
    if features_ND.shape[0] >= features_ND.shape[1]:
        return features_ND, None
    basis_DN, rows_NN = torch.linalg.qr(features_ND.T)
    return rows_NN.T.contiguous(), basis_DN


class _Curvature:
    """The matrix c XᵀX + λ I of every column, held as one eigendecomposition (or as its diagonal, when very wide)."""

    def __init__(self, features_ND: Tensor) -> None:
        self.rows, width = features_ND.shape
        self.vectors_DD: Tensor | None = None
        if width <= EIGEN_LIMIT:
            values, self.vectors_DD = torch.linalg.eigh(features_ND.T @ features_ND)
            self.values_D1 = values.clamp(min=0)[:, None]
        else:
            self.values_D1 = features_ND.square().sum(dim=0)[:, None]

    def solve(self, vector_KC: Tensor, scale_C: Tensor, penalty_C: Tensor) -> Tensor:
        """Inverse curvature times a vector, [K, C]; `scale_C` is c."""
        weights_DC = vector_KC[:-1]
        if self.vectors_DD is not None:
            weights_DC = self.vectors_DD.T @ weights_DC
        weights_DC = weights_DC / (scale_C * self.values_D1 + penalty_C)
        if self.vectors_DD is not None:
            weights_DC = self.vectors_DD @ weights_DC
        return torch.cat([weights_DC, vector_KC[-1:] / (scale_C * self.rows)])


class _Columns:
    """All columns that have not converged yet, stepping side by side; the finished ones wait in `solved_KC`."""

    def __init__(self, features_ND: Tensor, labels_NL: NDArray[Any], penalties_PL: NDArray[np.float64]) -> None:
        kind = features_ND.dtype
        count = penalties_PL.size
        self.features_ND = features_ND
        self.curvature = _Curvature(features_ND)
        self.active = torch.arange(count)
        self.targets_NC = torch.from_numpy(np.tile(labels_NL, len(penalties_PL))).to(kind)
        self.penalty_C = torch.from_numpy(penalties_PL.reshape(-1).copy()).to(kind)
        share_C = self.targets_NC.mean(dim=0)
        self.params_KC = torch.zeros(features_ND.shape[1] + 1, count, dtype=kind)
        self.params_KC[-1] = torch.log(share_C / (1 - share_C))
        self.logits_NC = self.params_KC[-1].expand_as(self.targets_NC).clone()
        self.chance_NC = torch.sigmoid(self.logits_NC)
        self.gradient_KC = self._gradient()
        self.first_C = self.gradient_KC.abs().amax(dim=0)
        self.history: deque[tuple[Tensor, Tensor, Tensor]] = deque(maxlen=HISTORY)
        self.solved_KC = torch.empty_like(self.params_KC)
        self.solved_norm_C = torch.empty(count, dtype=kind)

    def _gradient(self) -> Tensor:
        residual_NC = self.chance_NC - self.targets_NC
        # Transposed as a whole: with few columns X.T @ R takes a path several times slower in the matrix library.
        weights_DC = (residual_NC.T @ self.features_ND).T + self.penalty_C * self.params_KC[:-1]
        return torch.cat([weights_DC, residual_NC.sum(dim=0, keepdim=True)])

    def gradient_norm(self) -> Tensor:
        """Largest entry of each column's gradient, a row, [C]."""
        return self.gradient_KC.abs().amax(dim=0) / len(self.features_ND)

    def direction(self) -> Tensor:
        """Minus the inverse curvature that BFGS believes in, times the gradient, [K, C] (the two-loop recursion)."""
        scale_C = (self.chance_NC * (1 - self.chance_NC)).mean(dim=0).clamp(min=1e-6)
        vector_KC = self.gradient_KC.clone()
        shares = []
        for step_KC, change_KC, inverse_C in reversed(self.history):
            share_C = inverse_C * (step_KC * vector_KC).sum(dim=0)
            vector_KC -= share_C * change_KC
            shares.append(share_C)
        vector_KC = self.curvature.solve(vector_KC, scale_C, self.penalty_C)
        for (step_KC, change_KC, inverse_C), share_C in zip(self.history, reversed(shares), strict=True):
            vector_KC += (share_C - inverse_C * (change_KC * vector_KC).sum(dim=0)) * step_KC
        return -vector_KC

    def retire(self, direction_KC: Tensor, tolerance: float) -> Tensor:
        """Put converged columns aside; the direction of those that stay, [K, C]."""
        short_C = direction_KC[:-1].norm(dim=0) <= tolerance * self.params_KC[:-1].norm(dim=0)
        # Below N rounding errors a gradient is zero, also where it began there.
        rounding = len(self.features_ND) * torch.finfo(self.params_KC.dtype).eps
        flat_C = self.gradient_KC.abs().amax(dim=0) <= tolerance * self.first_C + rounding
        done_C = short_C & flat_C
        if not done_C.any():
            return direction_KC
        self.solved_KC[:, self.active[done_C]] = self.params_KC[:, done_C]
        self.solved_norm_C[self.active[done_C]] = self.gradient_norm()[done_C]
        keep_C = ~done_C
        for name in ("active", "penalty_C", "first_C"):
            setattr(self, name, getattr(self, name)[keep_C])
        for name in ("targets_NC", "params_KC", "logits_NC", "chance_NC", "gradient_KC"):
            setattr(self, name, getattr(self, name)[:, keep_C])
        kept = [(s[:, keep_C], y[:, keep_C], i[keep_C]) for s, y, i in self.history]
        self.history = deque(kept, maxlen=HISTORY)
        return direction_KC[:, keep_C]

    def step(self, direction_KC: Tensor) -> None:
        """Walk along the direction to where its slope has all but vanished, and learn the curvature met on the way."""
        moved_NC = (direction_KC[:-1].T @ self.features_ND.T).T + direction_KC[-1]  # transposed as in _gradient
        length_C = self._line_search(direction_KC, moved_NC)
        before_KC = self.gradient_KC
        step_KC = length_C * direction_KC
        self.params_KC = self.params_KC + step_KC
        self.logits_NC = self.logits_NC + length_C * moved_NC
        self.chance_NC = torch.sigmoid(self.logits_NC)
        self.gradient_KC = self._gradient()
        change_KC = self.gradient_KC - before_KC
        curvature_C = (step_KC * change_KC).sum(dim=0)
        # A pair without curvature above rounding would spoil the estimate: it takes part with weight zero.
        floor_C = 10 * torch.finfo(step_KC.dtype).eps * step_KC.norm(dim=0) * change_KC.norm(dim=0)
        inverse_C = torch.where(curvature_C > floor_C, 1 / curvature_C, torch.zeros_like(curvature_C))
        self.history.append((step_KC, change_KC, inverse_C))

    def _line_search(self, direction_KC: Tensor, moved_NC: Tensor) -> Tensor:
        """Step length [C] at which the convex objective's slope along the direction is near zero.

        Newton's method in one dimension on the logits alone, kept inside a bracket that each evaluation narrows.
        """
        penalised_C = self.penalty_C * (self.params_KC[:-1] * direction_KC[:-1]).sum(dim=0)
        bend_C = self.penalty_C * direction_KC[:-1].square().sum(dim=0)
        begin_C = ((self.chance_NC - self.targets_NC) * moved_NC).sum(dim=0) + penalised_C
        length_C = torch.ones_like(begin_C)
        low_C, high_C = torch.zeros_like(begin_C), torch.full_like(begin_C, torch.inf)
        for _ in range(LINE_SEARCH_EVALUATIONS):
            chance_NC = torch.sigmoid(self.logits_NC + length_C * moved_NC)
            slope_C = ((chance_NC - self.targets_NC) * moved_NC).sum(dim=0) + penalised_C + length_C * bend_C
            good_C = slope_C.abs() <= SLOPE_LEFT * begin_C.abs()
            if good_C.all():
                break
            low_C = torch.where(slope_C < 0, length_C, low_C)
            high_C = torch.where(slope_C > 0, length_C, high_C)
            second_C = (chance_NC * (1 - chance_NC) * moved_NC.square()).sum(dim=0) + bend_C
            newton_C = length_C - slope_C / second_C
            inside_C = (newton_C > low_C) & (newton_C < high_C)
            fallback_C = torch.where(high_C.isinf(), 2 * length_C, (low_C + high_C) / 2)
            length_C = torch.where(good_C, length_C, torch.where(inside_C, newton_C, fallback_C))
        return length_C

    def result(self, shape_PL: tuple[int, ...], iterations: int, basis_DK: Tensor | None) -> LogisticFit:
        """The solved columns in the caller's shape and basis."""
        weights_KC = self.solved_KC[:-1]
        weights_DC = weights_KC if basis_DK is None else basis_DK @ weights_KC
        weights_PLD = weights_DC.T.reshape(*shape_PL, -1).numpy()
        norms_PL = self.solved_norm_C.reshape(shape_PL).numpy().astype(np.float64)
        return LogisticFit(weights_PLD, self.solved_KC[-1].reshape(shape_PL).numpy(), norms_PL, iterations)
