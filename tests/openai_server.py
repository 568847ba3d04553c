"""A server on this machine that speaks OpenAI's documented form of embeddings, and misbehaves on demand."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hosted_server import SECRET, Received, Reply, serving, vector_of

PRESET = """name = "api"
[detector]
name = "fixed"
options = {{ seconds = 1.0 }}
[encoders.text]
kind = "openai"
model = "text-embedding-3-large"
dimensions = 16
base_url = "{url}/v1"
usd_per_million_tokens = {price}
{more}
"""


@dataclass
class OpenAIServer:
    """`replies` are given to requests, one each in their order; then vectors. `hold` keeps answers back while set."""

    url: str = ""
    received: list[Received] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    asked: Counter[str] = field(default_factory=Counter)  # texts, by how often they came
    answered: Counter[str] = field(default_factory=Counter)  # by how often their vector went out
    backwards: bool = False  # vectors in another order than the texts
    free: threading.Event = field(default_factory=threading.Event)
    hold_from: int = 10**9  # the request, counted from 1, from which on answers wait for `free`
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, request: Received) -> Reply:
        with self.lock:
            self.received.append(request)
            number = len(self.received)
            if request.headers.get("authorization") != f"Bearer {SECRET}":
                return Reply(401, {"error": {"message": f"Incorrect key: {request.headers.get('authorization')}"}})
            assert (request.method, request.path) == ("POST", "/v1/embeddings")
            texts = request.body["input"]
            self.asked.update(texts)
            scripted = self.replies.pop(0) if self.replies else None
        if number >= self.hold_from:
            self.free.wait(20)
        if scripted is not None and (scripted.status != 200 or scripted.body is not None or scripted.drop):
            return scripted
        with self.lock:
            self.answered.update(texts)
        good = Reply(200, self.good(request.body))
        if scripted is not None:
            good.delay_s, good.cut = scripted.delay_s, scripted.cut
        return good

    def good(self, body: Any) -> Any:
        """The documented answer."""
        texts = body["input"]
        data = [
            {"object": "embedding", "index": i, "embedding": vector_of(t.encode(), body.get("dimensions", 16))}
            for i, t in enumerate(texts)
        ]
        tokens = sum(len(t.split()) for t in texts)
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        data = data[::-1] if self.backwards else data
        return {"object": "list", "data": data, "model": body["model"], "usage": usage}

    @property
    def sizes(self) -> list[int]:
        """Texts of each request."""
        return [len(r.body["input"]) for r in self.received]


@contextmanager
def openai_server() -> Iterator[OpenAIServer]:
    """The server, in threads of its own, for as long as the block lasts."""
    server = OpenAIServer()
    try:
        with serving(server):
            yield server
    finally:
        server.free.set()


def write_preset(path: Path, url: str, price: float = 0.13, more: str = "") -> Path:
    """A preset of text alone, by the server."""
    path.write_text(PRESET.format(url=url, price=price, more=more))
    return path
