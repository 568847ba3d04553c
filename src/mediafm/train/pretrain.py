"""Masked Shot Modeling over a catalog: from a recipe to a checkpoint."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from mediafm import __version__
from mediafm.config import Recipe
from mediafm.errors import UsageError
from mediafm.fusion import FusionSpec, FusionStats
from mediafm.model import Checkpoint
from mediafm.model.folder import replace_file
from mediafm.progress import SILENT, Progress
from mediafm.sequences import FeatureCache, FeatureSource, encoder_facts
from mediafm.train.distributed import World
from mediafm.train.interrupt import interrupted
from mediafm.train.metrics import MetricsLog, read_metrics
from mediafm.train.plots import plot_loss
from mediafm.train.runtime import Runtime, make_runtime
from mediafm.train.split import choose_split
from mediafm.train.state import Standing, State, gather, load_state, save_state, scatter
from mediafm.train.trainer import Trainer
from mediafm.train.validation import Validation

RECIPE, STATE, PICTURE = "recipe.toml", "state", "loss.png"


@dataclass(frozen=True, slots=True)
class PretrainResult:
    """What `pretrain --json` prints.

    run: the folder. steps: taken in all. msm: best cosine distance on validation titles, after best_step; the run
    holds those weights. trivial: the same measure of the predictors that need no model. seconds: of training, over
    all sittings. finished: False if it was stopped and can be resumed.
    """

    run: str
    steps: int
    msm: float
    trivial: dict[str, float]
    seconds: float
    best_step: int
    finished: bool


def pretrain(
    catalog: FeatureSource,
    out: str | Path,
    recipe: Recipe,
    resume: bool = False,
    progress: Progress = SILENT,
    stop: Callable[[], bool] = lambda: False,
) -> PretrainResult:
    """Train a shot transformer on all titles of a catalog and write a checkpoint, metrics and a picture to `out`.

    The weights kept are those with the lowest loss on validation titles. Ctrl-C, or `stop` returning True, ends the
    run after the step in progress; `resume` goes on from the last saved state, on the CPU to the same bytes as a run
    that was never interrupted. UsageError for a folder in use or another recipe or catalog than the run began with;
    TrainingError for too little data or a loss that is not finite.
    """
    out = Path(out)
    state = _open_run(out, resume)
    runtime = make_runtime(recipe.run)
    with World.from_environment(runtime.device) as world:
        runtime = replace(runtime, device=world.device)
        return _prepare(catalog, out, recipe, runtime, world, state, progress).go(state, stop)


def _prepare(
    catalog: FeatureSource,
    out: Path,
    recipe: Recipe,
    runtime: Runtime,
    world: World,
    state: State | None,
    progress: Progress,
) -> "_Run":
    """All that a run needs, checked before the first step. Only the main process writes and reports."""
    cache = FeatureCache.open(catalog, progress=progress if world.main else SILENT)
    if state is not None:
        _check_same(state, recipe, cache, out)
    split = choose_split(cache, recipe.data)
    world.barrier()  # every process has seen the folder as it was
    if world.main:
        replace_file(out / RECIPE, recipe.to_toml().encode())  # from here on the folder is a run
    stats = FusionStats.fit(cache.iter_features(split.training), FusionSpec(cache.dims, recipe.fusion.centring))
    trainer = Trainer(cache, stats, split.training, recipe, runtime, world)
    validation = Validation(cache, stats, split.validation, recipe.data.window, recipe.data.micro_shots)
    origin = {
        "catalog": {"fingerprint": cache.fingerprint, "titles": len(split.training), "shots": trainer.shots},
        "preset": catalog.spec.preset,
        "detector": catalog.spec.detector,
        "encoders": encoder_facts(catalog),
        "recipe": recipe.model_dump(mode="json"),
        "seed": recipe.run.seed,
        "versions": {"mediafm": __version__, "torch": torch.__version__},
    }
    return _Run(out, trainer, validation, stats, origin, progress if world.main else SILENT)


class _Run:
    """The loop around a trainer: evaluates, keeps the best, saves, stops."""

    def __init__(
        self,
        out: Path,
        trainer: Trainer,
        validation: Validation,
        stats: FusionStats,
        origin: dict[str, Any],
        progress: Progress,
    ) -> None:
        self.out, self.trainer, self.validation = out, trainer, validation
        self.stats, self.origin, self.progress = stats, origin, progress
        self.world = trainer.world
        self.standing = Standing(0, float("inf"), 0, 0, 0.0, False)

    def go(self, state: State | None, stop: Callable[[], bool]) -> PretrainResult:
        """From the state, or from the beginning, to the end or until stopped."""
        if state is not None:
            scatter(state.tensors, self.trainer.learner, self.trainer.optimizers)
            self.trainer.step, self.standing = state.standing.step, state.standing
        self._log: MetricsLog | None = None
        self._began = time.monotonic() - self.standing.seconds
        if not self.standing.finished:
            self.progress.start("pretrain", self.trainer.steps, "step")
            self.progress.advance(self.trainer.step)
            with ExitStack() as stack:
                self._log = stack.enter_context(MetricsLog(self.out, self.trainer.step)) if self.world.main else None
                ctrl_c = stack.enter_context(interrupted())
                if state is None:
                    self._evaluate()
                    self._save()
                self._loop(lambda: ctrl_c() or stop())
            if self.world.main:
                plot_loss(read_metrics(self.out), self.validation.trivial, self.out / PICTURE)
            self.progress.end(msm=self.standing.best_msm, finished=self.standing.finished)
        return self._result()

    def _loop(self, stop: Callable[[], bool]) -> None:
        recipe, trainer = self.trainer.recipe, self.trainer
        while trainer.step < trainer.steps and not self._exhausted():
            if self.world.sum([float(stop())])[0]:  # all processes stop at the same step
                break
            began = time.monotonic()
            figures = trainer.take_step()
            figures["shots_per_s"] = figures.pop("shots") / (time.monotonic() - began)
            self._write(**figures)
            last = trainer.step == trainer.steps
            if last or (trainer.epoch_ended() and trainer.epochs_done() % recipe.schedule.evaluate_every == 0):
                self._evaluate()
            if trainer.step % recipe.run.save_every == 0:
                self._save()
            told = {name: figures[name] for name in ("loss", "objective", "shots_per_s") if name in figures}
            self.progress.advance(1, **told, msm=self.standing.best_msm, **self.validation.trivial)
        finished = trainer.step == trainer.steps or self._exhausted()
        self.standing = replace(self.standing, finished=finished)
        self._save()

    def _exhausted(self) -> bool:
        return 0 < self.trainer.recipe.schedule.patience <= self.standing.waited

    def _evaluate(self) -> None:
        msm = self.validation.evaluate(self.trainer.model, self.trainer.runtime, self.world)
        self._write(msm=msm, **self.validation.trivial)
        if msm < self.standing.best_msm:
            self.standing = replace(self.standing, best_msm=msm, best_step=self.trainer.step, waited=0)
            self._keep()
        else:
            self.standing = replace(self.standing, waited=self.standing.waited + 1)

    def _keep(self) -> None:
        """Write the weights as they are as the run's checkpoint."""
        if not self.world.main:
            return
        metrics = {
            "msm": self.standing.best_msm,
            "trivial": self.validation.trivial,
            "validation_shots": self.validation.shots,
        }
        origin = {**self.origin, "steps": self.trainer.step}
        meta, arrays = self.stats.to_meta(), self.stats.to_arrays()
        Checkpoint(self.trainer.model, meta, arrays, origin, metrics, self.out.resolve().name).save(self.out)

    def _write(self, **figures: float) -> None:
        if self._log is not None:
            self._log.write(self.trainer.step, **figures)

    def _save(self) -> None:
        seconds = time.monotonic() - self._began
        self.standing = replace(self.standing, step=self.trainer.step, seconds=seconds)
        if self._log is None:
            return
        self._log.flush()
        tensors = gather(self.trainer.learner, self.trainer.optimizers)
        catalog = self.origin["catalog"]["fingerprint"]
        save_state(self.out / STATE, State(self.standing, self.origin["recipe"], catalog, tensors))

    def _result(self) -> PretrainResult:
        at = self.standing
        return PretrainResult(
            str(self.out), at.step, at.best_msm, self.validation.trivial, at.seconds, at.best_step, at.finished
        )


