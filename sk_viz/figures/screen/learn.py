"""The maps of one opened unit: one channel of a branch, of their sum, and where a branch looks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from sk_viz.figures.palette import branch_colour
from sk_viz.figures.screen.picture import sign_cells
from sk_viz.figures.screen.style import Ink, mix, styled

Numbers = npt.NDArray[np.float32]

SIDE = 236  # pixels
AROUND = 6  # places to each side of the one that is looked at


def branch_ink(branch: int, branches: int, ink: Ink) -> str:
    """A branch's colour as one writes with it: a little towards the ink, to be read on a page."""
    return mix(branch_colour(branch, branches), ink.text, 0.12)


def channel_map(
    values: Numbers,
    ink: Ink,
    *,
    limit: float,
    colour: str | None = None,
    place: tuple[int, int] | None = None,
) -> go.Figure:
    """One channel as a map, from the page's surface at 0 to full colour at ``limit``.

    Args:
        values: (H, W), at least 0.
        ink: of the page.
        limit: the value of full colour; the same in all maps that are compared.
        colour: #RRGGBB; the ink's own for what belongs to no branch.
        place: (row, column) to mark.
    """
    full = colour or ink.text
    scale = [(0.0, mix(ink.surface, full, 0.07)), (1.0, full)]
    return _map(values, ink, scale, (0.0, max(limit, 1e-9)), place, "%{z:.3f}")


def change_map(
    values: Numbers, ink: Ink, *, limit: float, place: tuple[int, int] | None = None
) -> go.Figure:
    """A change of a map, (H, W), in the two colours of signs, symmetric about 0.

    Not in those of the branches: more is not a larger kernel.
    """
    reach = max(limit, 1e-9)
    return _map(values, ink, sign_cells(ink), (-reach, reach), place, "%{z:+.3f}")


def _map(
    values: Numbers,
    ink: Ink,
    colours: list[tuple[float, str]],
    reach: tuple[float, float],
    place: tuple[int, int] | None,
    number: str,
) -> go.Figure:
    height, width = values.shape
    figure = go.Figure(
        go.Heatmap(
            z=values,
            colorscale=colours,
            zmin=reach[0],
            zmax=reach[1],
            showscale=False,
            hovertemplate="(%{y}, %{x}): " + number + "<extra></extra>",
        )
    )
    _square(figure, ink, (-0.5, width - 0.5), (height - 0.5, -0.5))
    if place is not None:
        _cell(figure, place, 0.5, ink.text, 2)
        _cell(figure, place, 0.5 + 0.02 * max(width, 8), ink.surface, 1)
    return figure


def looks_figure(
    ground: Numbers,
    looks: Sequence[npt.NDArray[np.int64]],
    centre: tuple[int, int],
    ink: Ink,
) -> go.Figure:
    """Where each branch looks, on the input around one place.

    Args:
        ground: (H_in, W_in), what the unit is given, in grey.
        looks: for each branch, smallest kernel first, (T, 2) rows and columns.
        centre: (row, column) of the input in the middle.
        ink: of the page.

    Returns:
        A window of the input. What lies beyond the map is padding: it is read as 0 and left blank.
    """
    row, column = centre
    rows = np.arange(row - AROUND, row + AROUND + 1)
    columns = np.arange(column - AROUND, column + AROUND + 1)
    inside = ((rows >= 0) & (rows < ground.shape[0]))[:, None] & (
        (columns >= 0) & (columns < ground.shape[1])
    )
    window = np.full(inside.shape, np.nan)
    window[inside] = ground[
        np.ix_(
            rows[(rows >= 0) & (rows < ground.shape[0])],
            columns[(columns >= 0) & (columns < ground.shape[1])],
        )
    ].ravel()
    figure = go.Figure(
        go.Heatmap(
            z=window,
            x=columns,
            y=rows,
            colorscale=[(0.0, mix(ink.surface, ink.text, 0.04)), (1.0, ink.faint)],
            showscale=False,
            xgap=1,
            ygap=1,
            hovertemplate="(%{y}, %{x}): %{z:.3f}<extra></extra>",
        )
    )
    _square(figure, ink, (columns[0] - 0.5, columns[-1] + 0.5), (rows[-1] + 0.5, rows[0] - 0.5))
    count = len(looks)
    for branch in reversed(range(count)):
        # The smaller kernels lie inside, so that no branch hides another where both look.
        half = 0.42 - 0.2 * (count - 1 - branch) / max(count - 1, 1)
        colour = branch_colour(branch, count)
        for place in looks[branch]:
            _cell(figure, (int(place[0]), int(place[1])), half, colour, 0, fill=colour)
    return figure


def _square(
    figure: go.Figure, ink: Ink, across: tuple[float, float], down: tuple[float, float]
) -> None:
    """Axes without marks, one unit as long across as down, y downwards."""
    styled(figure, ink, SIDE)
    axis = {"constrain": "domain", "showticklabels": False, "ticks": "", "showline": False}
    figure.update_xaxes(range=across, **axis)
    figure.update_yaxes(range=down, scaleanchor="x", scaleratio=1, **axis)
    figure.update_layout(margin={"l": 0, "r": 0, "t": 0, "b": 0})


def _cell(
    figure: go.Figure,
    place: tuple[int, int],
    half: float,
    colour: str,
    width: int,
    fill: str | None = None,
) -> None:
    y, x = place
    figure.add_shape(
        type="rect",
        x0=x - half,
        x1=x + half,
        y0=y - half,
        y1=y + half,
        line={"color": colour, "width": width},
        fillcolor=fill or "rgba(0,0,0,0)",
    )
