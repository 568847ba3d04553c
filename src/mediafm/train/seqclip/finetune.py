"""From pairs of video and caption to a `seqclip` checkpoint."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from mediafm import __version__
from mediafm.encoders.towers import Towers
from mediafm.errors import UsageError
from mediafm.interrupts import on_interrupt
from mediafm.model.folder import replace_file
from mediafm.progress import SILENT, Progress
from mediafm.train.runtime import make_runtime
from mediafm.train.seqclip.checkpoint import Base, find_base
from mediafm.train.seqclip.clips import ClipStore
from mediafm.train.seqclip.data import Data, find_data, left_out
from mediafm.train.seqclip.network import SeqClip
from mediafm.train.seqclip.recipe import SeqClipRecipe
from mediafm.train.seqclip.retrieval import Retrieval
from mediafm.train.seqclip.run import Run, State, load_run_state
from mediafm.train.seqclip.stores import ArrayStore
from mediafm.train.seqclip.trainer import Embedder, Example, Trainer

RECIPE = "recipe.toml"
FEW_CLIPS = 20
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
    run = _begin(pairs, model, out, recipe, validation, licence, state, progress, stop)
    standing = run.go(state, stop)
    assert standing.base is not None and standing.best is not None
    advice = [*run.advice]
    if standing.finished and standing.best_step == 0:
        advice.append(NO_BETTER)
        progress.note(NO_BETTER)
    data = run.data
    return FinetuneResult(
        str(out), standing.step, standing.best_step, standing.seconds, standing.finished, len(data.training),
        len(data.validation), standing.base, standing.best, left_out(data.found), advice,
    )  # fmt: skip


def _begin(
    pairs: str | Path,
    model: str,
    out: Path,
    recipe: SeqClipRecipe,
    validation: str | Path,
    licence: str,
    state: State | None,
    progress: Progress,
    stop: Callable[[], bool],
) -> Run:
    """All that a run needs, checked before the first step."""
    runtime = make_runtime(recipe.run)
    base = find_base(model, licence)
    net = SeqClip(Towers(base.weights, runtime.device.type, base.settings), recipe)
    clips = ClipStore(recipe.data.frames, net.towers.frame_side)
    data = find_data(pairs, validation, clips, recipe.data, progress, stop)
    facts = {"recipe": recipe.model_dump(mode="json"), "base": base.sha256, "pairs": data.fingerprint}
    if state is not None:
        _check_same(out, facts, state)
    advice = _advice(base, data)
    for sentence in advice:
        progress.note(sentence)
    replace_file(out / RECIPE, recipe.to_toml().encode())  # from here on the folder is a run
    embedder = Embedder(net, clips, ArrayStore("clip-vectors"), base.sha256, runtime)
    _prepare(embedder, [*data.training, *data.validation], progress, stop)
    trainer = Trainer(embedder, data.training, recipe)
    return Run(out, trainer, data, base, facts, _origin(base, recipe, data), advice, progress)


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


def _origin(base: Base, recipe: SeqClipRecipe, data: Data) -> dict[str, Any]:
    counts = {
        "training": len(data.training),
        "validation": len(data.validation),
        "films": len({e.film for e in data.training}),
        "left_out": len(data.found.left_out),
        "fingerprint": data.fingerprint,
    }
    return {
        "base_model": {"sha256": base.sha256, "licence": base.licence},
        "pairs": counts,
        "recipe": recipe.model_dump(mode="json"),
        "versions": {"mediafm": __version__, "torch": torch.__version__},
    }


def _advice(base: Base, data: Data) -> list[str]:
    said = []
    if base.licence == "NOASSERTION":
        said.append(f"{base.name} does not say its licence, which binds what is made of it: give it by --licence.")
    if both := {e.film for e in data.training} & {e.film for e in data.validation}:
        said.append(f"{len(both)} films are in training and in validation pairs: the measures flatter the model.")
    if (measured := len({e.clip for e in data.validation})) < FEW_CLIPS:
        said.append(f"Only {measured} clips to validate on: the measures say little.")
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


def _check_same(out: Path, facts: dict[str, Any], state: State) -> None:
    """UsageError unless the state was saved under this recipe, base and pairs."""
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
