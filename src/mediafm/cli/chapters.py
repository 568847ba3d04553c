"""`mediafm chapters`."""

import csv
import io
import json as json_text
from pathlib import Path
from typing import Annotated, Any

import typer

from mediafm.cli.evaluation import Models, checkpoints
from mediafm.cli.output import CatalogOption, Json, emit, say, table
from mediafm.cli.progress import progress
from mediafm.errors import UsageError

OUT_SUFFIXES = (".json", ".csv", ".vtt", ".srt")


def register(app: typer.Typer) -> None:
    """Add this file's command."""
    app.command("chapters")(chapters)


def chapters(
    catalog: CatalogOption,
    title: Annotated[list[str] | None, typer.Argument(help="Titles; default: all.")] = None,
    features: Annotated[
        str, typer.Option(help="Embedding set, modality or concat; default: the set with context.")
    ] = "",
    count: Annotated[int | None, typer.Option(help="Just so many chapters a title.")] = None,
    length: Annotated[float | None, typer.Option(help="Chapters of about so many minutes.")] = None,
    shortest: Annotated[float, typer.Option(help="No chapter is shorter, in seconds.")] = 0.0,
    probe: Annotated[Path | None, typer.Option(help="A saved probe of where scenes begin decides instead.")] = None,
    label: Annotated[str, typer.Option(help="The probe's label, where it has several.")] = "",
    out: Annotated[
        Path | None, typer.Option(help="Write them to a file as well: .json, .csv; .vtt, .srt of one title.")
    ] = None,
    model: Models = None,
    json: Json = False,
) -> None:
    """Cut titles into chapters: where the scenes change, beside the film's own chapters."""
    from mediafm.catalog import Catalog
    from mediafm.probes.saved import SavedProbe
    from mediafm.uses.chapters import HowMany, find_chapters

    if out is not None and out.suffix.lower() not in OUT_SUFFIXES:
        raise UsageError(f"Chapters are not written as {out.name}.", f"Use one of {', '.join(OUT_SUFFIXES)}.")
    how_many = HowMany(count, None if length is None else 60 * length, shortest)
    opened = Catalog.open(catalog)
    if out is not None and out.suffix.lower() in (".vtt", ".srt") and len(title or opened.title_ids()) != 1:
        raise UsageError(f"{out.name} holds the chapters of one title.", "Name one, or write .json or .csv.")
    with progress() as bar:
        saved = None if probe is None else SavedProbe.load(probe)
        found = list(
            find_chapters(
                opened, title or (), features or None, how_many, saved, label or None, checkpoints(model), bar
            )
        )
    document = {"titles": [one.as_json() for one in found]}
    if out is not None:
        _write(out, document)
    if json:
        emit(document)
        return
    for one in found:
        rows = [
            (n, clock(c.start_s), clock(c.end_s), c.end_shot - c.first_shot, ", ".join(c.words))
            for n, c in enumerate(one.chapters, 1)
        ]
        table(f"{one.title} by {one.features}", ["", "start", "end", "shots", "words"], rows)
        if one.agreement is not None:
            a = one.agreement
            say(
                f"the film's own {len(one.own)} chapters: {a.hits} of {a.hits + a.misses} boundaries met within "
                f"{a.tolerance_s:g} s, {a.false_alarms} others"
            )
        if len(one.chapters) == 1:
            say(
                f"{one.title}: no scene stands out from its neighbours; --count N or --length MINUTES cuts all the same"
            )


def clock(seconds: float) -> str:
    """Seconds as h:mm:ss.s."""
    tenths = round(seconds * 10)
    return f"{tenths // 36000}:{tenths // 600 % 60:02d}:{tenths // 10 % 60:02d}.{tenths % 10}"


def _write(out: Path, document: dict[str, Any]) -> None:
    try:
        if out.suffix.lower() in (".vtt", ".srt"):
            from mediafm.media import write_subtitles
            from mediafm.types import Cue

            (one,) = document["titles"]
            spans = [(round(c["start_s"] * 1000), round(c["end_s"] * 1000), c["name"]) for c in one["chapters"]]
            write_subtitles(out, [Cue(*span) for span in spans])
        elif out.suffix.lower() == ".json":
            out.write_text(json_text.dumps(document, indent=1), encoding="utf-8")
        else:
            text = io.StringIO()
            writer = csv.writer(text)
            writer.writerow(["title", "number", "start_s", "end_s", "name"])
            for one in document["titles"]:
                for number, c in enumerate(one["chapters"], 1):
                    writer.writerow([one["title"], number, c["start_s"], c["end_s"], c["name"]])
            out.write_text(text.getvalue(), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{out} cannot be written: {error.strerror}.", "Choose another place.") from error
