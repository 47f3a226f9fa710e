"""What all screen figures share: inks for light and dark pages, gutters, and small helpers.

The screen figures are pure functions from the tables of a sweep to Plotly figures; they know
neither a model nor the page. They set every colour themselves, so that a branch has the same
colour here as on paper.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from sk_viz.figures.palette import LARGEST, SMALLEST, difference_scale

FONT = "Source Sans, 'Source Sans Pro', 'Segoe UI', Roboto, Helvetica, Arial, sans-serif"

# Pixels left and right of every plot whose columns are scales; the filmstrip above the map keeps
# the same, so that a picture stands over its column.
LEFT = 92
RIGHT = 66


@dataclass(frozen=True)
class Ink:
    """The colours of everything that is not data, as CSS colours."""

    text: str
    muted: str
    faint: str
    grid: str
    surface: str


LIGHT = Ink(text="#1F2328", muted="#59636E", faint="#B6BDC5", grid="#E4E7EB", surface="#FFFFFF")
DARK = Ink(text="#E8EAED", muted="#A6AEB8", faint="#5D6670", grid="#2B3138", surface="#14181D")


def ink_for(theme: str | None) -> Ink:
    """The ink for a page theme, "light" or "dark"; light when it is not known."""
    return DARK if theme == "dark" else LIGHT


def scale_label(scale: float) -> str:
    """A scale as it is written everywhere: at least one decimal, no more than needed."""
    text = f"{scale:.3f}".rstrip("0")
    return f"{text}0×" if text.endswith(".") else f"{text}×"


def kernel_label(kernel: int) -> str:
    """A kernel as it is written everywhere, such as 5×5."""
    return f"{kernel}×{kernel}"


def share_label(share: float) -> str:
    """A share in [0, 1] as it is written everywhere, such as 46.4 %."""
    return f"{100 * share:.1f}\u00a0%"


def decimals(size: float, least: int) -> int:
    """How many decimals show numbers of this size to two digits: at least ``least``, at most 7."""
    if size <= 0:
        return least
    return min(7, max(least, 1 - math.floor(math.log10(size))))


def mix(colour: str, other: str, share: float) -> str:
    """``colour`` moved towards ``other`` (both #RRGGBB) by a share in [0, 1]."""
    a = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    b = [int(other[i : i + 2], 16) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(x + (y - x) * share):02X}" for x, y in zip(a, b, strict=True))


def spread(values: Sequence[float], count: int, *keep: float) -> tuple[float, ...]:
    """At most ``count`` of the values, evenly spread with both ends, and those to ``keep``."""
    if len(values) <= count:
        return tuple(values)
    steps = [round(i * (len(values) - 1) / (count - 1)) for i in range(count)]
    chosen = {values[i] for i in steps} | (set(keep) & set(values))
    return tuple(value for value in values if value in chosen)


def difference_colours(ink: Ink) -> list[tuple[float, str]]:
    """The diverging scale of a difference; on a dark page zero is dark and the ends are light.

    The hues are the paper's; only what is near nothing recedes into the page.
    """
    if ink is not DARK:
        return difference_scale()
    return [
        (0.0, "#8CCBF2"),
        (0.25, SMALLEST),
        (0.5, "#262C33"),
        (0.75, LARGEST),
        (1.0, "#FFBE8F"),
    ]


def look(ink: Ink, height: int) -> dict[str, Any]:
    """The common layout, transparent, so that the page shows through; height in pixels."""
    return {
        "height": height,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": FONT, "size": 12, "color": ink.text},
        "hoverlabel": {
            "bgcolor": ink.surface,
            "bordercolor": ink.faint,
            "font": {"family": FONT, "size": 13, "color": ink.text},
        },
        "hovermode": "closest",
        "dragmode": False,
        "showlegend": False,
        "template": "none",
    }


def axis(ink: Ink, title: str | None = None, standoff: int | None = None) -> dict[str, Any]:
    """The common axis, with a title ``standoff`` pixels away from its ticks."""
    font = {"color": ink.muted, "size": 12}
    return {
        "showgrid": False,
        "zeroline": False,
        "linecolor": ink.grid,
        "tickcolor": ink.faint,
        "tickfont": font,
        "title": {"font": font}
        | ({} if title is None else {"text": title})
        | ({} if standoff is None else {"standoff": standoff}),
        "fixedrange": True,
    }


def note(ink: Ink, text: str, size: int = 12, **where: Any) -> dict[str, Any]:
    """Words on a plot, placed as a Plotly annotation is."""
    font = {"size": size, "color": ink.muted}
    return {"text": text, "showarrow": False, "font": font, **where}


def legend(ink: Ink, y: float) -> dict[str, Any]:
    """A legend in one line above a plot, ``y`` of its height up; it hides nothing when clicked."""
    return {
        "orientation": "h",
        "x": 0,
        "y": y,
        "yanchor": "bottom",
        "font": {"size": 12, "color": ink.muted},
        "itemclick": False,
        "itemdoubleclick": False,
    }


def side_by_side(shares: Sequence[float], gap: float) -> list[tuple[float, float]]:
    """Where panels of these relative widths lie in [0, 1], ``gap`` apart."""
    room = (1 - gap * (len(shares) - 1)) / sum(shares)
    domains, left = [], 0.0
    for share in shares:
        domains.append((left, min(1.0, left + share * room)))
        left += share * room + gap
    return domains


def styled(figure: go.Figure, ink: Ink, height: int) -> go.Figure:
    """The figure with the common look.

    Each call of Plotly's update methods goes through the whole figure again: what is drawn at
    every rerun of a page is put together as plain values first, from :func:`look` and
    :func:`axis`.
    """
    figure.update_layout(**look(ink, height))
    figure.update_xaxes(**axis(ink))
    figure.update_yaxes(**axis(ink))
    return figure
