"""A small share of the mutants, through the reader alone: nothing but pictures and sound, or a reason."""

import importlib
import sys
from pathlib import Path

import pytest

# The children it forks read films and know no catalog; whether lance has been loaded depends on the tests before.
pytestmark = pytest.mark.filterwarnings("ignore:lance is not fork-safe")

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks" / "mutations"
NAMES = ("bases", "mutants", "reading")


@pytest.fixture(scope="module")
def benchmark():
    """Modules of the benchmark by name; they import each other as the scripts beside one another that they are."""
    before = {name: sys.modules.pop(name) for name in NAMES if name in sys.modules}
    sys.path.insert(0, str(FOLDER))
    yield importlib.import_module
    sys.path.remove(str(FOLDER))
    for name in NAMES:
        sys.modules.pop(name, None)
    sys.modules.update(before)


@pytest.fixture(scope="module")
def bases(benchmark, tmp_path_factory) -> list[Path]:
    return benchmark("bases").write_bases(tmp_path_factory.mktemp("bases"), 2, slice(0, None, 3))


def test_mutants_are_the_same_again(benchmark, bases) -> None:
    first, second = ([m() for m in benchmark("mutants").mutants(bases, 23, seed=3)] for _ in range(2))
    assert first == second
    assert len({m.how.split(": ")[1].split(",")[0] for m in first}) >= 20
    whole = {path.read_bytes() for path in bases}
    assert all(m.data not in whole or m.sidecar or "called" in m.how for m in first)


def test_whole_films_are_read_whole(benchmark, bases) -> None:
    assert len(bases) >= 8
    for path in bases:
        told = benchmark("reading").tried(path)
        assert (told["outcome"], told.get("failure"), told.get("lost"), told.get("missing")) == ("read", "", 0, 0), path
        assert told["end_s"] == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize("part", range(4))
def test_what_is_damaged_is_read_or_refused(benchmark, bases, tmp_path, part: int) -> None:
    tried = benchmark("reading").tried
    for make in benchmark("mutants").mutants(bases, 46, seed=0)[part::4]:
        mutant = make()
        path = tmp_path / f"film.{mutant.suffix}"
        path.write_bytes(mutant.data)
        if mutant.sidecar:
            path.with_suffix("." + mutant.sidecar[0]).write_bytes(mutant.sidecar[1])
        told = tried(path)
        assert told["outcome"] in ("read", "refused"), (mutant.how, told)
        for file in tmp_path.iterdir():
            file.unlink()


def test_a_child_that_dies_or_hangs_is_told(benchmark, bases, tmp_path, monkeypatch) -> None:
    import os

    reading = benchmark("reading")
    monkeypatch.setattr(reading, "read_whole", lambda _path: os.abort())
    assert reading.tried(tmp_path / "a")["outcome"] == "crash"
    monkeypatch.setattr(reading, "read_whole", lambda _path: [None for _ in iter(int, 1)])
    told = reading.tried(tmp_path / "a", seconds=1)
    assert told["outcome"] in ("hang", "memory")
    monkeypatch.setattr(reading, "read_whole", lambda _path: 1 / 0)
    told = reading.tried(tmp_path / "a")
    assert told["outcome"] == "bug" and "ZeroDivisionError" in told["why"]
