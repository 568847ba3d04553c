"""Clips cut out of films whose every picture and every sample is known."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from mediafm.ingest.cutting import CutClip, CutOptions, cut_clips
from mediafm.media import FilmOptions, Picture, open_title, write_film
from mediafm.types import FloatArray, ImageArray

FPS, SIZE, RATE = 25, (96, 64), 48_000
N = 100  # pictures: 4 seconds
SMALL = CutOptions(crf=10)


def numbered(n: int, size: tuple[int, int] = SIZE) -> Iterator[ImageArray]:
    """Picture k carries k in seven black or white stripes."""
    width, height = size
    for k in range(n):
        image = np.zeros((height, width, 3), np.uint8)
        for bit in range(7):
            if k >> bit & 1:
                image[:, bit * width // 7 : (bit + 1) * width // 7] = 255
        yield image


def number_of(image: ImageArray) -> int:
    width = image.shape[1]
    stripes = [image[:, bit * width // 7 + 4 : (bit + 1) * width // 7 - 4].mean() > 127 for bit in range(7)]
    return sum(1 << bit for bit, white in enumerate(stripes) if white)


def clicks(seconds: float, every: float = 0.5) -> FloatArray:
    samples = np.zeros(round(seconds * RATE), np.float32)
    for at in np.arange(every / 2, seconds, every):
        samples[round(at * RATE) :][: RATE // 200] = 0.9
    return samples


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("films") / "film.mp4"
    write_film(path, FPS, SIZE, numbered(N), clicks(N / FPS))
    return path


class Seen:
    """A clip as a player sees it: its pictures with their times, the moments at which it clicks, its lengths."""

    def __init__(self, path: Path) -> None:
        self.numbers: list[int] = []
        self.times: list[float] = []
        self.end = 0.0
        samples = []
        with open_title(path, RATE) as reader:
            for item in reader:
                if isinstance(item, Picture):
                    self.numbers.append(number_of(item.scaled(64)))
                    self.times.append(float(item.pts * reader.time_base))
                    self.end = float((item.pts + item.duration_pts) * reader.time_base)
                else:
                    samples.append(item.samples)
            assert reader.decode_failures == 0
            assert not reader.failure
            self.sound_end = reader.samples_read / RATE
        heard = np.concatenate(samples) if samples else np.zeros(0, np.float32)
        loud = np.flatnonzero(np.abs(heard) > 0.3)
        self.clicks = [i / RATE for k, i in enumerate(loud) if k == 0 or i - loud[k - 1] > RATE // 10]


def cut(film: Path, folder: Path, *spans: tuple[float, float], options: CutOptions = SMALL) -> list[CutClip | str]:
    found = dict(cut_clips(film, spans, folder, options))
    return [found[number] for number in range(len(spans))]


@pytest.mark.parametrize(
    ("span", "first", "last"),
    [
        ((0.0, 4.0), 0, 99),
        ((1.0, 2.0), 25, 49),
        ((1.04, 1.2), 26, 29),
        ((1.033, 1.2), 26, 29),  # rounded down: no flash of the picture before
        ((1.05, 1.21), 26, 29),
        ((3.9, 4.03), 97, 99),  # past the end by a rounding
        ((0.01, 0.03), 0, 0),  # inside one picture
    ],
)
def test_a_clip_is_exact_to_the_picture_and_the_sample(
    film: Path, tmp_path: Path, span: tuple[float, float], first: int, last: int
) -> None:
    (clip,) = cut(film, tmp_path, span)
    assert isinstance(clip, CutClip)
    assert clip.duration_s == pytest.approx(span[1] - span[0], abs=1e-4)
    assert (clip.width, clip.height, clip.has_sound) == (*SIZE, True)
    seen = Seen(clip.path)
    assert seen.numbers == list(range(first, last + 1))
    assert seen.end == pytest.approx(span[1] - span[0], abs=1e-3)
    assert seen.sound_end == pytest.approx(span[1] - span[0], abs=1 / FPS)
    within = [t - span[0] for t in np.arange(0.25, 4, 0.5) if span[0] + 0.01 < t < span[1] - 0.01]
    assert seen.clicks == pytest.approx(within, abs=2e-3)
    true = [max(k / FPS - span[0], 0) for k in seen.numbers]
    assert np.abs(np.array(seen.times) - true).max() < 1 / FPS


def test_clips_that_overlap_come_from_one_pass_in_the_order_they_end(film: Path, tmp_path: Path) -> None:
    spans = [(2.0, 3.0), (0.0, 4.0), (0.48, 1.0), (0.6, 0.92), (3.0, 3.52)]
    order, clips = zip(*cut_clips(film, spans, tmp_path, SMALL), strict=True)
    assert list(order[:2]) == [3, 2]
    assert order[-1] == 1
    for number, clip in zip(order, clips, strict=True):
        seen = Seen(clip.path)
        start, end = spans[number]
        assert seen.numbers == list(range(round(start * FPS), round(end * FPS)))


def test_the_same_clip_is_the_same_bytes_whatever_else_is_cut(film: Path, tmp_path: Path) -> None:
    span, seen = (1.0, 3.0), set()
    for others in ([], [(0.2, 2.0)], [(1.5, 4.0), (0.0, 0.4)]) * 4:
        clip = cut(film, tmp_path, span, *others, options=CutOptions())[0]
        assert isinstance(clip, CutClip)
        seen.add(clip.path.read_bytes())
    assert len(seen) == 1


def test_it_plays_for_those_who_know_only_common_films(film: Path, tmp_path: Path) -> None:
    (clip,) = cut(film, tmp_path, (1.0, 2.0))
    with av.open(str(clip.path)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.codec_context.name, video.pix_fmt) == ("h264", "yuv420p")
        assert (audio.codec_context.name, audio.codec_context.channels) == ("aac", 1)
        assert "mp4" in container.format.name
        assert float(container.duration) / 1e6 == pytest.approx(1.0, abs=0.05)


def test_a_film_without_sound_gives_clips_without(tmp_path: Path) -> None:
    write_film(tmp_path / "silent.mkv", FPS, SIZE, numbered(50), None)
    (clip,) = cut(tmp_path / "silent.mkv", tmp_path, (0.4, 1.0))
    seen = Seen(clip.path)
    assert not clip.has_sound
    assert seen.numbers == list(range(10, 25))
    assert (seen.end, seen.sound_end) == (pytest.approx(0.6, abs=1e-3), 0)


def test_sound_that_ends_early_goes_on_as_silence(tmp_path: Path) -> None:
    write_film(tmp_path / "film.mp4", FPS, SIZE, numbered(75), clicks(1.0))
    clip, late = cut(tmp_path / "film.mp4", tmp_path, (0.5, 2.0), (2.0, 2.5))
    assert Seen(clip.path).sound_end == pytest.approx(1.5, abs=0.05)
    assert Seen(clip.path).clicks == pytest.approx([0.25], abs=2e-3)
    assert Seen(late.path).clicks == []


def test_pictures_at_a_variable_rate_keep_their_times(tmp_path: Path) -> None:
    times = [0, 40, 400, 420, 1400, 1500, 1960]
    options = FilmOptions(frame_pts=times, time_base=Fraction(1, 1000))
    write_film(tmp_path / "film.mkv", FPS, SIZE, numbered(len(times)), None, options=options)
    (clip, still) = cut(tmp_path / "film.mkv", tmp_path, (0.41, 1.6), (0.6, 1.2))
    seen = Seen(clip.path)
    assert seen.numbers == [2, 3, 4, 5] or seen.numbers == [3, 4, 5]
    assert seen.times[-2:] == pytest.approx([1.4 - 0.41, 1.5 - 0.41], abs=1e-3)
    assert seen.end == pytest.approx(1.19, abs=1e-3)
    assert (Seen(still.path).numbers, Seen(still.path).end) == ([3], pytest.approx(0.6, abs=1e-3))


@pytest.mark.parametrize(
    ("options", "size"),
    [
        (CutOptions(short_side=32), (48, 32)),
        (CutOptions(short_side=480), SIZE),
        (CutOptions(min_side=128), (192, 128)),
        (CutOptions(short_side=33), (50, 32)),
    ],
)
def test_the_shape_is_kept_and_the_size_is_even(
    film: Path, tmp_path: Path, options: CutOptions, size: tuple[int, int]
) -> None:
    (clip,) = cut(film, tmp_path, (0.0, 0.2), options=options)
    assert (clip.width, clip.height) == size
    with open_title(clip.path) as reader:
        assert reader.info.video is not None
        assert (reader.info.video.display_width, reader.info.video.display_height) == size


def test_a_turned_film_is_upright(tmp_path: Path) -> None:
    write_film(tmp_path / "film.mp4", FPS, SIZE, numbered(25), None, options=FilmOptions(rotation=90))
    (clip,) = cut(tmp_path / "film.mp4", tmp_path, (0.0, 0.4))
    assert (clip.width, clip.height) == (64, 96)


def test_what_cannot_be_cut_has_a_reason(film: Path, tmp_path: Path) -> None:
    write_film(tmp_path / "sound.m4a", FPS, SIZE, None, clicks(2.0))
    good, short, beyond = cut(film, tmp_path, (3.0, 4.0), (3.5, 4.5), (7.0, 8.0))
    assert isinstance(good, CutClip)
    assert isinstance(short, str) and short.startswith("the film ends at 4.0")
    assert short == beyond
    (nothing,) = cut(tmp_path / "sound.m4a", tmp_path, (0.0, 1.0))
    assert "no picture" in nothing
    for name, content in (("gone.mp4", None), ("bad.mp4", b"no film")):
        if content:
            (tmp_path / name).write_bytes(content)
        assert all(name in why for why in cut(tmp_path / name, tmp_path, (0.0, 1.0), (1.0, 2.0)))
    assert sorted(p.name for p in tmp_path.glob("*.mp4")) == ["0.mp4", "bad.mp4"]


def test_a_film_that_was_cut_off_gives_the_clips_before(film: Path, tmp_path: Path) -> None:
    write_film(tmp_path / "whole.mkv", FPS, SIZE, numbered(N), clicks(4.0))
    data = (tmp_path / "whole.mkv").read_bytes()
    (tmp_path / "part.mkv").write_bytes(data[: len(data) // 2])
    first, last = cut(tmp_path / "part.mkv", tmp_path, (0.2, 0.8), (3.2, 3.8))
    assert Seen(first.path).numbers == list(range(5, 20))
    assert isinstance(last, str)


def test_leaving_early_leaves_no_half_made_clip(film: Path, tmp_path: Path) -> None:
    clips = cut_clips(film, [(0.0, 0.2), (0.0, 3.0)], tmp_path, SMALL)
    next(clips)
    clips.close()
    assert [p.name for p in tmp_path.iterdir()] == ["0.mp4"]
