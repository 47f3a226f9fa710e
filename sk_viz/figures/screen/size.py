"""What of a zoom is size, on screen: per unit the effect by every control, its null behind."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from sk_viz.figures.palette import LARGEST, SMALLEST
from sk_viz.figures.screen.style import Ink, styled
from sk_viz.figures.size_marks import SizeMark
from sk_viz.language import gettext as _

ROW = 40  # pixels per unit
_HEAD = 90
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x")


def size_forest(marks: Sequence[SizeMark], ink: Ink) -> go.Figure:
    """One row per unit, one mark per control, and a band where the control finds noise.

    Args:
        marks: units in the network's order.
        ink: of the page.

    Returns:
        The figure; a click on a mark has [unit, control].
    """
    units = list(dict.fromkeys(mark.unit for mark in marks))
    controls = list(dict.fromkeys(mark.control for mark in marks))
    figure = go.Figure()
    styled(figure, ink, _HEAD + ROW * len(units))
    figure.add_vline(x=0, line={"color": ink.muted, "width": 1.4}, layer="below")
    for place, control in enumerate(controls):
        own = [mark for mark in marks if mark.control == control]
        heights = [
            units.index(mark.unit) + (place - (len(controls) - 1) / 2) * 0.7 / len(controls)
            for mark in own
        ]
        for mark, y in zip(own, heights, strict=True):
            for ends, colour, width in (
                (mark.null_interval, ink.faint, 7),
                (mark.interval, ink.text, 1.5),
            ):
                if ends is not None:
                    figure.add_shape(
                        type="line",
                        x0=ends[0],
                        x1=ends[1],
                        y0=y,
                        y1=y,
                        line={"color": colour, "width": width},
                        layer="below",
                    )
        figure.add_trace(
            go.Scatter(
                x=[mark.size for mark in own],
                y=heights,
                mode="markers",
                name=_(control),
                marker={
                    "symbol": _SYMBOLS[place % len(_SYMBOLS)],
                    "size": 9,
                    "color": [LARGEST if mark.size > 0 else SMALLEST for mark in own],
                },
                customdata=[[mark.unit, control] for mark in own],
                text=[_written(mark) for mark in own],
                hovertemplate="<b>%{customdata[0]}</b> %{customdata[1]}<br>%{text}<extra></extra>",
            )
        )
    settled = {mark.unit for mark in marks if mark.settled}
    figure.update_yaxes(
        tickvals=list(range(len(units))),
        ticktext=[f"{unit} ✓" if unit in settled else unit for unit in units],
        range=[len(units) - 0.5, -0.5],
    )
    figure.update_xaxes(
        title_text=_("size: change of the difference"), showgrid=True, gridcolor=ink.grid
    )
    figure.update_layout(
        showlegend=True,
        legend={"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "font": {"size": 12}},
        margin={"l": 70, "r": 12, "t": 40, "b": 44},
    )
    return figure


def _written(mark: SizeMark) -> str:
    text = f"{mark.size:+.4f}"
    if mark.interval is not None:
        text += f" ({mark.interval[0]:+.4f}, {mark.interval[1]:+.4f})"
    if mark.null is not None:
        text += "<br>" + _("on 1/f noise {null}").format(null=f"{mark.null:+.4f}")
    return text.replace("-", "\N{MINUS SIGN}")
