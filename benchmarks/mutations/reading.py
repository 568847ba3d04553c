"""Reading one file in a process of its own, under limits, and telling what became of it."""

import faulthandler
import gc
import json
import os
import resource
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

MEMORY, SECONDS = 2 << 30, 20  # bytes of address space; seconds of the processor
_WALL = 10  # times as many seconds by the clock, for machines with other work


def tried(path: Path, memory: int = MEMORY, seconds: int = SECONDS) -> dict[str, Any]:
    """What reading `path` whole came to, in a child process.

    outcome: "read", "refused" (a MediaError), "bug" (any other exception), "memory", "crash" (by a signal), "hang".
    """
    receive, send = os.pipe()
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        os.close(receive)
        _in_child(path, send, memory, seconds)
    os.close(send)
    with os.fdopen(receive, "rb") as pipe:
        told = pipe.read()
    _, status, usage = os.wait4(child, 0)
    result: dict[str, Any] = json.loads(told) if told else {"outcome": "crash", "why": f"wait status {status}"}
    if os.WIFSIGNALED(status):
        by = os.WTERMSIG(status)
        result = {"outcome": "hang" if by in (signal.SIGALRM, signal.SIGXCPU) else "crash", "why": f"signal {by}"}
    return result | {"seconds": round(time.monotonic() - began, 2), "peak_mb": usage.ru_maxrss >> 10}


def _in_child(path: Path, send: int, memory: int, seconds: int) -> None:
    gc.freeze()  # libav, freeing what the parent left behind, would wait for threads that were not forked
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    log = os.open(path.with_name(path.name + ".stderr"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 2)
    faulthandler.enable(log, all_threads=False)
    faulthandler.dump_traceback_later(seconds, file=log)  # where it hangs, if it does
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
    signal.alarm(_WALL * seconds)
    try:
        told = {"outcome": "read", **read_whole(path)}
    except BaseException as error:
        from mediafm.errors import MediafmError

        trace = "".join(traceback.format_exception(error)[-6:])
        if isinstance(error, MediafmError):
            told = {"outcome": "refused", "why": str(error)}
        elif isinstance(error, MemoryError):
            told = {"outcome": "memory", "why": trace}
        else:
            told = {"outcome": "bug", "why": trace}
    os.write(send, json.dumps(told, default=str).encode()[:60_000])
    os.close(send)
    sys.stderr.flush()
    os._exit(0)


def read_whole(path: Path) -> dict[str, Any]:
    """Read a title as ingest does, holding the reader's contract on the way; figures of what was read."""
    from mediafm.media import Picture, load_cues, open_title

    with open_title(path) as reader:
        due_pts = due_sample = lost = missing = 0
        first = True
        for item in reader:
            if isinstance(item, Picture):
                assert item.duration_pts > 0 and item.pts >= 0, "a picture without time"
                assert first or item.pts == due_pts, "pictures do not tile"
                due_pts, first = item.pts + item.duration_pts, False
                lost += item.lost_before
                if item.index % 5 == 0:
                    image = item.rgb(48, 27)
                    assert image.shape == (27, 48, 3), "a picture of another size"
                    item.scaled(64)
            else:
                assert item.start >= due_sample and len(item.samples), "sound out of order"
                assert abs(item.samples).max() <= 1, "sound louder than 1"  # false for NaN, too
                due_sample = item.start + len(item.samples)
                missing += len(item.samples) if item.missing else 0
        assert lost + reader.lost_at_end == reader.pictures_lost, "lost pictures do not add up"
        assert missing == reader.samples_filled, "missing sound does not add up"
        assert reader.end_pts >= due_pts, "the title ends before its last picture"
        end = float(reader.end_pts * reader.time_base)
        told = {"failure": reader.failure, "frames": reader.frames_read, "lost": reader.pictures_lost, "end_s": end}
        cues = load_cues(path, reader.info)
        assert all(0 <= c.start_ms <= c.end_ms for c in cues), "a cue that ends before it starts"
        return told | {"samples": reader.samples_read, "missing": missing, "cues": len(cues)}
