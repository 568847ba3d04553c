"""What is trained: both towers, the temporal part and the temperature, and which of their parameters learn.

Shapes: B clips or texts, F frames, D common space.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from mediafm.encoders.temporal import TemporalAggregator, TemporalConfig, fill_up
from mediafm.encoders.towers import Towers
from mediafm.errors import UsageError
from mediafm.train.muon import Muon
from mediafm.train.seqclip.contrast import MAX_LOG_SCALE
from mediafm.train.seqclip.recipe import Depth, SeqClipRecipe, TuningRecipe

_BLOCKS = ".encoder.layers."
_BEFORE = (".embeddings.", ".pre_layrnorm.")  # CLIP's own spelling
_IMAGE, _TEXT = ("vision_model.", "visual_projection."), ("text_model.", "text_projection.")
_USUAL_TEMPERATURE = 0.07  # CLIP's beginning


@dataclass(frozen=True, slots=True)
class TextParts:
    """Tokens of all parts of some texts, one after another, and how many parts each text has."""

    tokens: dict[str, Tensor]
    counts: list[int]


class SeqClip(nn.Module):
    """Towers and temporal part as one module whose gradients pass. Parameters that do not learn are frozen.

    Raises UsageError if the base has no text tower, or fewer blocks than are to learn.
    """

    def __init__(self, towers: Towers, recipe: SeqClipRecipe) -> None:
        super().__init__()
        if not hasattr(towers.model, "text_model"):
            raise UsageError(
                f"{towers.folder} has no text tower to learn captions with.", "Name a whole CLIP or SigLIP checkpoint."
            )
        shape = recipe.temporal
        self.towers = towers
        self.model = towers.model
        with torch.random.fork_rng(devices=[]):
            config = TemporalConfig(
                hidden_size=shape.hidden,
                num_hidden_layers=shape.layers,
                num_attention_heads=shape.heads,
                positions=shape.positions,
                dropout=shape.dropout,
            )
            generator = torch.Generator().manual_seed(recipe.run.seed)
            self.temporal = TemporalAggregator(towers.dim, config, generator)
        self.log_scale = nn.Parameter(_first_log_scale(towers.model, recipe.contrast.temperature))
        self.to(towers.device)
        self.trains_tower, self.trains_text = bool(recipe.train.tower), bool(recipe.train.text)
        self.requires_grad_(False)
        self.temporal.requires_grad_(True)
        self.log_scale.requires_grad_(recipe.contrast.learned)
        for parameter in _tower_parameters(self.model, _IMAGE, recipe.train.tower, "train.tower"):
            parameter.requires_grad_(True)
        for parameter in _tower_parameters(self.model, _TEXT, recipe.train.text, "train.text"):
            parameter.requires_grad_(True)

    def train(self, mode: bool = True) -> Self:
        """As any module, but a tower that does not learn never drops anything out."""
        super().train(mode)
        for name, module in self.model.named_children():
            if not (self.trains_tower if name.startswith("vis") else self.trains_text):
                module.eval()
        return self

    @property
    def trains_towers(self) -> bool:
        """Whether any of the base's own weights learn."""
        return self.trains_tower or self.trains_text

    def learning(self) -> dict[str, nn.Parameter]:
        """The parameters that learn, by name."""
        return {name: p for name, p in self.named_parameters() if p.requires_grad}

    def frames(self, pixels: dict[str, Tensor]) -> Tensor:
        """Unit rows of prepared pictures, [n, D]."""
        return normalize(self.towers.image_vectors(pixels).float(), dim=-1)

    def clips(
        self, frames_ND: Tensor, counts: Sequence[int], times: Sequence[Sequence[float]], seconds: Sequence[float]
    ) -> Tensor:
        """Unit rows of clips, [B, D], from the frames of all of them under each other."""
        return self.temporal(*fill_up(frames_ND.split(list(counts)), times, seconds))

    def texts(self, parts: TextParts) -> Tensor:
        """Unit rows of texts, [B, D]: the mean of their parts' unit rows, as `Towers.embed_texts`."""
        rows = normalize(self.towers.text_vectors(parts.tokens).float(), dim=-1)
        owner = torch.arange(len(parts.counts)).repeat_interleave(torch.tensor(parts.counts)).to(rows.device)
        return normalize(rows.new_zeros(len(parts.counts), rows.shape[1]).index_add(0, owner, rows), dim=-1)

    def prepare_texts(self, texts: Sequence[str]) -> TextParts:
        """Texts as `texts` takes them. None may be empty."""
        flat, counts = self.towers.text_parts(texts)
        return TextParts(self.towers.tokens(flat), counts)

    @torch.no_grad()
    def bound_scale(self) -> None:
        """Hold the temperature where CLIP holds it: never below 0.01."""
        self.log_scale.clamp_(max=MAX_LOG_SCALE)


