"""A synthetic catalogue of features: arrays only, of any size, with a known generating process.

Every title has a mood of its own and a few storylines that return. A scene belongs to a storyline and has a mood drawn
near the title's; its shots share the scene's latent vector. A share of the shots shows motifs instead, the same few
vectors in every title, which say nothing of their scene. Each modality sees the latent vector through a fixed random
map of its own, with its own noise; text is missing in a share of the shots.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mediafm.errors import UsageError
from mediafm.fusion import unit_rows
from mediafm.types import MODALITIES, BoolArray, Features, FloatArray, Modality

LATENT = 24  # size of the vectors behind the features
MOODS = 6
MOTIFS = 8
STORYLINES = 3
DEFAULT_DIMS: Mapping[Modality, int] = {"video": 64, "audio": 48, "text": 32}
# Noise beside a signal of length 1 and the share of shots that lack the modality.
NOISE: Mapping[Modality, float] = {"video": 0.6, "audio": 0.9, "text": 1.2}
MISSING: Mapping[Modality, float] = {"video": 0.0, "audio": 0.02, "text": 0.2}
MOTIF_SHARE = 0.25
SCENE_SHOTS = 6.0  # mean length of a scene


@dataclass(frozen=True, slots=True)
class FeatureTitle:
    """One title of n shots: what an import would hand in, and the truth about it."""

    title_id: str
    features: Features
    global_vector: FloatArray  # [dim of the last modality], unit-norm: a noisy view of the title's moods
    start_s: NDArray[np.float64]  # [n]; shots tile the title: start_s[i + 1] == end_s[i]
    end_s: NDArray[np.float64]
    scene: NDArray[np.int64]  # [n], counted from 0
    storyline: NDArray[np.int64]  # [n]
    mood: NDArray[np.int64]  # [n], of the shot's scene, 0 .. MOODS - 1
    motif: NDArray[np.int64]  # [n], -1 or which motif hides the scene in this shot

    @property
    def scene_start(self) -> BoolArray:
        """Which shots begin a scene; the first one does."""
        return np.diff(self.scene, prepend=-1) > 0

    @property
    def ambiguous(self) -> BoolArray:
        """Which shots show a motif and so tell nothing of their scene."""
        return self.motif >= 0


@dataclass(frozen=True, slots=True)
class _World:
    """What all titles of a catalogue share."""

    moods: NDArray[np.float64]  # [MOODS, LATENT]
    motifs: NDArray[np.float64]  # [MOTIFS, LATENT]
    maps: Mapping[Modality, NDArray[np.float64]]  # [LATENT, dim]


def feature_catalogue(
    seed: int, titles: int, shots_per_title: int, dims: Mapping[Modality, int] = DEFAULT_DIMS
) -> Iterator[FeatureTitle]:
    """Yield `titles` titles of exactly `shots_per_title` shots; a title depends on seed, its number and the shape only.

    dims: the modalities wanted and their vector sizes. Raises UsageError for an empty catalogue or unknown modalities.
    """
    if titles < 1 or shots_per_title < 1 or not dims or set(dims) - set(MODALITIES) or min(dims.values()) < 1:
        raise UsageError(
            f"No feature catalogue has {titles} titles, {shots_per_title} shots a title and sizes {dict(dims)}.",
            f"Ask for at least one title, shot and modality; modalities are {', '.join(MODALITIES)}.",
        )
    ordered = {m: dims[m] for m in MODALITIES if m in dims}
    world = _world(seed, ordered)
    return (_title(seed, number, shots_per_title, world) for number in range(titles))


def _world(seed: int, dims: Mapping[Modality, int]) -> _World:
    rng = np.random.default_rng([seed, 0])
    maps = {m: np.random.default_rng([seed, 1, k]).normal(size=(LATENT, dims[m])) for k, m in enumerate(dims)}
    return _World(unit_rows(rng.normal(size=(MOODS, LATENT))), unit_rows(rng.normal(size=(MOTIFS, LATENT))), maps)


def _title(seed: int, number: int, shots: int, world: _World) -> FeatureTitle:
    rng = np.random.default_rng([seed, 2, number])
    begins = rng.random(shots) < 1 / SCENE_SHOTS
    begins[0] = False
    scene = np.cumsum(begins, dtype=np.int64)
    count = int(scene[-1]) + 1
    own = int(rng.integers(MOODS))
    scene_mood = np.where(rng.random(count) < 0.5, own, rng.integers(MOODS, size=count))
    scene_line = _storylines(count, rng)
    lines = unit_rows(rng.normal(size=(STORYLINES, LATENT)))
    latent = 1.0 * world.moods[scene_mood] + 0.8 * lines[scene_line] + 0.5 * unit_rows(rng.normal(size=(count, LATENT)))
    motif = np.where(rng.random(shots) < MOTIF_SHARE, rng.integers(MOTIFS, size=shots), -1)
    seen = np.where(motif[:, None] >= 0, world.motifs[motif], unit_rows(latent)[scene])
    vectors: dict[Modality, FloatArray] = {}
    present: dict[Modality, BoolArray] = {}
    for modality, projection in world.maps.items():
        noisy = seen + NOISE[modality] * rng.normal(size=seen.shape) / np.sqrt(LATENT)
        present[modality] = rng.random(shots) >= MISSING[modality]
        vectors[modality] = (unit_rows(noisy @ projection) * present[modality][:, None]).astype(np.float32)
    ends = np.cumsum(rng.gamma(4.0, 1.0, shots) + 0.5)
    mean_mood = world.moods[scene_mood].mean(axis=0) + 0.5 * rng.normal(size=LATENT) / np.sqrt(LATENT)
    last = list(world.maps)[-1]
    return FeatureTitle(
        title_id=f"title-{number + 1:04d}",
        features=Features(vectors, present),
        global_vector=unit_rows((mean_mood @ world.maps[last])[None])[0].astype(np.float32),
        start_s=np.concatenate([[0.0], ends[:-1]]),
        end_s=ends,
        scene=scene,
        storyline=scene_line[scene],
        mood=scene_mood[scene],
        motif=motif,
    )


def _storylines(scenes: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Which storyline each scene belongs to: never the one just told, so that every storyline goes away and returns."""
    steps = rng.integers(1, STORYLINES, size=scenes)
    return np.cumsum(steps) % STORYLINES
