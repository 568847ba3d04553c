"""The numbers of the sound descriptor against sounds whose answers are known."""

import numpy as np
import pytest

from mediafm.encoders.offline_audio import OfflineAudioEncoder
from mediafm.encoders.sound_stats import FLOOR_DB, SOUND_BLOCKS, sound_values
from mediafm.types import SAMPLE_RATE, FloatArray, ShotInput

SECONDS = np.arange(4 * SAMPLE_RATE) / SAMPLE_RATE


def tone(hertz: float, amplitude: float = 0.5) -> FloatArray:
    return (amplitude * np.sin(2 * np.pi * hertz * SECONDS)).astype(np.float32)


def clicks(per_minute: float, seconds: int = 12) -> FloatArray:
    wave = np.zeros(seconds * SAMPLE_RATE, np.float32)
    rng = np.random.default_rng(0)
    for start in np.arange(0, seconds, 60 / per_minute):
        at = int(start * SAMPLE_RATE)
        burst = rng.standard_normal(800) * np.exp(-np.arange(800) / 150)
        wave[at : at + 800] += (0.3 * burst)[: len(wave[at : at + 800])].astype(np.float32)
    return wave


def encode(*waves: FloatArray) -> np.ndarray:
    shots = [ShotInput((), (), wave, "", len(wave) / SAMPLE_RATE) for wave in waves]
    return OfflineAudioEncoder().encode(shots).vectors


@pytest.mark.parametrize("amplitude", [1.0, 0.1, 0.01])
def test_loudness_is_decibels_of_full_scale(amplitude: float) -> None:
    loudness = sound_values(tone(440, amplitude))["loudness"]
    level = 20 * np.log10(amplitude / np.sqrt(2))
    assert loudness[[0, 2, 3, 4, 5]] == pytest.approx(level, abs=0.1)
    assert loudness[1] == pytest.approx(0, abs=0.1)  # steady
    assert loudness[8] == pytest.approx(3.01, abs=0.05)  # crest of a sine


def test_share_of_silence_and_trend() -> None:
    wave = tone(440)
    wave[: len(wave) // 2] = 0
    loudness = sound_values(wave)["loudness"]
    assert loudness[7] == pytest.approx(0.5, abs=0.02)
    assert loudness[6] == pytest.approx(-9.03 - FLOOR_DB, abs=0.5)  # louder at the end
    assert loudness[2] == pytest.approx(FLOOR_DB)


@pytest.mark.parametrize("hertz", [250.0, 1000.0, 4000.0])
def test_spectrum_of_a_tone(hertz: float) -> None:
    values = sound_values(tone(hertz))
    centroid, _, bandwidth = values["spectrum"][:3]
    assert centroid == pytest.approx(hertz / 1000, abs=0.15)
    assert bandwidth < 0.5
    assert values["spectrum"][8] == pytest.approx(2 * hertz / SAMPLE_RATE, rel=0.05)  # zero crossings
    assert values["spectrum"][6] < sound_values(clicks(120))["spectrum"][6]  # less flat than noise


def test_mel_bands_are_in_order() -> None:
    low, high = (sound_values(tone(hertz))["mel_shape"].argmax() for hertz in (200, 5000))
    assert low < 6 and high > 24


@pytest.mark.parametrize("amplitude", [0.5, 0.05])
def test_shape_does_not_depend_on_level(amplitude: float) -> None:
    noise = np.random.default_rng(1).standard_normal(SAMPLE_RATE * 2).astype(np.float32) * np.float32(0.3)
    loud, soft = sound_values(noise), sound_values(noise * np.float32(amplitude))
    for name in ("mel_shape", "mel_deviation", "mfcc_mean", "mfcc_deviation", "onset", "tempo"):
        assert soft[name] == pytest.approx(loud[name], abs=0.05), name


@pytest.mark.parametrize("per_minute", [60.0, 90.0, 120.0])
def test_tempo_of_clicks(per_minute: float) -> None:
    """The tempogram is higher in the beat's band than between the beat and its double."""
    edges = np.geomspace(40, 240, 13)
    pulse = sound_values(clicks(per_minute))["tempo"][:12]
    on_beat, off_beat = (pulse[np.searchsorted(edges, tempo) - 1] for tempo in (per_minute, per_minute * 1.5))
    assert on_beat > off_beat + 0.1


def test_onsets_of_clicks_and_of_a_steady_tone() -> None:
    assert sound_values(clicks(120))["onset"][3] > 5 * max(sound_values(tone(440))["onset"][2], 0.1)


def test_silence_is_one_vector_however_long() -> None:
    vectors = encode(*(np.zeros(n, np.float32) for n in (1, 16, 1024, 1025, SAMPLE_RATE, 60 * SAMPLE_RATE)))
    assert vectors == pytest.approx(np.tile(vectors[0], (6, 1)), abs=1e-6)
    assert (vectors[0] @ encode(tone(440))[0]) < 0.9


@pytest.mark.parametrize("n", [1, 2, 15, 400, 1023, 1024, 1025, 1536, 8000])
def test_any_length_has_finite_values(n: int) -> None:
    wave = np.random.default_rng(n).standard_normal(n).astype(np.float32)
    values = sound_values(wave)
    assert all(np.isfinite(v).all() for v in values.values())
    assert [len(values[block.name]) for block in SOUND_BLOCKS] == [block.dim for block in SOUND_BLOCKS]


def test_extreme_waves_have_finite_vectors() -> None:
    n = SAMPLE_RATE
    square = np.where(np.arange(n) % 2, 1.0, -1.0).astype(np.float32)
    impulse = np.eye(1, n, n // 2, dtype=np.float32)[0]
    tiny = np.full(n, 1e-30, np.float32)
    vectors = encode(square, impulse, np.ones(n, np.float32), tiny, square * 4)
    assert np.isfinite(vectors).all() and np.linalg.norm(vectors, axis=1) == pytest.approx(1)


def test_likeness_follows_the_sound() -> None:
    """Softer clicks are nearer to clicks than a tone is."""
    base, softer, steady = encode(clicks(120), clicks(120) * np.float32(0.5), tone(440))
    assert base @ softer > 0.8 > base @ steady
