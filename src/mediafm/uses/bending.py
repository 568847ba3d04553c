"""What a small network adds to a linear map: learned from paired rows, stopped when other titles gain no more."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from mediafm.types import FloatArray
from mediafm.uses.linear_maps import LinearMap
from mediafm.uses.mapping import Bend

HIDDEN, BATCH, STEPS, LOOK = 256, 512, 600, 50
RATE, DECAY = 2e-3, 1e-2
FEWEST_ROWS = 2000  # fewer teach a network nothing that a linear map does not know


def learn_bend(
    linear: LinearMap,
    taught: tuple[FloatArray, FloatArray],
    judged: tuple[FloatArray, FloatArray],
    seed: int,
) -> Bend:
    """The network that, added to the linear map, comes nearest by cosine on the judging rows.

    taught, judged: unit rows (old [n, D], new [n, E]) that are there on both sides.
    """
    generator = torch.Generator().manual_seed(seed)
    old_ND, new_NE = (torch.from_numpy(np.ascontiguousarray(part, dtype=np.float32)) for part in taught)
    base_NE = torch.from_numpy(linear(taught[0]))
    look_old, look_new = (torch.from_numpy(np.ascontiguousarray(part, dtype=np.float32)) for part in judged)
    look_base = torch.from_numpy(linear(judged[0]))
    into = torch.randn(old_ND.shape[1], HIDDEN, generator=generator).mul_(1.5).requires_grad_()
    bias = torch.zeros(HIDDEN, requires_grad=True)
    out = torch.zeros(HIDDEN, new_NE.shape[1], requires_grad=True)
    optimizer = torch.optim.AdamW([into, bias, out], lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    best, kept = -2.0, Bend(*(part.detach().numpy().copy() for part in (into, bias, out)))
    for step in range(STEPS):
        rows = torch.randint(len(old_ND), (BATCH,), generator=generator)
        loss = 1 - _cosine(base_NE[rows] + _bent(old_ND[rows], into, bias, out), new_NE[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if (step + 1) % LOOK == 0:
            with torch.no_grad():
                reached = float(_cosine(look_base + _bent(look_old, into, bias, out), look_new))
            if reached > best:
                best, kept = reached, Bend(*(part.detach().numpy().copy() for part in (into, bias, out)))
    return kept


def _bent(rows: Tensor, into: Tensor, bias: Tensor, out: Tensor) -> Tensor:
    return torch.tanh(rows @ into + bias) @ out


def _cosine(mapped: Tensor, wanted: Tensor) -> Tensor:
    return functional.cosine_similarity(mapped, wanted, dim=1).mean()
