"""The memory that C libraries ask for, in a process whose sessions come and go."""

from __future__ import annotations

import ctypes
import sys

_M_ARENA_MAX = -8  # of glibc's malloc.h
_ARENAS = 2


def share_the_heap() -> None:
    """Let the threads of all sessions share two heaps (glibc; elsewhere nothing is done).

    By itself glibc gives up to eight a core to threads that want memory at the same time. What
    one session gave back to its heap is then of no use to the next one, which has another.
    """
    if sys.platform == "linux":
        set_option = getattr(ctypes.CDLL(None), "mallopt", None)
        if set_option is not None:  # musl has none
            set_option(_M_ARENA_MAX, _ARENAS)
