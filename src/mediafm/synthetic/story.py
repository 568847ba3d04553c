"""The generating process: titles made of acts, scenes and shots, as plain data and without a single pixel.

A title has two storylines with their own casts and places, told in turns. A storyline's tone follows the genre's Markov
chain. Acts rise: scenes cut faster and faster until a climax, which alone is worth a clip; a `surge` is a scene that
looks and sounds exactly like a climax but comes out of nowhere, so no single shot can tell the two apart. A fixed share
of the shots shows objects or the sky, rendered without a trace of scene, tone or genre: what they mean is known only
from the shots around them.
"""

import numpy as np

from mediafm.errors import UsageError
from mediafm.synthetic.genres import EXTERIORS, GENRES, KIN, SPECS, TONES, Genre, Tone, first_tone, next_tone
from mediafm.synthetic.plan import Beat, Character, Colour, Place, ScenePlan, TitlePlan
from mediafm.synthetic.shotlist import plan_shots
from mediafm.synthetic.text import Names, title_words
from mediafm.synthetic.words import FIRST_NAMES

SHOTS_PER_SCENE = 5.0
MIN_SHOTS = 16

# Lowest and highest intensity of a beat; intensity drives the tempo of cuts, camera shake, drums and movement.
INTENSITY: dict[Beat, tuple[float, float]] = {
    "setup": (0.10, 0.30),
    "rising": (0.50, 0.75),
    "climax": (0.88, 1.0),
    "surge": (0.88, 1.0),
    "aftermath": (0.05, 0.25),
}

SKINS: tuple[Colour, ...] = ((250, 214, 185), (236, 188, 150), (198, 140, 100), (141, 94, 62), (100, 66, 48))
HAIRS: tuple[Colour, ...] = ((38, 30, 28), (92, 58, 34), (214, 170, 92), (168, 72, 38), (190, 190, 196), (60, 60, 90))
CLOTHES: tuple[Colour, ...] = (
    (196, 62, 58), (58, 112, 178), (76, 150, 92), (226, 172, 62), (138, 84, 160), (64, 168, 170), (222, 120, 60),
    (110, 116, 128),
)  # fmt: skip


def plan_catalogue(seed: int, titles: int, shots_per_title: int) -> list[TitlePlan]:
    """Plan `titles` films of exactly `shots_per_title` shots each; genres take turns, so every genre is equally common.

    A title depends on the seed and its own number only: a longer catalogue begins with the shorter one.
    Raises UsageError for fewer than one title or fewer than MIN_SHOTS shots.
    """
    if titles < 1 or shots_per_title < MIN_SHOTS:
        raise UsageError(
            f"A synthetic catalogue of {titles} titles with {shots_per_title} shots each cannot be planned.",
            f"Ask for at least 1 title and {MIN_SHOTS} shots a title.",
        )
    return [plan_title(seed, number, shots_per_title) for number in range(titles)]


def plan_title(seed: int, number: int, shots: int) -> TitlePlan:
    """Plan film `number` (from 0) of the catalogue with that seed."""
    rng = np.random.default_rng([seed, number])
    genre = GENRES[number % len(GENRES)]
    cast = _cast(rng)
    places = _places(genre, rng)
    names = Names(hero=cast[0].name, second=cast[3].name, third=cast[4].name, cast=tuple(c.name for c in cast))
    words = title_words(genre, names, tuple(p.kind for p in places), rng)
    scenes = _scenes(genre, shots, rng)
    planned = plan_shots(scenes, places, words.plot, rng)
    year = int(rng.integers(1970, 2026))
    title_id = f"film-{number + 1:02d}"
    return TitlePlan(
        title_id, (seed, number), words.name, year, genre, words.synopsis, words.tags, cast, places, scenes, planned
    )


