"""Names that are none, headers that lie, questions that are too large: told, and nothing else happens."""

from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from mediafm.catalog import Catalog
from mediafm.serve.keys import add_key

Client = Callable[..., TestClient]

NAMES = (
    "one' OR '1'='1",
    'one" OR ""="',
    "one'; DROP TABLE titles; --",
    "one') UNION SELECT * FROM titles --",
    "%' OR title_id LIKE '%",
    "one\\' OR 1=1",
    "${jndi:ldap://x}",
    "{{7*7}}",
    "../../../../etc/passwd",
    "/etc/passwd",
    "file:///etc/passwd",
    "http://127.0.0.1:1/",
    "s3://bucket/key",
    "one\x00.mp4",
    "one\r\nSet-Cookie: a=b",
    "‮eno",
    "\ud7ff\U0010ffff",
    "a" * 990,
)


@pytest.mark.parametrize("name", NAMES, ids=lambda n: repr(n)[:24])
def test_a_name_is_looked_up_and_nothing_else(asked: Client, served: Path, name: str) -> None:
    from urllib.parse import quote

    client, quoted = asked(), quote(name, safe="")
    routes = ("", "/shots", "/words.vtt", "/keyframes/0", "/embeddings?features=run")
    for path in [*(f"/v1/titles/{quoted}{rest}" for rest in routes), f"/v1/media/{quoted}", f"/v1/jobs/{quoted}"]:
        answer = client.get(path)
        assert answer.status_code in (400, 404, 422), (path, answer.status_code)
        assert answer.json()["error"]["request_id"] and b"root:" not in answer.content
        assert str(served) not in answer.text and "set-cookie" not in answer.headers
    for asked_for in ({"like": name, "k": 3}, {"like": "one#0", "features": name}):
        assert client.get("/v1/similar", params=asked_for).status_code in (400, 404, 422)
    for field in ("words", "genre", "tag"):
        found = client.get("/v1/titles", params={field: name})
        assert found.status_code in (200, 422) and not found.json().get("titles"), field
    assert client.get("/v1/titles", params={"after": name}).status_code in (200, 422)
    assert Catalog.open(served).title_ids() == ["one", "two"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/titles?words=" + "x" * 501, 422),
        ("/v1/titles?limit=1001", 422),
        ("/v1/titles?limit=" + "9" * 400, 422),
        ("/v1/titles/one/keyframes/99999999999999999999", 422),
        ("/v1/search?words=" + "x" * 2001, 422),
        ("/v1/search?words=x&k=1001", 400),
        ("/v1/similar?like=one&k=" + "9" * 30, 400),
        ("/v1/similar?like=one%231e9", 400),
        ("/v1/similar?like=one@nan-inf", 400),
        ("/v1/similar?like=one@-5--1", 400),
        ("/v1/titles?words=" + "x" * 20_000, 414),
    ],
)
def test_what_is_too_large_is_refused(asked: Client, path: str, status: int) -> None:
    answer = asked().get(path)
    assert answer.status_code == status and answer.json()["error"]["remedy"]


def test_headers_that_lie(asked: Client) -> None:
    client = asked()
    for headers, status in (
        ({"host": "[::1"}, 403),
        ({"host": ""}, 403),
        ({"host": "127.0.0.1.evil.example"}, 403),
        ({"host": "localhost@evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://["}, 403),
        ({"origin": "http://localhost.evil.example"}, 403),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}, 403),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, 200),
        ({"content-length": "-1"}, 413),
        ({"x": "y" * 40_000}, 431),
        ({"host": "LOCALHOST:80"}, 200),
        ({"x-forwarded-for": "10.0.0.1", "x-forwarded-host": "evil"}, 200),
        ({"range": "bytes=abc"}, 200),
    ):
        answer = client.get("/v1/titles", headers=headers)
        assert answer.status_code == status, headers
        assert "access-control-allow-origin" not in answer.headers


def test_no_other_page_changes_anything(asked: Client, tmp_path: Path) -> None:
    """Without keys another page of this machine may look at most; with keys a form cannot enter or ask."""
    body = {"kind": "ingest", "films": ["x"]}
    client = asked()
    for origin, status in (
        ("http://127.0.0.1", 400),
        ("http://localhost:3000", 403),
        ("null", 403),
        ("https://x", 403),
    ):
        assert client.post("/v1/jobs", json=body, headers={"origin": origin}).status_code == status, origin
    assert client.options("/v1/jobs", headers={"origin": "https://x"}).status_code == 403
    key = add_key(tmp_path / "keys", "w", "admin")
    keyed = asked(keys=tmp_path / "keys")
    form = {"content-type": "text/plain"}
    assert keyed.post("/v1/session", content=f'{{"key": "{key}"}}', headers=form).status_code in (415, 422)
    keyed.post("/v1/session", json={"key": key})
    for site in ("cross-site", "same-site", "none", ""):
        answer = keyed.post("/v1/admin/drain", headers={"sec-fetch-site": site})
        assert answer.status_code == 401, site
    assert keyed.post("/v1/admin/drain", headers={"sec-fetch-site": "same-origin"}).status_code == 200


@pytest.mark.parametrize("key", ["", "mfm_", "é" * 10, "x" * 10_000, "mfm_ " + "0" * 43, "null", "' OR 1=1"])
def test_keys_that_are_none(asked: Client, tmp_path: Path, key: str) -> None:
    add_key(tmp_path / "keys", "r", "read")
    client = asked(keys=tmp_path / "keys")
    for headers in ({"authorization": f"Bearer {key}"}, {"x-api-key": key}, {"cookie": f"mediafm_key={key}"}):
        raw = {name: value.encode("latin-1") for name, value in headers.items()}
        assert client.get("/v1/titles", headers=raw).status_code == 401
        refused = client.get("/v1/titles", headers=raw)
        assert refused.headers["www-authenticate"] == "Bearer"
    assert client.post("/v1/session", json={"key": key}).status_code in (401, 422)


def test_bodies_that_are_none(asked: Client) -> None:
    client = asked(max_body_bytes=100_000)
    deep = b'{"kind":"ingest","films":' + b"[" * 20_000 + b"]" * 20_000 + b"}"
    for body in (
        b"",
        b"{",
        b"\xff\xfe",
        b"null",
        b"[]",
        deep,
        b'{"kind":"ingest","films":["a"],"also":1}',
        b'{"kind":1e999}',
    ):
        answer = client.post("/v1/jobs", content=body, headers={"content-type": "application/json"})
        assert answer.status_code in (400, 422) and answer.json()["error"]["message"], body[:30]
