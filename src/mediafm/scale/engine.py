"""`mediafm ingest --engine ray`: the driver. It finds the films, hands them out and counts; it touches none of them.

The driver may die at any moment: what stations have committed stays, and the next run does the rest.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mediafm.catalog import Catalog
from mediafm.encoders import PRESETS
from mediafm.errors import MediafmError, UsageError
from mediafm.ingest import (
    IngestSummary,
    TitleJob,
    as_made,
    peak_rss_mb,
    stored_titles,
    title_ids,
    title_jobs,
    workers_for,
)
from mediafm.interrupts import on_interrupt
from mediafm.media import find_films
from mediafm.progress import SILENT, Progress
from mediafm.reading import Limits
from mediafm.scale.cluster import Machine, joined, machines, start_hosts, start_on
from mediafm.scale.dispatch import Dispatcher, Post, at_machine
from mediafm.scale.encoding import EncoderHost
from mediafm.scale.station import Station
from mediafm.storage import is_remote, own_options

_SAMPLED = 200  # films that every machine is asked to see
_READY_S, _END_S = 900.0, 60.0  # for loading (or fetching) encoders; for the last commit


@dataclass(frozen=True, slots=True)
class RayOptions:
    """What a cluster needs to be told.

    address: as `cluster.joined`. retries: how often a title is tried again when its station dies or its film does not
    come. gpus: share of a GPU that an actor of encoders takes; 0: encoders run where films are read, on processors;
    None: a whole one where the cluster has any, else 0. hosts: actors of encoders; 0: as many as the GPUs hold.
    """

    address: str = "auto"
    retries: int = 2
    gpus: float | None = None
    hosts: int = 0

    def __post_init__(self) -> None:
        if self.retries < 0 or self.hosts < 0 or (self.gpus is not None and not 0 <= self.gpus <= 8):
            raise UsageError(
                f"{self.retries} retries, {self.gpus} GPUs and {self.hosts} hosts cannot be.",
                "Give retries and hosts of at least 0, and a share of GPUs between 0 and 8.",
            )


def ingest_on_ray(
    paths: Sequence[Path | str],
    catalog_uri: str,
    preset_name: str = "",
    *,
    detector: str = "",
    metadata: Path | None = None,
    language: str = "",
    workers: int = 0,
    limits: Limits | None = None,
    options: RayOptions | None = None,
    progress: Progress = SILENT,
) -> IngestSummary:
    """As `mediafm.ingest.ingest`, on all machines of a Ray cluster; the vectors are the same bytes.

    workers: films read at the same time on each machine. Every machine must have mediafm, and see the catalog and the
    films under the same addresses: object storage or a shared file system. Raises, besides what `ingest` raises,
    UsageError where there is no cluster, CatalogError naming a machine that does not see them.
    """
    started, options = time.monotonic(), options or RayOptions()
    films = title_ids(find_films(paths))
    here = {t: film.absolute() if isinstance(film, Path) else film for t, film in films.items()}
    summary, stop = IngestSummary(), threading.Event()
    jobs = title_jobs(here, metadata, language, summary, stored_titles(catalog_uri))
    with on_interrupt(stop.set), joined(options.address) as ray:
        preset, detector = as_made(catalog_uri, preset_name, detector)
        asked = _Asked(_absolute(catalog_uri), _preset(preset), detector, workers, limits or Limits(), options)
        crew = _Crew(ray, asked, progress)
        with crew.at_work(jobs, stop) as (posts, catalog):
            progress.start("ingest", len(jobs), "titles")
            progress.note(f"Working on {len(posts)} machine{'s' * (len(posts) != 1)} of a Ray cluster.")
            Dispatcher(ray, catalog, jobs, posts, crew.renew, options.retries, summary, progress, stop.is_set).run()
            notes, summary.peak_rss_mb = crew.finish(posts)
    for note in notes:
        progress.note(note)
    summary.seconds, summary.peak_rss_mb = time.monotonic() - started, summary.peak_rss_mb + peak_rss_mb()
    progress.end(ok=summary.titles_ok, failed=summary.titles_failed, skipped=summary.titles_skipped)
    return summary


@dataclass(frozen=True, slots=True)
class _Asked:
    """What `ingest_on_ray` was asked for, as every machine understands it."""

    catalog_uri: str
    preset: str
    detector: str
    workers: int
    limits: Limits
    options: RayOptions


class _Crew:
    """Starts stations and, where there are GPUs, actors that encode for them."""

    def __init__(self, ray: Any, asked: _Asked, progress: Progress) -> None:
        self._ray, self._asked, self._progress = ray, asked, progress
        self._catalog_uri, self._options = asked.catalog_uri, asked.options
        self._hosts: list[Any] = []
        self._films: list[tuple[str, int]] = []
        self._started: list[Post] = []
        self._opening: dict[Any, Post] = {}  # stations that came later, by the promise that they are ready
        self._refused: set[str] = set()  # machines that do not see what they must
        self._stop = threading.Event()
        self._identity = ""

    @contextmanager
    def at_work(self, jobs: Sequence[TitleJob], stop: threading.Event) -> Iterator[tuple[list[Post], Catalog]]:
        """Stations on all machines that see catalog and films, and the catalog; none is left after the block."""
        self._stop, self._films = stop, _some_films(jobs)
        there = machines(self._ray)
        if not there:
            raise UsageError("No machine of the cluster has a processor to give.", "Start a node with --num-cpus 1.")
        try:
            self._start_hosts(there)
            first, others = self._first_of(there)
            catalog = Catalog.open(self._catalog_uri)
            if catalog.identity != self._identity:
                raise _not_shared(first.machine, self._catalog_uri)
            rest = [post for post in [self._start(machine) for machine in others] if self._answers(post)]
            yield [first, *rest], catalog
        finally:
            for actor in [*(post.actor for post in self._started), *self._hosts]:
                with suppress(Exception):
                    self._ray.kill(actor)

    def renew(self, taken: set[str]) -> list[Post]:
        """Start stations on machines that are not taken: those that came later, or whose station died.

        Returns those that have become ready since the last call; nobody waits for them.
        """
        known = taken | self._refused | {post.machine.node_id for post in self._opening.values()}
        for machine in machines(self._ray):
            if machine.node_id not in known:
                post = self._start(machine)
                self._opening[self._open(post)] = post
        ready = []
        waiting = list(self._opening)
        for promise in self._ray.wait(waiting, num_returns=len(waiting), timeout=0)[0] if waiting else []:
            post = self._opening.pop(promise)
            try:
                self._identified(post, promise)
                ready.append(post)
            except self._ray.exceptions.RayError:  # it went as it came
                continue
            except MediafmError as error:
                self._refused.add(post.machine.node_id)
                self._progress.note(f"{post.machine.address} came and cannot be used: {error}")
        return ready

    def finish(self, posts: Sequence[Post]) -> tuple[set[str], float]:
        """What stations have to say at the end: sentences for the user, and their peak memory, added up."""
        notes, memory = set(), 0.0
        for promise in [post.actor.close.remote() for post in posts]:
            with suppress(self._ray.exceptions.RayError):
                note, peak = self._ray.get(promise, timeout=_END_S)
                notes |= {note} - {""}
                memory += peak
        return notes, memory

    def _start_hosts(self, there: Sequence[Machine]) -> None:
        total = sum(machine.gpus for machine in there)
        gpus = self._options.gpus if self._options.gpus is not None else min(1.0, total)
        count = self._options.hosts or (int(total / gpus) if gpus else 0)
        if gpus > total:
            raise UsageError(
                f"The cluster has {total:g} GPUs; an actor of encoders is to take {gpus:g}.", "Lower --gpus, or give 0."
            )
        self._hosts = start_hosts(self._ray, EncoderHost, count, gpus, self._asked.preset)

    def _first_of(self, there: Sequence[Machine]) -> tuple[Post, Sequence[Machine]]:
        """A station that has opened the catalog, or made it, and the machines that come after its own."""
        for n, machine in enumerate(there, 1):
            post = self._start(machine)
            if self._answers(post, make=True):
                return post, there[n:]
        raise MediafmError(
            f"None of {len(there)} machines of the cluster could be worked on.", "See `ray status`, and run it again."
        )

    def _answers(self, post: Post, make: bool = False) -> bool:
        """Wait until a station is ready; False where it is lost: the cluster names a machine for a while after it died.

        Raises what the station could not do, and where.
        """
        try:
            self._identity = self._opened(post, make)
        except self._ray.exceptions.RayError:
            self._progress.note(f"{post.machine.address} does not answer; the work is begun without it.")
            return False
        return True

    def _start(self, machine: Machine) -> Post:
        processors = int(machine.processors)
        workers = workers_for(self._asked.workers, 1 << 30, processors)
        host = self._hosts[len(self._started) % len(self._hosts)] if self._hosts else None
        asked = self._asked
        setting = asked.preset, asked.detector, workers, asked.limits, processors, own_options(), host
        post = Post(start_on(self._ray, Station, machine, min(workers, processors), *setting), machine, workers)
        self._started.append(post)
        return post

    def _opened(self, post: Post, make: bool = False) -> str:
        """Wait until a station is ready; what it says the catalog is. Raises what it could not do, and where."""
        promise = self._open(post, make)
        until = time.monotonic() + _READY_S
        while not self._ray.wait([promise], timeout=0.5)[0]:
            if self._stop.is_set():
                raise KeyboardInterrupt
            if time.monotonic() > until:
                raise MediafmError(
                    f"{post.machine.address} was not ready after {_READY_S / 60:.0f} minutes.",
                    "See that its processors are not all taken, and that it can load the preset's encoders.",
                )
        return self._identified(post, promise)

    def _open(self, post: Post, make: bool = False) -> Any:
        return post.actor.open.remote(self._catalog_uri, make, self._films)

    def _identified(self, post: Post, promise: Any) -> str:
        """What a station that is ready says the catalog is."""
        try:
            _, identity = self._ray.get(promise)
        except self._ray.exceptions.RayTaskError as error:
            raise _unseen(at_machine(error, post.machine)) from None
        if self._identity and identity != self._identity:
            raise _not_shared(post.machine, self._catalog_uri)
        return str(identity)


def _some_films(jobs: Sequence[TitleJob]) -> list[tuple[str, int]]:
    """Paths and sizes of some films of this machine's file system, evenly chosen."""
    local = [job.path for job in jobs if isinstance(job.path, Path)]
    chosen = local[:: max(1, len(local) // _SAMPLED)]
    return [(str(path), path.stat().st_size) for path in chosen if path.is_file()]


def _absolute(uri: str) -> str:
    return uri if is_remote(uri) else str(Path(uri.removeprefix("file://")).expanduser().absolute())


def _preset(name: str) -> str:
    return name if name in PRESETS else str(Path(name).expanduser().absolute())


def _unseen(error: Exception) -> Exception:
    if isinstance(error, MediafmError):
        every = "Every machine must see the catalog and the films: use object storage, or a file system they share."
        error.remedy = f"{error.remedy} {every}".strip()
    return error


def _not_shared(machine: Machine, uri: str) -> MediafmError:
    return MediafmError(
        f"On {machine.address} {uri} is another catalog than here.",
        "Put the catalog where every machine sees the same: object storage, or a file system they share.",
    )
