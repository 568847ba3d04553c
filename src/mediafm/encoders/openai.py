"""Text through OpenAI's embeddings, or a server that speaks their form: the published recipe's own text encoder.

Nothing is sent before a text is to be embedded, no text is ever sent twice (`hosted.text_cache`), and the key stays in
the environment. A vector is known by model, size and text alone, not by who served it: two servers that call different
models by one name must not be used by turns.
"""

import math
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from mediafm.encoders.encoder import Encoded, Encoder
from mediafm.encoders.fingerprints import fingerprint
from mediafm.encoders.hosted.budget import Budget
from mediafm.encoders.hosted.calling import BudgetSpentError, CallFailedError, RefusedError
from mediafm.encoders.hosted.service import BadAnswerError
from mediafm.encoders.hosted.text_cache import TextCache, text_key
from mediafm.encoders.hosted.text_client import TIMEOUT_S, Estimate, TextClient, estimate
from mediafm.encoders.hosted.texts import MAX_TEXT_BYTES, TextService
from mediafm.encoders.hosted.waiting import Clock, StoppedError
from mediafm.encoders.text import average_parts
from mediafm.encoders.vectors import scatter, unit_rows
from mediafm.errors import EncoderError, ServiceError, UsageError
from mediafm.interrupts import on_interrupt
from mediafm.types import FloatArray, Modality, ShotInput

_CODE_VERSION = 1  # raise it whenever a vector changes
TERMS = "LicenseRef-OpenAI-Terms"
_AGAIN = "Run the same command again: what was answered is kept and not sent a second time."


@dataclass(frozen=True, slots=True)
class Spending:
    """What a run has sent and paid so far; `unconfirmed_usd` is of requests that were never answered."""

    texts_sent: int
    usd: float
    unconfirmed_usd: float


