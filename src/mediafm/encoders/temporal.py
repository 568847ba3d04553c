"""The temporal part of `seqclip`: a small transformer over a shot's frame vectors that knows when each was seen.

In the spirit of CLIP4Clip's sequential transformer (Luo et al. 2022): what it finds is added to the mean of the frames,
and its last map begins at zero, so that an untrained one gives exactly the mean. Positions are relative times, not
numbers of frames: samples may be few, many or uneven.

Shapes: B shots, F frames (filled up), D the towers' common space, H hidden size.
"""

import math
from collections.abc import Sequence
from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor, nn
from torch.nn.functional import gelu, normalize, pad, scaled_dot_product_attention

_WAVES = 16  # sine and cosine pairs: half a wave to eight waves over a shot
_KNOTS = 32  # points of a learned position table, between which it is interpolated
_STD = 0.5  # of a learned table: as large as what sines and cosines come to


class TemporalConfig(BaseModel):
    """Shape of the temporal part. Without layers there is none: a shot is the mean of its frames."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    hidden_size: int = Field(256, ge=1)
    num_hidden_layers: int = Field(2, ge=0)
    num_attention_heads: int = Field(4, ge=1)
    positions: Literal["sinusoidal", "learned"] = "sinusoidal"
    dropout: float = Field(0.1, ge=0, lt=1)

    @model_validator(mode="after")
    def _heads_fit(self) -> "TemporalConfig":
        if self.hidden_size % self.num_attention_heads:
            raise ValueError(
                f"hidden_size = {self.hidden_size} is not a multiple of num_attention_heads = "
                f"{self.num_attention_heads}"
            )
        return self


class TemporalAggregator(nn.Module):
    """Unit frame vectors of a shot into one unit vector.

    dim: D. generator: draws the weights; without one they stay to be loaded.
    """

    def __init__(self, dim: int, config: TemporalConfig, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.config, hidden = config, config.hidden_size
        self.blocks = nn.ModuleList(_Block(config) for _ in range(config.num_hidden_layers))
        if config.num_hidden_layers:
            # A frame goes in beside its difference from the mean: frames of one shot are so alike that it would drown.
            self.into = nn.Linear(2 * dim, hidden)
            self.place = nn.Linear(2 * _WAVES + 1, hidden) if config.positions == "sinusoidal" else _Learned(hidden)
            self.norm = nn.LayerNorm(hidden)
            self.out = nn.Linear(hidden, dim)
        if generator is not None:
            self._draw(generator)

    @torch.no_grad()
    def _draw(self, generator: torch.Generator) -> None:
        for module in self.modules():
            if isinstance(module, nn.Linear):
                module.weight.normal_(std=module.in_features**-0.5, generator=generator)
                module.bias.zero_()
            elif isinstance(module, _Learned):
                module.table.normal_(std=_STD, generator=generator)
        if self.config.num_hidden_layers:
            self.out.weight.zero_()

    def forward(self, frames_BFD: Tensor, times_BF: Tensor, seconds_B: Tensor, there_BF: Tensor) -> Tensor:
        """One unit row a shot, [B, D].

        frames_BFD: unit rows, zeros where there_BF is False; each shot has one at least. times_BF: when, as a share of
        the shot, [0, 1]. seconds_B: how long the shot is.
        """
        count_B1 = there_BF.sum(dim=1, keepdim=True)
        mean_BD = frames_BFD.sum(dim=1) / count_B1
        if not self.blocks:
            return normalize(mean_BD, dim=-1)
        change_BFD = (frames_BFD - mean_BD[:, None]) * there_BF[..., None]
        # Entries of a unit vector are about 1 / sqrt(D) large; the network wants them about 1.
        x_BFH = self.into(torch.cat([frames_BFD, change_BFD], dim=-1) * math.sqrt(frames_BFD.shape[-1]))
        x_BFH = x_BFH + self.place(_when(times_BF, seconds_B, self.config.positions))
        for block in self.blocks:
            x_BFH = block(x_BFH, there_BF)
        found_BFD = self.out(self.norm(x_BFH)) * there_BF[..., None]
        return normalize(mean_BD + found_BFD.sum(dim=1) / count_B1, dim=-1)

    def hidden_matrices(self) -> dict[str, int]:
        """Names of the matrices inside the blocks -> how many matrices stand above each other in each."""
        return {
            f"{name}.weight": 3 if name.endswith("qkv") else 1
            for name, module in self.named_modules()
            if name.startswith("blocks.") and isinstance(module, nn.Linear)
        }


class _Learned(nn.Module):
    """A table of positions over the shot, interpolated, and a map of the shot's length."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.zeros(_KNOTS, hidden))
        self.length = nn.Linear(1, hidden)

    def forward(self, when_BF2: Tensor) -> Tensor:
        place_BF = when_BF2[..., 0] * (_KNOTS - 1)
        below_BF = place_BF.floor().clamp(0, _KNOTS - 2).long()
        share_BF1 = (place_BF - below_BF)[..., None]
        position = torch.lerp(self.table[below_BF], self.table[below_BF + 1], share_BF1.to(self.table.dtype))
        return position + self.length(when_BF2[..., 1:])


