"""What a linear probe can be asked to learn: four losses over the same features, each with its targets.

N rows, L labels, C classes.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mediafm.errors import UsageError
from mediafm.types import BoolArray


@dataclass(frozen=True, eq=False)
class Logistic:
    """One label against the rest: log(1 + exp(z)) - y z a row, for each label by itself. truth: bool [N, L]."""

    truth: BoolArray

    def __post_init__(self) -> None:
        truth = _table(self.truth, "truth")
        if not np.isin(truth, (0, 1)).all():
            raise UsageError("The truth of a logistic probe holds values other than 0 and 1.", "Give true or false.")
        object.__setattr__(self, "truth", truth.astype(np.bool_))

    @property
    def rows(self) -> int:
        """N."""
        return len(self.truth)

    @property
    def labels(self) -> int:
        """L."""
        return self.truth.shape[1]

    def complaint(self, taught: BoolArray, label: int) -> str | None:
        """Why these rows cannot teach this label, if they cannot."""
        positives = int(self.truth[taught, label].sum())
        alone = positives in (0, int(taught.sum()))
        return f"label column {label} has one class only" if alone else None


@dataclass(frozen=True, eq=False)
class Softmax:
    """One class out of several: log(sum(exp(z))) - z[class] a row. classes: int [N], each from 0 to count - 1."""

    classes: NDArray[np.int64]
    count: int

    def __post_init__(self) -> None:
        classes = np.asarray(self.classes)
        if classes.ndim != 1 or not np.issubdtype(classes.dtype, np.integer):
            raise UsageError(f"The classes are {classes.dtype} {classes.shape}.", "Give one whole number a row.")
        if self.count < 2 or (len(classes) and not 0 <= classes.min() <= classes.max() < self.count):
            raise UsageError(f"Not every class lies between 0 and {self.count - 1}.", "Number at least two classes.")
        object.__setattr__(self, "classes", classes.astype(np.int64))

    @property
    def rows(self) -> int:
        """N."""
        return len(self.classes)

    @property
    def labels(self) -> int:
        """Problems that are solved by themselves: all classes are one."""
        return 1

    def complaint(self, taught: BoolArray, label: int) -> str | None:
        """Why these rows cannot teach the classes, if they cannot."""
        missing = np.flatnonzero(np.bincount(self.classes[taught], minlength=self.count) == 0)
        return f"class {int(missing[0])} does not occur" if len(missing) else None


@dataclass(frozen=True, eq=False)
class Squared:
    """Ridge regression: (z - y)² / 2 a row, for each target by itself. targets: float [N, L], in any unit."""

    targets: NDArray[Any]

    def __post_init__(self) -> None:
        object.__setattr__(self, "targets", _finite(self.targets))

    @property
    def rows(self) -> int:
        """N."""
        return len(self.targets)

    @property
    def labels(self) -> int:
        """L."""
        return self.targets.shape[1]

    def complaint(self, taught: BoolArray, label: int) -> str | None:
        """A target can be learned from any rows."""
        return None


@dataclass(frozen=True, eq=False)
class PairwiseRank:
    """Order within groups: log(1 + exp(z_j - z_i)) for every pair of one group with y_i > y_j (RankNet: Burges 2005).

    A group's loss is the mean over its pairs times its taught rows, so that it counts as its rows do; a group whose
    rows are all tied has no pairs and no loss. There is no intercept, which no pair would see.
    targets: float [N, L], only their order within a group matters; groups: int [N].
    """

    targets: NDArray[Any]
    groups: NDArray[np.int64]

    def __post_init__(self) -> None:
        groups = np.asarray(self.groups)
        object.__setattr__(self, "targets", _finite(self.targets))
        if groups.shape != self.targets.shape[:1] or not np.issubdtype(groups.dtype, np.integer):
            raise UsageError(
                f"There are {len(self.targets)} rows to rank, but their groups are {groups.dtype} {groups.shape}.",
                "Give one whole number a row.",
            )
        numbers = np.unique(groups, return_inverse=True)[1].reshape(-1)
        object.__setattr__(self, "groups", numbers.astype(np.int64))

    @property
    def rows(self) -> int:
        """N."""
        return len(self.targets)

    @property
    def labels(self) -> int:
        """L."""
        return self.targets.shape[1]

    def complaint(self, taught: BoolArray, label: int) -> str | None:
        """Why these rows cannot teach this order, if they cannot."""
        values, groups = self.targets[taught, label], self.groups[taught]
        order = np.lexsort((values, groups))
        values, groups = values[order], groups[order]
        untied = (groups[1:] == groups[:-1]) & (values[1:] > values[:-1])
        return None if untied.any() else f"target column {label} has no untied pair within a group"


Loss = Logistic | Softmax | Squared | PairwiseRank


def _table(values: Any, name: str) -> NDArray[Any]:
    table = np.asarray(values)
    if table.ndim != 2:
        raise UsageError(f"The {name} of a probe has shape {table.shape}.", "Give a table: a row each, a column each.")
    return table


def _finite(targets: Any) -> NDArray[Any]:
    table = _table(targets, "targets").astype(np.float64)
    if not np.isfinite(table).all():
        raise UsageError("A target of a probe is not a finite number.", "Leave such rows out of what teaches.")
    return table
