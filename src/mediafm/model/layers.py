"""Encoder blocks over packed rows: bidirectional attention inside each sequence, and an MLP.

Shapes: T rows of all sequences (see `mediafm.model.packing`), H hidden, A heads, K = H / A, D fused size.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, scaled_dot_product_attention, silu

from mediafm.model.config import ShotTransformerConfig
from mediafm.model.packing import Packing

# BERT's 1e-12 would multiply the gradient of an all-missing shot, whose projection is nearly constant, beyond use.
NORM_EPS = 1e-5
ROTARY_BASE = 10_000.0
FLASH_HEAD_DIM = 256  # flash attention takes heads up to this size, in multiples of 8


def make_norm(config: ShotTransformerConfig) -> nn.Module:
    """LayerNorm or RMSNorm over the hidden space."""
    kind = nn.LayerNorm if config.norm_kind == "layer" else nn.RMSNorm
    return kind(config.hidden, eps=NORM_EPS)


def rotary_turns(position_T: Tensor, head_dim: int) -> Tensor:
    """Cosines and sines of rotary positions (Su et al. 2021), float32 [2, T, K / 2], for positions of any unit."""
    exponent_F = torch.arange(0, head_dim, 2, dtype=torch.float64, device=position_T.device) / head_dim
    angle_TF = position_T.double()[:, None] * ROTARY_BASE**-exponent_F
    return torch.stack([angle_TF.cos(), angle_TF.sin()]).float()


class _Rotate(torch.autograd.Function):
    """Turn coordinates i and i + K / 2 of each head by their place's angle; the gradient is turned back.

    By hand, because plain operations would write five temporaries of this size, forward and backward.
    """

    @staticmethod
    def forward(context: Any, x_TXK: Tensor, turns_2TF: Tensor) -> Tensor:
        context.save_for_backward(turns_2TF)
        return _turned(x_TXK, turns_2TF[0], turns_2TF[1])

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (turns_2TF,) = context.saved_tensors
        return _turned(gradients[0], turns_2TF[0], -turns_2TF[1]), None


def _turned(x_TXK: Tensor, cosine_TF: Tensor, sine_TF: Tensor) -> Tensor:
    cosine_T1F, sine_T1F = cosine_TF[:, None], sine_TF[:, None]
    low, high = x_TXK.chunk(2, dim=-1)
    out = torch.empty_like(x_TXK, memory_format=torch.contiguous_format)
    out_low, out_high = out.chunk(2, dim=-1)
    torch.mul(low, cosine_T1F, out=out_low).addcmul_(high, sine_T1F, value=-1)
    torch.mul(high, cosine_T1F, out=out_high).addcmul_(low, sine_T1F)
    return out


def rotate(x_TXK: Tensor, turns_2TF: Tensor) -> Tensor:
    """Turn rows [T, anything, K], so that dot products depend on the distance of places only."""
    if torch.compiler.is_compiling():  # which fuses plain operations, and cannot see into ours
        low, high = x_TXK.chunk(2, dim=-1)
        cosine_T1F, sine_T1F = turns_2TF.to(x_TXK.dtype).unsqueeze(2)
        return torch.cat([low * cosine_T1F - high * sine_T1F, high * cosine_T1F + low * sine_T1F], dim=-1)
    turned: Tensor = _Rotate.apply(x_TXK, turns_2TF)
    return turned


def attend(query_TAK: Tensor, key_TAK: Tensor, value_TAK: Tensor, packing: Packing, dropout: float) -> Tensor:
    """Softmax attention inside each sequence, [T, A, K].

    One kernel for all on CUDA in half precision, for heads of a size that it knows and without dropout. Elsewhere one
    fused call for sequences of one length, else one for each: on a CPU no batch is worth what padding wastes.
    """
    head_dim = query_TAK.shape[-1]
    known = head_dim % 8 == 0 and head_dim <= FLASH_HEAD_DIM
    if query_TAK.is_cuda and query_TAK.dtype != torch.float32 and known and not dropout:
        from torch.nn.attention.varlen import varlen_attn

        offsets, longest = packing.offsets, max(packing.places)
        mixed: Tensor = varlen_attn(query_TAK, key_TAK, value_TAK, offsets, offsets, longest, longest)  # type: ignore[assignment]
        return mixed
    if packing.even:
        query, key, value = (
            x.unflatten(0, (len(packing.places), -1)).transpose(1, 2) for x in (query_TAK, key_TAK, value_TAK)
        )
        return scaled_dot_product_attention(query, key, value, dropout_p=dropout).transpose(1, 2).flatten(0, 1)
    parts = zip(*(x.split(packing.places) for x in (query_TAK, key_TAK, value_TAK)), strict=True)
    mixed_parts = []
    for part in parts:
        query, key, value = (x.transpose(0, 1)[None] for x in part)
        mixed_parts.append(scaled_dot_product_attention(query, key, value, dropout_p=dropout)[0].transpose(0, 1))
    return torch.cat(mixed_parts)


class Mlp(nn.Module):
    """Two linear maps with a GELU between, or SwiGLU (Shazeer 2020) with two thirds of the inner size."""

    def __init__(self, config: ShotTransformerConfig) -> None:
        super().__init__()
        self.gated = config.mlp == "swiglu"
        inner = round(config.hidden * config.mlp_ratio * (2 / 3 if self.gated else 1))
        self.up = nn.Linear(config.hidden, 2 * inner if self.gated else inner)
        self.down = nn.Linear(inner, config.hidden)

    def forward(self, x_TH: Tensor) -> Tensor:
        """[T, H] to [T, H]."""
        inner = self.up(x_TH)
        if not self.gated:
            return self.down(gelu(inner))
        gate, value = inner.chunk(2, dim=-1)
        return self.down(silu(gate) * value)


class Attention(nn.Module):
    """Weights of multi-head self-attention.

    Query, key and value projections share one weight of three stacked [H, H] matrices: one product instead of three.
    """

    def __init__(self, config: ShotTransformerConfig) -> None:
        super().__init__()
        self.shape = (3, config.heads, config.head_dim)
        self.qkv = nn.Linear(config.hidden, 3 * config.hidden)
        self.out = nn.Linear(config.hidden, config.hidden)

    def forward(self, x_TH: Tensor, turns_2TF: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Query, key and value of every row, [T, A, K] each, turned to its place."""
        parts = self.qkv(x_TH).unflatten(-1, self.shape)
        query_key, value = parts[:, :2], parts[:, 2]
        if turns_2TF is not None:
            query_key = rotate(query_key.flatten(1, 2), turns_2TF).view(query_key.shape)
        return query_key[:, 0], query_key[:, 1], value


