"""A recording that is still being written, read as if it were whole: at its end the reader waits for more.

libav reads it through `GrowingFile.read`, a plain Python call; none of libav's own protocols takes part, and it cannot
seek. So only forms serve that can be read front to back while they are written: MPEG transport streams, fragmented MP4,
Matroska and WebM, FLV, Ogg, and bare MP3 or AAC. A folder of segments is read as one file, one segment behind the
other.
"""

import os
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mediafm.errors import MediaError
from mediafm.media.segments import Segments

POLL_S = 0.1  # between two looks at what waits
BEAT_S = 1.0  # between two signs of life while nothing comes
FORMS = "MPEG-TS, fragmented MP4, Matroska, WebM, FLV, Ogg, MP3 and AAC"
_FORMATS = {"mpegts", "matroska", "mov", "flv", "ogg", "mp3", "aac", "ac3", "eac3", "mpeg"}
_REMEDY = f"Record in a form that can be read while it is written ({FORMS}), or ingest the film when it is whole."
_HEAD = 16  # bytes of an atom's header at most


@dataclass(frozen=True, slots=True)
class Following:
    """How an event comes to its end.

    idle_s: seconds without a new byte after which it is over. Earlier: a file FILE.done beside it (`.done` in a
    folder), or `#EXT-X-ENDLIST` in the folder's playlist.
    """

    idle_s: float


class GrowingFile:
    """The bytes of a file or a folder of segments, in order; `read` waits for more until the event is over.

    `ended`: "" before, then why it is over: "idle", "done" or "endlist". `size`: bytes read so far. waiting: called
    about once a second while nothing comes.
    """

    def __init__(self, path: Path, following: Following, waiting: Callable[[], None] = lambda: None) -> None:
        self.path, self.ended, self.size = path, "", 0
        self._following, self._waiting = following, waiting
        self._segments = Segments(path) if path.is_dir() else None
        self._done = path / ".done" if path.is_dir() else path.with_name(path.name + ".done")
        self._file = None if self._segments else path.open("rb")
        self._held = b""  # read ahead, to see what it is
        self._stale = self._is_stale()
        self._last_growth, self._last_beat = time.monotonic(), time.monotonic()

    def read(self, n: int) -> bytes:
        """Up to n bytes, at least one; none once the event is over. OSError where what was read is gone."""
        if self._held:
            data, self._held = self._held[:n], self._held[n:]
        else:
            data = self._next(n)
        self.size += len(data)
        return data

    def close(self) -> None:
        """Let go of the file."""
        for held in (self._file, self._segments):
            if held is not None:
                held.close()

    def check(self) -> None:
        """Wait for the beginning; MediaError where it shows a form that cannot be read while it is written."""
        head = self._ahead(12)
        if not head:
            raise MediaError(f"{self.path} holds nothing, and nothing came.", "Start the recording first.")
        if head[:4] in (b"RIFF", b"RF64", b"FORM"):
            raise MediaError(f"{self.path} is a form whose header says how long it is.", _REMEDY)
        if head[4:8] in (b"ftyp", b"styp", b"moov", b"mdat", b"free", b"wide", b"skip"):
            self._check_atoms()

    def check_format(self, name: str) -> None:
        """MediaError where libav took it for a form that cannot be followed."""
        if not _FORMATS & set(name.split(",")):
            raise MediaError(f"{self.path} is of the form {name}, which cannot be followed.", _REMEDY)

    def _check_atoms(self) -> None:
        """An MP4 whose data come before its index cannot be read before the index is written, at its very end."""
        at = 0
        while len(head := self._ahead(at + _HEAD)[at:]) >= 8:
            length, kind = struct.unpack_from(">I4s", head)
            if length == 1 and len(head) >= _HEAD:
                (length,) = struct.unpack_from(">Q", head, 8)
            if kind in (b"moov", b"moof"):
                return
            if kind == b"mdat" or length < 8 or length > 1 << 24:
                break
            at += length
        raise MediaError(
            f"{self.path} is an ordinary MP4: its index comes at its end, so it cannot be read while it is written.",
            "Record fragmented MP4 (movflags frag_keyframe+empty_moov), MPEG-TS or Matroska; or ingest it when it is "
            "whole, without --live.",
        )

    def _ahead(self, n: int) -> bytes:
        """The first n bytes, waiting for them; fewer where the event ends before. Only before anything is read."""
        while len(self._held) < n and (more := self._next(n - len(self._held))):
            self._held += more
        return self._held

    def _next(self, n: int) -> bytes:
        while True:
            over = self.ended or self._marked()  # before the look: what is written before the mark counts
            data = self._look(n)
            if data:
                self._last_growth = time.monotonic()
                return data
            if over or (over := self._idle()):
                self.ended = over
                return b""
            if time.monotonic() - self._last_beat > BEAT_S:
                self._last_beat = time.monotonic()
                self._waiting()
            time.sleep(POLL_S)

    def _look(self, n: int) -> bytes:
        if self._segments is not None:
            return self._segments.read(n)
        assert self._file is not None
        data = self._file.read(n)
        if not data and os.fstat(self._file.fileno()).st_size < self._file.tell():
            raise OSError(0, "it became shorter while it was followed")
        return data

    def _marked(self) -> str:
        if self._done.exists():
            return "done"
        return "endlist" if self._segments is not None and self._segments.complete else ""

    def _idle(self) -> str:
        """Our own clock alone counts, whatever clock the file's time is of, unless it was over when we came."""
        return "idle" if self._stale or time.monotonic() - self._last_growth >= self._following.idle_s else ""

    def _is_stale(self) -> bool:
        """Whether there is something that had not grown for so long before we came: then nobody waits for more."""
        if self._segments is not None:
            newest = self._segments.newest
        else:
            about = self.path.stat()
            newest = about.st_mtime if about.st_size else 0.0
        return newest > 0 and time.time() - newest >= self._following.idle_s
