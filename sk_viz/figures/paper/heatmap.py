"""The map of all units over the scales."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sk_viz.figures.paper.style import SMALL, difference_colours, new_figure, width_inches, words

_NUMBERS_FROM = 0.3  # inches of a cell that a number of three digits fits in


def heatmap(
    units: Sequence[str],
    scales: Sequence[float],
    differences: npt.NDArray[np.float64],
    title: str,
    width: str,
) -> tuple[Figure, pd.DataFrame]:
    """Draw the map; inside ``paper_style``.

    Args:
        units: names ``SK_{stage}_{block}``, in the network's order; the first stands on top.
        scales: of the columns.
        differences: (units, scales).
        title: what it is of.
        width: of the figure.

    Returns:
        The figure, and what is drawn: unit, scale, difference.
    """
    figure = new_figure(width, 0.75 + 0.15 * len(units))
    axes = figure.add_subplot()
    limit = max(float(np.abs(differences).max()), 0.01)
    image = axes.pcolormesh(
        np.arange(len(scales) + 1),
        np.arange(len(units) + 1),
        differences,
        cmap=difference_colours(),
        vmin=-limit,
        vmax=limit,
        edgecolors="white",
        linewidth=0.4,
    )
    axes.invert_yaxis()
    axes.set_xticks(np.arange(len(scales)) + 0.5, [f"{scale:g}x" for scale in scales])
    axes.set_yticks(np.arange(len(units)) + 0.5, [words(unit) for unit in units])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    stages = [unit.split("_")[1] for unit in units]
    for row in range(1, len(units)):
        if stages[row] != stages[row - 1]:
            axes.axhline(row, color="black", linewidth=0.6)
    if (width_inches(width) - 1.3) / len(scales) >= _NUMBERS_FROM:
        _numbers(axes, differences, limit)
    axes.set_title(words(title))
    bar = figure.colorbar(image, ax=axes, pad=0.02, fraction=0.05, aspect=25)
    bar.set_label("difference")
    bar.outline.set_visible(False)
    drawn = {
        "unit": np.repeat(list(units), len(scales)),
        "scale": np.tile(list(scales), len(units)),
        "difference": differences.ravel(),
    }
    return figure, pd.DataFrame(drawn)


def _numbers(axes: Axes, differences: npt.NDArray[np.float64], limit: float) -> None:
    """The value in each cell, so that the map can be read without its colours."""
    for (row, column), value in np.ndenumerate(differences):
        text = f"{value:+.2f}".replace("0.", ".").replace("-", "\N{MINUS SIGN}")
        axes.text(
            column + 0.5,
            row + 0.5,
            text,
            ha="center",
            va="center_baseline",
            fontsize=SMALL,
            color="white" if abs(value) > 0.45 * limit else "black",
        )
