"""What stands around a shot in its own sequence.

Shapes: N shots of packed sequences, P parts, D fused size.
"""

import torch
from torch import Tensor

WIDE = 8  # shots on each side whose mean is asked for
NEAR = 4  # shots on each side among which the most alike one is looked for
PARTS = 4


def surroundings(fused_ND: Tensor, sequence_N: Tensor) -> Tensor:
    """The shot before, the shot after, and the means of up to eight shots before and after: [N, 4, D].

    sequence_N: number of each shot's sequence, rising. Zeros where the sequence ends.
    """
    N = len(fused_ND)
    own_N = torch.arange(N, device=fused_ND.device)
    first_N = torch.searchsorted(sequence_N, sequence_N)
    end_N = torch.searchsorted(sequence_N, sequence_N, right=True)
    total_ND = torch.nn.functional.pad(fused_ND.double().cumsum(dim=0), (0, 0, 1, 0))
    parts = []
    for low, high in ((-1, 0), (1, 2), (-WIDE, 0), (1, 1 + WIDE)):
        start_N = (own_N + low).maximum(first_N).minimum(end_N)
        stop_N = (own_N + high).maximum(first_N).minimum(end_N)
        count_N = (stop_N - start_N).clamp(min=1)
        parts.append((total_ND[stop_N] - total_ND[start_N]) / count_N[:, None])
    found_NPD = torch.stack(parts, dim=1).float()
    return torch.where(found_NPD.abs() < 1e-7, 0.0, found_NPD)  # what rounding leaves of sums over zeros


def most_alike_neighbour(fused_ND: Tensor, sequence_N: Tensor) -> Tensor:
    """Row of the most alike shot, by cosine, among up to four on each side in the same sequence; [N].

    A shot alone in its sequence gets its own row.
    """
    N = len(fused_ND)
    own_N = torch.arange(N, device=fused_ND.device)
    unit_ND = torch.nn.functional.normalize(fused_ND, dim=-1)
    best_N, found_N = torch.full((N,), -2.0, device=fused_ND.device), own_N.clone()
    for step in (*range(-NEAR, 0), *range(1, NEAR + 1)):
        other_N = (own_N + step).clamp(0, N - 1)
        there_N = (own_N + step == other_N) & (sequence_N[other_N] == sequence_N)
        cosine_N = torch.where(there_N, (unit_ND * unit_ND[other_N]).sum(dim=-1), -2.0)
        found_N = torch.where(cosine_N > best_N, other_N, found_N)
        best_N = best_N.maximum(cosine_N)
    return found_N
