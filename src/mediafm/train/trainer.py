"""One run's model, optimisers and order of batches; takes single steps.

All chance is drawn anew from (seed, stream, epoch or step), so a step's outcome depends on nothing but the weights, the
optimiser's state and the step's number.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

import numpy as np
import torch

from mediafm.config import Recipe
from mediafm.errors import TrainingError
from mediafm.fusion import FusionStats
from mediafm.model import ShotTransformer, ShotTransformerConfig, mean_distance
from mediafm.sequences import FeatureCache, ShotMasker, Span, collate, pack_batches, training_spans
from mediafm.train.optimizers import make_optimizers
from mediafm.train.runtime import Runtime
from mediafm.train.schedule import rate_factor

_ORDER, _MASKS, _DROPOUT = range(3)  # streams of randomness under one seed


class Trainer:
    """`step` steps are done of `steps`."""

    def __init__(
        self, cache: FeatureCache, stats: FusionStats, training: Sequence[Span], recipe: Recipe, runtime: Runtime
    ) -> None:
        self.recipe, self.runtime, self.step = recipe, runtime, 0
        self._cache, self._stats = cache, stats
        self._training = training
        self.model = _make_model(cache, stats, recipe).to(runtime.device).train()
        self.optimizers = make_optimizers(self.model, recipe.optimizer)
        masking = recipe.masking
        self._masker = ShotMasker(masking.share, masking.kept, masking.random, masking.span)
        # How many batches an epoch has depends on where its titles were cut, so every epoch is laid out once.
        self._ends = list(accumulate(len(self._plan(epoch)) for epoch in range(recipe.schedule.epochs)))
        self._epoch, self._batches = -1, list[list[Span]]()
        compiled = recipe.run.compile and runtime.device.type == "cuda"
        self._encode = torch.compile(self.model.encode, dynamic=True) if compiled else self.model.encode

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return self._ends[-1]

    @property
    def shots(self) -> int:
        """Shots to train on."""
        return sum(len(span) for span in self._training)

    def epochs_done(self) -> int:
        """Epochs completed after `step` steps."""
        return bisect_right(self._ends, self.step)

    def epoch_ended(self) -> bool:
        """Whether the last step was the last of its epoch."""
        return self.step in self._ends

    def take_step(self) -> dict[str, float]:
        """Learn from the next batch; returns loss, rate and shots. TrainingError before weights take harm."""
        spans = self._next_spans()
        loss, shots = self._loss(spans)
        if not math.isfinite(value := loss.item()):
            raise self._diverged("the loss", value)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.optimizer.clip).item()
        if not math.isfinite(norm):
            raise self._diverged("the gradient's norm", norm)
        factor = rate_factor(self.step, self.steps, self.recipe.schedule)
        for optimizer in self.optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = group["base_lr"] * factor
            optimizer.step()
            optimizer.zero_grad()
        self.step += 1
        return {"loss": value, "rate": self.recipe.optimizer.rate * factor, "shots": shots, "gradient_norm": norm}

    def _loss(self, spans: list[Span]) -> tuple[torch.Tensor, int]:
        rng = self._rng(_MASKS, self.step)
        batch = collate(self._cache, self._stats, spans)
        masking = self._masker.apply(batch.fused_BSD, rng)
        withheld_B1 = rng.random((len(spans), 1)) < self.recipe.masking.global_dropout
        target_ND = batch.fused_BSD[masking.scored_BS]
        inputs = (masking.fused_BSD, masking.masked_BS, batch.padding_BS, np.where(withheld_B1, 0, batch.global_BG))
        fused, masked, padding, global_, scored, target = self.runtime.tensors(*inputs, masking.scored_BS, target_ND)
        with self.runtime.seeded(self.recipe.run.seed, _DROPOUT, self.step), self.runtime.autocast():
            context_BSH, _ = self._encode(fused, masked, padding if batch.padding_BS.any() else None, global_)
            predicted_ND = self.model.head(context_BSH[scored])
        return mean_distance(predicted_ND, target), batch.shots

    def _next_spans(self) -> list[Span]:
        epoch = self.epochs_done()
        if epoch != self._epoch:
            self._epoch, self._batches = epoch, self._plan(epoch)
        return self._batches[self.step - (self._ends[epoch - 1] if epoch else 0)]

    def _plan(self, epoch: int) -> list[list[Span]]:
        rng = self._rng(_ORDER, epoch)
        data = self.recipe.data
        return pack_batches(training_spans(self._training, data.window, rng), data.shots_per_step, rng)

    def _rng(self, stream: int, counter: int) -> np.random.Generator:
        return np.random.default_rng([self.recipe.run.seed, stream, counter])

    def _diverged(self, what: str, value: float) -> TrainingError:
        return TrainingError(
            f"At step {self.step} {what} is {value}; the weights were left as they were.",
            "Lower optimizer.rate and optimizer.adamw_rate and start anew.",
        )


def _make_model(cache: FeatureCache, stats: FusionStats, recipe: Recipe) -> ShotTransformer:
    config = ShotTransformerConfig(
        feature_dim=sum(stats.spec.dims.values()), global_dim=cache.global_dim, **recipe.model.model_dump()
    )
    return ShotTransformer(config, torch.Generator().manual_seed(recipe.run.seed))
