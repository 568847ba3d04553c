"""Dying at any step of a writing leaves the title as it was or as it should be, and doing it again makes it right."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from catalog_samples import SPEC, contents, features, write

from mediafm.catalog import Catalog, EmbeddingSetSpec
from mediafm.catalog.store import Store


class Died(BaseException):
    """Stands for the end of the process: nothing but the test catches it."""


@pytest.fixture
def die_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[int | None], dict]:
    """die_at(k): the process dies before its k-th change to the store, and can change nothing after; None: never.

    Before the next change is after the last one, so this is every state that dying can leave behind.
    """
    state: dict = {}

    def arm(at: int | None) -> dict:
        state.update(calls=0, at=at)
        return state

    def wrap(real: Callable) -> Callable:
        def dying(self: Store, *args: object, **kw: object) -> object:
            state["calls"] += 1
            if state["at"] is not None and state["calls"] >= state["at"]:
                raise Died
            return real(self, *args, **kw)

        return dying

    for verb in ("add", "upsert", "delete"):
        monkeypatch.setattr(Store, verb, wrap(getattr(Store, verb)))
    arm(None)
    return arm


@pytest.mark.parametrize("title_stood_before", [False, True])
def test_dying_at_each_step(tmp_path: Path, die_at: Callable[[int | None], dict], title_stood_before: bool) -> None:
    prepared = Catalog.create(tmp_path / "prepared", SPEC)
    write(prepared, "other", 3, seed=7)
    if title_stood_before:
        write(prepared, "a", 4, seed=1)
        prepared.add_embedding_set(EmbeddingSetSpec("run", "ck", "title", 2))
        prepared.write_embeddings("run", "a", np.ones((4, 2)), np.ones(2))
    prepared.record_failure("a", "p", "an earlier failure")
    before = contents(prepared)
    finished = _copy(prepared, tmp_path / "finished")
    state = die_at(None)
    write(finished, "a", 6, seed=2)
    steps, after = state["calls"], contents(finished)
    assert steps >= (10 if title_stood_before else 5)
    assert before != after
    for at in range(1, steps + 1):
        catalog = _copy(prepared, tmp_path / str(at))
        die_at(at)
        with pytest.raises(Died):
            write(catalog, "a", 6, seed=2)
        die_at(None)
        seen = contents(catalog)
        assert seen in (before, after, {**after, "failures": before["failures"]})
        write(catalog, "a", 6, seed=2)
        assert contents(catalog) == after
        assert catalog.verify() == []


def _copy(catalog: Catalog, to: Path) -> Catalog:
    return Catalog.open(shutil.copytree(catalog.uri, to))


CHILD = """
import itertools, sys
from datetime import timedelta
import lancedb, lance
import numpy as np
from catalog_samples import SPEC, write
from mediafm.catalog import Catalog, EmbeddingSetSpec
print("go", flush=True)
sys.stdin.readline()
catalog = Catalog.open_or_create(sys.argv[1], SPEC)
for seed in itertools.count(int(sys.argv[2])):
    write(catalog, "a", 1200, seed)
    write(catalog, "b", 5, seed)
    catalog.add_embedding_set(EmbeddingSetSpec("run", f"ck{seed}", "title", 2), replace=True)
    catalog.write_embeddings("run", "b", np.full((5, 2), seed), np.full(2, seed))
    catalog.record_failure("bad", "path", f"reason {seed}")
    catalog.optimize(timedelta(0))
    write(catalog, "gone", 3, seed)
    catalog.remove_title("gone")
"""
N_SHOTS = {"a": 1200, "b": 5, "gone": 3}


def kill_one(uri: str, seed: int, wait_s: float) -> None:
    """Start a process that makes, fills, tidies and empties the catalog, and kill it so long after it began."""
    here = Path(__file__).parent
    env = {**os.environ, "PYTHONPATH": f"{here.parents[1] / 'src'}{os.pathsep}{here}"}
    pipe = subprocess.PIPE
    child = subprocess.Popen([sys.executable, "-c", CHILD, uri, str(seed)], env=env, stdin=pipe, stdout=pipe)
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdout.readline()
    child.stdin.write(b"go\n")
    child.stdin.flush()
    time.sleep(wait_s)
    assert child.poll() is None
    child.send_signal(signal.SIGKILL)
    child.communicate()


def assert_whole(catalog: Catalog) -> None:
    """Every title is just what one writing of it made it, and nothing is wrong."""
    assert catalog.verify() == []
    for title in catalog.titles():
        n, seed = N_SHOTS[title.title_id], int(title.source_fingerprint.removeprefix("source-"))
        rows = catalog.features(title.title_id).vectors["video"]
        assert title.n_shots == n
        np.testing.assert_array_equal(rows, features(n, seed).vectors["video"].astype(np.float16))
        assert catalog.keyframe(title.title_id, 0) == bytes([0xFF, 0xD8, 0, seed % 256])
        assert len(catalog.shots(title.title_id)) == n


@pytest.mark.parametrize("rounds", [2, pytest.param(60, marks=pytest.mark.slow)])
def test_killing_the_process_at_any_moment(tmp_path: Path, rounds: int) -> None:
    """Creating, writing, embedding, tidying, removing: whatever it was at, the catalog opens clean and goes on."""
    waits = np.random.default_rng(rounds).uniform(0, 0.8, rounds)
    uri = str(tmp_path / "catalog")
    for number, wait_s in enumerate(waits):
        kill_one(uri, 10 * number, wait_s)
        assert_whole(Catalog.open_or_create(uri, SPEC))
        if number % 10 == 9:
            uri = str(tmp_path / f"catalog{number}")  # so that creating is killed too
    catalogs = [Catalog.open_or_create(uri, SPEC), Catalog.create(tmp_path / "fresh", SPEC)]
    for catalog in catalogs:
        write(catalog, "a", 6, seed=1)
        write(catalog, "b", 5, seed=2)
        if "gone" in catalog.title_ids():
            catalog.remove_title("gone")
        catalog.clear_failure("bad")
        catalog.add_embedding_set(EmbeddingSetSpec("run", "ck", "title", 2), replace=True)
    assert contents(catalogs[0]) == contents(catalogs[1])
    assert catalogs[0].verify() == []
