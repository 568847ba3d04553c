"""Requests and events of reading as messages on a wire, and back."""

from collections.abc import Mapping
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from mediafm.errors import MediaError, MediafmError
from mediafm.media.info import good_rate
from mediafm.reading.title import Closed, Event, Opened, ReadRequest, Retold
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
    if isinstance(event, Retold):
        return Message("retold", {"shot": event.shot, "cues": _from_cues(event.cues)})
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
        if message.kind == "retold":
            return Retold(int(fields["shot"]), _to_cues(fields["cues"]))
        if message.kind == "opened":
            duration = fields["duration_s"]
            return Opened(Fraction(*fields["time_base"]), None if duration is None else float(duration))
        if message.kind == "beat":
            return Beat(float(fields["seconds"]))
        if message.kind == "closed":
            return _to_closed(fields)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, ArithmeticError) as error:
        raise WireError(f"no {message.kind}") from error
    raise WireError(f"a {message.kind[:20]!r}")


def _to_closed(fields: Mapping[str, Any]) -> Closed:
    closed = Closed(**fields)
    facts = {"index": int, "codec": str, "name": str, "file": str, "language": str}
    facts |= dict.fromkeys(("forced", "commentary", "described"), bool)
    times = dict.fromkeys(("start_pts", "end_pts"), int) | dict.fromkeys(("start_s", "end_s"), float)
    for tracks in closed.tracks.values():
        _check(tracks, facts, ("language",))
    for chapter in closed.chapters:
        _check(chapter, {"title": str, **times}, ("title", *times))
    if not closed.tracks.keys() <= {"audio", "text"} or closed.ended not in ("", "idle", "done", "endlist"):
        raise ValueError
    return closed


def _check(values: Mapping[str, Any], kinds: Mapping[str, type], needed: tuple[str, ...]) -> None:
    """ValueError unless a record holds what it must and nothing but what it may."""
    if not set(needed) <= values.keys() or any(type(v) is not kinds.get(k) for k, v in values.items()):
        raise ValueError


def _from_cues(cues: tuple[ShotCue, ...]) -> list[list[Any]]:
    return [[c.cue.start_ms, c.cue.end_ms, c.cue.text, c.share] for c in cues]


def _to_cues(fields: Any) -> tuple[ShotCue, ...]:
    return tuple(ShotCue(Cue(int(a), int(b), str(text)), float(share)) for a, b, text, share in fields)


def _from_shot(read: ReadShot) -> Message:
    shot, inside = read.shot, read.input
    fields = {
        "shot": [shot.index, shot.start_pts, shot.end_pts, shot.start_frame, shot.end_frame],
        "cues": _from_cues(read.cues),
        "frame_times": inside.frame_times,
        "text": inside.text,
        "duration": inside.duration,
        "sound": inside.samples is not None,
        "sample_rate": inside.sample_rate,
        "lost_frames": read.lost_frames,
    }
    sound = [] if inside.samples is None else [inside.samples]
    return Message("shot", fields, [*sound, *inside.frames])  # sound first: its numbers want to lie at whole words


def _to_shot(message: Message) -> ReadShot:
    fields, arrays = message.fields, list(message.arrays)
    samples = arrays.pop(0) if fields["sound"] else None
    times, rate = tuple(float(t) for t in fields["frame_times"]), int(fields["sample_rate"])
    pictures = all(a.ndim == 3 and a.shape[2] == 3 and a.dtype == np.uint8 for a in arrays)
    sound = samples is None or (samples.ndim == 1 and samples.dtype == np.float32)
    if len(times) != len(arrays) or not pictures or not sound or not good_rate(rate):
        raise ValueError
    return ReadShot(
        shot=Shot(*(int(n) for n in fields["shot"])),
        cues=_to_cues(fields["cues"]),
        input=ShotInput(tuple(arrays), times, samples, str(fields["text"]), float(fields["duration"]), rate),
        lost_frames=int(fields["lost_frames"]),
    )
