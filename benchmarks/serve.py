"""A service under load: many clients, mixed reads, for minutes; times, statuses, memory.

    python benchmarks/serve.py --catalog my.catalog [--minutes 5] [--clients 64] [--json out.json]

Starts `mediafm serve` on the catalog, with no limit on the rate of one caller (all clients are one here). They ask for
lists of titles, shots, pictures, vectors, words, searches, likenesses and pieces of films, each the next as soon as its
last is answered, over a connection it keeps. What counts as an error is anything but 2xx, 429 and 503. The clients are
plain sockets in this process and share the machine with the service.
"""

import argparse
import asyncio
import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

WORDS = ("where are we going", "a friend", "I do not know", "the storm", "tell me the truth", "good morning", "love")
SHARES = {  # of all requests
    "titles": 20,
    "shots": 20,
    "keyframe": 25,
    "media range": 15,
    "embeddings (Arrow)": 6,
    "similar": 6,
    "search": 6,
    "words.vtt": 2,
}


@dataclass
class Tally:
    """seconds: of each answered request, by kind. statuses: by kind and status; 0: no answer came."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    statuses: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    bytes: int = 0


def get(base: str, path: str) -> Any:
    with urllib.request.urlopen(base + path, timeout=300) as answer:
        return json.load(answer)


def what_to_ask(base: str, seed: int) -> dict[str, list[tuple[str, str]]]:
    """Kind -> (path, further headers) to draw from."""
    titles = get(base, "/v1/titles?limit=1000")["titles"]
    sets = get(base, "/v1/catalog").get("embedding_sets") or ["concat"]
    rng, asked = random.Random(seed), defaultdict(list)
    for words in WORDS:
        asked["search"].append((f"/v1/search?k=10&words={quote(words)}", ""))
    for offset in range(0, max(1, len(titles) - 50), 50):
        asked["titles"].append((f"/v1/titles?limit=50&after={quote(titles[offset]['title'])}", ""))
    for title in rng.sample(titles, min(100, len(titles))):
        name = quote(title["title"], safe="")
        asked["shots"].append((f"/v1/titles/{name}/shots?limit=500", ""))
        shot = rng.randrange(title["shots"])
        asked["similar"].append((f"/v1/similar?k=10&like={name}%23{shot}&features={sets[0]}", ""))
        arrow = "Accept: application/vnd.apache.arrow.stream\r\n"
        asked["embeddings (Arrow)"].append((f"/v1/titles/{name}/embeddings?features={sets[0]}", arrow))
        if title["has_text"]:
            asked["words.vtt"].append((f"/v1/titles/{name}/words.vtt", ""))
        if title["film"] and title["has_video"]:
            for _ in range(20):
                asked["keyframe"].append((f"/v1/titles/{name}/keyframes/{rng.randrange(title['shots'])}", ""))
                start = rng.randrange(1 << 20)
                asked["media range"].append((f"/v1/media/{name}", f"Range: bytes={start}-{start + 262143}\r\n"))
    return dict(asked)


async def ask(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str, headers: str
) -> tuple[int, int, bool]:
    """(status, bytes of the body, whether the connection stays)."""
    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\r\n".encode())
    await writer.drain()
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    length = int(head.partition("content-length:")[2].partition("\r\n")[0])
    await reader.readexactly(length)
    return int(head.split()[1]), length, "connection: close" not in head


async def client(port: int, asked: dict[str, list[tuple[str, str]]], until: float, seed: int, tally: Tally) -> None:
    rng = random.Random(seed)
    kinds = [kind for kind in SHARES if kind in asked]
    shares = [SHARES[kind] for kind in kinds]
    streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
    while time.monotonic() < until:
        (kind,) = rng.choices(kinds, shares)
        path, headers = rng.choice(asked[kind])
        began = time.perf_counter()
        try:
            streams = streams or await asyncio.open_connection("127.0.0.1", port)
            status, size, stays = await asyncio.wait_for(ask(*streams, path, headers), 120)
            tally.seconds[kind].append(time.perf_counter() - began)
            tally.bytes += size
        except (OSError, asyncio.IncompleteReadError, TimeoutError, ValueError):
            status, stays = 0, False
        tally.statuses[kind][status] += 1
        if not stays and streams is not None:
            streams[1].close()
            streams = None
        if status in (429, 503):
            await asyncio.sleep(1)
    if streams is not None:
        streams[1].close()


def memory_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/status").read_text().split("VmRSS:")[1].split()[0]) / 1024


async def load(port: int, pid: int, options: argparse.Namespace) -> tuple[Tally, list[tuple[float, float]]]:
    """What was answered, and (minutes, MB) of the service over the time."""
    base, tally = f"http://127.0.0.1:{port}", Tally()
    asked = await asyncio.to_thread(what_to_ask, base, options.seed)
    for kind in ("search", "similar"):  # loads encoders and builds indexes, once
        await asyncio.to_thread(get, base, asked[kind][0][0])
    began = time.monotonic()
    until, memory = began + 60 * options.minutes, [(0.0, memory_mb(pid))]
    clients = [asyncio.create_task(client(port, asked, until, options.seed + n, tally)) for n in range(options.clients)]
    while time.monotonic() < until:
        await asyncio.sleep(min(10, max(0.1, until - time.monotonic())))
        memory.append(((time.monotonic() - began) / 60, memory_mb(pid)))
    await asyncio.gather(*clients)
    return tally, memory


def at(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else float("nan")


def report(tally: Tally, memory: list[tuple[float, float]], options: argparse.Namespace) -> dict[str, Any]:
    everything = [s for seconds in tally.seconds.values() for s in seconds]
    statuses = sum(tally.statuses.values(), Counter[int]())
    rows = []
    print(f"{'kind':20} {'requests':>9} {'p50 ms':>8} {'p95 ms':>8} {'p99 ms':>8}  statuses")
    for kind, seconds in [*tally.seconds.items(), ("all", everything)]:
        counts = statuses if kind == "all" else tally.statuses[kind]
        p50, p95, p99 = (1000 * at(seconds, share) for share in (0.5, 0.95, 0.99))
        print(f"{kind:20} {len(seconds):9} {p50:8.1f} {p95:8.1f} {p99:8.1f}  {dict(counts)}")
        rows.append(
            {"kind": kind, "requests": len(seconds), "p50_ms": p50, "p95_ms": p95, "p99_ms": p99, "statuses": counts}
        )
    errors = sum(n for status, n in statuses.items() if not (200 <= status < 300 or status in (429, 503)))
    start, middle, end = (memory[round(share * (len(memory) - 1))][1] for share in (0.0, 0.5, 1.0))
    seconds = 60 * options.minutes
    rate, speed = len(everything) / seconds, tally.bytes / seconds / 1e6
    print(f"{rate:.0f} requests a second, {speed:.1f} MB a second, {errors} errors")
    print(f"memory: {start:.0f} MB at the start, {middle:.0f} in the middle, {end:.0f} at the end")
    print(f"load of the machine: {', '.join(f'{x:.1f}' for x in os.getloadavg())} on {os.cpu_count()} processors")
    return {"rows": rows, "errors": errors, "memory_mb": memory, "load": os.getloadavg()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--catalog", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--concurrency", type=int, default=32)
    parser.add_argument("--port", type=int, default=8799)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    command = [sys.executable, "-m", "mediafm", "serve", "--catalog", str(options.catalog), "--port", str(options.port)]
    limits = ["--rate", "1000000", "--concurrency", str(options.concurrency)]
    with tempfile.TemporaryFile() as said, subprocess.Popen([*command, *limits], stdout=said, stderr=said) as service:
        try:
            until = time.monotonic() + 120
            while time.monotonic() < until and service.poll() is None:
                with contextlib.suppress(OSError):
                    get(f"http://127.0.0.1:{options.port}", "/healthz")
                    break
                time.sleep(0.2)
            tally, memory = asyncio.run(load(options.port, service.pid, options))
            result = report(tally, memory, options)
        finally:
            service.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                service.wait(60)
            service.kill()
    if options.json:
        options.json.write_text(json.dumps(result, indent=1))
    sys.exit(1 if result["errors"] else 0)


if __name__ == "__main__":
    main()
