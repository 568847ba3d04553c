"""What makes the genres of the synthetic catalogue differ: where they play, how their tones flow, how they sound.

Names of tones and genres are the published task vocabulary where it is known (eleven genres); the catalogue uses six
of them so that a few dozen titles give every genre several titles.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

Tone = Literal["tense", "joyful", "sad", "romantic", "calm", "eerie", "comic", "energetic"]
TONES: tuple[Tone, ...] = get_args(Tone)

Genre = Literal["Action", "Comedy", "Drama", "Horror", "Romance", "Sci-fi"]
GENRES: tuple[Genre, ...] = get_args(Genre)

PlaceKind = Literal[
    "street", "rooftop", "park", "forest", "beach", "desert", "planet",
    "cafe", "living_room", "office", "corridor", "cellar", "bridge",
]  # fmt: skip
PLACE_KINDS: tuple[PlaceKind, ...] = get_args(PlaceKind)
EXTERIORS: frozenset[PlaceKind] = frozenset(("street", "rooftop", "park", "forest", "beach", "desert", "planet"))

# What tends to come after (or along with) a tone, whatever the genre.
KIN: dict[Tone, tuple[Tone, ...]] = {
    "tense": ("eerie", "energetic"),
    "joyful": ("comic", "energetic", "romantic"),
    "sad": ("calm", "romantic"),
    "romantic": ("calm", "joyful", "sad"),
    "calm": ("romantic", "sad", "joyful"),
    "eerie": ("tense", "sad"),
    "comic": ("joyful", "energetic"),
    "energetic": ("tense", "joyful"),
}

STAY = 0.5  # probability that a storyline keeps its tone from one of its scenes to the next


@dataclass(frozen=True, slots=True)
class GenreSpec:
    """One genre: where it plays, how often each tone comes up (in the order of TONES), how its music is scored."""

    places: tuple[PlaceKind, ...]
    tone_weights: tuple[float, ...]
    night: float  # share of places seen at night
    timbre: Literal["brass", "pluck", "piano", "organ", "strings", "synth"]


SPECS: dict[Genre, GenreSpec] = {
    # tone weights:   tense joy   sad   rom   calm  eerie comic energetic
    "Action": GenreSpec(
        ("street", "rooftop", "desert", "office", "corridor"),
        (0.30, 0.10, 0.06, 0.06, 0.10, 0.08, 0.08, 0.22),
        night=0.3,
        timbre="brass",
    ),
    "Comedy": GenreSpec(
        ("cafe", "living_room", "park", "office", "street"),
        (0.04, 0.26, 0.06, 0.10, 0.14, 0.02, 0.28, 0.10),
        night=0.1,
        timbre="pluck",
    ),
    "Drama": GenreSpec(
        ("living_room", "office", "street", "park", "beach"),
        (0.16, 0.08, 0.28, 0.12, 0.22, 0.04, 0.04, 0.06),
        night=0.3,
        timbre="piano",
    ),
    "Horror": GenreSpec(
        ("forest", "cellar", "corridor", "living_room", "street"),
        (0.28, 0.03, 0.11, 0.03, 0.11, 0.34, 0.02, 0.08),
        night=0.8,
        timbre="organ",
    ),
    "Romance": GenreSpec(
        ("beach", "cafe", "park", "rooftop", "living_room"),
        (0.05, 0.18, 0.14, 0.32, 0.18, 0.02, 0.07, 0.04),
        night=0.3,
        timbre="strings",
    ),
    "Sci-fi": GenreSpec(
        ("bridge", "planet", "corridor", "office", "desert"),
        (0.22, 0.07, 0.08, 0.07, 0.18, 0.18, 0.05, 0.15),
        night=0.4,
        timbre="synth",
    ),
}  # fmt: skip


def first_tone(genre: Genre, rng: np.random.Generator) -> Tone:
    """The tone a storyline of that genre opens with."""
    weights = np.asarray(SPECS[genre].tone_weights)
    return TONES[rng.choice(len(TONES), p=weights / weights.sum())]


def next_tone(genre: Genre, tone: Tone, rng: np.random.Generator) -> Tone:
    """One step of the genre's Markov chain: stay, or move by the genre's weights, tripled towards kindred tones."""
    if rng.random() < STAY:
        return tone
    weights = np.asarray(SPECS[genre].tone_weights) * [
        0.0 if other == tone else 3.0 if other in KIN[tone] else 1.0 for other in TONES
    ]
    return TONES[rng.choice(len(TONES), p=weights / weights.sum())]
