"""One probe: labels, split, feature sets, scores with intervals, and the files they are written to."""

import time
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mediafm.errors import TrainingError
from mediafm.probes.bench import Bench, Probed
from mediafm.probes.features import CHANCE, CONCAT, check_features, default_features
from mediafm.probes.files import write_result
from mediafm.probes.judging import Judge
from mediafm.probes.labels import check_against_catalog, read_labels
from mediafm.probes.result import CurvePoint, ProbeResult
from mediafm.probes.splits import few_titles, outer_folds, usable_labels
from mediafm.probes.tasks import Task
from mediafm.probes.units import make_examples
from mediafm.probes.verdict import context_verdict, leading, leak
from mediafm.progress import SILENT, Progress

if TYPE_CHECKING:
    from mediafm.catalog import Catalog
    from mediafm.model import Checkpoint
    from mediafm.probes.in_context import ModelVectors

DRAWS = 1000  # of the held-out titles
ATTENTIVE = " (attentive)"
CURVE_SHOTS = 30_000_000  # shots embedded for one point of the curve, above which it is left out


def run_probe(
    catalog: "Catalog",
    task: Task,
    features: list[str] | None = None,
    out: str | Path | None = None,
    progress: Progress = SILENT,
    seed: int = 0,
    models: "Sequence[Checkpoint]" = (),
    attentive: Sequence[str] = (),
    curve: bool = True,
) -> ProbeResult:
    """Fit and judge a linear probe for every feature set.

    features: names as mediafm.probes.features lists them; default: every baseline and control there is. Chance and
    concat are always among them. models: checkpoints, embedded with all their controls while the probe runs; `curve`
    adds scores against context radius. attentive: feature sets that get an attentive probe as well, which is not
    linear. With `out`, writes predictions.parquet, the fitted probes, result.md, result.html and result.json there.
    Raises ImportDataError or UsageError for labels, a split or a feature set that does not fit, TrainingError if a fit
    does not converge; a control that was not asked for by name is then left out, and a note says so.
    """
    if task.kind == "similarity":
        from mediafm.probes.similarity import run_similarity

        return run_similarity(catalog, task, features, out, progress, seed, models)
    began = time.monotonic()
    version = catalog_version(catalog)
    held = model_vectors(catalog, models, version)
    names = list(dict.fromkeys([CHANCE, CONCAT, *(features or default_features(catalog, task, held))]))
    check_features(catalog, [*names, *attentive], held, task)
    bench = make_bench(catalog, task, seed, held, version)
    curves = {model.name: _affordable(model, bench) for model in held.values()} if curve else {}
    extra = [name for points in curves.values() for name in points if name not in names]
    progress.start("probe", len(names) + len(extra) + len(attentive), "feature sets")
    probed, lost = _baselines(bench, names, {CHANCE, CONCAT, *(features or [])}, progress)
    probed += [_step(bench, name, progress, attentive=True) for name in attentive]
    aside = [_step(bench, name, progress) for name in extra]
    draw_rng = np.random.default_rng(seed).spawn(3)[2]
    judge = Judge(bench, probed, bench.held_out.draws(DRAWS, draw_rng))
    rows, leaders = judge.table()
    result = ProbeResult(
        task=task.name,
        kind=task.kind,
        unit=task.unit,
        metric=task.metric,
        averaging=task.averaging,
        rows=rows,
        leaders=leaders,
        curve=_curve(curves, judge, [*probed, *aside]),
        notes=[*bench.examples.notes, *few_titles(bench.examples, bench.folds), *_missing(catalog, held, rows), *lost],
        titles=len(bench.examples.titles),
        test_titles=bench.test_titles,
        test_examples=len(bench.tested),
        folds=len(bench.folds),
        comparisons=2 * (len(rows) - 2),
        centring=bench.sources[0].centring,
        draws=DRAWS,
        seed=seed,
        seconds=round(time.monotonic() - began, 3),
        origin=origin_of(task, version, models),
    )
    result = result.model_copy(update={"verdict": _verdict(result, catalog, held)})
    if out is not None:
        write_result(result, probed, bench, Path(out), catalog)
    progress.end(seconds=result.seconds)
    return result


