"""The one way to any hosted service: calls with retries, waits and a cap, and every paid answer kept at once.

What a call that went wrong means, and what it costs:

    no connection, body not sent      again                                nothing
    no answer in time, cut off        again                                unconfirmed: it may have been charged
    429, with how long to wait        again, all workers wait              nothing
    408, 504                          again                                unconfirmed
    other 5xx                         again                                nothing, as far as services say
    401, 402, 403                     stop: the key, the account           nothing
    other 4xx                         this clip is not evaluated           nothing
    200 without one good vector       this clip failed                     charged: sending it again would be, too

"Again" is bounded, with waits that double and are spread by chance. The only home of httpx2.
"""

import json
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import httpx2
import numpy as np

from mediafm.encoders.hosted.budget import Budget
from mediafm.encoders.hosted.cache import HostedCache
from mediafm.encoders.hosted.service import (
    Account,
    BadAnswerError,
    Call,
    Clip,
    HostedService,
    NotEvaluatedError,
    field,
)
from mediafm.encoders.hosted.waiting import Clock, StoppedError, backoff, number, retry_after
from mediafm.errors import UsageError
from mediafm.types import FloatArray

ATTEMPTS = 5
PATIENCE_S = 600.0  # a rate limit that lasts longer is not waited for
_MESSAGE_LENGTH = 300
_NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.WriteError, httpx2.WriteTimeout)


class CallFailedError(Exception):
    """The service could not be had to embed this clip; the text says why. Another run may succeed."""


class BudgetSpentError(Exception):
    """The cap does not allow the call."""


