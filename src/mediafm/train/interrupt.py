"""Ctrl-C that lets the step in progress end."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def interrupted() -> Iterator[Callable[[], bool]]:
    """Yields a function that says whether Ctrl-C came. The first is only noted, a second interrupts as usual.

    Outside the main thread, where Python takes no signals, nothing is noted and Ctrl-C keeps its usual way.
    """
    noted = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield noted.is_set
        return
    before = signal.getsignal(signal.SIGINT)

    def note(number: int, frame: FrameType | None) -> None:
        noted.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, note)
    try:
        yield noted.is_set
    finally:
        signal.signal(signal.SIGINT, before)
