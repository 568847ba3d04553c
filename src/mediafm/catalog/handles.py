"""Handles: a clip or a title, and its embedding under whatever names a model.

A clip is any time span. Its embedding is the mean of the vectors of the shots it touches, each weighted by the seconds
it shares with the clip, scaled to unit norm.
"""

import json
import math
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from mediafm.catalog.records import ShotRecord, TitleRecord
from mediafm.errors import CatalogError, UsageError
from mediafm.types import MODALITIES, FloatArray, Modality

if TYPE_CHECKING:
    from mediafm.catalog.catalog import Catalog

_ROUNDING_S = 0.001  # a clip may overstep its title by this much: people round


@dataclass(frozen=True, slots=True)
class ClipShot:
    """A shot that a clip touches, and the seconds they share."""

    index: int
    overlap_s: float


class ClipHandle:
    """A time span of one title, `[start_s, end_s)`."""

    def __init__(self, catalog: "Catalog", title_id: str, start_s: float, end_s: float) -> None:
        self._catalog, self.title_id, self.start_s, self.end_s = catalog, title_id, float(start_s), float(end_s)
        starts, ends = catalog.spans(title_id)
        if not (math.isfinite(self.start_s) and math.isfinite(self.end_s) and self.start_s < self.end_s):
            self._refuse("is not a time span", ends[-1])
        if self.start_s < -_ROUNDING_S or self.end_s > ends[-1] + _ROUNDING_S:
            self._refuse("lies outside the title", ends[-1])
        overlap = np.minimum(ends, self.end_s) - np.maximum(starts, self.start_s)
        touched = np.flatnonzero(overlap > 0)
        if not len(touched):
            self._refuse("touches no shot", ends[-1])
        self.shots = tuple(ClipShot(int(i), float(overlap[i])) for i in touched)

    def embedding(self, model: Any) -> FloatArray:
        """float32 [h], unit-norm.

        model: an embedding set's name, a checkpoint folder, anything with a `.name` that names a set, or "video",
        "audio" or "text" for the features themselves (shots without that modality do not count).
        """
        if isinstance(model, str) and model in MODALITIES:
            return self._pooled_features(model)
        vectors = self._catalog.embeddings(set_name(model, self._catalog), self.title_id)
        chosen = [s.index for s in self.shots]
        return self._pooled(vectors[chosen], np.array([s.overlap_s for s in self.shots]), str(model))

    def _pooled_features(self, modality: Modality) -> FloatArray:
        features = self._catalog.features(self.title_id)
        if modality not in features.vectors:
            raise CatalogError(
                f"The catalog {self._catalog.uri} has no {modality} features.", f"It has {', '.join(features.vectors)}."
            )
        shots = [s for s in self.shots if features.present[modality][s.index]]
        if not shots:
            raise CatalogError(
                f"No shot of {self.title_id} [{self.start_s:g}, {self.end_s:g}) s has {modality}.",
                "Choose a longer clip or another modality.",
            )
        vectors = features.vectors[modality][[s.index for s in shots]]
        return self._pooled(vectors, np.array([s.overlap_s for s in shots]), modality)

    def _pooled(self, vectors: Any, weights: Any, what: str) -> FloatArray:
        mean = weights @ vectors.astype(np.float64)
        norm = np.linalg.norm(mean)
        if norm == 0:
            raise CatalogError(
                f"The {what} vectors of {self.title_id} [{self.start_s:g}, {self.end_s:g}) s cancel out.",
                "Choose another span.",
            )
        return cast(FloatArray, (mean / norm).astype(np.float32))

    def _refuse(self, why: str, end: float) -> None:
        raise UsageError(
            f"The clip [{self.start_s:g}, {self.end_s:g}) s of {self.title_id} {why}.",
            f"Title {self.title_id} runs from 0 to {end:.3f} s.",
        )


class TitleHandle:
    """One title as a whole."""

    def __init__(self, catalog: "Catalog", title_id: str) -> None:
        self._catalog, self.title_id = catalog, title_id
        self.record: TitleRecord = catalog.title_record(title_id)

    @cached_property
    def shots(self) -> list[ShotRecord]:
        """The title's shots."""
        return self._catalog.shots(self.title_id)

    def embedding(self, model: Any) -> FloatArray:
        """float32 [h]: the title's own vector in an embedding set; for "video", "audio" or "text" the mean of its
        shots' features by duration, unit-norm. `model` as for ClipHandle.embedding.
        """
        if isinstance(model, str) and model in MODALITIES:
            whole = ClipHandle(self._catalog, self.title_id, 0.0, self.record.duration_s)
            return whole.embedding(model)
        return self._catalog.title_embedding(set_name(model, self._catalog), self.title_id)


def set_name(model: Any, catalog: "Catalog") -> str:
    """The embedding set that a name, a checkpoint folder or an object with `.name` means.

    A folder is asked for the `name` in its `config.json` first; its own name counts next.
    """
    known = [s.name for s in catalog.embedding_sets()]
    candidates = list(dict.fromkeys(_candidates(model)))
    for candidate in candidates:
        if candidate in known:
            return candidate
    has = f"it has {', '.join(known)}" if known else "it has none"
    raise CatalogError(
        f"The catalog {catalog.uri} has no embedding set for {' or '.join(candidates) or model!r} ({has}).",
        f"Run `mediafm embed --catalog {catalog.uri} --model RUN` first.",
    )


def _candidates(model: Any) -> list[str]:
    if not isinstance(model, str | os.PathLike):
        name = getattr(model, "name", None)
        if not isinstance(name, str):
            raise UsageError(
                f"{type(model).__name__} does not name an embedding set.",
                "Give a set's name, a checkpoint folder or an object with a `.name`.",
            )
        return [name]
    folder = Path(model)
    names = [os.fspath(model)] if isinstance(model, str) else []
    return [*names, *_configured_name(folder), folder.resolve().name]


def _configured_name(folder: Path) -> list[str]:
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
    except (OSError, ValueError):
        return []
    name = config.get("name") if isinstance(config, dict) else None
    return [name] if isinstance(name, str) else []
