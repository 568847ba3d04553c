"""Ctrl-C acts where it was told to, once; the second one and those outside break in as usual."""

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from mediafm.interrupts import on_interrupt


@pytest.fixture(autouse=True)
def usual_handler() -> Iterator[None]:
    """A shell starts background jobs with interrupts ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_the_first_interrupt_acts_and_the_second_breaks_in() -> None:
    acted = []
    with pytest.raises(KeyboardInterrupt), on_interrupt(lambda: acted.append(1)):
        os.kill(os.getpid(), signal.SIGINT)
        assert acted == [1]
        os.kill(os.getpid(), signal.SIGINT)
    assert acted == [1]


def test_outside_the_block_everything_is_as_it_was() -> None:
    before = signal.getsignal(signal.SIGINT)
    with on_interrupt(lambda: None):
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_in_another_thread_nothing_is_changed() -> None:
    seen = []

    def work() -> None:
        with on_interrupt(lambda: None):
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGINT)]
