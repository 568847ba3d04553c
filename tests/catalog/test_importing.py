import datetime
import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mediafm.catalog import Catalog, EncoderSpec, ImportSummary, import_features
from mediafm.catalog.importing import TIME_BASE
from mediafm.errors import EncoderError, ImportDataError, MismatchError, UsageError

WORDS = EncoderSpec("words", 4, "words-1", "MIT")
COLUMNS: dict = {"video": "gaze", "audio": "rhythm"}


def encode(texts: list[str]) -> np.ndarray:
    """A vector that depends on nothing but the text."""
    rows = [np.random.default_rng(zlib.crc32(t.encode())).standard_normal(4) for t in texts]
    return np.array([r / np.linalg.norm(r) for r in rows], np.float32)


def shot_rows(title_id: str, n: int, seed: int = 0) -> list[dict[str, Any]]:
    rng = np.random.default_rng(seed)
    return [
        {
            "title_id": title_id,
            "shot": i,
            "start_s": i * 2.0,
            "end_s": i * 2.0 + 2.0,
            "gaze": rng.standard_normal(3).round(3).tolist(),
            "rhythm": (10 * rng.standard_normal(2)).round(3).tolist(),
            "text": "" if i % 3 == 2 else f" words {i % 4} ",
        }
        for i in range(n)
    ]


TITLES = [
    {"title_id": "a", "name": "A", "synopsis": "A story.", "season": 1, "on": datetime.date(1994, 9, 22), "x": None},
    {"title_id": "b", "name": "B", "synopsis": "A story.", "season": 2, "on": None, "x": None},
]


@pytest.fixture
def bring(tmp_path: Path) -> Callable[..., ImportSummary]:
    """Import rows; keyword arguments replace what is handed to `import_features`."""

    def run(shots: Any, titles: Any = TITLES, **changes: Any) -> ImportSummary:
        paths = []
        for name, rows in (("shots", shots), ("titles", titles)):
            table = pa.Table.from_pylist(rows) if isinstance(rows, list) else rows
            paths.append(None if table is None else tmp_path / f"{name}.parquet")
            if table is not None:
                pq.write_table(table, paths[-1])
        call = {"columns": COLUMNS, "text_column": "text", "text_encoder": encode, "text_spec": WORDS} | changes
        return import_features(*paths, tmp_path / "catalog", **call)

    return run


@pytest.fixture
def opened(tmp_path: Path) -> Callable[[], Catalog]:
    return lambda: Catalog.open(tmp_path / "catalog")


def good() -> list[dict[str, Any]]:
    return shot_rows("b", 4, 1) + shot_rows("a", 5, 2)


def reason_for_b(summary: ImportSummary) -> str:
    """The one failure, which must be b's, the other title being well."""
    assert (summary.titles_ok + summary.titles_skipped, summary.titles_failed) == (1, 1)
    ((title, reason),) = summary.failures
    assert title == "b"
    return reason


def test_what_is_imported_is_a_catalog_like_any_other(bring: Any, opened: Any) -> None:
    assert bring(good()) == ImportSummary(2, 0, 0, 9, ())
    catalog = opened()
    assert catalog.title_ids() == ["a", "b"]
    assert catalog.spec.dims == {"video": 3, "audio": 2, "text": 4}
    assert catalog.spec.encoders["text"] == WORDS
    stated = shot_rows("a", 5, 2)
    rows, shots = catalog.features("a"), catalog.shots("a")
    np.testing.assert_array_equal(rows.vectors["video"], np.array([r["gaze"] for r in stated], np.float16))
    np.testing.assert_array_equal(rows.vectors["audio"], np.array([r["rhythm"] for r in stated], np.float16))
    assert rows.present["text"].tolist() == [True, True, False, True, True]
    np.testing.assert_array_equal(rows.vectors["text"][1], encode(["words 1"])[0].astype(np.float16))
    assert [s.text for s in shots] == ["words 0", "words 1", "", "words 3", "words 0"]
    assert [(s.start_s, s.end_s) for s in shots] == [(r["start_s"], r["end_s"]) for r in stated]
    assert [s.has_text for s in shots] == rows.present["text"].tolist()
    record = catalog.title_record("a")
    assert (record.time_base, record.end_pts, record.n_shots) == (TIME_BASE, 900_000, 5)
    assert (record.metadata.name, record.metadata.extra) == ("A", {"season": 1, "on": "1994-09-22"})
    np.testing.assert_array_equal(catalog.global_vector("a"), encode(["A. A story"])[0])
    assert catalog.verify() == []


