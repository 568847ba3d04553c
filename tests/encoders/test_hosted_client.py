"""The client against a server that misbehaves in every way: what is tried again, what it costs, what is kept."""

from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hosted_server import ENVIRONMENT, SECRET, FastClock, HostedServer, Reply, hosted_server, vector_of
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
    TwelveLabs,
    load_service,
)
from mediafm.errors import UsageError

CLIP = Clip(bytes(range(256)), 10.0, 640, 360, True)


class Stops(Clock):
    """Whoever wants to wait finds that the run is over."""

    def sleep(self, seconds: float) -> None:
        self.stop()
        super().sleep(seconds)  # ends at once


class Bench:
    """A server, a client and everything around it."""

    def __init__(self, server: HostedServer, folder: Path) -> None:
        self.server, self.clock, self.cache = server, FastClock(), HostedCache(folder)
        self.budget = Budget(1.0)

    def embed(self, service: HostedService | str = "nova", clip: Clip = CLIP, **options: Any) -> np.ndarray:
        """Embed a clip whose price is set aside, as the run does it."""
        chosen = load_service(service) if isinstance(service, str) else service
        clock = options.pop("clock", self.clock)
        account = chosen.account(ENVIRONMENT, self.server.url)
        client = HostedClient(chosen, account, self.budget, self.cache, clock, **options)
        reserved = not self.cache.task("k")
        assert not reserved or self.budget.reserve(chosen.price.of(clip.duration_s))
        try:
            return client.embed(clip, "k", np.random.default_rng(0), reserved, {"title": "a"})
        finally:
            client.close()

    @property
    def calls(self) -> int:
        return len(self.server.embedded)

    def paid(self, spent: float, unconfirmed: float = 0, usd: float = 0.0084) -> bool:
        """Whether just so many calls were paid, and nothing is left aside."""
        found = (self.budget.spent, self.budget.unconfirmed, self.budget.reserved)
        return found == pytest.approx((spent * usd, unconfirmed * usd, 0), abs=1e-12)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with hosted_server() as server:
        yield Bench(server, tmp_path)


@pytest.mark.parametrize(("name", "dim"), [("vertex", 1408), ("nova", 3072), ("twelvelabs", 512)])
def test_a_good_answer_is_kept_before_it_is_returned(bench: Bench, name: str, dim: int) -> None:
    vector = bench.embed(name)
    np.testing.assert_array_equal(vector, np.float32(vector_of(CLIP.data, dim)))
    np.testing.assert_array_equal(bench.cache.vector("k"), vector)
    assert bench.calls == 1
    assert bench.server.received[0].clip == CLIP.data
    assert bench.budget.spent == pytest.approx(load_service(name).price.of(10))
    assert bench.clock.slept == []


@pytest.mark.parametrize(
    ("replies", "spent", "unconfirmed", "waits"),
    [
        ([Reply(500), Reply(503, b"<html>")], 1, 0, [(0.5, 1), (1, 2)]),
        ([Reply(529, {"message": "busy"})], 1, 0, [(0.5, 1)]),
        ([Reply(504)], 1, 1, [(0.5, 1)]),
        ([Reply(408)], 1, 1, [(0.5, 1)]),
        ([Reply(drop=True)], 1, 1, [(0.5, 1)]),
        ([Reply(429)], 1, 0, [(0.5, 1)]),
        ([Reply(429, headers={"Retry-After": "7"})], 1, 0, [(0.5, 1), (6, 7.7)]),
        ([Reply(500)] * 4, 1, 0, [(0.5, 1), (1, 2), (2, 4), (4, 8)]),
    ],
)
def test_what_passes_is_tried_again_after_a_wait(
    bench: Bench, replies: list[Reply], spent: float, unconfirmed: float, waits: list[tuple[float, float]]
) -> None:
    bench.server.replies = list(replies)
    np.testing.assert_array_equal(bench.embed(), np.float32(vector_of(CLIP.data, 3072)))
    assert bench.calls == len(replies) + 1
    assert bench.paid(spent, unconfirmed)
    assert len(bench.clock.slept) == len(waits)
    for slept, (least, most) in zip(bench.clock.slept, waits, strict=True):
        assert least <= slept <= most


