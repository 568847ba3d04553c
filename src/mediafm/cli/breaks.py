"""`mediafm breaks`."""

from pathlib import Path
from typing import Annotated

import typer

from mediafm.cli.chapters import clock
from mediafm.cli.evaluation import Models, checkpoints
from mediafm.cli.output import CatalogOption, Json, emit, say, table
from mediafm.cli.progress import progress


def register(app: typer.Typer) -> None:
    """Add this file's command."""
    app.command("breaks")(breaks)


def breaks(
    title: Annotated[str, typer.Argument(help="The title's id.")],
    catalog: CatalogOption,
    brief: Annotated[str | None, typer.Option(help="Words that the scenes beside a break should fit.")] = None,
    count: Annotated[int | None, typer.Option(help="How many breaks; default: one for ten minutes.")] = None,
    min_gap: Annotated[
        float | None, typer.Option(help="Seconds between breaks; default: half of an even share.")
    ] = None,
    edge: Annotated[
        float | None, typer.Option(help="No break in the first and last so many seconds; default: as --min-gap.")
    ] = None,
    features: Annotated[str, typer.Option(help="What scenes are found by; default: the set with context.")] = "",
    scenes: Annotated[int | None, typer.Option(help="How many scenes to look for.")] = None,
    probe: Annotated[Path | None, typer.Option(help="A saved probe of where scenes begin finds them instead.")] = None,
    label: Annotated[str, typer.Option(help="The probe's label, where it has several.")] = "",
    preset: Annotated[str, typer.Option(help="Preset whose encoders read the brief; default: the catalog's.")] = "",
    model: Models = None,
    json: Json = False,
) -> None:
    """Find places for ad breaks: between scenes, where nobody speaks, beside scenes that fit a brief."""
    from mediafm.catalog import Catalog
    from mediafm.probes.saved import SavedProbe
    from mediafm.uses.breaks import find_breaks

    with progress():
        found = find_breaks(
            Catalog.open(catalog), title, brief, count, min_gap, edge, features or None, scenes,
            None if probe is None else SavedProbe.load(probe), label or None, preset, checkpoints(model),
        )  # fmt: skip
    if json:
        emit(found.as_json())
        return
    rows = [(rank, clock(b.time_s), b.score, "; ".join(b.reasons)) for rank, b in enumerate(found.breaks, 1)]
    table(f"{found.title}: {found.scenes} scenes by {found.features}", ["", "at", "score", "why"], rows)
    if count is not None and len(found.breaks) < count:
        say(f"{len(found.breaks)} of {count} breaks fit: --min-gap, --edge or --scenes allow for more")
