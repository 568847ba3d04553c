"""The one pass over generated films with known answers."""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from media.making import CLICKS, SIZE, clicks, read, red_corner
from mediafm.errors import MediaError
from mediafm.media import FilmOptions, Picture, Sound, open_title, probe, write_film

MILLISECOND = 0.001


@pytest.mark.parametrize(
    ("suffix", "rate", "channels"),
    [
        ("mp4", 48_000, 1),
        ("mp4", 44_100, 2),
        ("mp4", 48_000, 6),
        ("mp4", 48_000, 8),
        ("mkv", 48_000, 2),
        ("mov", 44_100, 1),
        ("webm", 48_000, 2),
        ("m4a", 44_100, 2),
        ("ogg", 48_000, 1),
        ("wav", 22_050, 2),
        ("flac", 48_000, 8),
    ],
)
def test_clicks_stand_where_they_sound(tmp_path: Path, suffix: str, rate: int, channels: int) -> None:
    path = tmp_path / f"film.{suffix}"
    silent_film = suffix in ("m4a", "ogg", "wav", "flac")
    write_film(path, 25, SIZE, None if silent_film else red_corner(100), clicks(4, rate, channels), rate)
    result = read(path)
    assert result.start == 0
    assert result.clicks == pytest.approx(CLICKS, abs=MILLISECOND)
    assert np.abs(result.samples).max() <= 1.0
    # Equal channels mix to what each of them is, however many there are.
    assert np.abs(result.samples).max() == pytest.approx(0.8, abs=0.1)
    assert len(result.samples) / 16_000 == pytest.approx(4, abs=0.03)
    assert result.reader.failure == ""
    assert result.reader.decode_failures == 0
    assert result.info.audio[0].channels == channels
    assert result.info.audio[0].rate == rate
    assert (result.info.video is None) == silent_film
    assert len(result.pictures) == (0 if silent_film else 100)


def test_transport_stream_keeps_picture_and_sound_together(tmp_path: Path) -> None:
    # MPEG-TS starts at an arbitrary time and does not say that AAC begins with 1024 samples of priming, so the
    # title's zero is where those begin; what must hold is the distance of the click from the picture it belongs to.
    path = tmp_path / "film.ts"
    write_film(path, 25, SIZE, red_corner(100), clicks(4, 48_000), 48_000)
    result = read(path)
    assert result.info.start > 0
    assert [c - result.seconds(0) for c in result.clicks] == pytest.approx(CLICKS, abs=MILLISECOND)


def test_variable_frame_rate_is_exact(tmp_path: Path) -> None:
    path = tmp_path / "film.mkv"
    times = [0, 10, 70, 71, 200, 333, 1333]
    options = FilmOptions(frame_pts=times, time_base=Fraction(1, 1000))
    write_film(path, 25, SIZE, red_corner(len(times)), None, options=options)
    result = read(path)
    assert result.reader.time_base == Fraction(1, 1000)
    assert [pts for pts, _ in result.pictures] == times
    assert [d for _, d in result.pictures[:-1]] == list(np.diff(times))
    assert result.reader.end_pts == sum(result.pictures[-1])