def test_a_limit_of_the_rate_is_waited_for_to_the_date_or_the_reset(bench: Bench) -> None:
    date = format_datetime(datetime.fromtimestamp(bench.clock.now + 30, UTC), usegmt=True)
    bench.server.replies = [Reply(429, headers={"Retry-After": date})]
    bench.embed()
    assert 29 <= sum(bench.clock.slept) <= 34
    bench.clock.slept.clear()
    now = bench.clock.now
    headers = {
        "X-Ratelimit-Request-Reset": f"{now + 9:.0f}",
        "X-Ratelimit-Request-Remaining": "4",
        "X-Ratelimit-Duration-Reset": f"{now + 50:.0f}",
        "X-Ratelimit-Duration-Remaining": "0",
    }
    bench.server.replies = [Reply(429, headers=headers)]
    bench.embed("twelvelabs")
    assert 49 <= sum(bench.clock.slept) <= 56


def test_all_workers_wait_for_a_limit_of_the_rate(bench: Bench) -> None:
    service, rng = load_service("nova"), np.random.default_rng(0)

    class Busy(FastClock):
        """While the first worker waits, a second one comes by."""

        second = False

        def sleep(self, seconds: float) -> None:
            if seconds > 30 and not self.second:
                self.second = True
                client.embed(CLIP, "l", rng, False, {})
            super().sleep(seconds)

    clock = Busy()
    account = service.account(ENVIRONMENT, bench.server.url)
    client = HostedClient(service, account, bench.budget, bench.cache, clock)
    bench.server.replies = [Reply(429, headers={"Retry-After": "40"})]
    client.embed(CLIP, "k", rng, False, {})
    client.close()
    assert len([s for s in clock.slept if 39 <= s <= 44]) == 2
    assert bench.calls == 3


def test_a_limit_that_lasts_too_long_is_not_waited_for(bench: Bench) -> None:
    bench.server.replies = [Reply(429, {"message": "daily quota"}, {"Retry-After": "86400"})]
    with pytest.raises(CallFailedError, match=r"asks to wait for 86400 s .*daily quota"):
        bench.embed()
    assert (bench.calls, bench.clock.slept) == (1, [])
    assert bench.paid(0)


def test_attempts_come_to_an_end(bench: Bench) -> None:
    bench.server.replies = [Reply(500, {"message": "on fire"})] * 9
    with pytest.raises(CallFailedError, match="after 5 attempts: HTTP 500: on fire"):
        bench.embed()
    assert bench.calls == 5
    assert bench.paid(0)
    assert bench.cache.vector("k") is None


def test_an_answer_that_does_not_come_in_time_may_have_been_charged(bench: Bench) -> None:
    bench.server.replies = [Reply(delay_s=0.6)]
    bench.embed(timeout_s=0.3)
    assert bench.calls == 2
    assert bench.paid(1, 1)


def test_nobody_there_costs_nothing(bench: Bench, tmp_path: Path) -> None:
    with hosted_server() as gone:
        bench.server.url = gone.url
    with pytest.raises(CallFailedError, match="after 5 attempts: no connection"):
        bench.embed()
    assert bench.paid(0)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"<html>",
        b"null",
        {"embeddings": []},
        {"embeddings": [{"embedding": [0.5] * 1024}]},
        b'{"embeddings": [{"embedding": [' + b",".join([b"NaN"] * 3072) + b"]}]}",
    ],
)
def test_a_bad_answer_is_paid_once_and_not_asked_for_again(bench: Bench, body: Any) -> None:
    bench.server.replies = [Reply(200, body)]
    with pytest.raises(CallFailedError, match="Amazon Bedrock: the"):
        bench.embed()
    assert bench.calls == 1
    assert bench.paid(1)
    assert bench.cache.vector("k") is None


@pytest.mark.parametrize("status", [400, 404, 409, 413, 422])
def test_a_refusal_is_the_services_own_words(bench: Bench, status: int) -> None:
    bench.server.replies = [Reply(status, {"message": "video\n too  odd"})]
    with pytest.raises(NotEvaluatedError, match=f"Bedrock does not take it .HTTP {status}: video too odd"):
        bench.embed()
    assert bench.calls == 1
    assert bench.paid(0)


@pytest.mark.parametrize("reply", [Reply(401), Reply(403, {"message": "no access to the model"}), Reply(402)])
def test_a_key_that_is_refused_stops_all_with_a_remedy(bench: Bench, reply: Reply) -> None:
    bench.server.replies = [reply]
    with pytest.raises(UsageError, match="does not let this key in") as raised:
        bench.embed()
    assert "AWS_BEARER_TOKEN_BEDROCK" in raised.value.remedy
    assert bench.clock.stopped  # for the other workers
    assert bench.calls == 1
    assert bench.paid(0)


