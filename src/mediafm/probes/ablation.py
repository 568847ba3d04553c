"""Ablations: recipes x seeds x tasks, each cell pretrained and probed once, and a table of paired differences.

recipe = "small"                       # what every cell starts from
set = ["schedule.epochs=12"]           # settings of all cells
seeds = [0, 1, 2]
features = ["video", "audio", "text", "concat", "neighbours"]   # rows that need no training
baseline = "default"                   # the cell that the others are held against

[[tasks]]
task = "place.toml"                    # or a template's name, with labels
labels = "place.csv"

[cells]                                # the recipe itself is the cell "default"
no_text = ["fusion.modalities=video,audio"]
alone = ["context=none"]               # a cell may read the same model without context

Everything done is kept in the output folder and never done again: a run is found by its whole recipe and the catalog's
content, predictions by what they depend on.
"""

import json
import time
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mediafm.config import Recipe, load_recipe
from mediafm.errors import UsageError
from mediafm.probes.bench import Probed
from mediafm.probes.differences import difference_of
from mediafm.probes.features import CHANCE, CONCAT, check_features
from mediafm.probes.intervals import family_p_values, interval
from mediafm.probes.judging import Judge
from mediafm.probes.result import Difference
from mediafm.probes.run import DRAWS, catalog_version, make_bench, model_vectors
from mediafm.probes.tasks import Task, load_task
from mediafm.progress import SILENT, Progress

if TYPE_CHECKING:
    from mediafm.catalog import Catalog
    from mediafm.model import Checkpoint

DEFAULT, CONTEXT = "default", "context="
CONTEXTS = ("title", "none", "own_hidden", "no_global")


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TaskOf(_Frozen):
    """A task of the grid: file or template, and labels where they are not the file's own."""

    task: str
    labels: Path | None = None


class Grid(_Frozen):
    """What is compared; see the module's docstring."""

    recipe: str = "small"
    set: list[str] = []
    seeds: list[int] = Field(default=[0], min_length=1)
    features: list[str] = [CONCAT]
    baseline: str = DEFAULT
    tasks: list[TaskOf] = Field(min_length=1)
    cells: Mapping[str, list[str]] = {}

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.baseline not in {DEFAULT, *self.cells, *self.features}:
            raise ValueError(f"baseline = {self.baseline!r} is neither a cell nor a feature set of the grid")
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError("seeds must differ")
        if clash := sorted(set(self.cells) & set(self.features)):
            raise ValueError(f"{clash[0]!r} names both a cell and a feature set")
        return self

    @property
    def all_cells(self) -> dict[str, list[str]]:
        """The recipe itself first."""
        return {DEFAULT: [], **self.cells}


class CellScore(_Frozen):
    """One row on one task: mean over seeds, its interval over titles, and the difference to the baseline.

    seeds: score of each; spread: their deviation, None for one.
    """

    score: float
    low: float | None
    high: float | None
    seeds: list[float]
    spread: float | None
    versus_baseline: Difference | None


class AblationRow(_Frozen):
    """A cell or feature set. msm: best cosine distance on validation titles, one a seed; empty without training."""

    name: str
    settings: list[str]
    dim: int
    msm: list[float]
    scores: Mapping[str, CellScore]


class AblationResult(_Frozen):
    """The whole grid. comparisons: paired differences that p values are adjusted for, in each task."""

    recipe: str
    baseline: str
    seeds: list[int]
    metrics: Mapping[str, str]
    chance: Mapping[str, float]
    rows: list[AblationRow]
    comparisons: int
    draws: int
    trained: int
    seconds: float


def load_grid(path: str | Path) -> Grid:
    """Read a grid file; paths in it are relative to it. UsageError naming what does not fit."""
    path = Path(path)
    try:
        grid = Grid.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise UsageError(f"Cannot read the grid {path}: {error.strerror}.", "Check the path.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not a TOML file: {error}.", "docs/ablations.md shows a grid.") from error
    except ValidationError as error:
        said = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise UsageError(f"{path}: {said}.", "docs/ablations.md lists the keys of a grid.") from None
    tasks = [_beside(path, one) for one in grid.tasks]
    recipe = str(path.parent / grid.recipe) if (path.parent / grid.recipe).is_file() else grid.recipe
    return grid.model_copy(update={"tasks": tasks, "recipe": recipe})


def _beside(path: Path, one: TaskOf) -> TaskOf:
    labels = None if one.labels is None else (path.parent / one.labels).resolve()
    task = path.parent / one.task
    return TaskOf(task=str(task) if task.is_file() else one.task, labels=labels)


