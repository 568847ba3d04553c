"""Voices, places and things: babble in a character's pitch, the air of a place, sounds of doors, clocks and steps."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from mediafm.synthetic.genres import PlaceKind
from mediafm.synthetic.tones import RATE, add, faded, noise, samples_of, sweep, tap
from mediafm.types import FloatArray

# First two formants in hertz of the vowels that babble is made of.
VOWELS = ((730, 1090), (530, 1840), (270, 2290), (570, 840), (300, 870), (440, 1020))
SYLLABLE = 0.17  # seconds
LOOP = 6.0  # seconds after which the air of a place repeats, without a seam

# The air of a place: noise between two frequencies in hertz, its loudness, how fast it swells in hertz (0: steady).
AIR: dict[PlaceKind, tuple[float, float, float, float]] = {
    "street": (60, 700, 0.07, 0.0),
    "rooftop": (150, 900, 0.06, 0.33),
    "park": (300, 2500, 0.03, 0.17),
    "forest": (200, 1800, 0.04, 0.33),
    "beach": (200, 5000, 0.08, 0.17),
    "desert": (120, 600, 0.06, 0.33),
    "planet": (40, 250, 0.10, 0.17),
    "cafe": (200, 1400, 0.05, 0.0),
    "living_room": (60, 300, 0.03, 0.0),
    "office": (90, 2000, 0.03, 0.0),
    "corridor": (50, 180, 0.06, 0.0),
    "cellar": (40, 140, 0.08, 0.17),
    "bridge": (70, 110, 0.10, 0.0),
}


@lru_cache(maxsize=len(AIR))
def air(kind: PlaceKind) -> FloatArray:
    """One loop of a place's ambience, the same in every film. Read-only."""
    low, high, loudness, swell = AIR[kind]
    loop = noise(LOOP, low, high, np.random.default_rng(list(AIR).index(kind))) * loudness
    if swell:
        turns = np.linspace(0, 2 * np.pi * round(swell * LOOP), len(loop), endpoint=False)
        loop = (loop * (0.6 + 0.4 * np.sin(turns))).astype(np.float32)
    loop.flags.writeable = False
    return loop


def babble(words: int, seconds: float, pitch: float, effort: float, rng: np.random.Generator) -> FloatArray:
    """A voice that says about `words` words of no language within `seconds`; `effort` [0, 1] lifts pitch and force."""
    bus = np.zeros(samples_of(seconds), dtype=np.float32)
    count = max(1, min(round(1.4 * words), int(seconds / SYLLABLE)))
    step = min(0.24, seconds / count)
    base = pitch * (1 + 0.25 * effort)
    for k in range(count):
        fall = 1.08 - 0.2 * k / count
        start = samples_of(k * step)
        if rng.random() < 0.5:
            add(bus, start, faded(noise(0.04, 2000, 7000, rng), 0.015), 0.12)
        add(bus, start, _syllable(base * fall * float(rng.uniform(0.94, 1.06)), VOWELS[rng.integers(len(VOWELS))]))
    return bus * np.float32(0.5 + 0.4 * effort)


def _syllable(pitch: float, formants: tuple[int, int]) -> FloatArray:
    """A voiced vowel: harmonics of a gliding pitch, strongest near the formants."""
    n = samples_of(SYLLABLE)
    turns = np.cumsum(np.linspace(1.03, 0.96, n, dtype=np.float32) * np.float32(2 * np.pi * pitch / RATE))
    wave = np.zeros(n, dtype=np.float32)
    total = 0.0
    for k in range(1, int(3200 / pitch)):
        near = sum(np.exp(-(((k * pitch - f) / w) ** 2)) for f, w in zip(formants, (160, 240), strict=True))
        strength = (0.08 + float(near)) / k**0.5
        wave += np.float32(strength) * np.sin(np.float32(k) * turns)
        total += strength
    return faded(wave * np.float32(2.0 / total), 0.035)


def steps(seconds: float, rng: np.random.Generator) -> FloatArray:
    """Running feet."""
    bus = np.zeros(samples_of(seconds), dtype=np.float32)
    for k in range(int(seconds / 0.28)):
        add(bus, samples_of(0.28 * k), tap(90 + 20 * float(rng.random()), 0.03), 0.5)
    return bus


def _taps(pitches: tuple[float, float], decay: float, rate: float, gain: float) -> Callable:
    """A maker of taps of random pitch at about `rate` a second."""

    def make(seconds: float, rng: np.random.Generator) -> FloatArray:
        bus = np.zeros(samples_of(seconds), dtype=np.float32)
        for k in range(max(1, int(seconds * rate))):
            add(bus, samples_of((k + 0.3 * float(rng.random())) / rate), tap(float(rng.uniform(*pitches)), decay), gain)
        return bus

    return make


def _breath(low: float, high: float, gain: float, swell: float = 1.0) -> Callable:
    """A maker of noise that swells and fades once every `swell` seconds."""

    def make(seconds: float, rng: np.random.Generator) -> FloatArray:
        wave = noise(seconds, low, high, rng)
        shape = np.sin(np.pi * np.arange(len(wave)) / (RATE * swell)) ** 2
        return (gain * wave * shape).astype(np.float32)

    return make


def _sweeps(start: float, end: float, length: float, rate: float, gain: float) -> Callable:
    """A maker of gliding tones."""

    def make(seconds: float, rng: np.random.Generator) -> FloatArray:
        bus = np.zeros(samples_of(seconds), dtype=np.float32)
        for k in range(max(1, int(seconds * rate))):
            bend = float(rng.uniform(0.9, 1.1))
            add(bus, samples_of((k + 0.2 * float(rng.random())) / rate), sweep(bend * start, bend * end, length), gain)
        return bus

    return make


# What makes a sound: subjects of inserts, and places (whose sound is heard where their subtitle says so).
EFFECTS: dict[str, Callable[[float, np.random.Generator], FloatArray]] = {
    "clock": _taps((2000, 2400), 0.012, 2.0, 0.4),
    "phone": _sweeps(150, 152, 0.3, 2.0, 0.25),
    "key": _taps((3200, 5200), 0.05, 9.0, 0.18),
    "book": _breath(1500, 7000, 0.3, 0.5),
    "sky": _breath(150, 900, 0.3, 2.0),
    "birds": _sweeps(2600, 3800, 0.09, 4.0, 0.2),
    "rain": _taps((1800, 4500), 0.008, 40.0, 0.12),
    "street": _sweeps(420, 415, 0.4, 1.0, 0.25),
    "rooftop": _breath(200, 1200, 0.4, 1.2),
    "park": _sweeps(3000, 4200, 0.1, 3.0, 0.15),
    "forest": _taps((700, 1400), 0.02, 4.0, 0.4),
    "beach": _breath(300, 5000, 0.4, 1.5),
    "desert": _breath(250, 700, 0.5, 1.5),
    "planet": _breath(30, 120, 0.7, 1.5),
    "cafe": _taps((2200, 3600), 0.06, 4.0, 0.25),
    "living_room": _sweeps(300, 520, 0.5, 0.8, 0.25),
    "office": _sweeps(1050, 1060, 0.25, 2.0, 0.2),
    "corridor": _taps((110, 150), 0.04, 2.0, 0.6),
    "cellar": _sweeps(900, 1900, 0.05, 1.5, 0.35),
    "bridge": _sweeps(1400, 1400, 0.09, 3.0, 0.2),
}
