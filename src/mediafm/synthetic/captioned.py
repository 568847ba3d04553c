"""Tiny clips with captions of which one frame tells only a part: what is seen and where, but not what happens.

Every happening comes with its opposite, and the two show the same frames in another order: to the left or to the right,
up or down, appearing or disappearing, swinging slowly or quickly, one thing before the other or after it. So whoever
averages frames can find the things and their colours, and must guess between the opposites.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mediafm.errors import UsageError
from mediafm.media import FilmOptions, write_film
from mediafm.progress import SILENT, Progress
from mediafm.synthetic.draw import ellipse, polygon
from mediafm.synthetic.plan import Colour
from mediafm.types import ImageArray

SIDE, FPS, SECONDS = 48, 24, 2  # of a clip; it is square
COLOURS: dict[str, Colour] = {
    "red": (225, 40, 40),
    "green": (40, 190, 60),
    "blue": (50, 80, 235),
    "yellow": (240, 220, 40),
    "purple": (170, 60, 200),
    "white": (245, 245, 245),
}
SHAPES = ("circle", "square", "triangle", "cross")
_OPPOSITES = (
    ("moves to the left", "moves to the right"),
    ("moves up", "moves down"),
    ("appears", "disappears"),
    ("swings slowly", "swings quickly"),
)
HAPPENINGS = tuple(words for pair in _OPPOSITES for words in pair)
_FRAMES = FPS * SECONDS
_SWINGS = {"swings slowly": 1, "swings quickly": 3}  # whole swings a clip, so that both pass everywhere alike
_ENCODING = FilmOptions(codec_options={"preset": "ultrafast", "crf": "12"})

Thing = tuple[str, str]  # colour, shape


@dataclass(frozen=True, slots=True)
class CaptionedClip:
    """What a clip shows. happening: of HAPPENINGS, or "then": the second thing takes the first one's place in time.

    seed: of everything that no caption speaks of: size, place, background, moment.
    """

    thing: Thing
    happening: str
    second: Thing | None
    seed: int

    @property
    def caption(self) -> str:
        """A sentence that tells it from its opposite."""
        first = f"a {self.thing[0]} {self.thing[1]}"
        if self.second is not None:
            return f"{first}, then a {self.second[0]} {self.second[1]}"
        return f"{first} {self.happening}"

    def opposite(self) -> "CaptionedClip":
        """The clip whose caption differs only in what one frame cannot tell."""
        if self.second is not None:
            return CaptionedClip(self.second, self.happening, self.thing, self.seed)
        pair = next(pair for pair in _OPPOSITES if self.happening in pair)
        return CaptionedClip(self.thing, pair[1 - pair.index(self.happening)], None, self.seed)


def plan_clips(count: int, seed: int) -> list[CaptionedClip]:
    """`count` clips by chance, half of them of one thing after another; each stands beside its opposite."""
    rng = np.random.default_rng(seed)
    clips: list[CaptionedClip] = []
    while len(clips) < count:
        thing = _thing(rng)
        second = _thing(rng) if rng.random() < 0.5 else None
        if second == thing:
            continue
        happening = "then" if second else HAPPENINGS[int(rng.integers(len(HAPPENINGS)))]
        clip = CaptionedClip(thing, happening, second, int(rng.integers(1 << 31)))
        other = clip.opposite()
        clips += [clip, CaptionedClip(other.thing, other.happening, other.second, int(rng.integers(1 << 31)))]
    return clips[:count]


def clip_frames(clip: CaptionedClip) -> Iterator[ImageArray]:
    """Its pictures in order, uint8 [SIDE, SIDE, 3]."""
    rng = np.random.default_rng(clip.seed)
    back = _background(rng)
    size = float(rng.uniform(0.13, 0.2)) * SIDE
    x, y = (float(v) for v in rng.uniform(0.3, 0.7, 2) * SIDE)
    moment = float(rng.uniform(0.35, 0.65))
    for frame in range(_FRAMES):
        image = back.copy()
        time = (frame + 0.5) / _FRAMES
        if clip.second is not None:
            _draw(image, clip.thing if time < moment else clip.second, x, y, size)
        else:
            place = _place(clip.happening, time, x, y, size, moment)
            if place is not None:
                _draw(image, clip.thing, *place, size)
        yield image


def write_captioned(folder: Path, count: int, seed: int, progress: Progress = SILENT) -> Path:
    """Write `count` clips and `pairs.jsonl` into a folder; returns the latter's path. Same seed, same pictures.

    Clips that are there already are kept. Raises UsageError where the folder holds those of another seed.
    """
    plans = plan_clips(count, seed)
    folder.mkdir(parents=True, exist_ok=True)
    note = folder / "seed.txt"
    if note.exists() and note.read_text(encoding="utf-8") != str(seed):
        raise UsageError(f"{folder} holds clips of another seed than {seed}.", "Name another folder.")
    note.write_text(str(seed), encoding="utf-8")
    lines = []
    progress.start("render", count, "clip")
    for number, plan in enumerate(plans):
        path = folder / f"{number:05}.mp4"
        if not path.exists():
            write_film(path, FPS, (SIDE, SIDE), clip_frames(plan), None, options=_ENCODING)
        lines.append(json.dumps({"video": path.name, "caption": plan.caption}) + "\n")
        progress.advance(1)
    progress.end()
    pairs = folder / "pairs.jsonl"
    pairs.write_text("".join(lines), encoding="utf-8")
    return pairs


def _thing(rng: np.random.Generator) -> Thing:
    return list(COLOURS)[int(rng.integers(len(COLOURS)))], SHAPES[int(rng.integers(len(SHAPES)))]


def _background(rng: np.random.Generator) -> ImageArray:
    """A dark, uneven wall."""
    coarse = rng.uniform(20, 90, (4, 4, 3)).astype(np.float32)
    return cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC).clip(0, 255).astype(np.uint8)


def _place(happening: str, time: float, x: float, y: float, size: float, moment: float) -> tuple[float, float] | None:
    """Where the thing is at `time` of [0, 1); None where it is not to be seen."""
    if happening in ("appears", "disappears"):
        return (x, y) if (time >= moment) == (happening == "appears") else None
    if happening in _SWINGS:
        way = 0.5 + 0.5 * float(np.sin(2 * np.pi * (_SWINGS[happening] * time + moment)))
        return size + way * (SIDE - 2 * size), y
    way = time if happening in ("moves to the right", "moves down") else 1 - time
    along = size + way * (SIDE - 2 * size)
    return (along, y) if "to the" in happening else (x, along)


def _draw(image: ImageArray, thing: Thing, x: float, y: float, size: float) -> None:
    _SHAPES[thing[1]](image, x, y, size, COLOURS[thing[0]])


def _circle(image: ImageArray, x: float, y: float, size: float, colour: Colour) -> None:
    ellipse(image, (x, y), (size, size), colour)


def _square(image: ImageArray, x: float, y: float, size: float, colour: Colour) -> None:
    s = 0.85 * size
    polygon(image, [(x - s, y - s), (x + s, y - s), (x + s, y + s), (x - s, y + s)], colour)


def _triangle(image: ImageArray, x: float, y: float, size: float, colour: Colour) -> None:
    polygon(image, [(x, y - size), (x + size, y + 0.8 * size), (x - size, y + 0.8 * size)], colour)


def _cross(image: ImageArray, x: float, y: float, size: float, colour: Colour) -> None:
    t = 0.35 * size
    polygon(image, [(x - size, y - t), (x + size, y - t), (x + size, y + t), (x - size, y + t)], colour)
    polygon(image, [(x - t, y - size), (x + t, y - size), (x + t, y + size), (x - t, y + size)], colour)


_SHAPES: dict[str, Callable[[ImageArray, float, float, float, Colour], None]] = {
    "circle": _circle,
    "square": _square,
    "triangle": _triangle,
    "cross": _cross,
}
