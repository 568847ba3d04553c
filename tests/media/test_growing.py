"""Files that grow and folders of segments, as bytes: what waits, what ends, what is refused."""

import os
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from mediafm.errors import MediaError
from mediafm.media import Following, GrowingFile, Segments
from mediafm.media.segments import parse_playlist


def read_all(source: GrowingFile) -> bytes:
    found = b""
    while data := source.read(7):
        found += data
    source.close()
    return found


def test_a_read_waits_for_more_until_nothing_comes(tmp_path: Path) -> None:
    path, beats = tmp_path / "event.ts", []
    path.write_bytes(b"begin ")

    def grow() -> None:
        for k in range(5):
            time.sleep(0.3)
            with path.open("ab") as file:
                file.write(b"%d " % k)

    threading.Thread(target=grow).start()
    began = time.monotonic()
    source = GrowingFile(path, Following(1.4), lambda: beats.append(1))
    assert read_all(source) == b"begin 0 1 2 3 4 "
    assert source.ended == "idle" and source.size == 16
    assert 2.5 < time.monotonic() - began < 10 and beats


def test_what_has_not_grown_for_long_is_over_at_once(tmp_path: Path) -> None:
    path = tmp_path / "event.ts"
    path.write_bytes(b"all of it")
    os.utime(path, (time.time() - 100, time.time() - 100))
    began = time.monotonic()
    assert read_all(GrowingFile(path, Following(60))) == b"all of it"
    assert time.monotonic() - began < 2


def test_a_recording_that_has_not_begun_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "event.ts"
    path.touch()
    os.utime(path, (time.time() - 100, time.time() - 100))
    source = GrowingFile(path, Following(2))
    threading.Timer(0.5, lambda: path.write_bytes(b"it begins")).start()
    assert read_all(source) == b"it begins" and source.ended == "idle"


def test_a_done_file_ends_it_after_the_last_byte(tmp_path: Path) -> None:
    path = tmp_path / "event.ts"
    path.write_bytes(b"x" * 100)
    source = GrowingFile(path, Following(600))
    assert source.read(50) == b"x" * 50
    (tmp_path / "event.ts.done").touch()
    assert read_all(source) == b"x" * 50 and source.ended == "done"


def test_a_file_that_shrinks_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "event.ts"
    path.write_bytes(b"x" * 100)
    source = GrowingFile(path, Following(600))
    source.read(100)
    path.write_bytes(b"x")
    with closing(source), pytest.raises(OSError, match="became shorter"):
        source.read(1)


def atom(kind: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (atom(b"ftyp", b"isom") + atom(b"mdat", b"x" * 50), "an ordinary MP4"),
        (atom(b"ftyp", b"isom") + atom(b"free") + b"\0\0\0\1mdat" + b"x" * 50, "an ordinary MP4"),
        (atom(b"ftyp", b"isom"), "an ordinary MP4"),
        (b"RIFF" + b"\0" * 50, "header says how long"),
        (b"", "holds nothing"),
    ],
)
def test_forms_that_cannot_be_followed(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "event.mp4"
    path.write_bytes(data)
    with closing(GrowingFile(path, Following(0.3))) as source, pytest.raises(MediaError, match=said):
        source.check()


@pytest.mark.parametrize(
    "data",
    [
        atom(b"ftyp", b"isom") + atom(b"moov", b"x" * 90) + atom(b"mdat"),
        atom(b"styp", b"msdh") + atom(b"sidx", b"x" * 40) + atom(b"moof"),
        b"G" + b"\0" * 187 + b"G" + b"\0" * 187,
    ],
)
def test_looking_at_the_beginning_loses_nothing(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "event.bin"
    path.write_bytes(data)
    source = GrowingFile(path, Following(0.3))
    source.check()
    assert read_all(source) == data


def fill(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).write_bytes(name.encode())


def drained(segments: Segments) -> str:
    found = b""
    while data := segments.read(5):
        found += data
    return found.decode()


@pytest.fixture
def opened() -> Iterator[Callable[[Path], Segments]]:
    """Opens folders, and closes them after the test."""
    with ExitStack() as stack:
        yield lambda folder: stack.enter_context(closing(Segments(folder)))


Opened = Callable[[Path], Segments]


def test_segments_by_number(tmp_path: Path, opened: Opened) -> None:
    fill(tmp_path, "seg-2.ts", "seg-10.ts", "seg-1.ts", "notes.txt")
    segments = opened(tmp_path)
    assert drained(segments) == "seg-1.tsseg-2.tsseg-10.ts"
    with (tmp_path / "seg-10.ts").open("ab") as file:
        file.write(b"+")
    assert drained(segments) == "+"
    fill(tmp_path, "seg-11.ts")
    assert drained(segments) == "seg-11.ts"
    fill(tmp_path, "seg-3.ts")
    with pytest.raises(MediaError, match=r"seg-3\.ts came after later ones"):
        drained(segments)


def test_fragments_with_their_beginning(tmp_path: Path, opened: Opened) -> None:
    fill(tmp_path, "chunk-1.m4s", "chunk-2.m4s", "init.mp4")
    assert drained(opened(tmp_path)) == "init.mp4chunk-1.m4schunk-2.m4s"


def test_kinds_do_not_mix(tmp_path: Path) -> None:
    fill(tmp_path, "a-1.ts", "a-2.aac")
    with pytest.raises(MediaError, match=r"different kinds: \.aac, \.ts"):
        Segments(tmp_path)


def test_a_playlist_that_slides_on_loses_nothing(tmp_path: Path, opened: Opened) -> None:
    fill(tmp_path, "c.ts", "a.ts", "b.ts", "d.ts")
    playlist = tmp_path / "live.m3u8"
    playlist.write_text("#EXTM3U\n#EXTINF:2,\nc.ts\n#EXTINF:2,\na.ts\n")
    segments = opened(tmp_path)
    assert drained(segments) == "c.tsa.ts" and not segments.complete
    playlist.write_text("#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:1\n#EXTINF:2,\na.ts\n#EXTINF:2,\nd.ts\n#EXT-X-ENDLIST\n")
    assert drained(segments) == "d.ts" and segments.complete
    assert segments.names == ("c.ts", "a.ts", "d.ts")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("#EXT-X-STREAM-INF:BANDWIDTH=1\nlow.m3u8", "lists renditions"),
        ('#EXT-X-KEY:METHOD=AES-128,URI="key"\na.ts', "encrypted"),
        ("#EXT-X-BYTERANGE:100@0\na.ts", "parts of files"),
        ("http://localhost/a.ts", "no file in its folder"),
        ("../secret.ts", "no file in its folder"),
        ("/etc/passwd", "no file in its folder"),
        ("concat:a.ts", "no file in its folder"),
        ("#EXT-X-MAP:URI=", "no file in its folder"),
    ],
)
def test_playlists_that_are_no_plain_list_are_refused(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(MediaError, match=said):
        parse_playlist(f"#EXTM3U\n{line}\n", tmp_path / "live.m3u8")