def test_each_text_is_encoded_once(bring: Any) -> None:
    seen: list[str] = []

    def counting(texts: list[str]) -> np.ndarray:
        seen.extend(texts)
        return encode(texts)

    bring(good(), text_encoder=counting)
    assert sorted(seen) == ["A. A story", "B. A story", "words 0", "words 1", "words 3"]


def test_importing_again_changes_nothing_and_what_changed_is_noticed(bring: Any, opened: Any) -> None:
    bring(good())
    revisions = [t.revision for t in opened().titles()]
    assert bring(good()) == ImportSummary(0, 0, 2, 0, ())
    assert bring(list(reversed(good()))) == ImportSummary(0, 0, 2, 0, ())  # the order of rows means nothing
    assert [t.revision for t in opened().titles()] == revisions
    for column, value in (("text", "other"), ("gaze", [9.0, 9.0, 9.0]), ("end_s", 9.99)):
        rows = good()
        rows[-1][column] = value  # the last shot of a
        assert bring(rows) == ImportSummary(1, 0, 1, 5, ())
        assert bring(rows) == ImportSummary(0, 0, 2, 0, ())
    renamed = [{**t, "name": t["name"].lower()} for t in TITLES]
    assert bring(good(), renamed) == ImportSummary(2, 0, 0, 9, ())


@pytest.mark.parametrize("dtype", [pa.float16(), pa.float32(), pa.float64()])
@pytest.mark.parametrize("fixed", [True, False])
def test_any_list_of_floats_is_a_vector_column(bring: Any, opened: Any, dtype: pa.DataType, fixed: bool) -> None:
    rows = shot_rows("a", 4)
    rows[1]["gaze"], rows[2]["gaze"] = None, [0.0, 0.0, 0.0]
    table = pa.Table.from_pylist(rows)
    kind = pa.list_(dtype, 3) if fixed else pa.list_(dtype)
    column = pa.array([None if r["gaze"] is None else np.array(r["gaze"], "f2") for r in rows], kind)
    table = table.set_column(table.column_names.index("gaze"), "gaze", column)
    coded = table.set_column(0, "title", table["title_id"].dictionary_encode())  # `title` names titles too
    assert bring(coded, None).titles_ok == 1
    features = opened().features("a")
    assert features.present["video"].tolist() == [True, False, False, True]
    np.testing.assert_array_equal(features.vectors["video"][1:3], 0)
    np.testing.assert_array_equal(features.vectors["video"][3], np.array(rows[3]["gaze"], np.float16))
    assert opened().global_vector("a") is None


def test_lost_frames_are_kept(bring: Any, opened: Any) -> None:
    rows = good()
    bring(rows)
    bring([{**row, "lost_frames": 3 if row["shot"] == 1 else None} for row in rows])
    assert all(s.lost_frames == (3 if s.index == 1 else 0) for t in opened().title_ids() for s in opened().shots(t))
    with pytest.raises(ImportDataError, match="row 0 has -1 lost_frames"):
        bring([{**row, "lost_frames": -1} for row in rows])


def test_without_a_text_encoder_words_are_kept_and_no_text_features_made(bring: Any, opened: Any) -> None:
    bring(good(), text_encoder=None, text_spec=None)
    catalog = opened()
    assert list(catalog.spec.dims) == ["video", "audio"]
    assert [s.has_text for s in catalog.shots("b")] == [True, True, False, True]
    assert catalog.title_record("b").has_text
    assert catalog.global_vector("b") is None
    assert catalog.verify() == []


def test_text_vectors_may_be_brought_too(bring: Any, opened: Any) -> None:
    columns = {"video": "gaze", "text": "rhythm"}
    bring(good(), columns=columns, text_column=None, text_encoder=None, text_spec=None)
    assert opened().spec.dims == {"video": 3, "text": 2}
    assert opened().shots("a")[0].text == ""


def test_tags_and_genres_come_as_lists_or_as_text(bring: Any, opened: Any) -> None:
    for value in (["new york", "friends"], "new york; friends,"):
        bring(good(), [{**t, "tags": value, "genres": value} for t in TITLES])
        metadata = opened().title_record("a").metadata
        assert metadata.tags == metadata.genres == ("new york", "friends")


# one title's rows -------------------------------------------------------------------------------------------------


def _set(at: int, **values: Any) -> Callable[[list], list]:
    return lambda rows: [{**r, **values} if r["title_id"] == "b" and r["shot"] == at else r for r in rows]


def _without(shot: int) -> Callable[[list], list]:
    return lambda rows: [r for r in rows if (r["title_id"], r["shot"]) != ("b", shot)]


