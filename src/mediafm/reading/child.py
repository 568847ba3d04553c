"""The process in which films are opened: requests come in on standard input, events go out on standard output.

`python -m mediafm.reading.child` is started by `ReadingProcess`. It reads one title after another and knows nothing of
catalogs. Whatever a damaged or hostile file does to libav, it does it here.
"""

import json
import os
import signal
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO

import cv2

from mediafm.errors import MediaError, MediafmError
from mediafm.reading import sandbox
from mediafm.reading.allocator import few_arenas
from mediafm.reading.live import follow_title
from mediafm.reading.messages import CONFINED, from_error, from_event, to_request
from mediafm.reading.title import Event, ReadRequest, read_picture, read_title
from mediafm.reading.title_pass import Beat
from mediafm.reading.wire import Message, send

_WAITING = from_event(Beat(0.0))  # a sign of life while an event pauses


def main() -> None:
    """Serve requests until standard input is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to stop
    sandbox.die_with_parent()
    few_arenas()
    cv2.setNumThreads(1)  # libav's own threads keep the processors busy
    out = _claim_output()
    confined = False
    for line in sys.stdin.buffer:
        asked = json.loads(line)
        if not confined:
            sandbox.limit_memory(asked["memory_mb"])
            send(out, Message(CONFINED, {"open": sandbox.forbid_network_and_writing()}))
            confined = True
        sandbox.limit_processor_time(asked["cpu_s"])
        _serve(asked["request"], out)


def _claim_output() -> BinaryIO:
    """Standard output for messages alone: what libraries print goes where errors go."""
    out = os.fdopen(os.dup(1), "wb", buffering=1 << 20)
    os.dup2(2, 1)
    return out


def _serve(request: Any, out: BinaryIO) -> None:
    try:
        asked = to_request(request)
        for event in _events(asked, out):
            send(out, from_event(event))
    except MediafmError as error:
        send(out, from_error(error))
    except MemoryError:
        send(out, from_error(MediaError(f"{request['path']} needs more memory than allowed.", "Raise --memory.")))
    except BrokenPipeError:
        sys.exit(1)  # the parent is gone
    except Exception as error:  # whatever else a damaged file makes a library stumble over concerns this file alone
        reason = f"{request['path']} broke its reader ({type(error).__name__}: {str(error)[:200]})."
        send(out, from_error(MediaError(reason, "Check that it plays, or convert it anew.")))


def _events(asked: ReadRequest, out: BinaryIO) -> Iterator[Event]:
    if asked.still:
        return read_picture(asked)
    return follow_title(asked, lambda: send(out, _WAITING)) if asked.follow_s else read_title(asked)


if __name__ == "__main__":
    main()
