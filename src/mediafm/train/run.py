"""The loop around a trainer: evaluates, keeps the best, saves, stops."""

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mediafm.fusion import FusionStats
from mediafm.interrupts import on_interrupt
from mediafm.model import Checkpoint
from mediafm.model.folder import CURVE
from mediafm.progress import Progress
from mediafm.train.advice import judge_run
from mediafm.train.metrics import MetricsLog, read_metrics
from mediafm.train.plots import plot_loss
from mediafm.train.state import Standing, State, gather, save_state, scatter
from mediafm.train.trainer import Trainer
from mediafm.train.validation import Validation

STATE = "state"


@dataclass(frozen=True, slots=True)
class PretrainResult:
    """What `pretrain --json` prints.

    run: the folder. steps: taken in all. msm: best cosine distance on validation titles, after best_step; the run
    holds those weights. trivial: the same measure of the predictors that need no model. seconds: of training, over
    all sittings. finished: False if it was stopped and can be resumed. advice: sentences on what does not suit the
    catalogue, or went wrong.
    """

    run: str
    steps: int
    msm: float
    trivial: dict[str, float]
    seconds: float
    best_step: int
    finished: bool
    advice: list[str]


class Run:
    """A pretraining run in its folder. Every process has one; only the main one's writes.

    advice: what was to be said before the first step.
    """

    def __init__(
        self,
        out: Path,
        trainer: Trainer,
        validation: Validation,
        stats: FusionStats,
        origin: dict[str, Any],
        advice: list[str],
        progress: Progress,
    ) -> None:
        self.out, self.trainer, self.validation = out, trainer, validation
        self.stats, self.origin, self.advice, self.progress = stats, origin, advice, progress
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
            for sentence in self.advice:
                self.progress.note(sentence)
            self.progress.start("pretrain", self.trainer.steps, "step", done=self.trainer.step, parts="shots")
            with ExitStack() as stack:
                self._log = stack.enter_context(MetricsLog(self.out, self.trainer.step)) if self.world.main else None
                ctrl_c = threading.Event()
                stack.enter_context(on_interrupt(ctrl_c.set))
                if state is None:
                    self._evaluate()
                    self._save()
                self._loop(lambda: ctrl_c.is_set() or stop())
            if self.world.main:
                plot_loss(read_metrics(self.out), self.validation.trivial, self.out / CURVE)
                Checkpoint.load(self.out).write_card(self.out)  # now with the picture
            self.progress.end(msm=self.standing.best_msm, finished=self.standing.finished)
        result = self._result()
        for sentence in result.advice[len(self.advice) :]:
            self.progress.note(sentence)
        return result

    def _loop(self, stop: Callable[[], bool]) -> None:
        recipe, trainer = self.trainer.recipe, self.trainer
        while trainer.step < trainer.steps and not self._exhausted():
            if self.world.sum([float(stop())])[0]:  # all processes stop at the same step
                break
            began = time.monotonic()
            figures = trainer.take_step()
            shots = figures.pop("shots")
            self._write(**figures, shots_per_s=shots / (time.monotonic() - began))
            last = trainer.step == trainer.steps
            if last or (trainer.epoch_ended() and trainer.epochs_done() % recipe.schedule.evaluate_every == 0):
                self._evaluate()
            if trainer.step % recipe.run.save_every == 0:
                self._save()
            told: dict[str, Any] = {"epoch": f"{trainer.epochs_done()}/{recipe.schedule.epochs}"}
            told |= {name: figures[name] for name in ("loss", "objective") if name in figures}
            told |= {"msm": self.standing.best_msm, **self.validation.trivial}
            self.progress.advance(1, parts=shots, **told)
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
        elif self.trainer.predicts:  # before, no better one can be waited for
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
        at, trainer, trivial = self.standing, self.trainer, self.validation.trivial
        advice = list(self.advice)
        if at.finished:
            advice += judge_run(at.best_msm, trivial, trainer.recipe, trainer.shots, at.step, at.best_step)
        return PretrainResult(
            str(self.out), at.step, at.best_msm, trivial, at.seconds, at.best_step, at.finished, advice
        )