ROW_PROBLEMS = {
    "gap: 3 stands where 2 is due": _without(2),
    "gap: 1 stands where 0 is due": _without(0),
    "gap: -1 stands where 0": _set(3, shot=-1),
    "shot 1 occurs twice": lambda rows: rows + [r for r in rows if (r["title_id"], r["shot"]) == ("b", 1)],
    "the video vector of shot 2 holds a NaN": _set(2, gaze=[1.0, float("nan"), 0.0]),
    "the audio vector of shot 0 holds a NaN or an infinity": _set(0, rhythm=[float("inf"), 0.0]),
    "the audio vector of shot 1 is too large": _set(1, rhythm=[70_000.0, 0.0]),
    "the audio vector of shot 1 is too small": _set(1, rhythm=[1e-9, 0.0]),
    "shot 2 ends at 3.000 s but starts at 4.000 s": _set(2, end_s=3.0),
    "shot 2 starts at 4.200 s but what comes before it ends at 4.000 s": _set(2, start_s=4.2),
    "shot 2 starts at 3.800 s": _set(2, start_s=3.8),
    "shot 0 starts at 0.500 s but what comes before it begins at 0 s": _set(0, start_s=0.5),
    "shot 3 has no start or end": _set(3, end_s=None),
    "shot 0 has no start": _set(0, start_s=float("nan")),
    "shot 1 ends no later": lambda rows: _set(1, start_s=1.92, end_s=1.96)(_set(2, start_s=2.0)(rows)),
}


@pytest.mark.parametrize("reason", ROW_PROBLEMS)
def test_what_is_wrong_with_a_titles_rows_fails_that_title(bring: Any, opened: Any, reason: str) -> None:
    assert reason in reason_for_b(bring(ROW_PROBLEMS[reason](good())))
    assert opened().title_ids() == ["a"]
    ((title, stored),) = [(f.title_id, f.reason) for f in opened().failures()]
    assert (title, reason in stored) == ("b", True)


def test_titles_must_be_in_both_tables_once(bring: Any) -> None:
    assert "not in the table of titles" in reason_for_b(bring(good(), TITLES[:1]))
    assert "has no shots" in reason_for_b(bring(shot_rows("a", 5, 2)))
    assert "more than one row" in reason_for_b(bring(good(), TITLES + TITLES[1:]))


def test_a_title_that_fails_keeps_what_was_stored_and_is_well_again_afterwards(bring: Any, opened: Any) -> None:
    bring(good())
    summary = bring(_without(2)(good()))
    assert (summary.titles_skipped, summary.titles_failed) == (1, 1)
    assert opened().title_record("b").n_shots == 4
    assert [f.title_id for f in opened().failures()] == ["b"]
    assert bring(good()).titles_skipped == 2
    assert opened().failures() == []


def test_small_misses_between_shots_are_closed(bring: Any, opened: Any) -> None:
    rows = _set(0, start_s=0.04)(_set(2, start_s=4.1)(_set(3, start_s=5.9)(good())))
    assert bring(rows).titles_failed == 0
    starts, ends = opened().spans("b")
    assert starts.tolist() == [0.0, 2.0, 4.0, 6.0]
    assert ends.tolist() == [2.0, 4.0, 6.0, 8.0]


# whole tables -----------------------------------------------------------------------------------------------------


def _retyped(column: str, values: Callable[[list], Any]) -> Callable[[], pa.Table]:
    def make() -> pa.Table:
        table = pa.Table.from_pylist(good())
        return table.set_column(table.column_names.index(column), column, values(table[column].to_pylist()))

    return make


TABLE_PROBLEMS = {
    r"no column 'gaze'.*It has title_id, shot": lambda: pa.Table.from_pylist(good()).drop(["gaze"]),
    r"no column 'start_s'": lambda: pa.Table.from_pylist(good()).drop(["start_s"]),
    r"no column 'title_id'": lambda: pa.Table.from_pylist(good()).drop(["title_id"]),
    r"column 'gaze' holds string, not lists of float16": _retyped("gaze", lambda v: pa.array([str(x) for x in v])),
    r"column 'gaze' holds double, not lists": _retyped("gaze", lambda v: pa.array([x[0] for x in v])),
    r"column 'gaze' holds list<.*int64>, not lists": _retyped("gaze", lambda v: pa.array([[1, 2, 3] for _ in v])),
    r"column 'gaze' .* not of one length: 3 for shot 0 of b, 2 for shot 2 of a": _retyped(
        "gaze", lambda v: pa.array([x[:2] if i == 6 else x for i, x in enumerate(v)])
    ),
    r"column 'gaze' holds no vectors": _retyped("gaze", lambda v: pa.array([None for _ in v], pa.list_(pa.float32()))),
    r"column 'shot' holds double, not whole numbers": _retyped("shot", lambda v: pa.array([float(x) for x in v])),
    r"column 'end_s' holds string, not numbers": _retyped("end_s", lambda v: pa.array([str(x) for x in v])),
    r"column 'text' holds int64, not text": _retyped("text", lambda v: pa.array([1 for _ in v])),
    r"row 2 has no title_id": _retyped(
        "title_id", lambda v: pa.array([None if i == 2 else x for i, x in enumerate(v)])
    ),
}


