"""The shot transformer: `[CLS] [GLOBAL] shot shot ...` through a BERT-like encoder, back to the fused space.

Shapes: B sequences, S shots, D fused size, G metadata size, T = 2 + S places, H hidden.
Masks say which way they point: masked_BS (True: the shot is hidden behind [MASK]), padding_BS (True: no shot there).
"""

# ruff: noqa: N815 (fields carry their shapes)

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from mediafm.errors import MediafmError
from mediafm.model.card import model_card
from mediafm.model.config import ShotTransformerConfig
from mediafm.model.folder import (
    CARD,
    CONFIG,
    WEIGHTS,
    load_weights,
    local_folder,
    read_json,
    replace_file,
    to_json,
    upload,
    weight_bytes,
)
from mediafm.model.layers import NORM_EPS, Block, rotary_table

FRONT = 2  # [CLS] and [GLOBAL] stand before the shots, at positions 0 and 1
INIT_STD = 0.02  # of all weights that are drawn, as in BERT


@dataclass(frozen=True, slots=True)
class ShotOutput:
    """predicted_BSD: prediction of each shot's fused embedding (direction counts, not length).

    context_BSH: last-layer state of each shot. title_BH: last-layer state of [CLS].
    """

    predicted_BSD: Tensor
    context_BSH: Tensor
    title_BH: Tensor


