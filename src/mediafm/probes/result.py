"""What a probe found, as it is printed, stored and drawn."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Difference(_Frozen):
    """Score of a feature set minus another's (or minus chance) on the same draws of titles, with a 95 % interval.

    p: two-sided, of no difference; p_table: the same, adjusted for all differences of this kind in the table.
    detectable: the true difference that would have been found with 80 % power. examples: how many both speak for.
    """

    difference: float
    low: float | None
    high: float | None
    p: float | None = None
    p_table: float | None = None
    detectable: float | None = None
    examples: int = 0

    @property
    def real(self) -> bool:
        """Whether it stands with all comparisons of the table taken into account."""
        return self.p_table is not None and self.p_table < 0.05


class Score(_Frozen):
    """A metric of one feature set. `low` and `high` bound 95 % over titles; None with a single held-out title.

    chance: what predictions that know nothing, but say each thing as often, score in expectation.
    """

    score: float
    low: float | None
    high: float | None
    chance: float
    over_chance: Difference | None = None


class LabelScore(_Frozen):
    """One label or class: its score in the task's metric, its chance, its positives among the held-out examples.

    versus_concat: for classes and labels of the story, whether this one gains.
    """

    score: float
    chance: float
    positives: int
    versus_concat: Difference | None = None


class ProbeRow(_Frozen):
    """One feature set; `score` and its interval are the task's metric, `metrics` has the others as well.

    examples: held-out examples that the feature set speaks for; its scores are of those. penalties: as chosen, one list
    a fold, L2 a training row. gradient_norm: the largest the solver left. linear: whether the probe was.
    """

    features: str
    score: float
    low: float | None
    high: float | None
    chance: float
    dim: int
    examples: int
    metrics: Mapping[str, Score]
    labels: Mapping[str, LabelScore]
    versus_concat: Difference | None
    versus_best: Difference | None = None
    penalties: list[list[float]]
    gradient_norm: float
    linear: bool = True
    seconds: float = 0.0


class CurvePoint(_Frozen):
    """A score against the context that an example was embedded in: shots on either side, None for the whole title."""

    model: str
    radius: int | None
    features: str
    score: float
    low: float | None
    high: float | None


class ProbeResult(_Frozen):
    """All feature sets on one task.

    leaders: the best, and those it is not really better than. curve: scores against context radius. leak: what
    metadata alone scores, in words, where the task is about titles. verdict: what the table says, in words.
    origin: what it was made of (catalog content, task, checkpoints), by fingerprint.
    """

    task: str
    kind: str
    unit: str
    metric: str
    averaging: str
    rows: list[ProbeRow]
    leaders: list[str]
    curve: list[CurvePoint] = []
    verdict: list[str] = []
    notes: list[str] = []
    titles: int
    test_titles: int
    test_examples: int
    folds: int
    comparisons: int
    centring: str
    draws: int
    seed: int
    seconds: float
    origin: Mapping[str, str] = {}

    def row(self, features: str) -> ProbeRow | None:
        """The row of a feature set."""
        return next((row for row in self.rows if row.features == features), None)

    def save(self, path: Path) -> None:
        """Write as JSON."""
        path.write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "ProbeResult":
        """Read what `save` wrote."""
        return cls.model_validate_json(path.read_text(encoding="utf-8"))
