"""Limited-memory BFGS for many lanes at once, each walking its own penalties from the strongest to the weakest.

A lane is one label in one fold. When it has converged at one penalty it goes on to the next from where it stands, at
its own pace, so that products stay wide until the end. Three things are carried along the path. The first step goes on
in the direction that led here from the last solution; its logits are known, so it costs one product, not two. What BFGS
remembers of the curvature stays true: with a penalty smaller by δ, each remembered change of gradient is smaller by δ
times its step. And the first guess of the curvature (curvature.py) serves any penalty.

An iteration costs two products with the features: with the direction, then with the residuals where the line search
ended. The line search itself needs logits only.

B lanes, K outputs, D features, Q = D + 1 (weights, then the intercept), P penalties.
"""

# ruff: noqa: N802 (names carry their shapes)

from collections import deque

import torch
from torch import Tensor

from mediafm.probes.solver.curvature import Curvature
from mediafm.probes.solver.lanes import Logits

HISTORY = 40  # pairs of steps and gradient changes that BFGS remembers
LINE_SEARCH_EVALUATIONS = 10
SLOPE_LEFT = 0.3  # a step is good when the slope along it has fallen to this share of what it was
# Rounding errors a row below which a gradient is nothing. In single precision they could still move weights that a weak
# penalty leaves free.
ROUNDING = {torch.float32: 0.0, torch.float64: 2.0}
GUESS_TRUST = 3.0  # the step by the first guess may be so many times longer than tolerated: a check on BFGS's opinion
WIDEN = 4.0  # how many times longer a step may become from one look to the next


