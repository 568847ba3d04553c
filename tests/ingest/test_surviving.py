"""Kills, hangs, hostile files and files that change: nothing lost, nothing doubled, nothing stops the others."""

import json
import os
import random
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from ingest_films import make_film
from ingest_killing import children, differences, kill_some, leftovers, start_ingest
from mediafm.catalog import Catalog
from mediafm.ingest import ingest
from mediafm.reading import Limits

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="looks processes up in /proc")
TITLES = 4


@pytest.fixture(scope="module")
def twenty(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A folder of films, and the catalog that an undisturbed ingest makes of it."""
    folder = tmp_path_factory.mktemp("many")
    for number in range(TITLES):
        make_film(folder / f"film{number}.mp4", seed=number, sound=number % 3 != 1, cues=number % 2 == 0)
    reference = tmp_path_factory.mktemp("reference") / "catalog"
    assert ingest([folder], str(reference), workers=1).titles_ok == TITLES
    return folder, reference


@on_linux
@pytest.mark.parametrize("seed", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in range(1, 6))])
def test_kills_at_any_moment_lose_and_double_nothing(twenty: tuple[Path, Path], tmp_path: Path, seed: int) -> None:
    films, reference = twenty
    rng = random.Random(seed)
    catalog = tmp_path / "catalog"
    for _ in range(3 if seed else 2):
        run = start_ingest(films, catalog, "--workers", "2")
        kill_some(run, rng, 6.0, most=2)
        assert leftovers(run.pid) == []
    run = start_ingest(films, catalog)
    out, err = run.communicate(timeout=120)
    assert run.returncode == 0, err
    summary = json.loads(out)
    assert summary["titles_ok"] + summary["titles_skipped"] == TITLES and summary["failures"] == []
    assert differences(catalog, reference) == []


def test_any_number_of_workers_gives_the_same_bytes(twenty: tuple[Path, Path], tmp_path: Path) -> None:
    films, reference = twenty
    assert ingest([films], str(tmp_path / "catalog"), workers=3).titles_ok == TITLES
    assert differences(tmp_path / "catalog", reference) == []


@on_linux
def test_a_killed_reader_is_a_row_and_the_others_go_on(twenty: tuple[Path, Path], tmp_path: Path) -> None:
    films, reference = twenty
    catalog = tmp_path / "catalog"
    run = start_ingest(films, catalog, "--workers", "1")
    while not children(run.pid):
        time.sleep(0.01)
    time.sleep(1.0)
    os.kill(children(run.pid)[0], signal.SIGKILL)
    out, err = run.communicate(timeout=120)
    summary = json.loads(out)
    assert summary["titles_ok"] + summary["titles_failed"] == TITLES and "Traceback" not in err
    for failure in summary["failures"]:
        assert "died of SIGKILL" in failure["reason"] and run.returncode == 1
    assert ingest([films], str(catalog)).failures == []
    assert Catalog.open(catalog).failures() == [] and differences(catalog, reference) == []


@on_linux
def test_an_interrupt_ends_cleanly(twenty: tuple[Path, Path], tmp_path: Path) -> None:
    films, reference = twenty
    run = start_ingest(films, tmp_path / "catalog")
    time.sleep(2.5)
    run.send_signal(signal.SIGINT)
    _, err = run.communicate(timeout=60)
    assert "Traceback" not in err and leftovers(run.pid) == []
    assert ingest([films], str(tmp_path / "catalog")).failures == []
    assert differences(tmp_path / "catalog", reference) == []


def test_a_film_that_does_not_end_in_time_is_a_row(film: Path, tmp_path: Path) -> None:
    summary = ingest([film], str(tmp_path / "catalog"), detector="transnet", limits=Limits(timeout_s=0.05))
    ((title, reason),) = summary.failures
    assert title == "film" and "raise --timeout" in reason
    assert [f.title_id for f in Catalog.open(tmp_path / "catalog").failures()] == ["film"]


def test_what_is_no_file_is_a_row_and_waited_for_by_nobody(film: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.mp4"
    os.mkfifo(pipe)
    summary = ingest([film, pipe], str(tmp_path / "catalog"))
    assert summary.titles_ok == 1
    ((title, reason),) = summary.failures
    assert title == "pipe" and "no regular file" in reason


def test_a_film_that_changes_while_it_is_read_is_not_stored(film: Path, tmp_path: Path) -> None:
    stop = threading.Event()

    def grow() -> None:
        while not stop.wait(0.002):
            with film.open("ab") as file:
                file.write(b"\0" * 64)

    other = make_film(tmp_path / "other.mp4", seed=5)
    thread = threading.Thread(target=grow)
    thread.start()
    try:
        summary = ingest([film, other], str(tmp_path / "catalog"))
    finally:
        stop.set()
        thread.join()
    ((title, reason),) = summary.failures
    assert title == "film" and "changed while it was read" in reason
    assert Catalog.open(tmp_path / "catalog").title_ids() == ["other"]
    assert ingest([film, other], str(tmp_path / "catalog")).titles_ok == 1
