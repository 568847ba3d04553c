"""`mediafm finetune-seqclip`."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mediafm.cli.output import Json, emit, say, table
from mediafm.cli.progress import progress
from mediafm.errors import UsageError

if TYPE_CHECKING:
    from mediafm.train.seqclip import Retrieval

_COLUMNS = ("", "R@1", "R@5", "R@10", "median rank")


def register(app: typer.Typer) -> None:
    """Add this file's command."""
    app.command("finetune-seqclip")(finetune_seqclip)


def finetune_seqclip(
    pairs: Annotated[Path, typer.Option(help="JSON lines: video, caption, and start_s, end_s for a part of a film.")],
    model: Annotated[str, typer.Option(help="CLIP or SigLIP model to start from: a folder or a hub id.")],
    out: Annotated[Path | None, typer.Option(help="Folder of the run; becomes the checkpoint.")] = None,
    validation: Annotated[
        str, typer.Option(help="Held-out pairs: a file, or the share of films to hold out of --pairs; default .1.")
    ] = "",
    recipe: Annotated[str, typer.Option(help="A recipe TOML file; default: the usual values.")] = "",
    set_: Annotated[list[str] | None, typer.Option("--set", help="Change one value of the recipe: a.b=c.")] = None,
    licence: Annotated[str, typer.Option(help="The model's licence (SPDX), if its card does not say it.")] = "",
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the run's last saved state.")] = False,
    evaluate_only: Annotated[
        bool, typer.Option("--evaluate-only", help="Train nothing: measure --model, a run too, on all of --pairs.")
    ] = False,
    json: Json = False,
) -> None:
    """Fine-tune a CLIP-style tower with a temporal part on (video, caption) pairs: the seqclip encoder."""
    from mediafm.train.seqclip import load_seqclip_recipe
    from mediafm.train.seqclip.finetune import RECIPE

    changes = list(set_ or [])
    if validation and _share(validation):
        changes.append(f"data.validation_share={validation}")
        validation = ""
    if resume and not recipe and out is not None and (out / RECIPE).is_file():
        recipe = str(out / RECIPE)
    chosen = load_seqclip_recipe(recipe, changes)
    if evaluate_only:
        if out is not None or resume or validation or licence:
            raise UsageError(
                "--evaluate-only takes --pairs and --model alone.",
                "Leave --out, --resume, --validation and --licence away.",
            )
        frames = chosen.data.frames if any(change.startswith("data.frames=") for change in changes) or recipe else 0
        _evaluate(pairs, model, frames, chosen.run.device, json)
    elif out is None:
        raise UsageError("Where is the run to go?", "Name a folder by --out, or ask for --evaluate-only.")
    else:
        from mediafm.train.seqclip import finetune

        with progress() as bar:
            result = finetune(pairs, model, out, chosen, validation, licence, resume, bar)
        if json:
            emit(asdict(result))
        else:
            say(f"{out}: {result.steps} steps on {result.pairs} pairs in {result.seconds:.0f} s")
            base = f"mean of frames, {model}"
            _show({base: result.base, f"after step {result.best_step}": result.best}, result.validation_pairs)
            if not result.finished:
                say("stopped before the end and saved; the same command with --resume goes on")
            else:
                say(f'next: kind = "seqclip" and model = "{out}" under [encoders.video] of a preset file')
        _end(result.left_out, quiet=json)


def _evaluate(pairs: Path, model: str, frames: int, device: str, json: bool) -> None:
    from mediafm.train.seqclip import evaluate

    with progress() as bar:
        result = evaluate(pairs, model, frames, device, bar)
        for sentence in result.advice:
            bar.note(sentence)
    if json:
        emit(asdict(result))
    else:
        measured = {"mean of frames": result.base, model: result.model}
        _show({name: found for name, found in measured.items() if found is not None}, result.pairs)
    _end(result.left_out, quiet=json)


def _show(measured: "dict[str, Retrieval]", pairs: int) -> None:
    for way, words in (("text_to_video", "text to video"), ("video_to_text", "video to text")):
        rows = []
        for name, found in measured.items():
            r = getattr(found, way)
            rows.append([name, r.r1, r.r5, r.r10, f"{r.median_rank:g}"])
        table(f"{words}, {pairs} held-out pairs", _COLUMNS, rows)


def _end(left_out: list[dict[str, str]], quiet: bool) -> None:
    """List the films that were left out, and say so by the exit status."""
    if not left_out:
        return
    if not quiet:
        table(f"{len(left_out)} films left out", ("film", "reason"), [[f["video"], f["reason"]] for f in left_out])
    raise typer.Exit(1)


def _share(text: str) -> bool:
    """Whether the option's text is a number, and no file of that name."""
    try:
        float(text)
    except ValueError:
        return False
    return not Path(text).is_file()
