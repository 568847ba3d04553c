"""Metadata from .nfo files: what is taken, what is refused."""

from pathlib import Path

import pytest

from mediafm.errors import MediaError
from mediafm.media import metadata_beside, read_nfo

MOVIE = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<movie>
    <title>Sintel</title><originaltitle>Sintel (original)</originaltitle>
    <plot>A girl looks   for
    her dragon.</plot><outline>Short.</outline>
    <genre>Fantasy / Adventure</genre><genre>Animation</genre><genre>Fantasy</genre>
    <tag>dragon</tag><tag>open movie</tag>
    <year>2010</year><mpaa>PG</mpaa><director>Colin Levy</director>
    <actor><name>Halina Reijn</name><role>Sintel</role></actor>
</movie>
https://example.com/a-line-that-kodi-takes"""
EPISODES = """<episodedetails><title>One</title><plot>First.</plot><season>2</season><episode>05</episode>
</episodedetails><episodedetails><title>Two</title></episodedetails>"""


def nfo(folder: Path, text: str | bytes, name: str = "film.nfo") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_a_film(tmp_path: Path) -> None:
    found = read_nfo(nfo(tmp_path, MOVIE))
    assert (found.name, found.synopsis) == ("Sintel", "A girl looks for her dragon.")
    assert found.genres == ("Fantasy", "Adventure", "Animation")
    assert found.tags == ("dragon", "open movie")
    assert found.extra == {
        "originaltitle": "Sintel (original)",
        "year": 2010,
        "mpaa": "PG",
        "director": "Colin Levy",
    }


def test_the_first_of_several_episodes(tmp_path: Path) -> None:
    found = read_nfo(nfo(tmp_path, EPISODES))
    assert (found.name, found.synopsis, found.extra) == ("One", "First.", {"season": 2, "episode": 5})


def test_a_series_and_what_stands_in_for_missing_words(tmp_path: Path) -> None:
    found = read_nfo(
        nfo(tmp_path, "<tvshow><title/><originaltitle>Friends</originaltitle><outline>Six.</outline></tvshow>")
    )
    assert (found.name, found.synopsis) == ("Friends", "Six.")


def test_where_it_lies(tmp_path: Path) -> None:
    film = tmp_path / "film.mkv"
    film.touch()
    assert metadata_beside(film) is None
    nfo(tmp_path, "<movie><title>Folder</title></movie>", "movie.nfo")
    found = metadata_beside(film)
    assert found is not None and found.name == "Folder"
    (tmp_path / "other.mkv").touch()  # movie.nfo is about a film with a folder of its own
    assert metadata_beside(film) is None
    nfo(tmp_path, "<movie><title>Named</title></movie>")
    found = metadata_beside(film)
    assert found is not None and found.name == "Named"


BOMB = '<!DOCTYPE movie [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><movie><title>&b;</title></movie>'
FETCH = '<!DOCTYPE movie SYSTEM "http://localhost/x.dtd"><movie><title>x</title></movie>'
FILE = '<!DOCTYPE m [<!ENTITY x SYSTEM "file:///etc/passwd">]><movie><title>&x;</title></movie>'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BOMB, "declares a document type or entities"),
        (FETCH, "declares a document type or entities"),
        (FILE, "declares a document type or entities"),
        ("<movie><title>cut off", "is no XML"),
        ("", "is no XML"),
        ("https://www.imdb.com/title/tt1727587/", "is no XML"),
        (b"\xff\xfe\x00movie", "is no XML"),
        ('<?xml version="1.0" encoding="nobody-knows"?><movie/>', "is no XML"),
        ("<movie><title>&undefined;</title></movie>", "is no XML"),
        ("<html><title>x</title></html>", "holds <html>"),
        ("<movie>" + "<a>" * 100, "nests deeper"),
        ("<movie>" + " " * (1 << 20) + "</movie>", "holds more than 1 MB"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str | bytes, said: str) -> None:
    with pytest.raises(MediaError, match=said):
        read_nfo(nfo(tmp_path, text))
