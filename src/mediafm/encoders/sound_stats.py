"""What a stretch of sound is like: level, colour of the spectrum, and rhythm. docs/encoders.md lists every number.

Everything is measured by librosa on mono sound at 16 kHz, in windows of 64 ms every 32 ms. Decibels are relative to
full scale and never lower than FLOOR_DB, so digital silence has a place at the end of every scale.
"""

from itertools import pairwise
from typing import Any

import numpy as np

from mediafm.encoders.blocks import Array, Block, Statistics, statistics
from mediafm.types import SAMPLE_RATE, FloatArray

WINDOW = 1024  # samples
HOP = 512
FLOOR_DB = -80.0
_SILENT_DB = -50.0  # a window quieter than this counts as silence
_MELS = 32
_MFCC = 16  # coefficients 1 to 16; 0 is the level, which the loudness block holds
_CONTRAST_OCTAVES = 5  # from 200 Hz to 6.4 kHz
_TEMPI = np.geomspace(40, 240, 13)  # beats a minute: edges of the twelve bands in which the tempogram is read
_RHYTHM_WINDOW = 192  # windows (6.1 s) over which the tempogram looks for a beat


def _tilted(first: float, last: float, deviation: float, weight: float, name: str) -> Statistics:
    return Statistics(name, np.linspace(first, last, _MELS), np.full(_MELS, deviation), weight)


SOUND_BLOCKS: tuple[Block, ...] = (
    # of each mel band: mean over time less the mean of all bands (dB), then deviation, spread from 10 % to 90 %
    # quantile, and mean change from window to window (dB)
    _tilted(13, -9, 5, 1.3, "mel_shape"),
    _tilted(6.5, 5, 3, 1.0, "mel_deviation"),
    _tilted(16, 12, 8, 0.7, "mel_spread"),
    _tilted(2.6, 2, 1, 0.7, "mel_change"),
    statistics("mfcc_mean", [(32, 16), (8, 9), (8, 8), (4, 6), *[(1, 4)] * (_MFCC - 4)]),
    statistics("mfcc_deviation", [(11, 5), (7, 2.5), (5.5, 2.2), (4.7, 1.8), *[(3.8, 1.5)] * (_MFCC - 4)], weight=0.7),
    # of each octave: mean and deviation over time of the peak-to-valley difference (dB)
    statistics(
        "contrast", [(16, 4), (12.5, 3), (16.5, 4), (19, 4), (19, 4), (22, 4), *[(4, 1.3)] * (_CONTRAST_OCTAVES + 1)]
    ),
    # centroid, bandwidth, 85 % roll-off (kHz), log flatness, zero crossings a sample: mean and deviation of each
    statistics(
        "spectrum",
        [(1.5, 0.7), (0.45, 0.3), (1.6, 0.4), (0.25, 0.15), (3.0, 1.4), (0.9, 0.6), (-2.2, 0.8), (0.55, 0.3),
         (0.1, 0.06), (0.04, 0.03)],
    ),
    # loudness in dB: mean, deviation, 5, 50 and 95 % quantile, most, last third less first; share of silence;
    # crest of the wave (dB)
    statistics(
        "loudness",
        [(-34, 13), (6, 4), (-43, 17), (-34, 14), (-26, 12), (-23, 11), (0, 9), (0.15, 0.27), (16, 5)],
        weight=1.2,
    ),
    # onset strength: mean, deviation, 90 % quantile, most, and skewness
    statistics("onset", [(1.1, 0.45), (1.2, 0.8), (2.3, 1.2), (7, 5), (2.4, 1.6)], weight=0.9),
    # highest autocorrelation of onset strength in twelve bands from 40 to 240 beats a minute, and in any of them
    statistics("tempo", [*((c, 0.15) for c in np.linspace(0.08, 0.24, len(_TEMPI) - 1)), (0.3, 0.15)], weight=0.8),
)  # fmt: skip
SOUND_DIM = sum(block.dim for block in SOUND_BLOCKS)


def sound_values(samples: FloatArray) -> dict[str, Array]:
    """Values of every block of SOUND_BLOCKS for mono sound float32 [n >= 1].

    Sound shorter than one window is filled up with silence.
    """
    import librosa

    wave = np.pad(samples, (0, max(0, WINDOW - len(samples))))
    magnitude = np.abs(librosa.stft(wave, n_fft=WINDOW, hop_length=HOP, center=False)) * (2.0 / WINDOW)
    power = magnitude**2
    mel = librosa.feature.melspectrogram(S=power, sr=SAMPLE_RATE, n_mels=_MELS, norm=None)
    mel_db = _decibels(mel)
    values = _mel_values(mel_db, librosa)
    values["contrast"] = _mean_deviation(_contrast(magnitude, librosa))
    values["spectrum"] = _spectrum(wave, magnitude, librosa)
    values["loudness"] = _loudness(wave, librosa)
    values |= _rhythm_values(mel_db, librosa)
    return values


