"""What page tests need around the page: short films, a real `mediafm serve` process, a watch over the browser."""

import itertools
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

# A service whose parent is gone, killed or not, is gone too: its standard input ends.
_SERVE = """
import os, sys, threading
threading.Thread(target=lambda: (sys.stdin.buffer.read(), os._exit(9)), daemon=True).start()
from mediafm.cli import main
main()
"""
_SRC = Path(__file__).resolve().parents[1] / "src"
START_S = 200.0  # on a machine that does much else


def until(page: Any, expression: str, seconds: float = 20.0) -> None:
    """Wait until JavaScript says so; Playwright's own way is refused by the page's policy."""
    end = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < end, expression
        page.wait_for_timeout(50)


def cut_film(source: Path, target: Path, seconds: float) -> Path:
    """The first seconds of a film, its packets as they are."""
    with av.open(str(source)) as whole, av.open(str(target), "w") as part:
        streams = {s.index: part.add_stream_from_template(s) for s in (*whole.streams.video, *whole.streams.audio)}
        for packet in whole.demux([whole.streams[index] for index in streams]):
            if packet.dts is None or packet.time_base is None:
                continue
            if packet.dts * Fraction(packet.time_base) > seconds:
                break
            packet.stream = streams[packet.stream.index]
            part.mux(packet)
    return target


@contextmanager
def serving(catalog: Path, *arguments: str) -> Iterator[str]:
    """Base URL of a `mediafm serve` process of a catalog; it is killed at the end, whatever happens."""
    port = _free_port()
    options = ["serve", "--catalog", str(catalog), "--port", str(port), "--rate", "2000", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(_SRC), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVE, *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
    )
    try:
        _wait(process, f"http://127.0.0.1:{port}/healthz")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.communicate()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _wait(process: "subprocess.Popen[bytes]", address: str) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        if process.poll() is not None:
            raise AssertionError(f"the service ended: {process.communicate()[0].decode()[-2000:]}")
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"the service did not answer within {START_S:.0f} s")


class Watch:
    """What a page does that no page of ours may: errors in its console, failed scripts, requests to other hosts.

    allow: patterns of messages that a test provokes on purpose, such as "404". What a software driver of WebGL says of
    its own speed is no fault of a page.
    """

    def __init__(self, page: Any, base: str) -> None:
        self.allow: list[str] = ["GL Driver Message"]
        self._told: list[str] = []
        self._base = base
        page.on("console", lambda said: said.type in ("error", "warning") and self._told.append(said.text))
        page.on("pageerror", lambda error: self._told.append(f"uncaught: {error}"))
        page.on("request", self._look)

    def _look(self, request: Any) -> None:
        if not request.url.startswith((self._base, "data:", "blob:", "about:")):
            self._told.append(f"outside request: {request.url}")

    @property
    def troubles(self) -> list[str]:
        """What was not allowed."""
        return [told for told in self._told if not any(re.search(pattern, told) for pattern in self.allow)]


def violations(page: Any, impacts: tuple[str, ...]) -> list[str]:
    """What axe-core finds on the page as it is, of these impacts, with where."""
    from axe_playwright_python.base import AXE_SCRIPT

    page.evaluate(AXE_SCRIPT)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    told = ([(v, node) for node in v["nodes"]] for v in found if v["impact"] in impacts)
    return [
        f"{v['impact']} {v['id']}: {v['help']} at {node['target']}: {node.get('failureSummary', '')}"
        for v, node in itertools.chain.from_iterable(told)
    ]