class OpenAIEncoder(Encoder):
    """Text by an embeddings service. A shot without text is absent.

    service: model, size, address, price. max_cost: the most that one run may cost, in dollars; None: no cap. A request
    is made only if it could not take what was spent beyond it, whatever its texts turn out to have in tokens.
    Raises UsageError for a cap on a model whose price is not known.
    """

    modality: Modality = "text"
    name = "openai"
    batch = 256  # shots that wait for each other: requests are worth more than one text

    def __init__(
        self,
        service: TextService,
        max_cost: float | None = None,
        licence: str = TERMS,
        *,
        cache: TextCache | None = None,
        clock: Callable[[], Clock] = Clock,
        environment: Mapping[str, str] | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self.service, self.dim, self.licence = service, service.dim, licence
        self.fingerprint = fingerprint(
            self.name, code=_CODE_VERSION, model=service.model, dimensions=service.dim, part_bytes=MAX_TEXT_BYTES
        )
        self._cache = cache or TextCache(service.model, service.dim)
        self._new_clock, self._environment, self._timeout_s = clock, environment, timeout_s
        self._budget, self._client = Budget(math.inf), None  # type: Budget, TextClient | None
        self._clock = clock()
        self._refused = ""  # why nothing more is sent in this run
        self._lock = threading.Lock()
        if max_cost is not None:
            self.limit(max_cost)

    def limit(self, max_cost: float) -> None:
        """Set the most that this run may cost, in dollars."""
        if not 0 <= max_cost < math.inf:
            raise UsageError(f"A cap of ${max_cost} is none.", "Give dollars, 0 or more.")
        if self.service.price is None:
            raise UsageError(
                f"What {self.service.model} costs at {self.service.vendor} is not known, so there can be no cap.",
                "Add `usd_per_million_tokens` to the preset's text encoder (0 for a server of your own).",
            )
        self._budget.max_usd = max_cost

    def check_ready(self) -> None:
        """UsageError where the key is missing or the address cannot be used."""
        self.service.account(self._environment)

    @property
    def about(self) -> str:
        """Where words go, at what price, under what cap."""
        price, cap = self.service.price, self._budget.max_usd
        known = f"${price.usd_per_million:g} a million tokens ({price.as_of})" if price else "at an unknown price"
        limit = f"${cap:g} at most" if cap < math.inf else "no cap (--max-cost)"
        return f"Words are sent to {self.service.vendor} ({self.service.model}): {known}, {limit}."

    @property
    def spending(self) -> Spending:
        """So far."""
        sent = self._client.sent if self._client else 0
        return Spending(sent, self._budget.spent, self._budget.unconfirmed)

    def estimate(self, texts: Sequence[str]) -> Estimate:
        """What embedding these texts would cost; sends nothing and needs no key."""
        return estimate(self.service, self._cache, [part for text in texts for part in split_bytes(text)])

    def encode(self, batch: Sequence[ShotInput]) -> Encoded:
        """Embed each shot's text; [len(batch), dim]."""
        vectors = self.encode_texts([shot.text for shot in batch])
        return scatter([v if shot.text.strip() else None for v, shot in zip(vectors, batch, strict=True)], self.dim)

    def encode_texts(self, texts: Sequence[str]) -> FloatArray:
        """Embed shots' texts, queries or metadata: float32 [len(texts), dim], unit rows, zero rows for empty text.

        Raises EncoderError where the service does not take these texts, ServiceError where it cannot be had, does not
        answer as it should, or the cap is met, UsageError where it does not let the key in.
        """
        if not texts:
            return np.zeros((0, self.dim), np.float32)
        parts = [split_bytes(text) for text in texts]
        flat = [part for of_text in parts for part in of_text]
        vectors = self._embed(flat) if flat else np.zeros((0, self.dim), np.float32)
        return average_parts(unit_rows(vectors), [len(of_text) for of_text in parts])

    def _embed(self, parts: list[str]) -> FloatArray:
        keys = [text_key(part) for part in parts]
        known = self._cache.vectors(keys)
        if all(key in known for key in keys):  # needs no key, and nobody's leave
            return np.stack([known[key] for key in keys])
        with self._lock, self._explained(len(parts)):
            return self._ready_client().embed(parts)

    def _ready_client(self) -> TextClient:
        if self._clock.stopped:
            self._clock, self._client = self._new_clock(), None
        if self._client is None:
            account = self.service.account(self._environment)
            self._client = TextClient(
                self.service, account, self._budget, self._cache, self._clock, np.random.default_rng(), self._timeout_s
            )
            weakref.finalize(self, self._client.close)  # connections stay open from batch to batch
        return self._client

    @contextmanager
    def _explained(self, n: int) -> Iterator[None]:
        """Turn what a client raises into errors for people, and Ctrl-C into an end between two requests."""
        if self._refused:
            raise ServiceError(self._refused, _AGAIN)
        interrupted = threading.Event()

        def stop() -> None:
            interrupted.set()
            self._clock.stop()

        try:
            with on_interrupt(stop):
                yield
            if interrupted.is_set():
                raise KeyboardInterrupt
        except StoppedError:
            raise KeyboardInterrupt from None
        except BudgetSpentError:
            spent = self._budget.spent + self._budget.unconfirmed
            raise ServiceError(
                f"The cap of ${self._budget.max_usd:g} on text by {self.service.model} is met: ${spent:.6f} are spent.",
                "What was paid for is kept. Run the same command again with a higher --max-cost (or `max_cost` in the "
                "preset) to go on.",
            ) from None
        except CallFailedError as error:
            raise ServiceError(f"Text could not be embedded: {error}.", _AGAIN) from None
        except BadAnswerError as error:
            self._refused = f"{error}, so nothing more is sent."
            raise ServiceError(
                self._refused, "Correct `model`, `dimensions` or `base_url` in the preset, or `ask_dimensions = false`."
            ) from None
        except RefusedError as error:
            raise self._refusal(error, n) from None

    def _refusal(self, error: RefusedError, n: int) -> EncoderError:
        """A 4xx. If not even one text is taken and none ever was, it is not the text."""
        remedy = "Check `model`, `dimensions` and `base_url` in the preset."
        answered = self._client.answered if self._client else 0
        if error.status in (404, 405) or (n == 1 and not answered):
            self._refused = f"{error}, so nothing more is sent."
            return ServiceError(self._refused, remedy)
        return EncoderError(f"{error}.", remedy)


def split_bytes(text: str) -> list[str]:
    """Cut text at spaces into parts of at most MAX_TEXT_BYTES bytes of UTF-8; no part for empty text.

    Parts are of about equal length. A word that is longer is cut. What is no text (lone surrogates) becomes "?".
    """
    data = text.encode("utf-8", "replace").strip()
    parts: list[str] = []
    while data:
        n = math.ceil(len(data) / MAX_TEXT_BYTES)
        cut = len(data) if n == 1 else _back_to_space(data, math.ceil(len(data) / n))
        part, data = data[:cut].strip(), data[cut:].strip()
        if part:
            parts.append(part.decode("utf-8"))
    return [part for part in (p.strip() for p in parts) if part]


def _back_to_space(data: bytes, want: int) -> int:
    """Where to cut at or before `want`: behind a space if there is one in the second half, else between characters."""
    space = data.rfind(b" ", want // 2, want)
    if space >= 0:
        return space + 1
    while data[want] & 0xC0 == 0x80:  # inside a character
        want -= 1
    return want
