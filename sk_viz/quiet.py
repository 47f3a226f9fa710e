"""Ignore warnings in one thread and leave every other thread as it is."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class _InQuietThread:
    """In the place of a filter's pattern: matches every warning of a thread that ignores them."""

    def match(self, _message: str) -> bool:
        return _thread.depth > 0


class _Thread(threading.local):
    depth = 0


_thread = _Thread()
_FILTER = ("ignore", _InQuietThread(), Warning, None, 0)


@contextmanager
def ignored_warnings() -> Iterator[None]:
    """Ignore the warnings of this thread.

    ``warnings.catch_warnings`` replaces the filters of the whole process. When two threads leave
    it in the order in which they entered, the filters stay replaced. Here one filter is added for
    good, and matches only in threads that are inside.
    """
    filters: list[Any] = warnings.filters  # type: ignore[assignment]
    # Another filter may have been put before it, or a ``catch_warnings`` have taken it out.
    if not filters or filters[0] is not _FILTER:
        filters.insert(0, _FILTER)
    _thread.depth += 1
    try:
        yield
    finally:
        _thread.depth -= 1
