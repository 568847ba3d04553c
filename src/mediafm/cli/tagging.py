"""`mediafm tag`."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from mediafm.cli.evaluation import Models, checkpoints
from mediafm.cli.output import CatalogOption, Json, emit, say, table
from mediafm.cli.progress import progress


def register(app: typer.Typer) -> None:
    """Add this file's command."""
    app.command("tag")(tag)


def tag(
    catalog: CatalogOption,
    probe: Annotated[
        list[Path],
        typer.Option(help="Saved probes: OUT/probes/FEATURES of a finished `mediafm probe`, or OUT/probes for all."),
    ],
    out: Annotated[Path, typer.Option(help="Table to write: .parquet or .csv.")],
    title: Annotated[list[str] | None, typer.Option(help="Titles to tag; default: all.")] = None,
    spans: Annotated[Path | None, typer.Option(help="Clips to tag: a table of title, start, end.")] = None,
    every: Annotated[float, typer.Option(min=0, help="Cut titles into clips of about so many seconds.")] = 0,
    unit: Annotated[
        Literal["example", "title"], typer.Option(help="A row for each example, or a summary of each title.")
    ] = "example",
    model: Models = None,
    json: Json = False,
) -> None:
    """Apply fitted probes to titles that nobody labelled, all of them in one pass."""
    from mediafm.catalog import Catalog
    from mediafm.uses.tagging import load_probes, tag_catalog

    with progress() as bar:
        probes = load_probes(probe)
        result = tag_catalog(Catalog.open(catalog), probes, out, title, spans, every, checkpoints(model), unit, bar)
    if len(probes) > 1:
        if json:
            emit(asdict(result))
            return
        say(f"{result.titles} titles tagged with {len(probes)} probes, {result.rows} rows: {out}")
        rows = [(p.task, p.features, label, n) for p in result.probes for label, n in p.given.items()]
        if rows:
            table("", ["task", "features", "label", "given"], rows)
        return
    (one,) = result.probes
    if json:
        facts = {"out": result.out, "task": one.task, "features": one.features, "titles": result.titles}
        emit({**facts, "examples": one.examples, "given": one.given})
        return
    say(f"{one.examples} examples of {result.titles} titles tagged with {one.task} by {one.features}: {out}")
    if one.given:
        table("", ["label", "given"], list(one.given.items()))
