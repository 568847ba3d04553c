"""Ctrl-C that is acted on at a point where it does no harm.

Python raises KeyboardInterrupt between any two instructions, also inside a finaliser, where it is swallowed, or between
taking a result and keeping it. A stage that wants to end cleanly asks to be told instead, and raises it itself.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def on_interrupt(act: Callable[[], None]) -> Iterator[None]:
    """Inside the block the first Ctrl-C calls `act`; a second breaks in as usual. Main thread only, else nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)

    def handler(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, before)
        act()

    signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
