from pathlib import Path

import pytest

from mediafm.errors import UsageError
from mediafm.probes import load_task

GOOD = """
name = "mood"
kind = "multilabel"
unit = "shot"
labels = "labels/mood.csv"
[split]
folds = 5
"""


def write(tmp_path, text):
    path = tmp_path / "task.toml"
    path.write_text(text)
    return path


def test_reads_a_task_with_paths_relative_to_it(tmp_path):
    task = load_task(write(tmp_path, GOOD))
    assert task.labels == tmp_path / "labels" / "mood.csv"
    assert (task.columns, task.split.folds, task.averaging) == ("others", 5, "macro")
    other = load_task(write(tmp_path, GOOD), labels=tmp_path / "mine.parquet")
    assert other.labels == tmp_path / "mine.parquet"


@pytest.mark.parametrize(
    "old, new, message",
    [
        ('unit = "shot"', 'unit = "scene"', "unit: Input should be 'shot', 'clip' or 'title'"),
        ('unit = "shot"', 'unit = "shot"\nspan_to_shot = "middle"', "span_to_shot: Extra inputs are not permitted"),
        (
            'unit = "shot"',
            'unit = "clip"\nspan_to_shots = "middle"',
            'span_to_shots only has a meaning with unit = "shot"',
        ),
        ('unit = "shot"', 'unit = "clip"\ncolumns = "spans"', 'it needs unit = "shot"'),
        ('unit = "shot"', 'unit = "shot"\ncolumns = []', "at least one label column"),
        ('unit = "shot"', 'unit = "shot"\npenalties = [0.1, 0.0]', "penalties must be greater than 0"),
        ('"multilabel"', '"binary"\ncolumns = ["a", "b"]', "a binary task has one label column"),
        ("folds = 5", "folds = 1", "split.folds"),
        ("folds = 5", 'folds = 5\ntest = ["a*"]', "split: give either folds, or patterns"),
        ("folds = 5", "", "split: give either folds, or patterns"),
        ('name = "mood"', "", "name: Field required"),
        ("folds = 5", "folds = ", "is not a TOML file"),
    ],
)
def test_refuses_what_does_not_fit_and_names_it(tmp_path, old, new, message):
    path = write(tmp_path, GOOD.replace(old, new))
    with pytest.raises(UsageError) as error:
        load_task(path)
    assert message in str(error.value) and str(path) in str(error.value)


def test_a_missing_task_file_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"nothing\.toml: No such file"):
        load_task(tmp_path / "nothing.toml")


@pytest.mark.parametrize("name", ["place", "onset", "kinds"])
def test_the_friends_tasks_load(name):
    root = Path(__file__).resolve().parents[2]
    assert load_task(root / "benchmarks" / "friends" / f"{name}.toml").name == name
