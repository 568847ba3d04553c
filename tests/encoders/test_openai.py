"""Text by OpenAI's form of embeddings, against a server that misbehaves in every way."""

import logging
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hosted_server import SECRET, FastClock, Reply, vector_of
from mediafm.encoders import Encoder, PaidEncoder, TextEncoder, checked, load_preset
from mediafm.encoders.hosted.text_cache import TextCache, text_key
from mediafm.encoders.hosted.texts import TextService
from mediafm.encoders.openai import OpenAIEncoder, split_bytes
from mediafm.encoders.vectors import unit_rows
from mediafm.errors import CatalogError, EncoderError, ServiceError, UsageError
from mediafm.types import ShotInput
from openai_server import OpenAIServer, openai_server, write_preset

DIM = 16
ENVIRONMENT = {"OPENAI_API_KEY": SECRET}
TEXTS = [f"line {i} of the film" for i in range(7)]


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with openai_server() as running:
        yield running


class Bench:
    """Encoders that ask the server and share one cache."""

    def __init__(self, server: OpenAIServer, folder: Path) -> None:
        self.server, self.folder, self.clock = server, folder, FastClock()

    def encoder(self, max_cost: float | None = None, environment: Any = ENVIRONMENT, **service: Any) -> OpenAIEncoder:
        options = {"base_url": f"{self.server.url}/v1", "usd_per_million": 0.13, **service}
        asked = TextService("text-embedding-3-large", DIM, **options)
        cache = TextCache(asked.model, asked.dim, self.folder)
        return OpenAIEncoder(
            asked, max_cost, cache=cache, clock=lambda: self.clock, environment=environment, timeout_s=0.5
        )


@pytest.fixture
def bench(server: OpenAIServer, tmp_path: Path) -> Bench:
    return Bench(server, tmp_path / "cache")


def truth(texts: list[str]) -> np.ndarray:
    return unit_rows(np.stack([np.float32(vector_of(t.encode(), DIM)) for t in texts]))


def shot(text: str) -> ShotInput:
    return ShotInput((), (), None, text, 1.0)


def test_it_is_an_encoder_like_any_other(bench: Bench) -> None:
    encoder = bench.encoder()
    assert isinstance(encoder, Encoder) and isinstance(encoder, TextEncoder) and isinstance(encoder, PaidEncoder)
    assert encoder.batch >= 100
    shots = [shot(t) for t in ("Hello.", "", "Good night.", " \n", "日本語", "Hello.")]
    encoded = checked(encoder, shots)
    assert encoded.present.tolist() == [True, False, True, False, True, True]
    np.testing.assert_allclose(encoded.vectors[[0, 2, 4]], truth(["Hello.", "Good night.", "日本語"]), atol=1e-6)
    alone = np.concatenate([checked(encoder, [s]).vectors for s in shots[::-1]])[::-1]
    np.testing.assert_array_equal(alone, encoded.vectors)
    assert bench.server.sizes == [3]
    assert checked(encoder, []).vectors.shape == (0, DIM)


def test_the_request_is_the_documented_one(bench: Bench) -> None:
    bench.encoder().encode_texts(["Hello."])
    (received,) = bench.server.received
    wanted = {"model": "text-embedding-3-large", "input": ["Hello."], "encoding_format": "float", "dimensions": DIM}
    assert received.body == wanted
    assert received.headers["authorization"] == f"Bearer {SECRET}"
    bench.encoder(ask_dimensions=False).encode_texts(["Bye."])
    assert "dimensions" not in bench.server.received[1].body


def test_vectors_find_their_texts_in_any_order(bench: Bench) -> None:
    bench.server.backwards = True
    np.testing.assert_allclose(bench.encoder().encode_texts(TEXTS), truth(TEXTS), atol=1e-6)


def test_the_fingerprint_needs_neither_network_nor_key_and_follows_what_counts(bench: Bench) -> None:
    def made(**changes: Any) -> str:
        options = {"model": "text-embedding-3-large", "dimensions": 768, **changes}
        return OpenAIEncoder(TextService(**options), environment={}).fingerprint

    assert made() == made(usd_per_million=9.0) == made(key_variable="OTHER") == made(base_url="https://a.example/v1")
    assert len({made(), made(dimensions=512), made(model="text-embedding-3-small")}) == 3
    assert bench.server.received == []


