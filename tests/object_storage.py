"""A server that speaks S3, on this machine: moto's, which holds everything in memory and honours conditional puts."""

import contextlib
import logging
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

BUCKET = "films-and-more"
KEYS = {"AWS_ACCESS_KEY_ID": "somebody", "AWS_SECRET_ACCESS_KEY": "secret-of-somebody", "AWS_REGION": "us-east-1"}


@contextlib.contextmanager
def s3_server() -> Iterator[str]:
    """Its address, http://127.0.0.1:PORT; with one bucket, BUCKET. A process of its own, so that it outlives others."""
    pytest.importorskip("moto", reason="needs moto[server], which `make setup` installs")
    pytest.importorskip("s3fs", reason="needs the extra `cloud`")
    code = (
        "import sys; from moto.server import ThreadedMotoServer; server = ThreadedMotoServer('127.0.0.1', 0, False)\n"
        "server.start(); print(server.get_host_and_port()[1], flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        assert server.stdin is not None and server.stdout is not None
        line = server.stdout.readline()
        while not line.strip().isdigit():
            assert line, "the server did not start"
            line = server.stdout.readline()
        address = f"http://127.0.0.1:{line.strip()}"
        try:
            _request(f"{address}/{BUCKET}", "PUT")
            yield address
        finally:
            server.stdin.close()
            server.kill()


@contextlib.contextmanager
def reaching(address: str) -> Iterator[None]:
    """This process, and those it starts, find the storage there."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [n for n in os.environ if n.startswith("AWS_")]:
            patch.delenv(name)
        for name, value in {**KEYS, "AWS_ENDPOINT_URL": address}.items():
            patch.setenv(name, value)
        logging.getLogger("botocore").setLevel(logging.ERROR)
        yield


def put(server: str, key: str, data: bytes) -> None:
    """Store an object in BUCKET."""
    _request(f"{server}/{BUCKET}/{key}", "PUT", data)


def put_folder(server: str, folder: Path, prefix: str) -> str:
    """Store the files of a folder below a prefix; returns its address."""
    for file in sorted(folder.iterdir()):
        put(server, f"{prefix}/{file.name}", file.read_bytes())
    return f"s3://{BUCKET}/{prefix}"


def _request(url: str, method: str, data: bytes = b"") -> None:
    signed = "AWS4-HMAC-SHA256 Credential=somebody/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
    request = urllib.request.Request(
        url, data, {"Authorization": signed, "Content-Type": "application/octet-stream"}, method=method
    )
    for attempt in range(20):
        try:
            urllib.request.urlopen(request, timeout=30).close()
            return
        except urllib.error.HTTPError:
            raise
        except OSError:
            if attempt == 19:
                raise
            time.sleep(0.1)
