"""From pairs of video and caption to a `seqclip` checkpoint, and what it and its base are worth on held-out pairs."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from mediafm import __version__
from mediafm.encoders.towers import Towers
from mediafm.errors import TrainingError, UsageError
from mediafm.interrupts import on_interrupt
from mediafm.model.folder import replace_file
from mediafm.progress import SILENT, Progress
from mediafm.train.runtime import make_runtime
from mediafm.train.seqclip.checkpoint import Base, find_base
from mediafm.train.seqclip.clips import ClipStore, Found
from mediafm.train.seqclip.data import examples_of, find_clips, fingerprint_of, left_out, split_films
from mediafm.train.seqclip.network import SeqClip
from mediafm.train.seqclip.pairs import read_pairs
from mediafm.train.seqclip.recipe import SeqClipRecipe
from mediafm.train.seqclip.retrieval import Retrieval
from mediafm.train.seqclip.run import Run, State, load_run_state
from mediafm.train.seqclip.stores import ArrayStore
from mediafm.train.seqclip.trainer import Embedder, Example, Trainer

RECIPE = "recipe.toml"
NO_BETTER = (
    "Nothing measured better than before the first step, so the checkpoint still gives the mean of frames: give more "
    "pairs, let the text tower learn too (train.text), or try other rates (optimizer.rate, optimizer.tower_rate)."
)


@dataclass(frozen=True, slots=True)
class FinetuneResult:
    """What `finetune-seqclip --json` prints.

    run: the folder, which holds the weights of best_step. base, best: retrieval on validation pairs by the mean of
    frames under the base, and by the run. left_out: films that could not be read. finished: False if it was stopped and
    can be resumed. advice: sentences worth reading.
    """

    run: str
    steps: int
    best_step: int
    seconds: float
    finished: bool
    pairs: int
    validation_pairs: int
    base: Retrieval
    best: Retrieval
    left_out: list[dict[str, str]]
    advice: list[str]


def finetune(
    pairs: str | Path,
    model: str,
    out: str | Path,
    recipe: SeqClipRecipe,
    validation: str | Path = "",
    licence: str = "",
    resume: bool = False,
    progress: Progress = SILENT,
    stop: Callable[[], bool] = lambda: False,
) -> FinetuneResult:
    """Train a temporal part (and, if the recipe says so, the towers of `model`) on pairs, and write a checkpoint.

    validation: a second file of pairs; "": the films of `data.validation_share` are held out. The weights kept are
    those with the best recalls on validation pairs. Ctrl-C, or `stop` returning True, ends the run after the step in
    progress; `resume` goes on, on the CPU to the same bytes as a run that was never interrupted. Raises UsageError for
    a folder in use or another recipe, base or pairs than the run began with; TrainingError for too few pairs that can
    be read or a loss that is not finite.
    """
    out = Path(out)
    _check_folder(out, resume)
    state = load_run_state(out)
    runtime = make_runtime(recipe.run)
    base = find_base(model, licence)
    asked, held_out = read_pairs(pairs), read_pairs(validation) if validation else []
    net = SeqClip(Towers(base.weights, runtime.device.type, base.settings), recipe)
    clips = ClipStore(recipe.data.frames, net.towers.frame_side)
    found = find_clips(clips, [*asked, *held_out], progress, stop)
    training, measured = examples_of(asked, found), examples_of(held_out, found)
    if not validation:
        training, measured = split_films(training, recipe.data.validation_share, recipe.data.split_seed)
    advice = _advice(base, training, measured, found)
    facts = {
        "recipe": recipe.model_dump(mode="json"),
        "base": base.sha256,
        "pairs": fingerprint_of(training, measured),
    }
    _check(out, training, measured, facts, state)
    for sentence in advice:
        progress.note(sentence)
    replace_file(out / RECIPE, recipe.to_toml().encode())  # from here on the folder is a run
    embedder = Embedder(net, clips, ArrayStore("clip-vectors"), base.sha256, runtime)
    _prepare(embedder, [*training, *measured], progress, stop)
    origin = _origin(base, recipe, training, measured, found, facts)
    trainer = Trainer(embedder, training, recipe)
    standing = Run(out, trainer, measured, base, facts, origin, progress).go(state, stop)
    assert standing.base is not None and standing.best is not None
    if standing.finished and standing.best_step == 0:
        advice.append(NO_BETTER)
        progress.note(NO_BETTER)
    return FinetuneResult(
        str(out), standing.step, standing.best_step, standing.seconds, standing.finished, len(training), len(measured),
        standing.base, standing.best, left_out(found), advice,
    )  # fmt: skip


def _prepare(embedder: Embedder, examples: Sequence[Example], progress: Progress, stop: Callable[[], bool]) -> None:
    """Make the vectors of whatever tower is frozen, once."""
    net = embedder.net.eval()
    if not net.trains_text:
        embedder.keep_texts([example.caption for example in examples])
    if net.trains_tower:
        return
    keys = list(dict.fromkeys(example.clip for example in examples))
    ctrl_c = threading.Event()
    with on_interrupt(ctrl_c.set):
        progress.start("frames", len(keys), "clip")
        for key in keys:
            if ctrl_c.is_set() or stop():
                raise KeyboardInterrupt
            embedder.frame_vectors(key)
            progress.advance(1)
        progress.end()


def _origin(
    base: Base,
    recipe: SeqClipRecipe,
    training: Sequence[Example],
    measured: Sequence[Example],
    found: Found,
    facts: dict[str, Any],
) -> dict[str, Any]:
    data = {
        "training": len(training),
        "validation": len(measured),
        "films": len({e.film for e in training}),
        "left_out": len(found.left_out),
        "fingerprint": facts["pairs"],
    }
    return {
        "base_model": {"sha256": base.sha256, "licence": base.licence},
        "pairs": data,
        "recipe": recipe.model_dump(mode="json"),
        "versions": {"mediafm": __version__, "torch": torch.__version__},
    }


def _advice(base: Base, training: Sequence[Example], measured: Sequence[Example], found: Found) -> list[str]:
    said = []
    if base.licence == "NOASSERTION":
        said.append(f"{base.name} does not say its licence, which binds what is made of it: give it by --licence.")
    if both := {e.film for e in training} & {e.film for e in measured}:
        said.append(f"{len(both)} films are in training and in validation pairs: the measures flatter the model.")
    if measured and len({e.clip for e in measured}) < 20:
        said.append(f"Only {len({e.clip for e in measured})} clips to validate on: the measures say little.")
    return said


def _check_folder(out: Path, resume: bool) -> None:
    """The folder is new, empty or, to resume, a run's."""
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file.", "Name a folder for the run.")
    used = out.is_dir() and any(out.iterdir())
    if used and not (out / RECIPE).is_file():
        raise UsageError(f"{out} holds other things than a fine-tuning run.", "Name a new folder.")
    if used and not resume:
        raise UsageError(f"{out} holds a run already.", "Go on with it by --resume, or name another folder.")


