"""Inside one title: tags, likeness, chapters, lengths, against what is known of two films of three shots."""

import io
import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from starlette.testclient import TestClient

from ingest_films import CUTS, FPS
from mediafm.catalog import Catalog, EmbeddingSetSpec
from mediafm.errors import UsageError
from mediafm.probes.fitting import LinearProbe
from mediafm.probes.saved import SavedProbe
from mediafm.probes.tasks import Task
from mediafm.serve import ServeOptions
from mediafm.uses.chapters import HowMany, find_chapters

Client = Callable[..., TestClient]
SHOTS = np.array([[1.0, 0, 0], [1, 1, 0], [1, 2, 0]])  # of the set `run`, in every title
UNIT = SHOTS / np.linalg.norm(SHOTS, axis=1, keepdims=True)
COSINES = UNIT @ UNIT.T


def save_probe(catalog: Catalog, folder: Path, **other: Any) -> SavedProbe:
    """A probe on `run` whose logits are 0, 1, 2 in the three shots for `busy`, and 0, -1, -2 for `calm`."""
    probe = LinearProbe(
        np.array([[0, 0], [1, -1], [0, 0]], np.float32), np.zeros(2, np.float32), np.ones(2),
        np.array([1.5, -0.5], np.float32), 0.0,
    )  # fmt: skip
    encoders = {str(m): f for m, f in catalog.spec.fingerprints.items()}
    saved = SavedProbe(_task("mood"), "run", "f" * 64, encoders, ("busy", "calm"), probe, "none", None)
    saved = replace(saved, **other)
    saved.save(folder)
    return saved


