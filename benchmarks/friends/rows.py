"""What is compared: the rows of the table, and the options of the grid.

Each trained row is a recipe and a way to read the trained model out. A recipe is a packaged one under settings; all are
brought to the size, data, rates and length of `small`, so that rows differ by what they say and nothing else.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal, cast

from mediafm.config import Recipe, load_recipe
from mediafm.errors import UsageError
from mediafm.model import Part, check_readout

Source = Literal["chance", "trivial", "pretrained", "untrained", "supervised"]
DEFAULT, BASELINE = "default", "concat"
SIZES = ("hidden", "layers", "heads", "max_shots")  # settings of the model that rows share
SECTIONS = ("optimizer", "schedule", "data", "run")  # what they share as a whole

BERT = ("masking.kept=0.1", "masking.random=0.1")
MASK_ALONE = ("masking.kept=0", "masking.random=0")
PLAIN = (  # nothing but the published masks and objective, whatever `small` adds to them
    *("masking.share=0.2", "masking.spread=0", "masking.span=1", "masking.choose=uniform", "masking.modality=0"),
    *("objective.loss=cosine", "objective.visible=0", "objective.surround=0"),
    *("objective.targets=frozen", "objective.contrastive=0"),
)
ROTARY = ("model.positions=rotary", "fusion.centring=standard")


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table.

    feature: of a trivial row. base, settings: the recipe of a trained one. readout: the parts to read, None for what
    the recipe says and `embed` writes. context: whether shots are seen inside their title.
    """

    name: str
    words: str
    source: Source
    feature: str = ""
    base: str = "small"
    settings: tuple[str, ...] = ()
    readout: tuple[Part, ...] | None = None
    context: Literal["title", "none"] = "title"


def _trivial(feature: str, words: str) -> Row:
    return Row(feature, words, "trivial", feature)


def _plain(name: str, words: str, masks: tuple[str, ...], *readout: Part) -> Row:
    """The published objective on centred features and rotary positions."""
    return Row(name, words, "pretrained", settings=(*PLAIN, *ROTARY, *masks), readout=readout)


def _default(name: str, words: str, *readout: Part) -> Row:
    return Row(f"{DEFAULT}_{name}", f"default, {words}", "pretrained", readout=readout)


ROWS = (
    Row("chance", "chance", "chance"),
    _trivial(BASELINE, "concat"),
    _trivial("neighbours", "shot with its two neighbours"),
    _trivial("past_future_8", "shot beside means of 8 past and 8 future shots"),
    *(_trivial(f"moving_average_{n}", f"moving average over +-{n} shots") for n in (4, 8, 16, 32)),
    Row("untrained", "untrained transformer, default read-out", "untrained"),
    Row("published_last", "MSM as published, last layer", "pretrained", base="published", readout=("last",)),
    Row("published_masked", "... masked read-out beside the shot", "pretrained", base="published",
        readout=("shot", "masked")),
    _plain("rotary_last", "centred and rotary, [MASK] alone, last layer", MASK_ALONE, "last"),
    _plain("rotary_masked", "... masked read-out beside the shot", MASK_ALONE, "shot", "masked"),
    _plain("bert_last", "the same with 80/10/10 corruption, last layer", BERT, "last"),
    _plain("bert_first", "... first layer", BERT, "first"),
    _plain("bert_masked", "... masked read-out beside the shot", BERT, "shot", "masked"),
    _plain("bert_predicted", "... masked prediction beside the shot", BERT, "shot", "predicted"),
    _plain("bert_layers", "... all layers beside the shot", BERT, "shot", "layers"),
    _default("first", "first layer", "first"),
    _default("last", "last layer", "last"),
    _default("masked", "masked read-out beside the shot", "shot", "masked"),
    _default("predicted", "masked prediction beside the shot", "shot", "predicted"),
    _default("layers", "all layers beside the shot", "shot", "layers"),
    Row(DEFAULT, "**default, as `embed` writes it**", "pretrained"),
    Row(f"{DEFAULT}_alone", "the same, each shot embedded alone", "pretrained", context="none"),
    Row("supervised", "the same transformer trained end to end on the labels", "supervised"),
)  # fmt: skip


def select_rows(patterns: Sequence[str], rows: Sequence[Row] = ROWS) -> list[Row]:
    """Rows whose names match any pattern (all, without one), and the trivial ones that they are compared with."""
    return [row for row in rows if row.source in ("chance", "trivial") or _matches(row, patterns, rows)]


def _matches(row: Row, patterns: Sequence[str], rows: Sequence[Row]) -> bool:
    for pattern in patterns:
        if not any(fnmatchcase(other.name, pattern) for other in rows):
            raise UsageError(f"No row is named {pattern!r}.", f"There are {', '.join(r.name for r in rows)}.")
    return not patterns or any(fnmatchcase(row.name, pattern) for pattern in patterns)


def grid_rows(path: Path, patterns: Sequence[str], readouts: Sequence[str]) -> list[Row]:
    """The default and the options of a grid file, each under every read-out (`shot+last`; none: the recipe's)."""
    options: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    plain = [Row(DEFAULT, DEFAULT, "pretrained")]
    plain += [
        Row(name, _words(name, settings), "pretrained", settings=tuple(settings)) for name, settings in options.items()
    ]
    chosen = [row for row in plain if row.name == DEFAULT or _matches(row, patterns, plain)]
    return [row if parts is None else _read_as(row, parts) for parts in (_parts(readouts) or [None]) for row in chosen]


def _read_as(row: Row, parts: tuple[Part, ...]) -> Row:
    said = "+".join(parts)
    return replace(row, name=f"{row.name}@{said}", words=f"{row.words} ({said})", readout=parts)


def _parts(readouts: Sequence[str]) -> list[tuple[Part, ...] | None]:
    found = []
    for readout in readouts:
        parts = cast(tuple[Part, ...], tuple(readout.split("+")))
        check_readout(parts)
        found.append(parts)
    return [*found]


def _words(name: str, settings: Sequence[str]) -> str:
    return f"{name}: " + ", ".join(f"`{s}`" for s in settings)


def recipe_of(row: Row, common: Sequence[str], seed: int) -> Recipe:
    """The recipe of a trained row. `common`: settings of all rows, the split's among them; they come last."""
    small = load_recipe("small")
    sized = [] if row.base == "small" else [f"model.{key}={getattr(small.model, key)}" for key in SIZES]
    for section in () if row.base == "small" else SECTIONS:
        values = getattr(small, section).model_dump(mode="json")
        sized += [f"{section}.{key}={_written(value)}" for key, value in values.items()]
    return load_recipe(row.base, [*sized, *row.settings, *common, f"run.seed={seed}"])


def _written(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
