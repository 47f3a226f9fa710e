"""Effects with their intervals: what zoom changes in each unit, and what is left without blur."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sk_viz.figures.paper.style import new_figure, scale_style


@dataclass(frozen=True)
class Effect:
    """Cohen's d of one unit at one scale.

    Attributes:
        unit: its name.
        scale: against 1.0x.
        d: None where it has no finite value.
        interval: 95 %, None where it has no finite ends.
    """

    unit: str
    scale: float
    d: float | None
    interval: tuple[float, float] | None


def effects(panels: Sequence[tuple[str, Sequence[Effect]]], width: str) -> Figure:
    """Draw one panel for each set of effects, all on one axis; inside ``paper_style``.

    Args:
        panels: title and effects; units in the network's order.
        width: of the figure.
    """
    units = list(dict.fromkeys(one.unit for _, row in panels for one in row))
    figure = new_figure(width, 0.75 + 0.17 * len(units))
    grid = figure.subplots(1, len(panels), sharex=True, sharey=True, squeeze=False)[0]
    for axes, (title, row) in zip(grid, panels, strict=True):
        _draw(axes, row, units)
        axes.set_title(title)
        axes.set_xlabel("Cohen's d, 95 % interval")
    ends = [v for _, row in panels for one in row for v in (one.d, *(one.interval or ())) if v]
    limit = 1.05 * max(np.abs(ends), default=1.0)
    grid[0].set_xlim(-limit, limit)
    grid[0].set_yticks(range(len(units)), units)
    grid[0].invert_yaxis()
    handles, labels = grid[0].get_legend_handles_labels()
    if labels:
        figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
    return figure


def _draw(axes: Axes, row: Sequence[Effect], units: Sequence[str]) -> None:
    axes.axvline(0, color="0.4", linewidth=0.6)
    scales = list(dict.fromkeys(one.scale for one in row))
    for number, scale in enumerate(scales):
        shown = [one for one in row if one.scale == scale]
        offset = (number - (len(scales) - 1) / 2) * 0.8 / max(len(scales), 1)
        style = scale_style(number) | {"linestyle": "none"}
        for n, one in enumerate(shown):
            y = units.index(one.unit) + offset
            if one.interval is not None:
                axes.plot(one.interval, [y, y], "-", color=style["color"], linewidth=1.0)
            axes.plot(
                [np.nan if one.d is None else one.d],
                [y],
                **style,
                label=None if n else f"{scale:g}x",
            )
    axes.set_ylim(-0.6, len(units) - 0.4)
    axes.tick_params(axis="y", length=0)
    axes.set_axisbelow(True)
