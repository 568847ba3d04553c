"""Search by POST: the library's answers, in any mix; files are opened elsewhere, wrong ones refused with reasons."""

import base64
import io
import json
import shutil
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Picture
from starlette.testclient import TestClient

from encoders import tiny_models
from mediafm.catalog import Catalog, EmbeddingSetSpec
from mediafm.errors import MismatchError, UsageError
from mediafm.ingest import reencode
from mediafm.search import Image, Like, Options, QueryEncoders, SoundFile, Words, find
from mediafm.serve.finder import Finder
from mediafm.serve.library import Library, Standing

Client = Callable[..., TestClient]


def posted(client: TestClient, **asked: Any) -> dict[str, Any]:
    answer = client.post("/v1/search", json=asked)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def plain(hits: list[dict[str, Any]]) -> list[dict[str, Any]]:
    shown = ("name", "film", "has_video", "revision", "why")
    return [{name: value for name, value in hit.items() if name not in shown} for hit in hits]


def test_a_mix_is_the_librarys_with_lists_beside_each_other_and_reasons(asked: Client, served: Path) -> None:
    catalog, weights, names = Catalog.open(served), {"words": 2.0, "like": -0.5}, ["run", "concat"]
    found = posted(asked(), words="going", like=["one#2"], weights=weights, features=names, k=4, explain=True)
    queries = [Words("going", 2.0), Like("one#2", -0.5)]
    expected = find(catalog, queries, k=4, features=names, options=Options(explain=True))
    assert plain(found["hits"]) == [{k: v for k, v in hit.as_json().items() if k != "why"} for hit in expected.hits]
    assert [hit["why"] for hit in found["hits"]] == [hit.why for hit in expected.hits]
    assert {name: plain(hits) for name, hits in found["lists"].items()} == {
        name: plain([hit.as_json() for hit in hits]) for name, hits in expected.lists.items()
    }
    assert "going" in found["hits"][0]["why"]["words"] and found["hits"][0]["film"]


def test_likeness_is_told_by_modality(asked: Client, served: Path) -> None:
    from mediafm.index import open_index

    hit = posted(asked(), like=["one#0"], k=1, explain=True)["hits"][0]
    index = open_index(Catalog.open(served), "video")
    rows = {t: index.rows(*index.starts[i : i + 2].tolist()) for i, t in enumerate(index.titles)}
    expected = float(rows["one"][0] @ rows[hit["title"]][hit["best_shot"]])
    assert hit["why"]["alike"]["video"] == pytest.approx(expected, abs=2e-3)


def test_filters_and_folding(asked: Client) -> None:
    client = asked()
    assert {h["title"] for h in posted(client, words="going", titles=["tw*"], k=20)["hits"]} == {"two"}
    assert all(h["start_s"] >= 1 for h in posted(client, like=["one#0"], after=1, k=20)["hits"])
    assert posted(client, like=["one#0"], before=0.1)["notes"] == ["No shot of the catalog fits the filters."]
    loose = posted(client, words="going", fold=False, k=20)["hits"]
    assert len(loose) >= len(posted(client, words="going", k=20)["hits"]) and not any(h["duplicates"] for h in loose)


def jpeg(seed: int = 1) -> bytes:
    out = io.BytesIO()
    noise = np.random.default_rng(seed).integers(0, 256, (6, 10, 3), np.uint8)
    Picture.fromarray(noise).resize((160, 96)).save(out, "JPEG")
    return out.getvalue()


