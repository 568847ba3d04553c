"""The parent's side of a reading process: asking, waiting with limits, and saying what became of it when it dies."""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mediafm.errors import MediaError, UsageError
from mediafm.reading.messages import CONFINED, from_request, to_event
from mediafm.reading.title import Closed, Event, ReadRequest
from mediafm.reading.wire import Receiver, WireError, make_pair
from mediafm.storage import SECRET_PREFIXES

LEAST_MEMORY_MB = 256
_SLICE_S = 0.5  # between looks at the clock and at `stop`
# Without a limit from the user a title gets time by its size, which no header can lie about. Some hundred times what a
# sound film takes.
_FLOOR_S, _S_PER_BYTE = 600.0, 300 / 1e6
_SLOWEST_DISK = 20e6  # bytes a second
_LONGEST_EVENT_S = 7 * 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What reading one title may take.

    timeout_s: seconds the reading process has for a title, by the clock; 0: ten minutes, and five for each megabyte.
        Time in which its results wait to be taken does not count. Processor time: as much for each processor.
    stall_s: seconds without a shot or a sign of life, besides those that a slow disk needs to read the file once.
    memory_mb: what it may allocate.
    """

    timeout_s: float = 0.0
    stall_s: float = 120.0
    memory_mb: int = 4096

    def __post_init__(self) -> None:
        if self.timeout_s < 0 or self.stall_s <= 0 or self.memory_mb < LEAST_MEMORY_MB:
            raise UsageError(
                f"A reader cannot work with {self.timeout_s:g} s and {self.memory_mb} MB.",
                f"Give a timeout of at least 0 and a memory of at least {LEAST_MEMORY_MB} MB.",
            )

    def of(self, path: Path) -> tuple[float, float]:
        """(seconds in all, seconds without a sign of life) for this file."""
        with contextlib.suppress(OSError):
            size = path.stat().st_size
            total = self.timeout_s or _FLOOR_S + size * _S_PER_BYTE
            return total, min(total, self.stall_s + size / _SLOWEST_DISK)
        return self.timeout_s or _FLOOR_S, self.stall_s


class Stopped(Exception):  # noqa: N818 (not an error)
    """Somebody asked for an end."""


class ReaderDiedError(MediaError):
    """The process that read a title ended before it was done. A new one may fare better, or not."""


class _OutOfTimeError(Exception):
    pass


class ReadingProcess:
    """A child process that reads titles, one after another; a new one takes its place when it dies.

    Not for use by two threads at once, but `stop` may be any callable that another thread switches to True.
    """

    def __init__(self, limits: Limits, threads: int = 0, stop: Callable[[], bool] = lambda: False) -> None:
        self._limits, self._threads, self._stop = limits, threads, stop
        self._child: subprocess.Popen[bytes] | None = None
        self._events_in: socket.socket | None = None
        self._complaints: Any = None
        self._waited = self._total_s = self._stall_s = 0.0
        self.unconfined: frozenset[str] = frozenset()  # of "files" and "network", what this system cannot close to them
        self.peak_rss_mb = 0.0  # largest resident memory of any of its processes that have ended

    def start(self) -> None:
        """Start a process now, so that it is ready when asked; nothing happens if there is one."""
        if self._child is not None and self._child.poll() is None:
            return
        self.close()
        # Threads of the detector's network are not to wait by spinning: the decoder's and the encoders' need the time.
        # Keys of object storage it has no use for.
        mine = {name: value for name, value in os.environ.items() if not name.startswith(SECRET_PREFIXES)}
        environment = {"OMP_WAIT_POLICY": "PASSIVE", **mine}
        if self._threads:
            environment["OMP_NUM_THREADS"] = str(self._threads)
        self._events_in, out = make_pair()
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the child)
        self._child = subprocess.Popen(
            [sys.executable, "-P", "-m", "mediafm.reading.child"],
            stdin=subprocess.PIPE,
            stdout=out.fileno(),
            stderr=self._complaints,
            env=environment,
        )
        out.close()

    def read(self, request: ReadRequest) -> Iterator[Event]:
        """Events of one title, as `read_title`; MediaError where it cannot be read, or the process died or hung."""
        self.start()
        self._total_s, self._stall_s = self._limits.of(request.path)
        if request.follow_s:
            self._total_s = self._limits.timeout_s or _LONGEST_EVENT_S
        self._waited = 0.0
        done = False
        try:
            for event in self._events(request):
                yield event
                done = isinstance(event, Closed)
        except MediaError:
            done = True
            raise
        except _OutOfTimeError as error:
            raise MediaError(
                f"{request.path}: {error}; reading it was given up.",
                "It is damaged, or needs more time: check that it plays, or raise --timeout.",
            ) from None
        except (WireError, BrokenPipeError) as error:
            raise self._died(request, error) from None
        finally:
            if not done:
                self.close()

    def close(self) -> None:
        """End the process, if there is one."""
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        for end in (child.stdin, self._events_in):
            with contextlib.suppress(OSError):
                end.close()  # type: ignore[union-attr]
        _, _, usage = os.wait4(child.pid, 0) if child.returncode is None else (0, 0, None)
        if usage is not None:
            child.returncode = -signal.SIGKILL
            scale = 1 << 20 if sys.platform == "darwin" else 1 << 10
            self.peak_rss_mb = max(self.peak_rss_mb, usage.ru_maxrss / scale)
        self._complaints.close()

    def _events(self, request: ReadRequest) -> Iterator[Event]:
        assert self._child is not None and self._child.stdin is not None and self._events_in is not None
        limits = {"memory_mb": self._limits.memory_mb, "cpu_s": int(self._total_s * (os.cpu_count() or 1)) + 1}
        self._child.stdin.write(json.dumps({"request": from_request(request), **limits}).encode() + b"\n")
        self._child.stdin.flush()
        receiver = Receiver(self._events_in, self._until_ready)
        while True:
            message = receiver.next()
            if message is None:
                raise WireError("an end")
            if message.kind == CONFINED:
                self.unconfined = frozenset(map(str, message.fields["open"])) & {"files", "network"}
                continue
            event = to_event(message)
            yield event
            if isinstance(event, Closed):
                return

    def _until_ready(self) -> None:
        """Wait for something to read. Only this waiting counts against the limits: the rest of the time is ours."""
        assert self._events_in is not None
        poll = select.poll()
        poll.register(self._events_in.fileno(), select.POLLIN)
        began = time.monotonic()
        while not poll.poll(_SLICE_S * 1000):
            silent = time.monotonic() - began
            if self._stop():
                raise Stopped
            if silent > self._stall_s:
                raise _OutOfTimeError(f"no sign of life for {silent:.0f} s")
            if self._waited + silent > self._total_s:
                raise _OutOfTimeError(f"not done after {self._waited + silent:.0f} s")
        self._waited += time.monotonic() - began
        if self._waited > self._total_s:
            raise _OutOfTimeError(f"not done after {self._waited:.0f} s")

    def _died(self, request: ReadRequest, error: Exception) -> ReaderDiedError:
        assert self._child is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(1.0)
        status = self._child.returncode
        self._complaints.seek(0)
        last = self._complaints.read().decode("utf-8", "replace").strip().rpartition("\n")[2]
        return ReaderDiedError(
            f"{request.path}: its reader {_cause(status, error)}{f' ({last[:200]})' if last else ''}.",
            "Other titles are not concerned. Check that the file plays, or convert it anew.",
        )


def _cause(status: int | None, error: Exception) -> str:
    if status is None:
        return f"sent {error} instead of an answer"
    if status >= 0:
        return f"ended with status {status}"
    if -status == signal.SIGXCPU:
        return "used up its processor time"
    name = signal.Signals(-status).name if -status in set(signal.Signals) else f"signal {-status}"
    hint = ", perhaps because memory ran out" if -status == signal.SIGKILL else ""
    return f"died of {name}{hint}"