def _open_run(out: Path, resume: bool) -> State | None:
    """The state to go on from, None to begin. The folder is new, empty or, to resume, a run's."""
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file.", "Name a folder for the run.")
    used = out.is_dir() and any(out.iterdir())
    if used and not (out / RECIPE).is_file():
        raise UsageError(f"{out} holds other things than a pretraining run.", "Name a new folder.")
    if used and not resume:
        raise UsageError(f"{out} holds a run already.", "Go on with it by --resume, or name another folder.")
    return load_state(out / STATE)


def _check_same(state: State, recipe: Recipe, cache: FeatureCache, out: Path) -> None:
    """UsageError unless the state was saved under this recipe and catalog."""
    now = recipe.model_dump(mode="json")
    changed = [
        f"{section}.{key} = {state.recipe.get(section, {}).get(key)!r} then, {value!r} now"
        for section, values in now.items()
        for key, value in values.items()
        if state.recipe.get(section, {}).get(key) != value
    ]
    if changed:
        raise UsageError(
            f"The run in {out} began with another recipe: {'; '.join(changed)}.",
            f"Resume with {out / RECIPE}, or name a new folder.",
        )
    if state.catalog != cache.fingerprint:
        raise UsageError(
            f"The catalog changed since the run in {out} began (fingerprint {state.catalog[:12]} then, "
            f"{cache.fingerprint[:12]} now).",
            "Resume on the catalog it began with, or train anew into a new folder.",
        )
