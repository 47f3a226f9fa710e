"""Wait for a condition, as every test of threads and processes does."""

from __future__ import annotations

import time
from collections.abc import Callable


def wait_until(
    condition: Callable[[], bool], what: str, longest: float = 120.0, every: float = 0.01
) -> None:
    """Return once the condition holds.

    Args:
        condition: asked again and again.
        what: names the condition in the error.
        longest: seconds; long, since a busy machine is no failure.
        every: seconds between two questions.

    Raises:
        TimeoutError: the condition did not come to hold.
    """
    end = time.monotonic() + longest
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {longest:g} s in vain: {what}")
        time.sleep(every)
