"""The spending cap: nothing is sent that could take what was spent beyond it."""

import threading
from dataclasses import dataclass, field

_ROUNDING = 1e-9


@dataclass
class Budget:
    """Dollars of one run, safe to use from several threads.

    spent: of answers that came. unconfirmed: of calls that were sent and never answered, which may have been charged
    or not; they count against the cap as if they had been. reserved: of calls under way.
    """

    max_usd: float
    spent: float = 0.0
    unconfirmed: float = 0.0
    reserved: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def reserve(self, usd: float) -> bool:
        """Set the price of a call aside; False, and nothing happens, where the cap does not allow it."""
        with self._lock:
            if self.spent + self.unconfirmed + self.reserved + usd > self.max_usd + _ROUNDING:
                return False
            self.reserved += usd
            return True

    def charge(self, usd: float, actual: float | None = None) -> None:
        """The call was answered: it is paid. actual: what it did cost, where that is less (or more) than set aside."""
        with self._lock:
            self.reserved -= usd
            self.spent += usd if actual is None else actual

    def doubt(self, usd: float) -> None:
        """The call was sent, and nobody knows what became of it."""
        with self._lock:
            self.reserved -= usd
            self.unconfirmed += usd

    def question(self, usd: float) -> None:
        """What was charged for came to nothing: perhaps it is not."""
        with self._lock:
            self.spent -= usd
            self.unconfirmed += usd

    def release(self, usd: float) -> None:
        """The call was refused or never sent: it costs nothing."""
        with self._lock:
            self.reserved -= usd
