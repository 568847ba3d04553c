"""Recipes: everything that decides a pretraining run, typed, frozen, checked once and saved beside the run.

A recipe is a TOML file with the sections below. `load_recipe` takes a packaged name (`tiny`, `small`, `base`,
`published`) or a path, and overrides written `section.key=value` (`--set` on the command line).
"""

import json
import tomllib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mediafm.errors import UsageError

Share = Annotated[float, Field(ge=0, le=1)]
Rate = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """A table of a recipe: frozen, without unknown keys, infinities or NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Settings(Section):
    """A whole recipe of any kind: sections alone."""

    def to_toml(self) -> str:
        """The whole recipe as a TOML document that reads back equal."""
        blocks = []
        for section, values in self.model_dump(mode="json").items():
            blocks.append(
                "\n".join([f"[{section}]", *(f"{key} = {_written(v)}" for key, v in values.items() if v is not None)])
            )
        return "\n\n".join(blocks) + "\n"


AnySettings = TypeVar("AnySettings", bound=Settings)


class ModelRecipe(Section):
    """Shape of the transformer.

    positions: "learned" vectors by index (as published), "rotary" by index, or rotary by a shot's middle in "time".
    duration_input: the log duration of shots that are not hidden is told too. projection: "early" is one linear map of
    the fused embedding; "late" one per modality, each normed, with a learned vector where it is missing.
    readout: what `embed` writes for a shot, its parts joined (see `mediafm.embed`). `attention_dropout` costs a quarter
    of the speed on a CPU, where it rules out the fused kernel.
    """

    hidden: Count = 192
    layers: Count = 3
    heads: Count = 6
    mlp_ratio: Rate = 4.0
    mlp: Literal["gelu", "swiglu"] = "gelu"
    max_shots: Count = 512
    positions: Literal["learned", "rotary", "time"] = "rotary"
    duration_input: bool = False
    projection: Literal["early", "late"] = "early"
    norm: Literal["pre", "post"] = "pre"
    norm_kind: Literal["layer", "rms"] = "layer"
    head: Literal["linear", "mlp"] = "linear"
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    attention_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    readout: tuple[Literal["shot", "first", "last", "layers", "masked", "predicted"], ...] = ("first", "last")

    @model_validator(mode="after")
    def _heads_fit(self) -> Self:
        if self.hidden % self.heads:
            raise ValueError(f"hidden = {self.hidden} is not a multiple of heads = {self.heads}")
        if self.positions != "learned" and self.hidden // self.heads % 2:
            raise ValueError(
                f"rotary positions need an even head size, but hidden / heads = {self.hidden // self.heads}"
            )
        if not self.readout or len(set(self.readout)) < len(self.readout):
            raise ValueError(f"readout = {list(self.readout)} must name at least one part, and none twice")
        return self


class FusionRecipe(Section):
    """How each modality is centred, on training titles, before its block goes to unit norm.

    modalities: those the model is told; empty: all that the catalog has.
    """

    modalities: tuple[Literal["video", "audio", "text"], ...] = ()
    centring: Literal["none", "mean", "standard"] = "standard"


class MaskingRecipe(Section):
    """Masked Shot Modeling. Of the chosen `share` of shots, `kept` stay as they are and `random` become another
    shot; the rest become `[MASK]`.

    spread: a sequence's own share is uniform in share +- spread. final_share: where the share has moved to by the end
    of the run, linearly. span: mean length of masked runs (1: single shots). choose: whether shots that are "alike"
    their neighbours, or "unlike" them, are chosen more often. modality: of the shots that become [MASK], the part that
    loses only some of its modalities, and is scored on those. modality_dropout: chance that a sequence's input lacks
    one modality altogether. global_dropout: share of sequences whose `[GLOBAL]` is withheld.
    """

    share: Annotated[float, Field(gt=0, lt=1)] = 0.2
    spread: Annotated[float, Field(ge=0, lt=1)] = 0.0
    final_share: Annotated[float, Field(gt=0, lt=1)] | None = None
    kept: Share = 0.1
    random: Share = 0.1
    span: Annotated[float, Field(ge=1)] = 1.0
    choose: Literal["uniform", "alike", "unlike"] = "uniform"
    modality: Share = 0.0
    modality_dropout: Share = 0.0
    global_dropout: Share = 0.1

    @model_validator(mode="after")
    def _some_masked(self) -> Self:
        if self.kept + self.random >= 1:
            raise ValueError(f"kept + random = {self.kept + self.random:g} leaves no shot for [MASK]; keep it below 1")
        for share in (self.share, self.final_share):
            if share is not None and not 0 < share - self.spread <= share + self.spread < 1:
                raise ValueError(f"a share of {share:g} +- spread {self.spread:g} leaves (0, 1); lower the spread")
        if self.span > 1 and self.choose != "uniform":
            raise ValueError(f"span = {self.span:g} and choose = {self.choose!r} cannot both say what is chosen")
        return self


class ObjectiveRecipe(Section):
    """What is asked of the scored shots.

    loss: "cosine" (as published), "l2" or "smooth_l1" to targets standardised on training titles, or "infonce", which
    asks to tell the shot from other scored shots, at `temperature`; negatives: those of the same sequence ("title"), of
    the micro-batch's other sequences ("batch"), or both. visible: weight of the same loss at shots that were not
    chosen, which see themselves.
    surround: weight of a loss that asks every shot's state for its neighbours, by a head of its own.
    targets: "frozen" encoders' features, or "average": the states of a moving average of the model itself, of decay
    `average_decay`, on top of them. contrastive: share of the run that first learns to tell a shot's neighbours from
    other shots, each shot seen alone.
    """

    loss: Literal["cosine", "l2", "smooth_l1", "infonce"] = "cosine"
    negatives: Literal["batch", "title", "both"] = "both"
    temperature: Rate = 0.1
    visible: Annotated[float, Field(ge=0)] = 0.0
    surround: Annotated[float, Field(ge=0)] = 2.0
    targets: Literal["frozen", "average"] = "frozen"
    average_decay: Annotated[float, Field(ge=0, lt=1)] = 0.99
    contrastive: Annotated[float, Field(ge=0, lt=1)] = 0.0


class OptimizerRecipe(Section):
    """Rates of the hidden matrices (`rate`, Muon or AdamW) and of everything else (`adamw_rate`, AdamW)."""

    hidden: Literal["muon", "adamw"] = "muon"
    rate: Rate = 0.005
    adamw_rate: Rate = 0.005
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.95
    betas: tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]] = (0.9, 0.98)
    weight_decay: Annotated[float, Field(ge=0)] = 0.1
    clip: Rate = 1.0


class ScheduleRecipe(Section):
    """Length of the run and course of the rate: linear warm-up, stable, decay to zero (shares of all steps).

    Evaluation stands at every `evaluate_every` epochs and at the end; training stops early after `patience`
    evaluations without a new best on validation titles (0: never).
    """

    epochs: Count = 24
    warmup: Share = 0.05
    decay: Share = 0.4
    decay_shape: Literal["linear", "sqrt"] = "linear"
    evaluate_every: Count = 1
    patience: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _phases_fit(self) -> Self:
        if self.warmup + self.decay > 1:
            raise ValueError(f"warmup + decay = {self.warmup + self.decay:g} is more than the whole run")
        return self


class DataRecipe(Section):
    """Which titles, cut how. `window` shots of one title make a sequence; a step takes up to `shots_per_step` shots,
    in micro-batches of up to `micro_shots`, whose gradients add up. `hold_out` "titles": validation titles are those
    matching `validation_titles` (globs on title ids) or, without any, the `validation_share` of titles with the lowest
    hash under `split_seed`. "tails", for a catalog of a few titles only: the last `validation_share` of every title's
    shots.
    """

    window: Count = 512
    shots_per_step: Count = 2048
    micro_shots: Count = 2048
    hold_out: Literal["titles", "tails"] = "titles"
    validation_share: Annotated[float, Field(gt=0, lt=1)] = 0.1
    validation_titles: tuple[str, ...] = ()
    exclude_titles: tuple[str, ...] = ()
    split_seed: int = 0


class PlaceRecipe(Section):
    """Where and how exactly it runs. `auto` takes CUDA where there is one, with bf16 autocast; the CPU keeps float32.

    `save_every`: steps between two saved states, from which `--resume` goes on.
    """

    seed: Annotated[int, Field(ge=0)] = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    save_every: Count = 200


class RunRecipe(PlaceRecipe):
    """As above; `compile` fuses what lies between the matrix products."""

    compile: bool = False


class Recipe(Settings):
    """One pretraining run."""

    model: ModelRecipe = ModelRecipe()
    fusion: FusionRecipe = FusionRecipe()
    masking: MaskingRecipe = MaskingRecipe()
    objective: ObjectiveRecipe = ObjectiveRecipe()
    optimizer: OptimizerRecipe = OptimizerRecipe()
    schedule: ScheduleRecipe = ScheduleRecipe()
    data: DataRecipe = DataRecipe()
    run: RunRecipe = RunRecipe()

    @model_validator(mode="after")
    def _window_fits(self) -> Self:
        if self.data.window > self.model.max_shots:
            raise ValueError(
                f"data.window = {self.data.window} is longer than model.max_shots = {self.model.max_shots}; "
                "lower the one or raise the other"
            )
        if self.data.window > self.data.shots_per_step:
            raise ValueError(
                f"data.window = {self.data.window} does not fit data.shots_per_step = {self.data.shots_per_step}"
            )
        return self


def _written(value: Any) -> str:
    """A string, number, boolean or list of them: written alike in JSON and TOML, but for surrogates and DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def recipe_names() -> list[str]:
    """Names of the packaged recipes."""
    return sorted(f.name.removesuffix(".toml") for f in _packaged().iterdir() if f.name.endswith(".toml"))


