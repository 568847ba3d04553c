"""The client against the application itself, and against answers that no good service gives."""

import io
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from mediafm.catalog import Catalog
from mediafm.client import Client
from mediafm.client.calling import Caller
from mediafm.errors import CatalogError, ServiceError, UsageError
from mediafm.serve import ServeOptions
from mediafm.serve.app import make_app
from mediafm.serve.keys import add_key


@pytest.fixture(scope="module")
def app(served: Path, films: Path) -> Iterator[TestClient]:
    options = ServeOptions(films=films, rate_per_s=1e6, burst=10**6)
    with TestClient(make_app(str(served), options), base_url="http://127.0.0.1") as running:
        yield running


@pytest.fixture
def client(app: TestClient) -> Client:
    return Client("http://127.0.0.1", transport=app._transport)


def test_titles_shots_pictures_words(client: Client, served: Path) -> None:
    catalog = Catalog.open(served)
    assert [t.title for t in client.titles(page=1)] == ["one", "two"] == [t.title for t in client.titles()]
    assert [t.title for t in client.titles(words="tw", has=["video"])] == ["two"]
    one = client.title("one")
    assert (one.shots, one.film, one.more["end_pts"]) == (3, True, catalog.title_record("one").end_pts)
    assert [s.end_pts for s in client.shots("one")] == [s.end_pts for s in catalog.shots("one")]
    assert client.keyframe("one", 1) == catalog.keyframe("one", 1)
    assert Image.open(io.BytesIO(client.keyframe("two", 0))).format == "JPEG"
    assert client.words("one").startswith("WEBVTT")
    assert client.tags() == {} and client.catalog()["titles"] == 2


def test_vectors_are_the_catalogs(client: Client, served: Path) -> None:
    catalog = Catalog.open(served)
    found = client.embeddings("two", "run")
    assert (found.made_by, found.context, found.vectors.dtype) == ("f" * 64, "title", np.float32)
    np.testing.assert_array_equal(found.vectors, catalog.embeddings("run", "two"))
    assert client.embeddings("two", "run", unit="title").vectors.shape == (1, 3)


def test_search_and_similar(client: Client, app: TestClient) -> None:
    alike = client.similar("one@0-1", k=2, features="video")
    told = app.get("/v1/similar", params={"like": "one@0-1", "k": 2, "features": "video"}).json()["hits"]
    assert [(h.title, h.score) for h in alike] == [(h["title"], h["score"]) for h in told]
    if "post" not in app.get("/v1/openapi.json").json()["paths"]["/v1/search"]:
        pytest.skip("this service takes no search by POST")
    words = client.search("going", k=3)
    assert [h.title for h in words.hits] == [
        h["title"] for h in app.get("/v1/search", params={"words": "going", "k": 3}).json()["hits"]
    ]
    mixed = client.search("going", like="one#0", image=client.keyframe("one", 0), features=["video"], explain=True)
    assert mixed.hits and mixed.hits[0].why
    assert set(client.search(like=["one#0"], features=["run", "video"]).lists) == {"run", "video"}


def test_pieces_of_a_film(client: Client, films: Path) -> None:
    data = (films / "one.mp4").read_bytes()
    piece = client.media("one", 10, 20)
    assert (piece.data, piece.start, piece.size, piece.kind) == (data[10:30], 10, len(data), "video/mp4")
    assert client.media("one").data == data and client.media("one", len(data) - 5).data == data[-5:]


def test_jobs_are_followed_to_their_end(client: Client, app: TestClient) -> None:
    assert client.films() == ["one.mp4", "two.mp4"] and client.models() == []
    job = client.ingest(["two.mp4"])
    told = list(client.follow(job.id))
    assert told[-1].ended and told[0].id == job.id and client.jobs()[0].id == job.id
    assert client.job(job.id).state == told[-1].state and client.cancel(job.id).state == told[-1].state


@pytest.mark.parametrize(
    ("ask", "error", "words"),
    [
        (lambda c: c.title("nobody"), CatalogError, "no title 'nobody'"),
        (lambda c: c.title(".."), UsageError, "no name"),
        (lambda c: c.title("../../etc/passwd"), CatalogError, "no title"),
        (lambda c: c.embeddings("one", "none"), UsageError, "It has run"),
        (lambda c: c.embed("none"), UsageError, "no model"),
        (lambda c: c.similar("one", k=10**6), UsageError, "more than"),
        (lambda c: c.media("one", start=10**9), ServiceError, "not within the film"),
        (lambda c: c.media("one", length=0), UsageError, "no such bytes"),
        (lambda c: c.search(), UsageError, "nothing to search"),
        (lambda c: next(c.follow("0" * 16)), CatalogError, "no such job"),
    ],
)
def test_refusals_are_errors_in_the_services_words(
    client: Client, ask: Callable[[Client], Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        ask(client)


def test_keys(served: Path, tmp_path: Path) -> None:
    key = add_key(tmp_path / "keys", "r", "read")
    app = TestClient(make_app(str(served), ServeOptions(keys=tmp_path / "keys")), base_url="http://127.0.0.1")
    assert len(list(Client("http://127.0.0.1", key=key, transport=app._transport).titles())) == 2
    with pytest.raises(ServiceError, match="takes a key"):
        list(Client("http://127.0.0.1", transport=app._transport).titles())


def caller(answers: list[Any], tries: int = 3) -> tuple[Caller, list[float]]:
    waits: list[float] = []

    def answer(_: httpx2.Request) -> httpx2.Response:
        given = answers.pop(0)
        if isinstance(given, Exception):
            raise given
        return httpx2.Response(given[0], headers=given[1], text="{}")

    return Caller("http://here", "", tries, 1.0, httpx2.MockTransport(answer), waits.append), waits


def test_it_comes_again_when_it_is_told_to() -> None:
    calls, waits = caller([(503, {"retry-after": "7"}), (429, {"retry-after": "100000"}), (200, {})])
    assert calls.call("POST", "/v1/jobs").status_code == 200 and waits == [7, 60]
    calls, waits = caller([(503, {})] * 3)
    with pytest.raises(ServiceError, match="answered 503"):
        calls.call("GET", "/x")
    assert len(waits) == 2 and all(0 < wait < 10 for wait in waits)


def test_a_broken_connection_repeats_what_changes_nothing() -> None:
    broken = httpx2.ConnectError("refused")
    calls, waits = caller([broken, (200, {})])
    assert calls.call("GET", "/x").status_code == 200 and len(waits) == 1
    calls, waits = caller([broken, (200, {})])
    with pytest.raises(ServiceError, match="cannot be reached: refused"):
        calls.call("POST", "/x")
    assert waits == []


def test_what_is_no_service_is_told() -> None:
    for address in ("", "nowhere", "ftp://here", "http://"):
        with pytest.raises(UsageError, match="no address"):
            Client(address)

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if "catalog" in self.path else 404)
            self.end_headers()
            self.wfile.write(b"<html>")

        def log_message(self, *_: Any) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            other = Client(f"http://127.0.0.1:{server.server_port}")
            with pytest.raises(ServiceError, match="no service of mediafm"):
                other.catalog()
            with pytest.raises(CatalogError, match="answered 404"):
                other.title("x")
            other.close()
        finally:
            server.shutdown()
            thread.join()
    with pytest.raises(ServiceError, match="cannot be reached"):
        Client(f"http://127.0.0.1:{server.server_port}", tries=1).catalog()
