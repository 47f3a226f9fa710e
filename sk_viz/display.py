"""How a result finds what shows it, so that measuring needs to know nothing that draws.

``sk_viz/__init__.py`` says once which module shows results; it is imported when the first result
is shown.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Protocol


class Display(Protocol):
    """Turns a result into HTML for a notebook, text for a terminal, or a page of its own."""

    def html(self, result: Any) -> str:
        """One element that stands by itself: no script, no request."""

    def text(self, result: Any) -> str:
        """Lines for a terminal, at most 100 characters wide."""

    def page(self, sweep: Any) -> str:
        """A sweep as one HTML page that makes no request."""


_load: list[Callable[[], Display]] = []


def use_display(load: Callable[[], Display]) -> None:
    """Set what shows results.

    Args:
        load: returns the display; called whenever a result is shown.
    """
    _load[:] = [load]


def display() -> Display:
    """What shows results."""
    return _load[0]()


def show(result: Any) -> None:
    """Display a result: as HTML in a notebook (Jupyter, Colab, VS Code, marimo), else as text."""
    marimo, ipython = sys.modules.get("marimo"), sys.modules.get("IPython")
    if marimo is not None and marimo.running_in_notebook():
        marimo.output.append(marimo.Html(display().html(result)))
    elif ipython is not None and hasattr(ipython.get_ipython(), "kernel"):
        ipython.display.display(result)
    else:
        print(display().text(result))
