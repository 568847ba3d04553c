"""Metadata from .nfo files, as Kodi and its kin keep them beside films: XML with a film, an episode or a series.

Forms: https://kodi.wiki/view/NFO_files. Nothing is expanded and nothing fetched: a file that declares a document type
or entities is refused.
"""

import xml.etree.ElementTree as ET
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn
from xml.parsers import expat

from mediafm.errors import MediaError
from mediafm.media.finding import MEDIA_SUFFIXES, RemoteFilm
from mediafm.storage import read_start
from mediafm.types import Metadata

MAX_NFO_BYTES = 1 << 20  # real ones, with a long cast, take 50 KB
_MOST_TEXT, _MOST_LISTED, _MOST_DEPTH = 20_000, 500, 32
_ROOTS = ("movie", "episodedetails", "tvshow", "musicvideo")
_REMEDY = "Write it as Kodi does (<movie><title>...</title></movie>), or move it away."
# Single facts that are kept as they are.
_FACTS = ("originaltitle", "sorttitle", "tagline", "year", "premiered", "aired", "season", "episode", "showtitle")
_MORE_FACTS = ("mpaa", "studio", "country", "director")


def find_nfo(film: Path) -> Path | None:
    """The .nfo that belongs to a film: `film.nfo`, or `movie.nfo` where the film has a folder of its own."""
    named = film.with_name((film.name if film.is_dir() else film.stem) + ".nfo")
    if named.is_file():
        return named
    common = film.parent / "movie.nfo"
    return common if common.is_file() and _alone(film) else None


def metadata_beside(film: Path | RemoteFilm) -> Metadata | None:
    """What the .nfo beside a film says; None where there is none.

    Raises MediaError for one that is none, MediaError or StorageError for one that cannot be read.
    """
    if isinstance(film, RemoteFilm):
        return None if film.nfo is None else parse_nfo(read_start(film.nfo, MAX_NFO_BYTES + 1), film.nfo.address)
    nfo = find_nfo(film)
    return None if nfo is None else read_nfo(nfo)


def read_nfo(path: Path) -> Metadata:
    """`parse_nfo` of a file. Raises MediaError for one that cannot be read."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_NFO_BYTES + 1)
    except OSError as error:
        raise MediaError(f"{path} cannot be read: {error.strerror}.", "Check its permissions.") from error
    return parse_nfo(data, str(path))


def parse_nfo(data: bytes, where: str) -> Metadata:
    """Name, synopsis, tags, genres; everything else that is known (year, season, episode ...) as `extra`.

    where: what to call it in messages. Of a file with several episodes the first counts. Raises MediaError for what is
    no .nfo.
    """
    if len(data) > MAX_NFO_BYTES:
        raise MediaError(f"{where} holds more than {MAX_NFO_BYTES >> 20} MB.", _REMEDY)
    root = _parse(data, where)
    if root.tag not in _ROOTS:
        raise MediaError(f"{where} holds <{root.tag[:40]}>, neither a film nor an episode nor a series.", _REMEDY)
    facts = {name: found for name in (*_FACTS, *_MORE_FACTS) if (found := _first(root, [name]))}
    return Metadata(
        name=_first(root, ["title", "originaltitle"]),
        synopsis=_first(root, ["plot", "outline"]),
        tags=_all(root, "tag"),
        genres=_all(root, "genre"),
        extra={
            name: int(f) if name in ("year", "season", "episode") and f.isdecimal() else f for name, f in facts.items()
        },
    )


class _Tree:
    """Builds the first element of a document and refuses what no .nfo needs."""

    def __init__(self, where: str) -> None:
        self._where, self._builder, self._depth = where, ET.TreeBuilder(), 0
        self.root: ET.Element | None = None

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > _MOST_DEPTH:
            raise MediaError(f"{self._where} nests deeper than any .nfo file.", _REMEDY)
        if self.root is None:
            self._builder.start(tag, {})

    def end(self, tag: str) -> None:
        self._depth -= 1
        if self.root is None:
            element = self._builder.end(tag)
            if self._depth == 0:
                self.root = element

    def data(self, words: str) -> None:
        if self._depth and self.root is None:
            self._builder.data(words)

    def refuse(self, *_: object) -> NoReturn:
        raise MediaError(f"{self._where} declares a document type or entities, which are not read.", _REMEDY)


def _parse(data: bytes, where: str) -> ET.Element:
    tree, parser = _Tree(where), expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = tree.start, tree.end
    parser.CharacterDataHandler = tree.data
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = parser.ExternalEntityRefHandler = tree.refuse
    try:
        parser.Parse(data.lstrip(b"\r\n\t "), True)
    except expat.ExpatError as error:
        # Kodi takes several episodes one behind the other, and a line with an address behind the end.
        if tree.root is None:
            raise MediaError(f"{where} is no XML: {error}.", _REMEDY) from error
    except (ValueError, LookupError) as error:  # an encoding nobody knows
        raise MediaError(f"{where} is no XML: {error}.", _REMEDY) from error
    assert tree.root is not None
    return tree.root


def _first(root: ET.Element, names: Iterable[str]) -> str:
    return next((words for name in names for element in root.iterfind(name) if (words := _words(element))), "")


def _all(root: ET.Element, name: str) -> tuple[str, ...]:
    found = [part.strip() for element in root.iterfind(name) for part in _words(element).split(" / ")]
    return tuple(dict.fromkeys(word for word in found if word))[:_MOST_LISTED]


def _words(element: ET.Element) -> str:
    return " ".join((element.text or "").split())[:_MOST_TEXT]


def _alone(film: Path) -> bool:
    """Whether no other film lies in the folder."""
    return not any(p != film and p.suffix.lower() in MEDIA_SUFFIXES and p.is_file() for p in film.parent.iterdir())