def _first_log_scale(model: Any, temperature: float) -> Tensor:
    """From the recipe, else the base's own, else CLIP's usual beginning."""
    if temperature > 0:
        return torch.tensor(1 / temperature).log().clamp(max=MAX_LOG_SCALE)
    own = getattr(model, "logit_scale", None)
    first = torch.tensor(1 / _USUAL_TEMPERATURE).log() if own is None else own.detach().float().cpu().reshape(())
    # SigLIP's scale goes with a bias that InfoNCE has no use for; CLIP's may be at its bound.
    return first.clamp(max=MAX_LOG_SCALE)


def _tower_parameters(model: Any, prefixes: tuple[str, ...], depth: Depth, setting: str) -> Iterator[nn.Parameter]:
    """A tower's parameters from the last `depth` blocks on."""
    if depth == 0:
        return
    mine = [(name, p) for name, p in model.named_parameters() if name.startswith(prefixes)]
    blocks = 1 + max(_block(name) for name, _ in mine)
    if depth != "all" and depth > blocks:
        raise UsageError(f"{setting} = {depth}, but the tower has {blocks} blocks.", f"Set {setting}=all or less.")
    first = 0 if depth == "all" else blocks - depth
    for name, parameter in mine:
        before = depth != "all" and any(part in name for part in _BEFORE)
        if not before and (_block(name) >= first or _BLOCKS not in name):
            yield parameter


def _block(name: str) -> int:
    """Number of the block that a parameter lies in; -1 outside all blocks."""
    return int(name.split(_BLOCKS)[1].split(".")[0]) if _BLOCKS in name else -1


def make_optimizers(net: SeqClip, recipe: TuningRecipe, muon_dtype: torch.dtype | None) -> dict[str, Any]:
    """`adamw`, and `muon` for the matrices inside blocks where the recipe says so. Matrices alone decay.

    Each group keeps its full rate as `base_lr`, for the schedule to scale.
    """
    stacks = {f"temporal.{name}": count for name, count in net.temporal.hidden_matrices().items()}
    groups: dict[tuple[str, float, float, int], list[nn.Parameter]] = {}
    for name, parameter in net.learning().items():
        matrix = parameter.ndim == 2 and (name in stacks or _BLOCKS in name)
        kind = "muon" if matrix and recipe.hidden == "muon" else "adamw"
        rate = recipe.tower_rate if name.startswith("model.") else recipe.rate
        decay = recipe.weight_decay if parameter.ndim > 1 and ".embeddings." not in name else 0.0
        groups.setdefault((kind, rate, decay, stacks.get(name, 1)), []).append(parameter)
    made: dict[str, Any] = {}
    for kind in ("muon", "adamw"):
        options = [
            {"params": held, "lr": rate, "weight_decay": decay, "base_lr": rate}
            | ({"stacked": stacked} if kind == "muon" else {})
            for (k, rate, decay, stacked), held in groups.items()
            if k == kind
        ]
        if options and kind == "muon":
            made[kind] = Muon(options, lr=recipe.rate, momentum=recipe.momentum, dtype=muon_dtype)
        elif options:
            made[kind] = torch.optim.AdamW(options, lr=recipe.rate, betas=recipe.betas)
    return made
