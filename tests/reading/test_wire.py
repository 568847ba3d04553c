"""Messages between processes: what is sent arrives, and what is no message is refused."""

import io
import json
import struct
from dataclasses import asdict, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from mediafm.errors import MediaError
from mediafm.reading import Beat, Closed, Opened, ReadRequest, ReadShot, Retold
from mediafm.reading.messages import from_error, from_event, from_request, to_event, to_request
from mediafm.reading.wire import Message, Receiver, WireError, make_pair, send
from mediafm.types import Cue, Shot, ShotCue, ShotInput


def through_a_pipe(data: bytes) -> list[Message]:
    """All messages in `data`."""
    receiving, sending = make_pair()
    with receiving:
        with sending:
            sending.sendall(data)
        return list(iter(Receiver(receiving, lambda: None).next, None))


def sent(message: Message) -> bytes:
    stream = io.BytesIO()
    send(stream, message)
    return stream.getvalue()


def a_shot(samples: np.ndarray | None) -> ReadShot:
    frames = tuple(np.full((4, 6, 3), i, np.uint8) for i in range(2))
    cue = ShotCue(Cue(10, 20, "Tschüss, “Ä”"), 0.25)
    inside = ShotInput(frames, (0.5, 1.5), samples, cue.cue.text, 2.0, 48_000)
    return ReadShot(Shot(3, 100, 200, 5, 9), (cue,), inside, 4)


@pytest.mark.parametrize("samples", [None, np.linspace(-1, 1, 7, dtype=np.float32)])
def test_a_shot_arrives_as_it_was(samples: np.ndarray | None) -> None:
    shot = a_shot(samples)
    (message,) = through_a_pipe(sent(from_event(shot)))
    back = to_event(message)
    assert isinstance(back, ReadShot)
    assert (back.shot, back.cues, back.lost_frames) == (shot.shot, shot.cues, shot.lost_frames)
    assert (back.input.frame_times, back.input.text, back.input.duration) == ((0.5, 1.5), shot.cues[0].cue.text, 2.0)
    assert back.input.sample_rate == 48_000
    for mine, theirs in zip(shot.input.frames, back.input.frames, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    if samples is None:
        assert back.input.samples is None
    else:
        np.testing.assert_array_equal(back.input.samples, samples)


CHAPTER = {"title": "One", "start_pts": 0, "end_pts": 90, "start_s": 0.0, "end_s": 1.5}


def test_other_events_and_requests_arrive_as_they_were() -> None:
    closed = Closed(9, 8, 7, 6, 23.976, True, False, True, 2, "why", "holes", {"audio": {"language": "de"}}, [CHAPTER])
    told = Retold(7, (ShotCue(Cue(0, 900, "Later."), 0.5),))
    events = [Opened(Fraction(1, 90000), None), Opened(Fraction(1001, 30000), 3.5), Beat(61.25), told, closed]
    data = b"".join(sent(from_event(event)) for event in events)
    assert [to_event(message) for message in through_a_pipe(data)] == events
    request = ReadRequest(Path("/a b/ü.mkv"), "fixed", {"seconds": 2.5}, 8, 96, "de", 2, 48_000)
    again = replace(request, only="audio", shots=((0, 0, 9, 0, 3), (1, 9, 20, 3, 7)), least_end_pts=20)
    for asked in (request, again):
        assert asdict(to_request(json.loads(json.dumps(from_request(asked))))) == asdict(asked)


def test_a_failure_is_raised_on_arrival() -> None:
    (message,) = through_a_pipe(sent(from_error(MediaError("It is broken.", "Mend it."))))
    with pytest.raises(MediaError, match=r"It is broken\. Mend it\."):
        to_event(message)


_PICTURE = np.zeros((4, 6, 3), np.uint8)
_BAD_RATES = (0, -16_000, 1 << 40, "fast", None)


def header(**changes: object) -> bytes:
    text = json.dumps({"kind": "beat", "fields": {"seconds": 1}, "arrays": [], **changes}).encode()
    return struct.pack("<I", len(text)) + text


@pytest.mark.parametrize(
    "data",
    [
        struct.pack("<I", 1 << 31),
        struct.pack("<I", 10) + b"{",
        struct.pack("<I", 4) + b"[1, ",
        header(kind=3),
        header(arrays=[["O", [1]]]),
        header(arrays=[["f4", [-1]]]),
        header(arrays=[["f4", [1.5]]]),
        header(arrays=[["f4", [1 << 40]]]),
        header(arrays=[["u1", [4]]]) + b"abc",
    ],
)
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(WireError):
        through_a_pipe(data)


@pytest.mark.parametrize(
    "message",
    [
        Message("nonsense", {}),
        Message("opened", {"time_base": [1, 0], "duration_s": None}),
        Message("closed", {"end_pts": 1}),
        Message("shot", {**from_event(a_shot(None)).fields, "sound": True}, [np.zeros((2, 2, 3), np.uint8)] * 3),
        Message("shot", from_event(a_shot(None)).fields, [np.zeros((2, 2), np.uint8)] * 2),
        Message("shot", {**from_event(a_shot(None)).fields, "sound": True}, [np.zeros(9, np.uint8), *[_PICTURE] * 2]),
        *(Message("shot", {**from_event(a_shot(None)).fields, "sample_rate": n}, [_PICTURE] * 2) for n in _BAD_RATES),
    ],
)
def test_a_message_that_means_nothing_is_refused(message: Message) -> None:
    with pytest.raises(WireError):
        to_event(message)


@pytest.mark.parametrize(
    "wrong",
    [
        {"tracks": {"audio": {"language": 3}}},
        {"tracks": {"smell": {"language": "de"}}},
        {"tracks": {"audio": "de"}},
        {"tracks": {"text": {"language": "de", "code": "x"}}},
        {"chapters": [{"title": "One"}]},
        {"chapters": [{**CHAPTER, "start_s": "0"}]},
        {"chapters": 3},
        {"ended": "never"},
    ],
)
def test_an_end_that_is_none_is_refused(wrong: dict[str, object]) -> None:
    message = from_event(Closed(9, 8, 7, 6, 23.976, True, False, True, 2, "", ""))
    with pytest.raises(WireError):
        to_event(Message("closed", {**message.fields, **wrong}))
