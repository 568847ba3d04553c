"""Processes that build the same index at once, or die while they do."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mediafm.catalog import Catalog
from mediafm.index import open_index

TESTS = Path(__file__).resolve().parents[1]
SLOW = """
import sys, time
from pathlib import Path
from mediafm.catalog import Catalog
from mediafm.index import open_index

read = Catalog.iter_embeddings

def slowly(self, name, ids):
    with Path(sys.argv[2]).open("a") as log:
        log.write("begun\\n")
    for title in read(self, name, ids):
        yield title
        time.sleep(float(sys.argv[3]))

Catalog.iter_embeddings = slowly
print(open_index(Catalog.open(sys.argv[1]), "run").rows(0, 19).tolist())
"""


@pytest.fixture
def build(catalog: Catalog, tmp_path: Path) -> Iterator:
    """Starts processes that build slowly; ends them whatever happens."""
    children: list[subprocess.Popen[str]] = []

    def start(pause: float) -> subprocess.Popen[str]:
        paths = os.pathsep.join([str(TESTS), str(TESTS.parent / "src")])
        command = [sys.executable, "-c", SLOW, catalog.uri, str(tmp_path / "log"), str(pause)]
        environment = {**os.environ, "PYTHONPATH": paths}
        children.append(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True))
        return children[-1]

    yield start
    for child in children:
        child.kill()
        child.wait()
        child.stdout.close()


def test_two_builders_at_once_build_once(catalog: Catalog, cache: Path, tmp_path: Path, build) -> None:
    told = {child.communicate(timeout=120)[0] for child in [build(0.05), build(0.05)]}
    assert told == {f"{open_index(catalog, 'run').rows(0, 19).tolist()}\n"}
    assert (tmp_path / "log").read_text() == "begun\n"
    assert len(list(cache.rglob("manifest.json"))) == 1


def test_a_build_that_was_killed_is_not_taken_for_whole(catalog: Catalog, cache: Path, tmp_path: Path, build) -> None:
    child = build(600)
    deadline = time.monotonic() + 120
    while not (tmp_path / "log").exists():
        assert time.monotonic() < deadline and child.poll() is None
        time.sleep(0.01)
    child.kill()
    child.wait()
    assert list(cache.rglob("unfinished"))
    index = open_index(catalog, "run")
    assert index.titles == ["a", "b", "c"]
    assert np.isfinite(index.rows(0, 19)).all()
    assert not list(cache.rglob("unfinished"))
