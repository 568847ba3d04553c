"""`mediafm ingest`, and how what fills a catalog is reported."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mediafm.cli.output import CatalogOption, Json, emit, say
from mediafm.cli.progress import progress


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    app.command("ingest")(ingest)


def ingest(
    paths: Annotated[list[Path], typer.Argument(help="Films, or folders that are searched for films.")],
    catalog: CatalogOption,
    preset: Annotated[
        str, typer.Option(help="offline, open, reference, reference-api, or a preset TOML file.")
    ] = "offline",
    detector: Annotated[str, typer.Option(help="auto, transnet, content or fixed; default: the preset's.")] = "",
    metadata: Annotated[Path | None, typer.Option(help="CSV or JSON lines with what is known of the titles.")] = None,
    language: Annotated[str, typer.Option(help="Preferred language of sound and subtitles, as in film.en.srt.")] = "",
    workers: Annotated[int, typer.Option(help="Films read at the same time; 0: one for every two processors.")] = 0,
    timeout: Annotated[float, typer.Option(help="Seconds one film may take; 0: by its size, ten minutes and up.")] = 0,
    memory: Annotated[int, typer.Option(help="Megabytes the process that reads a film may take.")] = 4096,
    max_cost: Annotated[
        float | None, typer.Option(help="Dollars that encoders which are paid for may cost; default: the preset's cap.")
    ] = None,
    json: Json = False,
) -> None:
    """Find shots in films, embed each shot's picture, sound and text, and store all of it in the catalog."""
    from mediafm.ingest import ingest as run
    from mediafm.reading import Limits, few_arenas

    few_arenas()
    with progress() as bar:
        summary = run(
            paths,
            catalog,
            preset,
            detector=detector,
            metadata=metadata,
            language=language,
            workers=workers,
            limits=Limits(timeout_s=timeout, memory_mb=memory),
            max_cost=max_cost,
            progress=bar,
        )
    finish(summary, json)


def say_labels(document: dict[str, Any]) -> None:
    """Print what became of annotations."""
    where = f" in {document['table']}; task: {document['task']}" if document["titles"] else ""
    say(f"{document['scenes']} scenes of {document['titles']} titles labelled{where}")
    for failure in document["failures"]:
        say(f"  not labelled: {failure['title']}: {failure['reason']}")
    for note in document["notes"]:
        say(f"  note: {note['title']}: {note['note']}")


def finish(summary: Any, as_json: bool) -> None:
    """Print what was stored; exit status 1 where something failed."""
    document = summary.as_json()
    if as_json:
        emit(document)
    elif summary.clips is not None:
        say(
            f"{summary.clips} clips of {summary.titles_ok} titles stored, "
            f"{summary.titles_skipped} titles already there, in {summary.seconds:.1f} s"
        )
    else:
        say(
            f"{summary.titles_ok} titles stored with {summary.shots} shots, {summary.titles_skipped} already there, "
            f"{summary.titles_failed} failed, in {summary.seconds:.1f} s (peak memory {summary.peak_rss_mb:.0f} MB)"
        )
        for failure in document["failures"]:
            say(f"  failed: {failure['title']}: {failure['reason']}")
        for damage in document["damaged"]:
            say(f"  damaged: {damage['title']}: {damage['reason']}")
        if "labels" in document:
            say_labels(document["labels"])
    if summary.titles_failed or document.get("labels", {}).get("failures"):
        raise typer.Exit(1)
