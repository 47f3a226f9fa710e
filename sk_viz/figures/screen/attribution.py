"""A map over its picture, and the curves that say whether the map is right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from sk_viz.figures.screen.overlay import common_limit
from sk_viz.figures.screen.picture import picture_panel, sign_scale
from sk_viz.figures.screen.style import Ink, styled
from sk_viz.language import gettext as _

CURVES_HEIGHT = 236


@dataclass(frozen=True)
class CurvePair:
    """A map's curve and those of random maps.

    Attributes:
        title: above the panel.
        shares: of the pixels that were changed, in [0, 1].
        scores: of the map.
        random: of each random map.
    """

    title: str
    shares: Sequence[float]
    scores: Sequence[float]
    random: Sequence[Sequence[float]]


def full_strength(heatmap: npt.NDArray[np.float32]) -> float:
    """The magnitude that :func:`attribution_panel` draws in full colour."""
    return common_limit([heatmap])


def attribution_panel(
    rgb: npt.NDArray[np.uint8],
    heatmap: npt.NDArray[np.float32],
    ink: Ink,
    *,
    signed: bool,
    of: str,
) -> go.Figure:
    """A map over its grey picture.

    Full colour is the 97th percentile of this map's own magnitudes, since maps of different
    things have different units.

    Args:
        rgb: uint8 (side, side, 3), what the network was shown.
        heatmap: (side, side).
        ink: of the page.
        signed: values below 0 speak against what is explained.
        of: what the values are shares of, for the hover.
    """
    figure = picture_panel(rgb, ink, ground="pale")
    limit = max(full_strength(heatmap), float(np.finfo(np.float32).tiny))
    figure.add_heatmap(
        z=heatmap,
        zmin=-limit if signed else 0.0,
        zmax=limit,
        colorscale=sign_scale(signed),
        showscale=False,
        hovertemplate=_("column {x}, row {y}").format(x="%{x}", y="%{y}")
        + "<br>"
        + _("{value} of {what}").format(value="%{z:+.2e}", what=of)
        + "<extra></extra>",
    )
    return figure


def faithfulness_curves(pairs: Sequence[CurvePair], axis: str, ink: Ink) -> go.Figure:
    """One panel a curve over one axis of scores; random maps thin and grey.

    Args:
        pairs: the panels.
        axis: what the scores are.
        ink: of the page.
    """
    figure = make_subplots(
        rows=1,
        cols=len(pairs),
        shared_yaxes=True,
        subplot_titles=[pair.title for pair in pairs],
        horizontal_spacing=0.06,
    )
    for column, pair in enumerate(pairs, start=1):
        lines = [(scores, ink.faint, 1.0, _("random maps")) for scores in pair.random]
        lines.append((pair.scores, ink.text, 2.4, _("this map")))
        for number, (scores, colour, width, name) in enumerate(lines):
            figure.add_scatter(
                x=pair.shares,
                y=scores,
                mode="lines",
                line={"color": colour, "width": width},
                name=name,
                legendgroup=name,
                showlegend=column == 1 and number in (0, len(lines) - 1),
                hovertemplate=f"{name}<br>"
                + _("{share} of the pixels: {value}").format(share="%{x:.0%}", value="%{y:.4f}")
                + "<extra></extra>",
                row=1,
                col=column,
            )
    styled(figure, ink, CURVES_HEIGHT)
    figure.update_xaxes(
        tickformat=".0%",
        tickvals=[0, 0.25, 0.5, 0.75],
        ticklen=3,
        title={"text": _("share of the pixels"), "standoff": 4},
    )
    figure.update_yaxes(nticks=5, tickformat="~g")
    figure.update_yaxes(title={"text": axis, "standoff": 8}, col=1)
    figure.update_annotations(font={"size": 12, "color": ink.muted}, yshift=-2)
    figure.update_layout(
        margin={"l": 66, "r": 14, "t": 44, "b": 42},
        showlegend=True,
        legend={
            "orientation": "h",
            "x": 0,
            "y": 1.12,
            "yanchor": "bottom",
            "font": {"size": 12, "color": ink.muted},
            "itemclick": False,
            "itemdoubleclick": False,
        },
    )
    return figure
