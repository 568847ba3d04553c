"""From film to shots, with every answer known beforehand: boundaries and words to the frame, sound to a millisecond."""

import itertools
from bisect import bisect_right
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from media.atoms import changed, edit_list
from media.making import CLICKS, number_of, numbered, read
from mediafm.media import FilmOptions, load_cues, open_title, write_film, write_subtitles
from mediafm.reading import ReadShot, TitlePass
from mediafm.types import SAMPLE_RATE, Cue, FloatArray, ImageArray

SIZE = (96, 64)
MILLISECOND = 0.001
NTSC = Fraction(30_000, 1001)
B_FRAMES = {"preset": "veryfast", "bf": "3", "b-pyramid": "normal", "g": "30"}


class KnownCuts:
    """A detector that was told the numbers which the first pictures of shots carry."""

    latency = 0
    scaling = "area"
    fingerprint = "known cuts"

    def __init__(self, cuts: Sequence[int]) -> None:
        self.cuts = frozenset(cuts)

    def frame_size(self, width: int, height: int) -> tuple[int, int]:
        return width, height

    def push(self, index: int, seconds: Fraction, image: ImageArray) -> list[int]:
        return [index] if index and number_of(image) in self.cuts else []

    def finish(self) -> list[int]:
        return []


def passed(path: Path, cuts: Sequence[int]) -> tuple[list[ReadShot], Fraction]:
    with open_title(path) as reader:
        cues = load_cues(path, reader.info)
        passed = TitlePass(reader, KnownCuts(cuts), cues, frames=2, short_side=64)
        shots = [item for item in passed if isinstance(item, ReadShot)]
        assert (reader.failure, reader.decode_failures, reader.times_repaired) == ("", 0, 0)
        assert shots[-1].shot.end_pts == reader.end_pts
        return shots, reader.time_base


