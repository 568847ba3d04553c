"""`mediafm probe` and `mediafm search`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from mediafm.cli.output import CatalogOption, Json, emit, say, table
from mediafm.cli.progress import progress

Unit = Literal["shot", "clip", "title"]


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    app.command("probe")(probe)
    app.command("search")(search)


def probe(
    catalog: CatalogOption,
    task: Annotated[Path, typer.Option(help="Task TOML: labels, split, metric.")],
    out: Annotated[Path, typer.Option(help="Folder for the result.")],
    features: Annotated[
        list[str] | None, typer.Option(help="Feature sets to compare; default: the baselines and all embedding sets.")
    ] = None,
    labels: Annotated[Path | None, typer.Option(help="Labels table to use instead of the task's own.")] = None,
    json: Json = False,
) -> None:
    """Fit a linear probe on frozen embeddings and show its score beside the baselines and chance."""
    from mediafm.catalog import Catalog
    from mediafm.probes import describe, load_task, run_probe, verdict

    with progress() as bar:
        loaded = load_task(task, labels=labels)
        result = run_probe(Catalog.open(catalog), loaded, features or None, out, progress=bar)
    if json:
        emit(result.model_dump(mode="json"))
        return
    rows = [(r.features, r.score, r.low, r.high, r.chance) for r in result.rows]
    table(describe(result), ["features", "score", "low", "high", "chance"], rows)
    say(verdict(result))


def search(
    catalog: CatalogOption,
    query: Annotated[str, typer.Argument(help="Words to look for in what is said.")] = "",
    like: Annotated[str, typer.Option(help="Find what is like a span: TITLE@12.5-20, TITLE#shot or TITLE.")] = "",
    unit: Annotated[Unit, typer.Option(help="What a hit is.")] = "shot",
    k: Annotated[int, typer.Option("-k", "--k", help="How many hits.")] = 10,
    features: Annotated[str, typer.Option(help="Embedding set or modality that --like compares by.")] = "",
    preset: Annotated[
        str, typer.Option(help="Preset whose text encoder reads the words; default: the catalog's.")
    ] = "",
    json: Json = False,
) -> None:
    """Search by words over timed text, or by likeness to a shot, clip or title."""
    from mediafm.search import search_catalogue

    hits = search_catalogue(catalog, query, like, unit=unit, k=k, features=features, preset=preset)
    if json:
        emit({"hits": [hit.as_json() for hit in hits]})
        return
    rows = [(h.title, f"{h.start_s:.2f}", f"{h.end_s:.2f}", f"{h.score:.3f}", h.text[:80]) for h in hits]
    table("", ["title", "start", "end", "score", "text"], rows)
