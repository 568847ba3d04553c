"""Clips to one service: every paid answer kept at once, and tasks that are begun, polled and found again.

How calls are made, tried again and paid for: `calling`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mediafm.encoders.hosted.budget import Budget
from mediafm.encoders.hosted.cache import HostedCache
from mediafm.encoders.hosted.calling import Caller, CallFailedError, RefusedError
from mediafm.encoders.hosted.service import Account, BadAnswerError, Clip, HostedService, TaskService
from mediafm.encoders.hosted.waiting import Clock
from mediafm.types import FloatArray


class HostedClient:
    """Calls to one service for one run; `embed` may be called from several threads."""

    def __init__(
        self,
        service: HostedService,
        account: Account,
        budget: Budget,
        cache: HostedCache,
        clock: Clock,
        *,
        timeout_s: float = 180.0,
        poll_s: float = 5.0,
        task_deadline_s: float = 3600.0,
    ) -> None:
        self._service, self._budget, self._cache, self._clock = service, budget, cache, clock
        self._poll_s, self._task_deadline_s = poll_s, task_deadline_s
        self._caller = Caller(service, account, budget, clock, timeout_s)

    def close(self) -> None:
        """Let go of the connections."""
        self._caller.close()

    def embed(
        self, clip: Clip, key: str, rng: np.random.Generator, reserved: bool, about: Mapping[str, Any]
    ) -> FloatArray:
        """The clip's vector, float32 [dim], kept in the cache under `key` before it is returned.

        rng: spreads the waits. reserved: whether the price of the first call is set aside already; later ones ask the
        budget. about: noted with the vector. Raises NotEvaluatedError, CallFailedError, BudgetSpentError, StoppedError
        for this clip, and UsageError where no clip can be embedded with this key: then the clock is stopped as well.
        """
        usd = self._service.price.of(clip.duration_s)
        try:
            if isinstance(self._service, TaskService) and self._service.is_task(clip):
                answer = self._task(self._service, clip, key, rng, usd, reserved)
            else:
                answer = self._caller.send(self._service.request(clip), rng, usd, reserved)
            vector = self._service.vector(answer)
        except BadAnswerError as error:
            raise CallFailedError(f"{self._service.vendor}: {error}") from error
        self._cache.put_vector(key, vector, about)
        return vector

    # tasks ----------------------------------------------------------------------------------------------------

    def _task(
        self, service: TaskService, clip: Clip, key: str, rng: np.random.Generator, usd: float, reserved: bool
    ) -> Any:
        """The answer of a task that is ready: of one that an earlier run began, if there is one."""
        earlier = self._cache.task(key)
        if earlier:
            try:
                answer = self._finished(service, earlier, key, rng)
            except RefusedError as error:
                if error.status not in (404, 410):
                    raise
                self._cache.forget_task(key)  # results are not kept for ever
            else:
                if reserved:
                    self._budget.release(usd)
                return answer
        begun = self._caller.send(service.request(clip), rng, usd, reserved)
        task = service.task_id(begun)
        self._cache.put_task(key, task)
        try:
            return self._finished(service, task, key, rng)
        except _TaskFailedError as error:
            self._budget.question(usd)
            raise CallFailedError(str(error)) from error

    def _finished(self, service: TaskService, task: str, key: str, rng: np.random.Generator) -> Any:
        deadline = self._clock.time() + self._task_deadline_s
        while True:
            answer = self._caller.send(service.poll(task), rng, None)
            state = service.task_state(answer)
            if state.state == "ready":
                return answer
            if state.state == "failed":
                self._cache.forget_task(key)
                raise _TaskFailedError(f"{service.vendor} could not embed it: {self._caller.clean(state.reason)}")
            if self._clock.time() >= deadline:
                raise CallFailedError(
                    f"the task {task} is not ready after {self._task_deadline_s:.0f} s; run the same command again to "
                    "fetch its result"
                )
            self._caller.sleep(self._poll_s)


class _TaskFailedError(CallFailedError):
    """The service says that a task failed."""
