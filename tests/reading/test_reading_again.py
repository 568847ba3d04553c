"""A title read again for its pictures or its sound alone: what comes is what the whole pass gave, to the last bit."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ingest_films import CUTS, FPS, SIZE, make_film, shot_pictures, tone
from mediafm.media import open_title, write_film
from mediafm.reading import Closed, Limits, ReadingProcess, ReadRequest, ReadShot, read_title
from mediafm.shots import GIVEN


def read(request: ReadRequest) -> tuple[list[ReadShot], Closed]:
    events = list(read_title(request))
    assert isinstance(events[-1], Closed)
    return [e for e in events if isinstance(e, ReadShot)], events[-1]


@pytest.fixture(params=["as long", "longer sound", "shorter sound", "no picture"])
def title(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    seconds = {"as long": CUTS[-1] / FPS, "longer sound": 7.3, "shorter sound": 2.2, "no picture": 14.0}[request.param]
    if request.param == "no picture":
        write_film(tmp_path / "talk.wav", 24, (0, 0), None, tone(seconds))
        return tmp_path / "talk.wav"
    path = tmp_path / "film.mkv"
    write_film(path, FPS, SIZE, shot_pictures(3), tone(seconds))
    return path


def numbers(shots: list[ReadShot]) -> list[tuple[int, ...]]:
    return [(s.shot.index, s.shot.start_pts, s.shot.end_pts, s.shot.start_frame, s.shot.end_frame) for s in shots]


def test_sound_alone_is_the_sound_of_the_whole_pass(title: Path) -> None:
    whole, closed = read(ReadRequest(title, "content"))
    again, _ = read(ReadRequest(title, "content", only="audio", shots=numbers(whole), least_end_pts=closed.end_pts))
    assert [s.shot for s in again] == [s.shot for s in whole]
    assert any(s.input.samples is not None for s in whole)
    for one, other in zip(again, whole, strict=True):
        assert one.input.frames == () and one.input.duration == other.input.duration
        assert (one.input.samples is None) == (other.input.samples is None)
        assert other.input.samples is None or np.array_equal(one.input.samples, other.input.samples)


@pytest.mark.parametrize("detector", ["content", GIVEN])
def test_pictures_alone_are_the_pictures_of_the_whole_pass(title: Path, detector: str) -> None:
    whole, closed = read(ReadRequest(title, "content"))
    if not closed.has_video:
        return
    options: dict[str, Any] = {"cuts": [s.shot.start_frame for s in whole[1:]]} if detector == GIVEN else {}
    again, _ = read(ReadRequest(title, detector, options, only="video", least_end_pts=closed.end_pts))
    assert [s.shot for s in again] == [s.shot for s in whole]
    for one, other in zip(again, whole, strict=True):
        assert one.input.samples is None and one.input.frame_times == other.input.frame_times
        assert all(np.array_equal(a, b) for a, b in zip(one.input.frames, other.input.frames, strict=True))


def test_the_other_stream_is_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:

    film = make_film(tmp_path / "film.mp4")
    kinds: list[str] = []
    from mediafm.media.reader import TitleReader

    plain = TitleReader._decode
    monkeypatch.setattr(TitleReader, "_decode", lambda self, p: (kinds.append(p.stream.type), plain(self, p))[1])
    for only, other in (("audio", "video"), ("video", "audio")):
        kinds.clear()
        with open_title(film, only=only) as reader:
            items = list(reader)
            assert reader.failure == "" and (reader.audio_index is None) == (only == "video")
        assert items and {type(i).__name__ for i in items} == {"Sound" if only == "audio" else "Picture"}
        assert kinds.count(other) <= 5 < kinds.count(only)


def test_a_request_for_a_part_goes_through_a_process(title: Path) -> None:
    whole, closed = read(ReadRequest(title, "content"))
    asked = ReadRequest(title, "content", only="audio", shots=numbers(whole), least_end_pts=closed.end_pts)
    process = ReadingProcess(Limits())
    try:
        events = [e for e in process.read(asked) if isinstance(e, ReadShot)]
    finally:
        process.close()
    here, _ = read(replace(asked))
    assert [e.shot for e in events] == [e.shot for e in here]
    for one, other in zip(events, here, strict=True):
        assert (one.input.samples is None) == (other.input.samples is None)
        assert other.input.samples is None or np.array_equal(one.input.samples, other.input.samples)


def test_given_cuts_hold_for_shots_that_were_split_for_their_length(tmp_path: Path) -> None:
    """Two minutes are the longest shot; a split is given back as a cut and must not move."""
    still = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    write_film(tmp_path / "long.mp4", 2, SIZE, (still + i % 7 for i in range(2 * 300)), None)
    whole, closed = read(ReadRequest(tmp_path / "long.mp4", "content"))
    assert len(whole) == 3
    cuts = [s.shot.start_frame for s in whole[1:]]
    again, _ = read(ReadRequest(tmp_path / "long.mp4", GIVEN, {"cuts": cuts}, least_end_pts=closed.end_pts))
    assert [s.shot for s in again] == [s.shot for s in whole]
