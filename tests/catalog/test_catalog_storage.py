"""Storage that is full or may not be written: named with what to do, nothing stored lost, and it goes on afterwards."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from catalog_samples import SPEC, contents, write

from mediafm.catalog import Catalog
from mediafm.catalog.store import Store
from mediafm.errors import CatalogError

RLIMITED = """
import resource, signal, sys
from catalog_samples import write
from mediafm.catalog import Catalog
from mediafm.errors import CatalogError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
catalog = Catalog.open(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
try:
    write(catalog, "long", 2000)
except CatalogError as error:
    sys.exit(f"{error.message} | {error.remedy}")
"""


def mount(folder: Path, *options: str) -> None:
    """Mount a small file system in memory, or skip."""
    done = subprocess.run(["mount", *options, str(folder)], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"mounting needs rights this process lacks: {done.stderr.strip()}")


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of three megabytes."""
    folder = tmp_path / "small"
    folder.mkdir()
    if not Path("/proc/mounts").exists():
        pytest.skip("mounts a tmpfs, which this system lacks")
    mount(folder, "-t", "tmpfs", "-o", "size=3m", "tmpfs")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.skipif(sys.platform != "linux", reason="limits the size of files as Linux does")
def test_files_that_cannot_grow_are_a_full_disk(catalog: Catalog) -> None:
    write(catalog, "a", 4, seed=1)
    before = contents(catalog)
    here = Path(__file__).parent
    env = {**os.environ, "PYTHONPATH": f"{here.parents[1] / 'src'}{os.pathsep}{here}"}
    done = subprocess.run([sys.executable, "-c", RLIMITED, catalog.uri], env=env, capture_output=True, text=True)
    assert done.returncode == 1
    assert f"The storage of the catalog {catalog.uri} is full" in done.stderr
    assert "Free some space" in done.stderr
    assert ".rs:" not in done.stderr
    assert "Traceback" not in done.stderr
    assert (contents(catalog), catalog.verify()) == (before, [])
    write(catalog, "long", 2000)
    assert catalog.verify() == []


CHANGES: dict[str, Callable[[Catalog], object]] = {
    "write": lambda c: write(c, "long", 2000),
    "write anew": lambda c: write(c, "a", 2000),
    "fail": lambda c: c.record_failure("x", "path", "reason"),
    "remove": lambda c: c.remove_title("b"),
}


def test_a_full_disk_loses_nothing(small: Path) -> None:
    catalog = Catalog.create(small / "catalog", SPEC)
    write(catalog, "a", 4, seed=1)
    write(catalog, "b", 3, seed=1)
    before = contents(catalog)
    filling = small / "filling"
    with filling.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
        for _ in range(4000):
            file.write(bytes(1024))
    for change in CHANGES.values():
        with pytest.raises(CatalogError, match=r"storage of the catalog .* is full.*Free some space"):
            change(catalog)
        assert contents(catalog) == before
        assert catalog.verify() == []
    filling.unlink()
    for change in CHANGES.values():
        change(catalog)
    catalog.optimize()
    assert catalog.title_ids() == ["a", "long"]
    assert catalog.verify() == []


def test_what_may_not_be_written_can_be_read(small: Path) -> None:
    catalog = Catalog.create(small / "catalog", SPEC)
    write(catalog, "a", 4, seed=1)
    write(catalog, "b", 3, seed=1)
    before = contents(catalog)
    mount(small, "-o", "remount,ro")
    opened = Catalog.open(catalog.uri)
    assert contents(opened) == before
    assert opened.verify() == opened.litter() == []
    assert opened.info()["titles"] == 2
    opened.clear_failure("a")  # there is none: nothing to write
    for change in (*CHANGES.values(), lambda c: c.optimize()):
        with pytest.raises(CatalogError, match=r"cannot be written.*writable"):
            change(opened)
    with pytest.raises(CatalogError, match="cannot be written"):
        Catalog.create(small / "other", SPEC)
    mount(small, "-o", "remount,rw")
    assert contents(opened) == before
    write(opened, "c", 2)
    assert opened.verify() == []


def test_a_place_that_may_not_be_written_is_told_before_the_work(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: object, **__: object) -> object:
        raise PermissionError(13, "Permission denied", catalog.uri)

    monkeypatch.setattr("tempfile.TemporaryFile", denied)
    with pytest.raises(CatalogError, match="cannot be written"):
        catalog.writer("a")
    assert Store(catalog.uri).count("shots") == 0