def ablate(
    catalog: "Catalog", grid: Grid, out: str | Path, progress: Progress = SILENT, seed: int = 0
) -> AblationResult:
    """Pretrain and probe every cell that is not there yet, and write ablation.json and ablation.md to `out`.

    seed: of the probes' folds and draws. Raises what `pretrain` and `run_probe` raise, before anything is trained where
    that can be told.
    """
    began, out = time.monotonic(), Path(out)
    tasks = [load_task(one.task, one.labels) for one in grid.tasks]
    if twice := {t.name for t in tasks if [o.name for o in tasks].count(t.name) > 1}:
        raise UsageError(f"Two tasks are called {min(twice)!r}.", "Give each a name of its own.")
    recipes = {cell: _recipes(grid, settings) for cell, settings in grid.all_cells.items()}
    version = catalog_version(catalog)
    for task in tasks:  # labels that do not fit are refused before hours of training
        check_features(catalog, grid.features, {}, task)
        make_bench(catalog, task, seed, {}, version)
    trained = 0
    runs: dict[str, list[_Run]] = {}
    progress.start("ablate", sum(len(r) for r in recipes.values()), "runs")
    for cell, by_seed in recipes.items():
        runs[cell] = []
        for number, recipe in zip(grid.seeds, by_seed, strict=True):
            run, new = _run(catalog, recipe, out / "runs", version)
            trained += new
            runs[cell].append(run)
            progress.advance(1, cell=cell, seed=number)
    progress.end(trained=trained)
    boards = [_board(catalog, grid, task, runs, seed, version, progress) for task in tasks]
    rows = _rows(grid, boards, runs)
    result = AblationResult(
        recipe=grid.recipe,
        baseline=grid.baseline,
        seeds=grid.seeds,
        metrics={b.task.name: b.task.metric for b in boards},
        chance={b.task.name: b.chance for b in boards},
        rows=rows,
        comparisons=len(rows) - 1,
        draws=DRAWS,
        trained=trained,
        seconds=round(time.monotonic() - began, 1),
    )
    out.mkdir(parents=True, exist_ok=True)
    (out / "ablation.md").write_text(ablation_markdown(result), encoding="utf-8")
    (out / "ablation.json").write_text(result.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return result


@dataclass(frozen=True)
class _Run:
    checkpoint: "Checkpoint"
    msm: float


def _context(settings: Sequence[str]) -> str:
    """How a cell's model is read: the value of its `context=`."""
    said = [setting.removeprefix(CONTEXT) for setting in settings if setting.startswith(CONTEXT)]
    if said and said[-1] not in CONTEXTS:
        raise UsageError(f"There is no context {said[-1]!r}.", f"Choose of {', '.join(CONTEXTS)}.")
    return said[-1] if said else CONTEXTS[0]


def _recipes(grid: Grid, settings: Sequence[str]) -> list[Recipe]:
    """The cell's recipe under each seed."""
    _context(settings)
    own = [setting for setting in settings if not setting.startswith(CONTEXT)]
    return [load_recipe(grid.recipe, [*grid.set, *own, f"run.seed={seed}"]) for seed in grid.seeds]


def _run(catalog: "Catalog", recipe: Recipe, folder: Path, version: str | None) -> tuple[_Run, bool]:
    """The finished run of a recipe on this catalog, trained or gone on with where it is not there."""
    from mediafm.model import Checkpoint
    from mediafm.train import pretrain

    name = sha256(f"{version}\n{recipe.to_toml()}".encode()).hexdigest()[:12]
    note = folder / f"{name}.json"
    new = not note.is_file()
    if new:
        result = pretrain(catalog, folder / name, recipe, resume=True)
        if not result.finished:
            raise KeyboardInterrupt
        note.write_text(json.dumps({"msm": result.msm, "seconds": result.seconds}), encoding="utf-8")
    return _Run(Checkpoint.load(folder / name), float(json.loads(note.read_text(encoding="utf-8"))["msm"])), new


@dataclass(frozen=True)
class _Board:
    """One task: a judge over all rows, and which predictions are a row's, one a seed."""

    task: Task
    judge: Judge
    held: dict[str, list[Probed]]
    chance: float


def _board(
    catalog: "Catalog",
    grid: Grid,
    task: Task,
    runs: dict[str, list[_Run]],
    seed: int,
    version: str | None,
    progress: Progress,
) -> _Board:
    # Two cells may read one run in two ways: a checkpoint is named by its folder, not by its cell.
    checkpoints = {run.checkpoint.name: run.checkpoint for by_seed in runs.values() for run in by_seed}
    models = model_vectors(catalog, list(checkpoints.values()), version)
    bench = make_bench(catalog, task, seed, models, version)
    progress.start(f"probe {task.name}", len(grid.features) + sum(map(len, runs.values())), "feature sets")
    held: dict[str, list[Probed]] = {CHANCE: [bench.probe(CHANCE)]}
    for name in grid.features:
        held[name] = [bench.probe(name)]
        progress.advance(1, features=name)
    for cell, by_seed in runs.items():
        context = _context(grid.all_cells[cell])
        held[cell] = []
        for run in by_seed:
            name = run.checkpoint.name if context == "title" else f"{run.checkpoint.name}/{context}"
            held[cell].append(replace(bench.probe(name), name=f"{cell}#{run.checkpoint.name}"))
            progress.advance(1, features=cell)
    progress.end()
    weights = bench.held_out.draws(DRAWS, np.random.default_rng(seed).spawn(3)[2])
    judge = Judge(bench, [p for parts in held.values() for p in parts], weights)
    return _Board(task, judge, held, judge.score(held[CHANCE][0]).chance)


def _rows(grid: Grid, boards: list[_Board], runs: dict[str, list[_Run]]) -> list[AblationRow]:
    names = [*grid.features, *grid.all_cells]
    scores = {board.task.name: _scores(grid, board, names) for board in boards}
    return [
        AblationRow(
            name=name,
            settings=list(grid.all_cells.get(name, [])),
            dim=boards[0].held[name][0].dim,
            msm=[run.msm for run in runs.get(name, [])],
            scores={task: found[name] for task, found in scores.items()},
        )
        for name in names
    ]


def _scores(grid: Grid, board: _Board, names: Sequence[str]) -> dict[str, CellScore]:
    """Every row's score on one task, and its difference to the baseline, p adjusted for their number."""
    judge, base = board.judge, board.held[grid.baseline]
    others = [name for name in names if name != grid.baseline]
    gaps = {name: _gap(judge, board.held[name], base) for name in others}
    family = family_p_values(
        np.array([gaps[name][0] for name in others]), np.stack([gaps[name][1] for name in others]), judge.freedom
    )
    adjusted = dict(zip(others, family.tolist(), strict=True))
    found = {}
    for name in names:
        scored = [judge.score(p) for p in board.held[name]]
        values = [s.value for s in scored]
        mean, drawn = float(np.mean(values)), np.mean([s.drawn for s in scored], axis=0)
        around = interval(mean, drawn, judge.freedom, (judge.task_metric.low, judge.task_metric.high))
        versus = None
        if name in gaps:
            value, shifts, shared = gaps[name]
            versus = difference_of(value, shifts, judge.freedom, shared, adjusted[name])
        found[name] = CellScore(
            score=mean, low=around.low, high=around.high, seeds=values,
            spread=float(np.std(values, ddof=1)) if len(values) > 1 else None, versus_baseline=versus,
        )  # fmt: skip
    return found


def _gap(judge: Judge, ones: list[Probed], others: list[Probed]) -> tuple[float, NDArray[np.float64], int]:
    """Mean difference over seeds: seed by seed where both have as many, else of the means."""
    count = max(len(ones), len(others))
    pairs = [judge.difference(ones[i % len(ones)], others[i % len(others)]) for i in range(count)]
    return float(np.mean([p[0] for p in pairs])), np.mean([p[1] for p in pairs], axis=0), pairs[0][2]


def ablation_markdown(result: AblationResult) -> str:
    """The grid as Markdown: scores, then paired differences."""
    tasks = list(result.metrics)
    seeds = f"{len(result.seeds)} seed{'s' * (len(result.seeds) > 1)}, ± their deviation; in brackets 95 % over titles."
    headed = " | ".join(f"{task} ({metric.replace('_', ' ')})" for task, metric in result.metrics.items())
    chance = " | ".join(f"{result.chance[task]:.3f}" for task in tasks)
    lines = [f"# Ablation of {result.recipe}", "", seeds, "", f"| row | settings | msm | {headed} |"]
    lines += ["|---|---|--:|" + "--:|" * len(tasks), f"| chance | | | {chance} |"]
    for row in result.rows:
        msm = f"{np.mean(row.msm):.3f}" if row.msm else ""
        cells = " | ".join(_cell(row.scores[t]) for t in tasks)
        lines.append(f"| {row.name} | {', '.join(f'`{s}`' for s in row.settings)} | {msm} | {cells} |")
    lines += [
        "",
        f"Difference to {result.baseline}, on the same draws of titles. **Bold**: p below 5 % with all "
        f"{result.comparisons} comparisons of the column taken into account.",
        "",
    ]
    lines += [f"| row | {' | '.join(tasks)} |", "|---|" + "--:|" * len(tasks)]
    for row in result.rows:
        if row.name != result.baseline:
            lines.append(f"| {row.name} | {' | '.join(_gap_cell(row.scores[t].versus_baseline) for t in tasks)} |")
    return "\n".join(lines) + "\n"


def _cell(score: CellScore) -> str:
    spread = "" if score.spread is None else f" ±{score.spread:.3f}"
    around = "" if score.low is None else f" ({score.low:.3f} to {score.high:.3f})"
    return f"{score.score:.3f}{spread}{around}"


def _gap_cell(gap: Difference | None) -> str:
    if gap is None:
        return ""
    around = "" if gap.low is None else f" ({gap.low:+.3f} to {gap.high:+.3f})"
    said = f"{gap.difference:+.3f}"
    return f"**{said}**{around}" if gap.real else f"{said}{around}"
