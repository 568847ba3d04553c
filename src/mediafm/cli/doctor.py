"""`mediafm doctor`: what can run here, and what each preset would need, download and cost."""

from typing import Annotated, Any

import typer

from mediafm.cli.output import Json, emit, say, table


def register(app: typer.Typer) -> None:
    """Add this file's command."""
    app.command("doctor")(doctor)


def doctor(
    preset: Annotated[
        list[str] | None, typer.Option(help="A preset to look at, by name or TOML file; may be repeated. Default: all.")
    ] = None,
    network: Annotated[
        bool, typer.Option("--network/--no-network", help="Ask the hub for the sizes of models (two seconds at most).")
    ] = True,
    json: Json = False,
) -> None:
    """Say what can run on this machine, and what each preset would need, download and cost an hour of video.

    Exit status 1 only if the preset `offline`, which needs nothing from outside, cannot run.
    """
    from mediafm.doctor import diagnose

    found = diagnose(preset or (), network)
    document = found.as_json()
    emit(document) if json else _show(document)
    if not found.offline_runs:
        raise typer.Exit(1)


def _show(document: dict[str, Any]) -> None:
    table("This machine", ("", "found"), _machine_rows(document))
    for preset in document["presets"]:
        _show_preset(preset)
    say(
        f"Costs are for {document['tokens_per_hour']:.0f} tokens an hour: speech without a pause. Most films have half."
    )
    for problem in document["problems"]:
        say(f"! {problem['problem']} {problem['remedy']}")
    say("The preset offline can run here." if document["offline_runs"] else "The preset offline cannot run here.")


def _machine_rows(document: dict[str, Any]) -> list[tuple[str, str]]:
    about, torch, reads = document["machine"], document["torch"], document["ffmpeg"]
    closed = {"network": document["readers"]["network_closed"], "files": document["readers"]["files_closed"]}
    yes = [name for name, there in reads["decodes"].items() if there]
    no = [name for name, there in reads["decodes"].items() if not there]
    rows = [
        ("mediafm", f"{about['mediafm']}, Python {about['python']}"),
        ("system", f"{about['system']}, {about['processors']} processors"),
        ("memory", f"{_size(about['memory_free_bytes'])} free of {_size(about['memory_bytes'])}"),
        ("PyTorch", torch.get("error") or _torch(torch)),
        ("FFmpeg", f"libavcodec {reads['libraries'].get('libavcodec', '?')}"),
        ("decodes", ", ".join(yes) + (f"; not {', '.join(no)}" if no else "")),
        (
            "readers",
            document["readers"]["trouble"] or ", ".join(f"{w} {'closed' if c else 'OPEN'}" for w, c in closed.items()),
        ),
    ]
    rows += [
        (f["use"], f"{f['path']}: {_size(f['free_bytes'])} free{'' if f['writable'] else ', NOT WRITABLE'}")
        for f in document["folders"]
    ]
    hub = {True: "answers", False: "not asked, or no answer", None: "not needed"}[document["hub_reachable"]]
    return [*rows, ("hub", hub)]


def _torch(torch: dict[str, Any]) -> str:
    if not torch["cuda"]:
        return f"{torch['torch']}, no CUDA, {torch['threads']} threads"
    cards = ", ".join(f"{d['name']} ({_size(d['memory_bytes'])})" for d in torch["devices"])
    return f"{torch['torch']}, CUDA {torch['cuda_version']}: {cards}; bf16 {'yes' if torch['bf16'] else 'no'}"


def _show_preset(preset: dict[str, Any]) -> None:
    rows = []
    for e in preset["encoders"]:
        weights = e["weights"]
        if weights == "to download":
            about = "" if e["bytes"] is None or e["bytes_from"] == "the hub" else "about "
            weights = f"to download, {about}{_size(e['bytes'])}"
        elif e["bytes"]:
            weights = f"{weights}, {_size(e['bytes'])}"
        state = f"{weights}; NOT READY, see below" if e["missing"] else weights
        rows.append((e["modality"], e["model"] or e["kind"], e["dim"] or "?", e["licence"], state))
    usd = preset["usd_per_hour"]
    cost = "price unknown" if usd is None else f"${usd:.4f} an hour" if usd else "free of charge"
    size = preset["download_bytes"]
    download = "nothing to download" if size == 0 else f"{_size(size)} of models"
    runs = "cannot run yet" if not preset["runs"] else "can run" if size == 0 else "can run once it is downloaded"
    table(f"{preset['name']}: {runs}, {download}, {cost}", ("modality", "model", "numbers", "licence", "weights"), rows)


def _size(nbytes: int | None) -> str:
    if nbytes is None:
        return "unknown size"
    return f"{nbytes / 1e9:.1f} GB" if nbytes >= 1e9 else f"{nbytes / 1e6:.0f} MB"
