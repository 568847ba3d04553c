"""Writing one small MP4 piece by piece, while the pictures and the sound of a film stream by."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.codec import codecs_available

from mediafm.errors import MediaError
from mediafm.media.container import reason_of
from mediafm.types import FloatArray, ImageArray

TIME_BASE = Fraction(1, 90_000)  # of a clip's pictures
_ENCODERS = ("libx264", "libopenh264")  # the first that this build of PyAV has
# No pictures out of order: MP4 could not say how long the last one shows. No macroblock tree: with it, the same
# pictures came out in different bytes one time in five (PyAV 18.1 with its own x264).
_X264 = {"preset": "veryfast", "bf": "0", "x264-params": "mbtree=0"}
_SOUND_BITS = 96_000  # a second, for mono


class ClipWriter:
    """An H.264 film with AAC sound, from zero. The file is whole once `close` has returned.

    size: (width, height), both even. fps: about how many pictures a second will come. sound_rate: hertz of the mono
    sound; None: the clip has none. crf: 0 (best) to 51.
    """

    def __init__(self, path: Path, size: tuple[int, int], fps: Fraction, sound_rate: int | None, crf: int) -> None:
        self.path = path
        self._durations: dict[int, int] = {}  # of pictures not yet written, by their time
        self._samples = 0
        codec = next((c for c in _ENCODERS if c in codecs_available), None)
        if codec is None:
            raise MediaError("This build of PyAV cannot write H.264.", "Install PyAV's own wheel: pip install av.")
        self._container = av.open(str(path.absolute()), "w", options={"movflags": "faststart"})
        options = {"crf": str(crf), **_X264} if codec == "libx264" else {}
        video: Any = self._container.add_stream(codec, rate=fps, options=options)
        video.width, video.height = size
        video.pix_fmt = "yuv420p"
        video.codec_context.time_base = TIME_BASE
        self._video = video
        self._sound = None if sound_rate is None else self._sound_stream(sound_rate)

    def _sound_stream(self, rate: int) -> Any:
        stream: Any = self._container.add_stream("aac", rate=rate)
        stream.layout, stream.bit_rate = "mono", _SOUND_BITS
        self._rate = rate
        return stream

    def picture(self, image: ImageArray, start: int, duration: int) -> None:
        """The next picture, RGB uint8 [h, w, 3], and when it shows, in ticks of TIME_BASE from the clip's start."""
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), "rgb24")
        frame.pts, frame.time_base = start, TIME_BASE
        self._durations[start] = duration
        self._mux_pictures(self._encode(self._video, frame))

    def sound(self, samples: FloatArray) -> None:
        """The next samples, float32 [n] in [-1, 1]."""
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples, np.float32)[None], "flt", "mono")
        frame.sample_rate, frame.pts, frame.time_base = self._rate, self._samples, Fraction(1, self._rate)
        self._samples += len(samples)
        self._container.mux(self._encode(self._sound, frame))

    def close(self) -> None:
        """Write out the rest. Raises MediaError where it cannot be written."""
        try:
            self._mux_pictures(self._encode(self._video, None))
            if self._sound is not None:
                self._container.mux(self._encode(self._sound, None))
            self._container.close()
        except (av.FFmpegError, OSError) as error:
            raise self._refused(error) from error

    def discard(self) -> None:
        """Give the clip up and delete what there is of it."""
        self._container.close()
        self.path.unlink(missing_ok=True)

    def _encode(self, stream: Any, frame: Any) -> list[Any]:
        try:
            packets: list[Any] = stream.encode(frame)
        except (av.FFmpegError, ValueError) as error:
            raise self._refused(error) from error
        return packets

    def _mux_pictures(self, packets: list[Any]) -> None:
        for packet in packets:
            packet.duration = self._durations.pop(packet.pts, 0)  # the encoder knows the rate, not this picture
            self._container.mux(packet)

    def _refused(self, error: BaseException) -> MediaError:
        return MediaError(f"{self.path} could not be written: {reason_of(error)}.", "Check for room on the disk.")
