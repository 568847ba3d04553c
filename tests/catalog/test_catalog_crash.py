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
from catalog_samples import SPEC, contents, features, fill, record, source, write

from mediafm.catalog import Catalog, EmbeddingSetSpec
from mediafm.catalog.store import Store
from mediafm.errors import CatalogError


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
        def dying(self: Store, *args: object) -> object:
            state["calls"] += 1
            if state["at"] is not None and state["calls"] >= state["at"]:
                raise Died
            return real(self, *args)

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
    assert steps >= 8
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


def test_another_process_cleaning_up_meanwhile_is_noticed_and_nothing_is_lost(catalog: Catalog) -> None:
    write(catalog, "a", 4, seed=1)
    before = contents(catalog)
    with pytest.raises(CatalogError, match="another process"), catalog.writer("a", source(2)) as writer:
        fill(writer, 1500, 2, chunk=500)
        write(Catalog.open(catalog.uri), "a", 4, seed=1)  # deletes what it takes for litter
        writer.commit(record("a", 1500))
    assert contents(catalog) == before
    assert catalog.verify() == []


CHILD = """
import itertools, sys
from catalog_samples import SPEC, write
from mediafm.catalog import Catalog
catalog = Catalog.open(sys.argv[1])
for seed in itertools.count():
    for title in ("a", "b"):
        write(catalog, title, 1200 if title == "a" else 5, seed)
    print("round", flush=True)
"""


def test_killing_the_process_at_any_moment(catalog: Catalog) -> None:
    here = Path(__file__).parent
    env = {**os.environ, "PYTHONPATH": f"{here.parents[1] / 'src'}{os.pathsep}{here}"}
    for wait_s in (0.05, 0.13, 0.31, 0.47):
        child = subprocess.Popen([sys.executable, "-c", CHILD, catalog.uri], env=env, stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(wait_s)
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        assert catalog.title_ids() == ["a", "b"]
        for title in catalog.titles():
            seed = int(title.source_fingerprint.removeprefix("source-"))
            rows = catalog.features(title.title_id).vectors["video"]
            assert title.n_shots == {"a": 1200, "b": 5}[title.title_id]
            np.testing.assert_array_equal(rows, features(title.n_shots, seed).vectors["video"].astype(np.float16))
            assert catalog.keyframe(title.title_id, 0) == bytes([0xFF, 0xD8, 0, seed % 256])
            assert len(catalog.shots(title.title_id)) == title.n_shots
    write(catalog, "a", 6, seed=1)
    write(catalog, "b", 5, seed=2)
    assert catalog.verify() == []
    fresh = Catalog.create(Path(catalog.uri).parent / "fresh", SPEC)
    write(fresh, "a", 6, seed=1)
    write(fresh, "b", 5, seed=2)
    assert contents(catalog) == contents(fresh)
