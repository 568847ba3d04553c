"""What admins may, and nobody else; and what it does."""

import json
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest
from starlette.testclient import TestClient

from mediafm.serve.keys import add_key, read_keys

Client = Callable[..., TestClient]
ROLES = ("read", "write", "admin")


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, dict[str, str]]:
    """Role -> headers with a key of it."""
    return {role: {"authorization": f"Bearer {add_key(tmp_path / 'keys', role, role)}"} for role in ROLES}


@pytest.fixture
def client(asked: Client, keys: dict[str, dict[str, str]], tmp_path: Path) -> TestClient:
    return asked(keys=tmp_path / "keys", audit=tmp_path / "audit")


def test_who_may_what(client: TestClient, keys: dict[str, dict[str, str]]) -> None:
    """Every route and method by every role: what is refused is refused for the role's sake, and nothing else is."""
    job = {"kind": "ingest", "films": ["x"]}
    table = [  # least role; what it answers to one who may
        ("GET", "/v1/titles", None, "read", 200),
        ("GET", "/v1/titles/one/shots", None, "read", 200),
        ("GET", "/v1/media/one", None, "read", 200),
        ("GET", "/v1/jobs", None, "read", 200),
        ("GET", "/metrics", None, "read", 200),
        ("GET", "/v1/openapi.json", None, "read", 200),
        ("POST", "/v1/jobs", job, "write", 400),
        ("DELETE", f"/v1/jobs/{'0' * 16}", None, "write", 404),
        ("GET", "/v1/admin/keys", None, "admin", 200),
        ("POST", "/v1/admin/keys", {"name": "read"}, "admin", 400),
        ("DELETE", "/v1/admin/keys/nobody", None, "admin", 404),
        ("GET", "/v1/admin/audit", None, "admin", 200),
        ("GET", "/v1/admin/status", None, "admin", 200),
        ("DELETE", "/v1/admin/drain", None, "admin", 200),
        ("GET", "/v1/admin/nothing", None, "admin", 404),
    ]
    for method, path, body, least, status in table:
        assert client.request(method, path, json=body).status_code == 401, path
        for role in ROLES:
            expected = status if ROLES.index(role) >= ROLES.index(least) else 403
            assert client.request(method, path, json=body, headers=keys[role]).status_code == expected, (path, role)


def test_keys_by_http(client: TestClient, keys: dict[str, dict[str, str]], tmp_path: Path) -> None:
    made = client.post("/v1/admin/keys", json={"name": "anna", "role": "write"}, headers=keys["admin"])
    assert made.status_code == 201
    theirs = {"x-api-key": made.json()["key"]}
    assert client.get("/v1/session", headers=theirs).json() == {"name": "anna", "role": "write"}
    listed = client.get("/v1/admin/keys", headers=keys["admin"])
    assert [k["name"] for k in listed.json()["keys"]] == [*ROLES, "anna"]
    assert made.json()["key"] not in listed.text and "sha256" not in listed.text
    assert client.delete("/v1/admin/keys/anna", headers=keys["admin"]).status_code == 204
    assert client.get("/v1/titles", headers=theirs).status_code == 401
    last = client.delete("/v1/admin/keys/admin", headers=keys["admin"])
    assert last.status_code == 400 and "last key of an admin" in last.json()["error"]["message"]
    for wrong in (
        {"name": ""},
        {"name": " x"},
        {"name": "a\nb"},
        {"name": "x", "role": "owner"},
        {"name": "x" * 201},
        {},
    ):
        assert client.post("/v1/admin/keys", json=wrong, headers=keys["admin"]).status_code in (400, 422), wrong
    text = (tmp_path / "keys").read_text() + (tmp_path / "audit").read_text()
    assert made.json()["key"] not in text


def test_keys_made_at_the_same_time_are_all_kept(tmp_path: Path) -> None:
    threads = [Thread(target=add_key, args=(tmp_path / "keys", f"k{n}", "read")) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(k.name for k in read_keys(tmp_path / "keys")) == sorted(f"k{n}" for n in range(20))


def test_the_audit_log_is_told_newest_first_and_a_torn_line_passed_over(
    client: TestClient, keys: dict[str, dict[str, str]], tmp_path: Path
) -> None:
    (tmp_path / "audit").write_text('{"time": "earlier"}\n{"time": "to')
    with (tmp_path / "audit").open("a") as file:
        file.write("\n")
    client.get("/v1/titles/nobody", headers=keys["read"])
    client.get("/v1/titles")
    lines = client.get("/v1/admin/audit", params={"limit": 3}, headers=keys["admin"]).json()["lines"]
    assert [(x.get("caller"), x.get("status")) for x in lines] == [("nobody", 401), ("read", 404), (None, None)]


def test_draining_refuses_what_is_new_and_can_be_taken_back(
    client: TestClient, keys: dict[str, dict[str, str]]
) -> None:
    assert client.post("/v1/admin/drain", headers=keys["admin"]).json()["draining"] is True
    refused = client.get("/v1/titles", headers=keys["read"])
    assert refused.status_code == 503 and int(refused.headers["retry-after"]) > 0
    assert client.get("/healthz").status_code == 503
    assert client.get("/metrics", headers=keys["read"]).status_code == 200
    status = client.get("/v1/admin/status", headers=keys["admin"]).json()
    assert status["draining"] and status["at_work"]["watch"] == 1 and status["peak_memory_mb"] > 10
    client.delete("/v1/admin/drain", headers=keys["admin"])
    assert client.get("/v1/titles", headers=keys["read"]).status_code == 200 == client.get("/healthz").status_code


def test_without_keys_there_are_none_to_keep(asked: Client) -> None:
    answer = asked().get("/v1/admin/keys")
    assert answer.status_code == 400 and "--keys" in answer.json()["error"]["remedy"]
    assert "--audit" in asked().get("/v1/admin/audit").json()["error"]["remedy"]
    assert json.loads(asked().get("/v1/admin/status").text)["draining"] is False
