"""One HTTP call to a service, with retries, waits and a cap; the same for clips and for texts.

What a call that went wrong means, and what it costs:

    no connection, body not sent      again                                nothing
    no answer in time, cut off        again                                unconfirmed: it may have been charged
    429, with how long to wait        again, all workers wait              nothing
    429, the account's quota is gone  stop: the account                    nothing
    408, 504                          again                                unconfirmed
    other 5xx                         again                                nothing, as far as services say
    401, 402, 403                     stop: the key, the account           nothing
    other 4xx                         refused                              nothing
    200 that is no JSON               failed; of texts: again              charged; of texts: unconfirmed

"Again" is bounded, with waits that double and are spread by chance. The only home of httpx2.
"""

import json
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Protocol

import httpx2
import numpy as np

from mediafm.encoders.hosted.budget import Budget
from mediafm.encoders.hosted.service import Account, Call, NotEvaluatedError, field
from mediafm.encoders.hosted.waiting import Clock, StoppedError, backoff, number, retry_after
from mediafm.errors import UsageError

ATTEMPTS = 5
PATIENCE_S = 600.0  # a rate limit that lasts longer is not waited for
_MESSAGE_LENGTH = 300
_NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.WriteError, httpx2.WriteTimeout)
_NO_JSON = object()


class CallFailedError(Exception):
    """The service could not be had to embed this; the text says why. Another run may succeed."""


class BudgetSpentError(Exception):
    """The cap does not allow the call."""


