"""A folder into which an event is put segment by segment, as one stream of bytes.

Their order is that of the HLS playlist in the folder, where there is one, else that of the numbers in their names. The
playlist is read here for names, order and the end alone; libav never sees it.
"""

import re
from pathlib import Path
from typing import BinaryIO

from mediafm.errors import MediaError

SUFFIXES = (".ts", ".m2ts", ".mts", ".m4s", ".mp4", ".aac", ".mp3")
_MOST_PLAYLIST = 16 << 20  # bytes; ten hours of two-second segments take 1 MB
_MAP = re.compile(r'URI="([^"]*)"')
_DIGITS = re.compile(r"(\d+)")


class Segments:
    """Reads a folder's segments one behind the other; a segment ends when there is a next one or the event is over.

    A segment that is not in a playlist may still be growing. MediaError for a folder that is no sequence of segments.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._names: list[str] = []  # in order; also those that a playlist has dropped since
        self._at = 0  # the one being read
        self._file: BinaryIO | None = None
        self.complete = False  # the playlist says that no more will come
        self._stamp: tuple[int, int] | None = None  # of the playlist as it was last read
        self._look()

    @property
    def newest(self) -> float:
        """When anything last changed: seconds since 1970; 0 for an empty folder."""
        return max([0.0, *(p.stat().st_mtime for n in self._names[-2:] if (p := self._folder / n).exists())])

    @property
    def names(self) -> tuple[str, ...]:
        """All segments so far, in order."""
        return tuple(self._names)

    def read(self, n: int) -> bytes:
        """Up to n bytes of what is there; none where nothing is at the moment."""
        while True:
            if self._file is None:
                if self._at >= len(self._names):
                    self._look()
                if self._at >= len(self._names):
                    return b""
                self._file = self._open(self._names[self._at])
            if data := self._file.read(n):
                return data
            self._look()
            if self._at + 1 >= len(self._names):
                return b""
            if data := self._file.read(n):  # written between the two looks
                return data
            self._file.close()
            self._file, self._at = None, self._at + 1

    def close(self) -> None:
        """Let go of the segment being read."""
        if self._file is not None:
            self._file.close()

    def _open(self, name: str) -> BinaryIO:
        try:
            return (self._folder / name).open("rb")
        except OSError as error:
            raise OSError(error.errno, f"its segment {name} is gone or cannot be read") from error

    def _look(self) -> None:
        """See what has come."""
        playlists = sorted(self._folder.glob("*.m3u8"))
        if len(playlists) > 1:
            raise MediaError(
                f"{self._folder} holds {len(playlists)} playlists.", "Follow a folder with the one of one rendition."
            )
        if playlists:
            self._read_playlist(playlists[0])
        else:
            self._list_folder()

    def _read_playlist(self, playlist: Path) -> None:
        about = playlist.stat()
        stamp = (about.st_mtime_ns, about.st_size)
        if stamp == self._stamp:
            return
        if about.st_size > _MOST_PLAYLIST:
            raise MediaError(f"{playlist} holds {about.st_size >> 20} MB, more than a playlist.", "Check what it is.")
        self._stamp = stamp
        names, complete = parse_playlist(playlist.read_text("utf-8", "replace"), playlist)
        known = set(self._names)
        self._names += [name for name in names if name not in known]
        self.complete = complete

    def _list_folder(self) -> None:
        found = [p.name for p in self._folder.iterdir() if p.suffix.lower() in SUFFIXES and not p.name.startswith(".")]
        kinds = {Path(name).suffix.lower() for name in found} - ({".mp4"} if _is_fragments(found) else set())
        if len(kinds) > 1:
            raise MediaError(
                f"{self._folder} holds segments of different kinds: {', '.join(sorted(kinds))}.",
                "Keep one kind in it, or a playlist that names those to read.",
            )
        ordered = sorted(found, key=_order)
        late = [name for name in ordered[: len(self._names)] if name not in self._names]
        if late:
            raise MediaError(
                f"{self._folder}: segment {late[0]} came after later ones.",
                "Number segments in the order in which they are written, or keep a playlist beside them.",
            )
        self._names += [name for name in ordered if name not in set(self._names)]


def parse_playlist(text: str, path: Path) -> tuple[list[str], bool]:
    """(names of the segments in order, an initialization section first; whether the list is at its end).

    MediaError for anything but a plain list of files in the playlist's own folder (RFC 8216).
    """
    names: list[str] = []
    complete = False
    for line in (line.strip() for line in text.splitlines()):
        wrong = ""
        if line.startswith("#EXT-X-ENDLIST"):
            complete = True
        elif line.startswith(("#EXT-X-STREAM-INF", "#EXT-X-MEDIA:")):
            wrong = "lists renditions, not segments"
        elif line.startswith("#EXT-X-KEY") and "METHOD=NONE" not in line:
            wrong = "lists encrypted segments"
        elif line.startswith("#EXT-X-BYTERANGE") or (line.startswith("#EXT-X-MAP") and "BYTERANGE" in line):
            wrong = "lists parts of files"
        elif line.startswith("#EXT-X-MAP"):
            found = _MAP.search(line)
            names.append(found[1] if found else "")
        elif line and not line.startswith("#"):
            names.append(line)
        if names and (not names[-1] or names[-1] != Path(names[-1]).name or ":" in names[-1]):
            wrong = f"names {names[-1][:100]!r}, which is no file in its folder"
        if wrong:
            raise MediaError(
                f"{path} {wrong}.", "Follow a folder of plain segments with the playlist of one rendition."
            )
    return list(dict.fromkeys(names)), complete


def _is_fragments(names: list[str]) -> bool:
    return any(name.lower().endswith(".m4s") for name in names)


def _order(name: str) -> tuple[bool, list[tuple[int, int | str]]]:
    """Numbers as numbers, so that segment 10 comes after segment 9; an initialization section first of all."""
    parts = [(0, int(part)) if part.isdigit() else (1, part) for part in _DIGITS.split(name.lower())]
    return not name.lower().startswith("init"), parts
