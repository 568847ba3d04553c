"""`seqclip`: a CLIP-style tower with a temporal part on top, as `mediafm finetune-seqclip` leaves it.

A checkpoint is a folder in the form of the hub:

- `config.json`: frames a shot, shape of the temporal part, which base its towers come from;
- `model.safetensors`: the temporal part;
- `tower/`: config and weights of both towers, where they were trained too or are kept whole; else they are the base's,
  known by its hash;
- files of the tokenizer and of the image processor, as the base has them; `README.md`, the card.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mediafm.encoders.encoder import Encoded, Encoder
from mediafm.encoders.fingerprints import fingerprint
from mediafm.encoders.towers import BATCH, Towers
from mediafm.encoders.vectors import scatter
from mediafm.encoders.weights import find_model, folder_sha256, pick_device, read_json, refusing
from mediafm.errors import EncoderError
from mediafm.types import FloatArray, Modality, ShotInput

if TYPE_CHECKING:
    from mediafm.encoders.temporal import TemporalAggregator

MODEL_TYPE, TOWER = "seqclip", "tower"
_CODE_VERSION = 1  # raise it whenever a vector changes


class BaseModelFacts(BaseModel):
    """Where the towers come from: a hub id or a folder (relative to the checkpoint), their hash, their licence.

    It may be a seqclip checkpoint; the towers meant are then that one's.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = Field(min_length=1)
    sha256: str
    licence: str = Field("NOASSERTION", min_length=1)


class SeqClipConfig(BaseModel):
    """`config.json` of a checkpoint. `num_*` and `hidden_size` are of the temporal part, `dim` of its input.

    own_towers: whether `tower/` holds them; else they are the base's.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model_type: Literal["seqclip"] = "seqclip"
    architectures: tuple[str, ...] = ("SeqClip",)
    dim: int = Field(ge=1)
    frames: int = Field(ge=1, le=256)
    hidden_size: int = Field(ge=1)
    num_hidden_layers: int = Field(ge=0)
    num_attention_heads: int = Field(ge=1)
    positions: Literal["sinusoidal", "learned"]
    dropout: float = Field(ge=0, lt=1)
    own_towers: bool
    base: BaseModelFacts

    @model_validator(mode="after")
    def _heads_fit(self) -> "SeqClipConfig":
        if self.hidden_size % self.num_attention_heads:
            raise ValueError(f"hidden_size = {self.hidden_size} is not a multiple of num_attention_heads")
        return self


def is_seqclip(folder: Path) -> bool:
    """Whether a folder is a seqclip checkpoint (and not a plain CLIP model's)."""
    return (folder / "config.json").is_file() and read_json(folder / "config.json").get("model_type") == MODEL_TYPE


def read_config(folder: Path) -> SeqClipConfig:
    """The checkpoint's config; EncoderError, naming the key, where it is not one of seqclip."""
    data = read_json(folder / "config.json")
    try:
        return SeqClipConfig.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise EncoderError(
            f"{folder / 'config.json'} is no seqclip config ({where}: {first['msg']}).",
            "Name a folder that `mediafm finetune-seqclip` wrote; a plain CLIP model is of kind clip.",
        ) from error


def towers_folder(folder: Path, config: SeqClipConfig) -> Path:
    """Where the weights of the checkpoint's towers lie: its own, or the base's, which must be the one it was made on.

    Raises EncoderError if the base cannot be found or has changed.
    """
    return folder / TOWER if config.own_towers else base_folder(folder, config)


def base_folder(folder: Path, config: SeqClipConfig) -> Path:
    """Where the base lies that the checkpoint was made on; EncoderError if it cannot be found or has changed."""
    beside = folder / config.base.model
    found = find_model(str(beside) if beside.is_dir() else config.base.model)
    if is_seqclip(found):
        found = towers_folder(found, read_config(found))
    if folder_sha256(found) != config.base.sha256:
        raise EncoderError(
            f"{folder} was fine-tuned on another {config.base.model} than the one in {found}.",
            "Put the very base back that it was trained on.",
        )
    return found


def load_temporal(folder: Path, config: SeqClipConfig) -> "TemporalAggregator":
    """The temporal part, filled strictly from `model.safetensors`; in evaluation mode, on the CPU."""
    import torch
    from safetensors.torch import load_file

    from mediafm.encoders.temporal import TemporalAggregator, TemporalConfig

    with refusing(folder), torch.random.fork_rng(devices=[]):
        shape = TemporalConfig(**{name: getattr(config, name) for name in TemporalConfig.model_fields})
        temporal = TemporalAggregator(config.dim, shape)
        weights = load_file(folder / "model.safetensors")
        wanted, found = ({name: tuple(t.shape) for name, t in w.items()} for w in (temporal.state_dict(), weights))
        if wrong := sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name)):
            raise EncoderError(
                f"The weights in {folder} do not fit its config.json: {len(wrong)} parameters are missing or have"
                f" another shape, or are unknown, first {wrong[0]}.",
                "Fetch the checkpoint again; weights and config must come from one run.",
            )
        temporal.load_state_dict(weights, strict=True)
    return temporal.float().eval()


