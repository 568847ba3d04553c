"""What else some encoders can do."""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from mediafm.types import FloatArray


@runtime_checkable
class TextEncoder(Protocol):
    """Whatever embeds free text: sentence encoders, and CLIP-like encoders with a text tower."""

    name: str
    dim: int
    fingerprint: str

    def encode_texts(self, texts: Sequence[str]) -> FloatArray:
        """float32 [len(texts), dim], rows unit-norm; a text without a visible character is a zero row."""


@runtime_checkable
class PaidEncoder(Protocol):
    """Whatever is paid for by the use: it can say beforehand what texts would cost, and keep below a cap."""

    @property
    def about(self) -> str:
        """A sentence: where what goes, at what price, under what cap."""

    def limit(self, max_cost: float) -> None:
        """The most that this run may cost, in dollars."""

    def estimate(self, texts: Sequence[str]) -> Any:
        """`texts`, how many of them are `unknown` to the cache, about how many `tokens` and `usd` those are."""

    @property
    def spending(self) -> Any:
        """`texts_sent`, `usd` and `unconfirmed_usd` of this run so far."""
