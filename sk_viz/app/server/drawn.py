"""Figures that were drawn for one session and serve all others that show the same."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Any


class Drawn:
    """The figures that were shown last, by what they show.

    Args:
        most: figures that are kept.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()

    def get(self, key: Hashable) -> Any | None:
        """The figure, None where it is not there any more."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def put(self, key: Hashable, figure: Any) -> None:
        """Keep a figure, and let go of the one that was not shown for longest."""
        with self._lock:
            self._kept[key] = figure
            self._kept.move_to_end(key)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
