"""A server on this machine that speaks the three services' documented forms, and misbehaves on demand."""

import base64
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol, TypeVar

import numpy as np

from mediafm.encoders.hosted import Clock

SECRET = "sk-very-secret-0123456789"
ENVIRONMENT = {
    "CLOUDSDK_AUTH_ACCESS_TOKEN": SECRET,
    "GOOGLE_CLOUD_PROJECT": "our-project",
    "GOOGLE_CLOUD_LOCATION": "europe-west4",
    "TWELVE_LABS_API_KEY": SECRET,
    "AWS_BEARER_TOKEN_BEDROCK": SECRET,
}
VERTEX = "/projects/our-project/locations/europe-west4/publishers/google/models/multimodalembedding@001:predict"
NOVA = "/model/amazon.nova-2-multimodal-embeddings-v1:0/invoke"
S = TypeVar("S", bound="Server")
DIMS = {"vertex": 1408, "twelvelabs": 512, "nova": 3072}


class FastClock(Clock):
    """A clock that only notes how long it was told to sleep."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.slept = 1_800_000_000.0, []  # type: float, list[float]
        self._lock = threading.Lock()

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.slept.append(seconds)
            self.now += seconds


@dataclass
class Reply:
    """What to answer instead of a vector. body: JSON-able, or bytes as they are. drop: hang up without a word. cut: do
    so after that many bytes of the body."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    drop: bool = False
    cut: int | None = None


@dataclass
class Received:
    method: str
    path: str
    headers: dict[str, str]
    body: Any

    @property
    def clip(self) -> bytes:
        """The MP4 in it, wherever the service has it."""
        found = [text for text in _texts(self.body) if len(text) > 100]
        assert len(found) == 1
        return base64.b64decode(found[0], validate=True)


def vector_of(data: bytes, dim: int) -> list[float]:
    """The vector that the server has for a clip: another for every content."""
    seed = int.from_bytes(hashlib.sha256(data).digest()[:8], "big")
    return np.random.default_rng(seed).standard_normal(dim).astype(np.float32).tolist()


class HostedServer:
    """`replies` are given to requests that embed, one each in their order; then vectors."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.received: list[Received] = []
        self.replies: list[Reply] = []
        self.task_states: list[Reply] = []  # given to polls, the same way
        self.lock = threading.Lock()

    @property
    def embedded(self) -> list[Received]:
        """The requests that embed or begin a task."""
        return [r for r in self.received if r.method == "POST"]

    def answer(self, request: Received) -> Reply:
        with self.lock:
            self.received.append(request)
            key = request.headers.get("x-api-key") or request.headers.get("authorization", "").removeprefix("Bearer ")
            if key != SECRET:
                return Reply(401, {"error": {"code": 401, "message": f"no such key: {key}"}})
            scripted = self.task_states if request.method == "GET" else self.replies
            if scripted:
                return scripted.pop(0)
        return Reply(200, self._good(request))

    def _good(self, request: Received) -> Any:
        if request.method == "GET":
            clip = self.embedded[0].clip
            return {"_id": request.path.rsplit("/", 1)[1], "status": "ready", "data": [_marengo(clip, "fused")]}
        if request.path == VERTEX:
            segment = request.body["instances"][0]["video"]["videoSegmentConfig"]
            embedding = {"startOffsetSec": 0, "endOffsetSec": segment["endOffsetSec"]}
            embedding["embedding"] = vector_of(request.clip, 1408)
            return {"predictions": [{"videoEmbeddings": [embedding]}], "deployedModelId": "1"}
        if request.path == NOVA:
            embedding = {"embeddingType": "AUDIO_VIDEO_COMBINED", "embedding": vector_of(request.clip, 3072)}
            return {"embeddings": [embedding]}
        if request.path == "/embed-v2/tasks":
            return {"_id": "task-1", "status": "processing", "data": None}
        assert request.path == "/embed-v2"
        if request.body["input_type"] == "multi_input":
            return {"data": [{"embedding": vector_of(request.clip, 512)}], "usage": {}}
        option = "fused" if "embedding_type" in request.body["video"] else "visual"
        return {"data": [_marengo(request.clip, option)], "metadata": {"input_type": "video", "duration": 1.0}}


def _marengo(clip: bytes, option: str) -> dict[str, Any]:
    about = {"embedding_option": option, "embedding_scope": "asset", "start_sec": 0.0, "end_sec": 1.0}
    return {"embedding": vector_of(clip, 512), **about}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _texts(inner)


class Server(Protocol):
    """What answers requests."""

    url: str

    def answer(self, request: Received) -> Reply: ...


@contextmanager
def hosted_server() -> Iterator[HostedServer]:
    """The server, in a thread of its own, for as long as the block lasts."""
    with serving(HostedServer("")) as server:
        yield server


@contextmanager
def serving(server: S) -> Iterator[S]:
    """Any such server, at an address of its own."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except ConnectionError:  # the client went away, as some tests want it to
                self.close_connection = True

        def do_GET(self) -> None:
            self._serve()

        def do_POST(self) -> None:
            self._serve()

        def _serve(self) -> None:
            content = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = json.loads(content) if content else None
            reply = server.answer(Received(self.command, self.path, headers, body))
            time.sleep(reply.delay_s)
            if reply.drop:
                self.close_connection = True
                return
            data = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            self.send_response(reply.status)
            for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[: reply.cut])
            self.close_connection = self.close_connection or reply.cut is not None

        def log_message(self, *_: Any) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    server.url = f"http://127.0.0.1:{http.server_address[1]}"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()
