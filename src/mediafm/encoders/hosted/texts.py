"""Texts to a service that speaks OpenAI's form of embeddings: limits, prices, the request and the answer.

Read in OpenAI's pages "Create embeddings" and "text-embedding-3-large" (developers.openai.com, seen 2026-11):

- `POST https://api.openai.com/v1/embeddings` with a bearer token; `model`, `input` (a list of texts), `dimensions`
  (not for ada-002), `encoding_format`. The answer's `data` holds `index` and `embedding`, `usage.total_tokens` what
  is charged.
- A text has 8,192 tokens at most and is not empty; a request has 2,048 texts and 300,000 tokens at most.

Others (vLLM, Ollama, llama.cpp, gateways) speak the same form at addresses of their own.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from mediafm.encoders.hosted.service import (
    Account,
    BadAnswerError,
    Call,
    checked_url,
    environment_value,
    field,
    to_vector,
)
from mediafm.errors import UsageError
from mediafm.types import FloatArray

OPENAI_URL = "https://api.openai.com/v1"
# A token of these models is at least one byte of UTF-8, so bytes bound tokens and no tokenizer is needed.
MAX_TEXT_BYTES, MAX_REQUEST_BYTES, MAX_REQUEST_TEXTS = 8_191, 300_000, 2_048
BYTES_A_TOKEN = 4.0  # of English; for estimates alone, never for the cap


@dataclass(frozen=True, slots=True)
class TextPrice:
    """Dollars a million tokens, when and where that was read. Prices move: a preset may say a newer one."""

    usd_per_million: float
    as_of: str
    source: str

    def of(self, tokens: float) -> float:
        """Dollars for so many tokens."""
        return tokens * self.usd_per_million / 1e6


_SOURCE = "developers.openai.com"
PRICES = {
    "text-embedding-3-large": TextPrice(0.13, "2026-11", _SOURCE),
    "text-embedding-3-small": TextPrice(0.02, "2026-11", _SOURCE),
    "text-embedding-ada-002": TextPrice(0.10, "2026-05", "embeddingcost.com"),
}
DIMENSIONS = {"text-embedding-3-large": 3072, "text-embedding-3-small": 1536, "text-embedding-ada-002": 1536}
_FIXED_SIZE = {"text-embedding-ada-002"}


class TextService:
    """One model at one address.

    dimensions: size of its vectors; 0 for a known model's own. ask_dimensions: whether the size is part of the request:
    some servers refuse that. key_variable: where the key is; empty for a server that wants none. usd_per_million: the
    price as the caller knows it.
    """

    reset_headers: tuple[str, ...] = ()

    def __init__(
        self,
        model: str,
        dimensions: int = 0,
        *,
        base_url: str = "",
        key_variable: str = "OPENAI_API_KEY",
        usd_per_million: float | None = None,
        ask_dimensions: bool = True,
    ) -> None:
        own = DIMENSIONS.get(model, 0)
        if not (dimensions or own):
            raise UsageError(f"How large the vectors of {model!r} are is not known.", "Add `dimensions` to the preset.")
        if own and (dimensions > own or (model in _FIXED_SIZE and dimensions not in (0, own))):
            raise UsageError(f"{model} has no vectors of {dimensions} numbers.", f"Its own size is {own}.")
        self.model, self.dim, self.key_variable = model, dimensions or own, key_variable
        self.base_url = base_url or OPENAI_URL
        self._ask = ask_dimensions and model not in _FIXED_SIZE
        given = None if usd_per_million is None else TextPrice(usd_per_million, "as given", "the preset")
        # Somebody else's server has its own price, or none, whatever it calls its model.
        self.price = given or (None if base_url else PRICES.get(model))
        self.vendor = urlsplit(self.base_url).netloc.rpartition("@")[2] if base_url else "OpenAI"
        where = "Make one at platform.openai.com and export" if not base_url else "Export"
        self.key_remedy = f"{where} {key_variable}=..." if key_variable else "It was called without a key."

    def account(self, environment: Mapping[str, str] | None = None) -> Account:
        """Who calls, from the environment (os.environ); UsageError names the variable that is missing."""
        if not self.key_variable:
            return Account(checked_url(self.base_url, secret=False), {}, "")
        variables = os.environ if environment is None else environment
        key = environment_value(variables, self.key_variable, self.vendor, self.key_remedy)
        return Account(checked_url(self.base_url), {"Authorization": f"Bearer {key}"}, key)

    def request(self, texts: list[str]) -> Call:
        """The one request that embeds these texts."""
        size = {"dimensions": self.dim} if self._ask else {}
        return Call("POST", "/embeddings", {"model": self.model, "input": texts, "encoding_format": "float", **size})

    def vectors(self, answer: Any, n: int) -> FloatArray:
        """One vector for each text, in the texts' order, float32 [n, dim]; BadAnswerError for anything else."""
        items = field(answer, "data")
        if not isinstance(items, list) or len(items) != n:
            found = len(items) if isinstance(items, list) else 0
            raise BadAnswerError(f"the answer holds {found} vectors instead of {n}")
        by_index = {field(item, "index"): field(item, "embedding") for item in items}
        if set(by_index) != set(range(n)) or any(isinstance(index, bool) for index in by_index):
            raise BadAnswerError("the answer does not say which vector is whose")
        return np.stack([to_vector(by_index[index], self.dim) for index in range(n)])

    def usd(self, answer: Any, most: float) -> float:
        """What an answer says that it cost; `most` where it does not say."""
        tokens = field(answer, "usage", "total_tokens")
        if self.price is None or not isinstance(tokens, int) or isinstance(tokens, bool) or tokens < 0:
            return most
        return self.price.of(tokens)
