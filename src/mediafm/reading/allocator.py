"""Keeping the C library's allocator from holding on to memory in every thread."""

import contextlib
import ctypes
import sys

_M_ARENA_MAX = -8  # glibc's number for it


def few_arenas() -> None:
    """Let threads share two heaps instead of having one each (glibc alone; elsewhere nothing happens).

    A process whose threads pass pictures and tables on to each other keeps what each of them ever held otherwise: after
    ten thousand titles a gigabyte in place of half. To be called once, by the owner of a process, early.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 2)
