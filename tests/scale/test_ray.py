"""Real Ray clusters of several nodes: the same catalog as on one machine, whatever is killed meanwhile."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest_films import make_film
from ingest_killing import differences
from mediafm.catalog import Catalog
from mediafm.ingest import ingest
from object_storage import BUCKET, put_folder, reaching, s3_server
from ray_cluster import RayCluster, environment, ray_cluster, start_on_ray

TITLES = 6


def make_films(folder: Path, titles: int = TITLES) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(titles):
        make_film(folder / f"film{number}.mp4", seed=number, sound=number % 3 != 1, cues=number % 2 == 0)
    return folder


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A folder of films, and the catalog that the local engine makes of it."""
    folder = make_films(tmp_path_factory.mktemp("scale") / "films")
    reference = tmp_path_factory.mktemp("reference") / "catalog"
    assert ingest([folder], str(reference), detector="content").titles_ok == TITLES
    return folder, reference


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayCluster]:
    with ray_cluster() as made:
        yield made


def ended(run: subprocess.Popen[str], status: int = 0) -> tuple[dict, str]:
    assert run.stdout is not None and run.stderr is not None
    with run:  # not communicate: some lines may have been read already
        err, out = run.stderr.read(), run.stdout.read()
    assert run.returncode == status and "Traceback" not in err, err
    return json.loads(out) if out else {}, err


def done(run: subprocess.Popen[str], titles: int) -> str:
    """Wait until the command says that so many titles are done; what it said until then."""
    said = ""
    assert run.stderr is not None
    for line in run.stderr:
        said += line
        if line.startswith("{") and json.loads(line).get("done", 0) >= titles:
            return said
    raise AssertionError(said)


def test_two_nodes_equal_one_machine(films: tuple[Path, Path], cluster: RayCluster, tmp_path: Path) -> None:
    (films[0] / "broken.mp4").write_text("no film at all\n" * 40)
    try:
        summary, err = ended(start_on_ray(films[0], tmp_path / "catalog", cluster.address), 1)
    finally:
        (films[0] / "broken.mp4").unlink()
    assert (summary["titles_ok"], summary["titles_failed"], summary["shots"]) == (TITLES, 1, 3 * TITLES)
    assert "broken.mp4" in summary["failures"][0]["reason"] and "Working on 2 machines" in err
    assert differences(tmp_path / "catalog", films[1]) == []


@pytest.mark.slow
def test_a_second_run_has_nothing_to_do(films: tuple[Path, Path], cluster: RayCluster, tmp_path: Path) -> None:
    for column in ("titles_ok", "titles_skipped"):
        summary, _ = ended(start_on_ray(films[0], tmp_path / "catalog", cluster.address, "--workers", "2"))
        assert summary[column] == TITLES


@pytest.mark.slow
def test_wrong_use_is_said(films: tuple[Path, Path], cluster: RayCluster, tmp_path: Path) -> None:
    _, err = ended(start_on_ray(films[0], tmp_path / "c", "127.0.0.1:1"), 2)
    assert "No Ray cluster answers at '127.0.0.1:1'" in err
    _, err = ended(start_on_ray(films[0], tmp_path / "c", cluster.address, "--gpus", "1"), 2)
    assert "has 0 GPUs" in err
    _, err = ended(start_on_ray(films[0], "s3://no-such-bucket/c", "127.0.0.1:1", "--storage-option", "junk"), 2)
    assert "is no key=value" in err
    _, err = ended(start_on_ray(films[0], films[1], cluster.address, detector="fixed"), 1)
    assert "On 127.0.0.1" in err or "differ in" in err


@pytest.mark.slow
def test_a_killed_node_costs_only_its_own_titles(tmp_path: Path) -> None:
    folder = make_films(tmp_path / "films", 16)
    assert ingest([folder], str(tmp_path / "reference"), detector="content").titles_ok == 16
    with ray_cluster() as cluster:
        run = start_on_ray(folder, tmp_path / "catalog", cluster.address, "--retries", "1")
        said = done(run, 1)
        cluster.kill(0)
        summary, err = ended(run)
    assert summary["titles_ok"] + summary["titles_skipped"] == 16
    (lost,) = (json.loads(x)["note"] for x in (said + err).splitlines() if "machine was lost" in x)
    assert int(lost.split("its ")[-1].split()[0]) <= 3  # what one station has in hand; all else was done once
    assert differences(tmp_path / "catalog", tmp_path / "reference") == []


def stations() -> list[int]:
    """Processes of stations on this machine (Linux)."""
    found = []
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if line.read_bytes().startswith(b"ray::Station"):
                found.append(int(line.parent.name))
    return found


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks processes up in /proc")
def test_a_killed_station_is_replaced(cluster: RayCluster, tmp_path: Path) -> None:
    folder = make_films(tmp_path / "films", 12)
    assert ingest([folder], str(tmp_path / "reference"), detector="content").titles_ok == 12
    run = start_on_ray(folder, tmp_path / "catalog", cluster.address)
    done(run, 1)
    for pid in stations():
        os.kill(pid, signal.SIGKILL)
    summary, err = ended(run)
    assert summary["titles_ok"] + summary["titles_skipped"] == 12 and summary["failures"] == []
    assert "the process that ingested it died" in err
    assert differences(tmp_path / "catalog", tmp_path / "reference") == []


