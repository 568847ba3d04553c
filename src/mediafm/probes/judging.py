"""From predictions to a table: scores, chance, intervals, paired differences, and what may be claimed.

All feature sets are scored on the same draws of titles. A feature set that does not speak for every example is held
against the others on those it speaks for.
"""

# ruff: noqa: N815 (fields carry their shapes)

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from mediafm.probes.bench import Bench, Probed
from mediafm.probes.differences import difference_of
from mediafm.probes.features import CHANCE
from mediafm.probes.intervals import family_p_values, interval
from mediafm.probes.metrics import HeldOut, Metric, Predictions, find_metric, mean_known
from mediafm.probes.metrics.rows import Weights
from mediafm.probes.result import Difference, LabelScore, ProbeRow, Score
from mediafm.probes.surroundings import CONCAT


@dataclass(frozen=True, slots=True)
class _Scored:
    """A metric's value, its chance value, and both in every draw, [B]; per_label: [V] and [B, V]."""

    value: float
    chance: float
    drawn: NDArray[np.float64]
    drawn_chance: NDArray[np.float64]
    per_label: NDArray[np.float64]
    label_chance: NDArray[np.float64]
    drawn_labels: NDArray[np.float64]


@dataclass
class Judge:
    """Scores predictions on one bench; what was computed is remembered, since every difference needs two."""

    bench: Bench
    probed: list[Probed]
    weights_BT: Weights
    _scored: dict[tuple[str, str, bool, bytes], _Scored] = field(default_factory=dict)

    @property
    def task_metric(self) -> Metric:
        """The metric the task asks for."""
        return find_metric(self.bench.task.metric, self.bench.task.kind)

    @property
    def freedom(self) -> int:
        """Titles less one for each fold."""
        return self.bench.held_out.freedom

    def table(self) -> tuple[list[ProbeRow], list[str]]:
        """Rows of the table, and the feature sets that nothing is really better than."""
        scores = {p.name: self.score(p).value for p in self.probed if p.name != CHANCE or len(self.probed) == 1}
        best = max(scores, key=lambda name: scores[name])
        to_concat = self._differences(CONCAT)
        to_best = self._differences(best)
        leaders = [best]
        leaders += [n for n in scores if n != best and not (to_best[n].real and to_best[n].difference < 0)]
        rows = [self._row(p, to_concat.get(p.name), to_best.get(p.name)) for p in self.probed]
        return rows, leaders

    def score(self, probed: Probed, metric: Metric | None = None, micro: bool | None = None) -> _Scored:
        """A metric of one feature set on all examples it speaks for."""
        return self._score(probed, metric or self.task_metric, self._micro(micro), probed.known)

    def difference(self, one: Probed, other: Probed) -> tuple[float, NDArray[np.float64], int]:
        """One's score minus the other's where both speak: the value, in every draw, and on how many examples."""
        both = one.known & other.known
        scored = [self._score(p, self.task_metric, self._micro(None), both) for p in (one, other)]
        return scored[0].value - scored[1].value, scored[0].drawn - scored[1].drawn, int(both.sum())

    def _micro(self, micro: bool | None) -> bool:
        return self.bench.task.averaging == "micro" if micro is None else micro

    def _score(self, probed: Probed, metric: Metric, micro: bool, rows: NDArray[np.bool_]) -> _Scored:
        key = (probed.name, metric.name, micro, b"" if rows.all() else rows.tobytes())
        if key not in self._scored:
            held, said = self.bench.held_out, probed.said
            if not rows.all():
                held, said = held.of(rows), said.of(np.flatnonzero(rows))
            if micro:
                held, said = held.flat(said)
            scored = _scored(held, metric, said, self.weights_BT)
            self._scored[key] = _as_chance(scored) if probed.name == CHANCE else scored
        return self._scored[key]

    def _differences(self, to: str) -> dict[str, Difference]:
        """Every feature set's difference to one, p adjusted for their number; empty where that one is not there."""
        other = next((p for p in self.probed if p.name == to), None)
        if other is None:
            return {}
        others = [p for p in self.probed if p.name not in (to, CHANCE)]
        found = [self.difference(p, other) for p in others]
        family = family_p_values(
            np.array([value for value, _, _ in found]),
            np.stack([drawn for _, drawn, _ in found]) if found else np.zeros((0, 1)),
            self.freedom,
        )
        return {
            p.name: difference_of(value, drawn, self.freedom, shared, float(adjusted))
            for p, (value, drawn, shared), adjusted in zip(others, found, family, strict=True)
        }

    def _row(self, probed: Probed, to_concat: Difference | None, to_best: Difference | None) -> ProbeRow:
        main = self.score(probed)
        bounds = (self.task_metric.low, self.task_metric.high)
        around = interval(main.value, main.drawn, self.freedom, bounds)
        return ProbeRow(
            features=probed.name,
            score=main.value,
            low=around.low,
            high=around.high,
            chance=main.chance,
            dim=probed.dim,
            examples=int(probed.known.sum()),
            metrics=self._metrics(probed),
            labels=self._labels(probed),
            versus_concat=to_concat,
            versus_best=to_best,
            penalties=probed.penalties,
            gradient_norm=probed.gradient_norm,
            linear=probed.linear,
            seconds=probed.seconds,
        )

    def _metrics(self, probed: Probed) -> dict[str, Score]:
        task, found = self.bench.task, {}
        for name in task.metrics:
            metric = find_metric(name, task.kind)
            ways = ("macro", "micro") if task.kind == "multilabel" else ("",)
            for way in ways:
                scored = self.score(probed, metric, way == "micro" if way else None)
                found[f"{way}_{name}" if way else name] = self._as_score(scored, metric)
        return found

    def _as_score(self, scored: _Scored, metric: Metric) -> Score:
        around = interval(scored.value, scored.drawn, self.freedom, (metric.low, metric.high))
        gain = difference_of(scored.value - scored.chance, scored.drawn - scored.drawn_chance, self.freedom, 0, None)
        return Score(score=scored.value, low=around.low, high=around.high, chance=scored.chance, over_chance=gain)

    def _labels(self, probed: Probed) -> dict[str, LabelScore]:
        """The task's metric of every label or class, where it has one of each."""
        examples, scored = self.bench.examples, self.score(probed, micro=False)
        names = examples.classes or examples.names
        if len(scored.per_label) != len(names):
            return {}
        truth = self.bench.held_out.rows.truth
        held = truth == np.arange(len(names)) if examples.classes else truth.astype(bool)
        concat = next((p for p in self.probed if p.name == CONCAT), None)
        other = None if concat is None or probed.name in (CHANCE, CONCAT) else self.score(concat, micro=False)
        found = {}
        for i, name in enumerate(names):
            if np.isnan(scored.per_label[i]):
                continue
            versus = None
            if other is not None and probed.known.all():
                value = float(scored.per_label[i] - other.per_label[i])
                drawn = scored.drawn_labels[:, i] - other.drawn_labels[:, i]
                versus = difference_of(value, drawn, self.freedom, len(truth), None)
            found[name] = LabelScore(
                score=float(scored.per_label[i]), chance=float(scored.label_chance[i]),
                positives=int(held[:, i].sum()), versus_concat=versus,
            )  # fmt: skip
        return found


def _as_chance(scored: _Scored) -> _Scored:
    """Chance itself: one number in the table, not what a constant happens to score and what it should beside it."""
    return replace(
        scored,
        value=scored.chance,
        drawn=scored.drawn_chance,
        per_label=scored.label_chance,
        drawn_labels=np.where(np.isnan(scored.drawn_labels), np.nan, scored.label_chance),
    )


def _scored(held: HeldOut, metric: Metric, said: Predictions, weights_BT: Weights) -> _Scored:
    per_label, drawn = held.values(metric, said)[0], held.values(metric, said, weights_BT)
    chance, drawn_chance = held.chance(metric, said)[0], held.chance(metric, said, weights_BT)
    return _Scored(
        float(mean_known(per_label, axis=0)),
        float(mean_known(np.where(np.isnan(per_label), np.nan, chance), axis=0)),
        mean_known(drawn, axis=1),
        mean_known(np.where(np.isnan(drawn), np.nan, drawn_chance), axis=1),
        per_label,
        chance,
        drawn,
    )
