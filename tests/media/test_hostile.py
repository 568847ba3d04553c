"""Files made to do harm: they reach nothing beside themselves, and take no more than a file of their size may."""

import os
import socket
import struct
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.format import ContainerFormat

from media.atoms import alias, changed
from media.making import clicks, numbered, read
from mediafm.errors import MediaError
from mediafm.media import FilmOptions, Sound, open_title, probe, write_film
from mediafm.media.container import _FORMATS
from mediafm.media.limits import MAX_LENGTH_S, longest

SIZE = (96, 64)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Somebody who would notice a visit."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server
        with pytest.raises(BlockingIOError):
            server.accept()


PLAYLISTS = {
    "hls.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{where}\n#EXT-X-ENDLIST\n",
    "hls.mp4": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{where}\n#EXT-X-ENDLIST\n",
    "list.mkv": "ffconcat version 1.0\nfile '{where}'\n",
    "dash.mp4": '<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" profiles='
    '"urn:mpeg:dash:profile:isoff-on-demand:2011"><BaseURL>{where}</BaseURL><Period><AdaptationSet>'
    '<Representation id="1"/></AdaptationSet></Period></MPD>',
    "session.ts": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video {port} RTP/AVP 33\n",
    "radio.mp3": "[playlist]\nNumberOfEntries=1\nFile1={where}\n",
    "windows.wmv": '<asx version="3.0"><entry><ref href="{where}"/></entry></asx>',
}


@pytest.mark.parametrize("name", PLAYLISTS)
@pytest.mark.parametrize("remote", [True, False], ids=["host", "file"])
def test_playlists_reach_nothing(tmp_path: Path, listener: socket.socket, name: str, remote: bool) -> None:
    write_film(tmp_path / "other.ts", 25, SIZE, numbered(10), None)
    port = listener.getsockname()[1]
    where = f"http://127.0.0.1:{port}/film.ts" if remote else str(tmp_path / "other.ts")
    (tmp_path / name).write_text(PLAYLISTS[name].format(where=where, port=port))
    with pytest.raises(MediaError, match=r"is a (playlist|streaming manifest|description of a broadcast), not a film"):
        probe(tmp_path / name)


@pytest.mark.parametrize("head", ["1\n00:00:01,000 --> 00:00:02,000\nHi\n", "\ufeffWEBVTT\n\n", "[Script Info]\n"])
def test_subtitles_are_no_film(tmp_path: Path, head: str) -> None:
    (tmp_path / "film.mkv").write_text(head * 3)
    with pytest.raises(MediaError, match="is a subtitle file, not a film"):
        probe(tmp_path / "film.mkv")


@pytest.mark.parametrize("head", ["<svg xmlns='http://www.w3.org/2000/svg'></svg>", ";FFMETADATA1\ntitle=x\n"])
def test_other_things_that_libav_knows_are_no_film(tmp_path: Path, head: str) -> None:
    (tmp_path / "film.mkv").write_text(head)
    with pytest.raises(MediaError, match="in a format that is not read here"):
        probe(tmp_path / "film.mkv")


def test_a_name_with_a_pattern_is_one_file(tmp_path: Path) -> None:
    for name in ("film1.png", "film%d.png"):
        (tmp_path / name).write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    with pytest.raises(MediaError):
        probe(tmp_path / "film%d.png")


def test_formats_that_may_be_read_are_known_to_libav() -> None:
    for name in _FORMATS.split(","):
        assert ContainerFormat(name, "r").is_input


def test_a_track_in_another_file_is_not_followed(tmp_path: Path) -> None:
    options = FilmOptions(video_codec="mpeg4", codec_options={"qscale": "2"})
    write_film(tmp_path / "other.mov", 25, SIZE, numbered(40), None, options=options)
    write_film(tmp_path / "own.mov", 25, SIZE, (255 - i for i in numbered(40)), None, options=options)
    path = tmp_path / "film.mov"
    path.write_bytes(changed((tmp_path / "own.mov").read_bytes(), 0, {b"dref": alias(str(tmp_path / "other.mov"))}))
    with av.open(str(path), options={"enable_drefs": "1", "use_absolute_path": "1"}) as container:
        strange = next(container.decode(video=0)).to_ndarray(format="rgb24")
    assert np.abs(strange.astype(int) - next(numbered(1))).mean() < 10  # the trap is set: libav can be made to follow
    try:
        images = read(path, images=True).images
    except MediaError:
        images = []
    assert all(np.abs(i.astype(int) - (255 - next(numbered(1)))).mean() < 30 for i in images[:1])


def test_pipes_and_devices_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "film.mp4")
    with pytest.raises(MediaError, match="is a pipe or a device"):
        probe(tmp_path / "film.mp4")


