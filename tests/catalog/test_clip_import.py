"""Clip vectors that somebody brings: every form of table, every fault by its row, all or nothing."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from catalog_samples import write

from mediafm.catalog import Catalog, check_clips, import_clips, read_clips
from mediafm.errors import CatalogError, ImportDataError, MismatchError, UsageError

ROWS: dict[str, list[Any]] = {
    "title": ["0042", "a", "a", "0042"],
    "start": [0.5, 0.0, 1.25, 2.0],
    "end": [1.0, 1.25, 2.5, 2.25],
    "vector": [[0.5, -1.0, 2.0], [1e-3, 0.25, 3.0], [4.0, 5.0, -6.0], [7.0, 8.0, 9.5]],
}


@pytest.fixture
def two(catalog: Catalog) -> Catalog:
    """Titles 0042 (3.335 s) and a (3.335 s)."""
    for title_id in ("0042", "a"):
        write(catalog, title_id, 5)
    return catalog


def table(path: Path, rows: dict[str, list[Any]]) -> Path:
    """Rows as parquet, CSV or JSON lines, by the suffix."""
    lines = [dict(zip(rows, values, strict=True)) for values in zip(*rows.values(), strict=True)]
    if path.suffix == ".parquet":
        pq.write_table(pa.table(rows), path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    else:
        cells = [[f'"{v}"' if isinstance(v, list) else "" if v is None else str(v) for v in x.values()] for x in lines]
        path.write_text("\n".join(",".join(c) for c in [list(rows), *cells]))
    return path


def changed(**columns: list[Any]) -> dict[str, list[Any]]:
    return {**ROWS, **columns}


def contents(catalog: Catalog, name: str = "theirs") -> list[tuple[str, list[float], list[float], list[list[float]]]]:
    return [(t, s.tolist(), e.tolist(), v.tolist()) for t, s, e, v in catalog.clip_vectors(name)]


@pytest.mark.parametrize("suffix", ["parquet", "csv", "jsonl"])
def test_every_form_of_table_gives_the_same_clips(two: Catalog, tmp_path: Path, suffix: str) -> None:
    done = import_clips(table(tmp_path / f"clips.{suffix}", ROWS), two.uri, "theirs")
    assert (done.clips, done.titles_ok, done.titles_skipped, done.dim) == (4, 2, 0, 3)
    (spec,) = two.clip_sets()
    assert (spec.source, spec.dim) == (f"clips.{suffix}", 3)
    assert contents(two) == [
        ("0042", [0.5, 2.0], [1.0, 2.25], [ROWS["vector"][0], ROWS["vector"][3]]),
        ("a", [0.0, 1.25], [1.25, 2.5], [[float(np.float32(1e-3)), 0.25, 3.0], ROWS["vector"][2]]),
    ]
    assert two.verify() == []


def test_importing_again_changes_nothing_and_more_rows_add(two: Catalog, tmp_path: Path) -> None:
    first = table(tmp_path / "clips.parquet", ROWS)
    import_clips(first, two.uri, "theirs", "somebody")
    before = contents(two)
    done = import_clips(first, two.uri, "theirs", "somebody")
    assert (done.clips, done.titles_ok, done.titles_skipped) == (0, 0, 2)
    assert contents(two) == before
    more = {"title_id": ["a"], "start_s": [1.25], "end_s": [2.5], "embedding": [[1.0, 1.0, 1.0]]}
    done = import_clips(table(tmp_path / "more.jsonl", more), two.uri, "theirs", "somebody")
    assert (done.clips, done.titles_ok) == (1, 1)
    assert contents(two)[1][3][1] == [1.0, 1.0, 1.0]
    assert contents(two)[0] == before[0]


def test_another_maker_needs_another_name_or_replace(two: Catalog, tmp_path: Path) -> None:
    clips = table(tmp_path / "clips.parquet", ROWS)
    import_clips(clips, two.uri, "theirs", "somebody")
    with pytest.raises(MismatchError, match=r"somebody .*asked for is somebody else"):
        import_clips(clips, two.uri, "theirs", "somebody else")
    one = {name: values[:1] for name, values in ROWS.items()}
    import_clips(table(tmp_path / "one.parquet", one), two.uri, "theirs", "somebody else", replace=True)
    assert [len(start) for _, start, _, _ in contents(two)] == [1, 0]


@pytest.mark.parametrize("spans", [{}, {"start": [None, None], "end": [None, None]}])
def test_a_row_without_a_span_is_its_whole_title(two: Catalog, tmp_path: Path, spans: dict[str, Any]) -> None:
    rows = {"title": ["a", "0042"], **spans, "vector": [[1.0, 2.0], [3.0, 4.0]]}
    import_clips(table(tmp_path / "whole.jsonl", rows), two.uri, "theirs")
    duration = two.title_record("a").duration_s
    assert contents(two)[1][:3] == ("a", [0.0], [round(duration, 6)])


def test_columns_that_are_not_needed_are_not_looked_at(two: Catalog, tmp_path: Path) -> None:
    rows = {"begins": [1, 0, 1, 0], **ROWS, "note": ["x", "", "y", "z"]}
    for suffix in ("csv", "parquet", "jsonl"):
        file = table(tmp_path / f"labels.{suffix}", rows)
        read = check_clips(read_clips(file), two)
        assert (read.title, read.start_s.tolist(), read.vectors) == (ROWS["title"], ROWS["start"], None)


NAN, INF = float("nan"), float("inf")
VECTOR = ROWS["vector"]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (changed(title=["0042", "b", "a", "c"]), r"does not hold \(b, c\): rows 2, 4"),
        (changed(title=["0042", None, "a", "a"]), r"has no title: row 2"),
        (changed(end=[1.0, 9.0, 2.5, 2.25]), r"outside their title: row 2\. Row 2 is 0-9 s of a, which ends at 3\.335"),
        (changed(start=[-0.5, 0.0, 1.25, 2.0]), "outside their title: row 1"),
        (changed(start=[0.5, 1.25, 1.25, 2.0]), "end before they start: row 2"),
        (changed(start=[0.5, None, 1.25, 2.0]), "start or an end but not both: row 2"),
        (changed(start=[0.5, NAN, 1.25, 2.0]), "no finite time in column 'start': row 2"),
        (changed(end=[1.0, 1.25, INF, 2.25]), "no finite time in column 'end': row 3"),
        (changed(start=["x", "y", "z", "w"]), "holds string, not seconds"),
        (changed(title=["a"] * 4, start=[0.0, 1.0, 1.0, 1.0], end=[1.0, 2.0, 2.0, 2.0]), "same clip twice: rows 3, 4"),
        (changed(vector=[VECTOR[0], [1.0, NAN, 1.0], *VECTOR[2:]]), "NaN, an infinity or a gap .*: row 2"),
        (changed(vector=[VECTOR[0], [1.0, 2.0, INF], *VECTOR[2:]]), "NaN, an infinity or a gap .*: row 2"),
        (changed(vector=[VECTOR[0], [1.0, 2.0, 1e300], *VECTOR[2:]]), "NaN, an infinity or a gap .*: row 2"),
        (changed(vector=[VECTOR[0], [1.0, None, 1.0], *VECTOR[2:]]), "NaN, an infinity or a gap .*: row 2"),
        (changed(vector=[VECTOR[0], [1.0, 2.0], *VECTOR[2:]]), r"another size than row 1 \(3 numbers\).*: row 2"),
        (changed(vector=[VECTOR[0], None, [], VECTOR[3]]), "no vector .*: rows 2, 3"),
        (changed(vector=[VECTOR[0], [0.0] * 3, *VECTOR[2:]]), "vectors of zeros .*: row 2"),
        (changed(vector=[1.0, 2.0, 3.0, 4.0]), "not lists of numbers"),
        ({k: v for k, v in ROWS.items() if k != "title"}, "no column 'title' or 'title_id'"),
        ({k: v for k, v in ROWS.items() if k != "end"}, "no column start or end beside the other"),
        ({k: v for k, v in ROWS.items() if k != "vector"}, "no column 'vector' or 'embedding'"),
        ({**ROWS, "embedding": VECTOR}, r"several columns of vectors \(vector, embedding\)"),
        ({**ROWS, "start_s": ROWS["start"]}, "both 'start' and 'start_s'"),
        ({k: v[:0] for k, v in ROWS.items()}, "no rows"),
    ],
)
def test_what_does_not_fit_is_named_by_row_and_nothing_is_stored(
    two: Catalog, tmp_path: Path, rows: dict[str, list[Any]], words: str
) -> None:
    with pytest.raises(ImportDataError, match=words) as raised:
        import_clips(table(tmp_path / "clips.parquet", rows), two.uri, "theirs")
    assert raised.value.remedy
    assert two.clip_sets() == []


def test_a_whole_title_and_its_span_are_one_clip(two: Catalog, tmp_path: Path) -> None:
    end = two.title_record("a").duration_s
    rows = {"title": ["a", "a"], "start": [None, 0.0], "end": [None, end], "vector": [[1.0], [2.0]]}
    with pytest.raises(ImportDataError, match="same clip twice: row 2"):
        import_clips(table(tmp_path / "clips.parquet", rows), two.uri, "theirs")


def test_the_column_of_vectors_is_found_or_named(two: Catalog, tmp_path: Path) -> None:
    rows = {**{k: v for k, v in ROWS.items() if k != "vector"}, "omni": VECTOR}
    import_clips(table(tmp_path / "clips.parquet", rows), two.uri, "theirs")  # the only lists in it
    import_clips(table(tmp_path / "clips.csv", rows), two.uri, "named", vector_column="omni")
    assert contents(two, "named") == contents(two)
    with pytest.raises(ImportDataError, match="no column 'vector' or 'embedding'"):
        import_clips(tmp_path / "clips.csv", two.uri, "other")
    with pytest.raises(ImportDataError, match=r"no column 'nova'.*omni"):
        import_clips(tmp_path / "clips.csv", two.uri, "other", vector_column="nova")


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("clips.parquet", "no parquet", "cannot be read"),
        ("clips.csv", "title,start,end,vector\na,0,1,[1;2]\n", "no list of numbers such as .*: row 1"),
        ("clips.csv", "title,start,end,vector\na,0,1,5\n", "no list of numbers such as .*: row 1"),
        ("clips.csv", "title,start,end,vector\na,0\n", "cannot be read"),
        ("clips.jsonl", '{"title": "a", "start": 0', "cannot be read"),
        ("clips.jsonl", "7\n", "no column 'title'"),
        ("clips.jsonl", "", "no column 'title'"),
    ],
)
def test_a_damaged_table_gets_a_message(two: Catalog, tmp_path: Path, name: str, text: str, words: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ImportDataError, match=words):
        import_clips(tmp_path / name, two.uri, "theirs")


def test_wrong_use_gets_a_message(two: Catalog, tmp_path: Path) -> None:
    clips = table(tmp_path / "clips.parquet", ROWS)
    with pytest.raises(UsageError, match="no table that can be read"):
        import_clips(tmp_path / "clips.npy", two.uri, "theirs")
    with pytest.raises(ImportDataError, match="cannot be read"):
        import_clips(tmp_path / "absent.parquet", two.uri, "theirs")
    with pytest.raises(UsageError, match="no name"):
        import_clips(clips, two.uri, "")
    with pytest.raises(UsageError, match="called 'concat'"):
        import_clips(clips, two.uri, "concat")
    with pytest.raises(CatalogError, match="no catalog at"):
        import_clips(clips, tmp_path / "nowhere", "theirs")
    two.record_failure("b", "b.mkv", "damaged")
    with pytest.raises(ImportDataError, match=r"b failed when ingested"):
        import_clips(table(tmp_path / "b.parquet", changed(title=["b", "a", "a", "a"])), two.uri, "theirs")
