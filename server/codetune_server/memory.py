"""Keeps the process small: what is freed in one thread is used again by the next."""

import ctypes
import sys

_M_ARENA_MAX = -8
"""``mallopt`` of glibc, malloc.h."""


def share_arenas() -> None:
    """Have all threads share one arena of glibc, where there is one; to be called before any thread is started.

    By default each new thread may get an arena of its own, whose freed memory no other thread uses. Threads here only
    wait for files and import modules, so none waits for another one's allocation.
    """
    if sys.platform == "linux" and (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)):
        mallopt(_M_ARENA_MAX, 1)