@pytest.mark.slow
def test_a_killed_driver_is_started_again(films: tuple[Path, Path], cluster: RayCluster, tmp_path: Path) -> None:
    run = start_on_ray(films[0], tmp_path / "catalog", cluster.address)
    done(run, 1)
    with run:
        run.send_signal(signal.SIGKILL)
    kept = set(Catalog.open(tmp_path / "catalog").title_ids())
    summary, _ = ended(start_on_ray(films[0], tmp_path / "catalog", cluster.address))
    assert summary["titles_skipped"] >= len(kept) >= 1
    assert summary["titles_ok"] + summary["titles_skipped"] == TITLES
    assert differences(tmp_path / "catalog", films[1]) == []


@pytest.mark.slow
def test_an_interrupt_ends_cleanly(films: tuple[Path, Path], cluster: RayCluster, tmp_path: Path) -> None:
    run = start_on_ray(films[0], tmp_path / "catalog", cluster.address)
    done(run, 1)
    run.send_signal(signal.SIGINT)
    ended(run, 130)
    assert Catalog.open(tmp_path / "catalog").verify() == []


@pytest.mark.slow
def test_films_and_catalog_on_object_storage(films: tuple[Path, Path]) -> None:
    with s3_server() as server, reaching(server):
        address = put_folder(server, films[0], "films")
        with ray_cluster() as cluster:
            summary, _ = ended(start_on_ray(address, f"s3://{BUCKET}/catalog", cluster.address))
        assert summary["titles_ok"] == TITLES
        assert differences(f"s3://{BUCKET}/catalog", films[1]) == []


@pytest.mark.slow
def test_encoders_of_their_own_give_the_same_bytes(films: tuple[Path, Path], tmp_path: Path) -> None:
    code = (
        "import sys; from mediafm.scale import RayOptions, ingest_on_ray\n"
        "films, catalog, address = sys.argv[1:]\n"
        "done = ingest_on_ray([films], catalog, detector='content', options=RayOptions(address, gpus=0, hosts=1))\n"
        "print(done.titles_ok)"
    )
    with ray_cluster(cpus=2) as cluster:
        command = [sys.executable, "-c", code, str(films[0]), str(tmp_path / "catalog"), cluster.address]
        run = subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=400)
    assert run.stdout.strip() == str(TITLES), run.stderr
    assert differences(tmp_path / "catalog", films[1]) == []


DEADLY = """
import json, os, sys, time
from pathlib import Path
from mediafm.catalog import Catalog, CatalogSpec, EncoderSpec
from mediafm.ingest import IngestSummary, Outcome, TitleJob
from mediafm.progress import SILENT
from mediafm.scale.cluster import joined, machines, start_on
from mediafm.scale.dispatch import Dispatcher, Post
from mediafm.types import Metadata

class Deadly:
    def ingest_title(self, job, again):
        time.sleep(0.3)
        if job.title_id == "killer":
            os._exit(1)
        if job.title_id == "shaky":
            mark = Path(job.language)
            mark.write_text(mark.read_text() + "x")
            if len(mark.read_text()) < 3:
                return Outcome("shaky", reason="the storage did not answer", passing=True)
        return Outcome(job.title_id, reason="done")

folder = Path(sys.argv[2])
(folder / "mark").write_text("")
catalog = Catalog.create(folder / "c", CatalogSpec("p", "d", {"text": EncoderSpec("t", 4, "f", "MIT")}))
jobs = [TitleJob(n, Path(n), Metadata(), str(folder / "mark")) for n in ("a", "killer", "b", "shaky", "c")]
with joined(sys.argv[1]) as ray:
    def posts(taken):
        return [Post(start_on(ray, Deadly, m, 1), m, 3) for m in machines(ray) if m.node_id not in taken]
    summary = IngestSummary()
    Dispatcher(ray, catalog, jobs, posts(set()), posts, 2, summary, SILENT, lambda: False).run()
rows = [f.title_id for f in catalog.failures()]
print(json.dumps([dict(summary.failures), rows, (folder / "mark").read_text()]))
"""


@pytest.mark.slow
def test_a_title_that_kills_is_found_and_passing_trouble_is_tried_again(cluster: RayCluster, tmp_path: Path) -> None:
    command = [sys.executable, "-c", DEADLY, cluster.address, str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=300)
    assert run.returncode == 0, run.stderr
    reasons, rows, mark = json.loads(run.stdout.splitlines()[-1])
    assert set(reasons) == {"a", "b", "c", "killer", "shaky"}
    assert "the process that ingested it died, 3 times" in reasons.pop("killer")
    assert set(reasons.values()) == {"done"}
    assert rows == ["killer"] and mark.startswith("xxx")


GHOST = """
import sys
from mediafm.scale import RayOptions, engine, ingest_on_ray
from mediafm.scale.cluster import Machine, machines

def with_the_dead(ray):
    return [Machine("1" * 56, "192.0.2.9", 1.0, 0.0), *machines(ray), Machine("e" * 56, "192.0.2.10", 1.0, 0.0)]

engine.machines = with_the_dead
films, catalog, address = sys.argv[1:]
print(ingest_on_ray([films], catalog, detector="content", options=RayOptions(address)).titles_ok)
"""


@pytest.mark.slow
def test_a_machine_that_died_just_before_is_passed_over(
    films: tuple[Path, Path], cluster: RayCluster, tmp_path: Path
) -> None:
    """The cluster names a dead machine for some seconds."""
    command = [sys.executable, "-c", GHOST, str(films[0]), str(tmp_path / "catalog"), cluster.address]
    run = subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=300)
    assert run.stdout.strip() == str(TITLES), run.stderr
    assert differences(tmp_path / "catalog", films[1]) == []