class ShotTransformer(nn.Module):
    """Predicts hidden shots from the rest of their title (Masked Shot Modeling, Netflix 2026).

    `[MASK]` is one learnable vector in the hidden space: it replaces a shot after the input projection, so nothing of
    the shot, not even its presence, reaches the network. A title without metadata gets a learnable "no [GLOBAL]".
    """

    def __init__(self, config: ShotTransformerConfig, generator: torch.Generator | None = None) -> None:
        """Draw the weights from `generator`; without one, from seed 0. The global generator is left as it was."""
        super().__init__()
        self.config = config
        with torch.random.fork_rng(devices=[]):  # torch's layers draw weights of their own, which are drawn anew below
            self._build(config)
        self._initialize(generator or torch.Generator().manual_seed(0))

    def _build(self, config: ShotTransformerConfig) -> None:
        self.shot_in = nn.Linear(config.feature_dim, config.hidden)
        self.global_in = nn.Linear(config.global_dim, config.hidden) if config.global_dim else None
        self.cls = nn.Parameter(torch.empty(config.hidden))
        self.mask = nn.Parameter(torch.empty(config.hidden))
        self.no_global = nn.Parameter(torch.empty(config.hidden))
        places = FRONT + config.max_shots
        self.positions = nn.Embedding(places, config.hidden) if config.positions == "learned" else None
        self.rotary: Tensor | None
        rotary = rotary_table(places, config.head_dim) if config.positions == "rotary" else None
        self.register_buffer("rotary", rotary, persistent=False)
        self.input_norm = nn.LayerNorm(config.hidden, eps=NORM_EPS)
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.final_norm = nn.LayerNorm(config.hidden, eps=NORM_EPS) if config.norm == "pre" else nn.Identity()
        self.head = nn.Linear(config.hidden, config.feature_dim)

    @torch.no_grad()
    def _initialize(self, generator: torch.Generator) -> None:
        for name, parameter in self.named_parameters():
            if "norm" in name:
                parameter.fill_(1.0 if name.endswith("weight") else 0.0)
            elif name.endswith("bias") and name != "shot_in.bias":
                parameter.zero_()
            else:  # shot_in.bias too: it alone carries a shot whose features are all missing
                parameter.normal_(std=INIT_STD, generator=generator)

    def forward(
        self,
        fused_BSD: Tensor,
        masked_BS: Tensor | None = None,
        padding_BS: Tensor | None = None,
        global_BG: Tensor | None = None,
    ) -> ShotOutput:
        """Run whole sequences. Padding is never attended to; what stands at padded places is meaningless.

        global_BG: metadata vectors; a row of zeros, or None for all, means the title has none.
        """
        context_BSH, title_BH = self.encode(fused_BSD, masked_BS, padding_BS, global_BG)
        return ShotOutput(self.head(context_BSH), context_BSH, title_BH)

    def encode(
        self,
        fused_BSD: Tensor,
        masked_BS: Tensor | None = None,
        padding_BS: Tensor | None = None,
        global_BG: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """`forward` without the head, for callers that predict at some positions only: (context_BSH, title_BH)."""
        x_BTH = self._embed(fused_BSD, masked_BS, global_BG)
        keep_B11T = None
        if padding_BS is not None:
            keep_B11T = nn.functional.pad(~padding_BS, (FRONT, 0), value=True)[:, None, None, :]
        rotary_2TK = None if self.rotary is None else self.rotary[:, : x_BTH.shape[1]]
        for block in self.blocks:
            x_BTH = block(x_BTH, keep_B11T, rotary_2TK)
        x_BTH = self.final_norm(x_BTH)
        return x_BTH[:, FRONT:], x_BTH[:, 0]

    def hidden_matrices(self) -> dict[str, int]:
        """Name of each hidden weight -> how many matrices are stacked in its rows (3 for query-key-value)."""
        names = (name for name, p in self.blocks.named_parameters(prefix="blocks") if p.ndim == 2)
        return {name: 3 if name.endswith("qkv.weight") else 1 for name in names}

    def save_pretrained(self, folder: str | Path) -> Path:
        """Write `config.json`, `model.safetensors` and a card. A run's `Checkpoint` holds fusion and origin too."""
        folder = Path(folder)
        replace_file(folder / CONFIG, to_json(self.config.to_dict()))
        replace_file(folder / WEIGHTS, weight_bytes(self))
        replace_file(folder / CARD, model_card(folder.resolve().name, self.config, {}, {}).encode())
        return folder

    @classmethod
    def from_pretrained(cls, path: str | Path) -> "ShotTransformer":
        """The model of a folder or of a hub id `owner/model`, in evaluation mode. Loading is strict."""
        folder = local_folder(path)
        model = cls(ShotTransformerConfig.from_dict(read_json(folder / CONFIG), str(folder / CONFIG)))
        load_weights(model, folder / WEIGHTS)
        return model.eval()

    def push_to_hub(self, repo_id: str, private: bool = True, token: str | None = None) -> str:
        """Upload the model alone to a Hugging Face hub repository, made where it is missing; returns its address."""
        return upload(self.save_pretrained, repo_id, private, token)

    def _embed(self, fused_BSD: Tensor, masked_BS: Tensor | None, global_BG: Tensor | None) -> Tensor:
        B, S, D = fused_BSD.shape
        if self.config.feature_dim != D or not 1 <= S <= self.config.max_shots:
            raise MediafmError(
                f"A batch of {S} shots of size {D} does not fit a model made for 1 to {self.config.max_shots} shots of "
                f"size {self.config.feature_dim}.",
                "Cut longer titles into windows; use features of the preset the model was trained on.",
            )
        shots_BSH = self.shot_in(fused_BSD)
        if masked_BS is not None:
            shots_BSH = torch.where(masked_BS[..., None], self.mask.to(shots_BSH.dtype), shots_BSH)
        front_B2H = torch.stack([self.cls.expand(B, -1), self._global(global_BG, B)], dim=1)
        x_BTH = torch.cat([front_B2H.to(shots_BSH.dtype), shots_BSH], dim=1)
        if self.positions is not None:
            x_BTH = x_BTH + self.positions.weight[: x_BTH.shape[1]]
        return self.dropout(self.input_norm(x_BTH))

    def _global(self, global_BG: Tensor | None, B: int) -> Tensor:
        if self.global_in is None or global_BG is None:
            return self.no_global.expand(B, -1)
        projected_BH = self.global_in(global_BG)
        known_B1 = (global_BG != 0).any(dim=-1, keepdim=True)
        return torch.where(known_B1, projected_BH, self.no_global.to(projected_BH.dtype))