def test_ntsc_rate_is_exact(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    write_film(path, Fraction(30000, 1001), SIZE, red_corner(90), None)
    result = read(path)
    assert [pts * result.reader.time_base for pts, _ in result.pictures] == [
        Fraction(1001 * i, 30000) for i in range(90)
    ]
    assert result.reader.end_pts * result.reader.time_base == Fraction(1001 * 90, 30000)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_sound_that_starts_later(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"film.{suffix}"
    options = FilmOptions(sound_start=Fraction(3, 2))
    write_film(path, 25, SIZE, red_corner(120), clicks(3, 48_000), 48_000, options=options)
    result = read(path)
    assert result.start is not None
    assert result.start / 16_000 == pytest.approx(1.5, abs=0.025)  # priming may be heard where a delay is written
    assert [c - result.seconds(0) for c in result.clicks] == pytest.approx([2.5, 4.0], abs=MILLISECOND)


def test_picture_that_starts_later(tmp_path: Path) -> None:
    path = tmp_path / "film.mkv"
    options = FilmOptions(frame_pts=range(500, 2500, 40), time_base=Fraction(1, 1000))
    write_film(path, 25, SIZE, red_corner(50), clicks(3, 48_000), options=options)
    result = read(path)
    assert result.info.start == 0
    assert result.start == 0
    assert result.pictures[0] == (500, 40)
    assert result.clicks == pytest.approx(CLICKS, abs=MILLISECOND)


def test_both_start_late_zero_is_the_first_of_them(tmp_path: Path) -> None:
    path = tmp_path / "film.mkv"
    options = FilmOptions(frame_pts=range(3000, 5000, 40), time_base=Fraction(1, 1000), sound_start=Fraction(7, 2))
    write_film(path, 25, SIZE, red_corner(50), clicks(3, 48_000), options=options)
    result = read(path)
    assert result.info.start == 3
    assert result.pictures[0][0] == 0
    assert result.clicks == pytest.approx([0.5 + c for c in CLICKS], abs=MILLISECOND)


def test_streams_come_interleaved(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    write_film(path, 25, SIZE, red_corner(250), clicks(10, 48_000), 48_000)
    worst = 0.0
    with open_title(path) as reader:
        picture_s = sound_s = 0.0
        for item in reader:
            if isinstance(item, Picture):
                picture_s = float(item.pts * reader.time_base)
            else:
                sound_s = (item.start + len(item.samples)) / reader.sample_rate
            worst = max(worst, abs(picture_s - sound_s))
    assert worst < 2


def test_other_sample_rate(tmp_path: Path) -> None:
    path = tmp_path / "film.mkv"
    write_film(path, 25, SIZE, red_corner(100), clicks(4, 48_000), 48_000)
    assert read(path, sample_rate=8_000).clicks == pytest.approx(CLICKS, abs=MILLISECOND)
    assert read(path, sample_rate=48_000).clicks == pytest.approx(CLICKS, abs=MILLISECOND)


def test_tone_keeps_its_shape(tmp_path: Path) -> None:
    path = tmp_path / "tone.flac"
    time = np.arange(3 * 44_100) / 44_100
    write_film(path, 25, SIZE, None, (0.5 * np.sin(2 * np.pi * 440 * time)).astype(np.float32), 44_100)
    samples = read(path).samples
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(len(samples)) / 16_000)
    assert np.abs(samples - expected)[200:-200].max() < 0.005


def test_hole_in_the_sound_is_zeros_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "hole.mkv"
    tone = np.full(48_000, 0.5, np.float32)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=48_000)
        stream.layout = "mono"
        for start in (0, 3 * 48_000):
            for at in range(0, len(tone), 4_800):
                frame = av.AudioFrame.from_ndarray(tone[None, at : at + 4_800], "flt", "mono")
                frame.sample_rate, frame.pts, frame.time_base = 48_000, start + at, Fraction(1, 48_000)
                container.mux(stream.encode(frame))
    result = read(path)
    assert len(result.samples) == 4 * 16_000
    assert result.reader.samples_filled == pytest.approx(2 * 16_000, abs=16)
    assert np.all(result.samples[17_000:47_000] == 0)
    assert np.all(np.abs(result.samples[49_000:63_000] - 0.5) < 0.01)


def test_a_picture_where_time_base_ticks_are_coarser_than_the_sounds_start(tmp_path: Path) -> None:
    # The zero is a whole tick of the picture's clock, at or before the first thing presented.
    path = tmp_path / "film.mkv"
    options = FilmOptions(sound_start=Fraction(1, 3))
    write_film(path, 25, SIZE, red_corner(50), clicks(3, 48_000), options=options)
    result = read(path)
    assert result.info.start == 0
    assert result.clicks == pytest.approx([Fraction(1, 3) + c for c in (1.0, 2.5)], abs=MILLISECOND)


def test_no_timestamps_are_filled_from_the_rate(tmp_path: Path) -> None:
    path = tmp_path / "raw.h264"  # a bare stream has no clock at all
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"bf": "0"})
        stream.width, stream.height = SIZE
        for i, image in enumerate(red_corner(25)):
            frame = av.VideoFrame.from_ndarray(image, "rgb24")
            frame.pts, frame.time_base = i, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    result = read(path)
    assert len(result.pictures) == 25
    assert result.seconds(24) == pytest.approx(24 / 25, abs=0.001)


