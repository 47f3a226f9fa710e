"""One unit opened: the largest kernel's weight over its channels, and its histogram.

The curves are the left half of the paper's Fig. 3: there averages of 16 successive channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import plotly.graph_objects as go

from sk_viz.figures.palette import LARGEST
from sk_viz.figures.screen.style import (
    Ink,
    axis,
    kernel_label,
    legend,
    look,
    mix,
    scale_label,
    side_by_side,
)
from sk_viz.language import gettext as _

Order = Literal["sorted", "averaged"]

AVERAGED = 16
BINS = 24
HEIGHT = 162


def largest_weights(weights: pd.DataFrame, unit: str) -> pd.DataFrame:
    """The weight of a unit's largest kernel: one row per channel, one column per scale."""
    rows = weights[weights["unit"] == unit]
    rows = rows[rows["kernel"] == rows["kernel"].max()]
    table: pd.DataFrame = rows.pivot(index="channel", columns="scale", values="weight")
    return table.sort_index()


def channel_points(
    table: pd.DataFrame, order: Order
) -> tuple[npt.NDArray[np.float64], pd.DataFrame]:
    """Where the points of the curves lie, and their weights.

    Args:
        table: of :func:`largest_weights`.
        order: ``"sorted"`` ranks the channels by their weight at the smallest scale, so that a
            channel keeps its place and one sees which move; ``"averaged"`` takes the mean of 16
            successive channels, as the paper's figure (a last group may be shorter).

    Returns:
        Positions (points,) counted in channels from 1, and the weights (points, scales).
    """
    if order == "sorted":
        ranked = table.sort_values(table.columns[0], kind="stable")
        return np.arange(1, len(ranked) + 1, dtype=float), ranked.reset_index(drop=True)
    group = np.arange(len(table)) // AVERAGED
    means = table.groupby(group).mean()
    centres = pd.Series(np.arange(1, len(table) + 1, dtype=float)).groupby(group).mean()
    return centres.to_numpy(), means


def scale_colours(count: int, ink: Ink) -> list[str]:
    """From pale to strong in the colour of the largest kernel, told apart by lightness alone."""
    pale, strong = mix(LARGEST, ink.surface, 0.5), mix(LARGEST, ink.text, 0.35)
    if count == 1:
        return [LARGEST]
    steps = [i / (count - 1) for i in range(count)]
    return [
        mix(pale, LARGEST, 2 * t) if t <= 0.5 else mix(LARGEST, strong, 2 * t - 1) for t in steps
    ]


def channel_curves(
    weights: pd.DataFrame,
    unit: str,
    ink: Ink,
    *,
    scales: Sequence[float],
    order: Order = "sorted",
) -> go.Figure:
    """Curves over the channels at each of ``scales``, and their histograms on the same axis.

    Args:
        weights: scale, unit, stage, block, branch, kernel, channel, weight.
        unit: which unit to open.
        scales: those to draw, smallest first; the histogram shows the first and the last.
        order: see :func:`channel_points`.
    """
    table = largest_weights(weights, unit)
    kernel = kernel_label(int(weights.loc[weights["unit"] == unit, "kernel"].max()))
    x, points = channel_points(table, order)
    colours = scale_colours(len(scales), ink)
    traces: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "x": x,
            "y": points[scale],
            "name": scale_label(scale),
            "mode": "lines+markers" if order == "averaged" else "lines",
            "marker": {"size": 5},
            "line": {"color": colour, "width": 1.8},
            "hovertemplate": f"{scale_label(scale)} · %{{x:.0f}}<br>"
            + _("weight {value}").format(value="%{y:.4f}")
            + "<extra></extra>",
        }
        for scale, colour in zip(scales, colours, strict=True)
    ]
    shown = [scales[0], scales[-1]] if len(scales) > 1 else [scales[0]]
    edges = _edges(table[list(shown)].to_numpy())
    for scale in shown:
        counts = np.histogram(table[scale].to_numpy(), bins=edges)[0]
        colour = colours[scales.index(scale)]
        traces.append(
            {
                "type": "bar",
                "x": counts,
                "y": (edges[:-1] + edges[1:]) / 2,
                "width": np.diff(edges),
                **{"xaxis": "x2", "yaxis": "y2"},
                "orientation": "h",
                "marker": {"color": colour, "opacity": 0.6, "line": {"width": 0}},
                "showlegend": False,
                "hovertemplate": _("{scale}: {count} channels, weight about {value}").format(
                    scale=scale_label(scale), count="%{x}", value="%{y:.3f}"
                )
                + "<extra></extra>",
            }
        )
    what = (
        _("channels, sorted at {scale}").format(scale=scale_label(float(table.columns[0])))
        if order == "sorted"
        else _("channel (means of {count} successive ones)").format(count=AVERAGED)
    )
    left, right = side_by_side([0.78, 0.22], 0.02)
    half = {
        "type": "line",
        **{"x0": 0, "x1": 1, "y0": 0.5, "y1": 0.5},
        "line": {"color": ink.faint, "width": 1},
        "layer": "below",
    }
    layout = look(ink, HEIGHT) | {
        "xaxis": axis(ink, what, 4) | {"domain": left, "nticks": 6, "ticklen": 3},
        "xaxis2": axis(ink, _("channels"), 4)
        | {"domain": right, "anchor": "y2", "nticks": 3, "ticklen": 3, "rangemode": "tozero"},
        "yaxis": axis(ink, _("weight of {kernel}").format(kernel=kernel), 8) | {"nticks": 6},
        "yaxis2": axis(ink) | {"anchor": "x2", "matches": "y", "showticklabels": False},
        "shapes": [
            half | {"xref": "x domain", "yref": "y"},
            half | {"xref": "x2 domain", "yref": "y2"},
        ],
        "margin": {"l": 64, "r": 8, "t": 24, "b": 38},
        "barmode": "overlay",
        "bargap": 0,
        "showlegend": True,
        "legend": legend(ink, 1.02),
    }
    return go.Figure(traces, layout)


def _edges(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Bin edges that hold all values; some width also where all are the same (a dead unit)."""
    low, high = float(values.min()), float(values.max())
    if high - low < 1e-3:
        low, high = low - 0.01, high + 0.01
    return np.linspace(low, high, BINS + 1)
