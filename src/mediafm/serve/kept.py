"""What was computed for a title, kept until memory for it is full; asked for by many at once it is computed once."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TypeVar

T = TypeVar("T")


class Kept:
    """Values by key, the least lately used forgotten first. Keys name all that a value depends on, so none ages."""

    def __init__(self, most_bytes: int) -> None:
        self._most, self._held = most_bytes, 0
        self._lock = threading.Lock()
        self._values: OrderedDict[Hashable, tuple[object, int]] = OrderedDict()
        self._making: dict[Hashable, threading.Lock] = {}

    def get(self, key: Hashable, make: Callable[[], T], size: Callable[[T], int]) -> T:
        """The value of a key; made where it is not held. size: bytes of a value. What `make` raises is not kept."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key][0]  # type: ignore[return-value]
            mine = self._making.setdefault(key, threading.Lock())
        with mine:
            with self._lock:
                if key in self._values:  # somebody else has made it meanwhile
                    return self._values[key][0]  # type: ignore[return-value]
            try:
                value = make()
                self._put(key, value, size(value))
            finally:
                with self._lock:
                    self._making.pop(key, None)
        return value

    @property
    def held_bytes(self) -> int:
        """Bytes of all that is held."""
        return self._held

    def _put(self, key: Hashable, value: object, size: int) -> None:
        with self._lock:
            self._values[key] = (value, size)
            self._held += size
            while self._held > self._most and self._values:
                _, (_, gone) = self._values.popitem(last=False)
                self._held -= gone
