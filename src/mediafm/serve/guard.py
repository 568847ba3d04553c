"""What stands before every route: who calls, may they, how much, how often; and what is told of it afterwards.

Plain ASGI, so that bodies and answers stream through it. Nothing here looks at a catalog.
"""

import functools
import time
import uuid
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from mediafm.serve.exchange import Answer, App, Body, Receive, RefusedError, Scope, Send, take_rest
from mediafm.serve.keys import Caller, KeyRing, Role
from mediafm.serve.options import ServeOptions
from mediafm.serve.rates import Rates
from mediafm.serve.records import Records
from mediafm.serve.replies import refusal
from mediafm.serve.work import BusyError, Kind, Place, Work

NOBODY = "nobody"
ANYONE = Caller("this machine", "admin")  # where there are no keys: then only this machine can call
COOKIE = "mediafm_key"
_OPEN = ("/healthz", "/v1/session")  # asked before anyone has a key, as are the page's own files: they hold no secret
_WATCHED = ("/healthz", "/metrics")  # answered while nothing else is
_CLOSED = ("/v1/", "/metrics")
_LOCAL_NAMES = {"localhost", "127.0.0.1", "::1"}
_READS = {"GET", "HEAD", "OPTIONS"}
_QUESTIONS = ("/v1/search", "/v1/similar")  # POST because a picture does not fit into an address; they change nothing
_MOST_ADDRESS, _MOST_HEADERS = 16 << 10, 32 << 10  # bytes
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


class Guard:
    """ASGI middleware. The caller stands in `scope["state"]["caller"]` for the routes behind it."""

    def __init__(self, app: App, options: ServeOptions, records: Records, ring: KeyRing | None, work: Work) -> None:
        self._app, self._options, self._records, self._ring = app, options, records, ring
        self._rates = Rates(options.rate_per_s, options.burst)
        self.work = work

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or what a server says of its own life."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = Answer(send, uuid.uuid4().hex[:16], HEADERS)
        scope.setdefault("state", {})["request_id"] = answer.request_id
        began, caller = time.perf_counter(), None
        try:
            caller = self._admit(scope)
            await self._pass(scope, receive, answer, caller)
        except RefusedError as refused:
            if answer.status:
                raise  # the answer is under way: the connection ends
            answer.body = None
            rest = functools.partial(take_rest, receive) if refused.status == 413 else None
            told = (refused.status, refused.message, refused.remedy, answer.request_id, refused.retry_s)
            await refusal(answer, *told, rest)
        finally:
            seconds = time.perf_counter() - began
            self._records.tell(scope, answer.status, answer.request_id, caller, seconds)

    def _admit(self, scope: Scope) -> Caller:
        headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
        caller = self._caller(scope, headers)
        wait_s = self._rates.wait_s(self._whom(scope, headers) if caller is None else caller.name)
        if wait_s:
            raise RefusedError(
                429, "These are more requests than one caller may make.", "Wait, and ask less often.", wait_s
            )
        if len(scope["path"]) + len(scope["query_string"]) > _MOST_ADDRESS:
            raise RefusedError(414, "The address is too long.", "POST /v1/search takes long questions.")
        if sum(len(name) + len(value) for name, value in scope["headers"]) > _MOST_HEADERS:
            raise RefusedError(431, "There is too much in the headers.", "Send fewer of them.")
        path, needed = scope["path"], needed_role(scope["method"], scope["path"])
        if caller is None and path.startswith(_CLOSED) and path not in _OPEN:
            raise RefusedError(401, "This takes a key.", "Send `Authorization: Bearer KEY`.")
        if caller is not None and not caller.may(needed):
            raise RefusedError(403, f"This takes a key that may {needed}.", "Ask whoever runs the service for one.")
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length[:20]) > self._options.max_body_bytes:
            raise self._too_large()
        scope["state"]["caller"] = caller
        return caller or Caller(NOBODY, "read")

    def _caller(self, scope: Scope, headers: dict[str, str]) -> Caller | None:
        if self._ring is None:
            self._require_this_machine(scope["method"], headers)
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

    def _require_this_machine(self, method: str, headers: dict[str, str]) -> None:
        """Without keys: a name that is not this machine's was put there by a page that wants to reach it."""
        host = headers.get("host", "")
        if _name(host) not in {*_LOCAL_NAMES, self._options.host.lower()}:
            raise RefusedError(403, "This service answers to this machine only.", "Call it by 127.0.0.1 or localhost.")
        origin = headers.get("origin", "")
        theirs = bool(origin) and _name(origin.partition("://")[2]) not in _LOCAL_NAMES
        # Another service of this machine has a page of its own; what it asks for here changes nothing.
        if method not in _READS and origin:
            theirs = origin.partition("://")[2] != host
        led_here = headers.get("sec-fetch-mode") == "navigate"  # by a link
        if theirs or (headers.get("sec-fetch-site") == "cross-site" and not led_here):
            raise RefusedError(403, "Pages of other sites may not call this service.", "Use the page it serves itself.")

    def _whom(self, scope: Scope, headers: dict[str, str]) -> str:
        if self._options.behind_proxy and (told := headers.get("x-forwarded-for", "")):
            return f"address {told.rpartition(',')[2].strip()[:64]}"
        return f"address {scope['client'][0] if scope.get('client') else '?'}"

    async def _pass(self, scope: Scope, receive: Receive, answer: Answer, caller: Caller) -> None:
        kind = _kind_of_work(scope["method"], scope["path"])
        if self.work.refuses and kind != "watch":
            raise RefusedError(503, "The service takes nothing new: it is being stopped.", "Come again soon.", 5.0)
        place = Place(self.work, caller.name if caller.name != NOBODY else self._whom(scope, {}))
        body = answer.body = Body(receive, self._options.max_body_bytes, self._too_large())
        try:
            if scope["method"] not in _READS:
                await self._take(place, "upload")
                await body.take_in()
            await self._take(place, kind)
            answer.on_long = place.to_streams
            await self._app(scope, body, answer)
        finally:
            place.leave()

    async def _take(self, place: Place, kind: Kind) -> None:
        try:
            await place.move(kind)
        except BusyError as busy:
            most = self.work.slots[kind].most
            message = f"There are {most} requests at work already, and more than enough that wait."
            raise RefusedError(503, message, "Come again in a moment.", 1.0) from busy

    def _too_large(self) -> RefusedError:
        most = self._options.max_body_bytes
        return RefusedError(
            413, f"The body is larger than {most} bytes.", "Send a smaller one, or ask for less at a time."
        )


def needed_role(method: str, path: str) -> Role:
    """What a caller must be allowed to."""
    if path.startswith("/v1/admin/"):
        return "admin"
    return "read" if _is_question(method, path) else "write"


def _kind_of_work(method: str, path: str) -> Kind:
    if path in _WATCHED or path.startswith("/v1/admin/"):
        return "watch"
    return "stream" if path.startswith(_STREAMS) and method in _READS else "request"


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


def _name(netloc: str) -> str:
    """The host's name in `HOST[:PORT]`; empty where that is none."""
    try:
        return urlsplit(f"//{netloc}").hostname or ""
    except ValueError:
        return ""