class TestHeaders:
    def test_giant_pictures(self, tmp_path: Path) -> None:
        path = tmp_path / "film.mkv"
        options = FilmOptions(video_codec="ffv1")
        write_film(path, 25, (320, 272), numbered(5, size=(320, 272)), None, options=options)
        for width, height in ((30_000, 30_000), (16_385, 272), (12_000, 12_000)):
            data = path.read_bytes().replace(b"\xb0\x82\x01\x40", b"\xb0\x82" + struct.pack(">H", width), 1)
            (tmp_path / "giant.mkv").write_bytes(
                data.replace(b"\xba\x82\x01\x10", b"\xba\x82" + struct.pack(">H", height), 1)
            )
            with pytest.raises(MediaError, match=r"claim to be|could be decoded"):
                probe(tmp_path / "giant.mkv")

    @pytest.mark.parametrize("rate", [1, 999, 1_000_001, 4_000_000_000])
    def test_mad_sample_rates(self, tmp_path: Path, rate: int) -> None:
        path = tmp_path / "sound.wav"
        write_film(path, 25, SIZE, None, clicks(3, 8_000), 8_000)
        data = bytearray(path.read_bytes())
        struct.pack_into("<I", data, 24, rate)
        path.write_bytes(data)
        with pytest.raises(MediaError):
            read(path)

    def test_mad_pixel_shapes_count_as_square(self, tmp_path: Path) -> None:
        path = tmp_path / "film.mp4"
        write_film(path, 25, SIZE, numbered(5), None, options=FilmOptions(sample_aspect_ratio=Fraction(60_000, 1)))
        track = probe(path).video
        assert track is not None
        assert (track.display_width, track.display_height) == SIZE

    def test_hundreds_of_tracks(self, tmp_path: Path) -> None:
        path = tmp_path / "film.mkv"
        with av.open(str(path), "w") as container:
            for _ in range(300):
                container.add_stream("pcm_s16le", rate=8_000).layout = "mono"  # type: ignore[union-attr]
            container.start_encoding()
        with pytest.raises(MediaError):
            probe(path)

    def test_a_stated_length_that_the_file_cannot_hold(self, tmp_path: Path) -> None:
        path = tmp_path / "film.mkv"
        write_film(path, 25, SIZE, numbered(50), None)
        data = path.read_bytes()
        at = data.index(b"\x44\x89\x88") + 3  # the duration, a double
        path.write_bytes(data[:at] + struct.pack(">d", 1e12) + data[at + 8 :])
        info = probe(path)
        assert info.duration is None
        assert 3600 < longest(path) < 4 * 3600
        assert len(read(path).pictures) == 50

    def test_no_file_is_longer_than_a_week(self, tmp_path: Path) -> None:
        with (tmp_path / "film.mkv").open("wb") as file:
            file.truncate(1 << 40)
        assert longest(tmp_path / "film.mkv") == MAX_LENGTH_S


class TestClocks:
    def sound(self, path: Path, starts: tuple[int, ...]) -> None:
        """A fifth of a second of sound at each of the starts."""
        with av.open(str(path), "w") as container:
            stream = container.add_stream("pcm_s16le", rate=8_000)
            stream.layout = "mono"
            for start in starts:
                for i in range(2):
                    frame = av.AudioFrame.from_ndarray(np.full((1, 800), 0.5, np.float32), "flt", "mono")
                    frame.sample_rate, frame.time_base = 8_000, Fraction(1, 8_000)
                    frame.pts = start * 8_000 + 800 * i
                    container.mux(stream.encode(frame))

    def test_a_hole_of_years_is_closed(self, tmp_path: Path) -> None:
        path = tmp_path / "sound.mkv"
        self.sound(path, (0, 10**8))
        result = read(path)
        assert (len(result.samples), result.reader.samples_filled, result.reader.times_repaired) == (6_400, 0, 1)

    def test_holes_that_add_up_to_years_are_closed(self, tmp_path: Path) -> None:
        path = tmp_path / "sound.mkv"
        self.sound(path, tuple(i * 1_000 for i in range(40)))
        ends, repaired = [], 0
        with open_title(path, sample_rate=100) as reader:
            ends = [item.start + len(item.samples) for item in reader if isinstance(item, Sound)]
            repaired = reader.times_repaired
        assert ends[-1] / 100 < longest(path) + 100 < 40_000 - 100
        assert 0 < repaired < 40

    def test_pictures_that_jump_years_ahead_are_laid_behind(self, tmp_path: Path) -> None:
        path = tmp_path / "film.mkv"
        times = [*range(0, 1000, 40), *range(10**11, 10**11 + 1000, 40)]
        options = FilmOptions(frame_pts=times, time_base=Fraction(1, 1000))
        write_film(path, 25, SIZE, numbered(50), None, options=options)
        result = read(path)
        assert [pts for pts, _ in result.pictures] == list(range(0, 2000, 40))

    def test_sound_that_starts_years_after_the_picture(self, tmp_path: Path) -> None:
        path = tmp_path / "film.mkv"
        write_film(
            path, 25, SIZE, numbered(50), clicks(2, 8_000), 8_000, options=FilmOptions(sound_start=Fraction(10**8))
        )
        result = read(path)
        assert result.start == 0
        assert result.reader.end_pts * result.reader.time_base < 3

    def test_a_picture_that_claims_to_last_for_years(self, tmp_path: Path) -> None:
        path = tmp_path / "film.mp4"
        write_film(path, 25, SIZE, numbered(3), None, options=FilmOptions(video_codec="mpeg4"))
        data = path.read_bytes()
        stts = struct.pack(">IIIIII", 0, 2, 2, 512, 1, 2**31 - 1)
        path.write_bytes(changed(data, 0, {b"stts": stts, b"edts": None}))
        result = read(path)
        assert len(result.pictures) == 3
        assert result.pictures[-1][1] <= 3700 / result.reader.time_base
