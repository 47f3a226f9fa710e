"""The receptive field on the picture: in theory, as it was measured, and over the scales."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import plotly.graph_objects as go

from sk_viz.figures.palette import branch_colour
from sk_viz.figures.screen.picture import picture_panel
from sk_viz.figures.screen.style import Ink, kernel_label, scale_label, styled
from sk_viz.language import gettext as _
from sk_viz.language import mark

LIGHT_OF_FIELD = (240, 228, 66)  # none of a branch's colours, and bright on the dark picture
GROWTH_HEIGHT = 250
MOST_PLACES = 28  # along a side that answer a click
MOST_BEYOND = 0.6  # of the side, that is shown around the picture
RIM = 0.02  # of what is shown: how far apart boxes are drawn that reach beyond it

# Dash and label of the lines of growth, by the setting of the weights.
_LOOKS = {
    "held at 1.0x": ("dot", mark("weights of 1.0×, frozen")),
    "held": ("dash", mark("weights of each scale, frozen")),
    "free": ("solid", mark("choice free")),
}


@dataclass(frozen=True)
class FieldBox:
    """The theoretical field of one branch at one place.

    Attributes:
        kernel: extent of the branch's kernel.
        smallest: left, top, right, bottom of the path that sees least, in pixels of the picture;
            pixel i covers [i, i + 1].
        largest: of the path that sees most.
    """

    kernel: int
    smallest: tuple[float, float, float, float]
    largest: tuple[float, float, float, float]


def field_boxes(
    rgb: npt.NDArray[np.uint8],
    boxes: Sequence[FieldBox],
    ink: Ink,
    *,
    place: tuple[float, float],
    positions: int,
) -> go.Figure:
    """The boxes of the branches: solid for the longest path, dotted for the shortest.

    What lies in the padding is drawn around the picture, as far as ``MOST_BEYOND`` of its side;
    a box that reaches further is drawn along the rim, see :func:`beyond_view`.

    Args:
        rgb: uint8 (side, side, 3).
        boxes: smallest kernel first.
        ink: of the page.
        place: (x, y) in [0, 1] of the picture whose field it is.
        positions: of the unit's map along a side; each, or as many as fit, answers a click with
            ``customdata`` [x, y] in [0, 1].
    """
    side = rgb.shape[0]
    beyond = min(max(_reach(boxes, side) + 2.0, 0.0), MOST_BEYOND * side)
    clipped = beyond_view(boxes, side)
    figure = picture_panel(rgb, ink, beyond=beyond)
    for number, box in enumerate(boxes):
        colour = branch_colour(number, len(boxes))
        for edges, dash, width in ((box.largest, "solid", 2.6), (box.smallest, "dot", 1.8)):
            # Along the rim the largest kernel lies outermost, as it does elsewhere.
            rim = RIM * (side + 2 * beyond) * (len(boxes) - number - 0.5) - beyond
            low, high = (rim, side - rim) if clipped else (-math.inf, math.inf)
            left, top, right, bottom = (min(max(edge, low), high) - 0.5 for edge in edges)
            # The pale line beneath keeps it visible on any picture.
            for line in (
                {"color": "rgba(255,255,255,0.75)", "width": width + 1.8},
                {"color": colour, "width": width, "dash": dash},
            ):
                figure.add_shape(
                    type="rect", x0=left, x1=right, y0=top, y1=bottom, line=line, fillcolor=None
                )
    count = min(positions, MOST_PLACES)
    shares = [(i + 0.5) / count for i in range(count)]
    figure.add_scatter(
        x=[x * side - 0.5 for _y in shares for x in shares],
        y=[y * side - 0.5 for y in shares for _x in shares],
        customdata=[[x, y] for y in shares for x in shares],
        mode="markers",
        marker={"size": 12, "opacity": 0},
        selected={"marker": {"opacity": 0}},
        unselected={"marker": {"opacity": 0}},
        hovertemplate=_("look from here") + "<extra></extra>",
    )
    figure.add_scatter(
        x=[place[0] * side - 0.5],
        y=[place[1] * side - 0.5],
        mode="markers",
        marker={"symbol": "cross", "size": 9, "color": "#FFFFFF", "line": _edge()},
        hoverinfo="skip",
    )
    figure.update_layout(clickmode="event+select", hoverdistance=-1)
    return figure


def beyond_view(boxes: Sequence[FieldBox], side: int) -> bool:
    """Whether a box reaches further than is shown around a picture of ``side`` pixels."""
    return _reach(boxes, side) + 2.0 > MOST_BEYOND * side


def _reach(boxes: Sequence[FieldBox], side: int) -> float:
    """How many pixels the boxes reach beyond the picture."""
    return max(
        (
            edge
            for left, top, right, bottom in (box.largest for box in boxes)
            for edge in (-left, -top, right - side, bottom - side)
        ),
        default=0.0,
    )


def field_panel(
    rgb: npt.NDArray[np.uint8],
    effective: npt.NDArray[np.float32],
    ink: Ink,
    *,
    level: float,
    centre: tuple[int, int],
    squares: Mapping[str, float],
) -> go.Figure:
    """Where the output really looks, bright on the dark picture.

    Brightness is the square root of the share of the field's own peak; the line runs at
    ``level`` of the peak.

    Args:
        rgb: uint8 (side, side, 3).
        effective: (side, side), not negative.
        ink: of the page.
        level: share of the peak, in (0, 1).
        centre: (row, column) of the squares.
        squares: name to side in pixels; NaN is left out.
    """
    figure = picture_panel(rgb, ink, ground="dark")
    peak = float(effective.max())
    share = effective / peak if peak > 0 else np.zeros_like(effective)
    colour = ",".join(map(str, LIGHT_OF_FIELD))
    figure.add_heatmap(
        z=np.sqrt(share),
        customdata=share,
        zmin=0,
        zmax=1,
        colorscale=[(0.0, f"rgba({colour},0)"), (1.0, f"rgba({colour},1)")],
        showscale=False,
        hovertemplate=_("column {x}, row {y}").format(x="%{x}", y="%{y}")
        + "<br>"
        + _("{share} of the peak").format(share="%{customdata:.2%}")
        + "<extra></extra>",
    )
    if peak > 0:
        figure.add_contour(
            z=share,
            contours={"start": level, "end": level, "size": 1, "coloring": "lines"},
            colorscale=[(0.0, "#FFFFFF"), (1.0, "#FFFFFF")],
            line={"width": 1.0},
            opacity=0.8,
            showscale=False,
            hoverinfo="skip",
        )
    for name, side in squares.items():
        if not np.isfinite(side):
            continue
        row, column = centre
        half = side / 2
        figure.add_shape(
            type="rect",
            x0=column - half,
            x1=column + half,
            y0=row - half,
            y1=row + half,
            line={"color": "#FFFFFF", "width": 1.2, "dash": "dot"},
        )
        figure.add_annotation(
            text=name,
            x=min(column + half, rgb.shape[0] - 0.5),
            y=max(row - half, -0.5),
            xanchor="right",
            yanchor="top",
            showarrow=False,
            font={"size": 11, "color": "#FFFFFF"},
        )
    return figure


def field_growth_lines(
    table: pd.DataFrame,
    size: str,
    ink: Ink,
    *,
    scale: float,
    protocol: str,
    title: str,
) -> go.Figure:
    """The size of the effective field over scale, in the three settings of the weights.

    Args:
        table: of ``FieldGrowth``, one picture and unit: scale, weights, and a column ``size``.
        size: a definition.
        ink: of the page.
        scale: where to stand the guide.
        protocol: what the scale is a scale of.
        title: of the definition, for the axis.
    """
    figure = go.Figure()
    for weights, (dash, name) in _LOOKS.items():
        label = _(name)
        rows = table[table["weights"] == weights].sort_values("scale")
        free = weights == "free"
        figure.add_scatter(
            x=rows["scale"],
            y=rows[size],
            name=label,
            mode="lines+markers",
            marker={"size": 5},
            line={
                "color": ink.text if free else ink.muted,
                "width": 2.4 if free else 1.8,
                "dash": dash,
            },
            hovertemplate=f"{label}<br>%{{x:.3~f}}×: %{{y:.1f}} px<extra></extra>",
        )
    styled(figure, ink, GROWTH_HEIGHT)
    ticks = sorted({float(s) for s in table["scale"]})
    figure.update_xaxes(
        title={"text": _("scale ({protocol})").format(protocol=protocol), "standoff": 4},
        tickvals=ticks,
        ticktext=[scale_label(s) for s in ticks],
        ticklen=3,
    )
    figure.update_yaxes(title={"text": f"{title}, px", "standoff": 8}, nticks=6)
    figure.add_vline(x=scale, line={"color": ink.faint, "width": 1}, layer="below")
    figure.update_layout(
        margin={"l": 62, "r": 14, "t": 30, "b": 42},
        showlegend=True,
        legend={
            "orientation": "h",
            "x": 0,
            "y": 1.02,
            "yanchor": "bottom",
            "font": {"size": 12, "color": ink.muted},
            "itemclick": False,
            "itemdoubleclick": False,
        },
    )
    return figure


def box_key(kernels: Sequence[int]) -> str:
    """The boxes' colours in words, as HTML."""
    return ", ".join(
        f'<span style="color:{branch_colour(i, len(kernels))}">■</span> {kernel_label(kernel)}'
        for i, kernel in enumerate(kernels)
    )


def _edge() -> dict[str, object]:
    return {"color": "#000000", "width": 1}