class SeqClipEncoder(Encoder):
    """Frames through an image tower, then through time. A shot without frames is absent.

    model: a checkpoint's folder or hub id. frames: sampled frames a shot; 0: as it was trained with. device: torch
    device, None for the best there is. Raises EncoderError if the checkpoint or its base cannot be had or is not whole.
    """

    modality: Modality = "video"

    def __init__(
        self,
        model: str,
        name: str = "seqclip",
        licence: str = "NOASSERTION",
        frames: int = 0,
        device: str | None = None,
    ) -> None:
        folder, device = find_model(model), pick_device(device)
        config = read_config(folder)
        self.name, self.frames = name, frames or config.frames
        self.licence = config.base.licence if licence == "NOASSERTION" else licence
        self._towers = Towers(towers_folder(folder, config), device, settings=folder)
        self._temporal = load_temporal(folder, config).to(device)
        if self._towers.dim != config.dim:
            raise EncoderError(
                f"{folder}: its towers give {self._towers.dim} numbers, its temporal part takes {config.dim}.",
                "Fetch the checkpoint again; all of it must come from one run.",
            )
        self.frame_side, self.dim = self._towers.frame_side, config.dim
        weights = folder_sha256(folder, (folder / TOWER,) if config.own_towers else ())
        facts = {"code": _CODE_VERSION, "frames": self.frames, "weights": weights, "base": config.base.sha256}
        self.fingerprint = fingerprint(name, **facts)

    def encode(self, batch: Sequence[ShotInput]) -> Encoded:
        """Embed each shot's frames at their times; [len(batch), dim]."""
        seen = [shot for shot in batch if shot.frames]
        if not seen:
            return scatter([None] * len(batch), self.dim)
        flat = self._towers.embed_images([frame for shot in seen for frame in shot.frames])
        ends = np.cumsum([len(shot.frames) for shot in seen])
        parts = np.split(flat, ends[:-1])
        rows = iter(pool_frames(self._temporal, parts, [s.frame_times for s in seen], [s.duration for s in seen]))
        return scatter([next(rows) if shot.frames else None for shot in batch], self.dim)

    def encode_texts(self, texts: Sequence[str]) -> FloatArray:
        """Embed queries in the shots' space: float32 [len(texts), dim], unit rows, zero rows for empty text."""
        return self._towers.embed_texts(texts)


def pool_frames(
    temporal: "TemporalAggregator",
    frames: Sequence[FloatArray],
    times: Sequence[Sequence[float]],
    seconds: Sequence[float],
) -> FloatArray:
    """Shots' unit frame vectors, each [F, D] with F times in seconds from its start, as unit rows [len(frames), D]."""
    import torch

    from mediafm.encoders.temporal import fill_up

    device = next(temporal.parameters(), torch.empty(0)).device
    rows = []
    with torch.inference_mode():
        for start in range(0, len(frames), BATCH):
            part = slice(start, start + BATCH)
            inputs = fill_up([torch.from_numpy(f) for f in frames[part]], times[part], seconds[part])
            rows.append(temporal(*(tensor.to(device) for tensor in inputs)).cpu().numpy())
    return np.concatenate(rows)