class _Block(nn.Module):
    """Attention among a shot's frames, then a network on each; both normed before and added."""

    def __init__(self, config: TemporalConfig) -> None:
        super().__init__()
        hidden = config.hidden_size
        self.heads, self.dropout = config.num_attention_heads, nn.Dropout(config.dropout)
        self.norm1, self.norm2 = nn.LayerNorm(hidden), nn.LayerNorm(hidden)
        self.qkv, self.merge = nn.Linear(hidden, 3 * hidden), nn.Linear(hidden, hidden)
        self.fc1, self.fc2 = nn.Linear(hidden, 4 * hidden), nn.Linear(4 * hidden, hidden)

    def forward(self, x_BFH: Tensor, there_BF: Tensor) -> Tensor:
        query, key, value = self.qkv(self.norm1(x_BFH)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        seen = scaled_dot_product_attention(query, key, value, attn_mask=there_BF[:, None, None, :])
        x_BFH = x_BFH + self.dropout(self.merge(seen.transpose(1, 2).flatten(2)))
        return x_BFH + self.dropout(self.fc2(gelu(self.fc1(self.norm2(x_BFH)))))


def _when(times_BF: Tensor, seconds_B: Tensor, positions: str) -> Tensor:
    """What is told of each frame's time: of its place in the shot, and of the shot's length."""
    length_BF1 = torch.log1p(seconds_B)[:, None, None].expand(*times_BF.shape, 1)
    if positions == "learned":
        return torch.cat([times_BF[..., None], length_BF1], dim=-1)
    angle_BFW = times_BF[..., None] * (math.pi * torch.arange(1, _WAVES + 1, device=times_BF.device))
    return torch.cat([angle_BFW.sin(), angle_BFW.cos(), length_BF1], dim=-1)


def fill_up(
    frames: Sequence[Tensor], times: Sequence[Sequence[float]], seconds: Sequence[float]
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Shots of different numbers of frames as one batch: what `TemporalAggregator.forward` takes.

    frames: unit rows [F, D] a shot, F at least 1. times: of each frame, in seconds from the shot's start. Times outside
    the shot count as its ends; in a shot without length all count as its middle.
    """
    longest = max(len(part) for part in frames)
    frames_BFD = torch.stack([pad(part, (0, 0, 0, longest - len(part))) for part in frames])
    shares_BF, there_BF = torch.zeros(len(frames), longest), torch.zeros(len(frames), longest, dtype=torch.bool)
    for row, (own, length) in enumerate(zip(times, seconds, strict=True)):
        shares = [min(max(time / length, 0.0), 1.0) if length > 0 else 0.5 for time in own]
        shares_BF[row, : len(own)], there_BF[row, : len(own)] = torch.tensor(shares), True
    seconds_B = torch.tensor([max(length, 0.0) for length in seconds], dtype=torch.float32)
    device = frames_BFD.device
    return frames_BFD, shares_BF.to(device), seconds_B.to(device), there_BF.to(device)
