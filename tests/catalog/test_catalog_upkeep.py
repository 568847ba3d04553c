from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from catalog_samples import contents, write

from mediafm.catalog import Catalog, EmbeddingSetSpec
from mediafm.catalog.store import Store
from mediafm.catalog.tables import SHOT_TABLES, TITLES, embeddings_table_name, vector_column

NO_GRACE = timedelta(0)


@pytest.fixture
def full(catalog: Catalog) -> Catalog:
    """Two titles, an embedding set that covers one of them, a failure."""
    write(catalog, "a", 5, seed=1)
    write(catalog, "b", 3, seed=2)
    catalog.add_embedding_set(EmbeddingSetSpec("run", "ck", "title", 2))
    catalog.write_embeddings("run", "a", np.ones((5, 2), np.float32), np.ones(2, np.float32))
    catalog.record_failure("c", "p", "r")
    return catalog


def die_writing(catalog: Catalog, title_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Append all rows of a title and end before its row."""
    real = Store.add

    def dying(self: Store, name: str, *args: Any, **kw: Any) -> None:
        if name == TITLES:
            raise KeyboardInterrupt
        real(self, name, *args, **kw)

    with monkeypatch.context() as patch:
        patch.setattr(Store, "add", dying)
        with pytest.raises(KeyboardInterrupt):
            write(catalog, title_id, 6, seed=9)


def change(catalog: Catalog, table: str, where: str, column: str, values: Any) -> None:
    """Damage rows: read them, change one column, put them back."""
    store = Store(catalog.uri)
    rows = store.scan(table, where)
    store.delete(table, where)
    at = rows.schema.get_field_index(column)
    store.add(table, rows.set_column(at, rows.schema.field(column), [values(rows)]))


def test_a_whole_catalog_has_no_problems_even_where_a_set_does_not_cover_all(full: Catalog) -> None:
    assert full.verify() == []


def test_litter_is_counted_ignored_and_deleted(full: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    before = contents(full)
    die_writing(full, "a", monkeypatch)
    die_writing(full, "new", monkeypatch)
    assert contents(full) == before
    assert full.verify() == []
    assert full.litter() == [f"{t}: 15 rows of an unfinished or replaced writing" for t in ("a", "new")]
    full.optimize()
    assert len(full.litter()) == 2  # too young: it could be somebody's work
    full.optimize(grace=NO_GRACE)
    assert len(full.litter()) == 2  # even so: its commit may be under way
    monkeypatch.setattr("mediafm.catalog.upkeep.YOUNG_S", 0.0)
    full.optimize(grace=NO_GRACE)
    assert full.litter() == full.verify() == []
    assert contents(full) == before
    assert [Store(full.uri).count(t) for t in SHOT_TABLES] == [8, 8, 5]


def test_optimizing_changes_no_content_and_shrinks_the_folder(catalog: Catalog) -> None:
    for seed in range(8):
        write(catalog, "a", 40, seed)
    before, large = contents(catalog), catalog.info()["disk_bytes"]
    catalog.optimize(grace=NO_GRACE)
    assert contents(catalog) == before
    assert catalog.info()["disk_bytes"] < large / 2
    write(catalog, "b", 4, 1)  # indexes are there now; rows written after are found too
    assert len(catalog.features("b")) == 4
    catalog.optimize(grace=NO_GRACE)
    assert catalog.verify() == []


CASES = {
    "a: the table shots does not hold its 5 shots": lambda c: Store(c.uri).delete("shots", "title_id='a' AND shot=2"),
    "b: the table features does not hold its 3": lambda c: Store(c.uri).delete("features", "title_id='b' AND shot=0"),
    "a: shots do not tile": lambda c: change(
        c, "shots", "title_id='a' AND shot=2", "end_pts", lambda rows: pa.array([rows["end_pts"][0].as_py() - 1])
    ),
    "a: frame numbers": lambda c: change(
        c, "shots", "title_id='a' AND shot=2", "end_frame", lambda _: pa.array([1], pa.int64())
    ),
    "a: shot numbers do not run": lambda c: change(
        c, "shots", "title_id='a' AND shot=4", "shot", lambda _: pa.array([7], pa.int32())
    ),
    "a: video features of shot 3 are not finite": lambda c: change(
        c, "features", "title_id='a' AND shot=3", "video", lambda _: vector_column(np.full((1, 5), np.inf, np.float16))
    ),
    "a: audio features of shot 1 are zero though present": lambda c: change(
        c, "features", "title_id='a' AND shot=1", "audio", lambda _: vector_column(np.zeros((1, 3), np.float16))
    ),
    "b: has_text of the shots differs": lambda c: change(
        c, "shots", "title_id='b' AND shot=0", "has_text", lambda _: pa.array([False])
    ),
    "a: has a keyframe for shot 77": lambda c: change(
        c, "keyframes", "title_id='a' AND shot=2", "shot", lambda _: pa.array([77], pa.int32())
    ),
    "b: has two keyframes for shot 0": lambda c: change(
        c, "keyframes", "title_id='b' AND shot=2", "shot", lambda _: pa.array([0], pa.int32())
    ),
    "b: made by other encoders": lambda c: change(
        c, "titles", "title_id='b'", "detector_fingerprint", lambda _: pa.array(["x"])
    ),
    "a: has 2 title rows": lambda c: Store(c.uri).add("titles", Store(c.uri).scan("titles", "title_id='a'")),
    "a: embedding set 'run' does not hold its 5": lambda c: Store(c.uri).delete(
        embeddings_table_name("run"), "shot = 3"
    ),
}


@pytest.mark.parametrize("message", CASES)
def test_every_damage_is_named(full: Catalog, message: str) -> None:
    CASES[message](full)
    assert any(p.startswith(message) for p in full.verify())
