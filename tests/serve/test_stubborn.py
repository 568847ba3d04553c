"""Clients that are slow, idle or many; a service that is stopped or killed. Against a process of its own."""

import json
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from serve_processes import Service, ended_after, serving

LIMITS = ("--connections-each", "200", "--rate", "100000", "--idle", "1.5", "--stall", "1.5")


@pytest.fixture(scope="module")
def service(served: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(served, tmp_path_factory.mktemp("cache"), *LIMITS) as running:
        yield running


def get(service: Service, path: str, timeout: float = 10) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(service.base + path, timeout=timeout) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def many(service: Service, number: int, stack: ExitStack) -> list[socket.socket]:
    return [stack.enter_context(socket.create_connection(service.address, timeout=60)) for _ in range(number)]


def test_hundreds_of_idle_connections_hinder_nobody(service: Service) -> None:
    with ExitStack() as stack:
        idle = many(service, 500, stack)
        slowest = 0.0
        for _ in range(20):
            began = time.monotonic()
            assert get(service, "/v1/titles")[0] == 200
            slowest = max(slowest, time.monotonic() - began)
        assert slowest < 2
        # 200 of one address may stay; the longest idle were closed for new ones.
        status = json.loads(get(service, "/v1/admin/status")[1])
        assert status["connections"] <= 200
        assert ended_after(idle[0], 5)[1] == b""


@pytest.mark.slow
def test_ten_thousand_idle_connections(served: Path, tmp_path: Path) -> None:
    with (
        serving(served, tmp_path, "--connections", "12000", "--connections-each", "12000") as service,
        ExitStack() as stack,
    ):
        get(service, "/v1/titles")
        before = service.memory_mb()
        idle = many(service, 10_000, stack)
        times = []
        for _ in range(30):
            began = time.monotonic()
            assert get(service, "/v1/titles")[0] == 200
            times.append(time.monotonic() - began)
        print(f"\nslowest {max(times):.3f} s, {service.memory_mb() - before:.0f} MB for 10,000 connections")
        assert max(times) < 2
        assert ended_after(idle[-1], 30)[0] < 20  # and the others are gone as well
        assert json.loads(get(service, "/v1/admin/status")[1])["connections"] < 50


def test_who_sends_nothing_or_half_a_request_is_let_go(service: Service) -> None:
    """At the same time: each takes the whole time there is."""
    found: dict[str, tuple[float, bytes]] = {}

    def drip(connection: socket.socket) -> None:
        for byte in b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: " + b"x" * 100:
            try:
                connection.send(bytes([byte]))
            except OSError:
                return
            time.sleep(0.05)

    def watch(name: str, first: bytes, dripping: bool = False) -> None:
        with socket.create_connection(service.address) as connection:
            connection.send(first)
            if dripping:
                threading.Thread(target=drip, args=(connection,), daemon=True).start()
            found[name] = ended_after(connection, 60)

    whole = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    asked = [("nothing", b"", False), ("half", b"GET / HT", False), ("dripping", b"", True)]
    asked += [("half after one", whole + b"GET / HT", False)]
    threads = [threading.Thread(target=watch, args=one) for one in asked]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(1 < seconds < 10 for seconds, _ in found.values()), found
    assert found["nothing"][1] == b""
    for name in ("half", "dripping"):
        assert found[name][1].startswith(b"HTTP/1.1 408") and b'"message"' in found[name][1]
    assert found["half after one"][1].startswith(b"HTTP/1.1 200")


def test_what_is_no_http_or_too_long_is_refused_in_one_form(service: Service) -> None:
    # An address or header that comes in one piece is whole before it is found to be too long.
    for sent, statuses in (
        (b"\x16\x03\x01 hello\r\n\r\n", (400,)),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", (414, 431)),
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"a" * 70_000 + b"\r\nConnection: close\r\n\r\n", (431,)),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", (400,)),
        (b"POST /v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", (400,)),
    ):
        with socket.create_connection(service.address) as connection:
            connection.sendall(sent)
            said = ended_after(connection, 20)[1]
        head, _, body = said.partition(b"\r\n\r\n")
        assert int(head.split()[1]) in statuses, said[:100]
        assert b"content-security-policy" in head and json.loads(body)["error"]["remedy"]


def test_a_huge_body_is_refused_before_it_is_sent_whole(service: Service) -> None:
    head = b"POST /v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    with socket.create_connection(service.address) as connection:
        connection.sendall(head + b"Content-Length: 1000000000\r\n\r\n" + b"x" * 200_000)
        assert ended_after(connection, 20)[1].startswith(b"HTTP/1.1 413")
    before = service.memory_mb()
    with socket.create_connection(service.address) as connection:
        connection.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n")
        connection.settimeout(20)
        try:
            for _ in range(400):
                connection.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")
        except OSError:
            pass
        assert b" 413 " in connection.recv(200)
    assert service.memory_mb() - before < 100


def test_slow_bodies_keep_nobody_waiting(service: Service) -> None:
    """More of them than there is room for at work: others are answered as if they were not there, or told to wait."""
    head = (
        b"POST /v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
    )
    with ExitStack() as stack:
        slow = many(service, 100, stack)
        for connection in slow:
            connection.sendall(head)
        time.sleep(0.5)
        assert get(service, "/healthz")[0] == 200
        began = time.monotonic()
        assert get(service, "/v1/titles")[0] == 200
        assert time.monotonic() - began < 3


def test_who_does_not_read_is_let_go(service: Service) -> None:
    """Many ask for a large answer over one connection each and read nothing of it."""
    with ExitStack() as stack:
        readers = []
        for _ in range(20):
            reader = socket.socket()
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            stack.enter_context(reader)
            reader.connect(service.address)
            reader.sendall(b"GET /v1/openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 40)
            readers.append(reader)
        began = time.monotonic()
        while time.monotonic() - began < 20:
            assert get(service, "/v1/titles")[0] == 200
            if json.loads(get(service, "/v1/admin/status")[1])["connections"] < 5:
                break
            time.sleep(0.2)
        assert json.loads(get(service, "/v1/admin/status")[1])["connections"] < 5
