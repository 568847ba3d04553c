"""`mediafm promos`."""

from pathlib import Path
from typing import Annotated

import typer

from mediafm.cli.chapters import clock
from mediafm.cli.evaluation import Models, checkpoints
from mediafm.cli.output import CatalogOption, Json, emit, table
from mediafm.cli.progress import progress


def register(app: typer.Typer) -> None:
    """Add this file's command."""
    app.command("promos")(promos)


def promos(
    title: Annotated[str, typer.Argument(help="The title's id.")],
    catalog: CatalogOption,
    probe: Annotated[Path, typer.Option(help="A saved probe of what is worth a clip: OUT/probes/FEATURES.")],
    length: Annotated[str, typer.Option(help="Shortest and longest clip in seconds.")] = "10-30",
    k: Annotated[int, typer.Option("-k", "--k", help="How many clips.")] = 5,
    no_after: Annotated[str, typer.Option(help="Nothing past this time (12:30) or share of the title (60%).")] = "",
    diversity: Annotated[float, typer.Option(help="0: the best; towards 1: unlike each other.")] = 0.3,
    within_scenes: Annotated[bool, typer.Option("--within-scenes", help="A clip stays inside one scene.")] = False,
    like_avoid: Annotated[
        list[str] | None, typer.Option(help="Unlike this, and never over it: TITLE@12.5-20, TITLE#shot or TITLE.")
    ] = None,
    label: Annotated[str, typer.Option(help="The probe's label, where it has several.")] = "",
    features: Annotated[str, typer.Option(help="What --within-scenes finds scenes by.")] = "",
    model: Models = None,
    json: Json = False,
) -> None:
    """Rank spans of a title by a fitted probe: good ones, unlike each other, that give nothing away."""
    from mediafm.catalog import Catalog
    from mediafm.probes.saved import SavedProbe
    from mediafm.uses.promos import find_promos, parse_length

    lengths = parse_length(length)
    with progress():
        found = find_promos(
            Catalog.open(catalog), title, SavedProbe.load(probe), lengths, k, no_after or None, diversity,
            within_scenes, like_avoid or (), label or None, features or None, checkpoints(model),
        )  # fmt: skip
    if json:
        emit(found.as_json())
        return
    rows = [
        (rank, clock(p.start_s), clock(p.end_s), p.score, "" if p.likest is None else f"{p.likest:.2f}", p.text[:60])
        for rank, p in enumerate(found.promos, 1)
    ]
    name = f"{found.title}: {found.label} by {found.features}, {found.candidates} spans until {clock(found.until_s)}"
    table(name, ["", "start", "end", "score", "likest", "text"], rows)
