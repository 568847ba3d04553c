"""The line of samples under clocks that jitter, drift, overlap, and under changes of format."""

import itertools
from fractions import Fraction

import av
import numpy as np
import pytest

from mediafm.media.sound import SoundLine
from mediafm.types import FloatArray

CLOCK = Fraction(1, 90_000)
RATE, N = 48_000, 960  # frames of 20 ms


def frame(samples: FloatArray, seconds: float, rate: int = RATE, layout: str = "mono") -> av.AudioFrame:
    made = av.AudioFrame.from_ndarray(samples.reshape(1, -1).astype(np.float32), "flt", layout)
    made.sample_rate, made.pts, made.time_base = rate, round(seconds / CLOCK), CLOCK
    return made


def lay(frames: list[av.AudioFrame], rate: int = 16_000) -> tuple[SoundLine, int, FloatArray]:
    line = SoundLine(CLOCK, None, Fraction(0), rate)
    sounds = [s for f in frames for s in line.push(f)] + list(line.flush())
    for before, after in itertools.pairwise(sounds):
        assert after.start == before.start + len(before.samples)
    assert line.end == sounds[-1].start + len(sounds[-1].samples)
    return line, sounds[0].start, np.concatenate([s.samples for s in sounds])


def tone(n: int, first: int = 0, rate: int = RATE) -> FloatArray:
    return (0.5 * np.sin(2 * np.pi * 440 * (first + np.arange(n)) / rate)).astype(np.float32)


def test_jitter_does_no_harm() -> None:
    jitter = np.random.default_rng(0).uniform(-0.0005, 0.0005, 500)
    frames = [frame(tone(N, i * N), max(0, i * 0.02 + jitter[i] * (i > 0))) for i in range(500)]
    line, start, samples = lay(frames)
    assert (start, line.filled, len(samples)) == (0, 0, 160_000)
    assert np.abs(samples - tone(160_000, rate=16_000))[200:-200].max() < 0.005


@pytest.mark.parametrize("drift", [5e-4, -5e-4])
def test_drift_is_followed(drift: float) -> None:
    frames = [frame(tone(N), i * 0.02 * (1 + drift)) for i in range(2_000)]
    line, _, samples = lay(frames)
    assert len(samples) / 16_000 == pytest.approx(40 * (1 + drift), abs=0.0015)
    assert line.filled == 0


def test_overlap_is_trimmed() -> None:
    first, second = np.full(RATE, 0.25), np.full(RATE, 0.5)
    _, _, samples = lay([frame(first, 0), frame(second, 0.5)])
    assert len(samples) == 24_000
    assert np.abs(samples[:15_900] - 0.25).max() < 0.01
    assert np.abs(samples[16_100:-100] - 0.5).max() < 0.01


def test_a_hole_is_filled_to_the_sample() -> None:
    line, _, samples = lay([frame(np.full(RATE, 0.5), 0), frame(np.full(RATE, 0.5), 1.25)])
    assert (line.filled, len(samples)) == (4_000, 36_000)


def test_what_sounds_before_the_zero_is_left_out() -> None:
    _, start, samples = lay([frame(np.full(RATE, 0.5), -0.25)])
    assert (start, len(samples)) == (0, 12_000)


def test_a_change_of_layout_and_rate_midway() -> None:
    stereo = np.repeat(tone(44_100, rate=44_100), 2)
    _, _, samples = lay(
        [frame(tone(RATE), 0), frame(stereo, 1.0, 44_100, "stereo"), frame(tone(16_000, rate=16_000), 2.0, 16_000)]
    )
    assert len(samples) == 48_000
    inner = np.concatenate([np.arange(k * 16_000 + 200, (k + 1) * 16_000 - 200) for k in range(3)])
    assert np.abs(samples - tone(48_000, rate=16_000))[inner].max() < 0.01


def test_a_frame_that_cannot_be_resampled_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing:
        def __init__(self, *args: object, **options: object) -> None:
            self.true = av.AudioResampler(*args, **options)  # type: ignore[arg-type]

        def resample(self, made: av.AudioFrame | None) -> list[av.AudioFrame]:
            if made is not None and made.sample_rate == 12_345:
                raise ValueError("no such rate")
            return self.true.resample(made)

    monkeypatch.setattr("mediafm.media.sound.AudioResampler", Refusing)
    line, _, samples = lay([frame(tone(RATE), 0), frame(tone(12_345), 1.0, 12_345), frame(tone(RATE), 2.0)])
    assert (line.refused, line.filled, len(samples)) == (1, 16_000, 48_000)


def test_loud_mixes_stay_in_range() -> None:
    _, _, samples = lay([frame(np.full(RATE * 6, 1.5), 0, layout="5.1")])
    assert np.abs(samples).max() <= 1.0


def test_a_layout_nobody_named() -> None:
    _, _, samples = lay([frame(np.full(RATE * 5, 0.5), 0, layout="5 channels")])
    assert np.abs(samples[100:-100] - 0.5).max() < 0.01
