"""Film music that follows mood: key, tempo and figure by tone, instrument by genre, drums by intensity."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mediafm.synthetic.genres import Tone
from mediafm.synthetic.tones import Timbre, add, faded, noise, note, samples_of, tap
from mediafm.types import FloatArray

MAJOR, MINOR, UNEASY = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 1, 3, 4, 6, 7, 9)
Figure = Literal["chords", "arpeggio", "pulse", "sparse", "bounce"]


@dataclass(frozen=True, slots=True)
class Mood:
    """How a tone is scored: scale, beats a minute, figure, shift of register in semitones."""

    scale: tuple[int, ...]
    tempo: float
    figure: Figure
    register: int


MOODS: dict[Tone, Mood] = {
    "tense": Mood(MINOR, 104, "pulse", -12),
    "joyful": Mood(MAJOR, 122, "arpeggio", 5),
    "sad": Mood(MINOR, 58, "chords", -3),
    "romantic": Mood(MAJOR, 70, "chords", 2),
    "calm": Mood(MAJOR, 62, "sparse", 0),
    "eerie": Mood(UNEASY, 52, "sparse", 7),
    "comic": Mood(MAJOR, 112, "bounce", -5),
    "energetic": Mood(MINOR, 136, "arpeggio", 0),
}
PROGRESSION = (0, 3, 4, 0, 5, 3, 4, 4)  # degrees of the scale, one a bar


def score(
    tones: Sequence[Tone], intensity: float, timbre: Timbre, root: int, seconds: float, rng: np.random.Generator
) -> FloatArray:
    """The music of one scene: float32 [seconds * RATE]. The first tone leads; intensity brings in the drums."""
    mood = MOODS[tones[0]]
    beat = 60.0 / (mood.tempo * float(rng.uniform(0.9, 1.1)) * (1 + 0.15 * intensity))
    bus = np.zeros(samples_of(seconds), dtype=np.float32)
    first = int(rng.integers(4))
    for bar in range(int(seconds / (4 * beat)) + 1):
        degree = PROGRESSION[(first + bar) % len(PROGRESSION)]
        chord = [_pitch(mood, root, degree + step) for step in (0, 2, 4, 7)]
        _play_bar(bus, mood.figure, chord, samples_of(4 * beat * bar), beat, timbre, rng)
        if intensity > 0.4:
            _drum_bar(bus, samples_of(4 * beat * bar), beat, intensity, rng)
    return faded(bus, 0.25)


def _pitch(mood: Mood, root: int, degree: int) -> int:
    octave, step = divmod(degree, len(mood.scale))
    return root + mood.register + 12 * octave + mood.scale[step]


def _play_bar(
    bus: FloatArray, figure: Figure, chord: list[int], start: int, beat: float, timbre: Timbre, rng: np.random.Generator
) -> None:
    """One bar of four beats; notes are (beat, pitch, seconds, gain)."""
    notes: list[tuple[float, int, float, float]]
    if figure == "chords":
        notes = [(0.0, p, 3.0, 0.2) for p in chord[:3]] + [
            (1.0 + k, chord[int(rng.integers(4))] + 12, 1.5, 0.14) for k in range(3)
        ]
    elif figure == "arpeggio":
        notes = [(0.5 * k, chord[(0, 1, 2, 3, 2, 1, 2, 3)[k]], 0.5, 0.3) for k in range(8)] + [
            (0.0, chord[0] - 12, 1.5, 0.25)
        ]
    elif figure == "pulse":
        notes = [(0.5 * k, chord[0], 0.25, 0.34 if k % 4 == 0 else 0.22) for k in range(8)] + [
            (0.0, chord[1] + 12, 3.0, 0.1)
        ]
    elif figure == "sparse":
        notes = [
            (0.0, chord[0] - 12, 3.0, 0.2),
            (float(rng.integers(1, 4)), chord[int(rng.integers(4))] + 12, 1.5, 0.2),
        ]
    else:  # bounce: bass on the beat, chord off the beat
        notes = [(float(k), chord[0 if k % 2 == 0 else 2] - 7, 0.25, 0.32) for k in range(4)]
        notes += [(k + 0.5, p, 0.25, 0.16) for k in range(4) for p in chord[1:3]]
    for when, pitch, seconds, gain in notes:
        add(bus, start + samples_of(when * beat), note(pitch, seconds, timbre), gain)


def _drum_bar(bus: FloatArray, start: int, beat: float, intensity: float, rng: np.random.Generator) -> None:
    """Kick on the beat; above middle intensity a snare of noise off the beat."""
    kick, snare = tap(58, 0.09), faded(noise(0.12, 900, 6000, rng), 0.05)
    for k in range(4):
        add(bus, start + samples_of(k * beat), kick, 0.6 * intensity)
        if intensity > 0.8:
            add(bus, start + samples_of((k + 0.5) * beat), snare, 0.2 * intensity)


def duck(bus: FloatArray, spans: Sequence[tuple[int, int]]) -> None:
    """Silence the bus in spans of samples; it fades out before and comes back after, going on as if never gone."""
    gain = np.ones(len(bus), dtype=np.float32)
    ramp = samples_of(0.06)
    for start, end in spans:
        gain[start:end] = 0
        before, after = max(0, start - ramp), min(len(bus), end + ramp)
        gain[before:start] = np.minimum(gain[before:start], np.linspace(1, 0, start - before, dtype=np.float32))
        gain[end:after] = np.minimum(gain[end:after], np.linspace(0, 1, after - end, dtype=np.float32))
    bus *= gain
