"""Jobs: done in order by the commands, kept over a kill, taken back."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from mediafm.catalog import Catalog
from mediafm.errors import CatalogError
from mediafm.serve.jobs import ENDED, Job, Jobs

Client = Callable[..., TestClient]


def ended(look: Callable[[], str], seconds: float = 120) -> str:
    until = time.monotonic() + seconds
    while (state := look()) not in ENDED:
        assert time.monotonic() < until, state
        time.sleep(0.1)
    return state


def test_films_are_ingested_by_name(asked: Client, films: Path, tmp_path: Path) -> None:
    from mediafm.ingest import ingest

    ingest([films / "one.mp4"], str(tmp_path / "catalog"), detector="content")
    client = asked(tmp_path / "catalog", films=films)
    assert client.get("/v1/films").json() == {"films": ["one.mp4", "two.mp4"]}
    job = client.post("/v1/jobs", json={"kind": "ingest", "films": ["two.mp4"]})
    assert job.status_code == 202
    with client.stream("GET", f"/v1/jobs/{job.json()['id']}/events") as events:
        told = [json.loads(line[6:]) for line in events.iter_lines() if line.startswith("data: ")]
    # By the detector that the catalog was made with, which is not the preset's.
    assert (told[-1]["state"], told[-1]["result"]["titles_ok"]) == ("done", 1)
    assert Catalog.open(tmp_path / "catalog").title_ids() == ["one", "two"]
    assert client.get("/v1/jobs").json()["jobs"][0]["id"] == job.json()["id"]
    for wrong in ("../secret.mp4", "/etc/passwd", "--help"):
        assert client.post("/v1/jobs", json={"kind": "ingest", "films": [wrong]}).status_code == 400


def test_commands_run_one_after_the_other_and_report(served: Path, tmp_path: Path) -> None:
    with Jobs(tmp_path / "jobs") as jobs:
        first = jobs.add("verify", ("--catalog", str(served)), "me")
        second = jobs.add("info", ("--catalog", str(tmp_path / "gone")), "me")
        assert ended(lambda: jobs.one(second.id).state) == "failed"
        assert jobs.one(first.id).state == "done" and jobs.one(first.id).result is not None
        assert "There is no catalog" in jobs.one(second.id).said
    with pytest.raises(CatalogError):
        jobs.one("0" * 16)
    assert {j.state for j in Jobs(tmp_path / "jobs").all()} == {"done", "failed"}


def test_what_ran_when_the_service_was_killed_runs_again(served: Path, tmp_path: Path) -> None:
    folder = tmp_path / "jobs"
    folder.mkdir()
    job = Job("ab" * 8, "verify", ("--catalog", str(served)), "me", "2026-01-01", "running")
    (folder / f"{job.id}.json").write_text(json.dumps(asdict(job)))
    with Jobs(folder) as jobs:
        assert ended(lambda: jobs.one(job.id).state) == "done"
    assert Catalog.open(served).title_ids() == ["one", "two"]


def test_a_job_can_be_taken_back(served: Path, tmp_path: Path) -> None:
    with Jobs(tmp_path / "jobs") as jobs:
        running = jobs.add("verify", ("--catalog", str(served)), "me")
        waiting = jobs.add("verify", ("--catalog", str(served)), "me")
        assert jobs.cancel(waiting.id).state == "cancelled"
        jobs.cancel(running.id)
        last = jobs.add("verify", ("--catalog", str(served)), "me")
        assert ended(lambda: jobs.one(last.id).state) == "done"
        assert [jobs.one(j.id).state for j in (running, waiting)] == ["cancelled", "cancelled"]
