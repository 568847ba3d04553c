"""The law of the process: every rate and table, and the directions that all titles of one catalogue share."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from mediafm.errors import UsageError
from mediafm.fusion import unit_rows
from mediafm.synthetic.features.sphere import concentration
from mediafm.types import Modality

Table = NDArray[np.float64]
ACTS = 3
RUN_LENGTHS = (2, 4)  # shots a motif stays in the picture
REST = 4  # fewest shots between two motifs
RETURN = 30  # a motif that returns has been away for more shots than this
SUBJECT = 0.85  # length of the subject's part in a picture's vector; the grade's part makes up the unit


@dataclass(frozen=True, slots=True)
class Law:
    """What is drawn how often. docs/synthetic.md tells what each part is for.

    casts, plots, moods, motifs, omens: how many there are in the world. storylines, title_motifs: how many a title has.
    scene_shots, score_shots: mean lengths of a scene and of a stretch with or without score. motif_wait: mean shots
    between motifs beyond the least. truth of looks, topics, grades, tunes and omens: chance that a shot shows what it
    should; it shows each other with equal chance. present: share of shots that have the modality. metadata: share of
    titles that have any. clarity: mean cosine between a vector and what it shows. look_weight: length of the look
    beside a cast of length 1.
    """

    casts: int = 8
    storylines: int = 3
    plots: int = 3
    moods: int = 3
    motifs: int = 6
    title_motifs: int = 5
    omens: int = 3
    scene_shots: float = 4.0
    score_shots: float = 8.0
    motif_wait: float = 3.0
    look_truth: float = 0.7
    topic_truth: float = 0.85
    grade_truth: float = 0.9
    tune_truth: float = 0.85
    omen_truth: float = 0.85
    present_video: float = 0.97
    present_audio: float = 0.7
    present_text: float = 0.6
    metadata: float = 0.8
    clarity: float = 0.92
    look_weight: float = 1.0

    def __post_init__(self) -> None:
        if not 2 <= self.storylines < self.casts or not 1 <= self.title_motifs <= self.motifs:
            raise UsageError(f"{self} has too few casts or motifs.", "Give more than a title needs.")

    def present(self, modality: Modality) -> float:
        """Share of shots that have the modality (a motif is always in the picture)."""
        return {"video": self.present_video, "audio": self.present_audio, "text": self.present_text}[modality]

    @property
    def rests(self) -> int:
        """Fewest shots between two motifs, such that the same one, after all others, returns after more than 30."""
        shown_between = (self.title_motifs - 1) * RUN_LENGTHS[0]
        return max(REST, -(-(RETURN - shown_between) // self.title_motifs))

    @property
    def families(self) -> dict[str, int]:
        """Family of labels -> how many."""
        return {"plot": self.plots, "mood": self.moods, "arc": ACTS, "omen": self.omens}

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of all labels, family by family."""
        return tuple(f"{family}_{k}" for family, count in self.families.items() for k in range(count))


def table(truth: float, states: int) -> Table:
    """[state, symbol]: the state's own symbol has chance `truth`, each other the same."""
    out = np.full((states, states), (1 - truth) / max(states - 1, 1))
    np.fill_diagonal(out, truth if states > 1 else 1.0)
    return out


@dataclass(frozen=True, slots=True)
class Channel:
    """A part of a modality's vectors that shows one thing at a time: `length` times a unit vector near a direction.

    columns: where in the modality's vector. directions: [symbols, dim], unit rows. kappa: concentration around them.
    """

    modality: Modality
    columns: slice
    length: float
    directions: Table
    kappa: float


@dataclass(frozen=True)
class World:
    """What all titles of a catalogue share: the directions shown in each modality, drawn from the seed."""

    seed: int
    dims: Mapping[Modality, int]
    law: Law

    @property
    def metadata_dim(self) -> int:
        """Metadata is told in the last modality's space."""
        return list(self.dims.values())[-1]

    @cached_property
    def channels(self) -> Mapping[str, Channel]:
        """subject (cast x look, then motifs) and grade in video; sound (tunes, then omens) in audio; topic in text."""
        law, found = self.law, dict[str, Channel]()
        if "video" in self.dims:
            edge = self.dims["video"] - max(self.dims["video"] // 4, 2)
            found["subject"] = self._channel("video", slice(0, edge), SUBJECT, self._subjects(edge))
            grades = self._drawn(1, 2, self.dims["video"] - edge)
            found["grade"] = self._channel("video", slice(edge, None), np.sqrt(1 - SUBJECT**2), grades)
        if "audio" in self.dims:
            sounds = self._drawn(2, law.moods + law.omens, self.dims["audio"])
            found["sound"] = self._channel("audio", slice(None), 1.0, sounds)
        if "text" in self.dims:
            found["topic"] = self._channel("text", slice(None), 1.0, self._drawn(3, law.plots, self.dims["text"]))
        return found

    @cached_property
    def casts_in_metadata(self) -> Channel:
        """What metadata shows: [casts, metadata_dim]."""
        return self._channel("text", slice(None), 1.0, self._drawn(4, self.law.casts, self.metadata_dim))

    @cached_property
    def looks(self) -> Table:
        """[fortune, look]."""
        return table(self.law.look_truth, ACTS)

    @cached_property
    def topics(self) -> Table:
        """[plot, topic]."""
        return table(self.law.topic_truth, self.law.plots)

    @cached_property
    def grades(self) -> Table:
        """[without score or scored, grade]."""
        return table(self.law.grade_truth, 2)

    @cached_property
    def tunes(self) -> Table:
        """[tune meant, tune heard]."""
        return table(self.law.tune_truth, self.law.moods)

    @cached_property
    def omens(self) -> Table:
        """[omen, sound]."""
        return table(self.law.omen_truth, self.law.omens)

    @cached_property
    def companies(self) -> NDArray[np.int64]:
        """[sets, storylines]: the sets of casts a title may have; both sides are in each."""
        sets = combinations(range(self.law.casts), self.law.storylines)
        return np.array([s for s in sets if len(set(side(np.array(s)).tolist())) == 2])

    def _channel(self, modality: Modality, columns: slice, length: float, directions: Table) -> Channel:
        kappa = concentration(self.law.clarity, directions.shape[1])
        return Channel(modality, columns, length, directions, kappa)

    def _subjects(self, dim: int) -> Table:
        looks = self.law.look_weight * self._drawn(5, ACTS, dim)
        casts = unit_rows((self._drawn(6, self.law.casts, dim)[:, None] + looks).reshape(-1, dim))
        return np.concatenate([casts, self._drawn(7, self.law.motifs, dim)])

    def _drawn(self, stream: int, count: int, dim: int) -> Table:
        return unit_rows(np.random.default_rng([self.seed, 0, stream]).normal(size=(count, dim)))


def side(cast: NDArray[np.int64]) -> NDArray[np.int64]:
    """0: heroes, 1: their opponents, for each cast."""
    return cast % 2


def fortune(cast: NDArray[np.int64], act: NDArray[np.int64]) -> NDArray[np.int64]:
    """How each cast fares in an act, 0 .. 2: heroes rise as the acts go on, their opponents fall."""
    return np.where(side(cast) == 0, act, ACTS - 1 - act)
