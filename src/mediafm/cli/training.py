"""`mediafm pretrain` and `mediafm embed`."""

import os
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mediafm.cli.output import CatalogOption, Json, emit, say
from mediafm.cli.progress import progress
from mediafm.progress import SILENT, Progress

if TYPE_CHECKING:
    from mediafm.catalog import Catalog

Context = Literal["title", "past", "none"]  # as mediafm.embed has it; importing that would load torch


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    app.command("pretrain")(pretrain)
    app.command("embed")(embed)


def pretrain(
    catalog: CatalogOption,
    out: Annotated[Path, typer.Option(help="Folder of the run; becomes the checkpoint.")],
    recipe: Annotated[
        str, typer.Option(help="tiny, small, base, published, or a recipe TOML file; default: by the number of shots.")
    ] = "",
    set_: Annotated[list[str] | None, typer.Option("--set", help="Change one value of the recipe: a.b=c.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the run's last saved state.")] = False,
    json: Json = False,
) -> None:
    """Pretrain a shot transformer on the catalog with Masked Shot Modeling."""
    from mediafm.catalog import Catalog
    from mediafm.config import load_recipe
    from mediafm.train import pretrain as run

    first = os.environ.get("RANK", "0") == "0"  # of the processes that torchrun started, one talks
    with progress() if first else nullcontext(SILENT) as bar:
        opened = Catalog.open(catalog)
        chosen = recipe or _default_recipe(opened, out, resume, bar)
        result = run(opened, out, load_recipe(chosen, set_ or []), resume=resume, progress=bar)
    if not first:
        return
    if json:
        emit(asdict(result))
        return
    trivial = ", ".join(f"{name.replace('_', ' ')} {value:.3f}" for name, value in result.trivial.items())
    say(f"{out}: {result.steps} steps in {result.seconds:.0f} s")
    say(f"cosine distance on held-out titles: {result.msm:.3f}  (trivial predictors: {trivial})")
    if result.finished:
        say(f"next: mediafm embed --catalog {catalog} --model {out}")
    else:
        say("stopped before the end and saved; the same command with --resume goes on")


def _default_recipe(catalog: "Catalog", out: Path, resume: bool, bar: Progress) -> str | Path:
    """The run's own recipe to go on with, else the one that suits the number of shots, with a word why."""
    from mediafm.config import RunRecipe
    from mediafm.train.advice import recipe_for
    from mediafm.train.pretrain import RECIPE
    from mediafm.train.runtime import make_runtime

    if resume and (out / RECIPE).is_file():
        return out / RECIPE
    shots = sum(title.n_shots for title in catalog.titles())
    name, reason = recipe_for(shots, cuda=make_runtime(RunRecipe()).device.type == "cuda")
    bar.note(f"recipe {name}: {reason}; choose another by --recipe")
    return name


def embed(
    catalog: CatalogOption,
    model: Annotated[Path, typer.Option(help="A checkpoint folder, as `pretrain` leaves it.")],
    context: Annotated[
        Context, typer.Option(help="title: inside the whole title; past: with the shots before it; none: alone.")
    ] = "title",
    name: Annotated[str, typer.Option(help="Name of the embedding set; default: the checkpoint's.")] = "",
    replace: Annotated[bool, typer.Option("--replace", help="Put it in place of another checkpoint's set.")] = False,
    json: Json = False,
) -> None:
    """Write context embeddings of every title into the catalog, as one more embedding set."""
    from mediafm.catalog import Catalog
    from mediafm.embed import embed as run

    with progress() as bar:
        opened = Catalog.open(catalog)
        result = run(opened, model, context=context, name=name or None, replace=replace, progress=bar)
    if json:
        emit(asdict(result))
    else:
        say(f"{result.shots} shots of {result.titles} titles in set '{result.embedding_set}', {result.seconds:.1f} s")