def load_recipe(name_or_path: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a packaged recipe or a TOML file and apply overrides written `section.key=value`.

    Raises UsageError naming the key, the value and the choices.
    """
    return parse_settings(Recipe, _read(name_or_path), overrides, str(name_or_path))


def parse_recipe(data: Mapping[str, Any], source: str) -> Recipe:
    """Check a nested mapping against the schema; `source` names it in errors."""
    return parse_settings(Recipe, dict(data), (), source)


def parse_settings(
    schema: type[AnySettings], data: dict[str, Any], overrides: Sequence[str], source: str
) -> AnySettings:
    """A recipe of any kind from a nested mapping and overrides written `section.key=value`; UsageError as above."""
    for override in overrides:
        _apply(schema, data, override)
    try:
        return schema.model_validate(data)
    except ValidationError as error:
        raise UsageError(f"Recipe {source}: " + "; ".join(_explain(schema, e) for e in error.errors()) + ".") from None


def read_toml(path: Path, choices: str = "a TOML file") -> dict[str, Any]:
    """A recipe's file as a nested mapping; UsageError, naming the `choices`, where there is none or it is not TOML."""
    if not path.is_file():
        raise UsageError(f"No recipe {str(path)!r}.", f"Name {choices}.")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"Recipe {path} is not TOML: {error}.", "Mend the line named.") from None


