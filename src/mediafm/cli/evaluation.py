"""`mediafm probe` and `mediafm ablate`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mediafm.cli.output import CatalogOption, Json, emit, say, table
from mediafm.cli.progress import progress
from mediafm.errors import UsageError

if TYPE_CHECKING:
    from mediafm.model import Checkpoint

Models = Annotated[
    list[str] | None, typer.Option("--model", help="Run folder or hub id; embedded on the fly, with its controls.")
]


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    app.command("probe")(probe)
    app.command("ablate")(ablate)


def probe(
    catalog: CatalogOption,
    task: Annotated[str, typer.Option(help="Task TOML (labels, split, metric), or a template's name.")],
    out: Annotated[Path, typer.Option(help="Folder for the result.")],
    features: Annotated[
        list[str] | None, typer.Option(help="Feature sets to compare; default: every baseline, control and set.")
    ] = None,
    labels: Annotated[Path | None, typer.Option(help="Labels table to use instead of the task's own.")] = None,
    model: Models = None,
    attentive: Annotated[
        list[str] | None, typer.Option(help="Feature sets that get an attentive probe as well (not linear).")
    ] = None,
    curve: Annotated[bool, typer.Option(help="Score each --model against context radius.")] = True,
    seed: Annotated[int, typer.Option(min=0, help="Of folds and draws.")] = 0,
    json: Json = False,
) -> None:
    """Fit a linear probe on frozen embeddings and show its score beside the baselines, the controls and chance."""
    from mediafm.catalog import Catalog
    from mediafm.probes import describe, load_task, run_probe

    with progress() as bar:
        loaded = load_task(task, labels=labels)
        result = run_probe(
            Catalog.open(catalog), loaded, features or None, out, bar, seed, checkpoints(model), attentive or (), curve
        )
    if json:
        emit(result.model_dump(mode="json"))
        return
    rows = [(r.features, r.score, *("" if b is None else b for b in (r.low, r.high)), r.chance) for r in result.rows]
    table(describe(result), ["features", "score", "low", "high", "chance"], rows)
    for sentence in (*result.verdict, *result.notes):
        say(sentence)
    say(f"{out / 'result.html'} shows it all")


def ablate(
    catalog: CatalogOption,
    out: Annotated[Path, typer.Option(help="Folder for runs and tables; what is done there is not done again.")],
    grid: Annotated[Path | None, typer.Argument(help="Grid TOML: recipe, cells, seeds, tasks.")] = None,
    recipe: Annotated[Path | None, typer.Option(help="The same, as an option.")] = None,
    json: Json = False,
) -> None:
    """Pretrain and probe a grid of recipes x seeds x tasks, and show paired differences."""
    from mediafm.catalog import Catalog
    from mediafm.probes.ablation import ablate as run
    from mediafm.probes.ablation import load_grid

    if (grid is None) == (recipe is None):
        raise UsageError("One grid is needed.", "mediafm ablate GRID.toml --catalog C --out DIR")
    with progress() as bar:
        result = run(Catalog.open(catalog), load_grid(grid or recipe or ""), out, progress=bar)
    if json:
        emit(result.model_dump(mode="json"))
        return
    tasks = list(result.metrics)
    table("", ["row", *tasks], [(r.name, *(r.scores[t].score for t in tasks)) for r in result.rows])
    say(f"{out / 'ablation.md'} has intervals and paired differences to {result.baseline}")


def checkpoints(models: list[str] | None) -> "list[Checkpoint]":
    """The checkpoints of run folders or hub ids."""
    if not models:
        return []
    from mediafm.model import Checkpoint

    return [Checkpoint.load(model) for model in models]
