"""Maps over HTTP: what was drawn is what comes, as bytes and as Arrow; nothing is drawn by asking."""

import io
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from starlette.testclient import TestClient

from mediafm.catalog import Catalog
from mediafm.maps import DrawnMap, build_map
from mediafm.serve.routes.maps import ARROW

Client = Callable[..., TestClient]


@pytest.fixture(scope="module")
def drawn(served: Path) -> DrawnMap:
    return build_map(Catalog.open(served), "run")


def test_what_there_can_be_maps_of(asked: Client, drawn: DrawnMap) -> None:
    entries = asked().get("/v1/maps").json()["maps"]
    assert [e["features"] for e in entries if e["unit"] == "shot"] == ["run", "concat", "video", "audio", "text"]
    assert {"features": "run", "unit": "shot", "drawn": True} in entries
    assert {"features": "video", "unit": "title", "drawn": False} in entries


def test_points_are_those_that_were_drawn(asked: Client, served: Path, drawn: DrawnMap) -> None:
    client, catalog = asked(), Catalog.open(served)
    about = client.get("/v1/map", params={"features": "run"}).json()
    assert (about["points"], about["placed"], about["missing"], about["left_out"]) == (6, 6, 0, 0)
    assert [(t["title"], t["points"]) for t in about["titles"]] == [("one", 3), ("two", 3)]
    assert about["made_by"] == drawn.fingerprint
    question = {"features": "run", "version": about["version"]}
    data = client.get("/v1/map/points", params=question).content
    assert len(data) == 6 * (8 + 4 + 2)
    np.testing.assert_array_equal(np.frombuffer(data, "<f4", 12).reshape(6, 2), drawn.places)
    begins = [s.start_s for title in ("one", "two") for s in catalog.shots(title)]
    np.testing.assert_allclose(np.frombuffer(data, "<f4", 6, 48), begins, atol=1e-4)
    np.testing.assert_array_equal(np.frombuffer(data, "<i2", 6, 72), drawn.cluster)
    arrow = client.get("/v1/map/points", params=question, headers={"accept": ARROW})
    table = pa.ipc.open_stream(io.BytesIO(arrow.content)).read_all()
    assert table["title"].to_pylist() == ["one"] * 3 + ["two"] * 3 and table["shot"].to_pylist() == [0, 1, 2] * 2
    np.testing.assert_array_equal(table["x"].to_numpy(), drawn.places[:, 0])
    assert table.schema.metadata[b"made_by"].decode() == drawn.fingerprint
    assert sum(c["size"] for c in about["clusters"]) == 6
    typical = about["clusters"][0]["typical"][0]
    assert typical["start_s"] == pytest.approx(catalog.shots(typical["title"])[typical["shot"]].start_s, abs=1e-4)


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/v1/map?features=video", 404, "mediafm map --catalog CATALOG --features video --unit shot"),
        ("/v1/map?features=nothing", 400, "It has run, concat, video, audio, text"),
        ("/v1/map?features=run&unit=clip", 422, "unit"),
        ("/v1/map", 422, "features"),
        ("/v1/map/points?features=run&version=other", 409, "has changed"),
        ("/v1/map/points?features=../../etc/passwd", 400, "no features"),
    ],
)
def test_wrong_questions_are_told(asked: Client, drawn: DrawnMap, path: str, status: int, words: str) -> None:
    answer = asked().get(path)
    assert answer.status_code == status and words in answer.text


def test_titles_that_went_are_left_out(served: Path, tmp_path: Path, asked: Client, drawn: DrawnMap) -> None:
    import shutil

    copy = tmp_path / "catalog"
    shutil.copytree(served, copy)  # of the same identity: the same map
    client = asked(copy)
    before = client.get("/v1/map", params={"features": "run"}).json()
    Catalog.open(copy).remove_title("one")
    for _ in range(100):
        about = client.get("/v1/map", params={"features": "run"}).json()
        if about["version"] != before["version"]:
            break
        time.sleep(0.1)
    assert (about["points"], about["left_out"], [t["title"] for t in about["titles"]]) == (3, 3, ["two"])
    question = {"features": "run", "version": about["version"]}
    data = client.get("/v1/map/points", params=question).content
    np.testing.assert_array_equal(np.frombuffer(data, "<f4", 6).reshape(3, 2), drawn.places[3:])
    assert client.get("/v1/map/points", params={**question, "version": before["version"]}).status_code == 409
    assert all(t["title"] == "two" for c in about["clusters"] for t in c["typical"])
