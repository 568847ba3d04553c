import dataclasses
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from catalog_samples import SPEC, contents, features, fill, record, shot_records, source, write

from mediafm.catalog import Catalog, CatalogSpec, EncoderSpec, TitleSource
from mediafm.catalog.spool import Spool
from mediafm.catalog.store import Store
from mediafm.catalog.tables import SHOT_TABLES
from mediafm.errors import CatalogError, EncoderError, UsageError
from mediafm.types import Features, Metadata

AWKWARD = ["a", "it's", 'q"uo;te', "back\\slash", "per%cent_", "ünï 映画", "new\nline", "a' OR 'a'='a", " "]


def test_what_is_written_is_read_back(catalog: Catalog) -> None:
    write(catalog, "a", 8, seed=1)
    stored = catalog.title_record("a")
    expected = record(
        "a",
        8,
        path="/films/film.mkv",
        source_fingerprint="source-1",
        inputs_fingerprint="inputs-1",
        detector_fingerprint="content-1",
        encoder_fingerprints=SPEC.fingerprints,
        n_shots=8,
    )
    assert stored == expected
    assert stored.created_at and stored.revision
    wanted, rows = features(8, 1), catalog.features("a")
    assert list(rows.vectors) == ["video", "audio", "text"]
    for m, vectors in wanted.vectors.items():
        assert rows.vectors[m].dtype == np.float16
        np.testing.assert_array_equal(rows.vectors[m], vectors.astype(np.float16))
        np.testing.assert_array_equal(rows.present[m], wanted.present[m])
    for shot, stated in zip(catalog.shots("a"), shot_records(8), strict=True):
        flags = {"has_video": True, "has_audio": True, "has_text": stated.index % 3 != 2}
        assert shot == dataclasses.replace(stated, **flags)
        assert shot.shot.start_s(stored.time_base) == shot.start_s
    assert catalog.keyframe("a", 4) == b"\xff\xd8\x04\x01"
    assert catalog.keyframe("a", 5) is None
    np.testing.assert_array_equal(catalog.global_vector("a"), np.ones(4, np.float32))
    assert catalog.verify() == []


def test_any_title_id_works_and_touches_no_other(catalog: Catalog) -> None:
    for seed, title_id in enumerate(AWKWARD):
        write(catalog, title_id, 2, seed)
    before = contents(catalog)
    for seed, title_id in enumerate(AWKWARD):
        write(catalog, title_id, 2, seed)
        catalog.record_failure(title_id, "p", "r")
        catalog.clear_failure(title_id)
    assert contents(catalog) == before
    assert catalog.title_ids() == sorted(AWKWARD)


def test_writing_anew_replaces_everything_and_leaves_no_old_row(catalog: Catalog) -> None:
    write(catalog, "a", 8, seed=1)
    write(catalog, "b", 3, seed=2)
    write(catalog, "a", 5, seed=3)
    assert [r.n_shots for r in catalog.titles()] == [5, 3]
    np.testing.assert_array_equal(catalog.features("a").vectors["video"], features(5, 3).vectors["video"].astype("f2"))
    assert [Store(catalog.uri).count(t) for t in SHOT_TABLES] == [8, 8, 5]
    assert catalog.verify() == []


def test_chunks_make_no_difference(tmp_path: Path) -> None:
    seen = []
    for chunk in (1, 4, 100):
        catalog = Catalog.create(tmp_path / str(chunk), SPEC)
        with catalog.writer("a", source(0)) as writer:
            fill(writer, 10, 0, chunk)
            writer.commit(record("a", 10))
        seen.append(contents(catalog))
    assert seen[0] == seen[1] == seen[2]


