"""The packaged tasks: each says what was published of it, reads its synthetic tables, and has a page."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mediafm.errors import UsageError
from mediafm.probes.labels import read_labels
from mediafm.probes.tasks import Task, load_task, template_names
from mediafm.synthetic import SyntheticFeatures, TableFacts, plan_catalogue, write_features, write_truth

DOCS = Path(__file__).resolve().parents[2] / "docs" / "tasks"
# kind, unit, metric, averaging, folds: the first five as published (folds where they were told), the others ours.
PROTOCOL: dict[str, tuple[str, str, str, str, int | None]] = {
    "ad_relevancy": ("multilabel", "clip", "average_precision", "macro", 5),
    "clip_popularity": ("ranking", "clip", "kendall_tau", "macro", 10),
    "clip_tone": ("multilabel", "clip", "average_precision", "micro", 5),
    "clip_genre": ("multilabel", "clip", "average_precision", "macro", 5),
    "clip_retrieval": ("binary", "clip", "average_precision", "macro", 5),
    "title_genre": ("multilabel", "title", "average_precision", "macro", 5),
    "rating_band": ("multiclass", "title", "balanced_accuracy", "macro", 5),
    "similar_titles": ("similarity", "title", "average_precision", "macro", None),
    "scenes": ("binary", "shot", "average_precision", "macro", 5),
}


@pytest.fixture(scope="module", params=["films", "features"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of synthetic truth with its tables.json."""
    path = tmp_path_factory.mktemp(str(request.param))
    if request.param == "films":
        write_truth(path, plan_catalogue(seed=0, titles=12, shots_per_title=30))
    else:
        write_features(path, SyntheticFeatures(seed=0, titles=12, shots=(30, 50)))
    return path


@pytest.mark.parametrize("name", PROTOCOL)
def test_templates_keep_to_their_protocol(name: str, tmp_path: Path) -> None:
    task = load_task(name, labels=tmp_path / "labels.csv")
    folds = task.split.folds if task.split else None
    assert (task.kind, task.unit, task.metric, task.averaging, folds) == PROTOCOL[name]
    assert (task.name, task.labels, task.columns) == (
        name, tmp_path / "labels.csv", "spans" if name == "scenes" else "others"
    )  # fmt: skip


def test_there_is_a_protocol_and_a_page_for_every_template() -> None:
    assert template_names() == sorted(PROTOCOL)
    assert [name for name in PROTOCOL if not (DOCS / f"{name}.md").is_file()] == []


def test_clip_retrieval_is_one_to_three_with_six_to_ten_positives(tmp_path: Path) -> None:
    task = load_task("clip_retrieval", labels=tmp_path / "labels.csv")
    assert (task.negatives_per_positive, task.positives_per_title) == (3, (6, 10))


@pytest.mark.parametrize("name", PROTOCOL)
def test_templates_ask_for_labels(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_task(name)
    assert name in str(caught.value) and "--labels" in str(caught.value)


def test_every_template_has_a_table_in_both_synthetic_catalogues(folder: Path) -> None:
    facts = _facts(folder)
    assert {name: fact.template for name, fact in facts.items() if fact.template} == {
        f"labels_{name}": name for name in PROTOCOL
    }
    for name, fact in facts.items():
        if fact.template:
            assert (fact.kind, fact.unit) == PROTOCOL[fact.template][:2], name


def test_tasks_read_their_synthetic_tables(folder: Path) -> None:
    for name, fact in _facts(folder).items():
        path = next(folder.glob(f"{name}.*"))
        task = load_task(fact.template, labels=path) if fact.template else _task(name, fact, path)
        table = read_labels(task)
        assert len(np.unique(table.title)) > 2, name
        assert len(table.names) == table.truth.shape[1] > 0, name
        if fact.kind == "multiclass":
            assert len(table.classes) > 2, name
        elif fact.template != "scenes":  # where every row is a positive
            assert (table.truth.max(axis=0) > table.truth.min(axis=0)).any(), name


def _facts(folder: Path) -> dict[str, TableFacts]:
    said: dict[str, dict[str, Any]] = json.loads((folder / "tables.json").read_text(encoding="utf-8"))
    return {name: TableFacts(**fact) for name, fact in said.items()}


def _task(name: str, fact: TableFacts, path: Path) -> Task:
    asked = {"name": name, "kind": fact.kind, "unit": fact.unit, "labels": path, "split": {"folds": 5}}
    return Task.model_validate(asked)