def _decibels(power: Array) -> Array:
    return 10.0 * np.log10(np.maximum(power, 10.0 ** (FLOOR_DB / 10)))


def _mean_deviation(table: Array) -> Array:
    """[rows, time] -> means of all rows, then deviations of all rows."""
    return np.concatenate([table.mean(axis=1), table.std(axis=1)])


def _mel_values(mel_db: Array, librosa: Any) -> dict[str, Array]:
    mean = mel_db.mean(axis=1)
    low, high = np.quantile(mel_db, [0.1, 0.9], axis=1)
    # Coefficients are of the shape alone: level and silence have their own block.
    mfcc = librosa.feature.mfcc(S=mel_db - mel_db.mean(axis=0), n_mfcc=_MFCC + 1)[1:]
    return {
        "mel_shape": mean - mean.mean(),
        "mel_deviation": mel_db.std(axis=1),
        "mel_spread": high - low,
        "mel_change": np.abs(np.diff(mel_db, axis=1, append=mel_db[:, -1:])).mean(axis=1),
        "mfcc_mean": mfcc.mean(axis=1),
        "mfcc_deviation": mfcc.std(axis=1),
    }


def _contrast(magnitude: Array, librosa: Any) -> Array:
    """Spectral contrast (Jiang et al. 2002) in dB, [octaves + 1, time]."""
    floored = np.maximum(magnitude, 10.0 ** (FLOOR_DB / 20) / WINDOW)
    return librosa.feature.spectral_contrast(S=floored, sr=SAMPLE_RATE, fmin=200.0, n_bands=_CONTRAST_OCTAVES)


def _spectrum(wave: FloatArray, magnitude: Array, librosa: Any) -> Array:
    # A floor of white noise far below hearing keeps every ratio defined in silence.
    floored = magnitude + 10.0 ** (FLOOR_DB / 20) / WINDOW
    feature = librosa.feature
    rows = [
        feature.spectral_centroid(S=floored, sr=SAMPLE_RATE) / 1000,
        feature.spectral_bandwidth(S=floored, sr=SAMPLE_RATE) / 1000,
        feature.spectral_rolloff(S=floored, sr=SAMPLE_RATE) / 1000,
        np.log10(feature.spectral_flatness(S=floored, amin=1e-20)),
        feature.zero_crossing_rate(wave, frame_length=WINDOW, hop_length=HOP, center=False),
    ]
    table = np.concatenate([row[:, : magnitude.shape[1]] for row in rows])
    return np.stack([table.mean(axis=1), table.std(axis=1)], axis=1).ravel()


def _loudness(wave: FloatArray, librosa: Any) -> Array:
    rms = librosa.feature.rms(y=wave, frame_length=WINDOW, hop_length=HOP, center=False)[0]
    level = _decibels(rms.astype(np.float64) ** 2)
    third = max(1, len(level) // 3)
    peak = _decibels(np.square(np.abs(wave).max(keepdims=True), dtype=np.float64))[0]
    whole = _decibels(np.mean(np.square(wave, dtype=np.float64), keepdims=True))[0]
    return np.array(
        [
            level.mean(),
            level.std(),
            *np.quantile(level, [0.05, 0.5, 0.95]),
            level.max(),
            level[-third:].mean() - level[:third].mean(),
            (level < _SILENT_DB).mean(),
            peak - whole,
        ]
    )


def _rhythm_values(mel_db: Array, librosa: Any) -> dict[str, Array]:
    """Onset strength (spectral flux in dB, Boeck & Widmer 2013) and its autocorrelation (Grosche et al. 2010)."""
    strength = librosa.onset.onset_strength(S=mel_db, sr=SAMPLE_RATE, hop_length=HOP, center=False)
    mean, deviation = strength.mean(), strength.std()
    skewness = ((strength - mean) ** 3).mean() / max(deviation, 0.1) ** 3  # below 0.1 the shape is noise
    onset = np.array([mean, deviation, np.quantile(strength, 0.9), strength.max(), skewness])
    local = librosa.feature.tempogram(
        onset_envelope=strength - mean, sr=SAMPLE_RATE, hop_length=HOP, win_length=_RHYTHM_WINDOW, norm=None
    )
    pulse = local.mean(axis=1)
    pulse = pulse / pulse[0] if pulse[0] > 0 else pulse
    edges = np.ceil(60.0 * SAMPLE_RATE / HOP / _TEMPI).astype(int)  # slow tempi have long lags
    by_tempo = np.array([pulse[first:last].max() for last, first in pairwise(edges)])
    return {"onset": onset, "tempo": np.append(by_tempo, by_tempo.max())}
