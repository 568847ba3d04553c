"""One run's model, optimisers and order of batches; takes single steps.

A step is a list of micro-batches whose gradients add up. They are made the same way however many processes share them:
each is masked and thinned out by chance of its own, drawn anew from (seed, stream, step, its number), so that a step's
outcome depends on nothing but the weights, the optimiser's state and the step's number.
"""

import math
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from itertools import accumulate

import numpy as np
import torch

from mediafm.config import Recipe
from mediafm.errors import TrainingError
from mediafm.fusion import FusionStats
from mediafm.model import ShotTransformer, ShotTransformerConfig
from mediafm.sequences import Batch, FeatureCache, Masking, ShotMasker, Span, collate, plan_steps, training_spans
from mediafm.train.distributed import World
from mediafm.train.learner import Cost, Learner, Micro
from mediafm.train.optimizers import make_optimizers
from mediafm.train.runtime import Runtime
from mediafm.train.schedule import rate_factor

_ORDER, _MASKS, _DROPOUT = range(3)  # streams of randomness under one seed
_WORKERS = 4  # threads that prepare micro-batches beside a GPU; numpy leaves the interpreter free most of the time
_MEASURED = 20_000  # shots from which the deviation of fused numbers is read

Spans = tuple[Span, ...]


class Trainer:
    """`step` steps are done of `steps`."""

    def __init__(
        self,
        cache: FeatureCache,
        stats: FusionStats,
        training: Sequence[Span],
        recipe: Recipe,
        runtime: Runtime,
        world: World,
    ) -> None:
        self.recipe, self.runtime, self.world, self.step = recipe, runtime, world, 0
        self._cache, self._stats = cache, stats
        self._training = training
        generator = torch.Generator().manual_seed(recipe.run.seed)
        self.model = ShotTransformer(_shape(cache, stats, recipe), generator)
        deviation_D = _deviation(cache, stats, training).to(runtime.device)
        learner = Learner(self.model, recipe.objective, deviation_D, generator)
        self.learner = learner.to(runtime.device).train()
        self.optimizers = make_optimizers(self.learner, recipe.optimizer, world, _muon_dtype(recipe))
        self._masker = ShotMasker(recipe.masking)
        # How many steps an epoch has depends on where its titles were cut, so every epoch is laid out once.
        self._ends = list(accumulate(len(self._plan(epoch)) for epoch in range(recipe.schedule.epochs)))
        self._epoch, self._planned = -1, list[list[Spans]]()
        if recipe.run.compile:
            self.model.compile_rows()

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return self._ends[-1]

    @property
    def shots(self) -> int:
        """Shots to train on."""
        return sum(len(span) for span in self._training)

    @property
    def predicts(self) -> bool:
        """Whether a step so far has trained predictions; those of the contrastive stage, which comes first, do not."""
        return self.step > self.recipe.objective.contrastive * self.steps

    def epochs_done(self) -> int:
        """Epochs completed after `step` steps."""
        return bisect_right(self._ends, self.step)

    def epoch_ended(self) -> bool:
        """Whether the last step was the last of its epoch."""
        return self.step in self._ends

    def take_step(self) -> dict[str, float]:
        """Learn from the next step's micro-batches. TrainingError before weights take harm.

        Returns `loss` (cosine distance at scored shots; absent in the contrastive stage), `objective` where the recipe
        asks for more than that, rate, shots and the gradient's norm.
        """
        plan = self._next()
        contrasting = self.step < self.recipe.objective.contrastive * self.steps
        costs = [
            self._learn(number, batch, masking, contrasting)
            for number, batch, masking in self._ahead(self.world.share(list(enumerate(plan))))
        ]
        parts = [_total([c.objective for c in costs]), _total([c.distance for c in costs]), sum(c.count for c in costs)]
        objective, distance, count = self.world.sum(parts)
        parameters = [p for p in self.learner.parameters() if p.requires_grad]
        self.world.sum_gradients(parameters)
        norm = self._descend(parameters, max(count, 1.0), objective)
        self.step += 1
        figures = {"rate": self.recipe.optimizer.rate * self._factor(self.step - 1), "gradient_norm": norm}
        figures["shots"] = float(sum(len(span) for micro in plan for span in micro))
        if not contrasting:
            figures["loss"] = distance / max(count, 1.0)
        if contrasting or abs(objective - distance) > 1e-6 * abs(objective):
            figures["objective"] = objective / max(count, 1.0)
        return figures

    def _learn(self, number: int, batch: Batch, masking: Masking, contrasting: bool) -> Cost:
        """Add one micro-batch's gradient, a sum over its scored shots, to what has gathered."""
        micro = self._on_device(batch, masking)
        with self.runtime.seeded(self.recipe.run.seed, _DROPOUT, self.step, number), self.runtime.autocast():
            cost = self.learner.contrast(micro) if contrasting else self.learner.masked(micro)
        cost.objective.backward()
        return replace(cost, objective=cost.objective.detach())

    def _descend(self, parameters: list[torch.nn.Parameter], count: float, objective: float) -> float:
        """One step against the mean gradient; returns its norm before clipping."""
        if not math.isfinite(objective):
            raise self._diverged("the loss", objective / count)
        gradients = [p.grad for p in parameters if p.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients).item() / count
        if not math.isfinite(norm):
            raise self._diverged("the gradient's norm", norm)
        torch._foreach_mul_(gradients, min(self.recipe.optimizer.clip / max(norm, 1e-12), 1.0) / count)
        factor = self._factor(self.step)
        for optimizer in self.optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = group["base_lr"] * factor
            optimizer.step()
            optimizer.zero_grad()
        self.learner.update_average()
        return norm

    def _prepare(self, spans: Spans) -> tuple[Batch, Masking]:
        batch = collate(self._cache, self._stats, spans)
        return batch, self._masker.apply(batch, self.step / self.steps, [self.recipe.run.seed, _MASKS, self.step])

    def _ahead(self, items: Iterable[tuple[int, Spans]]) -> Iterator[tuple[int, Batch, Masking]]:
        """Micro-batches in order; beside a GPU, the next ones are prepared while one is learned from."""
        if self.runtime.device.type == "cpu":
            yield from ((number, *self._prepare(spans)) for number, spans in items)
            return
        with ThreadPoolExecutor(_WORKERS) as workers:
            waiting = deque[tuple[int, Future[tuple[Batch, Masking]]]]()
            for number, spans in items:
                waiting.append((number, workers.submit(self._prepare, spans)))
                if len(waiting) > _WORKERS:
                    number, ready = waiting.popleft()
                    yield number, *ready.result()
            for number, ready in waiting:
                yield number, *ready.result()

    def _on_device(self, batch: Batch, masking: Masking) -> Micro:
        scored_K = np.flatnonzero(masking.scored_N)
        blocks_KM = masking.blocks_NM[scored_K]
        counted_KD = None if blocks_KM.all() else np.repeat(blocks_KM, batch.blocks, axis=1)
        global_BG = np.where(masking.withheld_B[:, None], np.float32(0), batch.global_BG)
        moved = self.runtime.tensors(
            masking.fused_ND, batch.fused_ND, masking.masked_N, scored_K, np.flatnonzero(masking.visible_N),
            global_BG, batch.times_N2, batch.owner_N,
        )  # fmt: skip
        shown, target, masked, scored, visible, global_, times, owner = moved
        counted = None if counted_KD is None else self.runtime.tensors(counted_KD)[0]
        lengths = batch.lengths_B.tolist()
        return Micro(lengths, shown, target, masked, scored, visible, counted, global_, times, owner)

    def _factor(self, step: int) -> float:
        return rate_factor(step, self.steps, self.recipe.schedule)

    def _next(self) -> list[Spans]:
        epoch = self.epochs_done()
        if epoch != self._epoch:
            self._epoch, self._planned = epoch, self._plan(epoch)
        return self._planned[self.step - (self._ends[epoch - 1] if epoch else 0)]

    def _plan(self, epoch: int) -> list[list[Spans]]:
        rng = np.random.default_rng([self.recipe.run.seed, _ORDER, epoch])
        data = self.recipe.data
        return plan_steps(training_spans(self._training, data.window, rng), data.shots_per_step, data.micro_shots, rng)

    def _diverged(self, what: str, value: float) -> TrainingError:
        return TrainingError(
            f"At step {self.step} {what} is {value}; the weights were left as they were.",
            "Lower optimizer.rate and optimizer.adamw_rate and start anew.",
        )


def _total(values: list[torch.Tensor]) -> float:
    """Their sum, read from the device once."""
    return torch.stack(values).double().sum().item() if values else 0.0


def _muon_dtype(recipe: Recipe) -> torch.dtype | None:
    """Newton-Schulz in float32 where the recipe asks for it, else in what the device is quick at."""
    return torch.float32 if recipe.run.precision == "float32" else None


def _shape(cache: FeatureCache, stats: FusionStats, recipe: Recipe) -> ShotTransformerConfig:
    blocks = tuple(stats.spec.dims.values())
    return ShotTransformerConfig(blocks=blocks, global_dim=cache.global_dim, **recipe.model.model_dump())


def _deviation(cache: FeatureCache, stats: FusionStats, training: Sequence[Span]) -> torch.Tensor:
    """Deviation of each number of fused training shots, from spans spread over all of them; 1 where it is constant."""
    every = max(sum(map(len, training)) // _MEASURED, 1)
    deviation_D = np.concatenate([cache.fused(span, stats) for span in training[::every]]).std(axis=0)
    return torch.from_numpy(np.where(deviation_D > 1e-6, deviation_D, 1.0).astype(np.float32))
