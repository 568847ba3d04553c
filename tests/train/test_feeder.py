"""What is prepared ahead is what would have been prepared in time."""

import threading
from collections.abc import Iterator
from itertools import pairwise

import pytest
import torch

from fake_catalog import FakeCatalog
from mediafm.config import load_recipe
from mediafm.fusion import FusionSpec, FusionStats
from mediafm.sequences import FeatureCache
from mediafm.train.distributed import World
from mediafm.train.feeder import Feeder, Place
from mediafm.train.runtime import make_runtime
from mediafm.train.trainer import Trainer

PLACES = [(step, number) for step in range(5) for number in range(3)]


def order(step: int) -> Iterator[Place]:
    return (place for place in PLACES if place[0] >= step)


@pytest.mark.parametrize("ahead", [0, 1, 4, 50])
def test_places_come_in_order_and_are_made_ahead(ahead: int) -> None:
    made: list[Place] = []
    threads = set()

    def prepare(place: Place) -> Place:
        made.append(place)
        threads.add(threading.current_thread())
        return place

    feeder = Feeder(prepare, order, ahead)  # type: ignore[arg-type]
    start = PLACES.index((1, 2))  # in the middle of a step, as where a run of several processes goes on
    assert [feeder.take(place) for place in PLACES[start:]] == PLACES[start:]
    assert sorted(made) == PLACES[start:]
    assert (threading.main_thread() in threads) == (ahead == 0)
    assert feeder.take((2, 0)) == (2, 0)  # back again


def test_a_trainer_fed_ahead_learns_the_same() -> None:
    cache = FeatureCache.open(FakeCatalog(titles=5, shots=60))
    shape = ["model.hidden=32", "model.layers=1", "model.heads=2", "data.window=30", "schedule.epochs=3"]
    recipe = load_recipe("tiny", [*shape, "data.shots_per_step=120", "data.micro_shots=40", "run.device=cpu"])
    spans = cache.wholes(cache.title_ids)
    stats = FusionStats.fit(cache.iter_features(spans), FusionSpec(cache.dims, "mean"))
    runtime = make_runtime(recipe.run)
    plain, ahead = (Trainer(cache, stats, spans, recipe, runtime, World(0, 1, runtime.device)) for _ in range(2))
    ahead._feeder = Feeder(ahead._prepare, ahead._own, 3)
    assert plain.steps > 6
    for _ in range(plain.steps):
        assert plain.take_step() == ahead.take_step()
    for one, other in zip(plain.learner.parameters(), ahead.learner.parameters(), strict=True):
        assert torch.equal(one, other)
    assert all(a <= b for a, b in pairwise(map(plain._plan.epochs_done, range(plain.steps))))
