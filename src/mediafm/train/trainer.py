"""One run's model, optimisers and order of batches; takes single steps.

A step is a list of micro-batches whose gradients add up. They are made the same way however many processes share them:
each is masked and thinned out by chance of its own, drawn anew from (seed, stream, step, its number), so that a step's
outcome depends on nothing but the weights, the optimiser's state and the step's number.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch

from mediafm.config import Recipe
from mediafm.errors import TrainingError
from mediafm.fusion import FusionStats
from mediafm.model import ShotTransformer, ShotTransformerConfig
from mediafm.sequences import Batch, FeatureCache, Masking, ShotMasker, Span, collate
from mediafm.train.distributed import World
from mediafm.train.feeder import Feeder, Place
from mediafm.train.learner import Cost, Learner, Micro
from mediafm.train.optimizers import make_optimizers
from mediafm.train.plan import Plan
from mediafm.train.runtime import Runtime
from mediafm.train.schedule import rate_factor

_MASKS, _DROPOUT = 1, 2  # streams of randomness under one seed; `plan` has the first
_AHEAD = 4  # micro-batches prepared beside a GPU
_MEASURED = 20_000  # shots from which the deviation of fused numbers is read


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
        self.shots = sum(len(span) for span in training)
        generator = torch.Generator().manual_seed(recipe.run.seed)
        self.model = ShotTransformer(_shape(cache, stats, recipe), generator)
        deviation_D = _deviation(cache, stats, training).to(runtime.device)
        learner = Learner(self.model, recipe.objective, deviation_D, generator)
        self.learner = learner.to(runtime.device).train()
        self.optimizers = make_optimizers(self.learner, recipe.optimizer, world, _muon_dtype(recipe))
        self._masker = ShotMasker(recipe.masking)
        self._plan = Plan(training, recipe)
        self._feeder = Feeder(self._prepare, self._own, _AHEAD if runtime.device.type == "cuda" else 0)
        if recipe.run.compile:
            self.model.compile_rows()

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return self._plan.steps

    @property
    def predicts(self) -> bool:
        """Whether a step so far has trained predictions; those of the contrastive stage, which comes first, do not."""
        return self.step > self.recipe.objective.contrastive * self.steps

    def epochs_done(self) -> int:
        """Epochs completed after `step` steps."""
        return self._plan.epochs_done(self.step)

    def epoch_ended(self) -> bool:
        """Whether the last step was the last of its epoch."""
        return self._plan.ends_epoch(self.step)

    def take_step(self) -> dict[str, float]:
        """Learn from the next step's micro-batches. TrainingError before weights take harm.

        Returns `loss` (cosine distance at scored shots; absent in the contrastive stage), `objective` where the recipe
        asks for more than that, rate, shots and the gradient's norm.
        """
        plan = self._plan.of(self.step)
        contrasting = self.step < self.recipe.objective.contrastive * self.steps
        own = self.world.share(range(len(plan)))
        costs = [self._learn(number, self._feeder.take((self.step, number)), contrasting) for number in own]
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

    def _learn(self, number: int, micro: Micro, contrasting: bool) -> Cost:
        """Add one micro-batch's gradient, a sum over its scored shots, to what has gathered."""
        micro = micro.to(self.runtime.device)
        try:
            with self.runtime.seeded(self.recipe.run.seed, _DROPOUT, self.step, number), self.runtime.autocast():
                cost = self.learner.contrast(micro) if contrasting else self.learner.masked(micro)
            cost.objective.backward()
        except torch.OutOfMemoryError:
            raise TrainingError(
                f"{len(micro.target_ND):,} shots at once are more than the memory of the GPU holds.",
                f"Lower data.micro_shots={self.recipe.data.micro_shots}; gradients add up to the same step.",
            ) from None
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

    def _prepare(self, place: Place) -> Micro:
        """One of a step's micro-batches, fused and masked."""
        step, number = place
        batch = collate(self._cache, self._stats, self._plan.of(step)[number])
        masking = self._masker.apply(batch, step / self.steps, [self.recipe.run.seed, _MASKS, step])
        micro = make_micro(batch, masking)
        return micro.pinned() if self.runtime.device.type == "cuda" else micro

    def _own(self, step: int) -> Iterator[Place]:
        """This process's micro-batches from a step on."""
        for later in range(step, self.steps):
            for number in self.world.share(range(len(self._plan.of(later)))):
                yield later, number

    def _factor(self, step: int) -> float:
        return rate_factor(step, self.steps, self.recipe.schedule)

    def _diverged(self, what: str, value: float) -> TrainingError:
        return TrainingError(
            f"At step {self.step} {what} is {value}; the weights were left as they were.",
            "Lower optimizer.rate and optimizer.adamw_rate and start anew.",
        )


def make_micro(batch: Batch, masking: Masking) -> Micro:
    """What a learner needs of a masked batch, on the CPU."""
    scored_K = np.flatnonzero(masking.scored_N)
    blocks_KM = masking.blocks_NM[scored_K]
    target_ND = torch.from_numpy(batch.fused_ND)
    return Micro(
        lengths=batch.lengths_B.tolist(),
        input_ND=target_ND if masking.fused_ND is batch.fused_ND else torch.from_numpy(masking.fused_ND),
        target_ND=target_ND,
        masked_N=torch.from_numpy(masking.masked_N),
        scored_K=torch.from_numpy(scored_K),
        visible_K=torch.from_numpy(np.flatnonzero(masking.visible_N)),
        counted_KD=None if blocks_KM.all() else torch.from_numpy(np.repeat(blocks_KM, batch.blocks, axis=1)),
        global_BG=torch.from_numpy(np.where(masking.withheld_B[:, None], np.float32(0), batch.global_BG)),
        times_N2=torch.from_numpy(batch.times_N2),
        sequence_N=torch.from_numpy(batch.owner_N),
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
