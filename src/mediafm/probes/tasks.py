"""What a probe is asked: a task, read from a TOML file or taken from a packaged template by name.

name = "place"
kind = "multilabel"               # or binary, multiclass, ranking, regression, similarity
unit = "shot"                     # or "clip" (the labelled spans themselves), or "title"
labels = "labels.parquet"         # or .csv, .jsonl, beside this file: title, start, end, one column a label
columns = ["indoors", "outdoors"] # or "others" (the default: every other column), or "spans" (a span is a positive)

[split]
train = ["s01*", "s02*"]          # patterns of title ids; or folds = 5
test = ["s05*"]
"""

import re
import tomllib
from fractions import Fraction
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mediafm.errors import UsageError

Kind = Literal["binary", "multilabel", "multiclass", "ranking", "regression", "similarity"]
Unit = Literal["shot", "clip", "title"]
CLASSIFYING: tuple[Kind, ...] = ("binary", "multilabel")
VALUED: tuple[Kind, ...] = ("ranking", "regression")  # whose label columns hold numbers
# What each kind is scored by unless the task says otherwise, and what it may be scored by.
METRICS: dict[Kind, tuple[str, ...]] = {
    "binary": ("average_precision", "roc_auc", "f1", "recall_at_K", "miou", "f1_within_Ts"),
    "multilabel": ("average_precision", "roc_auc", "f1", "recall_at_K"),
    "multiclass": ("balanced_accuracy", "accuracy", "f1", "average_precision"),
    "ranking": ("kendall_tau", "spearman"),
    "regression": ("r2", "pearson", "spearman"),
    "similarity": ("average_precision", "ndcg_at_K"),
}
SCENE_METRICS = re.compile(r"miou|f1_within_(\d+(?:\.\d+)?)s")


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Split(_Frozen):
    """Which titles teach and which judge: patterns of title ids, or `folds` groups of titles that take turns."""

    train: list[str] | None = None
    test: list[str] | None = None
    folds: int | None = Field(default=None, ge=2)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        patterns = self.train is not None or self.test is not None
        if patterns == (self.folds is not None):
            raise ValueError("give either folds, or patterns of title ids as train and/or test")
        if self.train == [] or self.test == []:
            raise ValueError("a list of patterns must not be empty")
        return self


class Task(_Frozen):
    """One question asked of frozen embeddings, with its labels, split and metric."""

    name: str = Field(min_length=1)
    kind: Kind
    unit: Unit
    labels: Path  # absolute once loaded
    columns: list[str] | Literal["others", "spans"] = "others"
    title_column: str | None = None  # default: title or title_id
    start_column: str | None = None  # default: start or start_s
    end_column: str | None = None  # default: end or end_s
    other_column: str | None = None  # kind "similarity": the title it is like; default: other or similar
    group_column: str | None = None  # kind "ranking": rows are ranked among those of equal value; default: the title
    together_column: str | None = None  # titles of equal value (a series, a franchise) stay on one side of every split
    ignore_columns: list[str] = []  # columns that "others" leaves out
    # Times may be seconds, hh:mm:ss.mmm, or SMPTE hh:mm:ss:ff, whose frames need a rate: the title's own, or this one.
    frame_rate: Annotated[str, Field(pattern=r"^\d+(\.\d+|/\d+)?$")] | None = None
    timecode_start: str | None = None  # what the timecode says at the title's first frame, such as 01:00:00:00
    # How a labelled span reaches shots. "middle": a shot has the labels of the spans that hold its middle.
    # "start_nearest": only the shot whose start is nearest the span's start has them, if within `tolerance_s`.
    span_to_shots: Literal["middle", "start_nearest"] = "middle"
    tolerance_s: float = Field(default=3.0, ge=0)
    # Kind "binary" on clips: so many negatives of each title are kept for one positive; with columns = "spans", where
    # there are none, runs of shots about as long as the positives are drawn from the rest of the title.
    negatives_per_positive: int | None = Field(default=None, ge=1)
    positives_per_title: tuple[int, int] | None = None  # what the protocol expects; other titles are named in a note
    split: Split | None = None
    metric: str = ""  # default: the first of its kind in METRICS
    also: list[str] = []  # metrics beside it
    averaging: Literal["macro", "micro"] = "macro"
    # L2 penalties to choose from inside training, each times the number of rows fitted.
    penalties: list[float] = Field(default=[1e-4, 1e-3, 1e-2, 1e-1, 1.0], min_length=1)
    inner_folds: int = Field(default=3, ge=2)

    @model_validator(mode="before")
    @classmethod
    def _metric_of_kind(cls, values: Any) -> Any:
        if isinstance(values, dict) and not values.get("metric") and values.get("kind") in METRICS:
            return {**values, "metric": METRICS[values["kind"]][0]}
        return values

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for fault, said in self._faults():
            if fault:
                raise ValueError(said)
        for name in (self.metric, *self.also):
            if not _fits(name, self.kind):
                raise ValueError(f"a {self.kind} task has no metric {name!r}; it has {', '.join(METRICS[self.kind])}")
        return self

    def _faults(self) -> list[tuple[bool, str]]:
        """(whether it is so, what to say)."""
        spans, given = self.columns == "spans", self.model_fields_set
        scenes = [name for name in (self.metric, *self.also) if SCENE_METRICS.fullmatch(name)]
        one_column = self.kind in ("binary", "multiclass") and isinstance(self.columns, list) and len(self.columns) > 1
        return [
            (self.columns == [], 'columns must name at least one label column, or be "others" or "spans"'),
            (spans and self.kind not in CLASSIFYING, f'columns = "spans" has no meaning in a {self.kind} task'),
            (spans and self.unit == "title", 'columns = "spans" makes every span a positive: a title has no spans'),
            (
                spans and self.unit == "clip" and self.negatives_per_positive is None,
                'columns = "spans" makes every span a positive: it needs unit = "shot", or negatives_per_positive = 3',
            ),
            (one_column, f'a {self.kind} task has one label column; several need kind = "multilabel"'),
            (
                self.kind != "multilabel" and self.averaging == "micro",
                f"a {self.kind} task has nothing to average: micro is for multilabel",
            ),
            (
                self.unit != "shot" and "span_to_shots" in given,
                'span_to_shots only has a meaning with unit = "shot"',
            ),
            (self.group_column is not None and self.kind != "ranking", "group_column is for kind = ranking"),
            (self.kind == "ranking" and self.unit == "title" and self.group_column is None,
             "titles are ranked within groups: name them by group_column"),
            (
                self.negatives_per_positive is not None and (self.kind, self.unit) != ("binary", "clip"),
                'negatives_per_positive is for kind = "binary" with unit = "clip"',
            ),
            (bool(scenes) and self.unit != "shot", f"{', '.join(scenes)} scores scenes made of shots: unit = shot"),
            (self.kind == "similarity" and self.unit != "title", 'a similarity task compares titles: unit = "title"'),
            (self.kind != "similarity" and self.split is None, "split is missing: folds = 5, or patterns of title ids"),
            (self.kind == "similarity" and self.split is not None, "a similarity task learns nothing: leave split out"),
            (min(self.penalties) <= 0, "penalties must be greater than 0"),
        ]  # fmt: skip

    @property
    def metrics(self) -> list[str]:
        """All that the task is scored by, its own metric first."""
        return list(dict.fromkeys([self.metric, *self.also]))

    @property
    def rate(self) -> Fraction | None:
        """Frames a second, where the task says."""
        return None if self.frame_rate is None else exact_rate(Fraction(self.frame_rate))