@pytest.fixture
def probes(served: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "probes"
    save_probe(Catalog.open(served), folder / "mood" / "probes" / "run")
    return folder


def facts_of(answer: Any) -> dict[str, Any]:
    return dict(json.loads(answer.headers["x-matrix"]))


def cells_of(answer: Any) -> np.ndarray:
    facts = facts_of(answer)
    read = np.frombuffer(answer.content, np.uint8).reshape(facts["rows"], facts["columns"]).astype(float)
    return np.where(read > 0, facts["low"] + (read - 1) / 254 * (facts["high"] - facts["low"]), np.nan)


# tags ---------------------------------------------------------------------------------------------------------------


def test_tags_are_the_probes_probabilities(asked: Client, probes: Path) -> None:
    told = asked(probes=probes).get("/v1/titles/one/tags").json()
    tags = {tag["label"]: tag for tag in told["tags"]}
    logits = np.array([0, 1, 2])
    np.testing.assert_allclose(tags["busy"]["scores"], 1 / (1 + np.exp(-logits)), atol=1e-4)
    np.testing.assert_allclose(tags["calm"]["scores"], 1 / (1 + np.exp(logits)), atol=1e-4)
    assert tags["busy"]["given"] == [False, False, True] and tags["calm"]["given"] == [True, False, False]
    assert tags["busy"]["threshold"] == pytest.approx(1 / (1 + np.exp(-1.5)))
    assert (told["shots"], told["why_not"]) == (3, "")


def test_tags_that_vary_most_come_first(asked: Client, served: Path, probes: Path) -> None:
    still = LinearProbe(
        np.array([[0, 0], [0.1, 3], [0, 0]], np.float32), np.zeros(2, np.float32), np.ones(2), np.zeros(2, np.float32),
        0.0,
    )  # fmt: skip
    save_probe(Catalog.open(served), probes / "mood" / "probes" / "run", probe=still)
    tags = asked(probes=probes).get("/v1/titles/one/tags").json()["tags"]
    assert [tag["label"] for tag in tags] == ["calm", "busy"]
    assert tags[0]["varies"] == pytest.approx(np.std(1 / (1 + np.exp(-3 * np.arange(3)))), abs=1e-4)


def test_a_probe_of_other_vectors_is_told_and_never_applied(asked: Client, served: Path, probes: Path) -> None:
    catalog = Catalog.open(served)
    save_probe(catalog, probes / "old" / "probes" / "run", identity="0" * 64, task=_task("old"))
    save_probe(catalog, probes / "far" / "probes" / "run", encoders={"video": "another"}, task=_task("far"))
    (probes / "broken").mkdir()
    (probes / "broken" / "probe.json").write_text("{")
    answer = asked(probes=probes).get("/v1/titles/one/tags")
    states = {probe["task"]: probe for probe in answer.json()["probes"]}
    assert {tag["task"] for tag in answer.json()["tags"]} == {"mood"}
    assert [name for name, state in states.items() if state["shown"]] == ["mood"]
    assert "was made by 000000000000 when the probe was fitted" in states["old"]["why_not"]
    assert "other encoders" in states["far"]["why_not"]
    assert "cannot be read" in states["broken"]["why_not"]
    assert str(probes) not in answer.text and str(served) not in answer.text


def test_of_several_feature_sets_the_one_in_context_speaks(asked: Client, served: Path, probes: Path) -> None:
    catalog = Catalog.open(served)
    dim = catalog.spec.dims["video"]
    flat = LinearProbe(
        np.zeros((dim, 2), np.float32), np.zeros(2, np.float32), np.ones(2), np.zeros(2, np.float32), 0.0
    )
    save_probe(catalog, probes / "mood" / "probes" / "video", features="video", identity="video", probe=flat)
    client = asked(probes=probes)
    assert {t["features"] for t in client.get("/v1/titles/one/tags").json()["tags"]} == {"run"}
    asked_for = client.get("/v1/titles/one/tags", params={"features": "video"}).json()["tags"]
    assert [t["scores"] for t in asked_for] == [[0.5] * 3] * 2
    wrong = client.get("/v1/titles/one/tags", params={"features": "none"})
    assert wrong.status_code == 400 and "Probes look at run, video" in wrong.json()["error"]["remedy"]


def test_a_probe_of_titles_says_one_thing_of_each(asked: Client, served: Path, probes: Path) -> None:
    task = _task("mood").model_copy(update={"unit": "title"})
    across = np.array([[0, 0], [0, 0], [4, 1]], np.float32)  # a title's own vector is (0, 0, 1)
    probe = LinearProbe(across, np.zeros(2, np.float32), np.ones(2), np.zeros(2, np.float32), 0.0)
    save_probe(Catalog.open(served), probes / "mood" / "probes" / "run", task=task, probe=probe)
    tags = asked(probes=probes).get("/v1/titles/two/tags").json()["tags"]
    assert {t["label"]: t["scores"] for t in tags} == {"busy": [0.982], "calm": [0.7311]}
    assert {t["unit"] for t in tags} == {"title"}


def test_values_and_classes_keep_what_they_mean(asked: Client, served: Path, probes: Path) -> None:
    catalog = Catalog.open(served)
    for kind in ("regression", "multiclass"):
        task = _task(kind, kind, ["busy"])
        save_probe(catalog, probes / kind / "probes" / "run", task=task)
    tags = asked(probes=probes).get("/v1/titles/one/tags").json()["tags"]
    told = {(tag["task"], tag["label"]): tag for tag in tags}
    assert (told["regression", "busy"]["scores"], told["regression", "busy"]["given"]) == ([0, 1, 2], None)
    share = np.exp([0, 1, 2]) / (np.exp([0, 1, 2]) + np.exp([0, -1, -2]))
    np.testing.assert_allclose(told["multiclass", "busy"]["scores"], share, atol=1e-4)
    assert told["multiclass", "busy"]["given"] == [True, True, True]


def test_probes_that_come_while_it_runs_are_seen(
    asked: Client, served: Path, probes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mediafm.serve.tags._LOOK_EVERY_S", 0.0)
    client = asked(probes=probes)
    first = client.get("/v1/titles/one/tags")
    assert client.get("/v1/titles/one/tags", headers={"if-none-match": first.headers["etag"]}).status_code == 304
    save_probe(Catalog.open(served), probes / "later" / "probes" / "run", task=_task("later"))
    second = client.get("/v1/titles/one/tags", headers={"if-none-match": first.headers["etag"]})
    assert second.status_code == 200 and {tag["task"] for tag in second.json()["tags"]} == {"mood", "later"}


def test_without_probes_it_says_how_to_have_some(asked: Client) -> None:
    told = asked().get("/v1/titles/one/tags").json()
    assert told["tags"] == [] and "no saved probes" in told["why_not"] and "--probes DIR" in told["remedy"]


def test_a_folder_of_probes_that_is_not_there() -> None:
    with pytest.raises(UsageError, match="no folder nowhere"):
        ServeOptions(probes=Path("nowhere"))


def _task(name: str, kind: str = "multilabel", columns: Sequence[str] = ("busy", "calm")) -> Task:
    document = {"name": name, "kind": kind, "unit": "shot", "columns": list(columns), "labels": "."}
    return Task.model_validate({**document, "split": {"folds": 2}})


# likeness -----------------------------------------------------------------------------------------------------------


def test_the_matrix_is_the_cosines(asked: Client) -> None:
    answer = asked().get("/v1/titles/one/matrix", params={"features": "run"})
    facts = facts_of(answer)
    assert (facts["rows"], facts["columns"], facts["start"], facts["end"]) == (3, 3, 0, 3)
    assert (facts["made_by"], facts["context"]) == ("f" * 64, "title")
    assert facts["low"] == pytest.approx(COSINES.min()) and facts["high"] == pytest.approx(1)
    np.testing.assert_allclose(cells_of(answer), COSINES, atol=(1 - COSINES.min()) / 254 / 2 + 1e-6)


def test_cells_of_many_shots_are_means_of_their_pairs(asked: Client) -> None:
    params = {"features": "run", "size": 2, "form": "arrow"}
    table = pa.ipc.open_stream(asked().get("/v1/titles/one/matrix", params=params).content).read_all()
    assert (table["first_shot"].to_pylist(), table["end_shot"].to_pylist()) == ([0, 1], [1, 3])
    mean = [[COSINES[0, 0], COSINES[0, 1:].mean()], [COSINES[1:, 0].mean(), COSINES[1:, 1:].mean()]]
    np.testing.assert_allclose(np.stack(table["likeness"].to_numpy()), mean, atol=1e-6)
    assert json.loads(table.schema.metadata[b"likeness"])["features"] == "run"


def test_a_part_across_and_another_down(asked: Client) -> None:
    params = {"features": "run", "start": 1, "end": 3, "row_start": 0, "row_end": 2}
    answer = asked().get("/v1/titles/one/matrix", params=params)
    np.testing.assert_allclose(cells_of(answer), COSINES[0:2, 1:3], atol=0.01)
    part = asked().get("/v1/titles/one/matrix", params={"features": "run", "start": 2})
    np.testing.assert_allclose(cells_of(part), [[1.0]], atol=1e-6)


def test_the_picture_is_the_bytes(asked: Client) -> None:
    client = asked()
    raw = client.get("/v1/titles/one/matrix", params={"features": "run"}).content
    png = client.get("/v1/titles/one/matrix", params={"features": "run", "form": "png"})
    picture = Image.open(io.BytesIO(png.content))
    assert png.headers["content-type"] == "image/png" and picture.mode == "L" and picture.tobytes() == raw


def test_features_are_compared_as_search_compares_them(asked: Client, served: Path) -> None:
    from mediafm.index import open_index

    index = open_index(Catalog.open(served), "concat")
    first = int(index.starts[index.titles.index("two")])
    rows = index.rows(first, first + 3)
    answer = asked().get("/v1/titles/two/matrix")
    assert facts_of(answer)["made_by"] == index.fingerprint
    np.testing.assert_allclose(cells_of(answer), rows @ rows.T, atol=0.01)


def test_shots_without_anything_to_compare_are_left_empty() -> None:
    from mediafm.serve.likeness import Rows, likeness

    vectors = np.array([[1, 0], [0, 0], [0, 1], [0, 0], [0, 0]], np.float32)
    whole = likeness("t", Rows("text", "x", "none", vectors), 5, (0, None))
    expected = np.full((5, 5), np.nan)
    expected[np.ix_([0, 2], [0, 2])] = np.eye(2)
    np.testing.assert_array_equal(whole.cells, expected)
    assert np.frombuffer(whole.as_bytes(), np.uint8).reshape(5, 5)[0].tolist() == [255, 0, 1, 0, 0]
    halves = likeness("t", Rows("text", "x", "none", vectors), 2, (0, None))
    np.testing.assert_array_equal(halves.cells, [[1, 0], [0, 1]])  # shots 0-1 and 2-4: the empty ones do not count


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("matrix?features=none", 400, "It has run, video, audio, text, concat"),
        ("matrix?start=3", 400, "Shots 3 to 3 are no part of a title of 3 shots"),
        ("matrix?end=4", 400, "0 to 4"),
        ("matrix?row_start=2&row_end=1", 400, "2 to 1"),
        ("matrix?size=0", 422, "size"),
        ("matrix?size=1000000", 422, "size"),
        ("matrix?form=exe", 422, "form"),
        ("chapters?count=4", 400, "has 3 shots and cannot have 4 chapters"),
        ("chapters?count=2&length=3", 400, "two ways to say one thing"),
        ("chapters?probe=nothing", 400, "There are none"),
        ("chapters?length=1e-300", 422, "length"),
        ("chapters?shortest=nan", 422, "shortest"),
        ("chapters?features=none", 400, "no features 'none'"),
        ("lengths?cells=0", 422, "cells"),
        ("tags?features=run", 400, "Probes look at none"),
    ],
)
def test_wrong_questions_are_told(asked: Client, served: Path, path: str, status: int, words: str) -> None:
    answer = asked().get(f"/v1/titles/one/{path}")
    error = answer.json()["error"]
    assert answer.status_code == status and words in f"{error['message']} {error['remedy']}"
    assert str(served) not in answer.text