def _packaged() -> Any:
    return files("mediafm") / "recipes"


def _read(name_or_path: str | Path) -> dict[str, Any]:
    text = str(name_or_path)
    if text in recipe_names():
        return tomllib.loads((_packaged() / f"{text}.toml").read_text(encoding="utf-8"))
    return read_toml(Path(text), f"one of {', '.join(recipe_names())}, or a TOML file")


def _apply(schema: type[Settings], data: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    section, dot, name = key.strip().partition(".")
    if not (equals and dot and section and name):
        raise UsageError(f"Cannot read the setting {override!r}.", "Write it section.key=value, as in model.layers=4.")
    values = data.setdefault(section, {})
    if not isinstance(values, dict):
        raise UsageError(f"{section} is no section of a recipe.", f"Sections: {', '.join(schema.model_fields)}.")
    values[name] = _value(schema, section, name, text.strip())


def _value(schema: type[Settings], section: str, name: str, text: str) -> Any:
    """Lists are split here; all other text is turned into the field's own type by the schema."""
    field = schema.model_fields.get(section)
    kind = field.annotation.model_fields.get(name) if field and field.annotation else None
    if kind is None or get_origin(kind.annotation) is not tuple:
        return text
    inner = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    return [part.strip().strip("\"'") for part in inner.split(",") if part.strip()]


def _explain(schema: type[Settings], error: Any) -> str:
    """One sentence part for one pydantic error: key, value, what would do."""
    place = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"{place} is unknown (known here: {', '.join(_siblings(schema, error['loc']))})"
    message = str(error["msg"]).removeprefix("Value error, ")
    if not place or error["type"] == "value_error":
        return f"{place}: {message}" if place else message
    return f"{place} = {error['input']!r}: {message[0].lower()}{message[1:]}"


def _siblings(schema: type[Settings], loc: Sequence[Any]) -> list[str]:
    fields = schema.model_fields
    for part in loc[:-1]:
        fields = fields[part].annotation.model_fields  # type: ignore[union-attr]
    return list(fields)
