"""`mediafm demo`: the whole life of a film, on generated films or on the user's own."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from mediafm.cli.output import Json, emit, say
from mediafm.cli.progress import progress


def register(app: typer.Typer) -> None:
    """Add this file's command."""
    app.command("demo")(demo)


def demo(
    films: Annotated[list[Path] | None, typer.Argument(help="Your own films; default: a generated catalogue.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for everything the demo makes.")] = Path("demo"),
    json: Json = False,
) -> None:
    """Films in, a report out: ingest, pretrain, embed, probe, search, and a page that shows what came of it."""
    from mediafm.demo import run_demo

    with progress() as bar:
        result = run_demo(out, films or [], progress=bar)
    if json:
        emit(result.as_json())
    else:
        say(f"open {result.report}")
        say("or the page of the service on all of it, http://127.0.0.1:8780/ after")
        say(shlex.join([_myself(), "serve", *result.serve]))
    if result.failures:
        raise typer.Exit(1)


def _myself() -> str:
    """How this command was called, if it can be called so again."""
    return sys.argv[0] if Path(sys.argv[0]).name == "mediafm" else "mediafm"
