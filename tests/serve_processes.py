"""A real `mediafm serve` for tests, and sockets that behave badly."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SRC = Path(__file__).resolve().parents[1] / "src"


class Service:
    """A process; `port`, `base` and `address` say where it listens."""

    def __init__(self, catalog: Path, cache: Path, *options: str, port: int = 0) -> None:
        self.port = port or free_port()
        self.base, self.address = f"http://127.0.0.1:{self.port}", ("127.0.0.1", self.port)
        command = [sys.executable, "-m", "mediafm", "serve", "--catalog", str(catalog), "--port", str(self.port)]
        environment = {**os.environ, "PYTHONPATH": str(SRC), "MEDIAFM_CACHE": str(cache), "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            [*command, *options], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        until = time.monotonic() + 120
        while not self.is_well():
            if self.process.poll() is not None or time.monotonic() > until:
                self.process.kill()
                raise AssertionError(f"the service did not start: {self.process.communicate()[1]}")
            time.sleep(0.05)

    def is_well(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.base}/healthz", timeout=10) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def kill(self) -> None:
        """As nobody would wish it."""
        self.process.kill()
        self.process.communicate()

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def memory_mb(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024


@contextmanager
def serving(catalog: Path, cache: Path, *options: str, port: int = 0) -> Iterator[Service]:
    """A service that is gone afterwards, whatever happens."""
    service = Service(catalog, cache, *options, port=port)
    try:
        yield service
    finally:
        if service.process.poll() is None:
            service.kill()
        elif service.process.stderr is not None:
            service.process.stderr.close()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def ended_after(connection: socket.socket, limit_s: float) -> tuple[float, bytes]:
    """Seconds until the other end closes, and what it said before."""
    began, said = time.monotonic(), b""
    connection.settimeout(limit_s)
    try:
        while piece := connection.recv(65536):
            said += piece
    except ConnectionError:
        pass
    return time.monotonic() - began, said
