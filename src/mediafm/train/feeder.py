"""Micro-batches in the order they are needed, prepared ahead beside a GPU."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

Micro = TypeVar("Micro")
Place = tuple[int, int]  # step, number within it


class Feeder(Generic[Micro]):
    """Gives each micro-batch when it is asked for.

    prepare: makes one, in any thread. order: the places to come, from the first of a step on. ahead: how many are made
    before they are needed, over the ends of steps and epochs; 0 makes each when it is asked for, in the caller's
    thread. Much of the making is numpy's, which leaves the interpreter free.
    """

    def __init__(self, prepare: Callable[[Place], Micro], order: Callable[[int], Iterator[Place]], ahead: int) -> None:
        self._prepare, self._order, self._ahead = prepare, order, ahead
        self._coming: Iterator[Place] = iter(())
        self._waiting = deque[tuple[Place, Future[Micro]]]()
        self._workers = ThreadPoolExecutor(ahead, "micro-batch") if ahead else None

    def take(self, place: Place) -> Micro:
        """The micro-batch of a place; where it is not the next one, as at the start, preparation begins anew there."""
        if self._workers is None:
            return self._prepare(place)
        if not self._waiting or self._waiting[0][0] != place:
            self._waiting.clear()
            self._coming = (later for later in self._order(place[0]) if later >= place)
        while len(self._waiting) <= self._ahead and (later := next(self._coming, None)) is not None:
            self._waiting.append((later, self._workers.submit(self._prepare, later)))
        return self._waiting.popleft()[1].result()
