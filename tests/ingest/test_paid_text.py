"""Ingest with text that is paid for: the key, the cap, what is sent once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hosted_server import SECRET, vector_of
from ingest_films import make_film
from mediafm.catalog import Catalog
from mediafm.encoders.vectors import unit_rows
from mediafm.errors import UsageError
from mediafm.ingest import ingest, reencode
from mediafm.media import write_subtitles
from mediafm.types import Cue
from openai_server import OpenAIServer, openai_server, write_preset


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[OpenAIServer]:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    monkeypatch.setenv("MEDIAFM_CACHE", str(tmp_path / "cache"))
    with openai_server() as running:
        yield running


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """Two films of 4.17 s with other words in every second."""
    folder = tmp_path / "films"
    folder.mkdir()
    for seed, name in enumerate(("a", "b")):
        film = make_film(folder / f"{name}.mp4", seed=seed, sound=False, cues=False)
        cues = [Cue(1000 * s + 100, 1000 * s + 900, f"second {s} of film {name}") for s in range(4)]
        write_subtitles(film.with_suffix(".en.srt"), cues)
    return folder


class Notes:
    """Keeps what people are told."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def start(self, *_: Any, **__: Any) -> None: ...
    def advance(self, *_: Any, **__: Any) -> None: ...
    def note(self, text: str) -> None:
        self.said.append(text)

    def end(self, **_: Any) -> None: ...


def test_words_are_sent_once_in_large_batches_and_the_key_is_kept_nowhere(
    server: OpenAIServer, films: Path, tmp_path: Path
) -> None:
    preset, notes = write_preset(tmp_path / "api.toml", server.url), Notes()
    summary = ingest([films], str(tmp_path / "catalog"), str(preset), workers=1, progress=notes)
    assert (summary.titles_ok, summary.failures) == (2, [])
    features = Catalog.open(tmp_path / "catalog").features("a")
    wanted = unit_rows(np.array([vector_of(f"second {s} of film a".encode(), 16) for s in range(4)]))
    np.testing.assert_allclose(features.vectors["text"][:4].astype(np.float32), wanted, atol=1e-3)
    assert set(server.asked.values()) == {1} and len(server.received) <= 2
    assert "Words are sent to 127.0.0.1" in notes.said[0] and "no cap" in notes.said[0]
    assert any("8 texts sent" in said for said in notes.said)
    stored = b"".join(p.read_bytes() for p in tmp_path.rglob("*") if p.is_file())
    assert SECRET.encode() not in stored
    ingest([films], str(tmp_path / "second"), str(preset))
    assert set(server.asked.values()) == {1}


def test_a_cap_fails_titles_with_a_remedy_and_a_higher_one_goes_on(
    server: OpenAIServer, films: Path, tmp_path: Path
) -> None:
    preset = write_preset(tmp_path / "api.toml", server.url)
    one_film = 0.13e-6 * 4 * len("second 0 of film a")
    (films / "b.mp4").rename(tmp_path / "b.mp4")
    (films / "b.en.srt").rename(tmp_path / "b.en.srt")
    arguments = (str(tmp_path / "catalog"), str(preset))
    assert ingest([films], *arguments, max_cost=one_film).titles_ok == 1
    summary = ingest([films, tmp_path / "b.mp4"], *arguments, max_cost=one_film / 2)
    ((title, reason),) = summary.failures
    assert title == "b" and "The cap of $" in reason and "higher --max-cost" in reason
    assert [f.title_id for f in Catalog.open(tmp_path / "catalog").failures()] == ["b"]
    assert ingest([films, tmp_path / "b.mp4"], *arguments, max_cost=1.0).titles_ok == 1
    assert set(server.asked.values()) == {1}


def test_a_missing_key_stops_before_much_is_read_and_is_not_asked_for_where_nothing_is_to_do(
    server: OpenAIServer, films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    preset = write_preset(tmp_path / "api.toml", server.url)
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(UsageError, match="OPENAI_API_KEY"):
        ingest([films], str(tmp_path / "catalog"), str(preset))
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    ingest([films], str(tmp_path / "catalog"), str(preset))
    monkeypatch.delenv("OPENAI_API_KEY")
    assert ingest([films], str(tmp_path / "catalog"), str(preset)).titles_skipped == 2


def test_a_cap_where_nothing_costs_anything_is_wrong_use(films: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Nothing of preset 'offline' is paid for"):
        ingest([films], str(tmp_path / "catalog"), max_cost=1.0)


def test_reencode_says_what_it_will_cost_and_keeps_to_the_cap(
    server: OpenAIServer, films: Path, tmp_path: Path
) -> None:
    free = tmp_path / "free.toml"
    free.write_text('name="free"\n[detector]\nname="fixed"\noptions={seconds=1.0}\n[encoders.text]\nkind="minilm"\n')
    catalog, notes = str(tmp_path / "catalog"), Notes()
    ingest([films], catalog, str(free))
    preset = str(write_preset(tmp_path / "api.toml", server.url))
    capped = reencode(catalog, preset, max_cost=1e-6, progress=notes)
    assert any("8 of 8 texts are to be paid for: about 36 tokens, about $0.000005" in said for said in notes.said)
    assert not capped.switched and capped.titles_left == 2
    assert all("The cap of $1e-06" in reason for reason in capped.failures.values())
    assert Catalog.open(catalog).spec.preset == "free"
    done = reencode(catalog, preset, max_cost=1.0)
    assert done.switched and Catalog.open(catalog).spec.dims == {"text": 16}
    assert set(server.asked.values()) == {1}
