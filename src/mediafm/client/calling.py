"""One request to a service: sent again when the service says so, and its refusals as errors of ours."""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mediafm.errors import CatalogError, MediafmError, MismatchError, ServiceError, UsageError

if TYPE_CHECKING:
    import httpx2

_AGAIN = (429, 503)  # the service says when to come again; nothing was done
_LONGEST_WAIT_S = 60.0
_ERRORS: dict[int, type[MediafmError]] = {400: UsageError, 404: CatalogError, 409: MismatchError, 413: UsageError}
_ERRORS |= {414: UsageError, 422: UsageError}


class Caller:
    """Sends requests. tries: of each, all together; timeout_s: for a connection and for each pause in an answer.

    sleep is how it waits between tries.
    """

    def __init__(
        self,
        address: str,
        key: str,
        tries: int,
        timeout_s: float,
        transport: "httpx2.BaseTransport | None" = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        import httpx2

        headers = {"user-agent": "mediafm-client"} | ({"authorization": f"Bearer {key}"} if key else {})
        self._tries, self._sleep = max(1, tries), sleep
        try:
            self._http = httpx2.Client(
                base_url=address, headers=headers, timeout=timeout_s, transport=transport, follow_redirects=False
            )
            fits = self._http.base_url.scheme in ("http", "https") and self._http.base_url.host
        except (httpx2.InvalidURL, UnicodeError):
            fits = ""
        if not fits:
            raise UsageError(f"{address!r} is no address of a service.", "Give one such as http://127.0.0.1:8780.")

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def call(self, method: str, path: str, **request: Any) -> "httpx2.Response":
        """A whole answer that is no refusal."""
        with self.stream(method, path, **request) as answer:
            answer.read()
            return answer

    @contextmanager
    def stream(self, method: str, path: str, **request: Any) -> "Iterator[httpx2.Response]":
        """An answer that is no refusal, to be read piece by piece.

        Sent again after 429 and 503, and for reads where the connection broke before an answer. Where it is refused in
        the end: UsageError, CatalogError, MismatchError or ServiceError.
        """
        answer = self._answered(method, path, request)
        try:
            yield answer
        except _broken() as error:
            raise self._lost(error) from error
        finally:
            answer.close()

    def _answered(self, method: str, path: str, request: Mapping[str, Any]) -> "httpx2.Response":
        for left in reversed(range(self._tries)):
            try:
                answer = self._http.send(self._http.build_request(method, path, **request), stream=True)
            except _broken() as error:
                if left and method in ("GET", "HEAD"):
                    self._sleep(_pause(self._tries - left))
                    continue
                raise self._lost(error) from error
            if answer.status_code in _AGAIN and left:
                wait_s = _told_to_wait(answer.headers.get("retry-after", ""), self._tries - left)
                answer.close()
                self._sleep(wait_s)
                continue
            if answer.is_success:
                return answer
            raise _refusal(answer)
        raise AssertionError("the last try either answers or raises")

    def _lost(self, error: Exception) -> ServiceError:
        what = str(error) or type(error).__name__
        return ServiceError(
            f"The service at {self._http.base_url} cannot be reached: {what}.",
            "Check the address, and whether it runs: `mediafm serve`.",
        )


def _broken() -> type[Exception]:
    import httpx2

    return httpx2.TransportError


def _pause(tried: int) -> float:
    """Seconds before the next try where nobody says how long: longer each time, and not all at once."""
    return float(min(2**tried, 16)) * random.uniform(0.25, 0.5)


def _told_to_wait(header: str, tried: int) -> float:
    return min(float(header), _LONGEST_WAIT_S) if header.isdecimal() else _pause(tried)


def _refusal(answer: "httpx2.Response") -> MediafmError:
    """The service's own words, under the error they would have raised here."""
    answer.read()
    try:
        told = answer.json()["error"]
        message, remedy, request = str(told["message"]), str(told["remedy"]), str(told["request_id"])
    except (ValueError, KeyError, TypeError):
        message, remedy = f"The service answered {answer.status_code}.", "Check the address."
        request = answer.headers.get("x-request-id", "")
    error = _ERRORS.get(answer.status_code, ServiceError)(message, remedy)
    error.add_note(f"status {answer.status_code}, request {request}")
    return error