def test_a_server_that_repeats_the_key_does_not_get_it_shown(bench: Bench) -> None:
    for status, error in ((400, NotEvaluatedError), (401, UsageError), (500, CallFailedError)):
        bench.server.replies = [Reply(status, {"error": {"message": f"key {SECRET} is odd"}})] * 5
        with pytest.raises(error, match=r"key \*\*\* is odd") as raised:
            bench.embed(clock=FastClock())
        assert SECRET not in str(raised.value)
    assert not any(SECRET in p.read_text() for p in bench.cache.folder.rglob("*") if p.is_file())


def test_another_way_is_not_followed(bench: Bench) -> None:
    bench.server.replies = [Reply(307, headers={"Location": "https://elsewhere.example/"})]
    with pytest.raises(CallFailedError, match="HTTP 307"):
        bench.embed()
    assert bench.paid(0)


def test_another_attempt_must_fit_under_the_cap(bench: Bench) -> None:
    bench.budget.max_usd = 0.0084
    bench.server.replies = [Reply(drop=True)]
    with pytest.raises(BudgetSpentError):
        bench.embed()
    assert bench.calls == 1
    assert bench.paid(0, 1)


def test_waiting_ends_when_the_run_stops(bench: Bench) -> None:
    bench.server.replies = [Reply(503)] * 5
    with pytest.raises(StoppedError):
        bench.embed(clock=Stops())
    assert bench.calls == 1
    assert bench.paid(0)


# tasks ------------------------------------------------------------------------------------------------------------

TASK = TwelveLabs(sync_max_s=5)
USD = TASK.price.of(10)


def state(status: str, **more: Any) -> Reply:
    return Reply(200, {"_id": "task-1", "status": status, "data": None, **more})


def test_a_task_is_begun_and_polled_until_it_is_ready(bench: Bench) -> None:
    bench.server.task_states = [state("processing"), Reply(503), state("processing")]
    np.testing.assert_array_equal(bench.embed(TASK), np.float32(vector_of(CLIP.data, 512)))
    assert [(r.method, r.path) for r in bench.server.received] == [
        ("POST", "/embed-v2/tasks"),
        *[("GET", "/embed-v2/tasks/task-1")] * 4,
    ]
    assert bench.clock.slept.count(5.0) == 2
    assert bench.paid(1, usd=USD)
    assert bench.cache.task("k") == ""


def test_a_task_that_is_not_ready_in_time_is_asked_for_by_the_next_run(bench: Bench) -> None:
    bench.server.task_states = [state("processing")] * 9
    with pytest.raises(CallFailedError, match="task task-1 is not ready after 20 s; run the same command again"):
        bench.embed(TASK, task_deadline_s=20)
    assert bench.cache.task("k") == "task-1"
    bench.server.task_states = []
    bench.embed(TASK)
    assert bench.calls == 1
    assert bench.paid(1, usd=USD)


def test_a_run_that_dies_while_a_task_works_does_not_pay_again(bench: Bench) -> None:
    bench.server.task_states = [state("processing")] * 99
    with pytest.raises(StoppedError):
        bench.embed(TASK, clock=Stops())
    bench.server.task_states = []
    bench.embed(TASK)
    assert bench.calls == 1
    assert bench.paid(1, usd=USD)


def test_a_task_that_is_gone_is_begun_anew(bench: Bench) -> None:
    bench.cache.put_task("k", "task-0")
    bench.server.task_states = [Reply(404, {"message": "no such task"})]
    bench.embed(TASK)
    assert [r.path for r in bench.server.received] == [
        "/embed-v2/tasks/task-0",
        "/embed-v2/tasks",
        "/embed-v2/tasks/task-1",
    ]
    assert bench.paid(1, usd=USD)


def test_a_task_that_failed_may_or_may_not_be_charged(bench: Bench) -> None:
    bench.server.task_states = [state("failed", error={"message": "cannot decode"})]
    with pytest.raises(CallFailedError, match="TwelveLabs could not embed it: cannot decode"):
        bench.embed(TASK)
    assert bench.cache.task("k") == ""
    assert bench.paid(0, 1, usd=USD)


def test_a_task_without_an_id_or_a_known_state_failed(bench: Bench) -> None:
    bench.server.replies = [Reply(200, {"status": "processing"})]
    with pytest.raises(CallFailedError, match="no id of a task"):
        bench.embed(TASK)
    bench.server.task_states = [state("resting")]
    with pytest.raises(CallFailedError, match="status 'resting'"):
        bench.embed(TASK)
