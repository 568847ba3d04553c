"""Muon (Jordan et al. 2024): momentum whose update is orthogonalised, for the hidden matrices of a transformer.

The update's size follows Moonlight (Liu et al. 2025): scaled by 0.2 sqrt(max(rows, columns)), its root mean square
matches that of AdamW, so that rates of one size serve both.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # Jordan's quintic: steep at zero, keeps singular values near 1
STEPS = 5
RMS = 0.2  # of AdamW's updates, as measured by Moonlight
EPS = 1e-7


def newton_schulz(matrices_NRC: Tensor) -> Tensor:
    """Push all singular values of each matrix [.., rows, columns] towards 1, in the dtype it comes in.

    Five steps of the quintic leave them in about (0.7, 1.2), which serves as well as exactly 1.
    """
    a, b, c = COEFFICIENTS
    tall = matrices_NRC.shape[-2] > matrices_NRC.shape[-1]
    x = matrices_NRC.mT if tall else matrices_NRC
    x = x / x.norm(dim=(-2, -1), keepdim=True).clamp(min=EPS)  # the spectral norm is at most this one
    for _ in range(STEPS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT if tall else x


class Muon(torch.optim.Optimizer):
    """Muon with Nesterov momentum and decoupled weight decay.

    params: 2-D parameters, or groups of them with the option `stacked`: how many matrices of equal size stand above
    each other in each parameter of the group (3 for a fused query-key-value weight); each is orthogonalised by itself.
    Matrices of one shape are orthogonalised in one batch, in bfloat16 on CUDA and in float32 on the CPU.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float,
        momentum: float = 0.95,
        weight_decay: float = 0.1,
        stacked: int = 1,
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "stacked": stacked})
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.ndim != 2 or parameter.shape[0] % group["stacked"]:
                    raise ValueError(
                        f"Muon takes 2-D parameters whose rows divide into {group['stacked']} matrices, "
                        f"not one of shape {tuple(parameter.shape)}"
                    )

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Update every parameter that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        by_shape: dict[tuple[int, ...], list[tuple[Tensor, Tensor, float]]] = defaultdict(list)
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                update = self._momentum(parameter, parameter.grad, group["momentum"])
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                pieces = zip(parameter.chunk(group["stacked"]), update.chunk(group["stacked"]), strict=True)
                for matrix, direction in pieces:
                    by_shape[tuple(matrix.shape)].append((matrix, direction, group["lr"]))
        for shape, entries in by_shape.items():
            _descend(entries, RMS * math.sqrt(max(shape)))
        return loss

    def _momentum(self, parameter: Tensor, gradient: Tensor, momentum: float) -> Tensor:
        state = self.state[parameter]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(parameter)
        buffer = state["momentum_buffer"]
        buffer.lerp_(gradient, 1 - momentum)
        return gradient.lerp(buffer, momentum)  # Nesterov: look one step ahead


def _descend(entries: list[tuple[Tensor, Tensor, float]], scale: float) -> None:
    """Step all matrices of one shape against their orthogonalised updates."""
    updates = torch.stack([update for _, update, _ in entries])
    directions = newton_schulz(updates.bfloat16() if updates.is_cuda else updates)
    for (matrix, _, rate), direction in zip(entries, directions, strict=True):
        matrix.add_(direction.to(matrix.dtype), alpha=-rate * scale)
