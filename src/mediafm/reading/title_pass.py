"""One pass over one title: pictures and sound come in as decoded, whole shots come out, memory stays flat.

A shot is handed on once three things are certain: where it ends (the detector may lag), which of its frames were
sampled, and that its sound has been read. Sound and picture of one moment lie near each other in any sane file; where
sound lags further than MAX_SOUND_LAG_S the shot goes on without, and is counted.
"""

import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from mediafm.media import FrameSampler, Picture, Sound, SoundCutter, TitleReader, cues_by_shot
from mediafm.shots import Detector, ShotTiler, spans_without_picture
from mediafm.types import Cue, FloatArray, ImageArray, Shot, ShotCue, ShotInput

MAX_SOUND_LAG_S = 60
BEAT_S = 1.0  # between two signs of life
SPAN_S = 10.0  # of a title without picture, where nobody speaks or nothing says when
UNKNOWN_LENGTH_S = 24 * 3600  # planned for where a file does not say how long it is; the plan is cut at the real end

NO_SOUND: FloatArray = np.zeros(0, np.float32)
NO_IMAGE: ImageArray = np.zeros((0, 0, 3), np.uint8)


@dataclass(frozen=True, slots=True)
class ReadShot:
    """A shot with all that was read of it. `keyframe` is its middle sampled picture, None without picture.

    lost_frames: pictures of its span that would not decode or came out damaged, and are left out.
    """

    shot: Shot
    cues: tuple[ShotCue, ...]
    input: ShotInput
    lost_frames: int = 0

    @property
    def keyframe(self) -> ImageArray | None:
        """The sampled picture nearest the middle of the shot."""
        return self.input.frames[len(self.input.frames) // 2] if self.input.frames else None


@dataclass(frozen=True, slots=True)
class Beat:
    """A sign of life between shots: the pass has come this far, in seconds from the title's zero."""

    seconds: float


@dataclass(frozen=True, slots=True)
class _Seen:
    """A shot whose end is certain, with its sampled pictures and their pts."""

    shot: Shot
    frames: tuple[ImageArray, ...]
    frame_pts: tuple[int, ...]
    lost_frames: int = 0


class _Pictures:
    """Feeds pictures to detector, tiler and sampler; gives shots back in order."""

    def __init__(self, reader: TitleReader, detector: Detector, sampler: FrameSampler, max_shot_s: float) -> None:
        video = reader.info.video
        assert video is not None
        self._detector, self._sampler = detector, sampler
        self._time_base = reader.time_base
        self._tiler = ShotTiler(reader.time_base, max_seconds=max_shot_s)
        self._size = detector.frame_size(video.display_width, video.display_height)
        self._lost: deque[tuple[int, int]] = deque()  # (picture, how many were lost before it), of open shots

    def push(self, picture: Picture) -> list[_Seen]:
        wants_pixels = self._size != (0, 0)
        image = picture.rgb(*self._size, scaling=self._detector.scaling) if wants_pixels else NO_IMAGE
        self._tiler.frame(picture.index, picture.pts, picture.duration_pts)
        self._sampler.push(picture)
        if picture.lost_before:
            self._lost.append((picture.index, picture.lost_before))
        for cut in self._detector.push(picture.index, picture.pts * self._time_base, image):
            self._tiler.cut(cut)
        return self._seen(self._tiler.settled(picture.index - self._detector.latency))

    def finish(self, end_pts: int, frames: int, lost_at_end: int) -> list[_Seen]:
        for cut in self._detector.finish():
            self._tiler.cut(cut)
        self._lost.append((frames - 1, lost_at_end))
        return self._seen(self._tiler.finish(end_pts, frames))

    def _seen(self, shots: Sequence[Shot]) -> list[_Seen]:
        return [_Seen(s, *self._sampler.close(s.end_frame), self._lost_until(s.end_frame)) for s in shots]

    def _lost_until(self, end_frame: int) -> int:
        lost = 0
        while self._lost and self._lost[0][0] < end_frame:
            lost += self._lost.popleft()[1]
        return lost


class _Spans:
    """Stands in for `_Pictures` in a title without picture: planned spans are released as the sound reaches them.

    The plan follows the length the file declares. Its last span is never released before the end is reached, and then
    ends where the sound does; sound that goes on past the plan gets further spans of SPAN_S.
    """

    def __init__(self, reader: TitleReader, cues: Sequence[Cue]) -> None:
        self._time_base, self._rate = reader.time_base, reader.sample_rate
        self._span = max(1, int(Fraction(SPAN_S) / reader.time_base))
        declared = reader.info.duration or UNKNOWN_LENGTH_S
        planned_end = max(1, int(Fraction(declared) / reader.time_base))
        self._planned = deque(spans_without_picture(planned_end, reader.time_base, cues, SPAN_S))
        self._given, self._given_end = 0, 0

    def push(self, sound: Sound) -> list[_Seen]:
        end_pts = int(Fraction(sound.start + len(sound.samples), self._rate) / self._time_base)
        while self._planned[-1].end_pts + self._span < end_pts:
            last = self._planned[-1]
            self._planned.append(Shot(last.index + 1, last.end_pts, last.end_pts + self._span, 0, 0))
        out = []
        while len(self._planned) > 1 and self._planned[0].end_pts <= end_pts:
            out.append(self._give(self._planned.popleft().end_pts))
        return out

    def finish(self, end_pts: int, frames: int, lost_at_end: int) -> list[_Seen]:
        out = []
        while len(self._planned) > 1 and self._planned[0].end_pts < end_pts:
            out.append(self._give(self._planned.popleft().end_pts))
        if self._given_end < end_pts:
            out.append(self._give(end_pts))
        return out

    def _give(self, end_pts: int) -> _Seen:
        shot = Shot(self._given, self._given_end, end_pts, 0, 0)
        self._given, self._given_end = self._given + 1, end_pts
        return _Seen(shot, (), ())


def spans_of(reader: TitleReader, cues: Sequence[Cue]) -> list[Shot]:
    """The spans that a title without picture gets, once it has been read: they hang on its cues and declared length."""
    planned = _Spans(reader, cues)
    heard = Sound(reader.samples_read, NO_SOUND)
    return [seen.shot for seen in [*planned.push(heard), *planned.finish(reader.end_pts, 0, 0)]]


class TitlePass:
    """Iterates over the shots of an opened title, in order, with a `Beat` between them every second or so of work.

    After the last one `soundless_late` counts the shots whose sound lagged too far behind their picture to wait for.
    """

    def __init__(
        self,
        reader: TitleReader,
        detector: Detector,
        cues: Sequence[Cue],
        *,
        frames: int,
        short_side: int,
        max_shot_s: float = 120.0,
        least_end_pts: int = 0,
    ) -> None:
        self._reader, self.cues = reader, cues  # those of a title that grows are exchanged as more come
        self._least_end_pts = least_end_pts
        self._cutter = SoundCutter()
        self._has_sound = reader.audio_index is not None
        self._source: _Pictures | _Spans
        if reader.info.video is not None:
            self._source = _Pictures(reader, detector, FrameSampler(frames, short_side), max_shot_s)
        else:
            self._source = _Spans(reader, cues)
        self._deaf_until = 0  # sample number: sound before it is no longer waited for
        self.soundless_late = 0

    def __iter__(self) -> Iterator[ReadShot | Beat]:
        reader, waiting = self._reader, deque[_Seen]()
        due = time.monotonic() + BEAT_S
        for item in reader:
            if time.monotonic() > due:
                yield Beat(self._seconds(item))
                due = time.monotonic() + BEAT_S
            if isinstance(item, Sound):
                self._cutter.push(item)
                if isinstance(self._source, _Spans):
                    waiting.extend(self._source.push(item))
            elif isinstance(self._source, _Pictures):
                waiting.extend(self._source.push(item))
                self._give_up_on_late_sound(waiting, item)
            while waiting and self._heard(waiting[0].shot):
                yield self._read(waiting.popleft())
        end_pts = max(reader.end_pts, self._least_end_pts)
        waiting.extend(self._source.finish(end_pts, reader.frames_read, reader.lost_at_end))
        while waiting:
            yield self._read(waiting.popleft())

    def _seconds(self, item: Picture | Sound) -> float:
        if isinstance(item, Sound):
            return item.start / self._reader.sample_rate
        return float(item.pts * self._reader.time_base)

    def _sample_span(self, shot: Shot) -> tuple[int, int]:
        rate = self._reader.sample_rate * self._reader.time_base
        return round(shot.start_pts * rate), round(shot.end_pts * rate)

    def _heard(self, shot: Shot) -> bool:
        return not self._has_sound or max(self._cutter.have_until, self._deaf_until) >= self._sample_span(shot)[1]

    def _give_up_on_late_sound(self, waiting: deque[_Seen], picture: Picture) -> None:
        if not waiting or self._heard(waiting[0].shot):
            return
        shot = waiting[0].shot
        if (picture.pts - shot.end_pts) * self._reader.time_base > MAX_SOUND_LAG_S:
            self.soundless_late += 1
            self._deaf_until = self._sample_span(shot)[1]

    def _read(self, seen: _Seen) -> ReadShot:
        shot, time_base = seen.shot, self._reader.time_base
        samples: FloatArray | None = self._cutter.cut(*self._sample_span(shot)) if self._has_sound else None
        (cues,) = cues_by_shot(self.cues, [shot], time_base)
        inside = ShotInput(
            frames=seen.frames,
            frame_times=tuple(float((pts - shot.start_pts) * time_base) for pts in seen.frame_pts),
            samples=samples,
            text=" ".join(c.cue.text for c in cues),
            duration=float((shot.end_pts - shot.start_pts) * time_base),
            sample_rate=self._reader.sample_rate,
        )
        return ReadShot(shot, cues, inside, seen.lost_frames)
