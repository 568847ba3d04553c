"""From what was measured to figures with intervals, as JSON and as a table.

A row's score in a column is the mean over seeds of the mean average precision of the column's labels. Intervals hold
95 % of draws of test titles with replacement; all rows see the same draws, so differences are paired. What another seed
brings stands beside them as the deviation over seeds.

Shapes: K seeds, L labels, B draws.
"""

# ruff: noqa: N815 (fields carry their shapes)

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mediafm.probes.intervals import central
from mediafm.probes.metrics import mean_known

Columns = Mapping[str, Sequence[int]]  # task -> its labels


@dataclass(frozen=True, slots=True)
class Measured:
    """One row: score_KL and drawn_KBL of its seeds (one, where nothing is trained)."""

    score_KL: np.ndarray
    drawn_KBL: np.ndarray

    def scores(self, labels: Sequence[int]) -> np.ndarray:
        """Of each seed, [K]."""
        return self.score_KL[:, list(labels)].mean(axis=1)

    def draws(self, labels: Sequence[int]) -> np.ndarray:
        """Mean over seeds of each draw, [B]."""
        return mean_known(self.drawn_KBL[:, :, list(labels)], axis=2).mean(axis=0)


def score(row: Measured, columns: Columns) -> dict[str, dict[str, Any]]:
    """Task -> mean, interval, and the seeds it is a mean of."""
    found = {}
    for task, labels in columns.items():
        low, high = central(row.draws(labels))
        seeds = row.scores(labels)
        found[task] = {"mean": float(seeds.mean()), "low": low, "high": high, "seeds": seeds.tolist()}
    return found


def versus(row: Measured, other: Measured, columns: Columns) -> dict[str, dict[str, Any]]:
    """Task -> row minus other, with the interval of the paired difference and its deviation over seeds.

    Rows with as many seeds are paired by seed as well; deviation is None where there is one difference only.
    """
    found = {}
    for task, labels in columns.items():
        low, high = central(row.draws(labels) - other.draws(labels))
        seeds, others = row.scores(labels), other.scores(labels)
        alike = len(seeds) == len(others) or 1 in (len(seeds), len(others))
        differences = seeds - (others if alike else others.mean())
        found[task] = {
            "difference": float(seeds.mean() - others.mean()),
            "low": low,
            "high": high,
            "deviation": float(differences.std(ddof=1)) if len(differences) > 1 else None,
        }
    return found


def best(rows: Mapping[str, Measured], columns: Columns) -> dict[str, str]:
    """Task -> name of the row that scores highest in it."""
    return {task: max(rows, key=lambda name: rows[name].scores(labels).mean()) for task, labels in columns.items()}


def table(rows: Sequence[Mapping[str, Any]], against: Sequence[tuple[str, str]]) -> str:
    """Markdown of rows that hold `words`, `dim`, `scores` and differences under the keys of `against`.

    against: (key, heading). A table of scores, then one for each of these; a difference whose interval lies above zero
    is bold.
    """
    tasks = list(rows[0]["scores"])
    cells = [[row["words"], str(row["dim"] or ""), *(_score(row["scores"][t]) for t in tasks)] for row in rows]
    parts = [_markdown(["features", "numbers", *tasks], cells)]
    for key, heading in against:
        cells = [[row["words"], *(_difference(row[key][t]) for t in tasks)] for row in rows if key in row]
        parts += [_markdown([heading, *tasks], cells)] if cells else []
    return "\n".join(parts)


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "".join(map(_line, [head, ["---", *["--:"] * (len(head) - 1)], *rows]))


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |\n"


def _score(value: Mapping[str, Any]) -> str:
    spread = f" ±{_short(np.std(value['seeds'], ddof=1))}" if len(value["seeds"]) > 1 else ""
    return f"{_short(value['mean'])}{spread} ({_short(value['low'])}-{_short(value['high'])})"


def _difference(value: Mapping[str, Any]) -> str:
    spread = "" if value["deviation"] is None else f" ±{_short(value['deviation'])}"
    number = f"{value['difference']:+.3f}".replace("0.", ".", 1)
    bold = "**" if value["low"] > 0 else ""
    low, high = (f"{value[end]:+.3f}".replace("0.", ".", 1) for end in ("low", "high"))
    return f"{bold}{number}{bold}{spread} ({low} to {high})"


def _short(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")