class Block(nn.Module):
    """One encoder layer in pre- or post-norm form.

    `before` and `after` know rows only; what depends on where sequences begin stands between them, so that both can be
    compiled once for batches of every make-up.
    """

    def __init__(self, config: ShotTransformerConfig) -> None:
        super().__init__()
        self.pre, self.attention_dropout = config.norm == "pre", config.attention_dropout
        self.attention, self.mlp = Attention(config), Mlp(config)
        self.attention_norm, self.mlp_norm = make_norm(config), make_norm(config)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x_TH: Tensor, packing: Packing, turns_2TF: Tensor | None) -> Tensor:
        """[T, H] to [T, H]."""
        query, key, value = self.before(x_TH, turns_2TF)
        mixed_TAK = attend(query, key, value, packing, self.attention_dropout if self.training else 0.0)
        return self.after(x_TH, mixed_TAK)

    def before(self, x_TH: Tensor, turns_2TF: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """What attention mixes."""
        return self.attention(self.attention_norm(x_TH) if self.pre else x_TH, turns_2TF)

    def after(self, x_TH: Tensor, mixed_TAK: Tensor) -> Tensor:
        """What becomes of it: output projection, then the MLP."""
        x_TH = x_TH + self.dropout(self.attention.out(mixed_TAK.flatten(1)))
        if self.pre:
            return x_TH + self.dropout(self.mlp(self.mlp_norm(x_TH)))
        x_TH = self.attention_norm(x_TH)
        return self.mlp_norm(x_TH + self.dropout(self.mlp(x_TH)))

    def compile_rows(self) -> None:
        """Compile what works on rows, for any number of them."""
        self.before = torch.compile(self.before, dynamic=True)  # type: ignore[method-assign]
        self.after = torch.compile(self.after, dynamic=True)  # type: ignore[method-assign]


class LateProjection(nn.Module):
    """A linear map and a norm per modality, summed; a learned vector stands for a modality that is missing."""

    def __init__(self, config: ShotTransformerConfig) -> None:
        super().__init__()
        self.blocks = config.blocks
        self.maps = nn.ModuleList(nn.Linear(size, config.hidden) for size in config.blocks)
        self.norms = nn.ModuleList(make_norm(config) for _ in config.blocks)
        self.missing = nn.Parameter(torch.empty(len(config.blocks), config.hidden))

    def forward(self, fused_ND: Tensor) -> Tensor:
        """[N, D] to [N, H]."""
        total: Tensor | float = 0.0
        parts = zip(fused_ND.split(self.blocks, dim=-1), self.maps, self.norms, self.missing, strict=True)
        for block, linear, norm, missing in parts:
            projected = norm(linear(block))
            known = (block != 0).any(dim=-1, keepdim=True)
            total = total + torch.where(known, projected, missing.to(projected.dtype))
        assert isinstance(total, Tensor)  # a config has at least one block
        return total


def make_head(config: ShotTransformerConfig) -> nn.Module:
    """Back from the hidden to the fused space: one linear map, or BERT's transform before it."""
    linear = nn.Linear(config.hidden, config.feature_dim)
    if config.head == "linear":
        return linear
    return nn.Sequential(nn.Linear(config.hidden, config.hidden), nn.GELU(), make_norm(config), linear)
