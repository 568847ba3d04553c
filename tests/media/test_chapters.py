"""Chapters as the containers of films and podcasts keep them."""

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from mediafm.media import probe

CHAPTERS = [("Opening", 0, 1250), ("The long middle \u2013 Mitte", 1250, 2001), ("End", 2001, 3000)]  # milliseconds


def write_sound(path: Path, codec: str, chapters: list[tuple[str, int, int]] = ()) -> Path:
    """Three seconds of noise."""
    noise = np.random.default_rng(1).uniform(-0.3, 0.3, (1, 3 * 44_100)).astype(np.float32)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=44_100)
        stream.layout = "mono"
        if chapters:
            container.set_chapters(
                [
                    {"id": n, "start": a, "end": b, "time_base": Fraction(1, 1000), "metadata": {"title": title}}
                    for n, (title, a, b) in enumerate(chapters)
                ]
            )
        frame = av.AudioFrame.from_ndarray(noise, "flt", "mono")
        frame.sample_rate, frame.pts, frame.time_base = 44_100, 0, Fraction(1, 44_100)
        resampler = av.AudioResampler(stream.format.name, "mono", 44_100, stream.codec_context.frame_size or 1024)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    return path


def id3(chapters: list[tuple[str, int, int]]) -> bytes:
    """An ID3v2.3 tag of CHAP frames, as podcast tools write it (id3.org/id3v2-chapters-1.0)."""

    def frame(name: bytes, body: bytes) -> bytes:
        return name + struct.pack(">IH", len(body), 0) + body

    frames = b""
    for n, (title, start, end) in enumerate(chapters):
        times = struct.pack(">IIII", start, end, 0xFFFFFFFF, 0xFFFFFFFF)
        frames += frame(b"CHAP", b"c%d\0" % n + times + frame(b"TIT2", b"\x01" + title.encode("utf-16")))
    size = len(frames)
    return b"ID3\x03\x00\x00" + bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0)) + frames


@pytest.mark.parametrize(("suffix", "codec"), [("mkv", "pcm_s16le"), ("m4a", "aac"), ("mka", "flac")])
def test_chapters_of_films(tmp_path: Path, suffix: str, codec: str) -> None:
    info = probe(write_sound(tmp_path / f"film.{suffix}", codec, CHAPTERS))
    begin = Fraction(0) if suffix != "m4a" else info.start
    assert [(c.title, c.start + begin, c.end + begin) for c in info.chapters] == [
        (title, Fraction(start, 1000), Fraction(end, 1000)) for title, start, end in CHAPTERS
    ]


def test_chapters_of_a_podcast(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "plain.mp3", "libmp3lame")
    data = path.read_bytes()
    own_tag = 10 + sum(b << s for b, s in zip(data[6:10], (21, 14, 7, 0), strict=True)) if data[:3] == b"ID3" else 0
    podcast = tmp_path / "podcast.mp3"
    podcast.write_bytes(id3(CHAPTERS) + data[own_tag:])
    info = probe(podcast)
    assert [c.title for c in info.chapters] == [title for title, *_ in CHAPTERS]
    # An MP3's zero is where its encoder's delay ends; chapters count from the file's start, as players do.
    starts = [c.start_s for c in info.chapters]
    assert starts == pytest.approx([start / 1000 for _, start, _ in CHAPTERS], abs=0.06)
