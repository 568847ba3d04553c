"""Texts to one service: in as few requests as its limits allow, each paid answer kept at once, under a cap."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mediafm.encoders.hosted.budget import Budget
from mediafm.encoders.hosted.calling import BudgetSpentError, Caller
from mediafm.encoders.hosted.service import Account, BadAnswerError
from mediafm.encoders.hosted.text_cache import TextCache, text_key
from mediafm.encoders.hosted.texts import BYTES_A_TOKEN, MAX_REQUEST_BYTES, MAX_REQUEST_TEXTS, TextService
from mediafm.encoders.hosted.waiting import Clock
from mediafm.types import FloatArray

TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True)
class Estimate:
    """What some texts would cost: how many, how many of them the cache does not hold, and of those about how many
    tokens (a quarter of their bytes) and dollars (None: no price is known)."""

    texts: int
    unknown: int
    tokens: int
    usd: float | None


class TextClient:
    """Embeds texts for one run. sent: texts that a request went out for; answered: those of them that came back."""

    def __init__(
        self,
        service: TextService,
        account: Account,
        budget: Budget,
        cache: TextCache,
        clock: Clock,
        rng: np.random.Generator,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._service, self._budget, self._cache, self._clock, self._rng = service, budget, cache, clock, rng
        self._caller = Caller(service, account, budget, clock, timeout_s, no_json_again=True)
        self.sent = self.answered = 0

    def close(self) -> None:
        """Let go of the connections."""
        self._caller.close()

    def embed(self, texts: Sequence[str]) -> FloatArray:
        """float32 [len(texts), dim], as the service gave them. Texts are neither empty nor beyond MAX_TEXT_BYTES.

        Raises CallFailedError, RefusedError, BudgetSpentError, BadAnswerError, StoppedError with what was answered by
        then kept, and UsageError where the service does not let the key in.
        """
        keys = {text: text_key(text) for text in texts}
        found = self._cache.vectors(list(keys.values()))
        while missing := [text for text, key in keys.items() if key not in found]:
            found |= self._more(missing, keys)
        if not texts:
            return np.zeros((0, self._service.dim), np.float32)
        return np.stack([found[keys[text]] for text in texts])

    def _more(self, missing: Sequence[str], keys: dict[str, bytes]) -> dict[bytes, FloatArray]:
        """Vectors of some of the texts that are missing: those another process has paid for, or one request's."""
        with self._cache.sole(self._clock) as sole:
            known = sole.vectors([keys[text] for text in missing])
            if known:
                return known
            batch = first_batch(missing)
            vectors = self._send(batch)
            fresh = {keys[text]: vector for text, vector in zip(batch, vectors, strict=True)}
            sole.put(fresh)
        return fresh

    def _send(self, batch: list[str]) -> FloatArray:
        price = self._service.price
        most = 0.0 if price is None else price.of(sum(len(text.encode()) for text in batch))
        if not self._budget.reserve(most):
            raise BudgetSpentError
        self.sent += len(batch)
        request = self._service.request(batch)
        answer = self._caller.send(request, self._rng, most, True, lambda found: self._service.usd(found, most))
        try:
            vectors = self._service.vectors(answer, len(batch))
        except BadAnswerError as error:
            raise BadAnswerError(f"{self._service.vendor}: {error}") from error
        self.answered += len(batch)
        return vectors


def first_batch(texts: Sequence[str]) -> list[str]:
    """As many of the texts, from the first on, as one request takes; one at least."""
    batch: list[str] = []
    room = MAX_REQUEST_BYTES
    for text in texts[:MAX_REQUEST_TEXTS]:
        room -= len(text.encode())
        if batch and room < 0:
            break
        batch.append(text)
    return batch


def estimate(service: TextService, cache: TextCache, texts: Sequence[str]) -> Estimate:
    """What these texts would cost; sends nothing and needs no key."""
    keys = {text: text_key(text) for text in texts}
    known = cache.vectors(list(keys.values()))
    missing = [text for text, key in keys.items() if key not in known]
    tokens = round(sum(len(text.encode()) for text in missing) / BYTES_A_TOKEN)
    return Estimate(len(keys), len(missing), tokens, None if service.price is None else service.price.of(tokens))
