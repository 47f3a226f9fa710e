"""A map of coloured cells that answers a tap, a click and the arrow keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

from sk_viz.app.components.loader import EDGE, component
from sk_viz.figures.screen.grid import Grid
from sk_viz.figures.screen.style import LEFT, Ink


def grid(
    shown: Grid,
    ink: Ink,
    *,
    row: str | None,
    column: str | None,
    label: str,
    key: str,
    on_click: Callable[[], None] | None = None,
    tall: bool = False,
) -> None:
    """Show it. A click leaves ``{"row", "column"}`` in ``st.session_state[key].clicked``.

    Args:
        shown: the cells.
        ink: of the page.
        row: id of the row to mark.
        column: id of the column to mark.
        label: what the map is, for those who hear it.
        key: of the component.
        on_click: called after a cell was chosen; None for a map that is only looked at.
        tall: rows with room for text.
    """
    _component(
        key=key,
        data=asdict(shown)
        | {
            "row": row,
            "column": column,
            "label": label,
            "clickable": on_click is not None,
            "tall": tall,
            "left": LEFT,
            "right": EDGE,
            "frame": ink.text,
            "guide": ink.muted,
        },
        on_clicked_change=on_click or _nothing,
    )


def _nothing() -> None:
    """What a map does that is only looked at."""


_component = component("grid")
