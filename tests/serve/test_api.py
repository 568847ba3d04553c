"""What is asked and what comes back, against the catalog itself."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from starlette.testclient import TestClient

from mediafm.catalog import Catalog
from mediafm.serve.routes.vectors import ARROW

Client = Callable[..., TestClient]


def test_titles_come_in_pages(asked: Client) -> None:
    client = asked()
    first = client.get("/v1/titles", params={"limit": 1}).json()
    assert [t["title"] for t in first["titles"]] == ["one"] and (first["total"], first["after"]) == (2, "one")
    second = client.get("/v1/titles", params={"limit": 1, "after": "one"}).json()
    assert [t["title"] for t in second["titles"]] == ["two"] and second["after"] is None
    assert client.get("/v1/titles", params={"words": "TW"}).json()["total"] == 1
    assert client.get("/v1/titles", params={"genre": "none such"}).json()["titles"] == []
    assert client.get("/v1/titles", params={"has": ["video", "text"]}).json()["total"] == 2


def test_a_title_with_its_shots_pictures_and_words(asked: Client, served: Path) -> None:
    client, catalog = asked(), Catalog.open(served)
    title = client.get("/v1/titles/one").json()
    record = catalog.title_record("one")
    assert (title["shots"], title["end_pts"], title["film"]) == (record.n_shots, record.end_pts, True)
    shots = client.get("/v1/titles/one/shots", params={"first": 1}).json()
    assert shots["total"] == 3
    assert [s["start_pts"] for s in shots["shots"]] == [s.start_pts for s in catalog.shots("one")][1:]
    assert client.get("/v1/titles/one/keyframes/2").content == catalog.keyframe("one", 2)
    words = client.get("/v1/titles/one/words.vtt")
    assert words.headers["content-type"].startswith("text/vtt")
    assert words.text.startswith("WEBVTT") and words.text.count("Where are we going?") == 1


def test_vectors_as_json_and_arrow(asked: Client, served: Path) -> None:
    client, catalog = asked(), Catalog.open(served)
    given = client.get("/v1/titles/two/embeddings", params={"features": "run"}).json()
    assert (given["made_by"], given["context"], given["dim"]) == ("f" * 64, "title", 3)
    np.testing.assert_array_equal(given["vectors"], catalog.embeddings("run", "two"))
    whole = client.get("/v1/titles/two/embeddings", params={"features": "run", "unit": "title"}).json()
    np.testing.assert_array_equal(whole["vectors"], [[0, 0, 1]])
    arrow = client.get("/v1/titles/two/embeddings", params={"features": "video"}, headers={"accept": ARROW})
    table = pa.ipc.open_stream(io.BytesIO(arrow.content)).read_all()
    assert table.schema.metadata[b"made_by"].decode() == catalog.spec.fingerprints["video"]
    np.testing.assert_array_equal(np.stack(table["vector"].to_numpy()), catalog.features("two").vectors["video"])
    concat = client.get("/v1/titles/two/embeddings", params={"features": "concat"}).json()
    np.testing.assert_allclose(np.linalg.norm(concat["vectors"], axis=1), 1, atol=1e-5)


def test_search_and_similar_are_the_librarys(asked: Client, served: Path) -> None:
    from mediafm.search import search_catalogue

    client = asked()
    found = client.get("/v1/search", params={"words": "going", "k": 3}).json()["hits"]
    assert found == [hit.as_json() for hit in search_catalogue(str(served), "going", k=3)]
    alike = client.get("/v1/similar", params={"like": "one@0-1", "k": 2, "features": "video"}).json()["hits"]
    assert alike == [hit.as_json() for hit in search_catalogue(str(served), like="one@0-1", k=2, features="video")]


def test_films_come_whole_and_by_ranges(asked: Client, films: Path) -> None:
    client, data = asked(), (films / "one.mp4").read_bytes()
    assert client.get("/v1/media/one").content == data
    part = client.get("/v1/media/one", headers={"range": "bytes=10-19"})
    assert (part.status_code, part.content, part.headers["content-type"]) == (206, data[10:20], "video/mp4")
    assert client.get("/v1/media/one", headers={"range": f"bytes={len(data)}-"}).status_code == 416
    assert client.head("/v1/media/one").headers["content-length"] == str(len(data))


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/v1/titles/nobody", 404, "no title 'nobody'"),
        ("/v1/titles/one/keyframes/99", 404, "no shot 99"),
        ("/v1/titles/one/embeddings?features=none", 400, "It has run, video, audio, text, concat"),
        ("/v1/titles/one/embeddings?features=video&unit=title", 400, "no vectors of titles"),
        ("/v1/titles?limit=0", 422, "limit"),
        ("/v1/search?words=", 422, "words"),
        ("/v1/search?words=x&k=1000000", 400, "more than the 1000"),
        ("/v1/similar?like=one@900-901", 400, "lies outside"),
        ("/v1/similar?like=nobody", 400, "no title 'nobody'"),
        ("/v1/nothing", 404, "Not Found"),
    ],
)
def test_wrong_questions_are_told(asked: Client, served: Path, path: str, status: int, words: str) -> None:
    answer = asked().get(path)
    assert answer.status_code == status
    error = answer.json()["error"]
    assert words in f"{error['message']} {error['remedy']}" and error["request_id"] == answer.headers["x-request-id"]
    assert str(served) not in answer.text


def test_what_was_ingested_meanwhile_is_there(films: Path, tmp_path: Path, asked: Client) -> None:
    from mediafm.ingest import ingest

    ingest([films / "one.mp4"], str(tmp_path / "catalog"), detector="content")
    client = asked(tmp_path / "catalog")
    assert client.get("/v1/titles").json()["total"] == 1
    ingest([films / "two.mp4"], str(tmp_path / "catalog"), detector="content")
    for _ in range(100):
        if client.get("/v1/titles").json()["total"] == 2:
            break
    assert client.get("/v1/titles/two").status_code == 200


def test_health_numbers_and_the_description(asked: Client) -> None:
    client = asked()
    assert client.get("/healthz").json() == {"status": "ok", "titles": 2}
    text = client.get("/metrics").text
    assert (
        'mediafm_requests_total{method="GET",route="/healthz",status="200"} 1.0' in text
        and "mediafm_titles 2.0" in text
    )
    paths = client.get("/v1/openapi.json").json()["paths"]
    assert {"/v1/titles", "/v1/search", "/v1/media/{title}", "/v1/jobs"} <= set(paths)
    assert "uri" not in client.get("/v1/catalog").json()
