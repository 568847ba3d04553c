"""Sentences of the synthetic films: subtitle lines, titles, synopses and tags, by template."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from mediafm.synthetic.genres import Genre, PlaceKind, Tone
from mediafm.synthetic.words import (
    GENRE_TAGS,
    OPENERS,
    PLACE_LINES,
    PLACE_NAMES,
    PLOT_LINES,
    PLOTS,
    REPLIES,
    SHOUTS,
    SMALL_TALK,
    SUBPLOTS,
    TITLE_ADJECTIVES,
    TITLE_NOUNS,
    TONE_LINES,
)

T = TypeVar("T")

WORDS_PER_SECOND = 5.0  # a line never holds more words than can be spoken in its shot
# What lines are about: small talk says nothing of the scene, the others hint at its tone, its place or the plot.
TOPICS = ("small talk", "tone", "place", "plot")
TOPIC_SHARES = (0.40, 0.27, 0.15, 0.18)


@dataclass(frozen=True, slots=True)
class Names:
    """First names of a title's cast by their part in the plot."""

    hero: str
    second: str
    third: str
    cast: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plot:
    """What people in a title talk about."""

    thing: str
    names: Names


@dataclass(frozen=True, slots=True)
class TitleWords:
    """All of a title's own words."""

    name: str
    synopsis: str
    tags: tuple[str, ...]
    plot: Plot


def title_words(genre: Genre, names: Names, places: Sequence[PlaceKind], rng: np.random.Generator) -> TitleWords:
    """Name, synopsis, tags and plot of one title."""
    thing, trouble, task = pick(PLOTS[genre], rng)
    name = f"The {pick(TITLE_ADJECTIVES[genre], rng)} {pick(TITLE_NOUNS[genre], rng)}"
    subplot = pick(SUBPLOTS, rng).format(hero=names.hero, second=names.second, third=names.third, thing=thing)
    synopsis = (
        f"{names.hero} {trouble} and has to {task}. Between {PLACE_NAMES[places[0]]} and {PLACE_NAMES[places[1]]} "
        f"there is little time to lose. Meanwhile, in {PLACE_NAMES[places[2]]}, {subplot}"
    )
    tags = tuple(rng.permutation(GENRE_TAGS[genre])[:2].tolist())
    return TitleWords(name, synopsis, tags, Plot(thing, names))


def line(
    plot: Plot, tones: Sequence[Tone], place: PlaceKind, seconds: float, intensity: float, rng: np.random.Generator
) -> str:
    """One spoken line that fits into `seconds`. Peaks of intensity are shouted and say little."""
    room = max(2, int(seconds * WORDS_PER_SECOND))
    short = _fill(pick(SHOUTS if intensity > 0.4 else REPLIES, rng), plot, rng)
    if intensity > 0.8 and rng.random() < 0.35:
        return short
    for _ in range(6):
        topic = TOPICS[rng.choice(len(TOPICS), p=TOPIC_SHARES)]
        body = _body(topic, tones, place, rng)
        text = _fill(_open(pick(OPENERS, rng), body), plot, rng)
        if len(text.split()) <= room:
            return text
    return short


def _body(topic: str, tones: Sequence[Tone], place: PlaceKind, rng: np.random.Generator) -> str:
    if topic == "tone":
        return pick(TONE_LINES[pick(tones, rng)], rng)
    if topic == "place":
        return pick(PLACE_LINES[place], rng)
    return pick(PLOT_LINES if topic == "plot" else SMALL_TALK, rng)


def _open(opener: str, body: str) -> str:
    """Put an opener before a sentence, which then loses its capital unless it begins with "I" or a name.

    An opener that would say the sentence's own word or name twice is left out.
    """
    word = opener.rstrip(", ")
    if not opener or word in body:
        return body
    keeps = body.startswith(("I ", "{name}", "{hero}", "{second}"))
    return opener + (body if keeps else body[0].lower() + body[1:])


def _fill(template: str, plot: Plot, rng: np.random.Generator) -> str:
    names = plot.names
    text = template.format(name=pick(names.cast, rng), thing=plot.thing, hero=names.hero, second=names.second)
    return text[0].upper() + text[1:]


def pick(items: Sequence[T], rng: np.random.Generator) -> T:
    """One of the items, each as likely as any other."""
    return items[int(rng.integers(len(items)))]