def _check(
    out: Path, training: Sequence[Example], measured: Sequence[Example], facts: dict[str, Any], state: State | None
) -> None:
    """Enough pairs, and those that a resumed run began with."""
    if len(training) < 2 or not measured:
        raise TrainingError(
            f"{len(training)} pairs to learn from and {len(measured)} to validate on can be read: too few.",
            "Give more pairs (two films at least), or a second file by --validation.",
        )
    if state is None:
        return
    changed = [what for what in ("recipe", "base", "pairs") if state.facts[what] != facts[what]]
    if "recipe" in changed:
        changes = "; ".join(_changes(state.facts["recipe"], facts["recipe"]))
        raise UsageError(
            f"The run in {out} began with another recipe: {changes}.",
            f"Resume with {out / RECIPE}, or name a new folder.",
        )
    if changed:
        raise UsageError(
            f"The {changed[0]} changed since the run in {out} began (or other films could be read then).",
            "Resume with what it began with, or name a new folder.",
        )


def _changes(then: dict[str, Any], now: dict[str, Any]) -> list[str]:
    return [
        f"{section}.{key} = {then.get(section, {}).get(key)!r} then, {value!r} now"
        for section, values in now.items()
        for key, value in values.items()
        if then.get(section, {}).get(key) != value
    ]
