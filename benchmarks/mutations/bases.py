"""Small whole films in every container and codec that this build of PyAV can write: what mutants are made from."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.codec import codecs_available

FPS, SIZE = 25, (160, 120)


@dataclass(frozen=True)
class Base:
    """A film to be written: encoder names as PyAV has them, "" for no such track."""

    suffix: str
    video: str = ""
    audio: str = ""
    text: str = ""
    rate: int = 48_000
    layout: str = "stereo"
    options: dict[str, str] = field(default_factory=dict)
    pixels: str = "yuv420p"


_X264 = {"preset": "veryfast", "g": "25", "bf": "2"}
BASES = [
    Base("mp4", "libx264", "aac", options=_X264),
    Base("mp4", "libx265", "aac", options={"preset": "ultrafast", "x265-params": "log-level=none:keyint=25"}),
    Base("mp4", "mpeg4", "libmp3lame", layout="mono", rate=44_100),
    Base("mov", "prores_ks", "pcm_s16be", pixels="yuv422p10le"),
    Base("mov", "mjpeg", "alac", pixels="yuvj420p"),
    Base("m4v", "libx264", "ac3", layout="5.1", options=_X264),
    Base("3gp", "h263", "libopencore_amrnb", rate=8_000, layout="mono"),
    Base("mkv", "libx264", "flac", "subrip", options=_X264),
    Base("mkv", "ffv1", "pcm_s16le", "ass"),
    Base("mkv", "libvpx-vp9", "libopus", options={"deadline": "realtime", "cpu-used": "8"}),
    Base("webm", "libvpx", "vorbis", options={"deadline": "realtime", "cpu-used": "8"}),
    Base("webm", "libsvtav1", "libopus", options={"preset": "12"}),
    Base("avi", "mpeg4", "libmp3lame", rate=44_100),
    Base("avi", "mjpeg", "pcm_s16le", rate=22_050, pixels="yuvj420p"),
    Base("avi", "huffyuv", "adpcm_ms", rate=22_050, pixels="yuv422p"),
    Base("ts", "libx264", "aac", options=_X264),
    Base("ts", "mpeg2video", "mp2"),
    Base("mpg", "mpeg1video", "mp2", rate=44_100),
    Base("flv", "flv", "libmp3lame", rate=44_100),
    Base("flv", "libx264", "aac", rate=44_100, options=_X264),
    Base("wmv", "wmv2", "wmav2", rate=44_100),
    Base("mxf", "mpeg2video", "pcm_s16le"),
    Base("nut", "ffv1", "flac"),
    Base("gif", "gif", pixels="rgb8"),
    Base("ogg", audio="libopus"),
    Base("oga", audio="vorbis"),
    Base("wav", audio="pcm_s16le", rate=22_050),
    Base("flac", audio="flac"),
    Base("mp3", audio="libmp3lame", rate=44_100),
    Base("aac", audio="aac"),
    Base("ac3", audio="ac3", layout="5.1"),
    Base("m4a", audio="alac", rate=44_100),
    Base("aiff", audio="pcm_s16be", rate=44_100),
    Base("wma", audio="wmav2", rate=44_100),
]


def write_bases(folder: Path, seconds: float, only: slice = slice(None)) -> list[Path]:
    """Write the base films that can be written here; their paths, in order. The same every time."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for number, base in list(enumerate(BASES))[only]:
        path = folder / f"base{number:02}.{base.suffix}"
        if all(c in codecs_available for c in (base.video, base.audio) if c):
            try:
                _write(path, base, seconds)
            except (av.FFmpegError, ValueError):
                path.unlink(missing_ok=True)
            else:
                written.append(path)
    return written


def _write(path: Path, base: Base, seconds: float) -> None:
    with av.open(str(path), "w") as container:
        video, audio, text = _streams(container, base)
        heard = 0
        for number, frame in enumerate(_frames(base, round(seconds * FPS)) if video else ()):
            if text and number % 25 == 5:
                container.mux(_cue(text, number * 40))
            container.mux(video.encode(frame))
            while audio and heard * 10 * FPS < number * base.rate * 10:
                container.mux(audio.encode(_sound(base, heard)))
                heard += base.rate // 10
        while audio and heard < seconds * base.rate:
            container.mux(audio.encode(_sound(base, heard)))
            heard += base.rate // 10
        for stream in (video, audio):
            if stream:
                container.mux(stream.encode())


def _streams(container: Any, base: Base) -> tuple[Any, Any, Any]:
    video = container.add_stream(base.video, rate=FPS, options=base.options) if base.video else None
    if video:
        video.width, video.height = SIZE if base.video != "h263" else (176, 144)
        video.pix_fmt = base.pixels
    strict = {"strict": "-2"} if base.audio == "vorbis" else {}  # libav's own encoder counts as an experiment
    audio = container.add_stream(base.audio, rate=base.rate, options=strict) if base.audio else None
    if audio:
        audio.layout = base.layout
        if base.audio == "wmav2":
            audio.bit_rate = 128_000
    text = container.add_stream(base.text) if base.text else None
    if text:
        text.codec_context.subtitle_header = b"[Script Info]\n[V4+ Styles]\n[Events]\n"
        text.codec_context.time_base = text.time_base = Fraction(1, 1000)
    return video, audio, text


def _frames(base: Base, n: int) -> Iterator[Any]:
    """Moving noise over a ground that changes each second: something to code, and cuts."""
    rng = np.random.default_rng(7)
    width, height = SIZE if base.video != "h263" else (176, 144)
    for number in range(n):
        image = np.full((height, width, 3), (number // FPS * 70) % 256, np.uint8)
        band = image[(3 * number) % (height - 20) :][:20]
        band[:] = rng.integers(0, 255, band.shape)
        frame = av.VideoFrame.from_ndarray(image, "rgb24").reformat(format=base.pixels)
        frame.pts, frame.time_base = number, Fraction(1, FPS)
        yield frame


def _sound(base: Base, first: int) -> Any:
    n = base.rate // 10
    tone = 0.4 * np.sin(2 * np.pi * 330 * (first + np.arange(n)) / base.rate)
    channels = {"mono": 1, "stereo": 2, "5.1": 6}[base.layout]
    packed = np.repeat(tone[:, None], channels, 1).astype(np.float32).reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(packed, "flt", base.layout)
    frame.sample_rate, frame.pts, frame.time_base = base.rate, first, Fraction(1, base.rate)
    return frame


def _cue(stream: Any, at_ms: int) -> Any:
    from av.subtitles.subtitle import SubtitleSet

    event = SubtitleSet.create(f"{at_ms},0,Default,,0,0,0,,Said at {at_ms}".encode(), start=0, end=700, pts=at_ms)
    packet = stream.codec_context.encode_subtitle(event)
    packet.stream, packet.time_base = stream, Fraction(1, 1000)
    return packet
