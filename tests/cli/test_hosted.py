"""`mediafm hosted` as a user calls it, from a film to a clip set."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hosted_server import ENVIRONMENT, SECRET, HostedServer, Reply, hosted_server
from ingest_films import make_film


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HostedServer]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MEDIAFM_CACHE", str(tmp_path / "cache"))
    with hosted_server() as running:
        yield running


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real film of 4.17 s, ingested."""
    from mediafm.ingest import ingest

    folder = tmp_path_factory.mktemp("catalog")
    ingest([make_film(folder / "film.mp4")], str(folder / "catalog"))
    return folder / "catalog"


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    (tmp_path / "labels.csv").write_text("title,start,end,indoors\nfilm,0,1.25,1\nfilm,1.25,2.9583,0\nfilm,3,3.5,1\n")
    return tmp_path / "labels.csv"


def test_from_films_to_a_clip_set(run: Any, server: HostedServer, catalog: Path, clips: Path) -> None:
    into = ["--catalog", catalog, "--clip-set", "nova"]
    there = ["--base-url", server.url]
    plan = run("hosted", "nova", clips, *into, *there, "--dry-run", "--json")
    assert (plan.status, plan.json["to_embed"], plan.json["usd"]) == (0, 3, pytest.approx(5 * 0.00084))
    assert server.received == []
    done = run("hosted", "nova", clips, *into, *there, "--max-usd", 0.01, "--json")
    assert done.status == 0
    keys = "service model clip_set clips embedded from_cache already_there not_evaluated failed left spent_usd"
    assert {*keys.split(), "unconfirmed_usd", "max_usd", "seconds"} <= set(done.json)
    assert (done.json["embedded"], done.json["spent_usd"]) == (3, pytest.approx(5 * 0.00084))
    info = run("info", "--catalog", catalog, "--json").json
    assert info["clip_sets"]["nova"]["clips"] == 3
    assert run("verify", "--catalog", catalog).status == 0
    again = run("hosted", "nova", clips, *into, *there, "--max-usd", 0.01)
    assert "0 of 3 clips embedded" in again.out and "3 already there" in again.out
    assert len(server.embedded) == 3
    assert SECRET not in done.out + done.err + again.out + again.err


def test_people_are_told_what_became_of_their_rows(run: Any, server: HostedServer, catalog: Path, clips: Path) -> None:
    there = ["--catalog", catalog, "--base-url", server.url]
    plan = run("hosted", "vertex", clips, *there, "--dry-run")
    assert (
        "2 of 3 clips to embed by multimodalembedding@001, 3 s of video: $0.0020 at $0.0300 a minute (2026-09, "
        in plan.out
    )
    assert "not evaluated: row 3 (film 3-3.5 s): 0.5 s is shorter" in plan.out
    server.replies = [Reply(400, {"error": {"message": "unsupported"}})]
    done = run("hosted", "vertex", clips, *there, "--clip-set", "vertex", "--max-usd", 1, "--workers", 1)
    assert done.status == 0
    assert "1 of 3 clips embedded" in done.out and "$0.0010 spent of $1.00" in done.out
    assert "row 1 (film 0-1.25 s): Google Vertex AI does not take it (HTTP 400: unsupported)" in done.out
    short = run("hosted", "nova", clips, *there, "--clip-set", "capped", "--max-usd", 0.003, "--workers", 1)
    assert short.status == 1
    assert "2 clips left: the cap is met" in short.out
    dear = ["--clip-set", "dear", "--max-usd", 1, "--usd-per-minute", 60]
    plan = run("hosted", "nova", clips, *there, *dear, "--dry-run").out
    assert "2 s of video: $3.00 at $60.00 a minute (as given)" in plan and "1 from cache" in plan
    assert run("hosted", "nova", clips, *there, *dear).status == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["clipper", "{clips}"], "There are nova, twelvelabs, vertex"),
        (["nova", "{clips}", "--clip-set", "nova"], "--max-usd is missing"),
        (["nova", "{clips}", "--max-usd", "1"], "--clip-set is missing"),
        (["nova", "{clips}", "--clip-set", "concat", "--max-usd", "1"], "called 'concat'"),
        (["nova", "{clips}", "--clip-set", "x", "--max-usd", "1", "--base-url", "http://example.com"], "clear text"),
        (["nova", "{clips}", "--dry-run", "--model", "large"], "'large'"),
    ],
)
def test_wrong_use_gets_a_message(
    run: Any, server: HostedServer, catalog: Path, clips: Path, arguments: list[str], words: str
) -> None:
    result = run("hosted", *(a.format(clips=clips) for a in arguments), "--catalog", catalog)
    assert (result.status, result.out) == (2, "")
    assert words in result.err
    assert server.received == []


def test_a_missing_key_is_named(run: Any, catalog: Path, clips: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TWELVE_LABS_API_KEY", raising=False)
    result = run("hosted", "twelvelabs", clips, "--catalog", catalog, "--clip-set", "x", "--max-usd", 1)
    assert result.status == 2
    assert "TWELVE_LABS_API_KEY" in result.err and "playground.twelvelabs.io" in result.err
