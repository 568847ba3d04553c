"""The feature sets a probe compares: context embeddings and what they must beat, by name.

    video audio text     one modality
    concat               the fused embedding, as the transformer gets it: the baseline
    neighbours           concat of the shot, the one before and the one after
    moving_average_R     mean of concat over the shot and R on each side
    past_future_R        concat of the shot, beside the means of the R before and the R after
    NAME                 any embedding set of the catalog
    chance               nothing: every example gets the same score

A neighbour beyond the title's edge is zeros; means are over the shots that exist.
"""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from mediafm.errors import UsageError
from mediafm.fusion import FusionSpec, FusionStats, fuse
from mediafm.probes.tasks import Task
from mediafm.probes.units import Examples, overlap_weights
from mediafm.types import MODALITIES, FloatArray

if TYPE_CHECKING:
    from mediafm.catalog import Catalog

CHANCE, CONCAT, NEIGHBOURS = "chance", "concat", "neighbours"
RADIUS = re.compile(r"(moving_average|past_future)_([1-9]\d*)")
UNIT_NORM_TOLERANCE = 1e-2  # float16 rows are this near to unit norm
TITLES_LOOKED_AT = 20  # to tell features of unit norm from imported ones of raw scale


def default_features(catalog: "Catalog", task: Task) -> list[str]:
    """What is compared unless the user names sets: a title has no neighbours, so it is spared those."""
    around = [] if task.unit == "title" else [NEIGHBOURS, "moving_average_8"]
    return [CHANCE, CONCAT, *around, *(spec.name for spec in catalog.embedding_sets())]


def check_features(catalog: "Catalog", names: list[str]) -> None:
    """UsageError for a name that is no feature set of this catalog."""
    sets = [spec.name for spec in catalog.embedding_sets()]
    modalities = [m for m in MODALITIES if m in catalog.spec.encoders]
    known = [CHANCE, CONCAT, NEIGHBOURS, "moving_average_8", "past_future_8", *modalities, *sets]
    for name in names:
        if name not in known and not RADIUS.fullmatch(name):
            near = get_close_matches(name, known, n=1)
            raise UsageError(
                f"There is no feature set {name!r} in this catalog.",
                (f"Did you mean {near[0]!r}? " if near else "") + f"It has {', '.join(known)}.",
            )


class FeatureSource:
    """Builds the matrix of a named feature set for examples, with fusion statistics of the training titles only."""

    def __init__(self, catalog: "Catalog", training_titles: list[str]) -> None:
        self.catalog = catalog
        self.sets = {spec.name for spec in catalog.embedding_sets()}
        self.centring = centring_for(catalog, training_titles)
        spec = FusionSpec(dims=dict(catalog.spec.dims), centring=self.centring)
        self.stats = FusionStats.fit((features for _, features in catalog.iter_features(training_titles)), spec)

    def depends_on_training(self, name: str) -> bool:
        """Whether another training side would give other vectors."""
        return name not in self.sets and name not in MODALITIES and self.centring != "none"

    def matrix(self, name: str, examples: Examples, task: Task) -> FloatArray:
        """Vectors of all examples, float32 [N, D].

        A clip is the mean of its shots by overlap; a title is the mean of its shots or, in an embedding set, its own
        vector.
        """
        blocks = []
        for number, (shots, whole) in enumerate(self._by_title(name, list(examples.titles))):
            if task.unit == "title":
                shots = whole[None]
            elif task.unit == "clip":
                rows = examples.title == number
                begin, end = examples.spans[number]
                shots = overlap_weights(begin, end, examples.start_s[rows], examples.end_s[rows]) @ shots
            blocks.append(shots)
        return np.concatenate(blocks)

    def _by_title(self, name: str, titles: list[str]) -> Iterator[tuple[FloatArray, FloatArray]]:
        """For each title its shots' vectors [n, D] and its own [D]."""
        if name in self.sets:
            for _, shots, whole in self.catalog.iter_embeddings(name, titles):
                yield shots, whole
            return
        for _, features in self.catalog.iter_features(titles):
            if name in MODALITIES:
                vectors = np.asarray(features.vectors[name], dtype=np.float32)
            else:
                vectors = around(fuse(features, self.stats)[0], name)
            yield vectors, vectors.mean(axis=0)


def around(fused: FloatArray, name: str) -> FloatArray:
    """A title's fused embeddings [n, D] with the surroundings that the feature set's name asks for."""
    if name == CONCAT:
        return fused
    if name == NEIGHBOURS:
        nothing = np.zeros_like(fused[:1])
        before, after = np.concatenate([nothing, fused[:-1]]), np.concatenate([fused[1:], nothing])
        return np.concatenate([before, fused, after, _ends(len(fused))], axis=1)
    match = RADIUS.fullmatch(name)
    if match is None:
        raise UsageError(f"There is no feature set {name!r}.", "docs/probes.md lists them.")
    radius, shot = int(match[2]), np.arange(len(fused))
    if match[1] == "moving_average":
        return _window_mean(fused, shot - radius, shot + radius + 1)
    past, future = _window_mean(fused, shot - radius, shot), _window_mean(fused, shot + 1, shot + radius + 1)
    return np.concatenate([fused, past, future, _ends(len(fused))], axis=1)


def _ends(shots: int) -> FloatArray:
    """Two columns [n, 2], 1 at the title's first and at its last shot: zeros alone do not say that there is no
    neighbour, since after centring they stand for the mean shot."""
    ends = np.zeros((shots, 2), np.float32)
    ends[0, 0] = ends[-1, 1] = 1
    return ends


def _window_mean(fused: FloatArray, first: NDArray[Any], stop: NDArray[Any]) -> FloatArray:
    """Mean of rows [first, stop) clipped to the title, for each shot; zeros where that is empty."""
    first, stop = np.clip(first, 0, len(fused)), np.clip(stop, 0, len(fused))
    total = np.concatenate([np.zeros((1, fused.shape[1])), np.cumsum(fused, axis=0, dtype=np.float64)])
    count = np.maximum(stop - first, 1)[:, None]
    return ((total[stop] - total[first]) / count).astype(np.float32)


def centring_for(catalog: "Catalog", titles: list[str]) -> Literal["none", "standard"]:
    """Fusion as published ("none") for features of unit norm; imported ones of raw scale are standardised first."""
    for _, features in catalog.iter_features(titles[:TITLES_LOOKED_AT]):
        for modality, vectors in features.vectors.items():
            norms = np.linalg.norm(np.asarray(vectors, dtype=np.float32)[features.present[modality]], axis=1)
            if (np.abs(norms - 1) > UNIT_NORM_TOLERANCE).any():
                return "standard"
    return "none"
