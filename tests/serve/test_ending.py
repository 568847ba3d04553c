"""A service that is stopped, killed, or whose catalog changes under it."""

import shutil
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import httpx2
import numpy as np
import pytest

from ingest_films import make_film
from mediafm.catalog import Catalog, EmbeddingSetSpec
from mediafm.ingest import ingest
from mediafm.serve.keys import add_key
from serve_processes import Service, ended_after, serving

FAST = ("--rate", "100000")


def until(holds: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def job_state(service: Service, job: str, **options: object) -> str:
    return str(httpx2.get(f"{service.base}/v1/jobs/{job}", **options).json()["state"])  # type: ignore[arg-type]


def slow_films(folder: Path, number: int) -> Path:
    folder.mkdir()
    for seed in range(number):
        make_film(folder / f"film{seed}.mp4", seed)
    return folder


@pytest.fixture
def catalog(served: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(served, tmp_path / "catalog"))


def test_what_is_at_work_is_finished_and_what_is_new_refused(catalog: Path, tmp_path: Path, films: Path) -> None:
    """A film being read goes on to its end after SIGTERM; meanwhile others hear 503; watchers of jobs are let go."""
    big = tmp_path / "big.mp4"
    big.write_bytes((films / "one.mp4").read_bytes() + b"\0" * (24 << 20))  # more than lies between two sockets
    ingest([big], str(catalog), detector="content")
    with serving(catalog, tmp_path / "cache", *FAST) as service, socket.create_connection(service.address) as reader:
        reader.sendall(b"GET /v1/media/big HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        begun = reader.recv(1000)
        assert begun.startswith(b"HTTP/1.1 200")
        service.terminate()
        until(lambda: httpx2.get(f"{service.base}/v1/titles").status_code == 503, 10)
        refused = httpx2.get(f"{service.base}/v1/titles")
        assert int(refused.headers["retry-after"]) > 0 and refused.json()["error"]["remedy"]
        assert httpx2.get(f"{service.base}/healthz").status_code == 503
        _, rest = ended_after(reader, 30)
        body = (begun + rest).partition(b"\r\n\r\n")[2]
        assert body == big.read_bytes()
        service.process.wait(30)
        assert service.process.returncode in (0, -signal.SIGTERM)
        assert "Traceback" not in (service.process.stderr.read() if service.process.stderr else "")


@pytest.mark.slow
def test_a_stop_ends_who_watches_a_job_and_the_job_goes_on_later(catalog: Path, tmp_path: Path) -> None:
    films = slow_films(tmp_path / "more", 6)
    cache, options = tmp_path / "cache", (*FAST, "--films", str(films))
    with serving(catalog, cache, *options) as service:
        asked = {"kind": "ingest", "films": sorted(p.name for p in films.glob("*.mp4"))}
        job = httpx2.post(f"{service.base}/v1/jobs", json=asked).json()["id"]
        with httpx2.stream("GET", f"{service.base}/v1/jobs/{job}/events", timeout=60) as events:
            lines = events.iter_lines()
            assert next(lines).startswith("event:")
            began = time.monotonic()
            service.terminate()
            list(lines)  # it ends, and cleanly: httpx2.RemoteProtocolError otherwise
        service.process.wait(60)
        assert time.monotonic() - began < 45
    with serving(catalog, cache, *options) as service:
        until(lambda: job_state(service, job) in ("done", "failed"), 240)


@pytest.mark.slow
def test_nothing_is_lost_by_a_kill(catalog: Path, tmp_path: Path) -> None:
    """Jobs, keys made by HTTP and the audit log outlive `kill -9`; a command that outlived it does not run twice."""
    films, keys, audit = slow_films(tmp_path / "more", 6), tmp_path / "keys", tmp_path / "audit"
    admin = {"authorization": f"Bearer {add_key(keys, 'root', 'admin')}"}
    options = (*FAST, "--films", str(films), "--keys", str(keys), "--audit", str(audit))
    with serving(catalog, tmp_path / "cache", *options) as service:
        made = httpx2.post(f"{service.base}/v1/admin/keys", json={"name": "w", "role": "write"}, headers=admin).json()
        writer = {"authorization": f"Bearer {made['key']}"}
        asked = {"kind": "ingest", "films": sorted(p.name for p in films.glob("*.mp4"))}
        jobs = [httpx2.post(f"{service.base}/v1/jobs", json=asked, headers=writer).json()["id"] for _ in range(2)]
        until(lambda: job_state(service, jobs[0], headers=writer) == "running")
        (lock,) = (tmp_path / "cache").glob("jobs/*/command.lock")
        until(lambda: bool(lock.read_text()))
        orphan = int(lock.read_text())
        service.kill()
    with serving(catalog, tmp_path / "cache", *options) as service:
        for job in jobs:
            until(lambda job=job: job_state(service, job, headers=writer) in ("done", "failed"), 240)  # type: ignore[misc]
        assert not Path(f"/proc/{orphan}").exists() or b"mediafm" not in Path(f"/proc/{orphan}/cmdline").read_bytes()
        lines = httpx2.get(f"{service.base}/v1/admin/audit", headers=admin).json()["lines"]
        assert Counter((line["caller"], line["path"], line["status"]) for line in lines) == {
            ("root", "/v1/admin/keys", 201): 1,
            ("w", "/v1/jobs", 202): 2,
        }
    assert made["key"] not in keys.read_text() + audit.read_text()


def test_changes_under_load_drop_no_request(catalog: Path, tmp_path: Path) -> None:
    """Ingest, new embedding sets, one removed and written anew, upkeep: meanwhile every answer is right."""
    film, titles = make_film(tmp_path / "three.mp4", 7), ["one", "two"]
    wrong: list[str] = []
    seen: Counter[str] = Counter()
    over = threading.Event()
    with serving(catalog, tmp_path / "cache", *FAST) as service:

        def ask(paths: list[str]) -> None:
            with httpx2.Client(base_url=service.base, timeout=60) as client:
                while not over.is_set():
                    for path in paths:
                        answer = client.get(path)
                        seen[path] += 1
                        if answer.status_code != 200:
                            wrong.append(f"{path}: {answer.status_code} {answer.text[:300]}")

        paths = [
            f"/v1/titles/{t}/{what}" for t in titles for what in ("shots", "keyframes/1", "embeddings?features=run")
        ]
        paths += ["/v1/titles", "/v1/search?words=going&k=3", "/v1/similar?like=one%230&k=3&features=run", "/healthz"]
        threads = [threading.Thread(target=ask, args=(paths[k::2] + paths[1 - k :: 2],)) for k in range(2)]
        for thread in threads:
            thread.start()
        try:
            ingest([film], str(catalog), detector="content")
            Catalog.open(catalog).optimize()
            for number in range(3):
                add_set(catalog, f"new{number}", number)
                until(lambda n=number: is_there(service, n), 10)  # type: ignore[misc]
        finally:
            over.set()
            for thread in threads:
                thread.join()
        assert not wrong, wrong[:3]
        assert httpx2.get(f"{service.base}/v1/titles").json()["total"] == 3 and min(seen.values()) > 1


def add_set(uri: Path, name: str, mark: float) -> None:
    catalog = Catalog.open(uri)
    catalog.add_embedding_set(EmbeddingSetSpec(name, f"{mark:064.0f}", "title", 3))
    for title in catalog.title_ids():
        vectors = np.full((len(catalog.shots(title)), 3), mark, np.float32)
        catalog.write_embeddings(name, title, vectors, vectors[0])


def is_there(service: Service, number: int) -> bool:
    answer = httpx2.get(f"{service.base}/v1/titles/three/embeddings?features=new{number}")
    return answer.status_code == 200 and answer.json()["vectors"][0] == [number] * 3