@pytest.mark.parametrize(
    ("replies", "waits"),
    [
        ([Reply(429, {"error": {"message": "slow"}}, {"Retry-After": "7"})], [(0.5, 1), (6, 7.7)]),
        ([Reply(429)], [(0.5, 1)]),
        ([Reply(500), Reply(503, b"<html>")], [(0.5, 1), (1, 2)]),
        ([Reply(200, delay_s=0.8)], [(0.5, 1)]),  # no answer in time
        ([Reply(200, cut=200)], [(0.5, 1)]),
        ([Reply(200, b'{"object": "list", "data": [{"index": 0, "embed')], [(0.5, 1)]),
        ([Reply(drop=True)], [(0.5, 1)]),
    ],
)
def test_what_passes_is_tried_again_after_a_wait(
    bench: Bench, replies: list[Reply], waits: list[tuple[float, float]]
) -> None:
    bench.server.replies = list(replies)
    np.testing.assert_allclose(bench.encoder().encode_texts(TEXTS), truth(TEXTS), atol=1e-6)
    assert len(bench.server.received) == len(replies) + 1
    assert len(bench.clock.slept) == len(waits)
    assert all(low <= s <= high for s, (low, high) in zip(bench.clock.slept, waits, strict=True))


def test_a_service_that_stays_away_is_given_up_and_can_be_asked_again_later(bench: Bench) -> None:
    bench.server.replies = [Reply(500, {"error": {"message": "on fire"}})] * 5
    encoder = bench.encoder()
    with pytest.raises(ServiceError, match="after 5 attempts: HTTP 500: on fire") as raised:
        encoder.encode_texts(TEXTS)
    assert "not sent a second time" in raised.value.remedy
    np.testing.assert_allclose(encoder.encode_texts(TEXTS), truth(TEXTS), atol=1e-6)


def _short(body: Any) -> Any:
    return {"data": [{"index": i, "embedding": [0.5] * 8} for i in range(len(TEXTS))], "usage": {"total_tokens": 9}}


def _few(body: Any) -> Any:
    return {"data": [{"index": 0, "embedding": [0.5] * DIM}]}


def _twice(body: Any) -> Any:
    return {"data": [{"index": 0, "embedding": [0.5] * DIM}] * len(TEXTS)}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (_short, "has 8 numbers instead of 16"),
        (_few, "holds 1 vectors instead of 7"),
        (_twice, "which vector is whose"),
        (lambda _: [1, 2], "holds 0 vectors"),
        (lambda _: {"data": [{"index": i, "embedding": [0.0] * DIM} for i in range(len(TEXTS))]}, "all zeros"),
    ],
)
def test_an_answer_that_is_not_what_was_asked_for_is_refused_and_ends_the_sending(
    bench: Bench, answer: Any, words: str
) -> None:
    bench.server.replies = [Reply(200, answer(None))]
    encoder = bench.encoder()
    with pytest.raises(ServiceError, match=words):
        encoder.encode_texts(TEXTS)
    with pytest.raises(ServiceError, match="nothing more is sent"):
        encoder.encode_texts(["another"])
    assert len(bench.server.received) == 1
    np.testing.assert_allclose(bench.encoder().encode_texts(TEXTS), truth(TEXTS), atol=1e-6)


def test_a_refusal_of_many_texts_is_not_yet_one_of_each(bench: Bench) -> None:
    bench.server.replies = [Reply(400, {"error": {"message": "too odd"}})]
    encoder = bench.encoder()
    with pytest.raises(EncoderError, match="too odd") as raised:
        encoder.encode_texts(TEXTS)
    assert not isinstance(raised.value, ServiceError)  # so ingest asks for each of them
    encoder.encode_texts(TEXTS[:1])
    bench.server.replies = [Reply(400)]
    with pytest.raises(EncoderError) as raised:
        encoder.encode_texts(TEXTS[1:2])
    assert not isinstance(raised.value, ServiceError)


