"""`mediafm export`."""

from pathlib import Path
from typing import Annotated

import typer

from mediafm.cli.output import CatalogOption, Json, emit, say, table
from mediafm.cli.progress import progress

_SHOWN = 6  # titles or files named in a line


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    app.command("export")(export)


def export(
    catalog: CatalogOption,
    to: Annotated[
        str,
        typer.Option(
            help="parquet, numpy, datasets, csv, fiftyone, otio, edl, markers or chapters: see docs/export.md."
        ),
    ],
    out: Annotated[str, typer.Option(help="Folder to write; it appears when all is there.")],
    features: Annotated[
        list[str] | None,
        typer.Option(help="A modality, concat, an embedding set or a clip set; default: all but concat."),
    ] = None,
    title: Annotated[list[str] | None, typer.Option(help="Titles to export; default: all.")] = None,
    hits: Annotated[Path | None, typer.Option(help="What `mediafm search --json` printed: hits to mark.")] = None,
    chapters: Annotated[
        Path | None, typer.Option(help="JSON of chapters (title, start_s, end_s, name) in place of the films' own.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Put it in place of an export that is there.")] = False,
    json: Json = False,
) -> None:
    """Hand shots, vectors and times on to other tools: tables, data sets, timelines, markers."""
    from mediafm.export import export as run

    with progress() as bar:
        done = run(
            catalog,
            to,
            out,
            features=features or None,
            titles=title or None,
            hits=hits,
            chapters=chapters,
            overwrite=overwrite,
            progress=bar,
        )
    if json:
        emit(done.as_json())
        return
    say(f"{done.titles} titles, {done.shots} shots, {done.bytes / 1e6:.1f} MB in {done.seconds:.1f} s: {done.out}")
    say("files: " + _few(done.files))
    if done.features:
        table("", ["features", "made by"], list(done.features.items()))
    for what, titles in done.told.items():
        say(f"{what.replace('_', ' ')}: {_few(titles)}")
    if done.other_hits:
        say(f"{done.other_hits} hits are of titles that were not exported and were left out")


def _few(names: list[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