class RefusedError(NotEvaluatedError):
    """A 4xx: the service does not take the clip."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


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
        self._service, self._account, self._budget, self._cache = service, account, budget, cache
        self._clock, self._poll_s, self._task_deadline_s = clock, poll_s, task_deadline_s
        self._http = httpx2.Client(timeout=httpx2.Timeout(timeout_s, connect=min(timeout_s, 20.0), pool=None))
        self._not_before = 0.0
        self._lock = threading.Lock()

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

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
            if self._service.is_task(clip):
                answer = self._task(clip, key, rng, usd, reserved)
            else:
                answer = self._send(self._service.request(clip), rng, usd, reserved)
            vector = self._service.vector(answer)
        except BadAnswerError as error:
            raise CallFailedError(f"{self._service.vendor}: {error}") from error
        self._cache.put_vector(key, vector, about)
        return vector

    # tasks ----------------------------------------------------------------------------------------------------

    def _task(self, clip: Clip, key: str, rng: np.random.Generator, usd: float, reserved: bool) -> Any:
        """The answer of a task that is ready: of one that an earlier run began, if there is one."""
        earlier = self._cache.task(key)
        if earlier:
            try:
                answer = self._finished(earlier, key, rng)
            except RefusedError as error:
                if error.status not in (404, 410):
                    raise
                self._cache.forget_task(key)  # results are not kept for ever
            else:
                if reserved:
                    self._budget.release(usd)
                return answer
        begun = self._send(self._service.request(clip), rng, usd, reserved)
        task = self._service.task_id(begun)
        self._cache.put_task(key, task)
        try:
            return self._finished(task, key, rng)
        except _TaskFailedError as error:
            self._budget.question(usd)
            raise CallFailedError(str(error)) from error

    def _finished(self, task: str, key: str, rng: np.random.Generator) -> Any:
        deadline = self._clock.time() + self._task_deadline_s
        while True:
            answer = self._send(self._service.poll(task), rng, None)
            state = self._service.task_state(answer)
            if state.state == "ready":
                return answer
            if state.state == "failed":
                self._cache.forget_task(key)
                raise _TaskFailedError(f"{self._service.vendor} could not embed it: {self._clean(state.reason)}")
            if self._clock.time() >= deadline:
                raise CallFailedError(
                    f"the task {task} is not ready after {self._task_deadline_s:.0f} s; run the same command again to "
                    "fetch its result"
                )
            self._sleep(self._poll_s)

    # calls ----------------------------------------------------------------------------------------------------

    def _send(self, call: Call, rng: np.random.Generator, usd: float | None, reserved: bool = False) -> Any:
        """The parsed answer of a call that costs `usd` (None: nothing), after as many attempts as it takes."""
        problem = ""
        for attempt in range(ATTEMPTS):
            if usd is not None and not reserved and not self._budget.reserve(usd):
                raise BudgetSpentError
            reserved = False
            cost = _Cost(self._budget, usd)
            try:
                if attempt:
                    self._sleep(backoff(attempt, rng))
                self._wait_for_rate_limit(rng)
                response = self._http.request(
                    call.method,
                    self._account.base_url + call.path,
                    headers={**self._account.headers, "Accept": "application/json"},
                    json=call.body,
                )
            except StoppedError:
                cost.release()
                raise
            except _NOT_SENT as error:
                cost.release()
                problem = f"no connection: {self._clean(str(error)) or type(error).__name__}"
            except httpx2.HTTPError as error:
                cost.doubt()
                late = isinstance(error, httpx2.TimeoutException)
                problem = "no answer in time" if late else f"cut off: {self._clean(str(error)) or type(error).__name__}"
            else:
                if response.is_success:
                    cost.charge()
                    return self._parsed(response)
                problem = self._again(response, cost)
        raise CallFailedError(f"{self._service.vendor}, after {ATTEMPTS} attempts: {problem}")

    def _parsed(self, response: httpx2.Response) -> Any:
        try:
            return json.loads(response.content)
        except ValueError as error:
            raise CallFailedError(f"{self._service.vendor}: the answer is not JSON") from error

    def _again(self, response: httpx2.Response, cost: "_Cost") -> str:
        """What went wrong, if it is worth another attempt; else an exception."""
        status, said = response.status_code, f"HTTP {response.status_code}: {self._message(response)}"
        if status in (408, 504):
            cost.doubt()
            return said
        cost.release()
        if status == 429:
            self._note_rate_limit(response, said)
            return said
        if status >= 500:
            return said
        if status in (401, 402, 403):
            self._clock.stop()  # the other workers would be told the same
            raise UsageError(
                f"{self._service.vendor} does not let this key in ({said}).",
                f"Check {self._service.key_variable} and the account's rights. {self._service.key_remedy}",
            )
        if 400 <= status < 500:
            raise RefusedError(f"{self._service.vendor} does not take it ({said})", status)
        raise CallFailedError(f"{self._service.vendor} answered in an unknown way ({said})")

    def _message(self, response: httpx2.Response) -> str:
        """The service's own words, from the forms of all three."""
        answer: Any = None
        with suppress(ValueError):
            answer = json.loads(response.content)
        said = field(answer, "error", "message") or field(answer, "message") or field(answer, "Message")
        return self._clean(said if isinstance(said, str) else response.reason_phrase)

    def _clean(self, text: str) -> str:
        return self._account.redacted(" ".join(text.split()))[:_MESSAGE_LENGTH]

    # waiting --------------------------------------------------------------------------------------------------

    def _note_rate_limit(self, response: httpx2.Response, said: str) -> None:
        """Have all workers wait for as long as the service asks; PATIENCE_S at most."""
        now = self._clock.time()
        wait = retry_after(response.headers.get("retry-after", ""), now)
        if wait is None:
            wait = _until_reset(response.headers, self._service.reset_headers, now)
        if wait is None:
            return
        if wait > PATIENCE_S:
            raise CallFailedError(f"{self._service.vendor} asks to wait for {wait:.0f} s ({said})")
        with self._lock:
            self._not_before = max(self._not_before, now + wait)

    def _wait_for_rate_limit(self, rng: np.random.Generator) -> None:
        with self._lock:
            wait = self._not_before - self._clock.time()
        if wait > 0:
            self._sleep(wait * (1 + 0.1 * rng.random()))  # not all workers in the same instant
        elif self._clock.stopped:
            raise StoppedError

    def _sleep(self, seconds: float) -> None:
        if not self._clock.stopped:
            self._clock.sleep(seconds)
        if self._clock.stopped:
            raise StoppedError


class _TaskFailedError(CallFailedError):
    """The service says that a task failed."""


class _Cost:
    """The price set aside for one attempt, to be settled once; a call without a price settles nothing."""

    def __init__(self, budget: Budget, usd: float | None) -> None:
        self._budget, self._usd = budget, usd

    def charge(self) -> None:
        if self._usd is not None:
            self._budget.charge(self._usd)

    def doubt(self) -> None:
        if self._usd is not None:
            self._budget.doubt(self._usd)

    def release(self) -> None:
        if self._usd is not None:
            self._budget.release(self._usd)


def _until_reset(headers: Mapping[str, str], names: tuple[str, ...], now: float) -> float | None:
    """Seconds until the window ends of which nothing remains; of several the nearest, None where none is named."""
    resets = {name: number(headers.get(name, "")) for name in names}
    ahead = {name: reset - now for name, reset in resets.items() if reset is not None and reset > now}
    used_up = [wait for name, wait in ahead.items() if headers.get(name.replace("reset", "remaining"), "") == "0"]
    return min(used_up or ahead.values(), default=None)
