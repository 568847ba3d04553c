"""The feature sets a probe compares: context embeddings and what they must beat, by name.

chance               nothing: no example is told from another
metadata             the title's metadata vector: what needs no picture and no sound
video audio text     one modality; video+audio: two of them, fused
concat               the fused embedding, as the transformer gets it: the baseline
neighbours           concat of the shot, the one before and the one after
moving_average_R     mean of concat over the shot and R on each side
past_future_R        concat of the shot, beside the means of the R before and the R after
NAME                 any embedding set or clip set of the catalog
RUN, RUN/variant     a checkpoint given with the probe, and controls made of it (mediafm.probes.in_context)
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import combinations
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from mediafm.errors import UsageError
from mediafm.fusion import FusionSpec, FusionStats, fitting_centring, fuse
from mediafm.probes.surroundings import CONCAT, NEIGHBOURS, RADIUS, around
from mediafm.probes.tasks import Task
from mediafm.probes.units import Examples, overlap_weights
from mediafm.types import MODALITIES, Features, FloatArray

if TYPE_CHECKING:
    from mediafm.catalog import Catalog
    from mediafm.probes.in_context import ModelVectors

CHANCE, METADATA = "chance", "metadata"
AROUND = (NEIGHBOURS, "moving_average_2", "moving_average_8", "moving_average_32", "past_future_8")
TITLES_LOOKED_AT = 20  # to tell features of unit norm from imported ones of raw scale
COVERED = 0.5  # share of an example that clip vectors must overlap to speak for it

Models = Mapping[str, "ModelVectors"]


@dataclass(frozen=True, slots=True)
class Vectors:
    """matrix: float32 [N, D]; known: bool [N], False where the feature set has nothing to say of an example."""

    matrix: FloatArray
    known: NDArray[np.bool_]


def modality_sets(catalog: "Catalog") -> list[str]:
    """Each modality, and each pair where there are three."""
    held = [m for m in MODALITIES if m in catalog.spec.encoders]
    pairs = ["+".join(pair) for pair in combinations(held, 2)] if len(held) > 2 else []
    return [*(held if len(held) > 1 else []), *pairs]


def default_features(catalog: "Catalog", task: Task, models: Models) -> list[str]:
    """What is compared unless the user names sets: everything there is, and the controls. A title has no neighbours."""
    metadata = [METADATA] if has_metadata(catalog) else []
    surroundings = [] if task.unit == "title" else list(AROUND)
    stored = [*(spec.name for spec in catalog.embedding_sets()), *clip_sets(catalog)]
    made = [name for model in models.values() for name in model.names(task) if name not in stored]
    return [CHANCE, *metadata, *modality_sets(catalog), CONCAT, *surroundings, *stored, *made]


def clip_sets(catalog: "Catalog") -> list[str]:
    """Names of vectors that were made elsewhere."""
    return [spec.name for spec in catalog.clip_sets()]


def has_metadata(catalog: "Catalog") -> bool:
    """Whether any title has a metadata vector."""
    return "text" in catalog.spec.encoders and any(
        catalog.global_vector(title) is not None for title in catalog.title_ids()[:TITLES_LOOKED_AT]
    )


def check_features(catalog: "Catalog", names: list[str], models: Models, task: Task) -> None:
    """UsageError for a name that is no feature set of this catalog."""
    sets = [spec.name for spec in catalog.embedding_sets()]
    single = [m for m in MODALITIES if m in catalog.spec.encoders]
    made = [name for model in models.values() for name in model.all_names(task)]
    fixed = [CHANCE, METADATA, CONCAT, *AROUND, *single, *modality_sets(catalog)]
    known = list(dict.fromkeys([*fixed, *sets, *clip_sets(catalog), *made]))
    for name in names:
        if name not in known and not RADIUS.fullmatch(name) and not any(m.knows(name) for m in models.values()):
            near = get_close_matches(name, known, n=1)
            raise UsageError(
                f"There is no feature set {name!r} in this catalog.",
                (f"Did you mean {near[0]!r}? " if near else "") + f"It has {', '.join(known)}.",
            )


class FeatureSource:
    """Builds the matrix of a named feature set for examples, with fusion statistics of the training titles only."""

    def __init__(self, catalog: "Catalog", training_titles: list[str], models: Models) -> None:
        self.catalog, self.models = catalog, models
        self.sets = {spec.name: spec.checkpoint_fingerprint for spec in catalog.embedding_sets()}
        self.clip_sets = {spec.name: spec.fingerprint for spec in catalog.clip_sets()}
        self.centring = centring_for(catalog, training_titles)
        self._training = training_titles
        self._stats: dict[tuple[str, ...], FusionStats] = {}

    def depends_on_training(self, name: str) -> bool:
        """Whether another training side would give other vectors."""
        return self.identity(name) is None and self.centring != "none"

    def identity(self, name: str) -> str | None:
        """The fingerprint of what makes the set's vectors, whatever the training side; None for fused ones."""
        if name in self.sets or name in self.clip_sets:
            return self.sets.get(name) or self.clip_sets[name]
        if model := self._model(name):
            return model.identity(name)
        return name if name in (*MODALITIES, METADATA) else None

    def on_all(self, titles: list[str]) -> "FeatureSource":
        """The same with fusion statistics of these titles; itself where they teach already."""
        return self if titles == self._training else FeatureSource(self.catalog, titles, self.models)

    def stats_of(self, name: str) -> FusionStats | None:
        """The fusion statistics behind a feature set; None where it is not fused here."""
        if self.identity(name) is not None:
            return None
        return self._fusion(self._parts(name))

    def with_stats(self, name: str, stats: FusionStats) -> "FeatureSource":
        """The same, with given fusion statistics for a feature set."""
        self._stats[self._parts(name)] = stats
        return self

    def vectors(self, name: str, examples: Examples, task: Task) -> Vectors:
        """Vectors of all examples.

        A clip is the mean of its shots by overlap; a title is the mean of its shots or, in an embedding set, its own
        vector.
        """
        if name in self.clip_sets:
            return self._of_clips(name, examples)
        model = self._model(name)
        if model is not None and model.is_of_spans(name):
            matrix = model.of_spans(name, examples)
        else:
            matrix = self._pooled(self._by_title(name, list(examples.titles)), examples, task)
        return Vectors(matrix, np.ones(len(matrix), dtype=bool))

    def runs(self, name: str, examples: Examples, task: Task) -> list[FloatArray]:
        """The vectors of the shots that each example overlaps, [n, D] each: what an attentive probe weighs."""
        model = self._model(name)
        if name in self.clip_sets or (model is not None and model.is_of_spans(name)):
            raise UsageError(f"{name} has one vector an example.", "An attentive probe needs one a shot.")
        found: list[FloatArray] = []
        for number, (shots, _) in enumerate(self._by_title(name, list(examples.titles))):
            rows = np.flatnonzero(examples.title == number)
            begin, end = examples.spans[number]
            for row in rows:
                inside = (end > examples.start_s[row]) & (begin < examples.end_s[row])
                found.append(shots[inside] if task.unit == "clip" else shots)
        return found

    def _pooled(self, titles: Iterator[tuple[FloatArray, FloatArray]], examples: Examples, task: Task) -> FloatArray:
        blocks = []
        for number, (shots, whole) in enumerate(titles):
            rows = examples.title == number
            if task.unit == "title":
                blocks.append(np.repeat(whole[None], rows.sum(), axis=0))
            elif task.unit == "clip":
                begin, end = examples.spans[number]
                blocks.append(overlap_weights(begin, end, examples.start_s[rows], examples.end_s[rows]) @ shots)
            else:
                blocks.append(shots[examples.shot[rows]])
        return np.concatenate(blocks)

    def _by_title(self, name: str, titles: list[str]) -> Iterator[tuple[FloatArray, FloatArray]]:
        """For each title its shots' vectors [n, D] and its own [D]."""
        if model := self._model(name):
            yield from model.by_title(name, titles)
            return
        if name in self.sets:
            for _, shots, whole in self.catalog.iter_embeddings(name, titles):
                yield shots, whole
            return
        for title, features in self.catalog.iter_features(titles):
            vectors = self._of_features(name, title, features)
            yield vectors, vectors.mean(axis=0)

    def _of_features(self, name: str, title: str, features: Features) -> FloatArray:
        if name == METADATA:
            told = self.catalog.global_vector(title)
            size = self.catalog.spec.dims["text"]
            vector = np.zeros(size + 1, np.float32) if told is None else np.append(told, 1).astype(np.float32)
            return np.repeat(vector[None], len(features), axis=0)
        if name in MODALITIES:
            return np.asarray(features.vectors[name], dtype=np.float32)
        parts = self._parts(name)
        fused = fuse(_only(features, parts), self._fusion(parts))[0]
        return fused if "+" in name else around(fused, name)

    def _parts(self, name: str) -> tuple[str, ...]:
        """Modalities that are fused for a feature set."""
        return tuple(name.split("+")) if "+" in name else tuple(self.catalog.spec.dims)

    def _fusion(self, parts: tuple[str, ...]) -> FusionStats:
        if parts not in self._stats:
            spec = FusionSpec({m: d for m, d in self.catalog.spec.dims.items() if m in parts}, self.centring)
            held = (_only(features, parts) for _, features in self.catalog.iter_features(self._training))
            self._stats[parts] = FusionStats.fit(held, spec)
        return self._stats[parts]

    def _model(self, name: str) -> "ModelVectors | None":
        if name in self.sets:
            return None
        return next((model for model in self.models.values() if model.knows(name)), None)

    def _of_clips(self, name: str, examples: Examples) -> Vectors:
        """Mean by overlap of the vectors that were made of clips; unknown where they cover less than half."""
        numbers = {title: number for number, title in enumerate(examples.titles)}
        matrix, known = np.zeros((len(examples), 0), np.float32), np.zeros(len(examples), dtype=bool)
        for title, start_s, end_s, vectors in self.catalog.clip_vectors(name, list(examples.titles)):
            rows = np.flatnonzero(examples.title == numbers[title])
            if not matrix.shape[1]:
                matrix = np.zeros((len(examples), vectors.shape[1]), np.float32)
            begin, end = examples.start_s[rows], examples.end_s[rows]
            overlap = np.minimum(end_s, end[:, None]) - np.maximum(start_s, begin[:, None])
            overlap = np.maximum(overlap, 0.0)
            covered = overlap.sum(axis=1) >= COVERED * (end - begin)
            share = overlap / np.maximum(overlap.sum(axis=1, keepdims=True), 1e-9)
            matrix[rows[covered]] = (share @ vectors)[covered]
            known[rows[covered]] = True
        return Vectors(matrix, known)


def _only(features: Features, parts: tuple[str, ...]) -> Features:
    """The features of some modalities."""
    held = [m for m in features.vectors if m in parts]
    return Features({m: features.vectors[m] for m in held}, {m: features.present[m] for m in held})


def centring_for(catalog: "Catalog", titles: list[str]) -> Literal["none", "standard"]:
    """Fusion as published ("none") for features of unit norm; imported ones of raw scale are standardised first."""
    return fitting_centring(f for _, f in catalog.iter_features(titles[:TITLES_LOOKED_AT]))
