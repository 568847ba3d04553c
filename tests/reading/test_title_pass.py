"""One pass over generated titles: shots tile, sound and words land where they belong."""

import itertools
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from ingest_films import CUTS, FPS, make_film, tone
from mediafm.media import load_cues, open_title, write_film
from mediafm.reading import Event, ReadRequest, ReadShot, TitlePass, read_title
from mediafm.shots import make_detector
from mediafm.types import SAMPLE_RATE, Cue


def shots_of(passed: Iterable[Event]) -> list[ReadShot]:
    return [item for item in passed if isinstance(item, ReadShot)]


def read(path: Path, detector: str = "content", **options: object) -> tuple[list[ReadShot], int, Fraction]:
    with open_title(path) as reader:
        cues = load_cues(path, reader.info)
        shots = shots_of(TitlePass(reader, make_detector(detector, **options), cues, frames=4, short_side=64))
        return shots, reader.end_pts, reader.time_base


@pytest.mark.parametrize("detector", ["content", "transnet"])
def test_cuts_frames_and_sound_of_a_film(film: Path, detector: str) -> None:
    shots, end_pts, time_base = read(film, detector)
    assert [(s.shot.start_frame, s.shot.end_frame) for s in shots] == list(itertools.pairwise(CUTS))
    assert shots[0].shot.start_pts == 0 and shots[-1].shot.end_pts == end_pts
    for before, after in itertools.pairwise(shots):
        assert before.shot.end_pts == after.shot.start_pts
        assert after.shot.start_pts * time_base == Fraction(after.shot.start_frame, FPS)
    for s in shots:
        assert 1 <= len(s.input.frames) <= 4
        assert all(0 <= t < s.input.duration for t in s.input.frame_times)
        assert s.input.samples is not None
        assert abs(len(s.input.samples) - s.input.duration * SAMPLE_RATE) <= 1
        assert np.abs(s.input.samples[100:-800]).max() > 0.2


def test_sampled_frames_lie_inside_their_shot(film: Path) -> None:
    shots, _, _ = read(film)
    means = [np.mean([f.mean(axis=(0, 1)) for f in s.input.frames], axis=0) for s in shots]
    for s, mean in zip(shots, means, strict=True):
        for frame in s.input.frames:
            distances = [float(np.abs(frame.mean(axis=(0, 1)) - m).sum()) for m in means]
            assert int(np.argmin(distances)) == s.shot.index
        assert mean.shape == (3,)


def test_cue_shares_add_up(film: Path) -> None:
    shots, _, _ = read(film)
    shares = [sum(c.share for c in s.cues) for s in shots]
    # The cue lies at 1.0-2.0 s, the cut at 30/24 = 1.25 s.
    assert shares == pytest.approx([0.25, 0.75, 0])
    assert [bool(s.input.text) for s in shots] == [True, True, False]


def test_fixed_detector_needs_no_pixels(film: Path) -> None:
    shots, _, _ = read(film, "fixed", seconds=1.0)
    assert [s.shot.start_frame for s in shots] == [0, 24, 48, 72, 96]


def test_film_without_sound_has_none_and_not_silence(tmp_path: Path) -> None:
    shots, _, _ = read(make_film(tmp_path / "mute.mp4", sound=False))
    assert len(shots) == 3
    assert all(s.input.samples is None for s in shots)


def test_podcast_is_cut_between_cues_and_tiles(tmp_path: Path) -> None:
    path = tmp_path / "talk.wav"
    write_film(path, 24, (0, 0), None, tone(31.0))
    cues = [Cue(500, 8000, "First."), Cue(9000, 14000, "Second."), Cue(15000, 22000, "Third.")]
    with open_title(path) as reader:
        shots = shots_of(TitlePass(reader, make_detector("content"), cues, frames=4, short_side=64))
        end, time_base = reader.end_pts, reader.time_base
    assert shots[0].shot.start_pts == 0 and shots[-1].shot.end_pts == end
    assert float(end * time_base) == pytest.approx(31.0, abs=0.001)
    for before, after in itertools.pairwise(shots):
        assert before.shot.end_pts == after.shot.start_pts
        at_ms = float(after.shot.start_pts * time_base) * 1000
        assert not any(c.start_ms < at_ms < c.end_ms for c in cues), f"cut at {at_ms} ms inside a cue"
    assert all(s.input.samples is not None and not s.input.frames for s in shots)
    assert sum(len(s.input.samples) for s in shots if s.input.samples is not None) == pytest.approx(
        31 * SAMPLE_RATE, abs=2
    )


@pytest.mark.parametrize("picture", [True, False])
def test_sound_comes_at_the_rate_asked_for_and_shots_stay_where_they_are(tmp_path: Path, picture: bool) -> None:
    path = tmp_path / ("film.mp4" if picture else "radio.flac")
    if picture:
        make_film(path, cues=False)
    else:
        write_film(path, 24, (0, 0), None, tone(31.0))
    slow, fast = (shots_of(read_title(ReadRequest(path, "content", sample_rate=rate))) for rate in (16_000, 48_000))
    assert [s.shot.start_pts for s in slow] == [s.shot.start_pts for s in fast]
    assert abs(slow[-1].input.duration - fast[-1].input.duration) <= 2 / 16_000  # the end of the last sample
    for s in fast:
        samples = s.input.samples
        assert samples is not None and s.input.sample_rate == 48_000
        assert abs(len(samples) - s.input.duration * 48_000) <= 1
    middle = slice(len(fast[0].input.samples) // 4, 3 * len(fast[0].input.samples) // 4)  # type: ignore[arg-type]
    crossings = np.diff(np.signbit(fast[0].input.samples[middle])).sum()  # type: ignore[index]
    assert crossings / 2 / (fast[0].input.duration / 2) == pytest.approx(440, rel=0.02)


def test_sound_that_lags_a_minute_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Picture and sound in one file, but all of the sound behind all of the picture."""
    path = make_film(tmp_path / "late.mkv", cues=False)
    monkeypatch.setattr("mediafm.reading.title_pass.MAX_SOUND_LAG_S", 0.5)
    with open_title(path) as reader:
        items = list(reader)
        passed = TitlePass(_Replayed(reader, items), make_detector("content"), [], frames=4, short_side=64)  # type: ignore[arg-type]
        shots = shots_of(passed)
    assert passed.soundless_late >= 1
    assert shots[0].input.samples is None and len(shots) == 3


class _Replayed:
    """A reader that gives all pictures first and the sound after them."""

    def __init__(self, reader: object, items: list) -> None:
        self._reader, self._items = reader, items

    def __iter__(self) -> object:
        return iter(sorted(self._items, key=lambda item: not hasattr(item, "pts")))

    def __getattr__(self, name: str) -> object:
        return getattr(self._reader, name)
