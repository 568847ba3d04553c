"""Vectors that a checkpoint gives, made while a probe runs: the context embedding and the controls that explain it.

    RUN                every shot inside its title, metadata told: what `embed` writes
    RUN/no_global      the same, the title's metadata withheld (it may hold the label)
    RUN/untrained      the same model as it was before training, drawn from a seed
    RUN/own_hidden     each shot's state while the shot itself is hidden: what its surroundings alone say
    RUN/none           each shot a sequence of its own: no context at all
    RUN/alone          each clip a sequence of its own, as if it had been cut out of its title before it was embedded
    RUN/radius_R       each clip (or shot) with R shots on either side, metadata withheld

Vectors are kept on disk under what makes them (checkpoint, catalog content, variant), so that no task makes them twice.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
import torch

from mediafm.caches import cache_folder
from mediafm.embed import Context, Embedder, check_encoders
from mediafm.errors import MismatchError, UsageError
from mediafm.model import Checkpoint, ShotTransformer
from mediafm.model.folder import replace_file
from mediafm.probes.tasks import Task
from mediafm.probes.units import Examples, overlap_weights
from mediafm.types import FloatArray

if TYPE_CHECKING:
    from mediafm.catalog import Catalog

NO_GLOBAL, UNTRAINED, OWN_HIDDEN, NONE, ALONE = "no_global", "untrained", "own_hidden", "none", "alone"
RADIUS = re.compile(r"radius_(\d+)")
RADII = (0, 2, 8, 32, 128)
UNTRAINED_SEED = 0


class ModelVectors:
    """A checkpoint over a catalog. `catalog_version` names its content; None keeps nothing on disk."""

    def __init__(self, catalog: "Catalog", checkpoint: Checkpoint, catalog_version: str | None) -> None:
        self.catalog, self.checkpoint, self.name = catalog, checkpoint, checkpoint.name
        self._version = catalog_version
        self._told = any(catalog.global_vector(title) is not None for title in catalog.title_ids()[:20])
        self._embedders: dict[str, Embedder] = {}

    def names(self, task: Task) -> list[str]:
        """The embedding and its controls, as far as they mean something for the task."""
        told = [NO_GLOBAL] if self._told and self.checkpoint.config.global_dim else []
        alone = [ALONE] if task.unit == "clip" else []
        return [self.name, *(f"{self.name}/{v}" for v in (*told, UNTRAINED, OWN_HIDDEN, NONE, *alone))]

    def all_names(self, task: Task) -> list[str]:
        """Those, and the points of the curve over the radius."""
        return [*self.names(task), *self.curve(task)]

    def curve(self, task: Task) -> list[str]:
        """Feature sets with more and more context; the last sees the whole title. Empty for titles."""
        if task.unit == "title":
            return []
        whole = f"{self.name}/{NO_GLOBAL}" if self._told and self.checkpoint.config.global_dim else self.name
        return [*(f"{self.name}/radius_{radius}" for radius in RADII), whole]

    def shots_needed(self, name: str, runs: int) -> int:
        """About how many shots a feature set of so many examples has to embed."""
        match = RADIUS.fullmatch(self._variant(name) or "")
        return runs * (2 * int(match[1]) + 1) if match else 0

    def knows(self, name: str) -> bool:
        """Whether it can make the feature set of that name."""
        variant = self._variant(name)
        known = ("", NO_GLOBAL, UNTRAINED, OWN_HIDDEN, NONE, ALONE)
        return variant is not None and (variant in known or RADIUS.fullmatch(variant) is not None)

    def is_of_spans(self, name: str) -> bool:
        """Whether vectors depend on what the examples are, not on the title alone."""
        variant = self._variant(name) or ""
        return variant == ALONE or RADIUS.fullmatch(variant) is not None

    def identity(self, name: str) -> str:
        """What makes the vectors."""
        return f"{self.checkpoint.fingerprint}/{self._variant(name)}/{'+'.join(self.checkpoint.config.readout)}"

    def by_title(self, name: str, titles: list[str]) -> Iterator[tuple[FloatArray, FloatArray]]:
        """For each title its shots' vectors [n, R] and its own [R]."""
        vectors = self._kept(name, titles, b"", lambda: [self._title(name, title) for title in titles])
        for shots in vectors:
            yield shots, shots.mean(axis=0)

    def of_spans(self, name: str, examples: Examples) -> FloatArray:
        """Each example's shots as a run with so much context, pooled by overlap, [N, R]."""
        variant = self._variant(name) or ""
        match = RADIUS.fullmatch(variant)
        radius = int(match[1]) if match else 0
        told = np.concatenate([examples.title, examples.start_s, examples.end_s])
        return np.concatenate(
            self._kept(name, list(examples.titles), told.tobytes(), lambda: self._spans(examples, radius))
        )

    def _spans(self, examples: Examples, radius: int) -> list[FloatArray]:
        found = []
        for number, title in enumerate(examples.titles):
            rows = np.flatnonzero(examples.title == number)
            begin, end = examples.spans[number]
            shares = overlap_weights(begin, end, examples.start_s[rows], examples.end_s[rows])
            spans = [(int(held[0]), int(held[-1]) + 1) for held in (np.flatnonzero(share) for share in shares)]
            embedder = self._embedder("")
            runs = embedder.embed_spans(self.catalog.features(title), spans, radius, None, self._times(embedder, title))
            pooled = [share[start:stop] @ run for share, (start, stop), run in zip(shares, spans, runs, strict=True)]
            found.append(np.stack(pooled).astype(np.float32))
        return found

    def _title(self, name: str, title: str) -> FloatArray:
        variant = self._variant(name) or ""
        embedder = self._embedder(variant)
        told = None if variant == NO_GLOBAL else self.catalog.global_vector(title)
        context: Context = "none" if variant == NONE else "title"
        features = self.catalog.features(title)
        return embedder.embed(features, told, context, self._times(embedder, title))[0]

    def _embedder(self, variant: str) -> Embedder:
        kind = variant if variant in (UNTRAINED, OWN_HIDDEN) else ""
        if kind not in self._embedders:
            checkpoint = self.checkpoint
            if kind == UNTRAINED:
                drawn = ShotTransformer(checkpoint.config, torch.Generator().manual_seed(UNTRAINED_SEED))
                checkpoint = replace(checkpoint, model=drawn)
            self._embedders[kind] = Embedder(checkpoint, ("masked",) if kind == OWN_HIDDEN else None)
        return self._embedders[kind]

    def _times(self, embedder: Embedder, title: str) -> FloatArray | None:
        if not embedder.needs_times:
            return None
        return np.stack(self.catalog.spans(title), axis=1).astype(np.float32)

    def _variant(self, name: str) -> str | None:
        if name == self.name:
            return ""
        return name.removeprefix(f"{self.name}/") if name.startswith(f"{self.name}/") else None

    def _kept(
        self, name: str, titles: list[str], told: bytes, make: Callable[[], list[FloatArray]]
    ) -> list[FloatArray]:
        """What `make` makes, a matrix a title: from disk where it was made before."""
        if self._version is None:
            return make()
        key = sha256(f"{self._version}\n{self.identity(name)}\n{titles!r}\n".encode() + told).hexdigest()[:32]
        rows, lengths = cache_folder("vectors") / f"{key}.npy", cache_folder("vectors") / f"{key}.lengths.npy"
        if not lengths.is_file() or not rows.is_file():
            made = make()
            replace_file(rows, _bytes(np.concatenate(made)))
            replace_file(lengths, _bytes(np.array([len(part) for part in made])))  # last: it says that all is there
            return made
        return np.split(np.load(rows), np.cumsum(np.load(lengths))[:-1])


def make_model_vectors(
    catalog: "Catalog", checkpoints: Sequence[Checkpoint], catalog_version: str | None
) -> dict[str, ModelVectors]:
    """Each checkpoint over the catalog, by name.

    MismatchError if the catalog's encoders are not those it was trained on, or if its name stands for another
    checkpoint's embedding set; UsageError for two of one name.
    """
    found: dict[str, ModelVectors] = {}
    stored = {spec.name: spec.checkpoint_fingerprint for spec in catalog.embedding_sets()}
    for checkpoint in checkpoints:
        check_encoders(catalog, checkpoint)
        name = checkpoint.name
        if name in found:
            raise UsageError(f"Two checkpoints are called {name!r}.", "Rename one of the folders.")
        if stored.get(name, checkpoint.fingerprint) != checkpoint.fingerprint:
            raise MismatchError(
                f"The catalog's embedding set {name!r} is of another checkpoint than the one given.",
                "Run `mediafm embed` anew, or rename the run's folder.",
            )
        found[name] = ModelVectors(catalog, checkpoint, catalog_version)
    return found


def _bytes(array: np.ndarray) -> bytes:
    buffer = BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()
