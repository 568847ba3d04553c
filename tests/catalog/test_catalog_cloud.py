"""A catalog on object storage: the same as on a disk, by a server that speaks S3."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from catalog_samples import SPEC, contents, write

from mediafm.catalog import Catalog, EmbeddingSetSpec
from mediafm.catalog.store import Store
from mediafm.catalog.tables import SHOTS
from mediafm.errors import CatalogError
from mediafm.storage import OPTIONS_VARIABLE, list_files
from object_storage import BUCKET, put, reaching, s3_server


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with s3_server() as address, reaching(address):
        yield address


def test_it_holds_what_a_local_one_holds(server: str, tmp_path: Path) -> None:
    local, remote = Catalog.create(tmp_path / "c", SPEC), Catalog.create(f"s3://{BUCKET}/same", SPEC)
    for catalog in (local, remote):
        write(catalog, "a", 6, seed=1)
        write(catalog, "b", 3, seed=2)
        write(catalog, "a", 4, seed=3)  # replaces
        catalog.add_embedding_set(EmbeddingSetSpec("run", "ck", "title", 2))
        catalog.write_embeddings("run", "b", np.ones((3, 2)), np.ones(2))
    again = Catalog.open(f"s3://{BUCKET}/same")
    assert contents(again) == contents(local)
    assert again.verify() == [] and again.litter() == []
    assert np.array_equal(again.embeddings("run", "b"), np.ones((3, 2), np.float32))
    held = sum(file.size for file in list_files(f"s3://{BUCKET}/same"))
    assert again.info()["disk_bytes"] == held > 0


def test_tidying_merges_files_and_drops_versions(server: str) -> None:
    catalog = Catalog.create(f"s3://{BUCKET}/tidy", SPEC)
    for number in range(4):
        write(catalog, f"t{number}", 3, seed=number)
    before, files = contents(catalog), len(list_files(f"s3://{BUCKET}/tidy"))
    done = catalog.optimize(timedelta(0))
    assert done.files_after < done.files_before and done.bytes_dropped > 0
    assert len(list_files(f"s3://{BUCKET}/tidy")) < files
    assert contents(Catalog.open(f"s3://{BUCKET}/tidy")) == before and catalog.verify() == []


WRITER = """
import sys
from catalog_samples import write
from mediafm.catalog import Catalog
catalog = Catalog.open(sys.argv[1])
for number in range(4):
    write(catalog, f"{sys.argv[2]}{number}", 3, seed=number)
    write(catalog, "both", 3, seed=number)
"""


@pytest.mark.slow
def test_two_processes_write_at_once(server: str) -> None:
    catalog = Catalog.create(f"s3://{BUCKET}/two", SPEC)
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n{WRITER}"]
    runs = [subprocess.Popen([*command, catalog.uri, name], stderr=subprocess.PIPE, text=True) for name in "xy"]
    for run in runs:
        _, err = run.communicate(timeout=120)
        assert run.returncode == 0, err
    assert catalog.title_ids() == ["both", *(f"{name}{n}" for name in "xy" for n in range(4))]
    assert catalog.verify() == []


def test_a_killed_writing_is_not_seen(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = Catalog.create(f"s3://{BUCKET}/killed", SPEC)
    write(catalog, "a", 3, seed=1)
    before, real = contents(catalog), Store.add

    def dying(self: Store, name: str, *args: object, **kw: object) -> bool:
        if name not in (SHOTS,):
            raise KeyboardInterrupt
        return real(self, name, *args, **kw)  # type: ignore[arg-type]

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Store, "add", dying)
        write(catalog, "a", 5, seed=2)
    again = Catalog.open(f"s3://{BUCKET}/killed")
    assert contents(again) == before and again.verify() == [] and len(again.litter()) == 1
    write(again, "a", 5, seed=2)
    assert again.title_record("a").n_shots == 5


def test_a_folder_of_other_things_is_left_alone(server: str) -> None:
    put(server, "films/a.mp4", b"a film")
    with pytest.raises(CatalogError, match="not an empty folder"):
        Catalog.create(f"s3://{BUCKET}/films", SPEC)


def test_what_is_wrong_is_said(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CatalogError, match="There is no catalog at s3://"):
        Catalog.open(f"s3://{BUCKET}/none")
    with pytest.raises(CatalogError, match="its bucket is not there"):
        Catalog.open("s3://no-such-bucket/c")
    with pytest.raises(CatalogError, match="its bucket is not there"):
        Catalog.create("s3://no-such-bucket/c", SPEC)
    with pytest.raises(CatalogError, match=r"No object store provider|not known here"):
        Catalog.open("s5://bucket/c")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(CatalogError, match="does not answer") as error:
            Catalog.open(f"s3://{BUCKET}/same")
    assert "Check the network" in error.value.remedy


def test_options_count_before_the_environment(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Catalog.create(f"s3://{BUCKET}/options", SPEC)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv(OPTIONS_VARIABLE, f'{{"aws_endpoint": "{server}"}}')
    assert Catalog.open(f"s3://{BUCKET}/options").title_ids() == []
