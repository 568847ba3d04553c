"""An ingest that names no preset goes on with the catalog's."""

from pathlib import Path

import pytest

from ingest_films import make_film
from mediafm.catalog import Catalog, CatalogSpec, EncoderSpec
from mediafm.errors import MismatchError, UsageError
from mediafm.ingest import as_made, ingest


def test_a_new_catalog_is_offlines(tmp_path: Path) -> None:
    assert as_made(str(tmp_path / "none"), "", "") == ("offline", "")
    assert as_made(str(tmp_path / "none"), "open", "fixed") == ("open", "fixed")
    assert not (tmp_path / "none").exists()


def test_a_second_ingest_goes_on_with_the_catalogs_detector(tmp_path: Path) -> None:
    first, second, uri = tmp_path / "first.mp4", tmp_path / "second.mp4", str(tmp_path / "catalog")
    make_film(first, seed=1)
    make_film(second, seed=2)
    assert ingest([first], uri, detector="content").titles_ok == 1
    assert as_made(uri, "", "") == ("offline", "content")
    assert ingest([second], uri).titles_ok == 1
    assert Catalog.open(uri).title_ids() == ["first", "second"]
    with pytest.raises(MismatchError, match="detector"):
        ingest([second], uri, detector="fixed")


def test_what_nothing_is_said_of_stays(tmp_path: Path) -> None:
    """A second ingest without the metadata and language of the first changes nothing, so embeddings stay as well."""
    film, uri, told = tmp_path / "film.mp4", str(tmp_path / "catalog"), tmp_path / "told.jsonl"
    make_film(film, seed=1)
    told.write_text('{"title": "film", "name": "The Film", "genres": ["Drama"], "year": 1999, "cast": ["A", "B"]}\n')
    assert ingest([film], uri, detector="content", metadata=told, language="de").titles_ok == 1
    before = Catalog.open(uri).title_record("film")
    assert (before.metadata.name, before.language) == ("The Film", "de")
    assert ingest([film], uri).titles_skipped == 1
    told.write_text('{"title": "another", "name": "Another"}\n')
    assert ingest([film], uri, metadata=told).titles_skipped == 1
    assert Catalog.open(uri).title_record("film") == before
    told.write_text('{"title": "film", "name": "Now"}\n')
    assert ingest([film], uri, metadata=told).titles_ok == 1
    now = Catalog.open(uri).title_record("film")
    assert (now.metadata.name, now.metadata.genres, now.language) == ("Now", (), "de")


def test_a_preset_file_of_the_catalogs_is_never_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.toml").write_text("not even TOML")
    encoders = {"text": EncoderSpec("mine", 5, "mine:1", "MIT")}
    Catalog.create("catalog", CatalogSpec("mine.toml", "fixed:1", encoders))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"made with a preset file, 'mine\.toml'.*--preset FILE"):
        as_made("catalog", "", "")
    assert as_made("catalog", "offline", "") == ("offline", "")
