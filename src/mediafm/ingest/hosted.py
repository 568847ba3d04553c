"""Clips of the catalog's own films through a hosted embedding service, into a clip set.

One film after another is cut in one pass; clips go out while the pass goes on, a few at a time. The price of each is
set aside before it is sent, in the order in which clips are cut, so that a cap is met by the same clips every time.
Whatever was paid for is in the cache before anything else happens to it, and in the catalog when its film is done, or
when the run ends, however it ends.
"""

import os
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from mediafm.catalog import Catalog, TitleClips, check_clips, read_clips
from mediafm.encoders.hosted import (
    Budget,
    BudgetSpentError,
    CallFailedError,
    Clip,
    Clock,
    HostedCache,
    HostedClient,
    HostedService,
    NotEvaluatedError,
    StoppedError,
)
from mediafm.errors import UsageError
from mediafm.ingest.cutting import CutClip, cut_clips
from mediafm.ingest.hosted_plan import HostedPlan, PlannedClip, clip_set_spec, cut_options, make_plan
from mediafm.interrupts import on_interrupt
from mediafm.progress import SILENT, Progress
from mediafm.types import FloatArray


@dataclass
class HostedSummary:
    """What a run did with the rows of a table. Keys of `as_json` are the command line's contract.

    embedded: by calls of this run; from_cache, already_there: paid for earlier. not_evaluated: rows that the service
    does not take; failed: rows that another run may get. left: rows not sent since the cap was met. unconfirmed_usd:
    of calls without an answer, which may have been charged.
    """

    service: str
    model: str
    clip_set: str
    clips: int
    max_usd: float
    embedded: int = 0
    from_cache: int = 0
    already_there: int = 0
    not_evaluated: list[PlannedClip] = field(default_factory=list)
    failed: list[PlannedClip] = field(default_factory=list)
    left: int = 0
    spent_usd: float = 0.0
    unconfirmed_usd: float = 0.0
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """The document `--json` prints."""
        lists = ("not_evaluated", "failed")
        plain = {k: v for k, v in vars(self).items() if k not in lists}
        rounded = {k: round(v, 6) if isinstance(v, float) else v for k, v in plain.items()}
        listed = {name: [c.as_json() for c in sorted(getattr(self, name), key=lambda c: c.row)] for name in lists}
        return {**rounded, **listed}


def plan_hosted(
    clips: str | os.PathLike[str],
    catalog_uri: str,
    service: HostedService,
    clip_set: str = "",
    *,
    base_url: str = "",
    cache: HostedCache | None = None,
) -> HostedPlan:
    """What `embed_hosted` would send and what it would cost; sends nothing and needs no key."""
    catalog = Catalog.open(catalog_uri)
    table = check_clips(read_clips(clips), catalog)
    return make_plan(table, catalog, service, clip_set, base_url, cache or HostedCache())


def embed_hosted(
    clips: str | os.PathLike[str],
    catalog_uri: str,
    service: HostedService,
    clip_set: str,
    max_usd: float,
    *,
    workers: int = 4,
    base_url: str = "",
    environment: Mapping[str, str] | None = None,
    cache: HostedCache | None = None,
    clock: Clock | None = None,
    seed: int = 0,
    timeout_s: float = 180.0,
    progress: Progress = SILENT,
) -> HostedSummary:
    """Embed the clips of a table (title, start, end in seconds) by a service and store them in the clip set.

    Clips that the set or the cache holds are not sent. max_usd: no call is made that could take what this run spent
    beyond it. base_url: in place of the service's own address. environment: where the key is (os.environ). seed: of
    the waits between attempts. Raises ImportDataError for rows that do not fit, UsageError for a key that is missing
    or refused; what was paid for until then is stored.
    """
    if max_usd <= 0 or not np.isfinite(max_usd) or workers < 1:
        raise UsageError(f"A cap of ${max_usd:g} and {workers} workers make no run.", "Give more than zero of both.")
    started, store = time.monotonic(), cache or HostedCache()
    account = service.account(environment, base_url)
    plan = plan_hosted(clips, catalog_uri, service, clip_set, base_url=base_url, cache=store)
    catalog, budget, the_clock = Catalog.open(catalog_uri), Budget(max_usd), clock or Clock()
    catalog.add_clip_set(clip_set_spec(service, clip_set))
    store.check()
    client = HostedClient(service, account, budget, store, the_clock, timeout_s=timeout_s)
    summary = HostedSummary(service.name, service.model, clip_set, len(plan.clips), max_usd)
    run = _Run(catalog, client, budget, store, the_clock, plan, summary, workers, seed, progress)
    try:
        with on_interrupt(run.interrupt):
            run.go()
    finally:
        client.close()
        summary.spent_usd, summary.unconfirmed_usd = budget.spent, budget.unconfirmed
        summary.seconds = time.monotonic() - started
    return summary


