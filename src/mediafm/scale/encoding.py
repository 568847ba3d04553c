"""Encoders on a GPU of their own, for readers anywhere in the cluster.

A station calls such an encoder as it would one of its own, a batch at a time, and waits: so no more than a batch for
each modality is on its way from each station (some 30 MB), which is all the object store ever holds.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mediafm.encoders import Encoded, Encoder, load_preset
from mediafm.errors import EncoderError
from mediafm.types import FloatArray, Modality, ShotInput

_ATTRIBUTES = ("name", "modality", "dim", "fingerprint", "licence", "frames", "frame_side", "sample_rate", "batch")


class EncoderHost:
    """All encoders of a preset, loaded once, on the best device there is. Runs as an actor."""

    def __init__(self, preset: str) -> None:
        self._encoders = load_preset(preset).encoders

    def describe(self) -> dict[Modality, dict[str, Any]]:
        """Each encoder's attributes, what it looks at, and whether it embeds words."""
        return {
            modality: {
                "attributes": {name: getattr(encoder, name) for name in _ATTRIBUTES},
                "inputs": encoder.inputs,
                "words": hasattr(encoder, "encode_texts"),
            }
            for modality, encoder in self._encoders.items()
        }

    def encode(self, modality: Modality, batch: Sequence[ShotInput]) -> Encoded:
        """As `Encoder.encode`."""
        return self._encoders[modality].encode(batch)

    def encode_texts(self, modality: Modality, texts: Sequence[str]) -> FloatArray:
        """As `TextEncoder.encode_texts`."""
        vectors: FloatArray = self._encoders[modality].encode_texts(texts)  # type: ignore[attr-defined]
        return vectors


class RemoteEncoder(Encoder):
    """An encoder that stands elsewhere in the cluster."""

    def __init__(self, host: Any, about: dict[str, Any]) -> None:
        self._host, self._inputs = host, tuple(about["inputs"])
        for name, value in about["attributes"].items():
            setattr(self, name, value)

    @property
    def inputs(self) -> tuple[Modality, ...]:
        """As there."""
        return self._inputs

    @staticmethod
    def all_of(host: Any) -> dict[Modality, "Encoder"]:
        """Every encoder that an actor of `EncoderHost` holds."""
        described = _answer(host.describe.remote())
        return {
            m: (_RemoteTextEncoder if about["words"] else RemoteEncoder)(host, about) for m, about in described.items()
        }

    def encode(self, batch: Sequence[ShotInput]) -> Encoded:
        """Encode shots there; [len(batch), dim]. Raises EncoderError where they cannot be, or the actor keeps dying."""
        encoded: Encoded = _answer(self._host.encode.remote(self.modality, list(batch)))
        return Encoded(np.array(encoded.vectors), np.array(encoded.present))  # what Ray hands out may not be written to


class _RemoteTextEncoder(RemoteEncoder):
    """One that embeds words as well."""

    def encode_texts(self, texts: Sequence[str]) -> FloatArray:
        """float32 [len(texts), dim]."""
        return np.array(_answer(self._host.encode_texts.remote(self.modality, list(texts))))


def _answer(promised: Any) -> Any:
    import ray

    try:
        return ray.get(promised)
    except ray.exceptions.RayTaskError as error:
        raise error.as_instanceof_cause() from None
    except ray.exceptions.RayError as error:
        raise EncoderError(
            f"The actor that encodes died ({type(error).__name__}).", "See Ray's logs; perhaps its memory ran out."
        ) from error
