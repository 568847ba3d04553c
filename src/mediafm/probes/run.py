"""One probe: labels, split, feature sets, scores with intervals, and the files they are written to."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

from mediafm.probes.features import CHANCE, CONCAT, FeatureSource, check_features, default_features
from mediafm.probes.labels import check_against_catalog, read_labels
from mediafm.probes.metrics import HeldOut, interval, mean_known
from mediafm.probes.report import probe_table_markdown
from mediafm.probes.result import Difference, LabelScore, ProbeResult, ProbeRow
from mediafm.probes.splits import Fold, grouped_folds, outer_folds
from mediafm.probes.tasks import Task
from mediafm.probes.units import Examples, make_examples
from mediafm.progress import SILENT, Progress
from mediafm.types import FloatArray

if TYPE_CHECKING:
    from mediafm.catalog import Catalog
    from mediafm.probes.linear import TrainingRows

DRAWS = 1000  # of the held-out titles


def run_probe(
    catalog: "Catalog",
    task: Task,
    features: list[str] | None = None,
    out: str | Path | None = None,
    progress: Progress = SILENT,
    seed: int = 0,
) -> ProbeResult:
    """Fit and judge a linear probe for every feature set.

    features: names as mediafm.probes.features lists them; default: concat, its surroundings and all embedding sets.
    Chance and concat are always among them. With `out`, writes predictions.parquet, result.md and result.json there.
    Raises ImportDataError or UsageError for labels, a split or a feature set that does not fit, TrainingError if a fit
    does not converge.
    """
    begun = time.monotonic()
    names = list(dict.fromkeys([CHANCE, CONCAT, *(default_features(catalog, task) if features is None else features)]))
    check_features(catalog, names)
    table = read_labels(task)
    check_against_catalog(table, task, catalog)
    examples = make_examples(table, task, catalog)
    split_rng, inner_rng, draw_rng = np.random.default_rng(seed).spawn(3)
    bench = _Bench(catalog, task, examples, outer_folds(examples, task, split_rng), inner_rng)
    progress.start("probe", len(names), "feature sets")
    probed = []
    for name in names:
        probed.append(bench.probe(name))
        progress.advance(1, features=name)
    rows, leaders = _judge(probed, bench, task, draw_rng)
    result = ProbeResult(
        task=task.name,
        kind=task.kind,
        unit=task.unit,
        metric=task.metric,
        averaging=task.averaging,
        rows=rows,
        leaders=leaders,
        titles=len(examples.titles),
        test_titles=bench.test_titles,
        test_examples=len(bench.tested),
        folds=len(bench.folds),
        centring=bench.sources[0].centring,
        draws=DRAWS,
        seed=seed,
        seconds=round(time.monotonic() - begun, 3),
    )
    if out is not None:
        _write(result, probed, bench, Path(out))
    progress.end(seconds=result.seconds)
    return result


@dataclass(frozen=True, slots=True)
class _Probed:
    """logits: float32 [held-out examples, L]; the rest as in ProbeRow."""

    name: str
    logits: FloatArray
    dim: int
    penalties: list[list[float]]
    gradient_norm: float


class _Bench:
    """Examples and folds on which every feature set is measured alike."""

    def __init__(
        self, catalog: "Catalog", task: Task, examples: Examples, folds: list[Fold], rng: np.random.Generator
    ) -> None:
        self.task, self.examples, self.folds = task, examples, folds
        self.training = [_training_rows(examples, fold, task, rng) for fold in folds]
        self.sources = [FeatureSource(catalog, [examples.titles[i] for i in fold.train]) for fold in folds]
        self.judging = [np.flatnonzero(np.isin(examples.title, fold.test)) for fold in folds]
        self.tested = np.concatenate(self.judging)
        fold_number = np.repeat(np.arange(len(folds)), [len(rows) for rows in self.judging])
        _, title = np.unique(examples.title[self.tested], return_inverse=True)
        self.test_titles = int(title.max()) + 1
        self.held_out = HeldOut(examples.truth[self.tested], title, fold_number)

    def probe(self, name: str) -> _Probed:
        """Fit on each fold's training titles and score its held-out ones."""
        from mediafm.probes.linear import fit_probe  # loads torch

        if name == CHANCE:
            return _Probed(name, np.zeros(self.held_out.truth.shape, dtype=np.float32), 0, [], 0.0)
        logits, penalties, norms = [], [], []
        matrix = self.sources[0].matrix(name, self.examples, self.task)
        for number, (training, judged) in enumerate(zip(self.training, self.judging, strict=True)):
            if number and self.sources[number].depends_on_training(name):
                matrix = self.sources[number].matrix(name, self.examples, self.task)
            fitted = fit_probe(matrix, training, self.task.penalties)
            logits.append(fitted.score(matrix[judged]))
            penalties.append(fitted.penalty.tolist())
            norms.append(fitted.gradient_norm)
        return _Probed(name, np.concatenate(logits), matrix.shape[1], penalties, max(norms))


