"""Connections that cost something without asking anything: held to a time, a pace and a number.

uvicorn times out the pause between two requests, and nothing else. Here a connection has a few seconds for the whole
head of a request, whoever reads an answer has to get on with it, and of many idle connections those that have been
idle longest are closed for new ones: each peer has so many, and so has everybody together.
"""

import asyncio
import json
import sys
from collections import OrderedDict, defaultdict
from typing import cast

import h11
from uvicorn.protocols.http.h11_impl import STATUS_PHRASES, H11Protocol

from mediafm.serve.guard import HEADERS
from mediafm.serve.replies import document

LEAST_READ = 32 << 10  # bytes of an answer that are read in `stall_s`


class Ledger:
    """Who is connected. most: all together; most_of_one: of one peer, 0 where a proxy stands for everybody."""

    def __init__(self, most: int, most_of_one: int) -> None:
        self._most, self._most_of_one = most, most_of_one or most
        self._idle: OrderedDict[Connection, str] = OrderedDict()  # longest idle first
        self._idle_of: defaultdict[str, OrderedDict[Connection, None]] = defaultdict(OrderedDict)
        self._open: dict[Connection, str] = {}
        self._open_of: defaultdict[str, int] = defaultdict(int)
        self.closed: defaultdict[str, int] = defaultdict(int)  # by us, by reason

    def __len__(self) -> int:
        return len(self._open)

    def admit(self, connection: "Connection", peer: str) -> bool:
        """Take a new connection in, closing the longest idle where there are too many; False: it may not stay."""
        oldest: Connection | None = None
        if self._open_of[peer] >= self._most_of_one:
            oldest = next(iter(self._idle_of[peer]), None)
        elif len(self._open) >= self._most:
            oldest = next(iter(self._idle), None)
        else:
            self._enter(connection, peer)
            return True
        if oldest is None:
            self.closed["busy"] += 1
            self._tidy(peer)
            return False
        self.leave(oldest)
        oldest.close_now("crowded")
        self._enter(connection, peer)
        return True

    def rests(self, connection: "Connection") -> None:
        """It waits for a request."""
        if (peer := self._open.get(connection)) is not None:
            self._idle[connection] = peer
            self._idle.move_to_end(connection)
            self._idle_of[peer][connection] = None
            self._idle_of[peer].move_to_end(connection)

    def works(self, connection: "Connection") -> None:
        """Its request is here."""
        if (peer := self._idle.pop(connection, None)) is not None:
            self._idle_of[peer].pop(connection, None)

    def leave(self, connection: "Connection") -> None:
        """It is gone, or about to."""
        self.works(connection)
        if (peer := self._open.pop(connection, None)) is not None:
            self._open_of[peer] -= 1
            self._tidy(peer)

    def _enter(self, connection: "Connection", peer: str) -> None:
        self._open[connection] = peer
        self._open_of[peer] += 1
        self.rests(connection)

    def _tidy(self, peer: str) -> None:
        """No memory of peers that are gone."""
        if not self._open_of[peer]:
            del self._open_of[peer]
            self._idle_of.pop(peer, None)


class Connection(H11Protocol):
    """HTTP/1.1 as uvicorn speaks it, with an end to waiting; what it goes by is set by `connection_class`."""

    ledger: Ledger
    idle_s: float
    stall_s: float

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A peer has connected (and, with TLS, shaken hands)."""
        super().connection_made(transport)
        self._head: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None
        self._unread = 0
        if self.ledger.admit(self, self.client[0] if self.client else ""):
            self._wait_for_head()
        else:
            self._say(503, "There are too many connections at work.", "Come again in a moment.")

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is there any more."""
        super().connection_lost(exc)
        self.ledger.leave(self)
        self._unset_keepalive_if_required()
        self._head, self._stall = _off(self._head), _off(self._stall)

    def data_received(self, data: bytes) -> None:
        """Bytes of a request; the time for its head does not begin anew with each."""
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        """An answer is on its way out, whole."""
        super().on_response_complete()
        self._look()

    def pause_writing(self) -> None:
        """More is to be sent than the peer has read."""
        super().pause_writing()
        self._watch_reader()

    def resume_writing(self) -> None:
        """The peer has caught up."""
        super().resume_writing()
        self._stall = _off(self._stall)

    def close_now(self, reason: str) -> None:
        """Close, whatever is still to be sent; counted under the reason."""
        if not self.transport.is_closing() or self._stall is not None:
            self.ledger.closed[reason] += 1
            self.transport.abort()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, in the form of all refusals."""
        error = sys.exc_info()[1]
        status = error.error_status_hint if isinstance(error, h11.RemoteProtocolError) else 400
        remedy = "Send a shorter address and fewer headers." if status == 431 else "Send a request of HTTP/1.1."
        self._say(status, "The head of the request is too long." if status == 431 else msg, remedy)

    def _look(self) -> None:
        """Whether a request is at work here, or waited for."""
        if self.transport.is_closing():
            self._head = _off(self._head)
        elif self.cycle is not None and not self.cycle.response_complete:
            self._head = _off(self._head)
            self.ledger.works(self)
        else:
            self.ledger.rests(self)
            if self.timeout_keep_alive_task is None:
                self._wait_for_head()

    def _wait_for_head(self) -> None:
        if self._head is None:
            self._head = self.loop.call_later(self.idle_s, self._give_up)

    def _give_up(self) -> None:
        self._head = None
        if self.transport.is_closing():
            return
        if self.conn.trailing_data[0] and self.conn.our_state is h11.IDLE:
            self._say(408, f"The request did not come within {self.idle_s:g} s.", "Send it faster.")
            self.ledger.closed["slow request"] += 1
            self.loop.call_later(1, self.transport.abort)
        else:
            self.close_now("idle")

    def _watch_reader(self) -> None:
        self._unread = self.transport.get_write_buffer_size()
        _off(self._stall)
        self._stall = self.loop.call_later(self.stall_s, self._check_reader)

    def _check_reader(self) -> None:
        if self._unread - self.transport.get_write_buffer_size() < LEAST_READ:
            self.close_now("slow reader")
            self._stall = None
        else:
            self._watch_reader()

    def _say(self, status: int, message: str, remedy: str) -> None:
        """A refusal where there is no request to answer; the connection ends."""
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.close()
            return
        body = json.dumps(document(message, remedy, "")).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
            *((name.encode(), value.encode()) for name, value in HEADERS.items()),
        ]
        response = h11.Response(status_code=status, headers=headers, reason=STATUS_PHRASES.get(status, b""))
        for event in (response, h11.Data(data=body), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


def connection_class(ledger: Ledger, idle_s: float, stall_s: float) -> type[asyncio.Protocol]:
    """The protocol for a server whose connections stand in a ledger.

    idle_s: for the head of a request, from the connection or the last answer on. stall_s: an answer of which less than
    LEAST_READ bytes were read in that time is given up.
    """
    fields = {"ledger": ledger, "idle_s": idle_s, "stall_s": stall_s}
    return cast("type[asyncio.Protocol]", type("Connection", (Connection,), fields))


def _off(timer: asyncio.TimerHandle | None) -> asyncio.TimerHandle | None:
    """None, so that `timer = _off(timer)` forgets it."""
    if timer is not None:
        timer.cancel()
    return None
