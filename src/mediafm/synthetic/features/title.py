"""One title: its story, and what the three modalities show of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mediafm.fusion import unit_rows
from mediafm.synthetic.features.law import ACTS, Table, World
from mediafm.synthetic.features.sphere import scatter
from mediafm.synthetic.features.timeline import Ints, Timeline, draw_timeline
from mediafm.types import BoolArray, Features, FloatArray, Modality


@dataclass(frozen=True)
class FeatureTitle:
    """One title of n shots: what an import would hand in, and the truth about it.

    number: from 0. global_vector: metadata, a unit vector of the last modality's size, or None. start_s, end_s: [n]
    seconds; shots tile the title. shown: for each channel of the world, which of its directions each shot shows, [n];
    -1 where the shot lacks the modality.
    """

    number: int
    title_id: str
    features: Features
    global_vector: FloatArray | None
    start_s: NDArray[np.float64]
    end_s: NDArray[np.float64]
    truth: Timeline
    shown: Mapping[str, Ints]
    world: World

    @property
    def scene_start(self) -> BoolArray:
        """Which shots begin a scene; the first one does."""
        return np.diff(self.truth.scene, prepend=-1) > 0

    @cached_property
    def labels(self) -> BoolArray:
        """bool [n, labels], columns as in `Law.labels`."""
        truth = self.truth
        mood = np.where(truth.scored == 1, truth.mood, -1)
        states = {"plot": truth.plot, "mood": mood, "arc": truth.fortune, "omen": truth.omen}
        families = self.world.law.families
        return np.concatenate([states[f][:, None] == np.arange(count) for f, count in families.items()], axis=1)


def draw_title(number: int, shots: tuple[int, int], world: World) -> FeatureTitle:
    """Title `number` (from 0): it depends on the world, its number and the range of lengths only."""
    rng = np.random.default_rng([world.seed, 1, number])
    n = int(rng.integers(shots[0], shots[1] + 1))
    truth = draw_timeline(n, world, rng)
    vectors: dict[Modality, FloatArray] = {m: np.empty((n, dim), np.float32) for m, dim in world.dims.items()}
    present: dict[Modality, BoolArray] = {m: _presence(m, truth, world, rng) for m in world.dims}
    shown = dict[str, Ints]()
    for name, channel in world.channels.items():
        symbols, there = _symbols(name, truth, world, rng), present[channel.modality]
        seen = scatter(channel.directions[symbols], channel.kappa, rng)
        vectors[channel.modality][:, channel.columns] = channel.length * seen * there[:, None]
        shown[name] = np.where(there, symbols, -1)
    ends = np.cumsum(rng.gamma(4.0, 1.0, n) + 0.5)
    return FeatureTitle(
        number=number,
        title_id=title_name(number),
        features=Features(vectors, present),
        global_vector=_metadata(truth, world, rng),
        start_s=np.concatenate([[0.0], ends[:-1]]),
        end_s=ends,
        truth=truth,
        shown=shown,
        world=world,
    )


def title_name(number: int) -> str:
    """Id of a title by its number (from 0)."""
    return f"title-{number + 1:06d}"


def _presence(modality: Modality, truth: Timeline, world: World, rng: np.random.Generator) -> BoolArray:
    """Which shots have the modality; a motif is always in the picture."""
    there = rng.random(len(truth.motif)) < world.law.present(modality)
    return there | (truth.motif >= 0) if modality == "video" else there


def _symbols(channel: str, truth: Timeline, world: World, rng: np.random.Generator) -> Ints:
    """Which of its channel's directions each shot shows."""
    law, in_motif = world.law, truth.motif >= 0
    if channel == "subject":
        look = _pick(world.looks[truth.fortune], rng)
        return np.where(in_motif, law.casts * ACTS + truth.motif, truth.cast * ACTS + look)
    if channel == "grade":
        return _pick(world.grades[truth.scored], rng)
    if channel == "sound":
        tune = _pick(world.tunes[np.where(truth.scored == 1, truth.mood, truth.source)], rng)
        return np.where(in_motif, law.moods + _pick(world.omens[truth.omen], rng), tune)
    return _pick(world.topics[truth.plot], rng)


def _pick(chances: Table, rng: np.random.Generator) -> Ints:
    """One symbol a row of chances [n, symbols]."""
    below = rng.random(len(chances))[:, None] > np.cumsum(chances[:, :-1], axis=1)
    return below.sum(axis=1)


def _metadata(truth: Timeline, world: World, rng: np.random.Generator) -> FloatArray | None:
    """Who is in it: a noisy view of the casts of all storylines, whether or not one comes up in these shots."""
    known = rng.random() < world.law.metadata
    vector = scatter(metadata_directions(truth.company[None], world), world.casts_in_metadata.kappa, rng)[0]
    return vector if known else None


def metadata_directions(companies: Ints, world: World) -> Table:
    """What the metadata of companies [n, storylines] shows, [n, metadata_dim]."""
    return unit_rows(world.casts_in_metadata.directions[companies].sum(axis=1))