def test_nothing_of_a_title_is_stored_before_its_commit(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mediafm.catalog.writer.Spool", lambda: Spool(held_bytes=10_000))  # so that most is in files
    with catalog.writer("a", source(0)) as writer:
        fill(writer, 2500, 0, chunk=100)
        assert [Store(catalog.uri).count(t) for t in SHOT_TABLES] == [0, 0, 0]
        writer.commit(record("a", 2500))
    rows = catalog.features("a").vectors["video"]
    np.testing.assert_array_equal(rows, features(2500, 0).vectors["video"].astype("f2"))
    assert catalog.keyframe("a", 2498) == b"\xff\xd8" + bytes([2498 % 256, 0])
    assert catalog.verify() == []


def test_leaving_without_commit_changes_nothing(catalog: Catalog) -> None:
    write(catalog, "a", 4, seed=1)
    before = contents(catalog)
    with catalog.writer("a", source(2)) as writer:
        fill(writer, 6, 2)
    with pytest.raises(ZeroDivisionError), catalog.writer("a", source(2)) as writer:
        fill(writer, 6, 2)
        raise ZeroDivisionError
    assert contents(catalog) == before
    with pytest.raises(UsageError, match="not open"):
        writer.commit(record("a", 6))


def test_a_title_is_current_only_if_all_it_is_made_of_is_the_same(catalog: Catalog) -> None:
    write(catalog, "a", 2, seed=1)
    assert catalog.is_current("a", "source-1", "inputs-1")
    assert not catalog.is_current("a", "source-2", "inputs-1")
    assert not catalog.is_current("a", "source-1", "inputs-2")
    assert not catalog.is_current("b", "source-1", "inputs-1")


def test_without_a_source_the_record_says_what_it_was_made_of(catalog: Catalog) -> None:
    with catalog.writer("a") as writer:
        fill(writer, 2, 0)
        writer.commit(record("a", 2, path="p", source_fingerprint="s", inputs_fingerprint="i"))
    assert catalog.is_current("a", "s", "i")
    assert catalog.title_record("a").path == "p"


def test_failures_are_kept_replaced_and_cleared_by_a_commit(catalog: Catalog) -> None:
    write(catalog, "a", 2, seed=1)
    catalog.record_failure("a", "p", "first")
    catalog.record_failure("b", "q", "other")
    catalog.record_failure("a", "p", "second")
    assert [(f.title_id, f.path, f.reason) for f in catalog.failures()] == [("a", "p", "second"), ("b", "q", "other")]
    assert catalog.title_ids() == ["a"]
    assert catalog.info()["failed"] == 2
    write(catalog, "a", 2, seed=2)
    assert [f.title_id for f in catalog.failures()] == ["b"]
    catalog.clear_failure("b")
    assert catalog.failures() == []


def test_a_batch_stores_the_same_as_one_by_one(tmp_path: Path) -> None:
    alone, together = (Catalog.create(tmp_path / name, SPEC) for name in ("alone", "together"))
    sizes = {"a": 4, "b": 1, "c": 7}
    for seed, (title_id, n) in enumerate(sizes.items()):
        write(alone, title_id, n, seed)
    write(together, "b", 9, seed=99)
    together.record_failure("c", "p", "r")
    with together.batch_writer() as batch:
        for seed, (title_id, n) in enumerate(sizes.items()):
            with batch.writer(title_id, source(seed)) as writer:
                fill(writer, n, seed)
                writer.commit(record(title_id, n), np.full(4, seed, np.float32))
        assert together.title_record("b").n_shots == 9
    assert contents(together) == contents(alone)
    assert together.verify() == []


def test_a_batch_left_by_an_exception_stores_nothing_and_one_title_twice_stores_the_last(catalog: Catalog) -> None:
    def put(batch: object, seed: int) -> None:
        with batch.writer("a", source(seed)) as writer:  # type: ignore[attr-defined]
            fill(writer, 3, seed)
            writer.commit(record("a", 3))

    with pytest.raises(ZeroDivisionError), catalog.batch_writer() as batch:
        put(batch, 1)
        raise ZeroDivisionError
    assert catalog.title_ids() == []
    with catalog.batch_writer() as batch:
        put(batch, 1)
        put(batch, 2)
    assert catalog.title_record("a").source_fingerprint == "source-2"


def _changed(rows: Features, modality: str, at: tuple, value: float) -> Features:
    vectors = {m: v.copy() for m, v in rows.vectors.items()}
    vectors[modality][at] = value
    return Features(vectors, rows.present)


def test_features_that_break_the_contract_are_refused(catalog: Catalog) -> None:
    good = features(3, 0)
    one_less = {m: v for m, v in good.vectors.items() if m != "audio"}
    flags_less = {m: p for m, p in good.present.items() if m != "audio"}
    wide = {**good.vectors, "video": np.ones((3, 6), np.float32)}
    short = {m: v[:2] for m, v in good.vectors.items()}
    cases = {
        "video, text, the catalog video, audio, text": Features(one_less, flags_less),
        r"shape \(3, 6\)": Features(wide, good.present),
        r"shape \(2, 5\)": Features(short, good.present),
        "audio features of mel are not finite .* shot 1": _changed(good, "audio", (1, 0), np.nan),
        "video features .* not finite .* shot 2": _changed(good, "video", (2, 0), 1e6),
        "video features .* present but zero at shot 0": _changed(good, "video", (0,), 0.0),
        "text features .* not present but not zero at shot 2": _changed(good, "text", (2, 1), 0.5),
    }
    for message, bad in cases.items():
        kind = CatalogError if "the catalog" in message else EncoderError
        with pytest.raises(kind, match=message), catalog.writer("a", source(0)) as writer:
            writer.append(shot_records(3), bad, {})
    assert catalog.title_ids() == []


def test_shots_that_do_not_tile_are_refused(catalog: Catalog) -> None:
    shots = shot_records(4)
    rows = features(4, 0)
    one = Features({m: v[:1] for m, v in rows.vectors.items()}, {m: p[:1] for m, p in rows.present.items()})
    moved = dataclasses.replace(shots[1], start_pts=shots[1].start_pts + 1)
    backwards = dataclasses.replace(shots[0], end_pts=0)
    for sequence in ([shots[1]], [shots[0], shots[2]], [shots[0], moved], [shots[0], shots[0]], [backwards]):
        with pytest.raises(CatalogError, match="was due"), catalog.writer("a", source(0)) as writer:
            for shot in sequence:
                writer.append([shot], one, {})
    with pytest.raises(CatalogError, match="keyframe came for shot 3"), catalog.writer("a", source(0)) as writer:
        writer.append(shots[:1], one, {3: b""})


def test_a_record_that_does_not_fit_is_refused(catalog: Catalog) -> None:
    good = record("a", 4)
    cases = [
        (record("b", 4), None, UsageError, "record of b"),
        (dataclasses.replace(good, end_pts=good.end_pts + 1), None, CatalogError, "last shot ends at"),
        (good, np.ones(5, np.float32), EncoderError, "global vector must be 4"),
        (good, np.full(4, np.nan, np.float32), EncoderError, "global vector must be 4"),
        (dataclasses.replace(good, metadata=Metadata(extra={"x": object()})), None, UsageError, "JSON"),
    ]
    for stated, vector, kind, message in cases:
        with pytest.raises(kind, match=message), catalog.writer("a", source(0)) as writer:
            fill(writer, 4, 0)
            writer.commit(stated, vector)
    with pytest.raises(CatalogError, match="no shots"), catalog.writer("a", source(0)) as writer:
        writer.commit(good)
    with pytest.raises(UsageError, match="empty"), catalog.writer(""):
        pass
    assert catalog.title_ids() == []


@pytest.mark.parametrize("dim", [4, 384])  # lancedb guesses by size and name what is a vector, and refuses empty ones
def test_a_title_without_metadata_has_no_global_vector(tmp_path: Path, dim: int) -> None:
    catalog = Catalog.create(tmp_path / "c", CatalogSpec("p", "d", {"text": EncoderSpec("mini", dim, "mini-1")}))
    rows = Features({"text": np.ones((1, dim), np.float32)}, {"text": np.ones(1, bool)})
    for title_id, vector in {"none": None, "some": np.ones(dim, np.float32), "none either": None}.items():
        with catalog.writer(title_id, source(0)) as writer:
            writer.append(shot_records(1), rows)
            writer.commit(record(title_id, 1), vector)
        stored = catalog.global_vector(title_id)
        assert (stored is None) == (vector is None)
        assert len(catalog.features(title_id)) == 1


def test_odd_time_bases_survive(catalog: Catalog) -> None:
    with catalog.writer("a", TitleSource("p", "s")) as writer:
        fill(writer, 2, 0)
        writer.commit(record("a", 2, time_base=Fraction(1001, 30_000)))
    assert catalog.title_record("a").time_base == Fraction(1001, 30_000)