def _training_rows(examples: Examples, fold: Fold, task: Task, rng: np.random.Generator) -> "TrainingRows":
    from mediafm.probes.linear import TrainingRows  # loads torch

    rows = np.flatnonzero(np.isin(examples.title, fold.train))
    truth, title = examples.truth[rows], examples.title[rows]
    groups = grouped_folds(title, truth, min(task.inner_folds, len(fold.train)), rng)
    return TrainingRows(rows, truth, tuple(np.isin(title, group) for group in groups), examples.names)


def _judge(
    probed: list[_Probed], bench: _Bench, task: Task, rng: np.random.Generator
) -> tuple[list[ProbeRow], list[str]]:
    """Rows of the table, and the feature sets that nothing is really better than."""
    held_out = bench.held_out
    weights_BT = held_out.draws(DRAWS, rng)
    per_label = {p.name: held_out.per_label(p.logits)[0] for p in probed}
    micro = {p.name: float(held_out.micro(p.logits)[0]) for p in probed}
    score = {n: micro[n] if task.averaging == "micro" else float(per_label[n].mean()) for n in per_label}
    drawn = {
        p.name: held_out.micro(p.logits, weights_BT)
        if task.averaging == "micro"
        else mean_known(held_out.per_label(p.logits, weights_BT), axis=1)
        for p in probed
    }

    def bounds(values: NDArray[np.float64]) -> tuple[float | None, float | None]:
        return interval(values) if bench.test_titles > 1 else (None, None)

    def versus(name: str, other: str) -> Difference:
        low, high = bounds(drawn[name] - drawn[other])
        return Difference(difference=score[name] - score[other], low=low, high=high)

    rows = []
    for p in probed:
        low, high = bounds(drawn[p.name])
        labels = {
            label: LabelScore(score=per_label[p.name][i], chance=per_label[CHANCE][i], positives=positives)
            for i, (label, positives) in enumerate(
                zip(bench.examples.names, held_out.truth.sum(axis=0).tolist(), strict=True)
            )
        }
        rows.append(ProbeRow(
            features=p.name, score=score[p.name], low=low, high=high, chance=score[CHANCE],
            macro=float(per_label[p.name].mean()), micro=micro[p.name], dim=p.dim, labels=labels,
            versus_concat=None if p.name == CONCAT else versus(p.name, CONCAT),
            penalties=p.penalties, gradient_norm=p.gradient_norm,
        ))  # fmt: skip
    best = max(score, key=lambda name: score[name])
    leaders = [best, *(name for name in score if name != best and not versus(best, name).real)]
    return rows, leaders


def _write(result: ProbeResult, probed: list[_Probed], bench: _Bench, out: Path) -> None:
    """Predictions and table first; result.json, written last, says that all is there."""
    out.mkdir(parents=True, exist_ok=True)
    done = out / "result.json"
    done.unlink(missing_ok=True)
    pyarrow.parquet.write_table(_predictions(probed, bench), out / "predictions.parquet")
    (out / "result.md").write_text(probe_table_markdown(result), encoding="utf-8")
    result.save(done)


def _predictions(probed: list[_Probed], bench: _Bench) -> pa.Table:
    """One row for each (feature set, held-out example, label)."""
    examples, rows, labels = bench.examples, bench.tested, len(bench.examples.names)

    def repeated(values: NDArray[np.generic]) -> NDArray[np.generic]:
        return np.tile(np.repeat(values, labels), len(probed))

    named = pa.DictionaryArray.from_arrays
    label = np.tile(np.arange(labels, dtype=np.int32), len(rows) * len(probed))
    sets = np.repeat(np.arange(len(probed), dtype=np.int32), len(rows) * labels)
    return pa.table({
        "features": named(sets, [p.name for p in probed]),
        "title": named(repeated(examples.title[rows].astype(np.int32)), list(examples.titles)),
        "fold": repeated(bench.held_out.fold),
        "shot": repeated(examples.shot[rows]),
        "start_s": repeated(examples.start_s[rows]),
        "end_s": repeated(examples.end_s[rows]),
        "label": named(label, list(examples.names)),
        "truth": np.tile(bench.held_out.truth.reshape(-1), len(probed)),
        "logit": np.concatenate([p.logits.reshape(-1) for p in probed]),
    })  # fmt: skip
