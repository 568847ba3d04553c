"""Who may, how much, how often; and that nothing a client sends becomes a path."""

import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from mediafm.catalog import Catalog, TitleSource
from mediafm.errors import UsageError
from mediafm.serve import ServeOptions
from mediafm.serve.keys import KeyRing, add_key, read_keys, remove_key
from mediafm.serve.rates import Rates
from mediafm.serve.server import run

Client = Callable[..., TestClient]


def test_a_public_address_takes_keys_and_tls(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="anyone could read"):
        ServeOptions(host="0.0.0.0")
    keys = tmp_path / "keys"
    add_key(keys, "reader", "read")
    with pytest.raises(UsageError, match="in the clear"):
        ServeOptions(host="0.0.0.0", keys=keys)
    assert ServeOptions(host="0.0.0.0", keys=keys, behind_proxy=True).is_local is False
    assert ServeOptions(host="::1").is_local and ServeOptions(host="localhost").is_local
    with pytest.raises(UsageError, match="no file"):
        ServeOptions(keys=tmp_path / "gone")


def test_an_address_that_cannot_be_had_is_told(served: Path, tmp_path: Path) -> None:
    add_key(tmp_path / "keys", "reader", "read")
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(UsageError, match=r"Address already in use\. Choose"),
    ):
        run(str(served), ServeOptions(port=taken.getsockname()[1]), tell=pytest.fail)
    with pytest.raises(UsageError, match=r"Nothing can listen at 127\.0\.0\.256"):
        lost = ServeOptions(host="127.0.0.256", behind_proxy=True, keys=tmp_path / "keys")
        run(str(served), lost, tell=pytest.fail)


def test_only_hashes_are_kept_and_a_key_taken_out_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    key, other = add_key(path, "a", "read"), add_key(path, "b", "admin")
    assert key not in path.read_text() and path.stat().st_mode & 0o077 == 0
    ring = KeyRing(path)
    found = ring.caller(key)
    assert found is not None and (found.name, found.role) == ("a", "read")
    remove_key(path, "a")
    assert ring.caller(key) is None and ring.caller(other) is not None and ring.caller("") is None
    with pytest.raises(UsageError, match="cannot be called 'b'"):
        add_key(path, "b", "read")
    with pytest.raises(UsageError, match="no role"):
        add_key(path, "c", "owner")
    with pytest.raises(UsageError, match="has no key 'x'"):
        remove_key(path, "x")
    path.write_text("not keys\n")
    with pytest.raises(UsageError, match="no file of keys"):
        read_keys(path)


def test_roles(asked: Client, tmp_path: Path) -> None:
    keys = {role: add_key(tmp_path / "keys", role, role) for role in ("read", "write")}
    client = asked(keys=tmp_path / "keys")
    bearer = {role: {"authorization": f"Bearer {key}"} for role, key in keys.items()}
    assert client.get("/v1/titles").status_code == 401
    assert client.get("/v1/titles", headers={"authorization": "Bearer mfm_wrong"}).status_code == 401
    assert client.get("/healthz").status_code == 200
    for page_file in ("/", "/style.css", "/js/main.js"):  # which asks for the key
        assert client.get(page_file).status_code == 200
    for closed in ("/metrics", "/v1/openapi.json", "/v1/media/one"):
        assert client.get(closed).status_code == 401
    assert client.get("/v1/titles", headers=bearer["read"]).status_code == 200
    assert client.get("/v1/titles", headers={"x-api-key": keys["read"]}).status_code == 200
    body = {"kind": "ingest", "films": ["x"]}
    refused = client.post("/v1/jobs", json=body, headers=bearer["read"])
    assert refused.status_code == 403 and "may write" in refused.json()["error"]["message"]
    assert client.post("/v1/jobs", json=body, headers=bearer["write"]).status_code == 400  # no such film


