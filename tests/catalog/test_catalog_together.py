"""Several processes at one catalog: whatever comes between, no error, no row lost, none doubled."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from catalog_samples import SPEC, contents, write

from mediafm.catalog import Catalog, EmbeddingSetSpec, EncoderSpec
from mediafm.catalog.store import Store
from mediafm.catalog.tables import SHOT_TABLES, TITLES, embeddings_table_name
from mediafm.errors import MismatchError

VERBS = ("add", "upsert", "delete", "count", "scan")


@contextmanager
def between(monkeypatch: pytest.MonkeyPatch, step: int, what: Callable[[], object]) -> Iterator[list[int]]:
    """Let `what` happen just before the step-th call of the store; yields the number of calls, in a list."""
    calls = [0]

    def wrap(real: Callable) -> Callable:
        def call(self: Store, *args: object, **kw: object) -> object:
            calls[0] += 1
            if calls[0] == step:
                what()
            return real(self, *args, **kw)

        return call

    with monkeypatch.context() as patch:
        for verb in VERBS:
            patch.setattr(Store, verb, wrap(getattr(Store, verb)))
        yield calls


def steps_of(monkeypatch: pytest.MonkeyPatch, catalog: Catalog) -> int:
    with between(monkeypatch, 0, lambda: None) as calls:
        write(catalog, "a", 6, seed=2)
    return calls[0]


def rows(catalog: Catalog) -> list[int]:
    return [Store(catalog.uri).count(table) for table in (*SHOT_TABLES, TITLES)]


@pytest.mark.parametrize("stood_before", [False, True])
def test_another_writes_the_same_title_at_any_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stood_before: bool
) -> None:
    def prepared(name: str) -> Catalog:
        catalog = Catalog.create(tmp_path / name, SPEC)
        if stood_before:
            write(catalog, "a", 3, seed=1)
        return catalog

    alone, other = prepared("alone"), prepared("other")
    steps = steps_of(monkeypatch, alone)
    write(other, "a", 4, seed=5)
    ends = (contents(alone), contents(other))
    seen = set()
    for step in range(1, steps + 1):
        catalog = prepared(str(step))
        second = Catalog.open(catalog.uri)
        with between(monkeypatch, step, lambda second=second: write(second, "a", 4, seed=5)):
            write(catalog, "a", 6, seed=2)
        assert contents(catalog) in ends
        assert catalog.verify() == []
        seen.add(ends.index(contents(catalog)))
        monkeypatch.setattr("mediafm.catalog.upkeep.YOUNG_S", 0.0)
        catalog.optimize(timedelta(0))  # of two at once, one may leave rows that no reader sees
        assert rows(catalog) == ([6, 6, 3, 1] if contents(catalog) == ends[0] else [4, 4, 2, 1])
    assert seen == {0, 1}


@pytest.mark.slow
def test_another_optimizes_without_grace_at_any_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = Catalog.create(tmp_path / "alone", SPEC)
    write(alone, "a", 3, seed=1)
    steps = steps_of(monkeypatch, alone)
    for step in range(1, steps + 1):
        catalog = Catalog.create(tmp_path / str(step), SPEC)
        write(catalog, "a", 3, seed=1)
        second = Catalog.open(catalog.uri)
        with between(monkeypatch, step, lambda second=second: second.optimize(timedelta(0))):
            write(catalog, "a", 6, seed=2)
        assert contents(catalog) == contents(alone)
        assert catalog.verify() == []
        assert rows(catalog) == [6, 6, 3, 1]


def test_another_removes_the_title_at_any_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = Catalog.create(tmp_path / "alone", SPEC)
    write(alone, "a", 3, seed=1)
    steps = steps_of(monkeypatch, alone)
    there = []
    for step in range(1, steps + 1):
        catalog = Catalog.create(tmp_path / str(step), SPEC)
        write(catalog, "a", 3, seed=1)
        second = Catalog.open(catalog.uri)
        with between(monkeypatch, step, lambda second=second: second.remove_title("a")):
            write(catalog, "a", 6, seed=2)
        assert contents(catalog) == (contents(alone) if catalog.title_ids() else {"failures": [], "sets": []})
        assert catalog.verify() == []
        there.append(bool(catalog.title_ids()))
    assert there == sorted(there, reverse=True)  # removed before its commit it comes back, after it it is gone
    assert len(set(there)) == 2


def test_a_clock_that_is_behind_does_not_hide_a_title(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    write(catalog, "a", 3, seed=1)
    with monkeypatch.context() as patch:
        patch.setattr("time.time_ns", lambda: 10**18)
        write(catalog, "a", 4, seed=2)
    assert catalog.title_record("a").n_shots == 4
    assert rows(catalog) == [4, 4, 2, 1]


CHILD = """
import sys
from datetime import timedelta
from catalog_samples import SPEC, write
from mediafm.catalog import Catalog
uri, kind, seed = sys.argv[1], sys.argv[2], int(sys.argv[3])
catalog = Catalog.open_or_create(uri, SPEC)
print("ready", flush=True)
sys.stdin.readline()
for number in range(6):
    if kind == "optimize":
        catalog.optimize(timedelta(seconds=1))
    else:
        write(catalog, "same", 5 + seed, seed)
        write(catalog, f"own{seed}-{number}", 3, seed)
        catalog.record_failure("bad", "path", f"reason {seed}")
        catalog.titles()
