"""A feature catalogue that is never held: titles are drawn when they are asked for."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from mediafm.errors import UsageError
from mediafm.synthetic.features.law import Law, World
from mediafm.synthetic.features.title import FeatureTitle, draw_title, title_name
from mediafm.types import MODALITIES, Features, FloatArray, Modality

Times = NDArray[np.float64]
DEFAULT_DIMS: Mapping[Modality, int] = {"video": 64, "audio": 48, "text": 32}
DEFAULT_SHOTS = (160, 240)


@dataclass(frozen=True, slots=True)
class SyntheticEncoder:
    """Facts that stand where a catalog names an encoder."""

    name: str
    dim: int
    fingerprint: str
    licence: str = "CC0-1.0"


@dataclass(frozen=True, slots=True)
class SyntheticSpec:
    """What made the rows."""

    encoders: Mapping[Modality, SyntheticEncoder]
    preset: str = "synthetic"
    detector: str = "synthetic"


class SyntheticFeatures:
    """`titles` titles of `shots` = (fewest, most) shots each, as a source of features for pretraining and embedding.

    first: number of the first title, to draw further titles of the same world. A title depends on the seed, its number,
    the range of lengths, the sizes and the law only: a larger catalogue begins with the smaller one. Nothing is kept:
    memory does not grow with the catalogue, and iterating twice draws twice.
    Raises UsageError for an empty catalogue, unknown modalities or sizes below 2.
    """

    def __init__(
        self,
        seed: int,
        titles: int,
        shots: tuple[int, int] = DEFAULT_SHOTS,
        dims: Mapping[Modality, int] = DEFAULT_DIMS,
        law: Law | None = None,
        first: int = 0,
    ) -> None:
        if titles < 1 or first < 0 or not 1 <= shots[0] <= shots[1] or not dims or set(dims) - set(MODALITIES):
            raise UsageError(
                f"No feature catalogue has {titles} titles of {shots[0]} to {shots[1]} shots and sizes {dict(dims)}.",
                f"Ask for at least one title, shot and modality; modalities are {', '.join(MODALITIES)}.",
            )
        if min(dims.values()) < 2:
            raise UsageError(f"Sizes {dict(dims)} leave no room for a direction.", "Ask for at least two numbers each.")
        self._numbers, self._shots = range(first, first + titles), shots
        self.world = World(seed, {m: dims[m] for m in MODALITIES if m in dims}, law or Law())

    def __iter__(self) -> Iterator[FeatureTitle]:
        """All titles with their truth."""
        return (draw_title(number, self._shots, self.world) for number in self._numbers)

    @property
    def title_ids(self) -> list[str]:
        """Ids, sorted."""
        return [title_name(number) for number in self._numbers]

    def title(self, title_id: str) -> FeatureTitle:
        """One title by its id; UsageError if it is not in the catalogue."""
        digits = title_id.removeprefix("title-")
        number = int(digits) - 1 if digits.isdecimal() else -1
        if number not in self._numbers or title_name(number) != title_id:
            first, last = title_name(self._numbers[0]), title_name(self._numbers[-1])
            raise UsageError(f"There is no title {title_id!r} in this catalogue.", f"Titles are {first} to {last}.")
        return draw_title(number, self._shots, self.world)

    @property
    def spec(self) -> SyntheticSpec:
        """Stand-ins for encoders; their fingerprint changes with the world."""
        mark = self._mark([self.world.seed])
        return SyntheticSpec({m: SyntheticEncoder(f"synthetic-{m}", d, mark) for m, d in self.world.dims.items()})

    @property
    def uri(self) -> str:
        """Stands where a catalog says where it is; another one for other features."""
        return f"synthetic:{self._mark([self.world.seed, self._numbers.start, self._numbers.stop, *self._shots])}"

    def iter_features(self) -> Iterator[tuple[str, Features]]:
        """(title id, features) of every title."""
        return ((title.title_id, title.features) for title in self)

    def global_vector(self, title_id: str) -> FloatArray | None:
        """The title's metadata vector, or None."""
        return self.title(title_id).global_vector

    def spans(self, title_id: str) -> tuple[Times, Times]:
        """Starts [n] and ends [n] of a title's shots in seconds."""
        title = self.title(title_id)
        return title.start_s, title.end_s

    def iter_contents(self) -> Iterator[tuple[str, Features, Times, Times, FloatArray | None]]:
        """(title id, features, starts, ends, metadata vector) of every title, each drawn once."""
        return ((t.title_id, t.features, t.start_s, t.end_s, t.global_vector) for t in self)

    def _mark(self, numbers: list[int]) -> str:
        facts = json.dumps([numbers, dict(self.world.dims), asdict(self.world.law)])
        return hashlib.sha256(facts.encode()).hexdigest()[:16]
