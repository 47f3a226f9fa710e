"""Accuracy over scale, with live branch weights and with held ones."""

from __future__ import annotations

from typing import Any

import pandas as pd
import plotly.graph_objects as go

from sk_viz.figures.screen.style import Ink, axis, legend, look, scale_label
from sk_viz.language import gettext as _
from sk_viz.language import mark

HEIGHT = 300
_STEP = 0.012  # of the range of scales, so that the intervals stand side by side


# What the weights are called on screen, by their words in the table.
_NAMES = {
    "live": mark("chosen weights"),
    "held at 1.0x": mark("frozen as at 1.0×"),
    "held at mean": mark("frozen to the mean"),
}


def accuracy_lines(table: pd.DataFrame, ink: Ink, *, protocol: str = "zoom") -> go.Figure:
    """One line for each kind of weights, with its 95 % intervals.

    Args:
        table: of :class:`~sk_viz.measures.choice.value.ChoiceValue`: scale, weights, accuracy,
            low, high, shares in [0, 1].
        protocol: what the scale is a scale of.
    """
    kinds = list(dict.fromkeys(table["weights"]))
    scales = sorted({float(scale) for scale in table["scale"]})
    width = (scales[-1] - scales[0]) or 1.0
    looks = (
        ("solid", ink.text, "circle"),
        ("dash", ink.muted, "diamond"),
        ("dot", ink.muted, "square-open"),
    )
    traces: list[dict[str, Any]] = []
    for place, (kind, (dash, colour, symbol)) in enumerate(zip(kinds, looks, strict=False)):
        name = _(_NAMES.get(kind, kind))
        rows = table[table["weights"] == kind].sort_values("scale")
        shares = 100 * rows["accuracy"].to_numpy()
        low, high = (100 * rows[end].to_numpy() for end in ("low", "high"))
        traces.append(
            {
                "type": "scatter",
                "x": rows["scale"].to_numpy() + (place - 1) * _STEP * width,
                "y": shares,
                "customdata": list(zip(rows["scale"], low, high, strict=True)),
                "name": name,
                "mode": "lines+markers",
                "line": {"color": colour, "width": 2, "dash": dash},
                "marker": {"symbol": symbol, "size": 8, "color": colour},
                "error_y": {
                    "type": "data",
                    "symmetric": False,
                    "array": high - shares,
                    "arrayminus": shares - low,
                    "color": colour,
                    "thickness": 1.2,
                    "width": 3,
                },
                "hovertemplate": f"{name}, %{{customdata[0]:.3~f}}×<br>%{{y:.1f}} % "
                "[%{customdata[1]:.1f}, %{customdata[2]:.1f}]<extra></extra>",
            }
        )
    margin = 0.08 * width
    layout = look(ink, HEIGHT) | {
        "xaxis": axis(ink, _("scale ({protocol})").format(protocol=_(protocol)), 6)
        | {
            "tickvals": scales,
            "ticktext": [scale_label(s)[:-1] for s in scales],
            "range": [scales[0] - margin, scales[-1] + margin],
            "ticklen": 3,
        },
        "yaxis": axis(ink, _("top-1 accuracy, %"), 8)
        | {"rangemode": "tozero", "showgrid": True, "gridcolor": ink.grid, "nticks": 6},
        "margin": {"l": 64, "r": 10, "t": 36, "b": 44},
        "showlegend": True,
        "legend": legend(ink, 1.02),
    }
    return go.Figure(traces, layout)
