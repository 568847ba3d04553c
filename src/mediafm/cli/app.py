"""The Typer application, and the one place where errors become messages and exit statuses."""

import os
import sys

import typer

from mediafm import __version__
from mediafm.cli import (
    breaks,
    catalogs,
    chapters,
    demo,
    doctor,
    evaluation,
    exporting,
    finetuning,
    hosted,
    importing,
    indexing,
    ingestion,
    mapping,
    migrating,
    promos,
    recommending,
    reencoding,
    searching,
    serving,
    tagging,
    training,
)
from mediafm.errors import MediafmError
from mediafm.storage import own_options, parse_options, set_options

app = typer.Typer(
    name="mediafm",
    help="Shot, clip and title embeddings that know their context, for film and series catalogues.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    epilog="Every command takes --json (one JSON document on standard output), --debug (tracebacks) and "
    "--storage-option KEY=VALUE (for s3:// and gs://, as often as needed).",
)
_PARTS = (
    ingestion,
    importing,
    reencoding,
    training,
    finetuning,
    evaluation,
    searching,
    tagging,
    chapters,
    promos,
    breaks,
    recommending,
    migrating,
    exporting,
    indexing,
    mapping,
    hosted,
    catalogs,
    serving,
    doctor,
    demo,
)
for part in _PARTS:
    part.register(app)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"mediafm {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show the version."),
) -> None:
    """Shot, clip and title embeddings that know their context, for film and series catalogues."""


def _with_options_taken(arguments: list[str]) -> list[str]:
    """The arguments without every `--storage-option KEY=VALUE`, which holds for all that is opened."""
    rest, pairs, left = [], [], iter(arguments)
    for argument in left:
        name, equals, value = argument.partition("=")
        if name == "--storage-option":
            pairs.append(value if equals else next(left, ""))
        else:
            rest.append(argument)
    if pairs:
        set_options({**own_options(), **parse_options(pairs)})
    return rest


def _explain(end: SystemExit) -> None:
    """Say what Typer's ends leave unsaid; it makes one of Ctrl-C and of an output that nobody reads any more."""
    if isinstance(getattr(end.__context__, "__cause__", None), KeyboardInterrupt):
        typer.echo("stopped; run the same command again to go on", err=True)
    if isinstance(end.__context__, BrokenPipeError):
        # The reader of our output (head, less) went away; that is no failure of ours.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        end.code = 0


def main() -> None:
    """Run the command line. Exit status: 0 all well, 1 something failed and is named, 2 wrong use."""
    debug = "--debug" in sys.argv
    try:
        arguments = _with_options_taken([a for a in sys.argv[1:] if a != "--debug"])
        app(args=arguments, prog_name="mediafm")
    except MediafmError as error:
        if debug:
            raise
        typer.echo(f"error: {error.message}", err=True)
        if error.remedy:
            typer.echo(f"       {error.remedy}", err=True)
        sys.exit(error.exit_status)
    except SystemExit as end:
        _explain(end)
        raise
    except Exception as error:
        if debug:
            raise
        typer.echo(f"error: unexpected {type(error).__name__}: {error}", err=True)
        typer.echo("       This is a fault in mediafm. Run again with --debug and report what it shows.", err=True)
        sys.exit(1)