@pytest.mark.parametrize("what", ["features", "tags", "matrix", "chapters", "lengths"])
def test_an_unknown_title_is_told(asked: Client, what: str) -> None:
    answer = asked().get(f"/v1/titles/onn/{what}")
    assert answer.status_code == 404 and "Did you mean one" in answer.json()["error"]["remedy"]


# chapters, lengths, features ----------------------------------------------------------------------------------------


def test_chapters_are_the_librarys(asked: Client, served: Path) -> None:
    found = asked().get("/v1/titles/one/chapters", params={"count": 2}).json()
    (mine,) = find_chapters(Catalog.open(served), ["one"], "run", HowMany(count=2))
    assert (found["features"], found["method"]) == ("run", "count")
    assert [(c["first_shot"], c["end_shot"]) for c in found["chapters"]] == [
        (c.first_shot, c.end_shot) for c in mine.chapters
    ]
    assert [c["start_s"] for c in found["chapters"]] == [0, pytest.approx(CUTS[1] / FPS)]


def test_a_probe_cuts_chapters_where_it_says(asked: Client, served: Path, probes: Path) -> None:
    begins = LinearProbe(np.array([[0], [1], [0]], np.float32), np.zeros(1, np.float32), np.ones(1),
                         np.array([1.5], np.float32), 0.0)  # fmt: skip
    task = _task("begins", "binary", ["b"])
    save_probe(Catalog.open(served), probes / "b" / "probes" / "run", task=task, labels=("b",), probe=begins)
    found = asked(probes=probes).get("/v1/titles/one/chapters", params={"probe": "begins"}).json()
    assert found["method"] == "probe" and [c["first_shot"] for c in found["chapters"]] == [0, 2]


