"""Which spans each step of a run learns from."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

import numpy as np

from mediafm.config import Recipe
from mediafm.sequences import Span, plan_steps, training_spans

_ORDER = 0  # the stream of randomness under the run's seed that orders an epoch

Spans = tuple[Span, ...]


class Plan:
    """The steps of a run, each a list of micro-batches. An epoch is laid out from the seed and its number alone."""

    def __init__(self, training: Sequence[Span], recipe: Recipe) -> None:
        self._training, self._data, self._seed = training, recipe.data, recipe.run.seed
        self._epochs: dict[int, list[list[Spans]]] = {}
        # How many steps an epoch has depends on where its titles were cut, so every epoch is laid out once.
        self._ends = list(accumulate(len(self._lay_out(epoch)) for epoch in range(recipe.schedule.epochs)))

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return self._ends[-1]

    def of(self, step: int) -> list[Spans]:
        """The micro-batches of a step, from 0. May be called from several threads."""
        epoch = self.epochs_done(step)
        held = self._epochs.get(epoch)
        if held is None:
            held = self._lay_out(epoch)
            recent = [(number, laid) for number, laid in list(self._epochs.items()) if number == epoch - 1]
            self._epochs = dict([*recent, (epoch, held)])  # the one before may still be in use
        return held[step - (self._ends[epoch - 1] if epoch else 0)]

    def epochs_done(self, step: int) -> int:
        """Epochs completed after so many steps."""
        return bisect_right(self._ends, step)

    def ends_epoch(self, step: int) -> bool:
        """Whether the last of so many steps was the last of its epoch."""
        return step in self._ends

    def _lay_out(self, epoch: int) -> list[list[Spans]]:
        rng = np.random.default_rng([self._seed, _ORDER, epoch])
        spans = training_spans(self._training, self._data.window, rng)
        return plan_steps(spans, self._data.shots_per_step, self._data.micro_shots, rng)
