"""A catalog of schema version 1 opens, reads as it did, and takes today's columns when it is first written to."""

import json

import pyarrow as pa
import pytest
from catalog_samples import contents, shot_records, write

from mediafm.catalog import Catalog
from mediafm.catalog.store import Store
from mediafm.catalog.tables import SHOTS, SHOTS_SCHEMA


def make_old(catalog: Catalog, version_too: bool = True) -> None:
    """Turn a catalog into one of schema version 1."""
    store = Store(catalog.uri)
    store.rename_column(SHOTS, "lost_frames", "decode_failures", pa.int64())
    if version_too:
        store.upsert("meta", pa.table([["schema_version"], [json.dumps(1)]], names=["key", "value"]), "key")


def version(catalog: Catalog) -> int:
    return json.loads(Store(catalog.uri).scan("meta", "key = 'schema_version'")["value"][0].as_py())


def test_lost_frames_come_back(catalog: Catalog) -> None:
    write(catalog, "a", 5)
    assert [s.lost_frames for s in catalog.shots("a")] == [0, 1, 0, 1, 0]
    assert Store(catalog.uri).scan(SHOTS)["lost_frames"].type == pa.int32()


@pytest.mark.parametrize("version_too", [True, False])  # False: killed between the two steps of the upgrade
def test_an_old_catalog_reads_without_being_changed_and_is_upgraded_by_writing(
    catalog: Catalog, version_too: bool
) -> None:
    write(catalog, "a", 5)
    before = contents(catalog)
    make_old(catalog, version_too)
    old = Catalog.open(catalog.uri)
    assert contents(old) == before
    assert contents(catalog) == before  # opened while it was of today
    assert old.verify() == []
    assert "decode_failures" in Store(old.uri).columns(SHOTS)
    write(old, "b", 4)
    assert version(old) == 2
    assert Store(old.uri).scan(SHOTS).schema.equals(SHOTS_SCHEMA)
    assert [s.shot for s in old.shots("b")] == [s.shot for s in shot_records(4)]
    assert [s.lost_frames for s in old.shots("b")] == [0, 1, 0, 1]
    assert {k: v for k, v in contents(old).items() if k != "b"} == before
    assert old.verify() == []


def test_rows_without_a_count_read_as_zero(catalog: Catalog) -> None:
    """What a program of the old schema, open since before the upgrade, still adds."""
    write(catalog, "a", 2)
    store = Store(catalog.uri)
    rows = store.scan(SHOTS).drop_columns(["lost_frames"])
    store.delete(SHOTS, "true")
    store.add(SHOTS, rows)
    assert [s.lost_frames for s in catalog.shots("a")] == [0, 0]
