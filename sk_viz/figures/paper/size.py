"""What of a zoom is size: per unit the effect by every control, its null behind."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from sk_viz.figures.paper.style import new_figure, scale_style
from sk_viz.figures.size_marks import SizeMark


def size_forest(
    marks: Sequence[SizeMark], title: str, width: str, *, intervals: str = "95 % interval"
) -> tuple[Figure, pd.DataFrame]:
    """Draw the figure; inside ``paper_style``.

    Args:
        marks: units in the network's order.
        title: above it.
        width: of the figure.
        intervals: what the lines through the marks are.

    Returns:
        The figure, and what is drawn: unit, control, size, low, high, null, null_low, null_high,
        settled.
    """
    units = list(dict.fromkeys(mark.unit for mark in marks))
    controls = list(dict.fromkeys(mark.control for mark in marks))
    figure = new_figure(width, 0.8 + 0.11 * len(units) * (len(controls) + 0.6))
    axes = figure.subplots()
    axes.axvline(0, color="0.4", linewidth=0.6)
    for mark in marks:
        place = controls.index(mark.control)
        y = units.index(mark.unit) + (place - (len(controls) - 1) / 2) * 0.8 / len(controls)
        style = scale_style(place) | {"linestyle": "none"}
        if mark.null is not None and mark.null_interval is not None:
            axes.plot(mark.null_interval, [y, y], "-", color="0.82", linewidth=4, zorder=1)
            axes.plot([mark.null], [y], "|", color="0.6", markersize=5, zorder=1)
        if mark.interval is not None:
            axes.plot(mark.interval, [y, y], "-", color=style["color"], linewidth=1.0, zorder=2)
        first = mark.unit == units[0]
        axes.plot([mark.size], [y], **style, zorder=3, label=mark.control if first else None)
    settled = {mark.unit for mark in marks if mark.settled}
    axes.set_yticks(range(len(units)), [f"{u} *" if u in settled else u for u in units])
    axes.set_ylim(len(units) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.set_axisbelow(True)
    axes.set_title(title)
    axes.set_xlabel(f"size, {intervals}; grey: 1/f noise")
    figure.legend(loc="outside upper center", ncols=len(controls))
    return figure, pd.DataFrame([_row(mark) for mark in marks])


def _row(mark: SizeMark) -> dict[str, object]:
    low, high = mark.interval or (None, None)
    null_low, null_high = mark.null_interval or (None, None)
    return {
        "unit": mark.unit,
        "control": mark.control,
        "size": mark.size,
        "low": low,
        "high": high,
        "null": mark.null,
        "null_low": null_low,
        "null_high": null_high,
        "settled": mark.settled,
    }