def clicks_at(times: Sequence[Fraction], seconds: float, rate: int, channels: int = 1) -> FloatArray:
    samples = np.zeros((round(seconds * rate), channels), np.float32)
    for at in times:
        samples[round(at * rate) :][: rate // 300] = 0.8
    return samples if channels > 1 else samples[:, 0]


def heard(shot: ReadShot) -> list[float]:
    """Seconds from the shot's start at which it clicks."""
    samples = shot.input.samples
    if samples is None or np.abs(samples).max() < 0.2:
        return []
    loud = np.flatnonzero(np.abs(samples) > 0.3 * np.abs(samples).max())
    return [int(i) / SAMPLE_RATE for k, i in enumerate(loud) if k == 0 or i - loud[k - 1] > 800]


RATES = {
    "25": (Fraction(25), None, None),
    "drop-frame": (NTSC, None, None),
    "23.976": (Fraction(24_000, 1001), None, None),
    "variable": (Fraction(25), Fraction(1, 1000), [i * i // 2 + 20 * i for i in range(100)]),
    "late": (Fraction(25), Fraction(1, 25), [i + 37 for i in range(100)]),
}
CONTAINERS = {
    "mp4": ("libx264", "aac", 48_000, 2),
    "mov": ("mjpeg", "pcm_s16le", 96_000, 1),
    "mkv": ("libx264", "flac", 44_100, 6),
    "webm": ("libvpx-vp9", "libopus", 48_000, 2),
    "ts": ("mpeg2video", "mp2", 48_000, 1),
}
OF_CODEC = {
    "libx264": B_FRAMES,
    "mpeg2video": {"bf": "2", "qscale": "2"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"},
    "mjpeg": {"qscale": "2"},
}


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("container", CONTAINERS)
def test_shots_words_and_sound_are_where_they_are_known_to_be(tmp_path: Path, container: str, rate: str) -> None:
    fps, time_base, frame_pts = RATES[rate]
    video, audio, sample_rate, channels = CONTAINERS[container]
    if video == "mpeg2video" and rate not in ("25", "drop-frame", "23.976"):
        video = "libx264"  # MPEG-2 knows fixed rates alone
    n, cuts = 100, (31, 57, 60, 83)
    times = [f * time_base if time_base else f / fps for f in frame_pts or range(n)]
    edges = [Fraction(0), *(times[c] for c in cuts)]
    # A click 20 ms after each boundary, and a cue that fills each shot to the millisecond.
    clicks = [e + Fraction(1, 50) for e in edges]
    path = tmp_path / f"film.{container}"
    options = FilmOptions(
        video_codec=video,
        audio_codec=audio,
        pixel_format="yuvj420p" if video == "mjpeg" else "yuv420p",
        time_base=time_base,
        frame_pts=frame_pts,
        codec_options=OF_CODEC[video],
    )
    sound = clicks_at(clicks, float(times[-1]) + 0.2, sample_rate, channels)
    write_film(path, fps, SIZE, numbered(n, cuts), sound, sample_rate, options=options)
    # What the container can say of a time: its own ticks. In a transport stream the clock also starts anywhere, and
    # what the sound's encoder puts before its first sample is not marked, so there the pictures lead.
    with open_title(path) as reader:
        tick = float(reader.time_base)
        shift = next(p.pts for p in reader if hasattr(p, "pts")) * tick - float(times[0])
    assert container == "ts" or abs(shift) <= tick / 2
    starts = [0.0, *(float(e) + shift for e in edges[1:])]
    ms = [round(1000 * s) for s in starts]
    write_subtitles(
        path.with_suffix(".srt"), [Cue(a, b, f"shot {i}") for i, (a, b) in enumerate(itertools.pairwise(ms))]
    )

    shots, base = passed(path, cuts)
    assert [s.shot.start_frame for s in shots] == [0, *cuts]
    assert [s.shot.end_frame for s in shots] == [*cuts, n]
    for i, s in enumerate(shots):
        assert float(s.shot.start_pts * base) == pytest.approx(starts[i], abs=0.51 * tick)
        main = [c.cue.text for c in s.cues if c.share > 0.02]  # a cue is cut at whole milliseconds, a shot is not
        assert main == ([f"shot {i}"] if i < len(cuts) else [])
        expected = float(clicks[i]) + shift - float(s.shot.start_pts * base)
        assert heard(s)[:1] == pytest.approx([expected], abs=MILLISECOND)
        assert len(heard(s)) == 1


@pytest.mark.parametrize("frame", [-1, 0, 1])
def test_a_cue_that_begins_one_frame_off_a_cut_is_told_apart(tmp_path: Path, frame: int) -> None:
    path = tmp_path / "film.mp4"
    write_film(path, 25, SIZE, numbered(60, (30,)), None, options=FilmOptions(codec_options=B_FRAMES))
    begin = 40 * (30 + frame)
    write_subtitles(path.with_suffix(".srt"), [Cue(begin, begin + 400, "said")])
    shots, _ = passed(path, (30,))
    assert [sum(c.share for c in s.cues) for s in shots] == pytest.approx([0.1, 0.9] if frame < 0 else [0, 1])


def test_drop_frame_timecode_is_a_name_and_not_a_time(tmp_path: Path) -> None:
    """At 29.97 pictures a second, 00:01:00;02 names picture 1800, which shows 60.06 s after the first."""
    path = tmp_path / "film.mov"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=NTSC, options={"bf": "2", "g": "60"})
        stream.width, stream.height = SIZE
        stream.metadata["timecode"] = "00:00:00;00"
        for number, image in enumerate(numbered(1830, (1798, 1800))):
            frame = av.VideoFrame.from_ndarray(image, "rgb24")
            frame.pts, frame.time_base = number, 1 / NTSC
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with av.open(str(path)) as container:
        assert len(container.streams) == 2  # the timecode is a track of its own
    write_subtitles(path.with_suffix(".srt"), [Cue(59_060, 60_060, "before"), Cue(60_060, 60_500, "after")])
    shots, base = passed(path, (1800,))
    assert [s.shot.start_frame for s in shots] == [0, 1800]
    assert shots[1].shot.start_pts * base == Fraction(1800 * 1001, 30_000) == Fraction(6006, 100)
    assert [s.input.text for s in shots] == ["before", "after"]


class TestEditLists:
    """What an `edts` atom cuts from a track or puts before it. Ticks: 1/1000 s; of the picture, 1/12,800 s."""

    LENGTH, FRAME, DELAY = 3600, 512, 1024  # the film; one picture; by how much B-frames move the first

    def film(self, path: Path, picture: list[tuple[int, int]] | None, sound: list[tuple[int, int]] | None) -> Path:
        plain = path.with_name("plain.mp4")
        samples = clicks_at([Fraction(1), Fraction(5, 2)], 3.6, 48_000)
        options = FilmOptions(audio_codec="flac", codec_options=B_FRAMES)
        write_film(plain, 25, SIZE, numbered(90), samples, options=options)
        data = plain.read_bytes()
        for track, entries in enumerate((picture, sound)):
            if entries is not None:
                data = changed(data, track, {b"edts": edit_list(entries)})
        path.write_bytes(data)
        return path

    def test_none_is_needed_for_what_lies_straight(self, tmp_path: Path) -> None:
        result = read(self.film(tmp_path / "film.mp4", None, None), images=True)
        assert result.numbers == list(range(90))
        assert result.seconds(0) == 0
        assert result.clicks == pytest.approx(CLICKS, abs=MILLISECOND)

    @pytest.mark.parametrize("cut", [1, 10, 31])
    def test_the_first_pictures_are_cut(self, tmp_path: Path, cut: int) -> None:
        entries = [(self.LENGTH - 40 * cut, self.DELAY + cut * self.FRAME)]
        result = read(self.film(tmp_path / "film.mp4", entries, None), images=True)
        assert result.numbers == list(range(cut, 90))
        assert result.lost == [0] * (90 - cut)
        assert [pts * result.reader.time_base for pts, _ in result.pictures] == [
            Fraction(i, 25) for i in range(90 - cut)
        ]
        assert result.clicks == pytest.approx(CLICKS, abs=MILLISECOND)

    def test_an_empty_edit_delays_the_picture(self, tmp_path: Path) -> None:
        entries = [(520, -1), (self.LENGTH, self.DELAY)]
        result = read(self.film(tmp_path / "film.mp4", entries, None), images=True)
        assert result.numbers == list(range(90))
        assert [pts * result.reader.time_base for pts, _ in result.pictures][:2] == [
            Fraction(52, 100),
            Fraction(56, 100),
        ]
        assert result.clicks == pytest.approx(CLICKS, abs=MILLISECOND)

    def test_the_first_of_the_sound_is_cut(self, tmp_path: Path) -> None:
        result = read(self.film(tmp_path / "film.mp4", None, [(3100, 24_000)]), images=True)
        assert result.numbers == list(range(90))
        assert result.seconds(0) == 0
        assert result.clicks == pytest.approx([c - 0.5 for c in CLICKS], abs=MILLISECOND)

    def test_an_empty_edit_delays_the_sound(self, tmp_path: Path) -> None:
        result = read(self.film(tmp_path / "film.mp4", None, [(750, -1), (3600, 0)]), images=True)
        assert result.start == pytest.approx(12_000, abs=16)
        assert result.clicks == pytest.approx([c + 0.75 for c in CLICKS], abs=MILLISECOND)

    def test_both_at_once(self, tmp_path: Path) -> None:
        picture, sound = [(400, -1), (3200, self.DELAY + 10 * self.FRAME)], [(200, -1), (3100, 24_000)]
        result = read(self.film(tmp_path / "film.mp4", picture, sound), images=True)
        # The zero is where the sound starts, 0.2 s after the film's own.
        assert result.numbers[0] == 10
        assert result.seconds(0) == pytest.approx(0.2, abs=1e-4)
        assert result.clicks == pytest.approx([c - 0.5 for c in CLICKS], abs=MILLISECOND)


@pytest.mark.parametrize(
    ("suffix", "codec", "rate", "channels"),
    [
        ("mp4", "aac", 44_100, 1),  # 1024 samples of priming, in an edit list
        ("mkv", "aac", 48_000, 2),  # in CodecDelay
        ("mkv", "libopus", 48_000, 1),  # 312 samples of pre-skip
        ("ogg", "libopus", 48_000, 2),
        ("mp3", "libmp3lame", 44_100, 1),  # 576 and 529 samples, in LAME's tag
        ("mkv", "ac3", 48_000, 6),
        ("mp4", "libmp3lame", 32_000, 2),
        ("wav", "pcm_s16le", 8_000, 1),
        ("wav", "pcm_f32le", 96_000, 6),
        ("flac", "flac", 8_000, 1),
        ("m4a", "alac", 96_000, 2),
        ("avi", "pcm_s16le", 11_025, 1),
    ],
)
def test_sound_is_placed_to_a_millisecond(tmp_path: Path, suffix: str, codec: str, rate: int, channels: int) -> None:
    """By correlation with what was written, so that an encoder's ringing moves nothing."""
    rng = np.random.default_rng(0)
    seconds = 4.0
    t = np.arange(round(seconds * rate)) / rate
    bursts = np.convolve(rng.random(len(t)) < 3 / rate, np.hanning(rate // 50), "same")[: len(t)]
    wave = (0.6 * np.clip(bursts, 0, 1) * np.sin(2 * np.pi * 700 * t)).astype(np.float32)
    path = tmp_path / f"sound.{suffix}"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        layout = {1: "mono", 2: "stereo", 6: "5.1"}[channels]
        stream.layout = layout
        for at in range(0, len(wave), rate // 10):
            packed = np.ascontiguousarray(np.repeat(wave[at : at + rate // 10, None], channels, 1)).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(packed, "flt", layout)
            frame.sample_rate, frame.pts, frame.time_base = rate, at, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    result = read(path)
    assert result.start == 0
    n = round(seconds * SAMPLE_RATE)
    true = np.interp(np.arange(n) / SAMPLE_RATE, t, wave)
    got = np.zeros(n)
    got[: min(n, len(result.samples))] = result.samples[:n]
    spectrum = np.fft.rfft(got, 2 * n) * np.conj(np.fft.rfft(true, 2 * n))
    at = int(np.argmax(np.fft.irfft(spectrum)))
    lag = (at if at < n else at - 2 * n) / SAMPLE_RATE
    assert abs(lag) < MILLISECOND


def test_words_follow_pictures_at_a_variable_rate(tmp_path: Path) -> None:
    """A thousand cues against known boundaries: the same shots as plain arithmetic gives."""
    rng = np.random.default_rng(1)
    times = np.cumsum(rng.integers(10, 120, 200)).tolist()
    cuts = tuple(range(7, 200, 11))
    path = tmp_path / "film.mkv"
    options = FilmOptions(frame_pts=[t - times[0] for t in times], time_base=Fraction(1, 1000), codec_options=B_FRAMES)
    write_film(path, 25, SIZE, numbered(200, cuts), None, options=options)
    edges = [times[c] - times[0] for c in cuts]
    begins = sorted(
        {int(b) for b in rng.integers(0, times[-1] - times[0] - 1, 300)} | set(edges) | {e - 1 for e in edges}
    )
    write_subtitles(path.with_suffix(".srt"), [Cue(b, b + 1, f"at {b}") for b in begins])
    shots, _ = passed(path, cuts)
    expected: list[list[str]] = [[] for _ in range(len(cuts) + 1)]
    for b in begins:
        expected[bisect_right(edges, b)].append(f"at {b}")
    assert [[c.cue.text for c in s.cues] for s in shots] == expected
