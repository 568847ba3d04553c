"""The one pass: a title's pictures and sound, decoded front to back, on one exact clock.

Both streams are demuxed together and come out in the order of the file. Nothing is sought and nothing is stored: what
is held at any time is one decoded picture, a quarter second of sound, and (while the title's zero is being found) at
most 32 MiB of packets.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from math import ceil
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from av import FFmpegError, Packet, VideoFrame
from av.container import InputContainer
from av.stream import Discard

from mediafm.errors import MediaError
from mediafm.media.container import declared_end, open_input, reason_of
from mediafm.media.growing import GrowingFile
from mediafm.media.info import MediaInfo, check_track, describe, pick_audio, pick_video, picture_rate
from mediafm.media.limits import MAX_LENGTH_S, MAX_PIXELS, longest
from mediafm.media.losses import ONE_FOR_ONE, BadRun, LostPictures
from mediafm.media.picture import UPRIGHT, Orientation, Picture, PictureLine, Screen, orientation_of
from mediafm.media.sound import Sound, SoundLine
from mediafm.media.wholeness import missing_bytes
from mediafm.types import SAMPLE_RATE

_LOOKAHEAD_BYTES = 32 << 20
_SHORT_S, _SHORT_SHARE = Fraction(2), Fraction(2, 100)  # a title that ends this much too early was cut off

Only = Literal["", "video", "audio"]
_Whole = tuple[Any, int]  # a decoded frame that is whole, and how many pictures were lost before it


def probe(path: Path | str) -> MediaInfo:
    """What `path` holds. Decodes one picture and one audio frame: orientation and priming are known only then.

    Raises MediaError for anything that is not a readable film or sound file.
    """
    with open_title(path) as reader:
        return reader.info


def open_title(
    path: Path | str,
    sample_rate: int = SAMPLE_RATE,
    audio_languages: Sequence[str] = (),
    threads: int = 0,
    growing: GrowingFile | None = None,
    only: Only = "",
) -> "TitleReader":
    """Open a title for its one pass; use as a context manager and iterate.

    sample_rate: hertz of the mono sound. audio_languages: which track of sound to read where there are several, dearest
    first; where none speaks them, the default track is read (`reader.audio_index` tells). threads: of the picture's
    decoder, 0 for as many as there are processors. growing: where the bytes come from while the file is being written.
    only: the one of picture and sound that is wanted: no more of the other is decoded than the title's zero and time
    base take, and whether the title is whole is not asked.
    """
    return TitleReader(Path(path), sample_rate, audio_languages, threads, growing, only)


class TitleReader:
    """Iterator over the `Picture`s and `Sound`s of one title, in the order of the file.

    Before the first item: `.info`, `.time_base` (the picture's, or the sound's in a title without picture),
    `.sample_rate`, `.audio_index` (stream that is read, None without sound).
    After the last: `.end_pts` (end of the last picture or of the sound, whichever is later), `.frames_read`,
    `.samples_read` (end of the sound in samples; 0 without), `.decode_failures` (packets that would not decode and
    frames that libav marked as damaged; both are left out), `.pictures_lost` (those of the picture; the sum over all
    pictures of `lost_before`, and `.lost_at_end` after the last), `.samples_filled`, `.times_filled`,
    `.times_repaired`, `.failure` ("" or why the pass stopped before the title's end; what came before is sound).

    Damage inside a title is passed over. Ten seconds of film (or a thousand packets) without one sound picture end it;
    in a title without picture, the same of its sound. Sound that is lost beside a picture never does.

    Of a file that grows nothing is believed about its length, and whether it is whole is not asked, before its last
    byte has come. Then it is looked at once more: `.info` is what the whole file says.
    """

    def __init__(
        self,
        path: Path,
        sample_rate: int,
        audio_languages: Sequence[str] = (),
        threads: int = 0,
        growing: GrowingFile | None = None,
        only: Only = "",
    ) -> None:
        self.sample_rate = sample_rate
        self.failure = ""
        self.lost_at_end = 0
        self._path, self._threads, self._only = path, threads, only
        self._sound_not_decoded = 0
        self._lost = LostPictures(exact=False)
        self._bad_run = BadRun()
        self._pictures: PictureLine | None = None
        self._sound: SoundLine | None = None
        self._growing, self._languages = growing, audio_languages
        self._container: InputContainer = open_input(path, growing)
        try:
            self._choose_streams(audio_languages)
            self._find_zero()
            self._leave_out()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file. Safe to call twice."""
        self._container.close()

    @property
    def decode_failures(self) -> int:
        """Packets that would not decode, and frames that libav marked as damaged or that could not be resampled."""
        return self.pictures_lost + self._sound_not_decoded + (0 if self._sound is None else self._sound.refused)

    @property
    def pictures_lost(self) -> int:
        """The part of `decode_failures` that concerns the picture."""
        return self._lost.total

    @property
    def end_pts(self) -> int:
        """Where the title ends, so far as it was read, in `time_base` from its zero."""
        of_pictures = 0 if self._pictures is None else self._pictures.end
        return max(of_pictures, ceil(Fraction(self.samples_read, self.sample_rate) / self.time_base))

    @property
    def frames_read(self) -> int:
        """Pictures handed out."""
        return 0 if self._pictures is None else self._pictures.count

    @property
    def samples_read(self) -> int:
        """Where the sound ends, in samples from the title's zero; 0 without sound."""
        return 0 if self._sound is None else self._sound.end or 0

    @property
    def samples_filled(self) -> int:
        """Zeros among them that stand for sound which is missing from the file."""
        return 0 if self._sound is None else self._sound.filled

    @property
    def times_filled(self) -> int:
        """Pictures and audio frames that came without a timestamp."""
        return sum(line.timeline.filled for line in (self._pictures, self._sound) if line is not None)

    @property
    def times_repaired(self) -> int:
        """Timestamps that could not be and were replaced, pictures not after the one before, jumps of the clock."""
        repaired = sum(line.timeline.repaired for line in (self._pictures, self._sound) if line is not None)
        return repaired + (0 if self._pictures is None else self._pictures.repaired)

    def __iter__(self) -> Iterator[Picture | Sound]:
        """Decode; may be called once."""
        yield from self._pass

    # ---------------------------------------------------------------------------------------------- opening

    def _choose_streams(self, audio_languages: Sequence[str]) -> None:
        self._video = pick_video(self._container)
        self._audio = pick_audio(self._container, audio_languages)
        if self._video is None and self._audio is None:
            raise MediaError(f"{self._path} holds neither picture nor sound.", "Give a film or a sound file.")
        chosen = [s for s in (self._video, self._audio) if s is not None]
        for stream in chosen:
            check_track(self._path, stream)
        for stream in self._container.streams:
            if stream not in chosen:
                stream.discard = Discard.all
        if self._video is not None:
            self._video.thread_type = "AUTO"
            self._video.codec_context.thread_count = self._threads
            self._video.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
            self._lost = LostPictures(exact=self._video.codec_context.name in ONE_FOR_ONE)
        self.audio_index: int | None = None if self._audio is None else self._audio.index
        self.time_base: Fraction = chosen[0].time_base
        self._packets = self._demux(chosen)

    def _find_zero(self) -> None:
        """Read ahead until both streams have shown their first frame, and lay the title's zero at the earlier one.

        Packets of a stream that has shown its first frame already wait undecoded. Where the other stream stays away
        for so long that the waiting room is full, it starts later than anything that matters here.
        """
        first: dict[str, Any] = {}
        waiting: deque[tuple[Packet, list[_Whole] | None]] = deque()
        wanted = {s.type for s in (self._video, self._audio) if s is not None}
        room = _LOOKAHEAD_BYTES
        for packet in self._packets:
            kind = packet.stream.type
            frames = None if kind in first else self._decode(packet)
            if frames:
                first[kind] = frames[0][0]
            waiting.append((packet, frames))
            room -= packet.size
            if wanted <= first.keys() or self.failure or room < 0:
                break
        if not first:
            why = self.failure or "nothing in it could be decoded"
            raise MediaError(f"{self._path} cannot be read: {why}.", "Check that it plays, or convert it anew.")
        picture = first.get("video")
        orientation = UPRIGHT if picture is None else orientation_of(picture)
        starts = [_stamp(f) * f.time_base for f in first.values()]
        if self._video is not None and self._lost.earliest is not None:  # its time was true, though it is lost
            starts.append(self._lost.earliest * self._video.time_base)
        zero_pts = min(starts) // self.time_base  # a whole tick: pictures keep integer times
        zero = zero_pts * self.time_base
        self.info = describe(self._path, self._container, self._video, orientation, zero)
        if self._growing is not None:
            self.info = replace(self.info, duration=None)
        self._orientation = orientation
        self._prepare(zero_pts, zero, orientation)
        self._pass = self._run(waiting)

    def _leave_out(self) -> None:
        """From here on nothing is decoded of the stream that is not wanted."""
        for stream in (self._video, self._audio):
            if self._only and stream is not None and stream.type != self._only:
                stream.discard = Discard.all
        if self._only == "video":
            self._sound = self.audio_index = None
        elif self._only == "audio":
            self._pictures = None

    def _prepare(self, zero_pts: int, zero: Fraction, orientation: Orientation) -> None:
        last_end = zero + (self.info.duration or (longest(self._path) if self._growing is None else MAX_LENGTH_S))
        track = self.info.video
        if track is not None and self._video is not None:
            check_track(self._path, self._video)  # what decoding its first picture has shown
            if not self._video.width or not self._video.height:
                raise MediaError(f"{self._path}: the size of its pictures cannot be found out.", "Convert it anew.")
            usual_duration = max(1, round(1 / (picture_rate(self._video) or Fraction(25)) / self.time_base))
            screen = Screen(track.display_width, track.display_height, orientation)
            self._pictures = PictureLine(screen, self.time_base, last_end, zero_pts, usual_duration)
        if self._audio is not None:
            self._sound = SoundLine(self._audio.time_base, last_end, zero, self.sample_rate)

    # ---------------------------------------------------------------------------------------------- the pass

    def _run(self, waiting: deque[tuple[Packet, list[_Whole] | None]]) -> Iterator[Picture | Sound]:
        while waiting:
            packet, frames = waiting.popleft()
            yield from self._handle(packet, frames)
        if not self.failure:
            for packet in self._packets:
                yield from self._handle(packet, None)
                if self.failure:
                    break
        for line in (self._pictures, self._sound):
            if line is not None:
                yield from line.flush()
        self.lost_at_end = self._lost.rest()
        if not self.failure:
            self.failure = self._shortfall()

    def _demux(self, streams: list[Any]) -> Iterator[Packet]:
        """Packets of both streams, ending with the empty ones that flush the decoders; a broken file just ends."""
        try:
            yield from self._container.demux(streams)
        except (FFmpegError, OSError) as error:
            self.failure = f"the file cannot be read on: {reason_of(error)}"
        except IndexError:
            # PyAV 18 stumbles at the very end over streams that a damaged file seemed to grow on the way; the decoders
            # of the streams that are read have been flushed by then.
            return

    def _handle(self, packet: Packet, frames: list[_Whole] | None) -> Iterator[Picture | Sound]:
        if self._only and packet.stream.type != self._only:
            return
        for frame, lost_before in self._decode(packet) if frames is None else frames:
            if isinstance(frame, VideoFrame):
                assert self._pictures is not None
                yield from self._pictures.push(frame, lost_before)
            else:
                assert self._sound is not None
                yield from self._sound.push(frame)

    def _decode(self, packet: Packet) -> list[_Whole]:
        """Whole frames of a packet and how many pictures were lost before each; none where it will not decode."""
        of_picture = packet.stream.type == "video"
        if of_picture and packet.size and not packet.is_discard:
            self._lost.sent(packet.pts)
        try:
            frames = packet.decode()
        except FFmpegError as error:
            if of_picture:
                self._lost.failed()
            else:
                self._sound_not_decoded += 1
            self._judge(packet, False, reason_of(error))
            return []
        whole: list[_Whole] = []
        for frame in frames:
            frame.time_base = packet.stream.time_base  # frames out of a flush carry none
            lost = 0
            if isinstance(frame, VideoFrame):
                lost = self._lost.came(frame.pts, not frame.is_corrupt, frame.interlaced_frame)
            elif frame.is_corrupt:
                self._sound_not_decoded += 1
            if not frame.is_corrupt:
                whole.append((frame, lost))
        if frames:
            self._judge(packet, bool(whole), "they are damaged")
        return whole

    def _judge(self, packet: Packet, good: bool, why: str) -> None:
        """Watch for a run of damage that ends the title."""
        kind = "audio" if self._video is None else "video"
        if packet.stream.type != kind:
            return
        if good:
            self._bad_run.good()
            return
        stamp = packet.dts if packet.dts is not None else packet.pts
        self._bad_run.bad(None if stamp is None else stamp * packet.time_base)
        if self._bad_run.too_long:
            self.failure = f"{self._bad_run} of its {kind} would not decode: {why}"

    def _shortfall(self) -> str:
        """Why what was read is not all there should be; "" where it is, or where only part of it was wanted."""
        if self._only:
            return ""
        if self._video is not None and not self.frames_read:
            return "not one picture of its video track could be decoded"
        if self._audio is not None and not self.samples_read:
            return "nothing of its sound could be decoded"
        if self._growing is None:
            end = declared_end(self._container, self._video, self._audio)
        elif self._path.is_dir():
            return ""
        else:
            end = self._settle()
        read = self.end_pts * self.time_base
        length = Fraction(0) if end is None else end - self.info.start
        if length - read > max(_SHORT_S, _SHORT_SHARE * length):
            return f"the file ends at {float(read):.1f} s of {float(length):.1f} s: it was cut off or is damaged"
        if missing := missing_bytes(self._path):
            return f"the last {missing} bytes of the file are missing: it was cut off or is damaged"
        return ""

    def _settle(self) -> Fraction | None:
        """Look at a file that has grown to its end; where it says that its streams end."""
        with open_input(self._path) as whole:
            video, audio = pick_video(whole), pick_audio(whole, self._languages)
            self.info = describe(self._path, whole, video, self._orientation, self.info.start)
            return declared_end(whole, video, audio)


def _stamp(frame: Any) -> int:
    return next((t for t in (frame.pts, frame.dts) if t is not None), 0)
