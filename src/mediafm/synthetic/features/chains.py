"""Hidden Markov chains: exact posteriors by forward-backward, many chains side by side.

Shapes: n shots, C chains, K states.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def forward(log_seen_nCK: Array, start_K: Array, moves_nKK: Array) -> tuple[Array, Array]:
    """(filtered_nCK, evidence_C): p(state | seen until now) and the log-likelihood of all that is seen.

    log_seen: log-likelihood of what is seen, given the state. moves: [n - 1, K, K], from the state before (row) to the
    state after (column); rows sum to 1.
    """
    top_nC1 = log_seen_nCK.max(axis=2, keepdims=True)
    seen_nCK = np.exp(log_seen_nCK - top_nC1)
    filtered_nCK = np.empty_like(seen_nCK)
    scale_nC = np.empty(seen_nCK.shape[:2])
    expected_CK = np.broadcast_to(start_K, seen_nCK.shape[1:])
    for i in range(len(seen_nCK)):
        joint_CK = expected_CK * seen_nCK[i]
        scale_nC[i] = joint_CK.sum(axis=1)
        filtered_nCK[i] = joint_CK / scale_nC[i][:, None]
        if i < len(moves_nKK):
            expected_CK = filtered_nCK[i] @ moves_nKK[i]
    return filtered_nCK, (np.log(scale_nC) + top_nC1[:, :, 0]).sum(axis=0)


def posterior(log_seen_nCK: Array, start_K: Array, moves_nKK: Array) -> tuple[Array, Array]:
    """(smoothed_nCK, evidence_C): p(state | all that is seen), and the evidence as in `forward`."""
    filtered_nCK, evidence_C = forward(log_seen_nCK, start_K, moves_nKK)
    smoothed_nCK = np.empty_like(filtered_nCK)
    smoothed_nCK[-1] = filtered_nCK[-1]
    for i in range(len(filtered_nCK) - 2, -1, -1):
        expected_CK = filtered_nCK[i] @ moves_nKK[i]
        ratio_CK = np.divide(smoothed_nCK[i + 1], expected_CK, out=np.zeros_like(expected_CK), where=expected_CK > 0)
        smoothed_nCK[i] = filtered_nCK[i] * (ratio_CK @ moves_nKK[i].T)
    return smoothed_nCK, evidence_C


def softmax(logits: Array) -> Array:
    """Along the last axis."""
    shares = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return shares / shares.sum(axis=-1, keepdims=True)
