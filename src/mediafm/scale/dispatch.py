"""Who does which title: handing out, counting, and what happens when a station dies.

A station that died takes the titles it had in hand with it; they are done again elsewhere, and only they. Where its
machine is gone as well, that was nobody's fault. Where only the process died, one of its titles may have killed it:
each is then done alone on a station, so that the one that kills is known, and the others go their way.
"""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from mediafm.catalog import Catalog
from mediafm.errors import CatalogError, MediafmError
from mediafm.ingest import IngestSummary, Outcome, TitleJob
from mediafm.progress import Progress
from mediafm.scale.cluster import Machine, is_alive

AHEAD = 2  # titles that a station has in hand beside those it reads: waiting to begin, or for their commit
OPTIMIZE_EVERY = 100  # titles
_LOOK_S, _RENEW_S = 0.5, 5.0
_PATIENCE_S = 600.0  # without any station, before giving up: machines come, encoders are loaded
_NOTICE_S, _NOTICE_EVERY_S = 6.0, 0.25  # for the cluster to see that a machine is gone whose station does not answer
_MOST_DEATHS = 5  # of stations on one machine, without a title done in between


@dataclass(slots=True)
class Ticket:
    """A title on its way. lost: how often its station died with it. failed: how often it failed for passing reasons."""

    job: TitleJob
    lost: int = 0
    failed: int = 0
    alone: bool = False


@dataclass(slots=True, eq=False)
class Post:
    """A station, where it is, how many titles it reads at once, and what it has in hand, by the promise of its end."""

    actor: Any
    machine: Machine
    workers: int
    hand: dict[Any, Ticket] = field(default_factory=dict)

    def takes(self, ticket: Ticket) -> bool:
        """Whether the title may be given to it now."""
        if ticket.alone or any(other.alone for other in self.hand.values()):
            return not self.hand
        return len(self.hand) < self.workers + AHEAD

    @property
    def load(self) -> float:
        """Titles in hand for each it reads at once."""
        return len(self.hand) / self.workers


class Dispatcher:
    """Runs all titles through stations. `renew(machines that have a post)` starts stations on others that are there."""

    def __init__(
        self,
        ray: Any,
        catalog: Catalog,
        jobs: Iterable[TitleJob],
        posts: list[Post],
        renew: Callable[[set[str]], list[Post]],
        retries: int,
        summary: IngestSummary,
        progress: Progress,
        stopped: Callable[[], bool],
    ) -> None:
        self._ray, self._catalog, self._renew, self._retries = ray, catalog, renew, retries
        self._summary, self._progress, self._stopped = summary, progress, stopped
        self._waiting = deque(Ticket(job) for job in jobs)
        self.posts = posts
        self._deaths: Counter[str] = Counter()
        self._since_tidied = 0

    def run(self) -> None:
        """Until every title is stored or failed. Raises what storage raises; KeyboardInterrupt when stopped."""
        looked, last_seen = time.monotonic(), time.monotonic()
        while self._waiting or any(post.hand for post in self.posts):
            if self._stopped():
                raise KeyboardInterrupt
            if not self.posts or time.monotonic() - looked > _RENEW_S:
                self.posts += self._renew(self._taken())
                looked = time.monotonic()
            if self.posts:
                last_seen = time.monotonic()
            elif time.monotonic() - last_seen > _PATIENCE_S:
                raise MediafmError(
                    f"No machine of the cluster is left to work on {len(self._waiting)} titles.",
                    "What is stored stands. Bring machines back and run the command again.",
                )
            self._hand_out()
            self._gather()
        if self._since_tidied:
            self._catalog.optimize()

    def _taken(self) -> set[str]:
        worn = {node for node, deaths in self._deaths.items() if deaths > _MOST_DEATHS}
        return worn | {post.machine.node_id for post in self.posts}

    def _hand_out(self) -> None:
        """Give titles to the least busy stations, in order, as long as there is room."""
        while self._waiting:
            ticket = self._waiting[0]
            free = [post for post in self.posts if post.takes(ticket)]
            if not free:
                return
            self._waiting.popleft()
            post = min(free, key=lambda post: post.load)
            post.hand[post.actor.ingest_title.remote(ticket.job, bool(ticket.lost))] = ticket

    def _gather(self) -> None:
        promises = {promise: post for post in self.posts for promise in post.hand}
        if not promises:
            time.sleep(_LOOK_S)
            return
        ready, _ = self._ray.wait(list(promises), num_returns=len(promises), timeout=0)
        if not ready:
            ready, _ = self._ray.wait(list(promises), num_returns=1, timeout=_LOOK_S)
        for promise in ready:
            if promise in promises[promise].hand:  # else its station is known to have died
                self._settle(promises[promise], promise)

    def _settle(self, post: Post, promise: Any) -> None:
        errors = self._ray.exceptions
        try:
            outcome: Outcome = self._ray.get(promise)
        except errors.RayTaskError as error:
            raise at_machine(error, post.machine) from None
        except errors.RayError as error:
            self._bury(post, error)
            return
        ticket = post.hand.pop(promise)
        self._deaths[post.machine.node_id] = 0
        if outcome.passing and ticket.failed < self._retries:
            ticket.failed += 1
            self._waiting.append(ticket)
        else:
            self._count(outcome)

    def _bury(self, post: Post, error: Exception) -> None:
        """A station is no more: its titles go back to those that wait."""
        self.posts.remove(post)
        gone = self._is_gone(post.machine.node_id)
        self._deaths[post.machine.node_id] += not gone
        what = "its machine was lost" if gone else "the process that ingested it died"
        self._progress.note(f"{post.machine.address}: {what}; its {len(post.hand)} titles are done again.")
        for ticket in reversed(post.hand.values()):
            ticket.lost += 1
            ticket.alone = ticket.alone or not gone
            if ticket.lost <= self._retries:
                self._waiting.appendleft(ticket)
                continue
            reason = f"{ticket.job.address}: {what}, {ticket.lost} times ({_first_line(error)})."
            self._catalog.record_failure(ticket.job.title_id, ticket.job.address, reason)
            self._count(Outcome(ticket.job.title_id, reason=reason))

    def _is_gone(self, node_id: str) -> bool:
        """Whether a machine is no more: a station's silence is heard before the cluster misses its machine."""
        until = time.monotonic() + _NOTICE_S
        while is_alive(self._ray, node_id):
            if time.monotonic() > until:
                return False
            time.sleep(_NOTICE_EVERY_S)
        return True

    def _count(self, outcome: Outcome) -> None:
        self._summary.count(outcome)
        self._progress.advance(
            1, title=outcome.title_id, shots=self._summary.shots, machines=len(self.posts), waiting=len(self._waiting)
        )
        self._since_tidied += outcome.record is not None and not outcome.kept
        if self._since_tidied >= OPTIMIZE_EVERY:
            self._catalog.optimize()
            self._since_tidied = 0


def at_machine(error: Any, machine: Machine) -> Exception:
    """What went wrong on a machine, naming it; a fault of ours as it came."""
    cause: Exception = error.as_instanceof_cause()
    if not isinstance(cause, MediafmError):
        return cause
    kind = CatalogError if isinstance(cause, CatalogError) else MediafmError
    return kind(f"On {machine.address}: {cause.message}", cause.remedy)


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)[:200]