def test_cover_art_is_no_film(tmp_path: Path) -> None:
    path = tmp_path / "song.mkv"
    with av.open(str(path), "w") as container:
        sound = container.add_stream("flac", rate=16_000)
        sound.layout = "mono"
        container.add_attachment("cover.png", "image/png", cv2.imencode(".png", next(red_corner(1)))[1].tobytes())
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 16_000), np.int16), "s16", "mono")
        frame.sample_rate, frame.pts, frame.time_base = 16_000, 0, Fraction(1, 16_000)
        container.mux(sound.encode(frame))
        container.mux(sound.encode())
    with av.open(str(path)) as container:
        assert len(container.streams.video) == 1  # to libav it is one picture long
    assert probe(path).video is None
    assert read(path).reader.frames_read == 0


def test_the_asked_language_is_read(tmp_path: Path) -> None:
    path = tmp_path / "film.mkv"
    with av.open(str(path), "w") as container:
        streams = []
        for language in ("deu", "eng"):
            stream = container.add_stream("pcm_s16le", rate=16_000)
            stream.layout = "mono"
            stream.metadata["language"] = language
            streams.append(stream)
        for stream, level in zip(streams, (0.25, 0.5), strict=True):
            frame = av.AudioFrame.from_ndarray(np.full((1, 16_000), level, np.float32), "flt", "mono")
            frame.sample_rate, frame.pts, frame.time_base = 16_000, 0, Fraction(1, 16_000)
            container.mux(stream.encode(frame))
    assert read(path).samples.mean() == pytest.approx(0.25, abs=0.01)
    english = read(path, audio_languages=["en"])
    assert english.samples.mean() == pytest.approx(0.5, abs=0.01)
    assert english.reader.audio_index == 1
    assert [t.language for t in english.info.audio] == ["de", "en"]


class TestUnreadable:
    def test_missing(self, tmp_path: Path) -> None:
        with pytest.raises(MediaError, match=r"gone\.mp4 does not exist"):
            probe(tmp_path / "gone.mp4")

    def test_folder(self, tmp_path: Path) -> None:
        with pytest.raises(MediaError, match="is a folder"):
            probe(tmp_path)

    def test_empty(self, tmp_path: Path) -> None:
        (tmp_path / "film.mp4").touch()
        with pytest.raises(MediaError, match="is empty"):
            probe(tmp_path / "film.mp4")

    def test_text(self, tmp_path: Path) -> None:
        (tmp_path / "film.mp4").write_text("This is no film.\n" * 100)
        with pytest.raises(MediaError, match=r"film\.mp4 is no film or sound file.*check that it plays"):
            probe(tmp_path / "film.mp4")

    def test_subtitles_alone(self, tmp_path: Path) -> None:
        (tmp_path / "film.vtt").write_text("WEBVTT\n\n00:01.000 --> 00:02.000\nHello\n")
        with pytest.raises(MediaError, match="is a subtitle file, not a film"):
            probe(tmp_path / "film.vtt")

    def test_playlist_does_not_reach_out(self, tmp_path: Path) -> None:
        (tmp_path / "film.mp4").write_text("#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n")
        with pytest.raises(MediaError):
            probe(tmp_path / "film.mp4")

    def test_name_with_a_colon(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        write_film("http:film.mkv", 25, SIZE, red_corner(5), None)
        assert read(Path("http:film.mkv")).reader.frames_read == 5


def test_reading_is_the_same_twice(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    write_film(path, 25, SIZE, red_corner(50), clicks(2, 44_100, 2), 44_100)
    first, second = read(path), read(path)
    assert first.pictures == second.pictures
    assert np.array_equal(first.samples, second.samples)


def test_sound_blocks_are_small(tmp_path: Path) -> None:
    path = tmp_path / "film.wav"
    write_film(path, 25, SIZE, None, clicks(3, 48_000), 48_000)
    with open_title(path) as reader:
        assert all(isinstance(s, Sound) and len(s.samples) <= 4096 for s in reader)
