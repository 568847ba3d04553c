from typing import Any

import numpy as np
import pytest
from catalog_samples import features, shot_records, write

from mediafm.catalog import Catalog
from mediafm.catalog import rows as reading
from mediafm.catalog.store import Store
from mediafm.errors import CatalogError


def test_an_unknown_title_is_an_error_with_close_matches(catalog: Catalog) -> None:
    write(catalog, "big_buck_bunny", 2)
    for read in (catalog.title_record, catalog.shots, catalog.features, catalog.spans, catalog.global_vector):
        with pytest.raises(CatalogError, match=r"no title 'big_buk_bunny' .*Did you mean big_buck_bunny\?"):
            read("big_buk_bunny")
    with pytest.raises(CatalogError, match="mediafm info"):
        catalog.title_record("x")
    with pytest.raises(CatalogError, match="no title 'x'"):
        list(catalog.iter_features(["x"]))


def test_an_empty_catalog_reads_as_empty(catalog: Catalog) -> None:
    assert catalog.title_ids() == []
    assert catalog.titles() == []
    assert list(catalog.iter_features()) == []
    assert list(catalog.iter_texts()) == []
    assert catalog.verify() == []
    catalog.optimize()
    info = catalog.info()
    assert (info["titles"], info["shots"], info["failed"]) == (0, 0, 0)


def test_spans_are_the_shots_in_seconds(catalog: Catalog) -> None:
    write(catalog, "a", 9)
    starts, ends = catalog.spans("a")
    assert starts.tolist() == [s.start_s for s in shot_records(9)]
    assert ends.tolist() == [s.end_s for s in shot_records(9)]
    np.testing.assert_array_equal(starts[1:], ends[:-1])


@pytest.mark.parametrize("group_rows", [1, 7, 100_000])
def test_reading_many_is_reading_each(catalog: Catalog, monkeypatch: pytest.MonkeyPatch, group_rows: int) -> None:
    monkeypatch.setattr(reading, "_GROUP_ROWS", group_rows)
    sizes = {"d": 3, "a": 5, "c": 1, "b": 4}
    for seed, (title_id, n) in enumerate(sizes.items()):
        write(catalog, title_id, n, seed + 10)
        write(catalog, title_id, n, seed)  # so that storage order is not reading order
    for seed, (title_id, n) in enumerate(sizes.items()):
        rows = dict(catalog.iter_features())[title_id]
        for m, vectors in features(n, seed).vectors.items():
            np.testing.assert_array_equal(rows.vectors[m], vectors.astype(np.float16))
            np.testing.assert_array_equal(rows.present[m], features(n, seed).present[m])
    assert [t for t, _ in catalog.iter_features()] == ["a", "b", "c", "d"]
    assert [t for t, _ in catalog.iter_features(["c", "a"])] == ["c", "a"]
    texts = list(catalog.iter_texts(["b"]))
    assert texts == [("b", s.index, s.start_s, s.end_s, s.text) for s in shot_records(4)]
    assert len(list(catalog.iter_texts())) == 13


def test_what_is_handed_out_is_the_callers_own(catalog: Catalog) -> None:
    write(catalog, "a", 4)
    catalog.features("a").vectors["video"][:] = 0
    catalog.spans("a")[0][:] = 0
    np.testing.assert_array_equal(catalog.features("a").vectors["video"], features(4, 0).vectors["video"].astype("f2"))


def test_a_title_written_anew_between_two_reads_is_read_whole(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(catalog, "a", 4, seed=1)
    other, real = Catalog.open(catalog.uri), Store.scan
    moments = iter([True])

    def scan(self: Store, name: str, *args: Any, **named: Any) -> Any:
        if name == "features" and next(moments, False):
            write(other, "a", 6, seed=2)  # after the title's row was read, before its features are
        return real(self, name, *args, **named)

    monkeypatch.setattr(Store, "scan", scan)
    rows = catalog.features("a")
    np.testing.assert_array_equal(rows.vectors["video"], features(6, 2).vectors["video"].astype(np.float16))


def test_an_open_catalog_sees_what_others_commit(catalog: Catalog) -> None:
    other = Catalog.open(catalog.uri)
    assert other.title_ids() == []
    write(catalog, "a", 3, seed=1)
    assert len(other.features("a")) == 3
    write(catalog, "a", 5, seed=2)
    assert len(other.features("a")) == 5


def test_keyframes_of_shots_that_do_not_exist(catalog: Catalog) -> None:
    write(catalog, "a", 3)
    with pytest.raises(CatalogError, match=r"no shot 3.*0 to 2"):
        catalog.keyframe("a", 3)
    with pytest.raises(CatalogError, match="no shot -1"):
        catalog.keyframe("a", -1)


def test_info_has_the_keys_of_the_house(catalog: Catalog) -> None:
    write(catalog, "a", 3)
    write(catalog, "b", 4)
    catalog.record_failure("c", "p", "r")
    info = catalog.info()
    assert {k: info[k] for k in ("titles", "shots", "failed", "preset", "modalities", "embedding_sets")} == {
        "titles": 2,
        "shots": 7,
        "failed": 1,
        "preset": "offline",
        "modalities": {"video": 5, "audio": 3, "text": 4},
        "embedding_sets": [],
    }
    assert info["disk_bytes"] > 0


def test_storage_that_fails_is_reported_as_such(catalog: Catalog) -> None:
    write(catalog, "a", 3)
    Store(catalog.uri).drop("features")
    with pytest.raises(CatalogError, match=r"could not read the table features.*storage"):
        Catalog.open(catalog.uri).features("a")
