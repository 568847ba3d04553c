"""`mediafm serve`: a catalog over HTTP; `mediafm keys`: who may call it."""

from pathlib import Path
from typing import Annotated

import typer

from mediafm.cli.output import CatalogOption, Json, emit, say, table
from mediafm.errors import UsageError

keys_app = typer.Typer(no_args_is_help=True, help="Keys of those who may call a service; only hashes are kept.")
KeysOption = Annotated[Path, typer.Option("--keys", help="The file of keys.")]


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    app.command("serve")(serve)
    app.add_typer(keys_app, name="keys")


def serve(
    catalog: CatalogOption,
    host: Annotated[str, typer.Option(help="Address to serve at; any but this machine's own takes keys and TLS.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(help="Port; 0: one that is free.")] = 8780,
    keys: Annotated[Path | None, typer.Option(help="File of keys (`mediafm keys add`).")] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="Certificate, PEM.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its key, PEM.")] = None,
    behind_proxy: Annotated[bool, typer.Option("--behind-proxy", help="TLS ends at a proxy in front.")] = False,
    films: Annotated[Path | None, typer.Option(help="Folder whose films jobs may ingest.")] = None,
    runs: Annotated[
        Path | None, typer.Option(help="Folder below which runs, probe results and ablations lie, to be looked at.")
    ] = None,
    model: Annotated[list[Path] | None, typer.Option(help="Checkpoints that jobs may embed with.")] = None,
    probes: Annotated[Path | None, typer.Option(help="Folder of saved probes, for tags over a title's time.")] = None,
    preset: Annotated[
        Path | None, typer.Option(help="The preset file that the catalog was made with, to search and ingest by it.")
    ] = None,
    most_hits: Annotated[int, typer.Option(help="Hits a search gives at most.")] = 1000,
    rate: Annotated[float, typer.Option(help="Requests a second one caller may make in the long run.")] = 50.0,
    concurrency: Annotated[int, typer.Option(help="Requests at work at the same time.")] = 32,
    connections: Annotated[int, typer.Option(help="Connections open at the same time.")] = 8192,
    connections_each: Annotated[int, typer.Option(help="Those of one address; the longest idle go first.")] = 1024,
    idle: Annotated[float, typer.Option(help="Seconds a connection may take to ask something.")] = 10.0,
    stall: Annotated[
        float, typer.Option(help="Seconds in which the reader of an answer has to get on with it.")
    ] = 30.0,
    stop_after: Annotated[float, typer.Option(help="Seconds to finish what is at work when told to stop.")] = 15.0,
    audit: Annotated[Path | None, typer.Option(help="File for a line about every refusal and change.")] = None,
) -> None:
    """Serve a catalog: the API under /v1, and a page to look at it."""
    from mediafm.serve import ServeOptions
    from mediafm.serve.server import run

    options = ServeOptions(
        host=host,
        port=port,
        keys=keys,
        tls_cert=tls_cert,
        tls_key=tls_key,
        behind_proxy=behind_proxy,
        films=films,
        runs=runs,
        most_hits=most_hits,
        rate_per_s=rate,
        burst=max(1, round(4 * rate)),
        concurrency=concurrency,
        connections=connections,
        connections_each=connections_each,
        idle_s=idle,
        stall_s=stall,
        stop_s=stop_after,
        audit=audit,
        probes=probes,
        preset=preset,
    )
    models = {path.resolve().name: path.resolve() for path in model or []}
    if len(models) < len(model or []):
        raise UsageError("Two checkpoints have the same name.", "Jobs name them by their folder: rename one.")
    run(catalog, options, models, tell=lambda address: say(f"serving {catalog} at {address} (Ctrl-C ends it)"))


@keys_app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="Whose key it is.")],
    keys: KeysOption,
    role: Annotated[str, typer.Option(help="read, write (jobs) or admin.")] = "read",
    json: Json = False,
) -> None:
    """Make a key; it is shown this once."""
    from mediafm.serve.keys import add_key

    key = add_key(keys, name, role)
    emit({"name": name, "role": role, "key": key}) if json else say(key)


@keys_app.command("list")
def list_(keys: KeysOption, json: Json = False) -> None:
    """Whose keys there are."""
    from mediafm.serve.keys import read_keys

    found = read_keys(keys)
    if json:
        emit({"keys": [{"name": k.name, "role": k.role, "made": k.made} for k in found]})
        return
    table("", ["name", "role", "made"], [(k.name, k.role, k.made) for k in found])


@keys_app.command("remove")
def remove(name: Annotated[str, typer.Argument(help="Whose key.")], keys: KeysOption) -> None:
    """Take a key out; it is refused from the next request on."""
    from mediafm.serve.keys import remove_key

    remove_key(keys, name)
