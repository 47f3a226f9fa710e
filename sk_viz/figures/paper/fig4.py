"""Figure 4 of the paper: the mean difference of each class at two scales.

Li, Wang, Hu, Yang: Selective Kernel Networks, CVPR 2019, section 4.4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sk_viz.figures.paper.style import new_figure, scale_style, width_inches, words

Array = npt.NDArray[np.float64]

PAPER_UNITS = ("SK_2_3", "SK_3_4", "SK_5_3")
_WIDE = 5.0


@dataclass(frozen=True, eq=False)
class Fig4Data:
    """What the figure shows.

    Attributes:
        classes: names of the K classes, in their order.
        counts: (K,) pictures of each.
        means: by unit and scale, the mean difference of each class (K,).
        paper: by unit and scale, (class indices, values) of the paper.
    """

    classes: Sequence[str]
    counts: npt.NDArray[np.int64]
    means: Mapping[str, Mapping[float, Array]]
    paper: Mapping[str, Mapping[float, tuple[Array, Array]]]


def fig4(data: Fig4Data, width: str) -> tuple[Figure, pd.DataFrame]:
    """Draw the figure; inside ``paper_style``.

    Returns:
        The figure, and what is drawn: unit, scale, class, label, n, difference, source.
    """
    units = list(data.means)
    wide = width_inches(width) >= _WIDE
    shape = (1, len(units)) if wide else (len(units), 1)
    figure = new_figure(width, 2.0 if wide else 0.35 + 1.25 * len(units))
    grid = figure.subplots(*shape, squeeze=False, sharex=True).ravel()
    for axes, unit in zip(grid, units, strict=True):
        _draw(axes, unit, data, inline=not wide)
    for axes in grid if wide else grid[-1:]:
        axes.set_xlabel("class")
    for axes in grid[:1] if wide else grid:
        axes.set_ylabel("mean difference")
    handles, labels = grid[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), markerscale=2)
    return figure, _drawn(data)


def _draw(axes: Axes, unit: str, data: Fig4Data, *, inline: bool) -> None:
    by_scale = data.means[unit]
    positions = np.arange(len(data.classes))
    size = float(np.clip(160 / max(len(positions), 1), 0.7, 2.6))
    for number, (scale, values) in enumerate(by_scale.items()):
        style = scale_style(number) | {"linestyle": "none", "markersize": size}
        if number:
            style |= {"markerfacecolor": "none", "markeredgewidth": 0.5}
        axes.plot(positions, values, label=f"{scale:g}x", **style)
    first, last = (by_scale[s] for s in (min(by_scale), max(by_scale)))
    axes.vlines(positions, first, last, color="0.75", linewidth=0.3, zorder=0)
    for number, (scale, (x, values)) in enumerate(data.paper.get(unit, {}).items()):
        line = (":", "-")[number % 2]
        axes.plot(x, values, line, color="0.45", linewidth=0.6, label=f"paper {scale:g}x")
    gap = ": " if inline else "\n"
    risen = float(np.mean(last > first))
    axes.set_title(words(f"{unit}{gap}{risen:.0%} of {len(positions)} classes rise"))
    axes.margins(x=0.02)


def _drawn(data: Fig4Data) -> pd.DataFrame:
    rows = [
        pd.DataFrame(
            {
                "unit": unit,
                "scale": scale,
                "class": np.arange(len(data.classes)),
                "label": list(data.classes),
                "n": data.counts,
                "difference": values,
                "source": "survey",
            }
        )
        for unit, by_scale in data.means.items()
        for scale, values in by_scale.items()
    ]
    rows += [
        pd.DataFrame(
            {"unit": unit, "scale": scale, "class": x, "difference": values, "source": "paper"}
        )
        for unit, by_scale in data.paper.items()
        for scale, (x, values) in by_scale.items()
    ]
    return pd.concat(rows, ignore_index=True)
