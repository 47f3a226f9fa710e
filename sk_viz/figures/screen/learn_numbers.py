"""The vectors of one opened unit: s, z, the votes of z, the softmax, and the weights."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from sk_viz.figures.palette import LARGEST, SMALLEST, branch_colour
from sk_viz.figures.screen.style import Ink, kernel_label, styled

Numbers = npt.NDArray[np.float32]

HEIGHT = 236  # pixels, as the maps
PUSH = 6.0  # how far a logit can be pushed either way


def bars(
    values: Numbers, ink: Ink, *, across: str, up: str, chosen: int | None = None
) -> go.Figure:
    """A vector as bars.

    Args:
        values: (n,).
        ink: of the page.
        across: what is counted, for the axis.
        up: what the numbers are, for the axis.
        chosen: the entry to mark.
    """
    colours = [ink.text if i == chosen else ink.faint for i in range(len(values))]
    return _bars(values, colours, ink, across, up)


def votes(parts: Numbers, ink: Ink, *, across: str, up: str) -> go.Figure:
    """What each entry of z adds to the logit difference, in the colour of whom it speaks for.

    Args:
        parts: (d,), (row of the largest kernel - row of the smallest) * z.
        ink: of the page.
        across: what is counted, for the axis.
        up: what the numbers are, for the axis.
    """
    colours = [LARGEST if part > 0 else SMALLEST for part in parts]
    figure = _bars(parts, colours, ink, across, up)
    figure.update_yaxes(zeroline=True, zerolinecolor=ink.faint, tickformat=".2~f")
    return figure


def push_curves(
    pushes: Numbers,
    weights: Numbers,
    kernels: Sequence[int],
    push: float,
    ink: Ink,
    *,
    across: str,
    up: str,
) -> go.Figure:
    """The branch weights of a channel over what is added to one logit; dots at 0 and at ``push``.

    Args:
        pushes: (P,), in increasing order, with 0 among them or between them.
        weights: (P, M), in [0, 1].
        kernels: extent of each branch, smallest first.
        push: what is added now.
        ink: of the page.
        across: for the axis.
        up: for the axis.
    """
    figure = go.Figure()
    for branch, kernel in enumerate(kernels):
        colour = branch_colour(branch, len(kernels))
        label = kernel_label(kernel)
        figure.add_scatter(
            x=pushes,
            y=weights[:, branch],
            name=label,
            mode="lines",
            line={"color": colour, "width": 2},
            hovertemplate=f"{label}<br>%{{x:+.1f}}: %{{y:.3f}}<extra></extra>",
        )
        for at, symbol, size in ((0.0, "circle-open", 9), (push, "circle", 10)):
            figure.add_scatter(
                x=[at],
                y=[float(np.interp(at, pushes, weights[:, branch]))],
                mode="markers",
                marker={"color": colour, "size": size, "symbol": symbol, "line": {"width": 2}},
                hoverinfo="skip",
                showlegend=False,
            )
    styled(figure, ink, HEIGHT)
    figure.add_vline(x=push, line={"color": ink.faint, "width": 1}, layer="below")
    figure.update_xaxes(title={"text": across, "standoff": 4}, range=[-PUSH, PUSH], ticklen=3)
    figure.update_yaxes(title={"text": up, "standoff": 6}, range=[-0.03, 1.03], nticks=5)
    figure.update_layout(
        margin={"l": 48, "r": 8, "t": 22, "b": 38},
        showlegend=True,
        legend={
            "orientation": "h",
            "x": 0,
            "y": 1.0,
            "yanchor": "bottom",
            "font": {"size": 12, "color": ink.muted},
            "itemclick": False,
            "itemdoubleclick": False,
        },
    )
    return figure


def weight_stack(
    weights: Numbers, kernels: Sequence[int], chosen: int, ink: Ink, *, across: str, up: str
) -> go.Figure:
    """Every channel's weights as one full bar, the chosen one apart from the others.

    Args:
        weights: (M, C), summing to 1 over M.
        kernels: extent of each branch, smallest first.
        chosen: the channel to mark.
        ink: of the page.
        across: for the axis.
        up: for the axis.
    """
    figure = go.Figure()
    channels = np.arange(weights.shape[1])
    for branch, kernel in enumerate(kernels):
        label = kernel_label(kernel)
        figure.add_bar(
            x=channels,
            y=weights[branch],
            name=label,
            marker={
                "color": branch_colour(branch, len(kernels)),
                "opacity": [1.0 if c == chosen else 0.45 for c in channels],
                "line": {"width": 0},
            },
            hovertemplate=f"%{{x}} · {label}: %{{y:.3f}}<extra></extra>",
        )
    styled(figure, ink, HEIGHT)
    figure.add_shape(
        type="rect",
        x0=chosen - 0.5,
        x1=chosen + 0.5,
        y0=0,
        y1=1,
        line={"color": ink.text, "width": 1},
    )
    figure.update_xaxes(title={"text": across, "standoff": 4}, nticks=6, ticklen=3)
    figure.update_yaxes(title={"text": up, "standoff": 6}, range=[0, 1], nticks=5)
    figure.update_layout(
        margin={"l": 48, "r": 8, "t": 22, "b": 38},
        barmode="stack",
        bargap=0,
    )
    return figure


def _bars(values: Numbers, colours: Sequence[str], ink: Ink, across: str, up: str) -> go.Figure:
    figure = go.Figure(
        go.Bar(
            x=np.arange(len(values)),
            y=values,
            marker={"color": list(colours), "line": {"width": 0}},
            hovertemplate="%{x}: %{y:.3f}<extra></extra>",
        )
    )
    styled(figure, ink, HEIGHT)
    figure.update_xaxes(title={"text": across, "standoff": 4}, nticks=6, ticklen=3)
    figure.update_yaxes(title={"text": up, "standoff": 6}, nticks=5)
    figure.update_layout(margin={"l": 48, "r": 8, "t": 22, "b": 38}, bargap=0.15)
    return figure
