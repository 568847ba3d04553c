"""How many bytes a file should have by what stands in it: a file that has fewer was cut off on its way.

Most formats write their own size into their first bytes. libav overlooks it, reads to where the bytes end, and calls
that the end.
"""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

_SLACK = 1024  # bytes; writers differ in what they count
_STREAMED = 0x7FFF0000  # such sizes in 32 bits are written by those who do not know them yet
_ASF_HEADER = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_FILE = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_MOST_ATOMS = 10_000


def missing_bytes(path: Path) -> int:
    """Bytes that are not there although the file counts them; 0 where none are missing or nothing says."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(4096)
        stated = next((rule(head, file, size) for marks, rule in _RULES if _begins(head, marks)), None)
    return stated - size if stated is not None and stated - size > _SLACK else 0


def _begins(head: bytes, marks: tuple[bytes, ...]) -> bool:
    return any(head.startswith(m) or head[4:8] == m for m in marks)


def _chunked(order: str) -> Callable[[bytes, BinaryIO, int], int | None]:
    """RIFF (WAV, AVI) and FORM (AIFF)."""

    def stated(head: bytes, _file: BinaryIO, _size: int) -> int | None:
        (inside,) = struct.unpack_from(order + "I", head.ljust(8, b"\0"), 4)
        return 8 + inside if 0 < inside < _STREAMED else None

    return stated


def _matroska(head: bytes, _file: BinaryIO, _size: int) -> int | None:
    at = head.find(b"\x18\x53\x80\x67")
    if at < 0 or at + 12 > len(head) or not head[at + 4]:
        return None
    width = 9 - head[at + 4].bit_length()
    number = int.from_bytes(head[at + 4 : at + 4 + width], "big") & ((1 << 7 * width) - 1)
    return None if number == (1 << 7 * width) - 1 else at + 4 + width + number  # all ones: not known when written


def _quicktime(_head: bytes, file: BinaryIO, size: int) -> int | None:
    at = 0
    for _ in range(_MOST_ATOMS):
        file.seek(at)
        start = file.read(16)
        if len(start) < 8:
            break
        (length,) = struct.unpack_from(">I", start)
        if length == 1 and len(start) == 16:
            (length,) = struct.unpack_from(">Q", start, 8)
        if length < 8:  # 0: to the end of the file
            break
        at += length
        if at >= size:
            return at
    return None


def _asf(head: bytes, _file: BinaryIO, _size: int) -> int | None:
    at = head.find(_ASF_FILE)
    return int(struct.unpack_from("<Q", head, at + 40)[0]) or None if 0 <= at <= len(head) - 48 else None


_RULES: tuple[tuple[tuple[bytes, ...], Callable[[bytes, BinaryIO, int], int | None]], ...] = (
    ((b"RIFF",), _chunked("<")),
    ((b"FORM",), _chunked(">")),
    ((b"\x1a\x45\xdf\xa3",), _matroska),
    ((b"ftyp", b"moov", b"mdat", b"wide"), _quicktime),
    ((_ASF_HEADER,), _asf),
)
