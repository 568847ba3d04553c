"""What a reading process and its parent say to each other: a line of JSON and, behind it, raw arrays.

Nothing that arrives is ever executed or trusted: the other end has touched files of unknown origin. Layout of a
message: the header's length (4 bytes, little-endian), the header (JSON: kind, fields, and shape and type of every
array), then the arrays' bytes one after another.
"""

import json
import math
import socket
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

_LENGTH = struct.Struct("<I")
_BUFFER = 1 << 20  # bytes on their way
_MOST_HEADER, _MOST_ARRAYS = 64 << 20, 1 << 30  # bytes
_TYPES: dict[str, np.dtype[Any]] = {"u1": np.dtype(np.uint8), "f4": np.dtype(np.float32)}
_NAMES = {dtype: name for name, dtype in _TYPES.items()}


class WireError(Exception):
    """What came is no message."""


@dataclass(frozen=True, slots=True)
class Message:
    """kind: what is said. fields: JSON values. arrays: uint8 or float32, in the order they were sent."""

    kind: str
    fields: Mapping[str, Any]
    arrays: Sequence[NDArray[Any]] = ()

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays."""
        return sum(array.nbytes for array in self.arrays)


def make_pair() -> tuple[socket.socket, socket.socket]:
    """(end to receive at, end to send from): now and then the first looks up from a message that does not go on."""
    receiving, sending = socket.socketpair()
    receiving.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 1, 0))
    for end, what in ((receiving, socket.SO_RCVBUF), (sending, socket.SO_SNDBUF)):
        end.setsockopt(socket.SOL_SOCKET, what, _BUFFER)
    return receiving, sending


def send(stream: BinaryIO, message: Message) -> None:
    """Write one message and flush."""
    arrays = [np.ascontiguousarray(array) for array in message.arrays]
    shapes = [[_NAMES[array.dtype], list(array.shape)] for array in arrays]
    header = json.dumps({"kind": message.kind, "fields": message.fields, "arrays": shapes}).encode()
    stream.write(_LENGTH.pack(len(header)))
    stream.write(header)
    for array in arrays:
        stream.write(array.reshape(-1).view(np.uint8).data)
    stream.flush()


class Receiver:
    """Reads messages from a socket. `make_pair` makes one that suits.

    until_ready: called before every read; returns once there is something to read, or raises to give up.

    A whole message is read in three calls: a thread that must ask for Python's lock for every few kilobytes starves
    beside one that computes.
    """

    def __init__(self, source: socket.socket, until_ready: Callable[[], None]) -> None:
        self._source = source
        self._until_ready = until_ready

    def next(self) -> Message | None:
        """The next message; None where the other end has closed. WireError where it is none."""
        start = self._read(_LENGTH.size, may_end=True)
        if start is None:
            return None
        (length,) = _LENGTH.unpack(start)
        if length > _MOST_HEADER:
            raise WireError(f"a header of {length} bytes")
        kind, fields, shapes = _header(self._read(length) or b"")
        sizes = [math.prod(shape) for _, shape in shapes]
        nbytes = sum(dtype.itemsize * size for (dtype, _), size in zip(shapes, sizes, strict=True))
        if nbytes > _MOST_ARRAYS:
            raise WireError("arrays beyond all measure")
        data, at, arrays = self._read(nbytes) or b"", 0, []
        for (dtype, shape), size in zip(shapes, sizes, strict=True):
            arrays.append(np.frombuffer(data, dtype, size, at).reshape(shape))
            at += dtype.itemsize * size
        return Message(kind, fields, arrays)

    def _read(self, n: int, may_end: bool = False) -> bytearray | None:
        data = bytearray(n)
        view, have = memoryview(data), 0
        while have < n:
            self._until_ready()
            try:
                got = self._source.recv_into(view[have:], 0, socket.MSG_WAITALL)
            except BlockingIOError:
                continue
            if got == 0:
                if may_end and have == 0:
                    return None
                raise WireError("an end in the middle")
            have += got
        return data


def _header(data: bytes | bytearray) -> tuple[str, dict[str, Any], list[tuple[np.dtype[Any], tuple[int, ...]]]]:
    try:
        header = json.loads(data)
        kind, fields = header["kind"], header["fields"]
        shapes = [(_TYPES[name], tuple(shape)) for name, shape in header["arrays"]]
    except (ValueError, KeyError, TypeError) as error:
        raise WireError(f"no header ({type(error).__name__})") from error
    sizes = [size for _, shape in shapes for size in shape]
    if not (isinstance(kind, str) and isinstance(fields, dict) and all(type(s) is int and s >= 0 for s in sizes)):
        raise WireError("no header")
    return kind, fields, shapes
