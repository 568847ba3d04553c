"""How often a caller may ask: a token bucket each, of a bounded number of callers."""

import time
from collections import OrderedDict
from collections.abc import Callable

MOST_CALLERS = 10_000  # remembered; of more, those that asked longest ago are forgotten


class Rates:
    """`burst` requests at once, `per_s` a second in the long run, for each caller."""

    def __init__(self, per_s: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_s, self._burst, self._clock = per_s, float(burst), clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tokens, when

    def wait_s(self, caller: str) -> float:
        """0 where the request may pass, which takes a token; else seconds until one is there."""
        now = self._clock()
        tokens, when = self._left.pop(caller, (self._burst, now))
        tokens = min(self._burst, tokens + (now - when) * self._per_s)
        passes = tokens >= 1
        self._left[caller] = (tokens - 1 if passes else tokens, now)
        if len(self._left) > MOST_CALLERS:
            self._left.popitem(last=False)
        return 0.0 if passes else (1 - tokens) / self._per_s
