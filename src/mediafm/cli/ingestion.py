"""`mediafm ingest`, and how what fills a catalog is reported."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from mediafm.cli.output import CatalogOption, Json, emit, say
from mediafm.cli.progress import progress
from mediafm.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    app.command("ingest")(ingest)


def ingest(
    paths: Annotated[list[str], typer.Argument(help="Films, or folders (also s3://, gs://) that are searched.")],
    catalog: CatalogOption,
    preset: Annotated[
        str,
        typer.Option(
            help="offline, open, reference, reference-api, omni, or a preset TOML file; default: the catalog's, "
            "offline for a new one."
        ),
    ] = "",
    detector: Annotated[
        str, typer.Option(help="auto, transnet, content or fixed; default: the catalog's, the preset's for a new one.")
    ] = "",
    metadata: Annotated[Path | None, typer.Option(help="CSV or JSON lines with what is known of the titles.")] = None,
    language: Annotated[str, typer.Option(help="Languages of sound and subtitles, dearest first, as in de,en.")] = "",
    audio_language: Annotated[str, typer.Option(help="Of sound alone, in place of --language.")] = "",
    subtitle_language: Annotated[str, typer.Option(help="Of subtitles alone, in place of --language.")] = "",
    workers: Annotated[int, typer.Option(help="Films read at the same time; 0: one for every two processors.")] = 0,
    timeout: Annotated[float, typer.Option(help="Seconds one film may take; 0: by its size, ten minutes and up.")] = 0,
    memory: Annotated[int, typer.Option(help="Megabytes the process that reads a film may take.")] = 4096,
    engine: Annotated[str, typer.Option(help="local: this machine; ray: all machines of a Ray cluster.")] = "local",
    address: Annotated[
        str, typer.Option(help="Ray's: auto, HOST:PORT, ray://HOST:PORT, or local to start one.")
    ] = "auto",
    retries: Annotated[int, typer.Option(help="Ray: how often a title is tried again when its machine is lost.")] = 2,
    gpus: Annotated[
        float | None, typer.Option(help="Ray: share of a GPU an actor of encoders takes; 0: none. Default: one if any.")
    ] = None,
    live: Annotated[bool, typer.Option("--live", help="Follow one file or folder of segments while it grows.")] = False,
    idle: Annotated[float, typer.Option(help="With --live: seconds without growth after which it is over.")] = 60.0,
    max_cost: Annotated[
        float | None, typer.Option(help="Dollars that encoders which are paid for may cost; default: the preset's cap.")
    ] = None,
    json: Json = False,
) -> None:
    """Find shots in films, embed each shot's picture, sound and text, and store all of it in the catalog."""
    from mediafm.ingest import ingest_live
    from mediafm.media import Languages
    from mediafm.reading import Limits, few_arenas

    few_arenas()
    run = _engine(engine, address, retries, gpus)
    options: dict[str, Any] = {
        "detector": detector,
        "metadata": metadata,
        "language": Languages.chosen(language, audio_language, subtitle_language).spec,
        "limits": Limits(timeout_s=timeout, memory_mb=memory),
        **({} if max_cost is None else {"max_cost": max_cost}),
    }
    _check_together(engine, live, len(paths), max_cost)
    with progress() as bar:
        if live:
            summary = ingest_live(Path(paths[0]), catalog, preset, idle_s=idle, progress=bar, **options)
        else:
            summary = run(paths, catalog, preset, workers=workers, progress=bar, **options)
    finish(summary, json)


def _check_together(engine: str, live: bool, paths: int, max_cost: float | None) -> None:
    """UsageError for options that exclude each other."""
    if live and paths != 1:
        raise UsageError(f"--live follows one event, and {paths} are named.", "Start a command for each of them.")
    if live and engine != "local":
        raise UsageError("--live follows an event on one machine.", "Leave --engine out.")
    if engine == "ray" and max_cost is not None:
        raise UsageError(
            "--max-cost is kept by one process, and a cluster has many.",
            "Leave it out: max_cost in the preset's file holds for each machine by itself.",
        )


def _engine(name: str, address: str, retries: int, gpus: float | None) -> Callable[..., Any]:
    if name == "ray":
        from mediafm.scale import RayOptions, ingest_on_ray

        return partial(ingest_on_ray, options=RayOptions(address, retries, gpus))
    if name != "local":
        raise UsageError(f"There is no engine {name!r}.", "Choose local or ray.")
    from mediafm.ingest import ingest as on_this_machine

    return on_this_machine


def _say_live(live: dict[str, Any]) -> None:
    """Print how an event came to its end."""
    said = f"{live['title']}: {live['shots']} shots up to {live['end_s']:.1f} s"
    if live["ended"] == "interrupted":
        say(f"stopped; {said} are stored; the event had not ended: run the same command again to go on")
    elif live["ended"]:
        reasons = {"idle": "it did not grow any more", "done": "it was marked as done", "endlist": "its playlist ended"}
        say(f"{said}; the event is over: {reasons[live['ended']]}")


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
        for note in document["notes"]:
            say(f"  note: {note['title']}: {note['note']}")
        for damage in document["damaged"]:
            say(f"  damaged: {damage['title']}: {damage['reason']}")
        if "labels" in document:
            say_labels(document["labels"])
    if summary.live is not None and not as_json:
        _say_live(summary.live)
    if summary.live is not None and summary.live["ended"] == "interrupted":
        raise typer.Exit(130)
    if summary.titles_failed or document.get("labels", {}).get("failures"):
        raise typer.Exit(1)
