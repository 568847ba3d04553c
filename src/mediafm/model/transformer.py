"""The shot transformer: `[CLS] [GLOBAL] shot shot ...` through a BERT-like encoder, back to the fused space.

Sequences of unequal length are packed: their shots stand under each other, without padding.
Shapes: N shots of all sequences, B sequences, S shots of the longest, D fused size, G metadata size, T = N + 2 B
places, H hidden. Masks say which way they point: masked_N (True: the shot is hidden behind [MASK]), padding_BS (True:
no shot stands there).
"""

# ruff: noqa: N815 (fields carry their shapes)

from collections.abc import Sequence
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
from mediafm.model.layers import Block, LateProjection, make_head, make_norm, rotary_turns
from mediafm.model.packing import FRONT, Packing

INIT_STD = 0.02  # of all weights that are drawn, as in BERT
SECONDS_A_PLACE = 4.0  # "time" positions: about one shot, so that frequencies made for places serve


@dataclass(frozen=True, slots=True)
class Encoded:
    """shots_NH: last-layer state of each shot. titles_BH: last-layer state of [CLS]. outputs: each block's, [T, H]."""

    shots_NH: Tensor
    titles_BH: Tensor
    outputs: tuple[Tensor, ...]
    packing: Packing

    def layer(self, number: int) -> Tensor:
        """A block's output at the shots, [N, H], before any final norm."""
        return self.outputs[number][self.packing.shot_N]


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
        late = config.projection == "late"
        self.shot_in = LateProjection(config) if late else nn.Linear(config.feature_dim, config.hidden)
        self.global_in = nn.Linear(config.global_dim, config.hidden) if config.global_dim else None
        self.cls = nn.Parameter(torch.empty(config.hidden))
        self.mask = nn.Parameter(torch.empty(config.hidden))
        self.no_global = nn.Parameter(torch.empty(config.hidden))
        self.duration = nn.Parameter(torch.empty(config.hidden)) if config.duration_input else None
        learned = config.positions == "learned"
        self.positions = nn.Embedding(FRONT + config.max_shots, config.hidden) if learned else None
        self.input_norm = make_norm(config)
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.final_norm = make_norm(config) if config.norm == "pre" else nn.Identity()
        self.head = make_head(config)

    @torch.no_grad()
    def _initialize(self, generator: torch.Generator) -> None:
        norms = {id(p) for m in self.modules() if isinstance(m, nn.LayerNorm | nn.RMSNorm) for p in m.parameters()}
        for name, parameter in self.named_parameters():
            if id(parameter) in norms:
                parameter.fill_(1.0 if name.endswith("weight") else 0.0)
            elif name.endswith("bias") and name != "shot_in.bias":
                parameter.zero_()
            else:  # shot_in.bias too: it alone carries a shot whose features are all missing
                parameter.normal_(std=INIT_STD, generator=generator)

    def encode(
        self,
        fused_ND: Tensor,
        lengths: Sequence[int],
        masked_N: Tensor | None = None,
        global_BG: Tensor | None = None,
        times_N2: Tensor | None = None,
    ) -> Encoded:
        """States of packed sequences.

        lengths: shots of each sequence, N in all. global_BG: metadata vectors; a row of zeros, or None for all, means
        the title has none. times_N2: start and end of each shot in seconds, which "time" positions and
        `duration_input` need.
        Raises MediafmError for sizes that do not fit the model.
        """
        self._check(fused_ND, lengths, times_N2)
        packing = Packing.of(lengths, fused_ND.device)
        x_TH = self._embed(fused_ND, packing, masked_N, global_BG, times_N2)
        turns_2TF = self._turns(packing, times_N2)
        outputs = []
        for block in self.blocks:
            x_TH = block(x_TH, packing, turns_2TF)
            outputs.append(x_TH)
        last_TH = self.final_norm(x_TH)
        return Encoded(last_TH[packing.shot_N], last_TH[packing.cls_B], tuple(outputs), packing)

    def forward(
        self,
        fused_BSD: Tensor,
        masked_BS: Tensor | None = None,
        padding_BS: Tensor | None = None,
        global_BG: Tensor | None = None,
    ) -> ShotOutput:
        """Run padded sequences whole, head included. Padding takes no part; zeros stand there in the result."""
        B, S = fused_BSD.shape[:2]
        real_BS = fused_BSD.new_ones((B, S), dtype=torch.bool) if padding_BS is None else ~padding_BS
        masked_N = None if masked_BS is None else masked_BS[real_BS]
        found = self.encode(fused_BSD[real_BS], real_BS.sum(dim=1).tolist(), masked_N, global_BG)
        context_BSH = found.shots_NH.new_zeros((B, S, self.config.hidden))
        context_BSH[real_BS] = found.shots_NH
        return ShotOutput(self.head(context_BSH) * real_BS[..., None], context_BSH, found.titles_BH)

    def compile_rows(self) -> None:
        """Let torch.compile fuse what the blocks do to single rows, in place of plain operations."""
        for block in self.blocks:
            assert isinstance(block, Block)
            block.compile_rows()

    def hidden_matrices(self) -> dict[str, int]:
        """Name of each hidden weight -> how many matrices are stacked in its rows (3 for query-key-value)."""
        stacks = {"qkv.weight": 3, "up.weight": 2 if self.config.mlp == "swiglu" else 1}
        names = (name for name, p in self.blocks.named_parameters(prefix="blocks") if p.ndim == 2)
        return {name: next((n for end, n in stacks.items() if name.endswith(end)), 1) for name in names}

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

    def _check(self, fused_ND: Tensor, lengths: Sequence[int], times_N2: Tensor | None) -> None:
        N, D = fused_ND.shape
        if self.config.feature_dim != D or not 1 <= min(lengths) <= max(lengths) <= self.config.max_shots:
            raise MediafmError(
                f"Sequences of {min(lengths)} to {max(lengths)} shots of size {D} do not fit a model made for 1 to "
                f"{self.config.max_shots} shots of size {self.config.feature_dim}.",
                "Cut longer titles into windows; use features of the preset the model was trained on.",
            )
        if sum(lengths) != N:
            raise MediafmError(f"Sequences of {sum(lengths)} shots in all, but {N} rows of features.")
        if times_N2 is None and (self.config.positions == "time" or self.config.duration_input):
            raise MediafmError("This model needs the times of shots, and was given none.", "Pass `times`.")

    def _embed(
        self,
        fused_ND: Tensor,
        packing: Packing,
        masked_N: Tensor | None,
        global_BG: Tensor | None,
        times_N2: Tensor | None,
    ) -> Tensor:
        shots_NH = self.shot_in(fused_ND)
        if self.duration is not None and times_N2 is not None:
            length_N = (times_N2[:, 1] - times_N2[:, 0]).clamp(min=1e-2) / SECONDS_A_PLACE
            shots_NH = shots_NH + length_N.log()[:, None] * self.duration
        if masked_N is not None:
            shots_NH = torch.where(masked_N[:, None], self.mask.to(shots_NH.dtype), shots_NH)
        x_TH = shots_NH.new_empty((len(packing.index_T), self.config.hidden))
        x_TH = x_TH.index_copy(0, packing.shot_N, shots_NH)
        x_TH = x_TH.index_copy(0, packing.cls_B, self.cls.to(x_TH.dtype).expand(len(packing.cls_B), -1))
        x_TH = x_TH.index_copy(0, packing.global_B, self._global(global_BG, len(packing.cls_B)).to(x_TH.dtype))
        if self.positions is not None:
            x_TH = x_TH + self.positions.weight[packing.index_T]
        return self.dropout(self.input_norm(x_TH))

    def _turns(self, packing: Packing, times_N2: Tensor | None) -> Tensor | None:
        """Rotary turns of all places; in "time", a sequence begins at its first shot's middle."""
        if self.positions is not None:
            return None
        position_T = packing.index_T.double()
        if self.config.positions == "time" and times_N2 is not None:
            middle_N = times_N2.double().mean(dim=1)
            first_N = middle_N[(packing.cls_B - FRONT * torch.arange(len(packing.cls_B), device=middle_N.device))]
            since_N = (middle_N - first_N[packing.sequence_N]) / SECONDS_A_PLACE
            position_T = position_T.index_copy(0, packing.shot_N, FRONT + since_N)
        return rotary_turns(position_T, self.config.head_dim)

    def _global(self, global_BG: Tensor | None, B: int) -> Tensor:
        if self.global_in is None or global_BG is None:
            return self.no_global.expand(B, -1)
        projected_BH = self.global_in(global_BG)
        known_B1 = (global_BG != 0).any(dim=-1, keepdim=True)
        return torch.where(known_B1, projected_BH, self.no_global.to(projected_BH.dtype))
