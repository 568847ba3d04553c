"""What a probe found, as it is printed, stored and drawn."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LabelScore(_Frozen):
    """One label: its score, the score of a constant, and its positives among the held-out examples."""

    score: float
    chance: float
    positives: int


class Difference(_Frozen):
    """Score of a feature set minus that of another on the same draws of titles, with a 95 % interval."""

    difference: float
    low: float | None
    high: float | None

    @property
    def real(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


class ProbeRow(_Frozen):
    """One feature set. `low` and `high` bound 95 % of draws of held-out titles; None with a single such title.

    macro is the mean over labels, micro pools all (example, label) pairs; `score` is the one the task asks for.
    penalties: as chosen, one list a fold, L2 a training row. gradient_norm: the largest the solver left.
    """

    features: str
    score: float
    low: float | None
    high: float | None
    chance: float
    macro: float
    micro: float
    dim: int
    labels: Mapping[str, LabelScore]
    versus_concat: Difference | None
    penalties: list[list[float]]
    gradient_norm: float


class ProbeResult(_Frozen):
    """All feature sets on one task. `leaders`: the best, and those it is not really better than."""

    task: str
    kind: str
    unit: str
    metric: str
    averaging: str
    rows: list[ProbeRow]
    leaders: list[str]
    titles: int
    test_titles: int
    test_examples: int
    folds: int
    centring: str
    draws: int
    seed: int
    seconds: float

    def save(self, path: Path) -> None:
        """Write as JSON."""
        path.write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "ProbeResult":
        """Read what `save` wrote."""
        return cls.model_validate_json(path.read_text(encoding="utf-8"))