@pytest.mark.parametrize("status", [400, 404])
def test_a_request_that_is_wrong_whatever_the_text_is_made_once(bench: Bench, status: int) -> None:
    bench.server.replies = [Reply(status, {"error": {"message": "no such model"}})] * 9
    encoder = bench.encoder()
    for _ in range(3):
        with pytest.raises(ServiceError, match="no such model"):
            encoder.encode_texts(["one text"])
    assert len(bench.server.received) == 1


@pytest.mark.parametrize(
    "reply", [Reply(403), Reply(402), Reply(429, {"error": {"code": "insufficient_quota", "message": "no money"}})]
)
def test_a_key_that_is_not_let_in_stops_the_run(bench: Bench, reply: Reply) -> None:
    bench.server.replies = [reply]
    with pytest.raises(UsageError, match="does not let this key in") as raised:
        bench.encoder().encode_texts(TEXTS)
    assert "OPENAI_API_KEY" in raised.value.remedy and bench.clock.slept == []


# what is sent once ---------------------------------------------------------------------------------------------------


def test_no_text_is_sent_twice_by_any_run(bench: Bench) -> None:
    first = bench.encoder().encode_texts(TEXTS[:4] + TEXTS[:2])
    again = bench.encoder().encode_texts(TEXTS)
    np.testing.assert_array_equal(again[:4], first[:4])
    bench.encoder(environment={}).encode_texts(TEXTS)  # no key is needed for what is known
    assert bench.server.sizes == [4, 3]
    assert set(bench.server.asked.values()) == {1}


