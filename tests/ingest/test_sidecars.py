"""What lies beside a film or inside it, from end to end: .nfo files, languages, chapters; podcasts and silent films."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from ingest_films import make_film
from media.test_chapters import CHAPTERS, id3, write_sound
from mediafm.catalog import Catalog
from mediafm.cli.app import app
from mediafm.ingest import ingest
from mediafm.media import write_film, write_subtitles
from mediafm.types import Cue


def run(*arguments: str | Path) -> dict[str, object]:
    result = CliRunner().invoke(app, [*map(str, arguments), "--json"], catch_exceptions=False)
    return json.loads(result.stdout)


def test_an_nfo_fills_what_the_metadata_file_leaves_open(tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mp4")
    film.with_suffix(".nfo").write_text(
        "<movie><title>Of the nfo</title><plot>Noise drifts.</plot><genre>Noise</genre><year>2020</year></movie>"
    )
    metadata = tmp_path / "titles.csv"
    metadata.write_text("title,name,tags,year\nfilm,Given,one;two,1999\n")
    catalog = tmp_path / "catalog"
    ingest([film], str(catalog), detector="fixed", metadata=metadata)
    found = Catalog.open(str(catalog)).title_record("film").metadata
    assert (found.name, found.synopsis, found.tags, found.genres) == (
        "Given",
        "Noise drifts.",
        ("one", "two"),
        ("Noise",),
    )
    assert found.extra == {"year": "1999"}
    assert Catalog.open(str(catalog)).global_vector("film") is not None
    # Another .nfo makes another title of it.
    assert ingest([film], str(catalog), detector="fixed", metadata=metadata).titles_skipped == 1
    film.with_suffix(".nfo").write_text("<movie><plot>It stands still.</plot></movie>")
    assert ingest([film], str(catalog), detector="fixed", metadata=metadata).titles_ok == 1


def test_a_film_with_a_bad_nfo_is_stored_and_the_summary_says_so(tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mp4")
    film.with_suffix(".nfo").write_text("<!DOCTYPE x><movie/>")
    document = run("ingest", film, "--catalog", tmp_path / "catalog", "--detector", "fixed")
    assert (document["titles_ok"], document["titles_failed"]) == (1, 0)
    ((note),) = document["notes"]  # type: ignore[misc]
    assert note["title"] == "film" and "document type" in note["note"]


def test_what_was_chosen_and_the_chapters_can_be_seen_and_exported(tmp_path: Path) -> None:
    film = write_sound(tmp_path / "talk.mkv", "flac", CHAPTERS)
    for language in ("de", "en"):
        write_subtitles(film.with_suffix(f".{language}.srt"), [Cue(200, 900, f"Words in {language}.")])
    catalog, exported = tmp_path / "catalog", tmp_path / "chapters.vtt"
    run("ingest", film, "--catalog", catalog, "--language", "fr", "--subtitle-language", "ja,deu")
    document = run("shots", "talk", "--catalog", catalog, "--chapters", exported)
    assert document["shots"][0]["text"] == "Words in de."  # type: ignore[index]
    tracks = document["tracks"]
    assert tracks["text"] == {  # type: ignore[index]
        "file": "talk.de.srt", "forced": False, "language": "de", "commentary": False, "described": False,
    }  # fmt: skip
    assert tracks["audio"]["codec"] == "flac"  # type: ignore[index]
    num, den = document["time_base"]  # type: ignore[misc]
    for chapter, (title, start, end) in zip(document["chapters"], CHAPTERS, strict=True):  # type: ignore[call-overload]
        assert (chapter["title"], chapter["start_s"], chapter["end_s"]) == (title, start / 1000, end / 1000)
        assert chapter["start_pts"] * num * 1000 == start * den  # Matroska's tick is a millisecond
    lines = exported.read_text("utf-8")
    assert lines.startswith("WEBVTT") and "00:00:01.250 --> 00:00:02.001" in lines and "The long middle" in lines
    assert run("info", "--catalog", catalog)["languages"] == {"audio": {"": 1}, "text": {"de": 1}}


def test_a_language_that_is_none_is_wrong_use(tmp_path: Path) -> None:
    from mediafm.errors import UsageError

    with pytest.raises(UsageError, match="'e' names no language"):
        ingest([make_film(tmp_path / "film.mp4")], str(tmp_path / "catalog"), language="de,e")


def test_a_podcast_with_chapters_and_without_words(tmp_path: Path) -> None:
    """Spans of ten seconds, sound alone; the chapters are kept beside them."""
    plain = write_sound(tmp_path / "plain.mp3", "libmp3lame")
    podcast = tmp_path / "podcast.mp3"
    podcast.write_bytes(
        id3(CHAPTERS) + plain.read_bytes().partition(b"\xff\xfb")[1] + plain.read_bytes().partition(b"\xff\xfb")[2]
    )
    summary = ingest([podcast], str(tmp_path / "catalog"))
    assert summary.failures == []
    catalog = Catalog.open(str(tmp_path / "catalog"))
    record, features = catalog.title_record("podcast"), catalog.features("podcast")
    assert [c["title"] for c in record.chapters] == [title for title, *_ in CHAPTERS]
    assert (record.has_video, record.has_audio, record.has_text, record.n_shots) == (False, True, False, 1)
    assert features.present["audio"].all() and not features.present["video"].any()
    assert catalog.keyframe("podcast", 0) is None and catalog.verify() == []


def test_silent_film_and_podcast_are_embedded_like_any_title(tmp_path: Path) -> None:
    """One checkpoint, three kinds of titles, each context: finite vectors for every shot."""
    from mediafm.config import load_recipe
    from mediafm.embed import embed
    from mediafm.train import pretrain

    rng = np.random.default_rng(1)
    folder = tmp_path / "films"
    folder.mkdir()
    make_film(folder / "sound.mp4", 1)
    make_film(folder / "silent.mp4", 2, sound=False, cues=False)
    for k in range(3):
        shutil.copy(make_film(tmp_path / f"m{k}.mp4", 3 + k), folder)
    write_film(
        folder / "podcast.flac", 25, (16, 16), None, rng.uniform(-0.1, 0.1, 360 * 16_000).astype(np.float32), 16_000
    )
    write_subtitles(folder / "podcast.srt", [Cue(500, 2_000, "Welcome back."), Cue(12_000, 15_000, "Bye.")])
    ingest([folder], str(tmp_path / "catalog"), detector="content")
    catalog = Catalog.open(str(tmp_path / "catalog"))
    settings = ["model.hidden=16", "model.layers=1", "model.heads=2", "schedule.epochs=1"]
    pretrain(catalog, tmp_path / "run", load_recipe("tiny", settings))
    for context in ("title", "past", "none"):
        result = embed(catalog, tmp_path / "run", context=context)
        assert result.titles == 6
        for title in ("silent", "podcast"):
            vectors = catalog.embeddings(result.embedding_set, title)
            assert len(vectors) == catalog.title_record(title).n_shots
            assert np.isfinite(vectors).all() and vectors.any(axis=1).all()
