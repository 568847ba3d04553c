"""How much is done at the same time, for whom, and whether anything new may begin."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sized
from contextlib import suppress
from typing import Literal

WAIT_S = 5.0  # a request waits that long for its turn
_QUEUE = 4  # requests that wait, for each that is at work
_UPLOADS = 2  # bodies that come in, for each request at work
_WATCHERS = 8  # at the same time, of those who only ask whether all is well
_SHARE = 0.75  # of all room, that one of several callers may hold

Kind = Literal["request", "stream", "upload", "watch"]


class BusyError(Exception):
    """There is no room, and there will be none soon."""


class Slots:
    """Room for `most` at work at the same time.

    waiting: how many more may wait for their turn, up to WAIT_S. share: of both, for one caller, so that nobody is kept
    out by one who asks for everything.
    """

    def __init__(self, most: int, waiting: int = 0, share: float = 1.0) -> None:
        self.most, self._all = most, most + waiting
        self._of_one = max(1, int(self._all * share))
        self._wait_s = WAIT_S if waiting else 0.001
        self._free = asyncio.Semaphore(most)
        self._held: Counter[str] = Counter()

    @property
    def held(self) -> int:
        """How many are at work or wait."""
        return self._held.total()

    async def enter(self, caller: str) -> None:
        """Take room, in the order of asking. BusyError where there is none, or it takes too long."""
        if self.held >= self._all or self._held[caller] >= self._of_one:
            raise BusyError
        self._held[caller] += 1
        try:
            async with asyncio.timeout(self._wait_s):
                await self._free.acquire()
        except TimeoutError as error:
            self._drop(caller)
            raise BusyError from error
        except BaseException:  # the caller went away while it waited
            self._drop(caller)
            raise

    def leave(self, caller: str) -> None:
        """Give the room back."""
        self._drop(caller)
        self._free.release()

    def _drop(self, caller: str) -> None:
        self._held[caller] -= 1
        if self._held[caller] <= 0:
            del self._held[caller]


class Work:
    """The room of a service by kind of work, and whether it takes anything new.

    shared: whether there are several callers to be fair to.
    """

    def __init__(self, concurrency: int, streams: int, shared: bool) -> None:
        share = _SHARE if shared else 1.0
        self.slots: dict[Kind, Slots] = {
            "request": Slots(concurrency, _QUEUE * concurrency, share),
            "stream": Slots(streams, 0, share),
            "upload": Slots(_UPLOADS * concurrency, 0, share),
            "watch": Slots(_WATCHERS, _QUEUE * _WATCHERS),
        }
        self.draining = False  # refuses what is new; may be taken back
        self.stopping = False  # as well, and for good
        self.began = time.monotonic()
        self.connections: Sized = ()  # that are open, where a server counts them
        self.when_stopping: list[Callable[[], None]] = []

    @property
    def refuses(self) -> bool:
        """Whether nothing new may begin."""
        return self.draining or self.stopping

    def stop(self) -> None:
        """Take nothing new, and tell those whose work has no end of its own."""
        self.stopping = True
        for tell in self.when_stopping:
            tell()

    async def finished(self, within_s: float) -> bool:
        """Wait until nothing is at work; False where that takes longer."""
        until = time.monotonic() + within_s
        while any(slots.held for slots in self.slots.values()):
            if time.monotonic() > until:
                return False
            await asyncio.sleep(0.05)
        return True


class Place:
    """Where one request stands.

    Among the uploads while its body comes in, then at work, then among the streams while a long answer is read: who is
    slow is in the way of those who do the same, and of nobody else.
    """

    def __init__(self, work: Work, caller: str) -> None:
        self._work, self._caller = work, caller
        self.kind: Kind | None = None

    async def move(self, kind: Kind) -> None:
        """Wait for its turn there, and leave where it was. BusyError where there is none: it stays."""
        await self._work.slots[kind].enter(self._caller)
        self.leave()
        self.kind = kind

    async def to_streams(self) -> None:
        """If there is room among them."""
        if self.kind == "request":
            with suppress(BusyError):
                await self.move("stream")

    def leave(self) -> None:
        """It is over."""
        if self.kind is not None:
            self._work.slots[self.kind].leave(self._caller)
            self.kind = None
