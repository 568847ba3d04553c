import tempfile
from pathlib import Path

import pyarrow as pa
import pytest

from mediafm.catalog.spool import Spool
from mediafm.errors import CatalogError


def numbers(start: int, n: int) -> pa.Table:
    return pa.table({"x": pa.array(range(start, start + n), pa.int64())})


@pytest.mark.parametrize("held_bytes", [1, 1000, 1 << 20])
def test_rows_come_back_in_order_and_as_often_as_asked_for(held_bytes: int) -> None:
    spool = Spool(held_bytes)
    for start in range(0, 600, 100):
        spool.add("a", numbers(start, 100))
        spool.add("b", numbers(start, 7))
        for _ in range(2):
            seen = [x for batch in spool.batches("a") for x in batch["x"].to_pylist()]
            assert seen == list(range(start + 100))
    assert (spool.count("a"), spool.count("b"), spool.count("c")) == (600, 42, 0)
    assert sum(map(len, spool.batches("b"))) == 42
    assert list(spool.batches("c")) == []
    spool.close()


def test_a_temporary_folder_that_does_not_take_it_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    spool = Spool(held_bytes=1)
    with pytest.raises(CatalogError, match=r"temporary folder .*gone cannot hold.*TMPDIR"):
        spool.add("a", numbers(0, 10))
