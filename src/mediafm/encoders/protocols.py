"""What else some encoders can do."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from mediafm.types import FloatArray


@runtime_checkable
class TextEncoder(Protocol):
    """Whatever embeds free text: sentence encoders, and CLIP-like encoders with a text tower."""

    name: str
    dim: int
    fingerprint: str

    def encode_texts(self, texts: Sequence[str]) -> FloatArray:
        """float32 [len(texts), dim], rows unit-norm; a text without a visible character is a zero row."""
