import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from mediafm.errors import ImportDataError, UsageError
from mediafm.probes.labels import check_against_catalog, read_labels
from mediafm.probes.tasks import Task
from probes.fake_catalog import FakeCatalog, FakeTitle, unit

HEADER = "title,start,end,calm,tense\n"


def task_for(path, **changes):
    values = {"name": "mood", "kind": "multilabel", "unit": "clip", "labels": path, "split": {"folds": 2}}
    return Task.model_validate(values | changes)


def csv_task(tmp_path, text, **changes):
    path = tmp_path / "labels.csv"
    path.write_text(text)
    return task_for(path, **changes)


def catalog():
    ends = np.array([2.0, 5.0, 10.0])
    title = FakeTitle(np.array([0.0, 2.0, 5.0]), ends, {"video": unit(np.ones((3, 4)))})
    return FakeCatalog({"a": title, "b": title, "0042": title})


def test_reads_csv_with_spans_and_binary_columns(tmp_path):
    table = read_labels(csv_task(tmp_path, HEADER + "0042,0,2.5,1,0\na,1.5,3,0,1\n"))
    assert table.title.tolist() == ["0042", "a"]  # an id keeps its zeros
    assert (table.start_s.tolist(), table.end_s.tolist()) == ([0, 1.5], [2.5, 3])
    assert table.names == ("calm", "tense") and table.truth.tolist() == [[True, False], [False, True]]


def test_reads_parquet_with_other_column_names(tmp_path):
    path = tmp_path / "labels.parquet"
    rows = {
        "film": pa.array(["a", "b"]).dictionary_encode(),
        "from": [0, 1],
        "to": [2, 3],
        "good": [True, False],
        "n": [7, 8],
    }
    pyarrow.parquet.write_table(pa.table(rows), path)
    names = {"title_column": "film", "start_column": "from", "end_column": "to"}
    table = read_labels(task_for(path, kind="binary", ignore_columns=["n"], **names))
    assert table.names == ("good",) and table.truth.tolist() == [[True], [False]]
    assert read_labels(task_for(path, kind="binary", columns=["good"], **names)).names == ("good",)


def test_spans_themselves_can_be_the_positives(tmp_path):
    table = read_labels(csv_task(tmp_path, "title,start,end\na,0,2\n", unit="shot", kind="binary", columns="spans"))
    assert table.names == ("mood",) and table.truth.tolist() == [[True]]


def test_whole_titles_need_no_spans(tmp_path):
    table = read_labels(csv_task(tmp_path, "title_id,calm,tense\na,1,0\nb,0,1\n", unit="title"))
    assert table.truth.tolist() == [[True, False], [False, True]]


@pytest.mark.parametrize(
    "rows, message",
    [
        ("a,0,2,1,0\na,3,3,1,0\nb,5,4,0,1\n", "spans that end before they start: rows 2, 3."),
        ("a,0,2,1,0\nb,0,2,1,0\na,0,2,0,1\n", "the same span twice: row 3."),
        ("a,0,2,1,\nb,0,2,1,0\n", "no value in column 'tense': row 1."),
        ("a,0,2,1,0\nb,0,2,3,0\n", "label column 'calm' (such as 3): row 2."),
        ("a,0,2,yes,0\n", "label column 'calm' (such as 'yes'): row 1."),
        ("a,,2,1,0\n", "no value in column 'start': row 1."),
        (",0,2,1,0\n", "no value in column 'title': row 1."),
        ("a,nan,2,1,0\nb,0,2,1,0\n", "no value in column 'start': row 1."),
        ("a,inf,2,1,0\n", "no finite time in column 'start': row 1."),
        ("a,soon,2,1,0\n", "times in column 'start' that cannot be read ('soon' is no time): row 1."),
        ("a,0,2,1\n", "Cannot read the labels file"),
        ("", "has no rows"),
    ],
)
def test_refuses_bad_rows_by_number(tmp_path, rows, message):
    with pytest.raises(ImportDataError) as error:
        read_labels(csv_task(tmp_path, HEADER + rows))
    assert message in str(error.value) and "labels.csv" in str(error.value)


@pytest.mark.parametrize(
    "header, changes, message",
    [
        ("film,start,end,calm,tense", {}, "no title column"),
        ("title,title_id,start,end,calm", {}, "both 'title' and 'title_id'"),
        ("title,start,stop,calm,tense", {}, "no end column"),
        ("title,start,end,calm,tense", {"columns": ["gloomy"]}, "no column 'gloomy'"),
        (
            "title,start,end,calm,tense",
            {"kind": "binary"},
            "2 label columns (calm, tense), which does not fit a binary",
        ),
        ("title,start,end,calm,tense", {"unit": "title"}, "labels whole titles"),
    ],
)
def test_refuses_bad_columns(tmp_path, header, changes, message):
    values = ",".join(["1"] * len(header.split(",")))
    with pytest.raises(ImportDataError) as error:
        read_labels(csv_task(tmp_path, f"{header}\n{values}\n", **changes))
    assert message in str(error.value)


def test_refuses_missing_and_foreign_files(tmp_path):
    with pytest.raises(ImportDataError, match="does not exist"):
        read_labels(task_for(tmp_path / "none.csv"))
    with pytest.raises(UsageError, match=r"\.csv, \.parquet"):
        read_labels(task_for(tmp_path / "labels.xlsx"))
    (tmp_path / "labels.parquet").write_text("not parquet")
    with pytest.raises(ImportDataError, match="Cannot read"):
        read_labels(task_for(tmp_path / "labels.parquet"))


def test_titles_must_be_in_the_catalog_and_failed_ones_are_called_so(tmp_path):
    store = catalog()
    store.record_failure("broken", "broken.mkv", "no picture")
    task = csv_task(tmp_path, HEADER + "a,0,2,1,0\nzzz,0,2,0,1\nbroken,0,2,0,1\n")
    with pytest.raises(ImportDataError) as error:
        check_against_catalog(read_labels(task), task, store)
    assert "(broken, zzz): rows 2, 3." in str(error.value)
    assert "broken failed when ingested" in str(error.value)


@pytest.mark.parametrize("span", ["-1,2", "10,11", "4,10.2"])
def test_spans_must_lie_inside_their_title(tmp_path, span):
    task = csv_task(tmp_path, HEADER + f"a,0,10.04,1,0\nb,{span},0,1\n")
    with pytest.raises(ImportDataError, match=r"outside their title: row 2.*ends at 10.000 s"):
        check_against_catalog(read_labels(task), task, catalog())
