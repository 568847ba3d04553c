"""Pictures that are lost: counted, and in their true place; sound that is lost: marked."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from media.making import busy, clicks, numbered, read
from mediafm.media import FilmOptions, Sound, SoundCutter, open_title, write_film
from mediafm.media.losses import BadRun, LostPictures

FPS = 25


def damaged(path: Path, packets: list[int], kind: str = "video", seed: int = 0) -> None:
    """Put noise into some packets of one track, leaving what holds them together alone."""
    data, rng = bytearray(path.read_bytes()), np.random.default_rng(seed)
    with av.open(str(path)) as container:
        (stream,) = [s for s in container.streams if s.type == kind]
        spans = [(p.pos, p.size) for p in container.demux(stream) if p.size]
    for i in packets:
        begin, end = spans[i][0] + 8, spans[i][0] + spans[i][1]
        data[begin:end] = rng.integers(0, 255, max(0, end - begin), dtype=np.uint8).tobytes()
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("suffix", "codec", "options"),
    [
        ("mp4", "libx264", {"bf": "3", "g": "25"}),
        ("mkv", "libx265", {"preset": "ultrafast", "x265-params": "log-level=none:keyint=20"}),
        ("webm", "libvpx", {"deadline": "realtime", "lag-in-frames": "16", "auto-alt-ref": "1"}),
        ("webm", "libvpx-vp9", {"deadline": "realtime", "cpu-used": "8"}),
        ("mkv", "ffv1", {"g": "1"}),
    ],
)
def test_lost_pictures_are_counted_where_they_were(
    tmp_path: Path, suffix: str, codec: str, options: dict[str, str]
) -> None:
    path = tmp_path / f"film.{suffix}"
    write_film(
        path, FPS, (96, 64), busy(100, (96, 64)), None, options=FilmOptions(video_codec=codec, codec_options=options)
    )
    assert read(path).lost == [0] * 100
    damaged(path, [20, 40, 41, 42, 63])
    result = read(path)
    assert result.reader.failure == ""
    numbers = [round(result.seconds(i) * FPS) for i in range(len(result.pictures))]
    gaps = [b - a - 1 for a, b in zip([-1, *numbers], numbers, strict=False)]
    assert result.lost == gaps
    assert 2 <= sum(gaps) <= 25
    assert result.reader.pictures_lost == result.reader.decode_failures == sum(gaps) + result.reader.lost_at_end


def test_lost_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "film.mkv"
    write_film(path, FPS, (96, 64), busy(50, (96, 64)), None, options=FilmOptions(video_codec="ffv1"))
    damaged(path, [47, 48, 49])
    result = read(path)
    assert (len(result.pictures), result.reader.lost_at_end, sum(result.lost)) == (47, 3, 0)


def test_lost_at_the_start_does_not_move_the_clock(tmp_path: Path) -> None:
    path = tmp_path / "film.mkv"
    options = FilmOptions(video_codec="ffv1", codec_options={"g": "1"})
    write_film(path, FPS, (96, 64), busy(50, (96, 64)), None, options=options)
    damaged(path, [0, 1])
    result = read(path)
    assert (result.seconds(0), result.lost[0], result.info.start) == (2 / FPS, 2, 0)


def test_a_film_goes_on_after_a_scratch_and_ends_in_endless_noise(tmp_path: Path) -> None:
    path = tmp_path / "film.mkv"
    options = FilmOptions(video_codec="ffv1", codec_options={"g": "1"}, time_base=Fraction(1, 5))
    write_film(path, 5, (96, 64), numbered(150), clicks(30, 8_000), 8_000, options=options)
    intact = path.read_bytes()
    damaged(path, [*range(50, 98)])  # 9.6 s
    result = read(path, images=True)
    assert (result.reader.failure, result.reader.pictures_lost) == ("", 48)
    assert result.numbers == [*range(50), *range(98, 150)]
    assert (result.lost[50], sum(result.lost)) == (48, 48)
    path.write_bytes(intact)
    damaged(path, [*range(50, 110)])
    result = read(path, images=True)
    assert "packets in a row of its video would not decode" in result.reader.failure
    assert result.numbers == list(range(50))


def test_lost_sound_beside_a_picture_ends_nothing_and_is_marked(tmp_path: Path) -> None:
    path = tmp_path / "film.mkv"
    write_film(path, 5, (96, 64), numbered(150), clicks(30, 48_000), 48_000, options=FilmOptions(audio_codec="flac"))
    damaged(path, [*range(90, 240)], "audio")  # 4608 samples each: 8.64 to 23.04 s
    cutter = SoundCutter()
    with open_title(path) as reader:
        for item in reader:
            if isinstance(item, Sound):
                cutter.push(item)
        assert (reader.failure, reader.frames_read, reader.pictures_lost) == ("", 150, 0)
        assert reader.decode_failures >= 140
    assert cutter.cut(0, 8 * 16_000) is not None
    assert cutter.missing == 0
    assert cutter.cut(9 * 16_000, 22 * 16_000) is None
    assert cutter.missing == 13 * 16_000
    assert cutter.cut(22 * 16_000, 24 * 16_000) is not None
    assert cutter.missing == pytest.approx(1.04 * 16_000, abs=16)


class TestLostPictures:
    def test_an_error_belongs_where_a_packet_was_passed_over(self) -> None:
        lost = LostPictures(exact=False)
        for pts in (0, 30, 10, 20):  # decoded in this order, shown in another; 10 fails, and the error comes late
            lost.sent(pts)
        assert lost.came(0, whole=True) == 0
        lost.failed()
        assert lost.came(20, whole=True) == 1
        assert lost.came(30, whole=True) == 0
        assert (lost.total, lost.rest()) == (1, 0)

    def test_an_error_waits_for_pictures_that_come_before_it(self) -> None:
        lost = LostPictures(exact=False)
        for pts in (0, 30, 10, 20, 40):
            lost.sent(pts)
        lost.failed()  # it is 30 that failed
        assert [lost.came(pts, whole=True) for pts in (0, 10, 20, 40)] == [0, 0, 0, 1]

    def test_pictures_that_are_never_shown_count_for_nothing(self) -> None:
        lost = LostPictures(exact=False)
        for pts in (0, 1, 10, 11, 20):
            lost.sent(pts)
        assert [lost.came(pts, whole=True) for pts in (0, 10, 20)] == [0, 0, 0]

    def test_what_vanishes_without_a_word_counts_where_packets_are_pictures(self) -> None:
        lost = LostPictures(exact=True)
        for pts in (0, 10, 20, 30, 40):
            lost.sent(pts)
        assert [lost.came(pts, whole=True) for pts in (0, 30)] == [0, 2]
        assert (lost.rest(), lost.total) == (1, 3)

    def test_damaged_ones_are_told_by_the_next(self) -> None:
        lost = LostPictures(exact=True)
        for pts in (0, 10, 20, 30):
            lost.sent(pts)
        assert [lost.came(0, True), lost.came(10, False), lost.came(20, False), lost.came(30, True)] == [0, 0, 0, 2]

    def test_without_times_the_next_picture_tells(self) -> None:
        lost = LostPictures(exact=False)
        lost.failed()
        lost.failed()
        assert (lost.came(None, whole=True), lost.rest()) == (2, 0)

    def test_a_clock_that_jumps_back(self) -> None:
        lost = LostPictures(exact=True)
        for pts in (1000, 1010, 1020):
            lost.sent(pts)
            lost.came(pts, whole=True)
        lost.sent(0)
        lost.failed()
        assert lost.came(10, whole=True) == 1


class TestBadRun:
    def test_time_ends_it(self) -> None:
        run = BadRun()
        for i in range(250):
            run.bad(Fraction(i, 25))
            assert not run.too_long
        run.bad(Fraction(10))
        assert run.too_long
        run.good()
        assert not run.too_long

    def test_few_packets_do_not(self) -> None:
        run = BadRun()
        for i in range(7):
            run.bad(Fraction(60 * i))
        assert not run.too_long

    def test_without_times_their_number_does(self) -> None:
        run = BadRun()
        for _ in range(1000):
            assert not run.too_long
            run.bad(None)
        assert run.too_long
