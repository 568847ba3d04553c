"""Work that takes longer than a request: ingest and embed, one at a time, by the commands themselves.

A job is a process of `mediafm`, so what it may break is itself; its progress is what the command prints. What was asked
for is on disk before it is begun: a service that was killed goes on with its jobs when it is started again, and
commands that are run again only do what is left.
"""

import asyncio
import fcntl
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TextIO

from mediafm.errors import CatalogError, UsageError

State = Literal["queued", "running", "done", "failed", "cancelled"]
ENDED: tuple[State, ...] = ("done", "failed", "cancelled")
MOST_WAITING = 1000
_KEPT_LINES = 50  # of what a job said last
_STOP_S = 20.0  # a command has to end after being asked
_KEPT_JOBS = 1000  # that have ended


@dataclass(frozen=True, slots=True)
class Job:
    """One job. arguments: of the command. result: its JSON document. said: its last words where it failed."""

    id: str
    kind: str
    arguments: tuple[str, ...]
    by: str
    made: str
    state: State = "queued"
    progress: dict[str, Any] = field(default_factory=dict)
    result: dict[str, Any] | None = None
    said: str = ""


class Jobs:
    """A queue of jobs in a folder, worked on by one thread. A context manager; its methods may come from any thread."""

    def __init__(self, folder: Path, told: Callable[[Counter[str]], None] = lambda _: None) -> None:
        self._folder, self._told = folder, told
        self._change = threading.Condition()
        self._jobs: dict[str, Job] = {}
        self._process: subprocess.Popen[str] | None = None
        self._current = ""
        self._stopping = False
        self._versions: Counter[str] = Counter()
        folder.mkdir(parents=True, exist_ok=True)
        for job in sorted(map(_read, folder.glob("*.json")), key=lambda j: (j.made, j.id)):
            self._jobs[job.id] = replace(job, state="queued") if job.state == "running" else job
        self._thread = threading.Thread(target=self._work, name="jobs", daemon=True)

    def __enter__(self) -> "Jobs":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the job that runs; it goes on when the service is started again."""
        self.stop()
        self._thread.join(_STOP_S + 5)

    def stop(self) -> None:
        """Begin to stop: nothing more is started, and those who follow a job are let go."""
        with self._change:
            if not self._stopping:
                self._stopping = True
                self._change.notify_all()
                self._interrupt()

    def add(self, kind: str, arguments: tuple[str, ...], by: str) -> Job:
        """A new job, on disk when this returns. UsageError where too many wait."""
        with self._change:
            if sum(job.state == "queued" for job in self._jobs.values()) >= MOST_WAITING:
                raise UsageError(f"{MOST_WAITING} jobs wait already.", "Come again when some are done.")
            made = datetime.now(UTC).isoformat(timespec="microseconds")
            job = Job(secrets.token_hex(8), kind, arguments, by, made)
            self._put(job)
            return job

    def all(self) -> list[Job]:
        """Every job that is known, newest first."""
        with self._change:
            return sorted(self._jobs.values(), key=lambda j: (j.made, j.id), reverse=True)

    def one(self, job_id: str) -> Job:
        """A job; CatalogError where there is none of that id."""
        with self._change:
            if job_id not in self._jobs:
                raise CatalogError("There is no such job.", "GET /v1/jobs lists them.")
            return self._jobs[job_id]

    def cancel(self, job_id: str) -> Job:
        """Take a job back; one that runs is interrupted, and what it has stored stays."""
        job = self.one(job_id)
        with self._change:
            if job.state not in ENDED:
                self._put(replace(self._jobs[job_id], state="cancelled"))
                if self._current == job_id:
                    self._interrupt()
            return self._jobs[job_id]

    async def follow(self, job_id: str, quiet_s: float = 15.0) -> AsyncIterator[Job | None]:
        """The job each time something of it changes, until it has ended or the service stops; None after quiet_s."""
        seen, told = -1, time.monotonic()
        self.one(job_id)
        while True:
            with self._change:
                version, job, stopping = self._versions[job_id], self._jobs[job_id], self._stopping
            if version != seen:
                seen, told = version, time.monotonic()
                yield job
            elif time.monotonic() - told > quiet_s:
                told = time.monotonic()
                yield None
            if job.state in ENDED or stopping:
                return
            await asyncio.sleep(0.2)

    # ---------------------------------------------------------------------------------------------- the worker

    def _work(self) -> None:
        while (job := self._next()) is not None:
            try:
                with self._turn() as lock:
                    if lock is not None:
                        self._run(job, lock)
            except OSError as error:
                self._end(job.id, "failed", None, f"The command could not be started: {error}")

    def _next(self) -> Job | None:
        with self._change:
            while not self._stopping:
                waiting = sorted((j for j in self._jobs.values() if j.state == "queued"), key=lambda j: (j.made, j.id))
                if waiting:
                    self._put(replace(waiting[0], state="running"))
                    self._current = waiting[0].id
                    return self._jobs[waiting[0].id]
                self._change.wait()
        return None

    @contextmanager
    def _turn(self) -> Iterator[TextIO | None]:
        """The right to run a command, and a lock for it to hold; None where the service was stopped first.

        Services of one catalog take turns. A command that still holds its lock while nobody has the turn outlived a
        service that was killed: it is asked to end, so that nothing is done by two at once.
        """
        with (self._folder / "turn.lock").open("a") as turn, (self._folder / "command.lock").open("a+") as lock:
            if self._taken(turn) and (_is_free(lock) or self._end_orphan(lock)):
                yield lock
            else:
                yield None

    def _end_orphan(self, lock: TextIO) -> bool:
        _tell_holder(lock, signal.SIGINT)
        if not self._taken(lock, _STOP_S):
            _tell_holder(lock, signal.SIGKILL)
        return self._taken(lock)

    def _taken(self, lock: TextIO, within_s: float = float("inf")) -> bool:
        until = time.monotonic() + within_s
        while not (taken := _is_free(lock)) and not self._stopping and time.monotonic() < until:
            time.sleep(0.1)
        return taken

    def _run(self, job: Job, lock: TextIO) -> None:
        command = [sys.executable, "-m", "mediafm", job.kind, *job.arguments, "--json"]
        with tempfile.TemporaryFile("w+", encoding="utf-8") as out:
            with subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
                pass_fds=[lock.fileno()],
            ) as process:
                lock.truncate(0)
                lock.write(str(process.pid))
                lock.flush()
                with self._change:
                    self._process = process
                    if self._stopping or self._jobs[job.id].state == "cancelled":
                        self._interrupt()
                said = self._listen(job.id, process)
            with self._change:
                self._process, self._current = None, ""
            out.seek(0)
            document = _document(out.read())
        self._finish(job.id, process.returncode, document, said)

    def _listen(self, job_id: str, process: "subprocess.Popen[str]") -> str:
        """Keep the last line of progress, and the last words that are none."""
        said: deque[str] = deque(maxlen=_KEPT_LINES)
        assert process.stderr is not None
        for line in process.stderr:
            told = _document(line)
            if told is None or "stage" not in told:
                said.append(line.rstrip()[:1000])
                continue
            with self._change:
                self._jobs[job_id] = replace(self._jobs[job_id], progress=told)
                self._versions[job_id] += 1
        return "\n".join(said)

    def _finish(self, job_id: str, status: int, document: dict[str, Any] | None, said: str) -> None:
        with self._change:
            stopped = self._stopping and status != 0 and self._jobs[job_id].state == "running"
        if stopped:
            self._end(job_id, "queued", None, "")
        else:
            self._end(job_id, "done" if status == 0 else "failed", document, "" if status == 0 else said)

    def _end(self, job_id: str, state: State, document: dict[str, Any] | None, said: str) -> None:
        with self._change:
            job = self._jobs[job_id]
            state = job.state if job.state == "cancelled" else state
            self._put(replace(job, state=state, result=document, said=said))

    def _interrupt(self) -> None:
        """Ask the running command to end, as Ctrl-C does; kill it if it will not."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGINT)
        killer = threading.Timer(_STOP_S, process.kill)
        killer.daemon = True
        killer.start()

    def _put(self, job: Job) -> None:
        """Keep a job's new state, on disk first; called with the lock held."""
        handle, name = tempfile.mkstemp(dir=self._folder, prefix=".job-")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(asdict(job), file)
        Path(name).replace(self._folder / f"{job.id}.json")
        self._jobs[job.id] = job
        self._versions[job.id] += 1
        self._forget_old()
        self._change.notify_all()
        self._told(Counter(j.state for j in self._jobs.values()))

    def _forget_old(self) -> None:
        ended = sorted((j for j in self._jobs.values() if j.state in ENDED), key=lambda j: (j.made, j.id))
        for job in ended[: max(0, len(ended) - _KEPT_JOBS)]:
            (self._folder / f"{job.id}.json").unlink(missing_ok=True)
            del self._jobs[job.id]


def _is_free(lock: TextIO) -> bool:
    """Whether a lock could be taken; it is given back when its file is closed, also by death."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _tell_holder(lock: TextIO, how: signal.Signals) -> None:
    """The command that holds the lock, which lives as long as it does, wrote its number into it."""
    lock.seek(0)
    with suppress(ValueError, ProcessLookupError, PermissionError):
        os.killpg(int(lock.read()), how)


def _read(path: Path) -> Job:
    stored = json.loads(path.read_text("utf-8"))
    return Job(**{**stored, "arguments": tuple(stored["arguments"])})


def _document(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