def test_pictures_and_sounds_come_as_base64_or_as_files(
    asked: Client, served: Path, films: Path, tmp_path: Path
) -> None:
    client, catalog = asked(), Catalog.open(served)
    picture, sound = catalog.keyframe("one", 1), (films / "two.mp4").read_bytes()
    assert picture is not None
    (tmp_path / "image").write_bytes(picture)
    (tmp_path / "sound").write_bytes(sound)
    queries = [Image(tmp_path / "image"), SoundFile(tmp_path / "sound", 0.5)]
    expected = [hit.as_json() for hit in find(catalog, queries, k=3).hits]
    written = {"image": base64.b64encode(picture).decode(), "sound": base64.b64encode(sound).decode()}
    assert plain(posted(client, **written, weights={"sound": 0.5}, k=3)["hits"]) == expected
    form = {"request": json.dumps({"weights": {"sound": 0.5}, "k": 3})}
    files = {"image": ("a.jpg", picture), "sound": ("../../b.mp4", sound)}
    answer = client.post("/v1/search", data=form, files=files)
    assert answer.status_code == 200 and plain(answer.json()["hits"]) == expected


def test_files_are_not_opened_in_the_service(asked: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither Pillow nor libav see what was sent; the process that does stays for the next."""
    import av

    def opened(*_: Any, **__: Any) -> None:
        raise AssertionError("opened in the service")

    monkeypatch.setattr(Picture, "open", opened)
    monkeypatch.setattr(av, "open", opened)
    client = asked()
    text = base64.b64encode(jpeg()).decode()
    assert (
        posted(client, image=text, k=1)["hits"] == posted(client, image=f"data:image/jpeg;base64,{text}", k=1)["hits"]
    )


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({}, 400, "nothing to search for"),
        ({"words": "x", "k": 100_000}, 400, "more than the 1000"),
        ({"words": "x", "k": 0}, 422, "k:"),
        ({"words": "x" * 3000}, 422, "words"),
        ({"like": ["one#0"] * 9}, 422, "like"),
        ({"like": ["nobody#1"]}, 400, "no title 'nobody'"),
        ({"like": ["one#99"]}, 400, "no shot 99"),
        ({"words": "x", "weights": {"words": 0}}, 400, "no weight"),
        ({"words": "x", "weights": {"dance": 1}}, 422, "weights"),
        ({"words": "x", "where": ["dogs"]}, 400, "no condition"),
        ({"words": "x", "where": ["dogs=1"]}, 400, "No title has a field"),
        ({"words": "x", "titles": ["zz*"]}, 400, "no title"),
        ({"words": "x", "after": 9, "before": 2}, 400, "is empty"),
        ({"words": "x", "after": -1}, 422, "after"),
        ({"words": "x", "features": ["run"]}, 400, "Words are matched with"),
        ({"like": ["one#0"], "features": ["nothing"]}, 400, "no features 'nothing'"),
        ({"image": "!!"}, 400, "The image is not base64"),
        ({"image": base64.b64encode(b"not a picture").decode()}, 422, "The image cannot be read as a picture"),
        ({"image": base64.b64encode(jpeg()[:400]).decode()}, 422, "The image cannot be read as a picture"),
        ({"sound": base64.b64encode(b"not a sound").decode()}, 422, "The sound is no film or sound file"),
        ({"words": "x", "path": "/etc/passwd"}, 422, "path"),
    ],
)
def test_wrong_searches_are_told(asked: Client, body: dict[str, Any], status: int, words: str) -> None:
    answer = asked().post("/v1/search", json=body)
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert words in error["message"] and "/tmp" not in answer.text and "--" not in answer.text


def test_wrong_bodies_are_told(asked: Client) -> None:
    client = asked(max_body_bytes=20_000)
    assert client.post("/v1/search", content=b"x", headers={"content-type": "text/plain"}).status_code == 415
    assert client.post("/v1/search", content=b"{", headers={"content-type": "application/json"}).status_code == 422
    assert client.post("/v1/search", files={"other": b"x"}).status_code == 400
    assert client.post("/v1/search", data={"request": "[]"}, files={"image": jpeg()}).status_code == 422
    assert client.post("/v1/search", files={"image": b""}).status_code == 400
    assert client.post("/v1/search", json={"image": "A" * 30_000}).status_code == 413
    both = {"data": {"request": json.dumps({"image": "AAAA"})}, "files": {"image": jpeg()}}
    assert "came twice" in client.post("/v1/search", **both).json()["error"]["message"]


def test_many_at_once_load_one_encoder(served: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixteen threads that ask at the same moment: one preset, one encoder, the same answer."""
    from mediafm.encoders import presets

    loaded: list[str] = []
    build = presets._build
    monkeypatch.setattr(presets, "_build", lambda *given: (loaded.append(given[0]), build(*given))[1])
    finder, answers = Finder(Library(str(served))), list[Any]()
    start = threading.Barrier(16)

    def ask() -> None:
        start.wait()
        answers.append(finder.find([Words("going")], "shot", 3, [], Options()).hits)

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    finder.close()
    assert loaded == ["text"] and len(answers) == 16
    expected = find(Catalog.open(served), [Words("going")], k=3, encoders=QueryEncoders(Catalog.open(served))).hits
    assert all(hits == expected for hits in answers)


def test_a_re_encoded_catalog_is_searched_by_its_new_encoders(
    served: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mediafm.serve.library._LOOK_EVERY_S", 0.0)
    uri = str(shutil.copytree(served, tmp_path / "catalog"))
    tiny_models.save_sentence(tmp_path / "sentence")
    preset = tmp_path / "other.toml"
    kinds = {"video": 'kind = "offline"', "audio": 'kind = "offline"', "text": 'kind = "sentence"\nmodel = "sentence"'}
    tables = [f"[encoders.{modality}]\n{kind}\n" for modality, kind in kinds.items()]
    preset.write_text('name = "other"\n[detector]\nname = "content"\n' + "".join(tables))

    def ask(finder: Finder) -> Any:
        return finder.find([Words("going")], "shot", 3, [], Options(explain=True)).hits

    with closing(Finder(Library(uri), str(preset))) as finder:
        with pytest.raises(MismatchError, match="would be by another encoder"):
            ask(finder)
        assert reencode(uri, str(preset)).switched
        with closing(Finder(Library(uri), str(preset))) as started_anew:
            assert ask(finder) == ask(started_anew)
    with closing(Finder(Library(uri))) as finder, pytest.raises(UsageError, match="made with a preset file, 'other'"):
        ask(finder)


def test_a_question_is_encoded_for_the_very_catalog_it_is_asked_of(
    served: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the catalog is made anew while it is asked."""
    library = Library(str(served))
    makings = [library.standing(), *(Standing(Catalog.open(served)) for _ in range(3))]
    met: list[tuple[Any, Any]] = []
    monkeypatch.setattr("mediafm.serve.finder.find", lambda catalog, *given: met.append((catalog, given[4])))
    with closing(Finder(library)) as finder:
        monkeypatch.setattr(library, "standing", lambda: makings.pop())
        while makings:
            finder.find([Words("going")], "shot", 3, [], Options())
    assert len(met) == 4 and all(encoders._catalog is catalog.opened for catalog, encoders in met)


def test_what_stands_for_a_moment_is_the_catalogs_and_goes_on_with_it(served: Path, tmp_path: Path) -> None:
    shutil.copytree(served, tmp_path / "catalog")
    catalog = Catalog.open(tmp_path / "catalog")
    first = Standing(catalog, None)
    assert (first.title_ids(), first.titles()) == (catalog.title_ids(), catalog.titles())
    assert first.embedding_sets() == catalog.embedding_sets() and first.missing_embeddings("run") == []
    same = Standing(catalog, first)
    assert same.records is first.records
    catalog.add_embedding_set(EmbeddingSetSpec("later", "a" * 64, "title", 2))
    catalog.remove_title("two")
    after = Standing(catalog, same)
    assert after.title_ids() == ["one"] and len(after.embedding_sets()) == 2
    assert after.missing_embeddings("later") == ["one"]


def test_facets(asked: Client) -> None:
    facets = asked().get("/v1/facets").json()
    assert facets["has"] == {"video": 2, "audio": 2, "text": 2} and facets["sets"] == {"run": "title"}
    assert facets["years"] is None and facets["genres"] == {}
