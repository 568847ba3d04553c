"""The shape of a shot transformer, as `config.json` keeps it."""

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from mediafm.errors import MediafmError

Positions = Literal["learned", "rotary"]
NormForm = Literal["pre", "post"]
Readout = Literal["last", "beside"]
MODEL_TYPE = "mediafm-shot-transformer"


@dataclass(frozen=True, slots=True)
class ShotTransformerConfig:
    """Everything needed to build the module; equal configs accept each other's weights.

    feature_dim: size of a fused embedding. global_dim: size of a title's metadata vector; 0 where none is known.
    max_shots: longest sequence of shots, [CLS] and [GLOBAL] not counted.
    norm: "pre" (LayerNorm before each sub-layer and at the end) or "post" (as BERT has it).
    readout: what `embed` writes for a shot; see `mediafm.embed`.
    """

    feature_dim: int
    global_dim: int
    hidden: int
    layers: int
    heads: int
    mlp_ratio: float = 4.0
    max_shots: int = 512
    positions: Positions = "rotary"
    norm: NormForm = "pre"
    dropout: float = 0.0
    attention_dropout: float = 0.0
    readout: Readout = "last"

    def __post_init__(self) -> None:
        """Refuse a shape that no module can have."""
        if min(self.feature_dim, self.hidden, self.layers, self.heads, self.max_shots) < 1 or self.global_dim < 0:
            raise MediafmError(f"Sizes of a shot transformer must be positive: {self}.")
        if self.hidden % self.heads or (self.positions == "rotary" and self.head_dim % 2):
            raise MediafmError(
                f"hidden = {self.hidden} cannot be shared by heads = {self.heads} with {self.positions} positions.",
                "Make hidden a multiple of heads, and of twice the heads for rotary positions.",
            )
        for name, choices in (("positions", Positions), ("norm", NormForm), ("readout", Readout)):
            if getattr(self, name) not in get_args(choices):
                raise MediafmError(f"{name} = {getattr(self, name)!r} is none of {', '.join(get_args(choices))}.")

    @property
    def head_dim(self) -> int:
        """Size of one attention head."""
        return self.hidden // self.heads

    @property
    def readout_dim(self) -> int:
        """Size of the vector that `embed` writes."""
        return self.hidden if self.readout == "last" else self.feature_dim + self.hidden

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
        required = {"feature_dim", "global_dim", "hidden", "layers", "heads"}
        if unknown := set(values) - known:
            raise MediafmError(f"{source} holds unknown keys: {', '.join(sorted(unknown))}.", "Update mediafm.")
        if missing := required - set(values):
            raise MediafmError(f"{source} lacks {', '.join(sorted(missing))}.", "Fetch the checkpoint again.")
        try:
            return cls(**values)
        except TypeError as error:
            raise MediafmError(f"{source} holds a value of the wrong type: {error}.") from None
