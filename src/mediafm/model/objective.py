"""The objective of Masked Shot Modeling: cosine distance to the shots that were hidden."""

from torch import Tensor
from torch.nn.functional import cosine_similarity


def cosine_distance(predicted_ND: Tensor, target_ND: Tensor) -> Tensor:
    """1 - cosine of each row pair, [N], in float32. A zero vector is at distance 1 from everything."""
    return 1.0 - cosine_similarity(predicted_ND.float(), target_ND.float(), dim=-1)


def mean_distance(predicted_ND: Tensor, target_ND: Tensor) -> Tensor:
    """Mean cosine distance of the row pairs; zero, with zero gradient, if there are none."""
    return cosine_distance(predicted_ND, target_ND).sum() / max(len(target_ND), 1)


def msm_loss(predicted_BSD: Tensor, target_BSD: Tensor, scored_BS: Tensor) -> Tensor:
    """Mean cosine distance over the scored positions (True); all others get no gradient."""
    return mean_distance(predicted_BSD[scored_BS], target_BSD[scored_BS])
