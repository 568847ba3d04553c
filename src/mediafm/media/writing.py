"""Writing playable films: for synthetic catalogues, and for tests that need a file with known answers."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pysubs2
from av.codec import codecs_available
from av.container import OutputContainer
from av.subtitles.subtitle import SubtitleSet

from mediafm.errors import MediaError, UsageError
from mediafm.media.container import reason_of
from mediafm.types import Cue, FloatArray, ImageArray

_H264 = ("libx264", "mpeg4")  # the first that this build of PyAV can write
_FORMATS: dict[str, tuple[tuple[str, ...], str, str]] = {  # suffix -> video codecs, audio codec, text codec
    ".mp4": (_H264, "aac", "mov_text"),
    ".m4v": (_H264, "aac", "mov_text"),
    ".mov": (_H264, "aac", "mov_text"),
    ".mkv": (_H264, "aac", "subrip"),
    ".ts": (_H264, "aac", ""),
    ".webm": (("libvpx-vp9",), "libopus", ""),
    ".m4a": ((), "aac", ""),
    ".ogg": ((), "libopus", ""),
    ".wav": ((), "pcm_s16le", ""),
    ".flac": ((), "flac", ""),
}
_OPTIONS = {
    "libx264": {"preset": "veryfast", "crf": "20"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "crf": "24"},
    "mpeg4": {"qscale": "3"},
}
_LAYOUTS = {1: "mono", 2: "stereo", 3: "3.0", 4: "quad", 6: "5.1", 8: "7.1"}
_MS = Fraction(1, 1000)


@dataclass(frozen=True, slots=True)
class FilmOptions:
    """What a film may need beyond the usual. Everything has the usual value unless given.

    video_codec, audio_codec: PyAV encoder names; "" is the usual one of the file's format.
    frame_pts: when each picture appears, rising, in ticks of `time_base`; None is one after the other at `fps`.
    sound_start: seconds at which the first sample sounds.
    rotation: degrees counter-clockwise (0, 90, 180, 270) by which a player is to turn the pictures.
    sample_aspect_ratio: width of a pixel over its height.
    codec_options: for the video encoder, in place of the usual ones.
    """

    video_codec: str = ""
    audio_codec: str = ""
    pixel_format: str = "yuv420p"
    frame_pts: Sequence[int] | None = None
    time_base: Fraction | None = None
    sound_start: Fraction = Fraction(0)
    rotation: int = 0
    sample_aspect_ratio: Fraction = Fraction(1)
    codec_options: dict[str, str] = field(default_factory=dict)


def write_film(
    path: Path | str,
    fps: Fraction | int,
    size: tuple[int, int],
    frames: Iterable[ImageArray] | None,
    samples: FloatArray | None,
    sample_rate: int = 48_000,
    subtitles: Sequence[Cue] | None = None,
    options: FilmOptions | None = None,
) -> None:
    """Write a film; its suffix chooses the container and the usual codecs.

    frames: RGB uint8 [h, w, 3] of `size` (width, height), taken one at a time; None: no picture. samples: float32 [n]
    mono or [n, channels] in [-1, 1]; None: no sound. subtitles: cues embedded as a text track (MP4 and Matroska).
    Streams are written interleaved, so memory does not grow with the number of frames. The file appears only when it
    is whole. Raises UsageError for a combination that cannot be, MediaError where an encoder refuses.
    """
    path = Path(path)
    options = options or FilmOptions()
    if path.suffix.lower() not in _FORMATS:
        raise UsageError(f"{path}: unknown film format.", f"Use one of {', '.join(_FORMATS)}.")
    if frames is None and samples is None:
        raise UsageError(f"{path}: a film needs picture or sound.", "Give frames or samples.")
    part = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        with av.open(str(part.absolute()), "w") as container:
            _Film(container, path, Fraction(fps), size, options).write(frames, samples, sample_rate, subtitles or ())
        part.replace(path)
    except (av.FFmpegError, ValueError) as error:
        raise MediaError(f"{path} could not be written: {reason_of(error)}.", "Try other codecs or sizes.") from error
    finally:
        part.unlink(missing_ok=True)


class _Film:
    """One film being written: its streams, and how far each has come."""

    def __init__(
        self, container: OutputContainer, path: Path, fps: Fraction, size: tuple[int, int], options: FilmOptions
    ) -> None:
        self._container, self._path, self._fps, self._size, self._options = container, path, fps, size, options
        self._video_codecs, self._audio_codec, self._text_codec = _FORMATS[path.suffix.lower()]

    def write(
        self, frames: Iterable[ImageArray] | None, samples: FloatArray | None, rate: int, cues: Sequence[Cue]
    ) -> None:
        # All streams must stand before the first packet is written.
        video = self._video_stream() if frames is not None else None
        sound = self._sound_packets(samples, rate) if samples is not None else iter(())
        text = self._text_packets(cues) if cues else iter(())
        queues = [_Queue(sound), _Queue(text)]
        for time, packets in self._picture_packets(video, frames) if video is not None and frames is not None else ():
            for queue in queues:
                self._container.mux(queue.until(time))
            self._container.mux(packets)
        for queue in queues:
            while queue.head is not None:
                self._container.mux(queue.until(queue.head[0] + 1))

    def _video_stream(self) -> Any:
        codec = self._options.video_codec or next((c for c in self._video_codecs if c in codecs_available), "")
        if not codec:
            raise UsageError(f"{self._path}: this format holds no picture here.", "Use .mp4 or .mkv.")
        stream: Any = self._container.add_stream(
            codec, rate=self._fps, options=self._options.codec_options or _OPTIONS.get(codec)
        )
        stream.width, stream.height = self._size
        stream.pix_fmt = self._options.pixel_format
        stream.codec_context.time_base = self._options.time_base or 1 / self._fps
        stream.codec_context.sample_aspect_ratio = self._options.sample_aspect_ratio
        if self._options.rotation:
            stream.set_display_rotation(self._options.rotation)
        return stream

    def _picture_packets(self, stream: Any, frames: Iterable[ImageArray]) -> Iterator[tuple[Fraction, list[Any]]]:
        """(time of the picture just taken, packets that came out)"""
        time_base = stream.codec_context.time_base
        for number, image in enumerate(frames):
            if image.shape != (self._size[1], self._size[0], 3):
                raise UsageError(f"{self._path}: frame {number} is {image.shape}, not {self._size}.", "Render it anew.")
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), "rgb24")
            frame.pts = number if self._options.frame_pts is None else self._options.frame_pts[number]
            frame.time_base = time_base
            yield frame.pts * time_base, stream.encode(frame)
        yield Fraction(0), stream.encode()

    def _sound_packets(self, samples: FloatArray, rate: int) -> Iterator[tuple[Fraction, list[Any]]]:
        stacked = samples.reshape(len(samples), -1)
        if stacked.shape[1] not in _LAYOUTS:
            raise UsageError(f"{self._path}: no layout for {stacked.shape[1]} channels.", f"Use one of {[*_LAYOUTS]}.")
        layout = _LAYOUTS[stacked.shape[1]]
        stream: Any = self._container.add_stream(self._options.audio_codec or self._audio_codec, rate=rate)
        stream.layout = layout
        return self._encoded_sound(stream, stacked, rate, layout)

    def _encoded_sound(
        self, stream: Any, samples: FloatArray, rate: int, layout: str
    ) -> Iterator[tuple[Fraction, list[Any]]]:
        offset = round(self._options.sound_start * rate)
        step = rate // 10
        for at in range(0, len(samples), step):
            packed = np.ascontiguousarray(samples[at : at + step], np.float32).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(packed, "flt", layout)
            frame.sample_rate, frame.pts, frame.time_base = rate, offset + at, Fraction(1, rate)
            yield Fraction(offset + at, rate), stream.encode(frame)
        yield Fraction(offset + len(samples), rate), stream.encode()

    def _text_packets(self, cues: Sequence[Cue]) -> Iterator[tuple[Fraction, list[Any]]]:
        if not self._text_codec:
            raise UsageError(f"{self._path}: this format takes no text track here.", "Use write_subtitles, or .mkv.")
        stream: Any = self._container.add_stream(self._text_codec)
        stream.codec_context.subtitle_header = pysubs2.SSAFile().to_string("ass").encode()
        stream.codec_context.time_base = stream.time_base = _MS
        return self._encoded_text(stream, cues)

    def _encoded_text(self, stream: Any, cues: Sequence[Cue]) -> Iterator[tuple[Fraction, list[Any]]]:
        for number, cue in enumerate(sorted(cues, key=lambda c: c.start_ms)):
            words = cue.text.replace("\n", r"\N")
            line = f"{number},0,Default,,0,0,0,,{words}".encode()
            event = SubtitleSet.create(line, start=0, end=cue.end_ms - cue.start_ms, pts=cue.start_ms)
            packet = stream.codec_context.encode_subtitle(event)
            packet.stream, packet.time_base = stream, _MS
            yield cue.start_ms * _MS, [packet]


class _Queue:
    """Packets of one stream with their times, handed out no earlier than the picture needs them."""

    def __init__(self, packets: Iterator[tuple[Fraction, list[Any]]]) -> None:
        self._packets = packets
        self.head = next(packets, None)

    def until(self, time: Fraction) -> list[Any]:
        """All packets before `time`."""
        due: list[Any] = []
        while self.head is not None and self.head[0] < time:
            due += self.head[1]
            self.head = next(self._packets, None)
        return due