def test_lengths_of_shots_over_time(asked: Client) -> None:
    client = asked()
    told = client.get("/v1/titles/one/lengths", params={"cells": 1}).json()
    end = client.get("/v1/titles/one").json()["duration_s"]  # of the sound, which is a little longer than the picture
    seconds = np.diff([*(cut / FPS for cut in CUTS[:-1]), end])
    assert told["mean_s"] == pytest.approx(seconds.mean()) and told["median_s"] == pytest.approx(np.median(seconds))
    assert told["longest"] == {"shot": 1, "seconds": pytest.approx(41 / FPS)}
    assert told["shortest"] == {"shot": 2, "seconds": pytest.approx(seconds[2])}
    (part,) = told["parts"]
    assert part["shots"] == 3 and part["length_s"] == pytest.approx((seconds**2).sum() / seconds.sum())
    parts = client.get("/v1/titles/one/lengths").json()["parts"]
    assert sum(p["shots"] for p in parts) == 3 and len(parts) == 3
    assert all(a["end_s"] == b["start_s"] for a, b in itertools.pairwise(parts))
    assert sum(p["length_s"] * (p["end_s"] - p["start_s"]) for p in parts) == pytest.approx((seconds**2).sum())


def test_what_a_title_can_be_compared_by(asked: Client, served: Path, films: Path, tmp_path: Path) -> None:
    told = asked().get("/v1/titles/one/features").json()
    assert (told["before"], told["after"], told["pictures"]) == ("concat", "run", 3)
    sets = {one["name"]: one for one in told["sets"]}
    assert sets["run"]["covers"] and (sets["run"]["context"], sets["run"]["dim"]) == ("title", 3)
    assert sets["concat"]["dim"] == sum(Catalog.open(served).spec.dims.values())


def test_an_embedding_set_that_is_not_finished(
    asked: Client, films: Path, tmp_path: Path, probes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mediafm.ingest import ingest

    monkeypatch.setattr("mediafm.serve.library._LOOK_EVERY_S", 0.0)
    ingest([films], str(tmp_path / "half"), detector="content")
    catalog = Catalog.open(tmp_path / "half")
    catalog.add_embedding_set(EmbeddingSetSpec("run", "f" * 64, "title", 3))
    catalog.write_embeddings("run", "one", SHOTS.astype(np.float32), np.ones(3, np.float32))
    client = asked(tmp_path / "half", probes=probes)
    assert client.get("/v1/titles/one/features").json()["after"] == "run"
    told = client.get("/v1/titles/two/features").json()
    (run,) = [one for one in told["sets"] if one["name"] == "run"]
    assert told["after"] == "" and not run["covers"] and "mediafm embed --catalog CATALOG" in run["remedy"]
    assert client.get("/v1/titles/one/matrix", params={"features": "run"}).status_code == 200
    lacking = client.get("/v1/titles/two/matrix", params={"features": "run"})
    assert lacking.status_code == 404 and str(tmp_path) not in lacking.text
    assert client.get("/v1/titles/two/chapters").json()["features"] == "concat"
    (state,) = client.get("/v1/titles/two/tags").json()["probes"]
    assert not state["shown"] and "does not cover title two" in state["why_not"]
    catalog.write_embeddings("run", "two", SHOTS.astype(np.float32), np.ones(3, np.float32))
    assert client.get("/v1/titles/two/tags").json()["tags"][0]["features"] == "run"
    assert client.get("/v1/titles/two/chapters").json()["features"] == "run"
