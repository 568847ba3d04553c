"""One request's body on its way in, and its answer on its way out."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from mediafm.serve.replies import document

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

BODY_S = 30.0  # a body has to be here by then
LINGER_S = 2.0  # a body that was refused is still taken in, so that its sender hears why
PIECE = 64 << 10  # a large answer goes out so much at a time: what is not read yet stays here, once

_PLAIN = {
    400: ("The range cannot be read.", "Ask for `Range: bytes=FIRST-LAST`."),
    416: ("The range is not within the film.", "Ask for bytes that it has: `Content-Range` says how many."),
}


class RefusedError(Exception):
    """The request goes no further. status, why, what helps; retry_s: when to come again."""

    def __init__(self, status: int, message: str, remedy: str, retry_s: float = 0.0) -> None:
        super().__init__(message)
        self.status, self.message, self.remedy, self.retry_s = status, message, remedy, retry_s


class Body:
    """Receives a body that may not be larger, nor take longer, than allowed."""

    def __init__(self, receive: Receive, most: int, too_large: RefusedError) -> None:
        self._receive, self._left, self._too_large = receive, most, too_large
        self.refused: RefusedError | None = None
        self._whole, self._until = False, time.monotonic() + BODY_S
        self._ahead: Message | None = None

    async def take_in(self) -> None:
        """All of it, before it is asked for."""
        pieces = []
        while not self._whole:
            message = await self()
            if message["type"] != "http.request":
                self._ahead = message
                return
            pieces.append(message.get("body", b""))
        self._ahead = {"type": "http.request", "body": b"".join(pieces), "more_body": False}

    async def __call__(self) -> Message:
        """The next piece of it."""
        if self._ahead is not None:
            ahead, self._ahead = self._ahead, None
            return ahead
        if self._whole:
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), max(self._until - time.monotonic(), 0.001))
        except TimeoutError as error:
            self.refused = RefusedError(408, f"The body did not come within {BODY_S:.0f} s.", "Send it faster.")
            raise self.refused from error
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            self.refused = self._too_large
            raise self.refused
        self._whole = message["type"] != "http.request" or not message.get("more_body", False)
        return message


class Answer:
    """Sends an answer on, with the headers that every one has.

    on_long: called once where there is more of it than one piece.
    """

    def __init__(self, send: Send, request_id: str, headers: dict[str, str]) -> None:
        self._send, self.request_id, self._headers = send, request_id, headers
        self.body: Body | None = None
        self.on_long: Callable[[], Awaitable[None]] | None = None
        self.status = 0
        self._instead: bytes | None = None

    async def __call__(self, message: Message) -> None:
        """A part of it."""
        if message["type"] == "http.response.start":
            # Whoever read the body may have taken its refusal for an error of its own and answer with that.
            if self.body is not None and self.body.refused is not None:
                raise self.body.refused
            self.status = message["status"]
            if self.status in _PLAIN and dict(message.get("headers", ())).get(b"content-type", b"").startswith(
                b"text/"
            ):
                message = self._in_our_form(message)
            have = {name.lower() for name, _ in message.get("headers", ())}
            added = {**self._headers, "x-request-id": self.request_id}
            more = [(n.encode(), v.encode()) for n, v in added.items() if n.encode() not in have]
            message = {**message, "headers": [*message.get("headers", ()), *more]}
        elif self._instead is not None:
            message, self._instead = {**message, "body": self._instead}, b""
        elif len(message.get("body", b"")) > 2 * PIECE:
            message = await self._in_pieces(message)
        await self._send(message)

    def _in_our_form(self, start: Message) -> Message:
        """For the one that sends files: what it refuses it says in plain text."""
        self._instead = json.dumps(document(*_PLAIN[self.status], self.request_id)).encode()
        told = {b"content-type": b"application/json", b"content-length": str(len(self._instead)).encode()}
        return {**start, "headers": [*((n, v) for n, v in start["headers"] if n.lower() not in told), *told.items()]}

    async def _in_pieces(self, message: Message) -> Message:
        """All but the last piece sent, each when the one before was read."""
        if self.on_long is not None:
            await self.on_long()
            self.on_long = None
        body = memoryview(message["body"])
        last = (len(body) - 1) // PIECE * PIECE
        for start in range(0, last, PIECE):
            await self._send({**message, "body": bytes(body[start : start + PIECE]), "more_body": True})
        return {**message, "body": bytes(body[last:])}


async def take_rest(receive: Receive) -> None:
    """Let a body come to nothing: closing while it is sent would take the answer from its sender."""
    until = time.monotonic() + LINGER_S
    more = True
    while more and (left := until - time.monotonic()) > 0:
        try:
            message = await asyncio.wait_for(receive(), left)
        except TimeoutError:
            return
        more = message["type"] == "http.request" and bool(message.get("more_body"))