def exact_rate(rate: Fraction) -> Fraction:
    """A frame rate written short (23.976, 29.97, 59.94) as the broadcast rate it stands for (24000/1001 ...)."""
    near = Fraction(round(rate * 1001 / 1000) * 1000, 1001)
    return near if abs(near - rate) < Fraction(1, 200) and rate.denominator != 1 else rate


def _fits(name: str, kind: Kind) -> bool:
    general = re.sub(r"(?<=_at_)\d+$", "K", name)
    return (SCENE_METRICS.sub("f1_within_Ts", general) if name != "miou" else name) in METRICS[kind]


def template_names() -> list[str]:
    """Names of the packaged tasks."""
    return sorted(f.name.removesuffix(".toml") for f in _packaged().iterdir() if f.name.endswith(".toml"))


def load_task(path: str | Path, labels: str | Path | None = None) -> Task:
    """Read a task file or a packaged template; `labels`, where given, takes the place of the file's own labels path.

    Paths in a file are relative to it. Raises UsageError, naming the file and the key, for what does not fit.
    """
    values = _read(path)
    if labels is not None:
        values["labels"] = str(Path(labels).resolve())
    elif "labels" not in values and str(path) in template_names():
        raise UsageError(f"The task {path} is a template without labels.", "Give yours: --labels TABLE.csv.")
    try:
        task = Task.model_validate(values)
    except ValidationError as error:
        raise UsageError(f"{path}: {_explain(error)}.", "docs/probes.md lists the keys of a task file.") from None
    return task.model_copy(update={"labels": (Path(path).parent / task.labels).resolve()})


def _packaged() -> Any:
    return files("mediafm") / "probes" / "templates"


def _read(path: str | Path) -> dict[str, Any]:
    try:
        if str(path) in template_names():
            return tomllib.loads((_packaged() / f"{path}.toml").read_text(encoding="utf-8"))
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(
            f"Cannot read the task file {path}: {error.strerror}.",
            f"Check the path, or name a template: {', '.join(template_names())}.",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not a TOML file: {error}.", "docs/probes.md shows a task file.") from error


def _explain(error: ValidationError) -> str:
    parts = []
    for fault in error.errors():
        where = ".".join(str(part) for part in fault["loc"] if part not in ("list[str]", "literal['others','spans']"))
        what = fault["msg"].removeprefix("Value error, ")
        parts.append(f"{where}: {what}" if where else what)
    return "; ".join(parts)
