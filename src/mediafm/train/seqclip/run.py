"""The loop around a trainer: evaluates, keeps the best, saves, stops."""

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from mediafm.encoders.seqclip import read_config
from mediafm.interrupts import on_interrupt
from mediafm.model.folder import CURVE, ORIGIN, read_json
from mediafm.progress import Progress
from mediafm.train.metrics import MetricsLog, read_metrics
from mediafm.train.seqclip.checkpoint import Base, write_card, write_checkpoint
from mediafm.train.seqclip.data import Data
from mediafm.train.seqclip.evaluation import evaluate_network
from mediafm.train.seqclip.plots import plot_run
from mediafm.train.seqclip.retrieval import Recalls, Retrieval
from mediafm.train.seqclip.trainer import Trainer
from mediafm.train.state import gather_optimizers, load_tensors, save_tensors, scatter_optimizers

STATE = "state"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a run stands. base: before the first step. best: after `best_step`; waited: evaluations since. seconds:
    spent so far.
    """

    step: int
    best_step: int
    waited: int
    seconds: float
    finished: bool
    base: Retrieval | None = None
    best: Retrieval | None = None


@dataclass(frozen=True, slots=True)
class State:
    """standing, what it belongs to (recipe, pairs, base), and the tensors of whatever learns by name."""

    standing: Standing
    facts: dict[str, Any]
    tensors: dict[str, Tensor]


def load_run_state(folder: Path) -> State | None:
    """A run's saved state; None if it has none, TrainingError if it is damaged."""
    return load_tensors(folder / STATE, lambda held, tensors: State(_standing(held), held["facts"], tensors))


def _standing(held: dict[str, Any]) -> Standing:
    values = dict(held["standing"])
    for key in ("base", "best"):
        if values[key] is not None:
            values[key] = Retrieval(**{way: Recalls(**recalls) for way, recalls in values[key].items()})
    return Standing(**values)


class Run:
    """A run in its folder.

    facts: recipe, pairs and base, which a resumed run must share. origin: what made it. advice: what was said before
    the first step.
    """

    def __init__(
        self,
        out: Path,
        trainer: Trainer,
        data: Data,
        base: Base,
        facts: dict[str, Any],
        origin: dict[str, Any],
        advice: list[str],
        progress: Progress,
    ) -> None:
        self.out, self.trainer, self.data, self.base = out, trainer, data, base
        self.facts, self.origin, self.advice, self.progress = facts, origin, advice, progress
        self.standing = Standing(0, 0, 0, 0.0, False)

    def go(self, state: State | None, stop: Callable[[], bool]) -> Standing:
        """From the state, or from the beginning, to the end or until stopped."""
        if state is not None:
            self._restore(state)
        if self.standing.finished:
            return self.standing
        self._began = time.monotonic() - self.standing.seconds
        self.progress.start("finetune", self.trainer.steps, "step", done=self.trainer.step, parts="pairs")
        with ExitStack() as stack:
            self._log = stack.enter_context(MetricsLog(self.out, self.trainer.step))
            ctrl_c = threading.Event()
            stack.enter_context(on_interrupt(ctrl_c.set))
            if state is None:
                self._evaluate()
                self._save()
            self._loop(lambda: ctrl_c.is_set() or stop())
        plot_run(read_metrics(self.out), self.out / CURVE)
        write_card(self.out, read_config(self.out), read_json(self.out / ORIGIN))  # now with the picture
        assert self.standing.best is not None
        r1 = self.standing.best.text_to_video.r1
        self.progress.end(text_to_video_r1=r1, finished=self.standing.finished)
        return self.standing

    def _loop(self, stop: Callable[[], bool]) -> None:
        schedule, trainer = self.trainer.recipe.schedule, self.trainer
        while trainer.step < trainer.steps and not self._exhausted() and not stop():
            figures = trainer.take_step()
            self._log.write(trainer.step, **figures)
            epoch, inside = divmod(trainer.step, trainer.steps_an_epoch)
            if trainer.step == trainer.steps or (not inside and epoch % schedule.evaluate_every == 0):
                self._evaluate()
            if trainer.step % trainer.recipe.run.save_every == 0:
                self._save()
            best = self.standing.best
            told = {"epoch": f"{epoch}/{schedule.epochs}", "loss": figures["loss"]}
            told |= {} if best is None else {"text_to_video_r1": best.text_to_video.r1}
            self.progress.advance(1, parts=trainer.batch, **told)
        finished = trainer.step == trainer.steps or self._exhausted()
        self.standing = replace(self.standing, finished=finished)
        self._save()

    def _exhausted(self) -> bool:
        return 0 < self.trainer.recipe.schedule.patience <= self.standing.waited

    def _evaluate(self) -> None:
        found = evaluate_network(self.trainer.embedder, self.data.validation)
        ways = asdict(found)
        figures = {f"{way}_{name}": value for way, recalls in ways.items() for name, value in recalls.items()}
        self._log.write(
            self.trainer.step, **{k: v for k, v in figures.items() if k.endswith(("r1", "r5", "r10", "rank"))}
        )
        best = self.standing.best
        if self.standing.base is None:
            self.standing = replace(self.standing, base=found)
        if best is None or found.score > best.score:
            self.standing = replace(self.standing, best=found, best_step=self.trainer.step, waited=0)
            self._keep()
        else:
            self.standing = replace(self.standing, waited=self.standing.waited + 1)

    def _keep(self) -> None:
        """Write the network as it is as the run's checkpoint."""
        assert self.standing.base is not None and self.standing.best is not None
        measures = {"base": asdict(self.standing.base), "best": asdict(self.standing.best)}
        origin = {**self.origin, **measures, "steps": self.trainer.step}
        recipe = self.trainer.recipe
        write_checkpoint(self.out, self.trainer.net, self.base, recipe.data.frames, recipe.train.keep_tower, origin)

    def _save(self) -> None:
        seconds = time.monotonic() - self._began
        self.standing = replace(self.standing, step=self.trainer.step, seconds=seconds)
        self._log.flush()
        learning = self.trainer.net.learning()
        tensors: dict[str, Tensor] = {f"weights/{name}": p for name, p in learning.items()}
        tensors |= gather_optimizers(learning, self.trainer.optimizers)
        facts = {"standing": asdict(self.standing), "facts": self.facts}
        save_tensors(self.out / STATE, self.trainer.step, tensors, facts)

    def _restore(self, state: State) -> None:
        learning = self.trainer.net.learning()
        for name, parameter in learning.items():
            parameter.data.copy_(state.tensors[f"weights/{name}"])
        scatter_optimizers(state.tensors, learning, self.trainer.optimizers)
        self.trainer.step, self.standing = state.standing.step, state.standing
