"""Types that several folders share."""

from __future__ import annotations

from collections.abc import Callable

# Called with (done, total) while long work runs; what it raises ends the work.
Progress = Callable[[int, int], None]
# Called with one line of text for each part of long work.
Log = Callable[[str], None]