def _cast(rng: np.random.Generator) -> tuple[Character, ...]:
    """Six people: 0-2 carry the first storyline, 3-5 the second. No two share a name or the colour of their top."""
    names = rng.choice(len(FIRST_NAMES), 6, replace=False)
    tops = rng.permutation(len(CLOTHES))
    cast = []
    for i in range(6):
        low = rng.random() < 0.5
        cast.append(
            Character(
                name=FIRST_NAMES[names[i]],
                skin=SKINS[rng.integers(len(SKINS))],
                hair=HAIRS[rng.integers(len(HAIRS))],
                hair_style=int(rng.integers(4)),
                top=CLOTHES[tops[i]],
                bottom=((52, 58, 84), (70, 62, 56), (40, 42, 48))[rng.integers(3)],
                height=float(rng.uniform(0.9, 1.08)),
                voice_hz=float(rng.uniform(95, 140) if low else rng.uniform(175, 240)),
            )
        )
    return tuple(cast)


def _places(genre: Genre, rng: np.random.Generator) -> tuple[Place, ...]:
    """Four places: 0 and 1 belong to the first storyline, 2 and 3 to the second."""
    kinds = SPECS[genre].places
    chosen = rng.choice(len(kinds), 4, replace=False)
    return tuple(
        Place(kinds[k], int(rng.integers(2**31)), bool(kinds[k] in EXTERIORS and rng.random() < SPECS[genre].night))
        for k in chosen
    )


def _beats(count: int, rng: np.random.Generator) -> list[Beat]:
    """Beats of a title of `count` scenes: acts of setup, rising, climax, aftermath, with surges among the setups."""
    beats: list[Beat] = []
    while len(beats) < count:
        act: list[Beat] = ["setup"]
        if rng.random() < 0.85:
            act += ["surge", "setup"]
        act += ["rising", "rising", "climax"] if rng.random() < 0.5 else ["rising", "climax"]
        if rng.random() < 0.7:
            act.append("aftermath")
        beats += act
    # A film ends on its last climax or its aftermath; the overhang is dropped from the front.
    beats = beats[len(beats) - count :]
    if beats[0] != "rising":
        beats[0] = "setup"  # neither a peak nor its aftermath can stand first
    return beats


def _scenes(genre: Genre, shots: int, rng: np.random.Generator) -> tuple[ScenePlan, ...]:
    """Scenes with storylines in turns, tones by the Markov chain, and a number of shots each that sums to `shots`."""
    count = max(3, round(shots / SHOTS_PER_SCENE))
    ends = _scene_ends(shots, count, rng)
    tones = [first_tone(genre, rng), first_tone(genre, rng)]
    storyline, side = 0, [0, 0]
    scenes: list[ScenePlan] = []
    for index, beat in enumerate(_beats(count, rng)):
        if index and rng.random() < 0.75:
            storyline = 1 - storyline
        else:
            side[storyline] = 1 - side[storyline]  # the same storyline goes on elsewhere
        if index > 1:
            tones[storyline] = next_tone(genre, tones[storyline], rng)
        size = 2 if rng.random() < 0.7 else 3
        members = tuple(int(m) + 3 * storyline for m in sorted(rng.choice(3, size, replace=False)))
        scenes.append(
            ScenePlan(
                index=index,
                storyline=storyline,
                place=2 * storyline + side[storyline],
                cast=members,
                tones=_scene_tones(tones[storyline], beat, rng),
                beat=beat,
                intensity=float(rng.uniform(*INTENSITY[beat])),
                music=bool(rng.random() < 0.8),
                first_shot=ends[index - 1] if index else 0,
                end_shot=ends[index],
            )
        )
    return tuple(scenes)


def _scene_tones(own: Tone, beat: Beat, rng: np.random.Generator) -> tuple[Tone, ...]:
    """The storyline's tone, often a kindred one with it, and what the beat brings along."""
    tones = [own]
    if rng.random() < 0.35:
        tones.append(KIN[own][rng.integers(len(KIN[own]))])
    if beat == "rising" and rng.random() < 0.6:
        tones.append("tense")
    if beat in ("climax", "surge"):
        tones.append("energetic")
    return (own, *(t for t in TONES if t in tones and t != own))


def _scene_ends(shots: int, count: int, rng: np.random.Generator) -> list[int]:
    """Shot numbers at which the scenes end: at least 3 shots each, the rest spread at random."""
    least = min(3, shots // count)
    sizes = least + rng.multinomial(shots - least * count, rng.dirichlet(np.full(count, 4.0)))
    return [int(e) for e in np.cumsum(sizes)]