"""


def test_processes_that_make_fill_and_tidy_one_catalog_at_once(tmp_path: Path) -> None:
    """None of the five errs, whatever they find half done; every title is there once, whole, and of one of them."""
    here = Path(__file__).parent
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(here.parents[1] / "src"), str(here), *sys.path[1:]])}
    uri = str(tmp_path / "catalog")
    kinds = [("write", "0"), ("write", "1"), ("write", "2"), ("optimize", "0"), ("optimize", "1")]
    pipe = subprocess.PIPE
    children = [
        subprocess.Popen([sys.executable, "-c", CHILD, uri, *kind], env=env, stdin=pipe, stdout=pipe, stderr=pipe)
        for kind in kinds
    ]
    for child in children:
        assert child.stdout is not None
        child.stdout.readline()
    for child in children:
        assert child.stdin is not None
        child.stdin.write(b"go\n")
        child.stdin.flush()
    for child in children:
        _, errors = child.communicate(timeout=120)
        assert (child.returncode, errors) == (0, b"")
    catalog = Catalog.open(uri)
    assert catalog.title_ids() == sorted(["same", *(f"own{seed}-{n}" for seed in range(3) for n in range(6))])
    assert [f.title_id for f in catalog.failures()] == ["bad"]
    assert catalog.verify() == []
    seed = catalog.title_record("same").n_shots - 5
    fresh = Catalog.create(tmp_path / "fresh", SPEC)
    write(fresh, "same", 5 + seed, seed)
    assert contents(catalog)["same"] == contents(fresh)["same"]


def test_the_first_to_make_a_catalog_decides_what_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = type(SPEC)("other", "content-2", {"video": EncoderSpec("big", 9, "big-1")})
    real = Store.create_missing

    def late(self: Store, name: str, *args: object, **kw: object) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(Store, "create_missing", real)
            Catalog.open_or_create(tmp_path / "c", other)
        real(self, name, *args, **kw)

    monkeypatch.setattr(Store, "create_missing", late)
    with pytest.raises(MismatchError, match="content-2"):
        Catalog.open_or_create(tmp_path / "c", SPEC)
    assert Catalog.open(tmp_path / "c").spec == other


def test_another_embeds_the_same_title_at_any_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = Catalog.create(tmp_path / "c", SPEC)
    for title_id in ("a", "b"):
        write(catalog, title_id, 4, seed=1)
    catalog.add_embedding_set(EmbeddingSetSpec("run", "f" * 64, "title", 2))
    shots, title = np.arange(8, dtype=np.float32).reshape(4, 2), np.ones(2, np.float32)

    def embed() -> None:
        for title_id in ("a", "b"):
            catalog.write_embeddings("run", title_id, shots, title)

    with between(monkeypatch, 0, lambda: None) as calls:
        embed()
    doubled = 0
    for step in range(1, calls[0] + 1):
        with between(monkeypatch, step, embed):
            embed()
        assert catalog.verify() == [] and catalog.missing_embeddings("run") == []
        for title_id, found, own in catalog.iter_embeddings("run"):
            assert found.tolist() == shots.tolist() and own.tolist() == [1, 1]
            assert catalog.kept_embeddings("run", title_id).tolist() == shots.tolist()
        doubled += Store(catalog.uri).count(embeddings_table_name("run")) > 2 * 5
    assert doubled  # else nothing came between
