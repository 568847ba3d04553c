"""Building blocks of sound: periodic coloured noise, taps, sweeps, notes. Float32, mono, at `RATE`."""

from functools import lru_cache
from typing import Literal

import numpy as np

from mediafm.types import FloatArray

RATE = 24_000  # samples a second; a frame of picture lasts a whole number of them
Timbre = Literal["brass", "pluck", "piano", "organ", "strings", "synth", "bell"]

# Strength of the harmonics, seconds of attack, seconds in which a note dies down to a third.
_TIMBRES: dict[Timbre, tuple[tuple[float, ...], float, float]] = {
    "brass": ((1.0, 0.8, 0.6, 0.45, 0.3, 0.2), 0.05, 0.9),
    "pluck": ((1.0, 0.5, 0.35, 0.15), 0.004, 0.22),
    "piano": ((1.0, 0.45, 0.2, 0.12, 0.05), 0.006, 0.6),
    "organ": ((1.0, 0.7, 0.1, 0.5, 0.05, 0.3), 0.06, 3.0),
    "strings": ((1.0, 0.6, 0.4, 0.3, 0.2, 0.12), 0.18, 1.8),
    "synth": ((1.0, 0.1, 0.5, 0.05, 0.3), 0.03, 0.7),
    "bell": ((1.0, 0.05, 0.4, 0.02, 0.25), 0.003, 0.9),
}


def samples_of(seconds: float) -> int:
    """Number of samples in that many seconds."""
    return round(seconds * RATE)


def add(bus: FloatArray, start: int, sound: FloatArray, gain: float = 1.0) -> None:
    """Mix a sound into a bus from sample `start` on; what reaches beyond the bus is dropped."""
    end = min(len(bus), start + len(sound))
    if end > start >= 0:
        bus[start:end] += gain * sound[: end - start]


def faded(sound: FloatArray, seconds: float) -> FloatArray:
    """The sound with both its ends ramped to zero."""
    n = min(samples_of(seconds), len(sound) // 2)
    out, ramp = sound.copy(), np.linspace(0, 1, n, dtype=np.float32)
    out[:n] *= ramp
    out[len(out) - n :] *= ramp[::-1]
    return out


def noise(seconds: float, low: float, high: float, rng: np.random.Generator) -> FloatArray:
    """Noise between two frequencies in hertz, peak about 1; its end joins its beginning without a click."""
    n = samples_of(seconds)
    pitches = np.fft.rfftfreq(n, 1 / RATE)
    shape = 1 / (1 + (low / np.maximum(pitches, 1)) ** 4) / (1 + (pitches / high) ** 4)
    spectrum = shape * np.exp(2j * np.pi * rng.random(len(pitches)))
    wave = np.fft.irfft(spectrum, n)
    return (wave / (3 * wave.std() + 1e-12)).astype(np.float32)


def tap(pitch: float, decay: float) -> FloatArray:
    """A short struck sound that dies down to a third in `decay` seconds."""
    t = np.arange(samples_of(5 * decay), dtype=np.float32) / RATE
    return (np.sin(2 * np.pi * pitch * t) * np.exp(-t / decay) * np.minimum(1, t / 0.002)).astype(np.float32)


def sweep(start: float, end: float, seconds: float) -> FloatArray:
    """A tone that glides from one pitch to another."""
    pitch = np.geomspace(start, end, samples_of(seconds))
    return faded(np.sin(2 * np.pi * np.cumsum(pitch) / RATE).astype(np.float32), 0.01)


@lru_cache(maxsize=256)
def note(pitch: int, seconds: float, timbre: Timbre) -> FloatArray:
    """One note: `pitch` is a MIDI number (69 is A at 440 Hz). Read-only: notes are shared."""
    t = np.arange(samples_of(seconds), dtype=np.float32) / RATE
    harmonics, attack, decay = _TIMBRES[timbre]
    base = 440.0 * 2 ** ((pitch - 69) / 12)
    wave = np.zeros(len(t), dtype=np.float32)
    for k, strength in enumerate(harmonics, start=1):
        if k * base < 0.45 * RATE:
            wave += strength * np.sin(np.float32(2 * np.pi * k * base) * t)
    wave *= np.minimum(1, t / attack) * np.exp(-t / decay) / sum(harmonics)
    wave = faded(wave, min(0.05, 0.2 * seconds))
    wave.flags.writeable = False
    return wave
