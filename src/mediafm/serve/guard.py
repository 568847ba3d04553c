"""What stands before every route: who calls, may they, how much, how often; and what is told of it afterwards.

Plain ASGI, so that bodies and answers stream through it. Nothing here looks at a catalog.
"""

import asyncio
import hmac
import time
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urlsplit

from mediafm.serve.keys import Caller, KeyRing, Role
from mediafm.serve.options import ServeOptions
from mediafm.serve.rates import Rates
from mediafm.serve.records import Records
from mediafm.serve.replies import refusal

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

ANYONE = Caller("this machine", "admin")  # where there are no keys: then only this machine can call
COOKIE = "mediafm_key"
BODY_S = 30.0  # a body has to be here by then
_OPEN = ("/healthz", "/v1/session")  # asked before anyone has a key, as are the page's own files: they hold no secret
_CLOSED = ("/v1/", "/metrics")
_LOCAL_NAMES = {"localhost", "127.0.0.1", "::1"}
_READS = {"GET", "HEAD", "OPTIONS"}
_QUESTIONS = ("/v1/search", "/v1/similar")  # POST because a picture does not fit into an address; they change nothing
_STREAMS = ("/v1/media/", "/v1/jobs/")

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self'; "
        "connect-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}


class _RefusedError(Exception):
    """The request goes no further. status, why, what helps; retry_s: when to come again."""

    def __init__(self, status: int, message: str, remedy: str, retry_s: float = 0.0) -> None:
        super().__init__(message)
        self.status, self.message, self.remedy, self.retry_s = status, message, remedy, retry_s


