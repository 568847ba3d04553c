"""How long to wait before another attempt, and a clock that can be told to stop waiting."""

import threading
import time
from email.utils import parsedate_to_datetime

import numpy as np

FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 60.0


class StoppedError(Exception):
    """The run was told to stop while this clip was waiting."""


class Clock:
    """The time of day, and sleep that ends at once when `stop` is called."""

    def __init__(self) -> None:
        self._stop = threading.Event()

    def time(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        self._stop.wait(seconds)

    def stop(self) -> None:
        """Wake all sleepers; they go no further."""
        self._stop.set()

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stop.is_set()


def backoff(attempt: int, rng: np.random.Generator) -> float:
    """1, 2, 4 ... seconds, each spread over its upper half."""
    longest: float = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** (attempt - 1))
    return longest * (0.5 + 0.5 * float(rng.random()))


def retry_after(text: str, now: float) -> float | None:
    """Seconds to wait, from seconds or a date; None where it says neither."""
    seconds = number(text)
    if seconds is not None:
        return max(seconds, 0.0)
    try:
        return max(parsedate_to_datetime(text).timestamp() - now, 0.0)
    except (TypeError, ValueError):
        return None


def number(text: str) -> float | None:
    """A finite number, or None."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if np.isfinite(value) else None