class RefusedError(NotEvaluatedError):
    """A 4xx: the service does not take it."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Party(Protocol):
    """What a caller must know of a service."""

    vendor: str
    key_variable: str
    key_remedy: str
    reset_headers: tuple[str, ...]


class Caller:
    """Calls to one service for one run; may be used from several threads.

    no_json_again: whether a 200 whose body is no JSON counts as cut off, to be asked for again.
    """

    def __init__(
        self,
        party: Party,
        account: Account,
        budget: Budget,
        clock: Clock,
        timeout_s: float,
        no_json_again: bool = False,
    ) -> None:
        self._party, self._account, self._budget, self._clock = party, account, budget, clock
        self._no_json_again = no_json_again
        self._http = httpx2.Client(timeout=httpx2.Timeout(timeout_s, connect=min(timeout_s, 20.0), pool=None))
        self._not_before = 0.0
        self._lock = threading.Lock()

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def send(
        self,
        call: Call,
        rng: np.random.Generator,
        usd: float | None,
        reserved: bool = False,
        used: Callable[[Any], float] | None = None,
    ) -> Any:
        """The parsed answer of a call, after as many attempts as it takes.

        usd: what it costs at most (None: nothing). reserved: whether that is set aside for the first attempt already.
        used: answer -> what it did cost, where answers say so.
        """
        problem = ""
        for attempt in range(ATTEMPTS):
            if usd is not None and not reserved and not self._budget.reserve(usd):
                raise BudgetSpentError
            reserved = False
            cost = _Cost(self._budget, usd)
            try:
                if attempt:
                    self.sleep(backoff(attempt, rng))
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
                problem = f"no connection: {self.clean(str(error)) or type(error).__name__}"
            except httpx2.HTTPError as error:
                cost.doubt()
                late = isinstance(error, httpx2.TimeoutException)
                problem = "no answer in time" if late else f"cut off: {self.clean(str(error)) or type(error).__name__}"
            except BaseException:  # Ctrl-C in the middle: it may have arrived
                cost.doubt()
                raise
            else:
                if not response.is_success:
                    problem = self._again(response, cost)
                    continue
                answer = _parsed(response)
                if answer is not _NO_JSON:
                    cost.charge(None if used is None else used(answer))
                    return answer
                problem = "the answer is not JSON"
                if not self._no_json_again:
                    cost.charge()
                    raise CallFailedError(f"{self._party.vendor}: {problem}")
                cost.doubt()
        raise CallFailedError(f"{self._party.vendor}, after {ATTEMPTS} attempts: {problem}")

    def clean(self, text: str) -> str:
        """Somebody else's words in one line, not too long and without the key."""
        return self._account.redacted(" ".join(text.split()))[:_MESSAGE_LENGTH]

    def sleep(self, seconds: float) -> None:
        """Wait; StoppedError once the run was told to stop."""
        if not self._clock.stopped:
            self._clock.sleep(seconds)
        if self._clock.stopped:
            raise StoppedError

    def _again(self, response: httpx2.Response, cost: "_Cost") -> str:
        """What went wrong, if it is worth another attempt; else an exception."""
        status, answer = response.status_code, _parsed(response)
        said = f"HTTP {status}: {self._message(response, answer)}"
        if status in (408, 504):
            cost.doubt()
            return said
        cost.release()
        if status in (401, 402, 403) or (status == 429 and field(answer, "error", "code") == "insufficient_quota"):
            self._clock.stop()  # the other workers would be told the same
            raise UsageError(
                f"{self._party.vendor} does not let this key in ({said}).",
                f"Check {self._party.key_variable} and the account's rights. {self._party.key_remedy}",
            )
        if status == 429:
            self._note_rate_limit(response, said)
            return said
        if status >= 500:
            return said
        if 400 <= status < 500:
            raise RefusedError(f"{self._party.vendor} does not take it ({said})", status)
        raise CallFailedError(f"{self._party.vendor} answered in an unknown way ({said})")

    def _message(self, response: httpx2.Response, answer: Any) -> str:
        """The service's own words, from the forms of all of them."""
        said = field(answer, "error", "message") or field(answer, "message") or field(answer, "Message")
        return self.clean(said if isinstance(said, str) else response.reason_phrase)

    def _note_rate_limit(self, response: httpx2.Response, said: str) -> None:
        """Have all workers wait for as long as the service asks; PATIENCE_S at most."""
        now = self._clock.time()
        wait = retry_after(response.headers.get("retry-after", ""), now)
        if wait is None:
            wait = _until_reset(response.headers, self._party.reset_headers, now)
        if wait is None:
            return
        if wait > PATIENCE_S:
            raise CallFailedError(f"{self._party.vendor} asks to wait for {wait:.0f} s ({said})")
        with self._lock:
            self._not_before = max(self._not_before, now + wait)

    def _wait_for_rate_limit(self, rng: np.random.Generator) -> None:
        with self._lock:
            wait = self._not_before - self._clock.time()
        if wait > 0:
            self.sleep(wait * (1 + 0.1 * rng.random()))  # not all workers in the same instant
        elif self._clock.stopped:
            raise StoppedError


class _Cost:
    """The price set aside for one attempt, to be settled once; a call without a price settles nothing."""

    def __init__(self, budget: Budget, usd: float | None) -> None:
        self._budget, self._usd = budget, usd

    def charge(self, actual: float | None = None) -> None:
        if self._usd is not None:
            self._budget.charge(self._usd, actual)

    def doubt(self) -> None:
        if self._usd is not None:
            self._budget.doubt(self._usd)

    def release(self) -> None:
        if self._usd is not None:
            self._budget.release(self._usd)


def _parsed(response: httpx2.Response) -> Any:
    with suppress(ValueError):
        return json.loads(response.content)
    return _NO_JSON


def _until_reset(headers: Mapping[str, str], names: tuple[str, ...], now: float) -> float | None:
    """Seconds until the window ends of which nothing remains; of several the nearest, None where none is named."""
    resets = {name: number(headers.get(name, "")) for name in names}
    ahead = {name: reset - now for name, reset in resets.items() if reset is not None and reset > now}
    used_up = [wait for name, wait in ahead.items() if headers.get(name.replace("reset", "remaining"), "") == "0"]
    return min(used_up or ahead.values(), default=None)
