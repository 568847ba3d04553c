"""Files that are cut off or damaged: what is sound is kept, the rest is counted or named."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from media.making import CLICKS, busy, clicks, read
from mediafm.errors import MediaError
from mediafm.media import FilmOptions, write_film
from mediafm.media.timeline import Timeline

SECONDS, FPS = 10, 25


def whole(path: Path, codec: str = "") -> bytearray:
    options = FilmOptions(video_codec=codec)
    write_film(path, FPS, (160, 120), busy(SECONDS * FPS), clicks(SECONDS, 48_000), 48_000, options=options)
    return bytearray(path.read_bytes())


def noise(data: bytearray, first: float, last: float) -> bytearray:
    lo, hi = int(len(data) * first), int(len(data) * last)
    data[lo:hi] = np.random.default_rng(1).integers(0, 255, hi - lo, dtype=np.uint8).tobytes()
    return data


def test_cut_matroska_keeps_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "film.mkv"
    data = whole(path)
    path.write_bytes(data[: len(data) // 2])
    result = read(path)
    assert 100 < len(result.pictures) < 150
    assert result.clicks == pytest.approx(CLICKS, abs=0.001)
    assert "of 10.0 s: it was cut off or is damaged" in result.reader.failure


def test_cut_mp4_without_index_says_so_at_once(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    data = whole(path)
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(MediaError, match=r"film\.mp4 is no film .* incomplete or damaged"):
        read(path)


def test_cut_mp4_with_index_in_front(tmp_path: Path) -> None:
    whole(tmp_path / "film.mp4")
    path = tmp_path / "front.mp4"
    with (
        av.open(str(tmp_path / "film.mp4")) as source,
        av.open(str(path), "w", options={"movflags": "faststart"}) as target,
    ):
        streams = {s.index: target.add_stream_from_template(s) for s in source.streams}
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream_index]
                target.mux(packet)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 6 // 10])
    result = read(path)
    assert 100 < len(result.pictures) < 200
    assert "cut off or is damaged" in result.reader.failure


def test_whole_film_has_no_failure(tmp_path: Path) -> None:
    for suffix in ("mp4", "mkv", "webm", "ts"):
        path = tmp_path / f"film.{suffix}"
        whole(path)
        result = read(path)
        assert (result.reader.failure, result.reader.decode_failures) == ("", 0)
        assert len(result.pictures) == SECONDS * FPS


def test_flipped_bytes_are_skipped_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    data = whole(path)
    for at in np.random.default_rng(0).integers(len(data) // 10, len(data) * 9 // 10, 60):
        data[at] ^= 255
    path.write_bytes(data)
    result = read(path)
    assert result.reader.failure == ""
    assert result.reader.decode_failures > 10
    assert 150 < len(result.pictures) < SECONDS * FPS
    assert result.reader.end_pts * result.reader.time_base == pytest.approx(SECONDS, abs=0.1)


def test_a_lost_stretch_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(noise(whole(path), 0.4, 0.5))
    result = read(path)
    assert result.reader.failure == ""
    assert 200 < len(result.pictures) < 235
    assert result.reader.pictures_lost == pytest.approx(SECONDS * FPS - len(result.pictures), abs=2)
    assert result.reader.end_pts * result.reader.time_base == pytest.approx(SECONDS, abs=0.1)
    assert result.clicks == pytest.approx(CLICKS, abs=0.001)


@pytest.mark.parametrize("suffix", ["mkv", "ts", "webm"])
def test_a_lost_stretch_that_the_container_bridges(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"film.{suffix}"
    path.write_bytes(noise(whole(path), 0.4, 0.5))
    result = read(path)
    assert result.reader.failure == ""
    assert len(result.pictures) < SECONDS * FPS
    assert result.reader.end_pts * result.reader.time_base == pytest.approx(SECONDS, abs=0.1)
    assert result.reader.samples_filled > 1_000


def test_nothing_decodes(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(noise(whole(path, "mpeg4"), 0.001, 0.98))
    with pytest.raises(MediaError, match=r"film\.mp4"):
        read(path)


def place(stamps: list[int | None], last_end: Fraction | None = None, duration: int = 40) -> tuple[list[int], Timeline]:
    timeline: Timeline[int] = Timeline(Fraction(1, 1000), last_end)
    placed = [p for i, pts in enumerate(stamps) for p in timeline.push(i, pts, duration)] + [*timeline.flush()]
    assert [item for item, _ in placed] == list(range(len(stamps)))
    return [at for _, at in placed], timeline


class TestTimeline:
    def test_true_times_pass_unchanged(self) -> None:
        stamps: list[int | None] = [1400, 1440, 1480, 1700, 1701]
        placed, timeline = place(stamps)
        assert placed == stamps
        assert (timeline.filled, timeline.repaired) == (0, 0)

    def test_slides_far_apart_pass_unchanged(self) -> None:
        stamps: list[int | None] = [0, 10_000, 20_000, 25_000, 60_000]
        assert place(stamps)[0] == stamps

    def test_missing_times_follow_on(self) -> None:
        placed, timeline = place([0, None, 80, None, None])
        assert placed == [0, 40, 80, 120, 160]
        assert timeline.filled == 3

    @pytest.mark.parametrize("wild", [90_000, -90_000])
    def test_one_wild_time_is_replaced(self, wild: int) -> None:
        placed, timeline = place([0, 40, 80, wild, 160, 200])
        assert placed == [0, 40, 80, 120, 160, 200]
        assert timeline.repaired == 1

    def test_a_pause_stays(self) -> None:
        placed, timeline = place([0, 40, 5000, 5040], last_end=Fraction(6))
        assert placed == [0, 40, 5000, 5040]
        assert timeline.repaired == 0

    def test_a_second_recording_is_laid_behind_the_first(self) -> None:
        placed, timeline = place([5000, 5040, 5080, 0, 40, 80])
        assert placed == [5000, 5040, 5080, 5120, 5160, 5200]
        assert timeline.repaired == 1

    def test_a_clock_that_runs_away_is_closed_up(self) -> None:
        placed, timeline = place([0, 40, 95_000_000, 95_000_040, 95_000_080], last_end=Fraction(1))
        assert placed == [0, 40, 80, 120, 160]
        assert timeline.repaired == 1