def test_two_at_once_share_what_each_pays_for(bench: Bench) -> None:
    results: list[np.ndarray] = []
    texts = [f"text {i}" for i in range(200)]
    bench.server.replies = [Reply(200, delay_s=0.05)] * 2

    def work(order: int) -> None:
        results.append(bench.encoder().encode_texts(texts[::order])[::order])

    threads = [threading.Thread(target=work, args=(order,)) for order in (1, -1, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 3 and all(np.array_equal(r, results[0]) for r in results)
    assert set(bench.server.asked.values()) == {1}


_CHILD = """
import sys
from mediafm.encoders import load_preset
encoder = load_preset(sys.argv[1]).encoder("text")
for start in range(0, 40, 10):
    encoder.encode_texts([f"text {i}" for i in range(start, start + 10)])
"""


def _child(preset: Path, folder: Path) -> subprocess.Popen[str]:
    import os

    environment = {**os.environ, "MEDIAFM_CACHE": str(folder), "OPENAI_API_KEY": SECRET, "PYTHONPATH": _src()}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([sys.executable, "-c", _CHILD, str(preset)], env=environment, text=True, **pipes)


def _src() -> str:
    return str(Path(__file__).resolve().parents[2] / "src")


def test_two_processes_pay_once_and_a_killed_one_loses_only_what_was_under_way(
    server: OpenAIServer, tmp_path: Path
) -> None:
    preset, cache = write_preset(tmp_path / "api.toml", server.url), tmp_path / "cache"
    server.hold_from = 3
    killed = _child(preset, cache)
    while len(server.received) < 3 and killed.poll() is None:
        pass
    killed.kill()
    out, err = killed.communicate()
    under_way = set(server.received[2].body["input"])
    server.free.set()
    server.hold_from = 10**9
    both = [_child(preset, cache) for _ in range(2)]
    for child in both:
        out, err = child.communicate(timeout=60)
        assert child.returncode == 0, err
        assert SECRET not in out + err
    assert {t for t, n in server.asked.items() if n > 1} == under_way
    assert set(server.asked.values()) <= {1, 2} and len(server.asked) == 40


# limits and money ----------------------------------------------------------------------------------------------------


def test_requests_keep_to_the_services_limits(bench: Bench) -> None:
    many = [f"{i}" for i in range(2500)]
    bench.encoder().encode_texts(many)
    assert bench.server.sizes == [2048, 452]
    large = [f"{i} " + "word " * 1600 for i in range(90)]  # 8 kB each
    bench.encoder().encode_texts(large)
    bytes_sent = [sum(len(t.encode()) for t in r.body["input"]) for r in bench.server.received[2:]]
    assert len(bytes_sent) == 3 and max(bytes_sent) <= 300_000


def test_long_text_is_the_mean_of_its_parts(bench: Bench) -> None:
    text = "wörter und sätze " * 1500
    parts = split_bytes(text)
    assert " ".join(parts) == text.strip() and max(len(p.encode()) for p in parts) <= 8191 and len(parts) == 4
    mean = truth(parts).astype(np.float64).mean(axis=0)
    vector = bench.encoder().encode_texts([text])[0]
    np.testing.assert_allclose(vector, mean / np.linalg.norm(mean), atol=1e-6)


@pytest.mark.parametrize(
    "text", ["日" * 9001, "a" * 8191, "a" * 8192, "x \ud800 y", " \u3000", "", "é" + " " * 9000 + "é"]
)
def test_parts_are_whole_characters_within_the_limit(text: str) -> None:
    parts = split_bytes(text)
    assert all(part and len(part.encode()) <= 8191 for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.encode("utf-8", "replace").decode().split())


def test_the_cap_is_never_passed_and_what_was_paid_is_kept(bench: Bench) -> None:
    texts = [f"word{i} " * 40 for i in range(30)]  # 40 words, more than 200 bytes each
    encoder = bench.encoder(max_cost=0.13e-6 * 1000)  # a thousand tokens
    done = 0
    with pytest.raises(ServiceError, match=r"The cap of \$0.00013 .* is met") as raised:
        for text in texts:
            encoder.encode_texts([text])
            done += 1
    assert "--max-cost" in raised.value.remedy
    assert 0 < done < 30 and encoder.spending.usd == pytest.approx(done * 40 * 0.13e-6)
    assert encoder.spending.usd <= 0.13e-6 * 1000
    bench.encoder(max_cost=1.0).encode_texts(texts)
    assert set(bench.server.asked.values()) == {1}


def test_what_was_sent_and_never_answered_counts_against_the_cap(bench: Bench) -> None:
    bench.server.replies = [Reply(drop=True)]
    encoder = bench.encoder(max_cost=1.0)
    encoder.encode_texts(["one two three"])
    assert encoder.spending.unconfirmed_usd == pytest.approx(13 * 0.13e-6)
    assert encoder.spending.usd == pytest.approx(3 * 0.13e-6)


def test_the_estimate_counts_what_the_cache_does_not_hold_and_sends_nothing(bench: Bench) -> None:
    encoder = bench.encoder()
    encoder.encode_texts(TEXTS[:3])
    found = bench.encoder(environment={}).estimate([*TEXTS, "", TEXTS[0]])
    assert (found.texts, found.unknown) == (7, 4)
    assert found.tokens == round(sum(len(t) for t in TEXTS[3:]) / 4)
    assert found.usd == pytest.approx(found.tokens * 0.13e-6)
    assert len(bench.server.received) == 1


def test_a_cap_needs_a_price(bench: Bench) -> None:
    with pytest.raises(UsageError, match="no cap") as raised:
        bench.encoder(max_cost=1.0, usd_per_million=None)
    assert "usd_per_million_tokens" in raised.value.remedy
    assert bench.encoder(usd_per_million=None).estimate(["a"]).usd is None


# the key, the cache, the preset --------------------------------------------------------------------------------------


def test_the_key_is_in_no_message_log_or_file(
    bench: Bench, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    said = []
    with caplog.at_level(logging.DEBUG):
        for reply in (Reply(401), Reply(400), Reply(500), Reply(429, {}, {"Retry-After": "9999"})):
            reply.body = {"error": {"message": f"bad key {SECRET}"}}
            bench.server.replies, bench.clock = [reply] * 5, FastClock()
            with pytest.raises((EncoderError, UsageError)) as raised:
                bench.encoder().encode_texts(["x"])
            error: BaseException | None = raised.value
            while error is not None:
                said.append(f"{error!r} {error} {vars(error)}")
                error = error.__cause__ or error.__context__
        bench.server.replies, bench.clock = [], FastClock()
        encoder = bench.encoder()
        encoder.encode_texts(TEXTS)
    files = b"".join(p.read_bytes() for p in bench.folder.rglob("*") if p.is_file())
    assert files and SECRET.encode() not in files
    assert TEXTS[0].encode() not in files  # nor what was said
    assert SECRET not in "".join(said) + caplog.text + "".join(capfd.readouterr()) + encoder.fingerprint + repr(encoder)


@pytest.mark.parametrize("environment", [{}, {"OPENAI_API_KEY": " "}, {"OPENAI_API_KEY": f"{SECRET} x"}])
def test_a_missing_or_broken_key_is_named_before_anything_is_read(bench: Bench, environment: dict[str, str]) -> None:
    encoder = bench.encoder(environment=environment)
    with pytest.raises(UsageError, match="OPENAI_API_KEY") as raised:
        encoder.check_ready()
    assert SECRET not in str(raised.value)


def test_addresses_that_would_show_the_key_are_refused() -> None:
    for url, words in (
        ("http://example.com/v1", "clear text"),
        ("https://u:p@example.com/v1", "a user"),
        ("x", "no ad"),
    ):
        encoder = OpenAIEncoder(TextService("m", 8, base_url=url), environment=ENVIRONMENT)
        with pytest.raises(UsageError, match=words):
            encoder.check_ready()
    OpenAIEncoder(TextService("m", 8, base_url="http://gpu.lan:8000/v1", key_variable=""), environment={}).check_ready()


def test_a_damaged_cache_is_told_before_anything_is_sent(bench: Bench) -> None:
    bench.encoder().encode_texts(TEXTS)
    (file,) = bench.folder.iterdir()
    file.write_bytes(b"no database at all" * 100)
    with pytest.raises(CatalogError, match="cannot be used") as raised:
        bench.encoder().encode_texts(["new"])
    assert "MEDIAFM_CACHE" in raised.value.remedy and len(bench.server.received) == 1


def test_a_damaged_row_counts_as_none(bench: Bench) -> None:
    bench.encoder().encode_texts(TEXTS)
    (file,) = bench.folder.iterdir()
    with sqlite3.connect(file) as database:
        database.execute("UPDATE vectors SET vector = x'00' WHERE key = ?", (text_key(TEXTS[0]),))
    database.close()
    np.testing.assert_allclose(bench.encoder().encode_texts(TEXTS), truth(TEXTS), atol=1e-6)
    assert bench.server.sizes == [7, 1]


def test_presets(tmp_path: Path) -> None:
    encoder = load_preset("reference-api").encoder("text")
    assert isinstance(encoder, OpenAIEncoder) and encoder.dim == 768 and encoder.service.vendor == "OpenAI"
    file = write_preset(tmp_path / "api.toml", "https://a.example", more="max_cost = 2.5\nkey_variable = 'A_KEY'")
    own = load_preset(file).encoder("text")
    assert isinstance(own, OpenAIEncoder) and own.service.vendor == "a.example" and own._budget.max_usd == 2.5
    for more, words in (
        ("max_cost = -1", "max_cost"),
        ("key = 'sk-1'", "key"),
        ("key_variable = 'a b'", "key_variable"),
    ):
        with pytest.raises(UsageError, match=words):
            load_preset(write_preset(tmp_path / "bad.toml", "https://a.example", more=more))


@pytest.mark.parametrize(
    ("model", "dimensions", "words"),
    [
        ("mine", 0, "Add `dimensions`"),
        ("text-embedding-3-large", 4000, "3072"),
        ("text-embedding-ada-002", 256, "1536"),
    ],
)
def test_sizes_that_cannot_be(model: str, dimensions: int, words: str) -> None:
    with pytest.raises(UsageError) as raised:
        TextService(model, dimensions)
    assert words in str(raised.value)
