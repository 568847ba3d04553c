"""Requests and events of reading as messages on a wire, and back."""

from collections.abc import Mapping
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from mediafm.errors import MediaError, MediafmError
from mediafm.reading.title import Closed, Event, Opened, ReadRequest
from mediafm.reading.title_pass import Beat, ReadShot
from mediafm.reading.wire import Message, WireError
from mediafm.types import Cue, Shot, ShotCue, ShotInput

CONFINED = "confined"  # a process's first message: what of network and files it could not give up


def from_request(request: ReadRequest) -> dict[str, Any]:
    """A request as JSON values."""
    return {**asdict(request), "path": str(request.path), "options": dict(request.options)}


def to_request(fields: Mapping[str, Any]) -> ReadRequest:
    """A request from JSON values."""
    shots = tuple(tuple(shot) for shot in fields["shots"])
    return ReadRequest(**{**fields, "path": Path(fields["path"]), "shots": shots})


def from_event(event: Event) -> Message:
    """An event as a message."""
    if isinstance(event, ReadShot):
        return _from_shot(event)
    if isinstance(event, Opened):
        base = event.time_base
        return Message("opened", {"time_base": [base.numerator, base.denominator], "duration_s": event.duration_s})
    return Message("beat" if isinstance(event, Beat) else "closed", asdict(event))


def from_error(error: MediafmError) -> Message:
    """An error as a message."""
    return Message("failed", {"message": error.message, "remedy": error.remedy})


def to_event(message: Message) -> Event:
    """An event from a message. Raises the MediaError that a "failed" stands for, WireError for anything unknown."""
    fields = message.fields
    try:
        if message.kind == "failed":
            raise MediaError(str(fields["message"]), str(fields["remedy"]))
        if message.kind == "shot":
            return _to_shot(message)
        if message.kind == "opened":
            duration = fields["duration_s"]
            return Opened(Fraction(*fields["time_base"]), None if duration is None else float(duration))
        if message.kind == "beat":
            return Beat(float(fields["seconds"]))
        if message.kind == "closed":
            return Closed(**fields)
    except (KeyError, TypeError, ValueError, IndexError, ArithmeticError) as error:
        raise WireError(f"no {message.kind}") from error
    raise WireError(f"a {message.kind[:20]!r}")


def _from_shot(read: ReadShot) -> Message:
    shot, inside = read.shot, read.input
    fields = {
        "shot": [shot.index, shot.start_pts, shot.end_pts, shot.start_frame, shot.end_frame],
        "cues": [[c.cue.start_ms, c.cue.end_ms, c.cue.text, c.share] for c in read.cues],
        "frame_times": inside.frame_times,
        "text": inside.text,
        "duration": inside.duration,
        "sound": inside.samples is not None,
        "lost_frames": read.lost_frames,
    }
    sound = [] if inside.samples is None else [inside.samples]
    return Message("shot", fields, [*sound, *inside.frames])  # sound first: its numbers want to lie at whole words


def _to_shot(message: Message) -> ReadShot:
    fields, arrays = message.fields, list(message.arrays)
    samples = arrays.pop(0) if fields["sound"] else None
    times = tuple(float(t) for t in fields["frame_times"])
    pictures = all(a.ndim == 3 and a.shape[2] == 3 and a.dtype == np.uint8 for a in arrays)
    if len(times) != len(arrays) or not pictures or (samples is not None and samples.ndim != 1):
        raise ValueError
    return ReadShot(
        shot=Shot(*(int(n) for n in fields["shot"])),
        cues=tuple(ShotCue(Cue(int(a), int(b), str(text)), float(share)) for a, b, text, share in fields["cues"]),
        input=ShotInput(tuple(arrays), times, samples, str(fields["text"]), float(fields["duration"])),
        lost_frames=int(fields["lost_frames"]),
    )