def make_bench(
    catalog: "Catalog", task: Task, seed: int, models: "dict[str, ModelVectors]", version: str | None
) -> Bench:
    """Examples and folds of a task. Raises as `run_probe` does."""
    split_rng, inner_rng, _ = np.random.default_rng(seed).spawn(3)
    table = read_labels(task, catalog)
    check_against_catalog(table, task, catalog)
    examples = make_examples(table, task, catalog, inner_rng)
    folds = outer_folds(examples, task, split_rng)
    return Bench(catalog, task, usable_labels(examples, folds, task), folds, models, version)


def _baselines(
    bench: Bench, names: Sequence[str], asked: set[str], progress: Progress
) -> tuple[list[Probed], list[str]]:
    """Probes of feature sets, and a sentence for each that nobody asked for and that cannot be fitted."""
    probed, lost = [], []
    for name in names:
        try:
            probed.append(_step(bench, name, progress))
        except TrainingError as error:
            if name in asked:
                raise
            lost.append(f"{name} is left out: {error.message}")
            progress.advance(1, features=name)
    return probed, lost


def _step(bench: Bench, name: str, progress: Progress, attentive: bool = False) -> Probed:
    probed = bench.probe(name, attentive)
    progress.advance(1, features=name)
    return replace(probed, name=name + ATTENTIVE) if attentive else probed


def catalog_version(catalog: Any) -> str | None:
    """A name for what is in the catalog; None where it does not give one."""
    version = getattr(catalog, "content_version", None)
    return None if version is None else str(version())


def model_vectors(catalog: "Catalog", models: "Sequence[Checkpoint]", version: str | None) -> "dict[str, ModelVectors]":
    """Checkpoints over the catalog, by name. Raises as `make_model_vectors` does."""
    if not models:
        return {}
    from mediafm.probes.in_context import make_model_vectors  # loads torch

    return make_model_vectors(catalog, models, version)


def _affordable(model: "ModelVectors", bench: Bench) -> list[str]:
    """Points of the curve that do not ask for more shots to be embedded than anyone would wait for."""
    runs = len(bench.examples)
    return [name for name in model.curve(bench.task) if model.shots_needed(name, runs) <= CURVE_SHOTS]


def _curve(curves: dict[str, list[str]], judge: Judge, probed: list[Probed]) -> list[CurvePoint]:
    from mediafm.probes.intervals import interval

    found, by_name = [], {p.name: p for p in probed}
    metric = judge.task_metric
    for model, names in curves.items():
        for name in names:
            scored = judge.score(by_name[name])
            around = interval(scored.value, scored.drawn, judge.freedom, (metric.low, metric.high))
            radius = name.rpartition("radius_")[2]
            found.append(CurvePoint(
                model=model, radius=int(radius) if radius.isdigit() else None, features=name, score=scored.value,
                low=around.low, high=around.high,
            ))  # fmt: skip
    return found


def _missing(catalog: "Catalog", models: "dict[str, ModelVectors]", rows: list[Any]) -> list[str]:
    notes = []
    if not models and any(spec.context == "title" for spec in catalog.embedding_sets()):
        notes.append(
            "Controls that need the checkpoint (untrained, own shot hidden, no metadata, context radius) are not "
            "here: give it by --model RUN."
        )
    for row in rows:
        if row.examples < rows[0].examples:
            notes.append(
                f"{row.features} was evaluated on {row.examples} of {rows[0].examples} examples; its differences are "
                "on those."
            )
    return notes


def _verdict(result: ProbeResult, catalog: "Catalog", models: "dict[str, ModelVectors]") -> list[str]:
    contextual = [spec.name for spec in catalog.embedding_sets() if spec.context == "title"]
    contextual += [name for name in models if name not in contextual]
    said = [leading(result)]
    for name in contextual:
        row = result.row(name)
        if row is not None:
            said.append(context_verdict(row, result.row(f"{name}/none") or result.row(f"{name}-none")))
    if result.unit == "title":
        said.append(leak(result))
    return [sentence for sentence in said if sentence]


def origin_of(task: Task, version: str | None, models: "Sequence[Checkpoint]") -> dict[str, str]:
    """Fingerprints of all that a result is made of."""
    asked = task.model_dump_json(exclude={"labels"}).encode()
    return {
        "catalog": version or "",
        "task": sha256(asked).hexdigest(),
        "labels": sha256(task.labels.read_bytes()).hexdigest(),
        **{f"checkpoint {model.name}": model.fingerprint for model in models},
    }
