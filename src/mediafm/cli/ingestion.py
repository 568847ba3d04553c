"""`mediafm ingest` and `mediafm import`: what fills a catalog."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mediafm.cli.output import CatalogOption, Json, emit, say
from mediafm.cli.progress import progress


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    app.command("ingest")(ingest)
    app.command("import")(import_)


def ingest(
    paths: Annotated[list[Path], typer.Argument(help="Films, or folders that are searched for films.")],
    catalog: CatalogOption,
    preset: Annotated[str, typer.Option(help="offline, open, reference, or a preset TOML file.")] = "offline",
    detector: Annotated[str, typer.Option(help="transnet, content or fixed; default: the preset's.")] = "",
    metadata: Annotated[Path | None, typer.Option(help="CSV or JSON lines with what is known of the titles.")] = None,
    language: Annotated[str, typer.Option(help="Preferred language of sound and subtitles, as in film.en.srt.")] = "",
    json: Json = False,
) -> None:
    """Find shots in films, embed each shot's picture, sound and text, and store all of it in the catalog."""
    from mediafm.ingest import ingest as run

    with progress() as bar:
        summary = run(paths, catalog, preset, detector=detector, metadata=metadata, language=language, progress=bar)
    _finish(summary, json)


def import_(
    shots: Annotated[Path, typer.Argument(help="Parquet table: title_id, shot, start_s, end_s, vector columns.")],
    catalog: CatalogOption,
    titles: Annotated[Path | None, typer.Option(help="Parquet table: title_id and metadata.")] = None,
    video: Annotated[str, typer.Option(help="Vector column for picture.")] = "",
    audio: Annotated[str, typer.Option(help="Vector column for sound.")] = "",
    text: Annotated[str, typer.Option(help="Vector column for timed text.")] = "",
    text_from: Annotated[str, typer.Option(help="String column to embed as timed text.")] = "",
    preset: Annotated[
        str, typer.Option(help="The preset whose text encoder embeds --text-from and metadata.")
    ] = "offline",
    json: Json = False,
) -> None:
    """Bring your own features: precomputed vectors enter the catalog as equals of ingested ones."""
    from mediafm.ingest import import_catalogue as run
    from mediafm.types import Modality

    named: dict[Modality, str] = {"video": video, "audio": audio, "text": text}
    columns = {modality: column for modality, column in named.items() if column}
    with progress() as bar:
        summary = run(shots, titles, catalog, columns, text_from=text_from, preset_name=preset, progress=bar)
    _finish(summary, json)


def _finish(summary: Any, as_json: bool) -> None:
    document = summary.as_json()
    if as_json:
        emit(document)
    else:
        say(
            f"{summary.titles_ok} titles stored with {summary.shots} shots, {summary.titles_skipped} already there, "
            f"{summary.titles_failed} failed, in {summary.seconds:.1f} s (peak memory {summary.peak_rss_mb:.0f} MB)"
        )
        for failure in document["failures"]:
            say(f"  failed: {failure['title']}: {failure['reason']}")
        for damage in document["damaged"]:
            say(f"  damaged: {damage['title']}: {damage['reason']}")
    if summary.titles_failed:
        raise typer.Exit(1)
