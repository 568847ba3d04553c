"""`mediafm import`, of features, clips or a public data set's folder; `mediafm labels`, of its annotations."""

from pathlib import Path
from typing import Annotated

import typer

from mediafm.cli.ingestion import finish, say_labels
from mediafm.cli.output import CatalogOption, Json, emit
from mediafm.cli.progress import progress
from mediafm.errors import UsageError

Fps = Annotated[
    float, typer.Option(min=0, help="Pictures a second of the annotated films, where it must or should be said.")
]


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    app.command("import")(import_)
    app.command("labels")(labels)


def import_(
    table: Annotated[
        Path,
        typer.Argument(
            help="Table of shots (title_id, shot, start_s, end_s, vectors), or of clips; with --layout a folder"
        ),
    ],
    catalog: CatalogOption,
    titles: Annotated[Path | None, typer.Option(help="Parquet table: title_id and metadata.")] = None,
    video: Annotated[str, typer.Option(help="Vector column for picture.")] = "",
    audio: Annotated[str, typer.Option(help="Vector column for sound.")] = "",
    text: Annotated[str, typer.Option(help="Vector column for timed text.")] = "",
    text_from: Annotated[str, typer.Option(help="String column to embed as timed text.")] = "",
    words: Annotated[
        str, typer.Option(help="String column to keep as what is said, where --text has its vectors or none are made.")
    ] = "",
    preset: Annotated[
        str, typer.Option(help="The preset whose encoders embed --text-from and metadata, or a folder's keyframes.")
    ] = "offline",
    clip_set: Annotated[
        str,
        typer.Option(
            "--clip-set", help="The table holds clips (title, start, end, vector) for this set, beside the features."
        ),
    ] = "",
    source: Annotated[str, typer.Option(help="What made the clip vectors, in words; default: the file's name.")] = "",
    vector: Annotated[str, typer.Option(help="Column of the clip vectors; default: vector or embedding.")] = "",
    replace: Annotated[bool, typer.Option("--replace", help="Put it in place of another clip set.")] = False,
    layout: Annotated[str, typer.Option(help="movienet: a folder of shots, keyframes, subtitles and labels.")] = "",
    labels_out: Annotated[
        Path | None, typer.Option(help="With --layout: folder for labels and task; default: the catalog's, + -labels.")
    ] = None,
    fps: Fps = 0.0,
    json: Json = False,
) -> None:
    """Bring your own features, or MovieNet: both enter the catalog as equals of ingested films.

    With --clip-set, other people's vectors of clips instead, for probes to compare with.
    """
    if layout:
        if titles or video or audio or text or text_from or words or clip_set:
            raise UsageError("--titles, columns and --clip-set belong to tables.", "Leave them out with --layout.")
        _import_folder(table, catalog, preset, layout, labels_out, fps, json)
        return
    if labels_out or fps:
        raise UsageError("--labels-out and --fps belong to a folder.", "Give --layout as well.")
    from mediafm.ingest import import_catalogue, import_clip_set
    from mediafm.types import Modality

    named: dict[Modality, str] = {"video": video, "audio": audio, "text": text}
    columns = {modality: column for modality, column in named.items() if column}
    _refuse_both(bool(clip_set), bool(titles or columns or text_from or words), bool(source or vector or replace))
    with progress() as bar:
        if clip_set:
            summary = import_clip_set(
                table, catalog, clip_set, source=source, vector_column=vector, replace=replace, progress=bar
            )
        else:
            summary = import_catalogue(
                table, titles, catalog, columns, text_from=text_from, words=words, preset_name=preset, progress=bar
            )
    finish(summary, json)


def labels(
    annotations: Annotated[Path, typer.Argument(help="Folder of published scene annotations, or one OVSD file.")],
    layout: Annotated[str, typer.Option(help="movienet, ovsd or bbc.")],
    catalog: CatalogOption,
    out: Annotated[Path, typer.Option(help="Folder for scenes.csv and scenes.toml.")],
    fps: Fps = 0.0,
    annotator: Annotated[str, typer.Option(help="bbc: a folder's name or number, or majority; default: first.")] = "",
    json: Json = False,
) -> None:
    """Turn published scene annotations into a table of labels and a task for `probe`, checked against a catalog."""
    from mediafm.catalog import Catalog
    from mediafm.ingest import write_scene_labels
    from mediafm.layouts import layout_named, read_scenes

    found = read_scenes(annotations, layout_named(layout), annotator)
    document = write_scene_labels(found, Catalog.open(catalog), out, fps=fps).as_json()
    if json:
        emit(document)
    else:
        say_labels(document)
    if document["failures"]:
        raise typer.Exit(1)


def _import_folder(
    root: Path, catalog: str, preset: str, layout: str, labels_out: Path | None, fps: float, as_json: bool
) -> None:
    from mediafm.ingest import import_movienet as run
    from mediafm.layouts import layout_named

    if layout_named(layout) != "movienet":
        raise UsageError(
            f"There are no features to import from layout {layout!r}.",
            "Ingest the films, then turn their annotations into labels with `mediafm labels`.",
        )
    with progress() as bar:
        summary = run(root, catalog, preset, fps=fps, labels_out=labels_out, progress=bar)
    finish(summary, as_json)


def _refuse_both(clips: bool, features: bool, of_clips: bool) -> None:
    """An import is of features or of clips; options of the one mean nothing for the other."""
    if clips and features:
        raise UsageError(
            "A table holds features (--titles, --video, --audio, --text, --text-from) or clips (--clip-set), not both.",
            "Import the two tables one after the other.",
        )
    if of_clips and not clips:
        raise UsageError("--source, --vector and --replace are about a clip set, and none is named.", "Add --clip-set.")