class Guard:
    """ASGI middleware. The caller stands in `scope["state"]["caller"]` for the routes behind it."""

    def __init__(self, app: App, options: ServeOptions, records: Records, ring: KeyRing | None) -> None:
        self._app, self._options, self._records, self._ring = app, options, records, ring
        self._rates = Rates(options.rate_per_s, options.burst)
        self._at_work = {"request": 0, "stream": 0}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or what a server says of its own life."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(send, uuid.uuid4().hex[:16])
        scope.setdefault("state", {})["request_id"] = answer.request_id
        began, caller = time.perf_counter(), None
        try:
            caller = self._admit(scope)
            await self._pass(scope, receive, answer)
        except _RefusedError as refused:
            if answer.status:
                raise  # the answer is under way: the connection ends
            answer.body = None
            await refusal(answer, refused.status, refused.message, refused.remedy, answer.request_id, refused.retry_s)
        finally:
            seconds = time.perf_counter() - began
            self._records.tell(scope, answer.status, answer.request_id, caller, seconds)

    def _admit(self, scope: Scope) -> Caller:
        headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
        caller = self._caller(scope, headers)
        wait_s = self._rates.wait_s(self._whom(scope, headers) if caller is None else caller.name)
        if wait_s:
            raise _RefusedError(
                429, "These are more requests than one caller may make.", "Wait, and ask less often.", wait_s
            )
        path, needed = scope["path"], needed_role(scope["method"], scope["path"])
        if caller is None and path.startswith(_CLOSED) and path not in _OPEN:
            raise _RefusedError(401, "This takes a key.", "Send `Authorization: Bearer KEY`.")
        if caller is not None and not caller.may(needed):
            raise _RefusedError(403, f"This takes a key that may {needed}.", "Ask whoever runs the service for one.")
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > self._options.max_body_bytes:
            raise self._too_large()
        scope["state"]["caller"] = caller
        return caller or Caller("nobody", "read")

    def _caller(self, scope: Scope, headers: dict[str, str]) -> Caller | None:
        if self._ring is None:
            self._require_this_machine(headers)
            return ANYONE
        scheme, _, key = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and key:
            return self._ring.caller(key.strip())
        if key := headers.get("x-api-key", ""):
            return self._ring.caller(key)
        key = _cookie(headers.get("cookie", ""))
        # A page of another site can make a browser send the cookie, so it is good for looking only.
        found = self._ring.caller(key) if key else None
        return found if found is None or _is_question(scope["method"], scope["path"]) else _same_site(headers, found)

    def _require_this_machine(self, headers: dict[str, str]) -> None:
        """Without keys: a name that is not this machine's was put there by a page that wants to reach it."""
        host = urlsplit(f"//{headers.get('host', '')}").hostname or ""
        if host not in _LOCAL_NAMES and not hmac.compare_digest(host, self._options.host):
            raise _RefusedError(403, "This service answers to this machine only.", "Call it by 127.0.0.1 or localhost.")
        origin = headers.get("origin", "")
        if origin and (urlsplit(origin).hostname or "") not in _LOCAL_NAMES:
            raise _RefusedError(
                403, "Pages of other sites may not call this service.", "Use the page it serves itself."
            )

    def _whom(self, scope: Scope, headers: dict[str, str]) -> str:
        if self._options.behind_proxy and (told := headers.get("x-forwarded-for", "")):
            return f"address {told.rpartition(',')[2].strip()[:64]}"
        return f"address {scope['client'][0] if scope.get('client') else '?'}"

    async def _pass(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        kind = "stream" if scope["path"].startswith(_STREAMS) and scope["method"] in _READS else "request"
        most = self._options.concurrency if kind == "request" else self._options.streams
        if self._at_work[kind] >= most:
            raise _RefusedError(503, f"There are {most} requests at work already.", "Come again in a moment.", 1.0)
        self._at_work[kind] += 1
        try:
            answer.body = _Body(receive, self._options.max_body_bytes, self._too_large())
            await self._app(scope, answer.body, answer)
        finally:
            self._at_work[kind] -= 1

    def _too_large(self) -> _RefusedError:
        most = self._options.max_body_bytes
        return _RefusedError(
            413, f"The body is larger than {most} bytes.", "Send a smaller one, or ask for less at a time."
        )


def needed_role(method: str, path: str) -> Role:
    """What a caller must be allowed to."""
    if path.startswith("/v1/admin/"):
        return "admin"
    return "read" if _is_question(method, path) else "write"


def _is_question(method: str, path: str) -> bool:
    return method in _READS or path in _QUESTIONS or path == "/v1/session"


def _same_site(headers: dict[str, str], caller: Caller) -> Caller | None:
    return caller if headers.get("sec-fetch-site", "") == "same-origin" else None


def _cookie(header: str) -> str:
    try:
        found = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return "" if found is None else found.value


class _Body:
    """Receives a body that may not be larger, nor take longer, than allowed."""

    def __init__(self, receive: Receive, most: int, too_large: _RefusedError) -> None:
        self._receive, self._left, self._too_large = receive, most, too_large
        self.refused: _RefusedError | None = None
        self._whole, self._until = False, time.monotonic() + BODY_S

    async def __call__(self) -> Message:
        if self._whole:
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), max(self._until - time.monotonic(), 0.001))
        except TimeoutError as error:
            self.refused = _RefusedError(408, f"The body did not come within {BODY_S:.0f} s.", "Send it faster.")
            raise self.refused from error
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            self.refused = self._too_large
            raise self.refused
        self._whole = not message.get("more_body", False)
        return message


class _Answer:
    """Sends an answer on, with the headers that every one has."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send, self.request_id = send, request_id
        self.body: _Body | None = None
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            # Whoever read the body may have taken its refusal for an error of its own and answer with that.
            if self.body is not None and self.body.refused is not None:
                raise self.body.refused
            self.status = message["status"]
            have = {name.lower() for name, _ in message.get("headers", ())}
            added = {**HEADERS, "x-request-id": self.request_id}
            more = [(n.encode(), v.encode()) for n, v in added.items() if n.encode() not in have]
            message = {**message, "headers": [*message.get("headers", ()), *more]}
        await self._send(message)
