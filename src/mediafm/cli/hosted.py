"""`mediafm hosted`: clips through somebody's embedding service, with a cap on what it may cost."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mediafm.cli.output import CatalogOption, Json, emit, say
from mediafm.cli.progress import progress
from mediafm.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add this file's command."""
    app.command("hosted")(hosted)


def hosted(
    service: Annotated[str, typer.Argument(help="vertex, twelvelabs or nova; docs/hosted.md tells about them.")],
    clips: Annotated[
        Path, typer.Argument(help="Table of clips: title, start, end in seconds; a labels table will do.")
    ],
    catalog: CatalogOption,
    clip_set: Annotated[str, typer.Option("--clip-set", help="The clip set that the vectors go to.")] = "",
    max_usd: Annotated[
        float | None, typer.Option(help="No call is made that could cost more than this in all.")
    ] = None,
    workers: Annotated[int, typer.Option(help="How many clips are under way at a time.")] = 4,
    model: Annotated[str, typer.Option(help="Another model of the service than its usual one.")] = "",
    usd_per_minute: Annotated[
        float | None, typer.Option(help="The price of a minute of video, if you know a newer one.")
    ] = None,
    base_url: Annotated[str, typer.Option(help="Another address for the service, such as a proxy.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would cost; send nothing.")] = False,
    json: Json = False,
) -> None:
    """Cut clips out of the catalog's films, have a hosted service embed them, and keep the vectors as a clip set.

    The films' clips leave this machine. What was paid for is kept and never sent again.
    """
    from mediafm.encoders.hosted import load_service
    from mediafm.ingest.hosted import embed_hosted, plan_hosted

    chosen = load_service(service, model, None if usd_per_minute is None else usd_per_minute / 60)
    if dry_run:
        plan = plan_hosted(clips, catalog, chosen, clip_set, base_url=base_url).as_json()
        emit(plan) if json else _show_plan(plan)
        return
    if not clip_set or max_usd is None:
        missing = "--clip-set" if not clip_set else "--max-usd"
        raise UsageError(f"{missing} is missing.", "Name the clip set and the most you would pay, or use --dry-run.")
    with progress() as bar:
        summary = embed_hosted(
            clips, catalog, chosen, clip_set, max_usd, workers=workers, base_url=base_url, progress=bar
        )
    document = summary.as_json()
    emit(document) if json else _show(document)
    if summary.failed or summary.left:
        raise typer.Exit(1)


def _show_plan(plan: dict[str, Any]) -> None:
    price = plan["price"]
    known = ", ".join(filter(None, (price["as_of"], price["source"])))
    say(
        f"{plan['to_embed']} of {plan['clips']} clips to embed by {plan['model']}, {plan['video_s']:.0f} s of video: "
        f"{_usd(plan['usd'])} at {_usd(price['usd_per_minute'])} a minute ({known})"
    )
    say(f"{plan['from_cache']} from cache, {plan['already_there']} already there")
    _show_rows(plan)


def _show(done: dict[str, Any]) -> None:
    say(
        f"{done['embedded']} of {done['clips']} clips embedded by {done['model']}, {done['from_cache']} from cache, "
        f"{done['already_there']} already there, in {done['seconds']:.1f} s"
    )
    doubt = done["unconfirmed_usd"]
    perhaps = f", and up to {_usd(doubt)} for calls without an answer" if doubt else ""
    say(f"{_usd(done['spent_usd'])} spent of {_usd(done['max_usd'])}{perhaps}")
    if done["left"]:
        say(f"{done['left']} clips left: the cap is met; run the same command again with more --max-usd to go on")
    _show_rows(done)


def _show_rows(document: dict[str, Any]) -> None:
    for kind in ("not_evaluated", "failed"):
        for clip in document[kind]:
            span = f"{clip['title']} {clip['start_s']:g}-{clip['end_s']:g} s"
            say(f"  {kind.replace('_', ' ')}: row {clip['row']} ({span}): {clip['reason']}")


def _usd(amount: float) -> str:
    return f"${amount:.2f}" if amount >= 1 else f"${amount:.4f}"
