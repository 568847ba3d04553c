"""Runs, probe results and ablations over HTTP, against the library's own reading of them."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from mediafm.serve import ServeOptions
from mediafm.serve.app import make_app
from mediafm.serve.reports import Reports, curves
from report_folders import write_ablation, write_probe, write_run

Client = Callable[..., TestClient]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs, one of them cut off; a probe's result, one that is damaged, and an ablation."""
    root = tmp_path_factory.mktemp("runs")
    write_run(root / "first")
    (root / "broken").mkdir()
    (root / "broken" / "origin.json").write_text("{")
    write_probe(root / "probes" / "place")
    (root / "probes" / "damaged").mkdir()
    (root / "probes" / "damaged" / "result.json").write_text('{"task": "place"}')
    write_ablation(root / "grid")
    return root


@pytest.fixture
def client(served: Path, folder: Path) -> Iterator[TestClient]:
    with TestClient(make_app(str(served), ServeOptions(runs=folder)), base_url="http://127.0.0.1") as made:
        yield made


def test_runs_are_what_info_says(client: TestClient, folder: Path) -> None:
    from mediafm.train.summary import run_info

    runs = {run["name"]: run for run in client.get("/v1/runs").json()["runs"]}
    assert set(runs) == {"first", "broken"}
    assert runs["broken"]["status"] == "damaged" and runs["broken"]["trouble"]
    assert str(folder) not in json.dumps(runs)
    told, expected = client.get("/v1/runs/first").json(), run_info(folder / "first")
    assert told["measures"] == expected["measures"] and told["model"] == expected["model"]
    assert runs["first"]["msm"] == expected["measures"]["msm"]
    assert told["recipe"]["nearest"] == expected["recipe"]["nearest"]
    assert set(told["recipe"]["changes"]) == {"schedule.epochs", "optimizer.rate"} <= set(expected["recipe"]["changes"])
    assert told["encoders"]["video"]["licence"] == "Apache-2.0"
    lines = [json.loads(line) for line in (folder / "first" / "metrics.jsonl").read_text().splitlines()]
    assert told["curves"]["msm"] == [[row["step"], row["msm"]] for row in lines if "msm" in row]
    assert client.get("/v1/runs/broken").status_code == 404


def test_long_curves_are_means_of_blocks_and_half_a_line_is_left_out(tmp_path: Path) -> None:
    rows = [json.dumps({"step": step, "loss": float(step % 2)}) for step in range(1, 5001)]
    (tmp_path / "metrics.jsonl").write_text("\n".join(rows) + '\n{"step": 5001, "lo')
    loss = curves(tmp_path)["loss"]
    assert len(loss) <= 600 and loss[-1][0] == 5000
    assert sum(value for _, value in loss) / len(loss) == pytest.approx(0.5, abs=0.05)
    assert curves(tmp_path / "gone") == {}


def test_probes_and_ablations_are_their_documents(client: TestClient, folder: Path) -> None:
    probes = {probe["name"]: probe for probe in client.get("/v1/probes").json()["probes"]}
    assert probes["probes/place"]["metric"] == "average_precision" and probes["probes/damaged"]["trouble"]
    stored = json.loads((folder / "probes" / "place" / "result.json").read_text())
    assert client.get("/v1/probes/probes/place").json() == stored
    assert client.get("/v1/probes/probes/damaged").status_code == 404
    (grid,) = client.get("/v1/ablations").json()["ablations"]
    assert (grid["name"], grid["task"]) == ("grid", "place")
    assert client.get("/v1/ablations/grid").json() == json.loads((folder / "grid" / "ablation.json").read_text())


@pytest.mark.parametrize("name", ["nobody", "../first", "..%2ffirst", "/etc", "first/state"])
def test_only_what_was_found_has_a_name(client: TestClient, name: str) -> None:
    for kind in ("runs", "probes", "ablations"):
        answer = client.get(f"/v1/{kind}/{name}")
        assert answer.status_code in (404, 405) and "root:" not in answer.text


def test_links_are_not_followed_and_models_are_runs(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(folder)
    assert Reports(tmp_path, {}).names("run") == []
    assert Reports(None, {"mine": folder / "first"}).run("mine")["status"] == "checkpoint"
    assert Reports(folder, {"mine": folder / "first"}).names("run") == ["broken", "mine"]


def test_without_a_folder_there_is_nothing(asked: Client) -> None:
    client = asked()
    assert client.get("/v1/runs").json() == {"runs": []} and client.get("/v1/probes").json() == {"probes": []}
