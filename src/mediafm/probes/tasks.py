"""What a probe is asked: a task, read from a TOML file.

name = "place"
kind = "multilabel"               # or "binary"
unit = "shot"                     # or "clip" (the labelled spans themselves), or "title"
labels = "labels.parquet"         # or .csv, beside this file: title, start, end, one column a label
columns = ["indoors", "outdoors"] # or "others" (the default: every other column), or "spans" (a span is a positive)

[split]
train = ["s01*", "s02*"]          # patterns of title ids; or folds = 5
test = ["s05*"]
"""

import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mediafm.errors import UsageError


class Split(BaseModel):
    """Which titles teach and which judge: patterns of title ids, or `folds` groups of titles that take turns."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    train: list[str] | None = None
    test: list[str] | None = None
    folds: int | None = Field(default=None, ge=2)

    @model_validator(mode="after")
    def _one_way(self) -> "Split":
        patterns = self.train is not None or self.test is not None
        if patterns == (self.folds is not None):
            raise ValueError("give either folds, or patterns of title ids as train and/or test")
        if self.train == [] or self.test == []:
            raise ValueError("a list of patterns must not be empty")
        return self


class Task(BaseModel):
    """One question asked of frozen embeddings, with its labels, split and metric."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1)
    kind: Literal["multilabel", "binary"]
    unit: Literal["shot", "clip", "title"]
    labels: Path  # absolute once loaded
    columns: list[str] | Literal["others", "spans"] = "others"
    title_column: str | None = None  # default: title or title_id
    start_column: str | None = None  # default: start or start_s
    end_column: str | None = None  # default: end or end_s
    ignore_columns: list[str] = []  # columns that "others" leaves out
    # How a labelled span reaches shots. "middle": a shot has the labels of the spans that hold its middle.
    # "start_nearest": only the shot whose start is nearest the span's start has them, if within `tolerance_s`.
    span_to_shots: Literal["middle", "start_nearest"] = "middle"
    tolerance_s: float = Field(default=3.0, ge=0)
    split: Split
    metric: Literal["average_precision"] = "average_precision"
    averaging: Literal["macro", "micro"] = "macro"
    # L2 penalties to choose from inside training, each times the number of rows fitted.
    penalties: list[float] = Field(default=[1e-4, 1e-3, 1e-2, 1e-1, 1.0], min_length=1)
    inner_folds: int = Field(default=3, ge=2)

    @model_validator(mode="after")
    def _consistent(self) -> "Task":
        if self.columns == []:
            raise ValueError('columns must name at least one label column, or be "others" or "spans"')
        if self.columns == "spans" and self.unit != "shot":
            raise ValueError('columns = "spans" makes every span a positive: it needs unit = "shot"')
        if self.kind == "binary" and isinstance(self.columns, list) and len(self.columns) != 1:
            raise ValueError('a binary task has one label column; several need kind = "multilabel"')
        if self.kind == "binary" and self.averaging == "micro":
            raise ValueError("a binary task has one label: averaging has nothing to average")
        if self.unit != "shot" and "span_to_shots" in self.model_fields_set:
            raise ValueError('span_to_shots only has a meaning with unit = "shot"')
        if min(self.penalties) <= 0:
            raise ValueError("penalties must be greater than 0")
        return self


def load_task(path: str | Path, labels: str | Path | None = None) -> Task:
    """Read a task file; `labels`, where given, takes the place of the file's own labels path.

    Paths in the file are relative to it. Raises UsageError, naming the file and the key, for what does not fit.
    """
    path = Path(path)
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"Cannot read the task file {path}: {error.strerror}.", "Check the path.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not a TOML file: {error}.", "docs/probes.md shows a task file.") from error
    if labels is not None:
        values["labels"] = str(Path(labels).resolve())
    try:
        task = Task.model_validate(values)
    except ValidationError as error:
        raise UsageError(f"{path}: {_explain(error)}.", "docs/probes.md lists the keys of a task file.") from None
    return task.model_copy(update={"labels": (path.parent / task.labels).resolve()})


def _explain(error: ValidationError) -> str:
    parts = []
    for fault in error.errors():
        where = ".".join(str(part) for part in fault["loc"] if part not in ("list[str]", "literal['others','spans']"))
        what = fault["msg"].removeprefix("Value error, ")
        parts.append(f"{where}: {what}" if where else what)
    return "; ".join(parts)
