"""A progress bar for a notebook or a terminal."""

from __future__ import annotations

from typing import Any


class ProgressBar:
    """A tqdm bar that any ``progress`` argument takes.

    Args:
        title: shown before the bar.

    Example:
        >>> bar = ProgressBar("sweep")  # doctest: +SKIP
        >>> sk_viz.sweep(model, picture, progress=bar)  # doctest: +SKIP
    """

    def __init__(self, title: str = "") -> None:
        self._title = title
        self._bar: Any = None

    def __call__(self, done: int, total: int) -> None:
        """Draw the bar; it is closed when all is done, and a new one begins with the next work."""
        from tqdm.auto import tqdm

        if self._bar is None:
            self._bar = tqdm(total=total, desc=self._title or None)
        self._bar.total = total
        self._bar.update(done - self._bar.n)
        if done >= total:
            self._bar.close()
            self._bar = None
