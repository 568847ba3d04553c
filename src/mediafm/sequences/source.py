"""What sequences need of a catalog."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from mediafm.types import Features, FloatArray


class FeatureSource(Protocol):
    """A catalog, as far as pretraining reads it.

    It may have more: `content_version() -> str`, cheap, another one whenever any feature, time or metadata vector may
    have changed (without it everything is read and hashed); `iter_contents()`, all that is asked of each title at once
    as `TitleContents` or a tuple like it (without it titles are asked one by one).
    """

    @property
    def uri(self) -> str:
        """Where it is."""

    @property
    def spec(self) -> Any:
        """Names what made the rows: preset, detector, encoders (modality -> name, dim, fingerprint, licence)."""

    def iter_features(self) -> Iterator[tuple[str, Features]]:
        """(title id, features) of every title."""

    def spans(self, title_id: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Starts [n] and ends [n] of a title's shots in seconds."""

    def global_vector(self, title_id: str) -> FloatArray | None:
        """The title's metadata vector, or None."""


class TitleContents(NamedTuple):
    """One title: features of its n shots, their times in seconds [n], its metadata vector [G] or None."""

    title_id: str
    features: Features
    start_s: NDArray[np.float64]
    end_s: NDArray[np.float64]
    global_vector: FloatArray | None


def iter_contents(source: FeatureSource) -> Iterator[TitleContents]:
    """Every title that has shots, one at a time."""
    whole = getattr(source, "iter_contents", None)
    for title in whole() if whole is not None else _one_by_one(source):
        contents = TitleContents(*title)
        if len(contents.features):
            yield contents


def _one_by_one(source: FeatureSource) -> Iterator[tuple[Any, ...]]:
    for title, features in source.iter_features():
        yield title, features, *source.spans(title), source.global_vector(title)


def encoder_facts(source: FeatureSource) -> dict[str, dict[str, Any]]:
    """Modality -> name, dim, fingerprint and licence of its encoder, JSON-able: what a checkpoint remembers."""
    encoders: Mapping[str, Any] = source.spec.encoders
    return {
        modality: {"name": e.name, "dim": e.dim, "fingerprint": e.fingerprint, "licence": e.licence}
        for modality, e in encoders.items()
    }
