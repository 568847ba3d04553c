"""What sequences need of a catalog."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mediafm.types import Features, FloatArray


class FeatureSource(Protocol):
    """A catalog, as far as pretraining reads it."""

    @property
    def spec(self) -> Any:
        """Names what made the rows: preset, detector, encoders (modality -> name, dim, fingerprint, licence)."""

    def iter_features(self) -> Iterator[tuple[str, Features]]:
        """(title id, features) of every title."""

    def global_vector(self, title_id: str) -> FloatArray | None:
        """The title's metadata vector, or None."""

    def spans(self, title_id: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Starts [n] and ends [n] of a title's shots in seconds."""


def encoder_facts(source: FeatureSource) -> dict[str, dict[str, Any]]:
    """Modality -> name, dim, fingerprint and licence of its encoder, JSON-able: what a checkpoint remembers."""
    encoders: Mapping[str, Any] = source.spec.encoders
    return {
        modality: {"name": e.name, "dim": e.dim, "fingerprint": e.fingerprint, "licence": e.licence}
        for modality, e in encoders.items()
    }
