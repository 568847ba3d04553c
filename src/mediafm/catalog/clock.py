"""Times and numbers that tell one writing from another."""

import secrets
import time
from datetime import UTC, datetime

_TOKEN_BITS = 16


def now() -> str:
    """The time as stored: ISO, UTC, whole seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def fresh_revision(above: int = 0) -> int:
    """A revision number that no other writing has, greater than `above`.

    Nanoseconds of the clock, the last 16 bits (0.07 ms) replaced by chance, so that two processes which look at the
    clock together differ. Being a time, it also tells how old a writing is. `above` is the title's stored revision: a
    writing stays behind none that was there before it, even if another machine's clock is ahead.
    """
    return max((time.time_ns() >> _TOKEN_BITS << _TOKEN_BITS) | secrets.randbits(_TOKEN_BITS), above + 1)
