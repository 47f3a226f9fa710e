"""The memory that C libraries ask for, in a process whose sessions come and go."""

from __future__ import annotations

import ctypes
import gc
import sys

_M_ARENA_MAX = -8  # of glibc's malloc.h
_ARENAS = 2


def share_the_heap() -> None:
    """Let the threads of all sessions share two heaps (glibc; elsewhere nothing is done).

    By itself glibc gives up to eight a core to threads that want memory at the same time. What
    one session gave back to its heap is then of no use to the next one, which has another.
    """
    _call("mallopt", _M_ARENA_MAX, _ARENAS)


def give_back() -> None:
    """Give the system what nobody uses any more: Python's unreachable objects, and the gaps in
    the heaps (glibc; elsewhere the objects alone).

    By itself glibc gives back the end of a heap alone. What a session gave back in the middle
    stays, and hundreds of sessions later the gaps are as large as all that is used.
    """
    gc.collect()  # Streamlit's sessions are cycles
    _call("malloc_trim", 0)


def _call(name: str, *arguments: int) -> None:
    if sys.platform == "linux":
        function = getattr(ctypes.CDLL(None), name, None)
        if function is not None:  # musl has neither
            function(*arguments)