@pytest.mark.parametrize("message", TABLE_PROBLEMS)
def test_what_is_wrong_with_a_table_stops_before_anything_is_stored(bring: Any, tmp_path: Path, message: str) -> None:
    with pytest.raises(ImportDataError, match=message):
        bring(TABLE_PROBLEMS[message]())
    assert not (tmp_path / "catalog").exists()


def test_files_that_are_no_parquet_are_named(tmp_path: Path) -> None:
    (tmp_path / "text.parquet").write_text("no parquet")
    for name in ("text.parquet", "absent.parquet"):
        with pytest.raises(ImportDataError, match=name):
            import_features(tmp_path / name, None, tmp_path / "c", COLUMNS)


def test_other_columns_or_encoders_do_not_mix(bring: Any) -> None:
    bring(good())
    with pytest.raises(MismatchError, match=r"words-1.*words-2"):
        bring(good(), text_spec=EncoderSpec("words", 4, "words-2"))
    with pytest.raises(MismatchError, match=r"video: gaze.*rhythm"):
        bring(good(), columns={"video": "rhythm", "audio": "gaze"})


def test_calls_that_cannot_work_are_refused(bring: Any) -> None:
    for changes in (
        {"text_spec": None},
        {"text_encoder": None},
        {"text_column": None},
        {"columns": {"text": "gaze"}},
        {"columns": {}, "text_encoder": None, "text_spec": None},
        {"columns": {"smell": "gaze"}},
    ):
        with pytest.raises(UsageError):
            bring(good(), **changes)


def test_a_text_encoder_that_breaks_its_word_is_named(bring: Any) -> None:
    for broken in (lambda t: encode(t)[:, :3], lambda t: encode(t)[1:], lambda t: encode(t) * np.nan):
        with pytest.raises(EncoderError, match="text encoder words gave"):
            bring(good(), text_encoder=broken)


def test_progress_counts_every_shot(bring: Any) -> None:
    class Seen:
        total, done, ended = 0, 0, False

        def start(self, stage: str, total: int | None, unit: str) -> None:
            self.total = total or 0

        def advance(self, amount: int = 1, **facts: Any) -> None:
            self.done += amount

        def end(self, **facts: Any) -> None:
            self.ended = True

    for rows in (good(), good(), _without(2)(good())):
        seen = Seen()
        bring(rows, progress=seen)
        assert (seen.done, seen.ended) == (seen.total, True)


FRIENDS = next(
    (p / "shared" / "data" / "friends" for p in Path(__file__).resolve().parents if (p / "shared" / "data").is_dir()),
    None,
)


@pytest.mark.skipif(FRIENDS is None, reason="the Friends data is not beside the project")
def test_a_real_series_imports_whole(tmp_path: Path) -> None:
    assert FRIENDS is not None
    where = (FRIENDS / "shots.parquet", FRIENDS / "titles.parquet", os.fspath(tmp_path / "catalog"))
    assert import_features(*where, COLUMNS, "text") == ImportSummary(341, 0, 0, 57_980, ())
    catalog = Catalog.open(tmp_path / "catalog")
    assert catalog.spec.dims == {"video": 61, "audio": 16}
    assert catalog.verify() == []
    table = pq.read_table(where[0], columns=["title_id", "start_s", "end_s", "gaze", "text"])
    ids = table["title_id"].to_pylist()
    rows = np.flatnonzero(np.array(ids) == "s03e12b")
    part = table.take(rows)
    np.testing.assert_allclose(np.stack(catalog.spans("s03e12b"), 1)[:, 1], part["end_s"].to_numpy(), atol=6e-6)
    np.testing.assert_allclose(np.stack(catalog.spans("s03e12b"), 1)[:, 0], part["start_s"].to_numpy(), atol=1.1e-3)
    np.testing.assert_array_equal(
        catalog.features("s03e12b").vectors["video"], np.array(part["gaze"].to_pylist(), np.float16)
    )
    assert [s.text for s in catalog.shots("s03e12b")] == [t.strip() for t in part["text"].to_pylist()]
    assert sum(len(f) for _, f in catalog.iter_features()) == 57_980