def test_a_cookie_reads_but_does_not_write_for_other_sites(asked: Client, tmp_path: Path) -> None:
    key = add_key(tmp_path / "keys", "w", "write")
    client = asked(keys=tmp_path / "keys")
    assert client.post("/v1/session", json={"key": "wrong"}).status_code == 401
    entered = client.post("/v1/session", json={"key": key})
    assert "HttpOnly" in entered.headers["set-cookie"] and "SameSite=strict" in entered.headers["set-cookie"]
    assert client.get("/v1/session").json() == {"name": "w", "role": "write"}
    body = {"kind": "ingest", "films": ["x"]}
    assert client.post("/v1/jobs", json=body).status_code == 401
    assert client.post("/v1/jobs", json=body, headers={"sec-fetch-site": "cross-site"}).status_code == 401
    assert client.post("/v1/jobs", json=body, headers={"sec-fetch-site": "same-origin"}).status_code == 400
    client.delete("/v1/session")
    assert client.get("/v1/titles").status_code == 401


def test_pages_of_others_cannot_reach_a_service_without_keys(asked: Client) -> None:
    client = asked()
    assert client.get("/v1/titles", headers={"host": "rebound.example"}).status_code == 403
    assert client.get("/v1/titles", headers={"origin": "https://evil.example"}).status_code == 403
    assert client.get("/v1/titles", headers={"origin": "http://localhost:8780"}).status_code == 200


def test_bodies_and_rates_are_limited(asked: Client) -> None:
    client = asked(max_body_bytes=1000, rate_per_s=0.001, burst=3)
    assert client.post("/v1/jobs", content=b"x" * 1001).status_code == 413

    def pieces():
        yield from [b"x" * 600, b"x" * 600]

    assert client.post("/v1/jobs", content=pieces()).status_code == 413
    assert client.get("/v1/titles").status_code == 200
    late = client.get("/v1/titles")
    assert late.status_code == 429 and int(late.headers["retry-after"]) > 0


def test_a_bucket_fills_again() -> None:
    now = [0.0]
    rates = Rates(per_s=2, burst=2, clock=lambda: now[0])
    assert [rates.wait_s("a") for _ in range(3)] == [0, 0, 0.5]
    assert rates.wait_s("b") == 0
    now[0] = 0.5
    assert (rates.wait_s("a"), rates.wait_s("a")) == (0, 0.5)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/media/../../../../etc/passwd",
        "/v1/media/..%2f..%2f..%2fetc%2fpasswd",
        "/v1/media/%2e%2e/%2e%2e/etc/passwd",
        "/v1/media//etc/passwd",
        "/v1/titles/one' OR 'a'='a",
        "/v1/titles/one%00",
        "/v1/titles/one/keyframes/1%20OR%201=1",
        "/v1/jobs/..%2f..%2fetc",
        "/page/../app.py",
        "/..%2fapp.py",
    ],
)
def test_paths_and_filters_are_only_names(asked: Client, path: str) -> None:
    answer = asked().get(path)
    assert answer.status_code in (404, 422)
    assert b"root:" not in answer.content and b"uvicorn" not in answer.content


def test_only_films_of_titles_are_handed_out(asked: Client, served: Path, tmp_path: Path, films: Path) -> None:
    """A record that names another file, or a film that was changed, gives nothing."""
    import shutil

    copy = tmp_path / "catalog"
    shutil.copytree(served, copy)
    catalog, secret = Catalog.open(copy), tmp_path / "secret.mp4"
    secret.write_bytes(b"not the film")
    record, shots = catalog.title_record("one"), catalog.shots("one")
    with catalog.writer("one", TitleSource(str(secret), record.source_fingerprint)) as writer:
        writer.append(shots, catalog.features("one"), {})
        writer.commit(record)
    with catalog.writer("two", TitleSource("/etc/passwd", "")) as writer:
        writer.append(catalog.shots("two"), catalog.features("two"), {})
        writer.commit(catalog.title_record("two"))
    client = asked(copy)
    assert "was changed" in client.get("/v1/media/one").json()["error"]["message"]
    assert "not at hand" in client.get("/v1/media/two").json()["error"]["message"]


def test_answers_carry_a_strict_policy_and_refusals_are_logged(asked: Client, tmp_path: Path) -> None:
    client = asked(audit=tmp_path / "audit.jsonl")
    answer = client.get("/v1/titles/nobody")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    client.get("/v1/titles")
    (line,) = map(json.loads, (tmp_path / "audit.jsonl").read_text().splitlines())
    assert (line["path"], line["status"], line["request"]) == ("/v1/titles/nobody", 404, answer.headers["x-request-id"])
