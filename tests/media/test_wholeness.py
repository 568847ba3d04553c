"""Files that were cut off say so by their own size, even where libav finds nothing wrong."""

from pathlib import Path

import av
import numpy as np
import pytest

from media.making import busy, clicks, read
from mediafm.media import FilmOptions, write_film
from mediafm.media.wholeness import missing_bytes


def write(path: Path) -> None:
    if path.suffix in (".avi", ".wmv", ".aiff"):
        with av.open(str(path), "w") as container:
            codec = {".avi": "pcm_s16le", ".wmv": "wmav2", ".aiff": "pcm_s16be"}[path.suffix]
            stream = container.add_stream(codec, rate=44_100)
            stream.layout, stream.bit_rate = "mono", 128_000
            for at in range(0, 8 * 44_100, 4_410):
                frame = av.AudioFrame.from_ndarray(np.full((1, 4_410), 0.1, np.float32), "flt", "mono")
                frame.sample_rate, frame.pts = 44_100, at
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
    elif path.suffix == ".wav":
        write_film(path, 25, (96, 64), None, clicks(8, 44_100), 44_100)
    else:
        options = FilmOptions(video_codec="mpeg4" if path.suffix == ".mkv" else "")
        write_film(path, 25, (96, 64), busy(200, (96, 64)), clicks(8, 48_000), 48_000, options=options)


@pytest.mark.parametrize("suffix", ["mkv", "webm", "avi", "wmv", "aiff", "wav"])
def test_a_whole_file_misses_nothing_and_a_cut_one_says_how_much(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"film.{suffix}"
    write(path)
    data = path.read_bytes()
    assert missing_bytes(path) == 0
    cut = len(data) // 10  # less than two seconds of the film
    path.write_bytes(data[:-cut])
    assert missing_bytes(path) == pytest.approx(cut, abs=128)
    assert "cut off or is damaged" in read(path).reader.failure


@pytest.mark.parametrize(
    "head",
    [
        b"RIFF\xff\xff\xff\xffWAVE",
        b"RIFF\0\0\0\0WAVE",
        b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff",
        b"\0\0\0\0mdat",
        b"\0\0\0\x01mdat",
        b"OggS",
        b"R",
    ],
)
def test_files_that_do_not_know_their_size(tmp_path: Path, head: bytes) -> None:
    (tmp_path / "film").write_bytes(head)
    assert missing_bytes(tmp_path / "film") == 0


def test_noise(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for mark in (
        b"RIFF",
        b"FORM",
        b"\x1a\x45\xdf\xa3",
        b"\0\0\0\x20ftyp",
        bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"),
    ):
        for n in (0, 1, 7, 30, 5000):
            (tmp_path / "film").write_bytes(mark + rng.bytes(n))
            assert missing_bytes(tmp_path / "film") >= 0