class Descent:
    """State of the lanes that still walk.

    penalty_BP: λ of each lane, falling along P; count_B: rows that teach each lane; start_BKQ: where all begin.
    """

    def __init__(
        self,
        logits: Logits,
        curvature: Curvature,
        penalty_BP: Tensor,
        count_B: Tensor,
        start_BKQ: Tensor,
        intercept: bool,
    ) -> None:
        self.logits, self.curvature, self.intercept = logits, curvature, intercept
        self.path_BP, self.count_B = penalty_BP, count_B
        self.place_B = torch.zeros(len(count_B), dtype=torch.int64, device=count_B.device)
        self.number_B = torch.arange(len(count_B), device=count_B.device)
        self.params_BKQ, self.before_BKQ = start_BKQ, start_BKQ.clone()
        self.steps_B = torch.zeros_like(self.place_B)
        self.history: deque[tuple[Tensor, Tensor, Tensor]] = deque(maxlen=HISTORY)
        zero_B = torch.zeros_like(count_B)
        _, bend_BKK = logits.slope(zero_B)
        self.bend_BKK = bend_BKK / count_B[:, None, None]
        self.gradient_BKQ = self._gradient(zero_B)
        # Made once: the answers, by lane and place on the path.
        lanes, places = penalty_BP.shape
        self.solved_BPKQ = start_BKQ.new_full((lanes, places, *start_BKQ.shape[1:]), torch.nan)
        self.norm_BP = start_BKQ.new_full((lanes, places), torch.nan)
        self.taken_BP = torch.zeros(lanes, places, dtype=torch.int64, device=count_B.device)

    def run(self, tolerance: float, max_iterations: int) -> None:
        """Walk until every lane is at its end or out of steps; what did not converge stays NaN."""
        while len(self.number_B):
            direction_BKQ = self._direction()
            done_B = self._converged(direction_BKQ, tolerance)
            lost_B = ~done_B & (self.steps_B >= max_iterations)
            self._record(direction_BKQ, done_B)
            ended_B = lost_B | (done_B & (self.place_B == self.path_BP.shape[1] - 1))
            if ended_B.any():
                direction_BKQ, done_B = direction_BKQ[~ended_B], done_B[~ended_B]
                self._keep(~ended_B)
            if len(self.number_B):
                along_path_B = self._advance(direction_BKQ, done_B)
                self._step(direction_BKQ, along_path_B)

    @property
    def penalty_B(self) -> Tensor:
        """λ where each lane stands."""
        return self.path_BP.gather(1, self.place_B[:, None])[:, 0]

    def _gradient(self, length_B: Tensor) -> Tensor:
        gradient_BKQ = self.logits.step(length_B)
        if not self.intercept:
            gradient_BKQ[..., -1] = 0
        if gradient_BKQ.shape[1] > 1:  # classes share one loss that sees differences only: what all have alike stays 0
            gradient_BKQ -= gradient_BKQ.mean(dim=1, keepdim=True)
        gradient_BKQ[..., :-1] += self.penalty_B[:, None, None] * self.params_BKQ[..., :-1]
        return gradient_BKQ

    def _guess(self, vector_BKQ: Tensor, some: Tensor | slice) -> Tensor:
        return self.curvature.solve(vector_BKQ, self.bend_BKK[some], self.count_B[some], self.penalty_B[some])

    def _direction(self) -> Tensor:
        """Minus the inverse curvature that BFGS believes in, times the gradient, [B, K, Q] (the two-loop recursion)."""
        vector_BKQ = self.gradient_BKQ.clone()
        shares = []
        for step_BKQ, change_BKQ, inverse_B in reversed(self.history):
            share_B = inverse_B * _dot(step_BKQ, vector_BKQ)
            vector_BKQ.addcmul_(share_B[:, None, None], change_BKQ, value=-1)
            shares.append(share_B)
        vector_BKQ = self._guess(vector_BKQ, slice(None))
        for (step_BKQ, change_BKQ, inverse_B), share_B in zip(self.history, reversed(shares), strict=True):
            rest_B = share_B - inverse_B * _dot(change_BKQ, vector_BKQ)
            vector_BKQ.addcmul_(rest_B[:, None, None], step_BKQ)
        return vector_BKQ.neg_()

    def _converged(self, direction_BKQ: Tensor, tolerance: float) -> Tensor:
        """Lanes whose next step is shorter than `tolerance` times their weights, by BFGS and by the first guess, and
        hardly moves their intercepts."""
        # The second term is what rounding errors make of weights where no feature says anything.
        rounding_B = torch.finfo(self.params_BKQ.dtype).eps / (1 + self.penalty_B / self.count_B)
        limit_B = tolerance * _length(self.params_BKQ) + rounding_B
        start_BK, turn_BK = self.params_BKQ[..., -1], direction_BKQ[..., -1]
        level_B = (turn_BK.abs() <= tolerance * (1 + start_BK.abs())).all(dim=1)
        done_B = level_B & (_length(direction_BKQ) <= limit_B)
        near = torch.nonzero(done_B)[:, 0]
        if len(near):
            guessed_B = _length(self._guess(self.gradient_BKQ[near], near))
            done_B[near] = guessed_B <= GUESS_TRUST * limit_B[near]
        kind = self.params_BKQ.dtype
        floor_B = ROUNDING[kind] * torch.finfo(kind).eps * self.count_B
        return done_B | (self.gradient_BKQ.abs().amax(dim=(1, 2)) <= floor_B)

    def _record(self, direction_BKQ: Tensor, done_B: Tensor) -> None:
        """Write the answers of lanes that have converged: one step on, which is known to be short and costs nothing."""
        place_b, number_b = self.place_B[done_B], self.number_B[done_B]
        solved_bKQ = self.params_BKQ[done_B] + direction_BKQ[done_B]
        if solved_bKQ.shape[1] > 1:  # rounding adds up in what classes have alike, which no chance depends on
            solved_bKQ -= solved_bKQ.mean(dim=1, keepdim=True)
        self.solved_BPKQ[number_b, place_b] = solved_bKQ
        self.norm_BP[number_b, place_b] = self.gradient_BKQ[done_B].abs().amax(dim=(1, 2)) / self.count_B[done_B]
        self.taken_BP[number_b, place_b] = self.steps_B[done_B]

    def _keep(self, keep_B: Tensor) -> None:
        for name in ("path_BP", "count_B", "place_B", "number_B", "params_BKQ", "before_BKQ", "steps_B"):
            setattr(self, name, getattr(self, name)[keep_B])
        self.bend_BKK, self.gradient_BKQ = self.bend_BKK[keep_B], self.gradient_BKQ[keep_B]
        for _ in range(len(self.history)):
            step_BKQ, change_BKQ, inverse_B = self.history.popleft()
            self.history.append((step_BKQ[keep_B], change_BKQ[keep_B], inverse_B[keep_B]))
        self.logits.keep(keep_B)

    def _advance(self, direction_BKQ: Tensor, done_B: Tensor) -> Tensor:
        """Move lanes that have converged to their next penalty: their gradient, memory and direction. The sign that
        their way on from the last solution takes to go downhill, 0 for all others, [B]."""
        sign_B = torch.zeros_like(self.count_B)
        moving = torch.nonzero(done_B)[:, 0]
        if not len(moving):
            return sign_B
        old_b = self.penalty_B[moving]
        self.place_B[moving] += 1
        self.steps_B[moving] = 0
        fall_b11 = (old_b - self.penalty_B[moving])[:, None, None]
        self.gradient_BKQ[moving, :, :-1] -= fall_b11 * self.params_BKQ[moving, :, :-1]
        for step_BKQ, change_BKQ, inverse_B in self.history:
            change_BKQ[moving, :, :-1] -= fall_b11 * step_BKQ[moving, :, :-1]
            inverse_B[moving] = _inverse(step_BKQ[moving], change_BKQ[moving], inverse_B[moving] > 0)
        onward_bKQ = self.params_BKQ[moving] - self.before_BKQ[moving]
        self.before_BKQ[moving] = self.params_BKQ[moving]
        sign_B[moving] = torch.where(_dot(onward_bKQ, self.gradient_BKQ[moving]) > 0, -1.0, 1.0).to(sign_B)
        direction_BKQ[moving] = sign_B[moving, None, None] * onward_bKQ
        return sign_B

    def _step(self, direction_BKQ: Tensor, along_path_B: Tensor) -> None:
        """Walk along the direction to where its slope has all but vanished, and learn the curvature met on the way."""
        self.logits.aim(direction_BKQ, along_path_B)
        length_B = self._line_search(direction_BKQ)
        step_BKQ = length_B[:, None, None] * direction_BKQ
        before_BKQ = self.gradient_BKQ
        self.params_BKQ = self.params_BKQ + step_BKQ
        self.gradient_BKQ = self._gradient(length_B)
        change_BKQ = self.gradient_BKQ - before_BKQ
        self.steps_B += 1
        some_B = torch.ones_like(length_B, dtype=torch.bool)
        self.history.append((step_BKQ, change_BKQ, _inverse(step_BKQ, change_BKQ, some_B)))

    def _line_search(self, direction_BKQ: Tensor) -> Tensor:
        """Step length [B] at which the convex objective's slope along the direction is near zero.

        Secants through the slopes at the ends of a bracket, which each look narrows.
        """
        penalty_B = self.penalty_B
        level_B = penalty_B * _dot(self.params_BKQ[..., :-1], direction_BKQ[..., :-1])
        steep_B = penalty_B * _dot(direction_BKQ[..., :-1], direction_BKQ[..., :-1])
        begin_B = _dot(self.gradient_BKQ, direction_BKQ)
        low_B, low_slope_B = torch.zeros_like(begin_B), begin_B
        high_B, high_slope_B = torch.full_like(begin_B, torch.inf), torch.zeros_like(begin_B)
        length_B = torch.ones_like(begin_B)
        for look in range(LINE_SEARCH_EVALUATIONS):
            loss_slope_B, bend_BKK = self.logits.slope(length_B)
            slope_B = loss_slope_B + level_B + length_B * steep_B
            good_B = slope_B.abs() <= SLOPE_LEFT * begin_B.abs()
            if good_B.all() or look == LINE_SEARCH_EVALUATIONS - 1:
                break
            short_B = slope_B < 0
            rise_B = slope_B - low_slope_B
            longer_B = length_B - slope_B * (length_B - low_B) / rise_B
            longer_B = torch.where(rise_B > 0, longer_B, torch.inf).minimum(WIDEN * length_B)
            high_B, high_slope_B = (
                torch.where(short_B, high_B, length_B),
                torch.where(short_B, high_slope_B, slope_B),
            )
            low_B, low_slope_B = torch.where(short_B, length_B, low_B), torch.where(short_B, slope_B, low_slope_B)
            width_B = high_B - low_B
            within_B = low_B - low_slope_B * width_B / (high_slope_B - low_slope_B)
            within_B = within_B.maximum(low_B + 0.1 * width_B).minimum(high_B - 0.1 * width_B)
            length_B = torch.where(good_B, length_B, torch.where(high_B.isinf(), longer_B, within_B))
        self.bend_BKK = bend_BKK / self.count_B[:, None, None]
        return length_B


def _dot(a_BKQ: Tensor, b_BKQ: Tensor) -> Tensor:
    return torch.linalg.vecdot(a_BKQ.flatten(1), b_BKQ.flatten(1))


def _length(params_BKQ: Tensor) -> Tensor:
    """Norm of each lane's weights, [B]."""
    return torch.linalg.vector_norm(params_BKQ[..., :-1], dim=(1, 2))


def _inverse(step_BKQ: Tensor, change_BKQ: Tensor, valid_B: Tensor) -> Tensor:
    """1 / (step · change), and 0 for a pair whose curvature does not stand above rounding: it takes no part."""
    curvature_B = _dot(step_BKQ, change_BKQ)
    eps = 10 * torch.finfo(step_BKQ.dtype).eps
    floor_B = eps * step_BKQ.flatten(1).norm(dim=1) * change_BKQ.flatten(1).norm(dim=1)
    return torch.where(valid_B & (curvature_B > floor_B), 1 / curvature_B, 0)
