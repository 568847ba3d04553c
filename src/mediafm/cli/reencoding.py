"""`mediafm reencode`: other encoders for a catalog, modality by modality."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mediafm.cli.output import CatalogOption, Json, emit, say
from mediafm.cli.progress import progress
from mediafm.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add this file's command."""
    app.command("reencode")(reencode)


def reencode(
    catalog: CatalogOption,
    films: Annotated[
        list[Path] | None, typer.Argument(help="Films, or folders of them, that are no longer where they were.")
    ] = None,
    preset: Annotated[str, typer.Option(help="Whose encoders the catalog shall have: a name or a TOML file.")] = "",
    modality: Annotated[
        list[str] | None,
        typer.Option(help="video, audio or text: take only this one from the preset. May be repeated."),
    ] = None,
    language: Annotated[str, typer.Option(help="Preferred language of sound; default: each film's as it was.")] = "",
    workers: Annotated[int, typer.Option(help="Films read at the same time; 0: one for every two processors.")] = 0,
    timeout: Annotated[float, typer.Option(help="Seconds one film may take; 0: by its size, ten minutes and up.")] = 0,
    memory: Annotated[int, typer.Option(help="Megabytes the process that reads a film may take.")] = 4096,
    max_cost: Annotated[
        float | None, typer.Option(help="Dollars that encoders which are paid for may cost; default: the preset's cap.")
    ] = None,
    leave_out: Annotated[
        bool, typer.Option("--leave-out-failed", help="Titles that cannot be re-done leave the catalog.")
    ] = False,
    abandon: Annotated[bool, typer.Option("--abandon", help="Give up the re-encoding that is under way.")] = False,
    json: Json = False,
) -> None:
    """Re-do the modalities whose encoder a preset changes or adds, drop those it lacks, and copy all others.

    Text is made from the stored words; no film is touched. The catalog stays what it was until all titles are done.
    """
    if abandon:
        _abandon(catalog, json)
        return
    if not preset:
        raise UsageError("--preset is missing.", "Name the preset whose encoders the catalog shall have.")
    from mediafm.ingest import reencode as run
    from mediafm.reading import Limits, few_arenas

    few_arenas()
    with progress() as bar:
        summary = run(
            catalog,
            preset,
            modality or (),
            films=films or (),
            language=language,
            workers=workers,
            limits=Limits(timeout_s=timeout, memory_mb=memory),
            max_cost=max_cost,
            leave_out=leave_out,
            progress=bar,
        )
    document = summary.as_json()
    emit(document) if json else _show(document)
    if document["failures"] or not document["switched"]:
        raise typer.Exit(1)


def _abandon(catalog: str, json: bool) -> None:
    from mediafm.catalog import Catalog, ReEncoding

    was = ReEncoding.abandon(Catalog.open(catalog))
    if json:
        emit({"abandoned": was})
    else:
        say("The re-encoding is given up; the catalog is what it was." if was else "No re-encoding is under way.")


def _show(done: dict[str, Any]) -> None:
    parts = [f"{', '.join(done[what])} {what}" for what in ("redone", "added", "dropped") if done[what]]
    if not parts:
        say("Nothing to do: the catalog has these encoders.")
        return
    say(f"{'; '.join(parts)}: {done['titles_ok']} titles with {done['shots']} shots in {done['seconds']:.1f} s")
    for failure in done["failures"]:
        say(f"  failed: {failure['title']}: {failure['reason']}")
    if done["switched"]:
        say("The catalog has the new vectors now. Context embeddings were of the old ones: embed again.")
    else:
        say(
            f"{done['titles_left']} titles are left, so the catalog stays what it was. Run the same command again to "
            "go on, with --leave-out-failed to do without them, or with --abandon to give up."
        )
