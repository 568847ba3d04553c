"""The shape of a shot transformer, as `config.json` keeps it."""

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from mediafm.errors import MediafmError

Positions = Literal["learned", "rotary", "time"]
NormForm = Literal["pre", "post"]
NormKind = Literal["layer", "rms"]
MlpKind = Literal["gelu", "swiglu"]
Projection = Literal["early", "late"]
HeadKind = Literal["linear", "mlp"]
Part = Literal["shot", "first", "last", "layers", "masked", "predicted"]
CHOICES: dict[str, Any] = {
    "positions": Positions,
    "norm": NormForm,
    "norm_kind": NormKind,
    "mlp": MlpKind,
    "projection": Projection,
    "head": HeadKind,
}
MODEL_TYPE = "mediafm-shot-transformer"


@dataclass(frozen=True, slots=True)
class ShotTransformerConfig:
    """Everything needed to build the module; equal configs accept each other's weights.

    blocks: sizes of the modalities in a fused embedding, in order. global_dim: size of a title's metadata vector; 0
    where none is known. max_shots: longest sequence of shots, [CLS] and [GLOBAL] not counted.
    norm: "pre" (before each sub-layer and at the end) or "post" (as BERT has it). readout: parts of what `embed` writes
    for a shot; see `mediafm.embed`. The other choices are those of `mediafm.config.ModelRecipe`.
    """

    blocks: tuple[int, ...]
    global_dim: int
    hidden: int
    layers: int
    heads: int
    mlp_ratio: float = 4.0
    mlp: MlpKind = "gelu"
    max_shots: int = 512
    positions: Positions = "rotary"
    duration_input: bool = False
    projection: Projection = "early"
    norm: NormForm = "pre"
    norm_kind: NormKind = "layer"
    head: HeadKind = "linear"
    dropout: float = 0.0
    attention_dropout: float = 0.0
    readout: tuple[Part, ...] = ("first", "last")

    def __post_init__(self) -> None:
        """Refuse a shape that no module can have."""
        object.__setattr__(self, "blocks", tuple(self.blocks))
        object.__setattr__(self, "readout", tuple(self.readout))
        sizes = (*self.blocks, self.hidden, self.layers, self.heads, self.max_shots)
        if not self.blocks or min(sizes) < 1 or self.global_dim < 0:
            raise MediafmError(f"Sizes of a shot transformer must be positive: {self}.")
        if self.hidden % self.heads or (self.positions != "learned" and self.head_dim % 2):
            raise MediafmError(
                f"hidden = {self.hidden} cannot be shared by heads = {self.heads} with {self.positions} positions.",
                "Make hidden a multiple of heads, and of twice the heads for rotary positions.",
            )
        for name, choices in CHOICES.items():
            if getattr(self, name) not in get_args(choices):
                raise MediafmError(f"{name} = {getattr(self, name)!r} is none of {', '.join(get_args(choices))}.")
        check_readout(self.readout)

    @property
    def feature_dim(self) -> int:
        """Size of a fused embedding."""
        return sum(self.blocks)

    @property
    def head_dim(self) -> int:
        """Size of one attention head."""
        return self.hidden // self.heads

    def readout_dim(self, readout: tuple[Part, ...] | None = None) -> int:
        """Size of the vector that `embed` writes under a read-out, by default the model's own."""
        sizes = {"shot": self.feature_dim, "predicted": self.feature_dim, "layers": self.layers * self.hidden}
        return sum(sizes.get(part, self.hidden) for part in readout or self.readout)

    def to_dict(self) -> dict[str, Any]:
        """Contents of `config.json`."""
        return {"model_type": MODEL_TYPE, **asdict(self)}

    @classmethod
    def from_dict(cls, data: dict[str, Any], source: str) -> "ShotTransformerConfig":
        """Read `config.json`'s contents; MediafmError names `source` and what does not fit."""
        values = dict(data)
        if values.pop("model_type", None) != MODEL_TYPE:
            raise MediafmError(f"{source} is not the config of a mediafm checkpoint.", "Point at a pretraining run.")
        known = {f.name for f in fields(cls)}
        required = {"blocks", "global_dim", "hidden", "layers", "heads"}
        if unknown := set(values) - known:
            raise MediafmError(f"{source} holds unknown keys: {', '.join(sorted(unknown))}.", "Update mediafm.")
        if missing := required - set(values):
            raise MediafmError(f"{source} lacks {', '.join(sorted(missing))}.", "Fetch the checkpoint again.")
        try:
            return cls(**values)
        except TypeError as error:
            raise MediafmError(f"{source} holds a value of the wrong type: {error}.") from None


def check_readout(readout: tuple[str, ...]) -> None:
    """MediafmError unless it names known parts, each once."""
    unknown = [part for part in readout if part not in get_args(Part)]
    if unknown or not readout or len(set(readout)) < len(readout):
        raise MediafmError(
            f"No read-out {', '.join(map(str, readout)) or 'without parts'}.",
            f"Name each part once, of {', '.join(get_args(Part))}.",
        )
