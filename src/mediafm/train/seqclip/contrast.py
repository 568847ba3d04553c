"""Symmetric InfoNCE over a batch of pairs (van den Oord et al. 2018; as CLIP, Radford et al. 2021).

Shapes: B pairs of a batch, D common space.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

MAX_LOG_SCALE = 4.6052  # log 100: CLIP's own bound, beyond which training becomes unstable


def info_nce(clips_BD: Tensor, captions_BD: Tensor, log_scale: Tensor, same_BB: Tensor) -> Tensor:
    """Mean cross-entropy of finding each clip's caption and each caption's clip among the batch's.

    clips_BD, captions_BD: unit rows, pair by pair. log_scale: log of the inverse temperature. same_BB: pairs that are
    no negatives of each other; left out of each other's sums.
    """
    logits_BB = (log_scale.exp() * clips_BD @ captions_BD.T).float()
    own_BB = torch.eye(len(logits_BB), dtype=torch.bool, device=logits_BB.device)
    logits_BB = logits_BB.masked_fill(same_BB & ~own_BB, float("-inf"))
    right_B = torch.arange(len(logits_BB), device=logits_BB.device)
    return (cross_entropy(logits_BB, right_B) + cross_entropy(logits_BB.T, right_B)) / 2


def same_pairs(clips: Sequence[str], captions: Sequence[str]) -> Tensor:
    """Whether two pairs show the same clip or say the same words, bool [B, B]: then neither is wrong for the other."""
    words = [caption.casefold() for caption in captions]
    return torch.tensor(
        [[a == b or v == w for b, w in zip(clips, words, strict=True)] for a, v in zip(clips, words, strict=True)]
    )