class _Run:
    """One run: the clips under way, what has come of the others, and what is still to be stored."""

    def __init__(
        self,
        catalog: Catalog,
        client: HostedClient,
        budget: Budget,
        cache: HostedCache,
        clock: Clock,
        plan: HostedPlan,
        summary: HostedSummary,
        workers: int,
        seed: int,
        progress: Progress,
    ) -> None:
        self._catalog, self._client, self._budget, self._cache, self._clock = catalog, client, budget, cache, clock
        self._plan, self._summary, self._workers, self._seed, self._progress = plan, summary, workers, seed, progress
        self._under_way: dict[Future[FloatArray], PlannedClip] = {}
        self._vectors: dict[str, list[tuple[PlannedClip, FloatArray]]] = {}  # by title, not yet in the catalog
        self._cap_met = self._interrupted = False

    def interrupt(self) -> None:
        """End soon: nobody waits any longer, and what is under way is collected."""
        self._interrupted = True
        self._clock.stop()

    def go(self) -> None:
        """All of it; what is there is stored also when something goes wrong on the way."""
        self._progress.start("hosted", len(self._plan.clips), "clips")
        pool = ThreadPoolExecutor(self._workers)
        try:
            self._take_what_is_there()
            with tempfile.TemporaryDirectory(prefix="mediafm-") as folder:
                to_send = sorted(self._plan.of("send"), key=lambda c: (c.title, c.row))
                for _, clips in groupby(to_send, key=lambda c: c.title):
                    self._send(list(clips), Path(folder), pool)
                    self._flush()
                self._settle(0)
        except BaseException:
            self._clock.stop()
            pool.shutdown(wait=True, cancel_futures=True)
            self._collect([f for f in self._under_way if f.done() and not f.cancelled()], raising=False)
            raise
        finally:
            pool.shutdown(wait=True)
            self._flush()
        facts = {"not_evaluated": len(self._summary.not_evaluated), "failed": len(self._summary.failed)}
        self._progress.end(embedded=self._summary.embedded, **facts)

    def _take_what_is_there(self) -> None:
        for clip in self._plan.clips:
            if clip.state == "refused":
                self._refuse(clip, clip.reason)
            elif clip.state == "failed":
                self._fail(clip, clip.reason)
            elif clip.state == "stored":
                self._summary.already_there += 1
                self._progress.advance(1)
            elif clip.state == "cached":
                vector = self._cache.vector(clip.key)
                assert vector is not None  # it was read while planning
                self._keep(clip, vector)
                self._summary.from_cache += 1
                self._progress.advance(1)
        self._flush()

    def _send(self, clips: list[PlannedClip], folder: Path, pool: ThreadPoolExecutor) -> None:
        """Cut one film's clips and hand them on, as long as the cap allows."""
        waiting = dict(enumerate(clips))
        spans = [(clip.start_s, clip.end_s) for clip in clips]
        options = cut_options(self._plan.service)
        for number, cut in cut_clips(clips[0].film, spans, folder, options) if not self._cap_met else ():
            self._go_on()
            clip = waiting.pop(number)
            if isinstance(cut, str):
                self._fail(clip, cut)
            elif not self._submit(clip, cut, pool):
                self._cap_met = True
                self._leave(1)
                break
        self._leave(len(waiting))

    def _submit(self, clip: PlannedClip, cut: CutClip, pool: ThreadPoolExecutor) -> bool:
        """Send one clip, unless it turns out that it need not or must not be; False where the cap forbids it."""
        to_send = Clip(cut.path.read_bytes(), cut.duration_s, cut.width, cut.height, cut.has_sound)
        cut.path.unlink()
        try:
            self._plan.service.limits.check(to_send)
        except NotEvaluatedError as error:
            self._refuse(clip, str(error))
            return True
        if clip.key in {other.key for other in self._under_way.values()}:
            self._settle(0)  # the same film under two titles
        vector = self._cache.vector(clip.key)
        if vector is not None:
            self._keep(clip, vector)
            self._summary.from_cache += 1
            self._progress.advance(1)
            return True
        self._settle(2 * self._workers - 1)
        if clip.usd and not self._reserve(clip.usd):
            return False
        rng = np.random.default_rng([self._seed, clip.row])
        span = {"title": clip.title, "start_s": clip.start_s, "end_s": clip.end_s}
        about = {"model": self._plan.service.source, **span}
        future = pool.submit(self._client.embed, to_send, clip.key, rng, bool(clip.usd), about)
        self._under_way[future] = clip
        return True

    def _reserve(self, usd: float) -> bool:
        """Set a price aside; calls under way may yet turn out to cost nothing."""
        while not self._budget.reserve(usd):
            if not self._under_way:
                return False
            self._settle(len(self._under_way) - 1)
        return True

    def _settle(self, at_most: int) -> None:
        """Wait until no more than so many clips are under way."""
        while len(self._under_way) > at_most:
            done, _ = wait(self._under_way, return_when=FIRST_COMPLETED)
            self._go_on()
            self._collect(list(done))

    def _go_on(self) -> None:
        if self._interrupted:
            raise KeyboardInterrupt

    def _collect(self, done: list[Future[FloatArray]], raising: bool = True) -> None:
        for future in done:
            clip = self._under_way.pop(future)
            try:
                self._keep(clip, future.result())
                self._summary.embedded += 1
                self._progress.advance(1, spent_usd=self._budget.spent)
            except NotEvaluatedError as error:
                self._refuse(clip, str(error))
            except CallFailedError as error:
                self._fail(clip, str(error))
            except (BudgetSpentError, StoppedError):
                self._leave(1)
            except Exception:
                if raising:
                    raise

    def _keep(self, clip: PlannedClip, vector: FloatArray) -> None:
        self._vectors.setdefault(clip.title, []).append((clip, vector))

    def _refuse(self, clip: PlannedClip, reason: str) -> None:
        self._summary.not_evaluated.append(replace(clip, reason=reason))
        self._progress.advance(1)

    def _fail(self, clip: PlannedClip, reason: str) -> None:
        self._summary.failed.append(replace(clip, reason=reason))
        self._progress.advance(1)

    def _leave(self, n: int) -> None:
        self._summary.left += n
        self._progress.advance(n)

    def _flush(self) -> None:
        """Store what has gathered in the catalog. More may come for a title: other spans are left alone."""
        titles, self._vectors = self._vectors, {}
        self._catalog.write_clips(self._summary.clip_set, (_title_clips(t, held) for t, held in titles.items()))


def _title_clips(title: str, held: list[tuple[PlannedClip, FloatArray]]) -> TitleClips:
    clips, vectors = zip(*held, strict=True)
    starts, ends = np.array([c.start_s for c in clips]), np.array([c.end_s for c in clips])
    return TitleClips(title, starts, ends, np.stack(vectors))
