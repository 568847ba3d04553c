"""QuickTime's tree of atoms, just enough to lie in it: for tests that need files no writer makes."""

import struct
from collections.abc import Iterator

_FOLDERS = (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"stbl", b"edts", b"udta")


def atoms(data: bytes, begin: int = 0, end: int | None = None) -> Iterator[tuple[bytes, int, int]]:
    """(name, begin, end) of each atom in a stretch of a file, whole."""
    end = len(data) if end is None else end
    while begin + 8 <= end:
        size, name = struct.unpack_from(">I4s", data, begin)
        yield name, begin, begin + size
        begin += max(8, size)


def changed(data: bytes, track: int, changes: dict[bytes, bytes | None]) -> bytes:
    """A film with some atoms of one track (counted from 0) replaced or put in; None takes one out.

    The index must stand behind the media, so that its size moves nothing: that is how libav writes unless told.
    """
    seen = -1

    def rebuilt(begin: int, end: int, inside: bool) -> bytes:
        nonlocal seen
        out = b""
        for name, a, b in atoms(data, begin, end):
            if name == b"trak":
                seen += 1
            here = inside or (name == b"trak" and seen == track)
            if here and name in changes:
                body = changes[name]
                out += b"" if body is None else struct.pack(">I4s", 8 + len(body), name) + body
            elif name in _FOLDERS:
                body = rebuilt(a + 8, b, here)
                if here and name == b"trak" and b"edts" in changes and not _has(data, a + 8, b, b"edts"):
                    edts = changes[b"edts"] or b""
                    at = next(e for n, _, e in atoms(body) if n == b"tkhd")
                    body = body[:at] + struct.pack(">I4s", 8 + len(edts), b"edts") + edts + body[at:]
                out += struct.pack(">I4s", 8 + len(body), name) + body
            else:
                out += data[a:b]
        return out

    return rebuilt(0, len(data), False)


def _has(data: bytes, begin: int, end: int, wanted: bytes) -> bool:
    return any(name == wanted for name, _, _ in atoms(data, begin, end))


def edit_list(entries: list[tuple[int, int]]) -> bytes:
    """What stands in an `edts`: (duration in the film's ticks, first media time in the track's; -1: nothing shows)."""
    body = struct.pack(">II", 0, len(entries)) + b"".join(struct.pack(">IiI", d, t, 1 << 16) for d, t in entries)
    return struct.pack(">I4s", 8 + len(body), b"elst") + body


def alias(path: str) -> bytes:
    """What stands in a `dref` whose one track lies in another file."""
    name = path.encode()
    entry = b"alis" + bytes(4 + 10) + bytes([27]) + bytes(27 + 12) + bytes([63]) + bytes(63 + 16)
    entry += struct.pack(">HH", 1, 1) + bytes(16) + struct.pack(">HH", 2, len(name)) + name + bytes(len(name) % 2)
    entry += struct.pack(">HH", 0xFFFF, 0)
    return struct.pack(">III", 0, 1, 4 + len(entry)) + entry
