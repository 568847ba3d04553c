"""Encoder blocks: bidirectional attention and a GELU MLP, LayerNorm before or after.

Shapes: B sequences, T = 2 + S places ([CLS], [GLOBAL], S shots), H hidden, N heads, K = H / N.
"""

import torch
from torch import Tensor, nn

from mediafm.model.config import ShotTransformerConfig

# BERT's 1e-12 would multiply the gradient of an all-missing shot, whose projection is nearly constant, beyond use.
NORM_EPS = 1e-5


def rotary_table(places: int, head_dim: int, base: float = 10_000.0) -> Tensor:
    """Cosines and sines of rotary positions (Su et al. 2021), [2, places, head_dim], for the rotate-half layout."""
    frequency_F = base ** (-torch.arange(0, head_dim, 2, dtype=torch.float64) / head_dim)
    angle_TF = torch.arange(places, dtype=torch.float64)[:, None] * frequency_F
    angle_TK = torch.cat([angle_TF, angle_TF], dim=-1)
    return torch.stack([angle_TK.cos(), angle_TK.sin()]).float()


def rotate(x_BNTK: Tensor, rotary_2TK: Tensor) -> Tensor:
    """Turn each pair of coordinates by its place's angle, so that dot products depend on distance only."""
    low, high = x_BNTK.chunk(2, dim=-1)
    turned = x_BNTK * rotary_2TK[0] + torch.cat([-high, low], dim=-1) * rotary_2TK[1]
    return turned.to(x_BNTK.dtype)


class Attention(nn.Module):
    """Multi-head self-attention over all places that are not padding.

    Query, key and value projections share one weight of three stacked [H, H] matrices: one product instead of three.
    """

    def __init__(self, config: ShotTransformerConfig) -> None:
        super().__init__()
        self.heads, self.head_dim, self.dropout = config.heads, config.head_dim, config.attention_dropout
        self.qkv = nn.Linear(config.hidden, 3 * config.hidden)
        self.out = nn.Linear(config.hidden, config.hidden)

    def forward(self, x_BTH: Tensor, keep_B11T: Tensor | None, rotary_2TK: Tensor | None) -> Tensor:
        """keep_B11T: True where a place may be attended to; None if all may. Returns [B, T, H]."""
        B, T, H = x_BTH.shape
        query, key, value = self.qkv(x_BTH).view(B, T, 3, self.heads, self.head_dim).permute(2, 0, 3, 1, 4)
        if rotary_2TK is not None:
            query, key = rotate(query, rotary_2TK), rotate(key, rotary_2TK)
        dropout = self.dropout if self.training else 0.0
        mixed = nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=keep_B11T, dropout_p=dropout)
        return self.out(mixed.transpose(1, 2).reshape(B, T, H))


class Mlp(nn.Module):
    """Two linear maps with a GELU between."""

    def __init__(self, config: ShotTransformerConfig) -> None:
        super().__init__()
        inner = round(config.hidden * config.mlp_ratio)
        self.up = nn.Linear(config.hidden, inner)
        self.down = nn.Linear(inner, config.hidden)

    def forward(self, x_BTH: Tensor) -> Tensor:
        """[B, T, H] to [B, T, H]."""
        return self.down(nn.functional.gelu(self.up(x_BTH)))


class Block(nn.Module):
    """One encoder layer in pre- or post-norm form."""

    def __init__(self, config: ShotTransformerConfig) -> None:
        super().__init__()
        self.pre = config.norm == "pre"
        self.attention, self.mlp = Attention(config), Mlp(config)
        self.attention_norm = nn.LayerNorm(config.hidden, eps=NORM_EPS)
        self.mlp_norm = nn.LayerNorm(config.hidden, eps=NORM_EPS)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x_BTH: Tensor, keep_B11T: Tensor | None, rotary_2TK: Tensor | None) -> Tensor:
        """[B, T, H] to [B, T, H]."""
        if self.pre:
            x_BTH = x_BTH + self.dropout(self.attention(self.attention_norm(x_BTH), keep_B11T, rotary_2TK))
            return x_BTH + self.dropout(self.mlp(self.mlp_norm(x_BTH)))
        x_BTH = self.attention_norm(x_BTH + self.dropout(self.attention(x_BTH, keep_B11T, rotary_2TK)))
        return self.mlp_norm(x_BTH + self.dropout(self.mlp(x_BTH)))
