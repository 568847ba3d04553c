"""Recipes of `finetune-seqclip`: everything that decides a run, typed, frozen, checked once and saved beside it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from mediafm.config import Count, PlaceRecipe, Rate, Section, Settings, Share, parse_settings, read_toml

Depth = Literal["all"] | Annotated[int, Field(ge=0)]


class TemporalRecipe(Section):
    """Shape of the temporal part. `layers` 0: none, a clip is the mean of its frames."""

    layers: Annotated[int, Field(ge=0)] = 2
    hidden: Count = 256
    heads: Count = 4
    positions: Literal["sinusoidal", "learned"] = "sinusoidal"
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1

    @model_validator(mode="after")
    def _heads_fit(self) -> Self:
        if self.hidden % self.heads:
            raise ValueError(f"hidden = {self.hidden} is not a multiple of heads = {self.heads}")
        return self


class TrainRecipe(Section):
    """What learns beside the temporal part: the last blocks of the image `tower` and of the `text` tower, with what
    follows them (0: nothing), or "all" of it. keep_tower: store the towers in the checkpoint even if they did not
    learn, so that it needs no base.
    """

    tower: Depth = 0
    text: Depth = 0
    keep_tower: bool = False


class ContrastRecipe(Section):
    """Symmetric InfoNCE. temperature: where it starts, learned from there on; 0: the base's own."""

    temperature: Annotated[float, Field(ge=0)] = 0.0
    learned: bool = True


class TuningRecipe(Section):
    """Rates of the temporal part (`rate`) and of the towers (`tower_rate`). `hidden`: which optimiser has the matrices
    inside blocks; AdamW has everything else.
    """

    hidden: Literal["muon", "adamw"] = "adamw"
    rate: Rate = 5e-4
    tower_rate: Rate = 1e-5
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.95
    betas: tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]] = (0.9, 0.98)
    weight_decay: Annotated[float, Field(ge=0)] = 0.1
    clip: Rate = 1.0


class CourseRecipe(Section):
    """Length of the run: a linear warm-up over a share of all steps, then half a cosine down to zero.

    Evaluation stands at every `evaluate_every` epochs and at the end; training stops early after `patience`
    evaluations without a new best on validation pairs (0: never).
    """

    epochs: Count = 10
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.1
    evaluate_every: Count = 1
    patience: Annotated[int, Field(ge=0)] = 0


class PairsRecipe(Section):
    """`frames` sampled a clip. `batch` pairs are told from each other; they go through the towers `micro` at a time,
    with cached gradients, to the same step. `validation_share` of the films is held out, by hash under `split_seed`.
    """

    frames: Annotated[int, Field(ge=1, le=256)] = 12
    batch: Annotated[int, Field(ge=2)] = 64
    micro: Count = 64
    validation_share: Annotated[Share, Field(gt=0, lt=1)] = 0.1
    split_seed: int = 0


class SeqClipRecipe(Settings):
    """One fine-tuning run."""

    temporal: TemporalRecipe = TemporalRecipe()
    train: TrainRecipe = TrainRecipe()
    contrast: ContrastRecipe = ContrastRecipe()
    optimizer: TuningRecipe = TuningRecipe()
    schedule: CourseRecipe = CourseRecipe()
    data: PairsRecipe = PairsRecipe()
    run: PlaceRecipe = PlaceRecipe()

    @model_validator(mode="after")
    def _something_learns(self) -> Self:
        if not self.temporal.layers and not self.train.tower and not self.train.text:
            raise ValueError("nothing would learn: raise temporal.layers, train.tower or train.text")
        return self


def load_seqclip_recipe(path: str | Path = "", overrides: Sequence[str] = ()) -> SeqClipRecipe:
    """The defaults, or a TOML file, with overrides written `section.key=value`; UsageError names key and value."""
    data: dict[str, Any] = read_toml(Path(path)) if str(path) else {}
    return parse_settings(SeqClipRecipe, data, overrides, str(path) or "finetune-seqclip")
