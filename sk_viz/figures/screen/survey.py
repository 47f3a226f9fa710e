"""A survey's effects by unit, as a forest of points and intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from sk_viz.figures.palette import LARGEST, SMALLEST
from sk_viz.figures.screen.style import Ink, scale_label, share_label, styled
from sk_viz.language import gettext as _

Rows = Sequence[Mapping[str, Any]]

ROW = 40  # pixels of a unit
_HEAD = 92
_OFFSET = 0.24
_LEFT = 66


def at(rows: Rows, scale: float, protocol: str | None = None) -> dict[str, Mapping[str, Any]]:
    """By unit, the rows of a report's table at one scale and, where it has one, protocol."""
    return {
        row["unit"]: row
        for row in rows
        if row["scale"] == scale and (protocol is None or row["protocol"] == protocol)
    }


def effect_forest(
    changes: Rows, controlled: Rows, units: Sequence[str], scale: float, protocol: str, ink: Ink
) -> go.Figure:
    """Cohen's d of each unit's change against 1.0×, with its interval.

    Args:
        changes: of ``report.json``.
        controlled: likewise; may be empty.
        units: the rows, from above.
        scale: which of those surveyed.
        protocol: the one that is asked about; blur, where it was surveyed, stands beside it.
        ink: colours of what is not data.
    """
    figure = go.Figure()
    series = [(_(protocol), at(changes, scale, protocol), "circle", True)]
    blurred = at(changes, scale, "blur") if protocol != "blur" else {}
    if blurred:
        series.append((_("blur only"), blurred, "circle-open", False))
    beyond = at(controlled, scale) if protocol == "zoom" else {}
    if beyond:
        series.append((_("zoom minus blur"), beyond, "diamond", False))
    for place, (name, rows, symbol, main) in enumerate(series):
        _points(figure, rows, units, place, len(series), name, symbol, main, "d", ink)
    _frame(
        figure,
        units,
        ink,
        _("Cohen's d at {scale} against 1.0×").format(scale=scale_label(scale)),
        0.0,
    )
    for x, anchor, text, colour in (
        (0.0, "left", _("← smaller kernel"), SMALLEST),
        (1.0, "right", _("larger kernel →"), LARGEST),
    ):
        figure.add_annotation(
            x=x,
            y=1,
            xref="paper",
            yref="paper",
            xanchor=anchor,
            yanchor="bottom",
            text=text,
            showarrow=False,
            font={"color": colour, "size": 12},
        )
    return figure


def rising_forest(
    changes: Rows, units: Sequence[str], scale: float, protocol: str, ink: Ink
) -> go.Figure:
    """The share of pictures whose difference rises against 1.0×, with its interval.

    Takes what :func:`effect_forest` takes.
    """
    figure = go.Figure()
    series = [(_(protocol), at(changes, scale, protocol), "circle", True)]
    blurred = at(changes, scale, "blur") if protocol != "blur" else {}
    if blurred:
        series.append((_("blur only"), blurred, "circle-open", False))
    for place, (name, rows, symbol, main) in enumerate(series):
        _points(figure, rows, units, place, len(series), name, symbol, main, "rising", ink)
    _frame(figure, units, ink, _("pictures that shift towards the larger kernel"), 0.5)
    figure.update_xaxes(range=[-0.02, 1.02], tickformat=".0%")
    return figure


def _points(
    figure: go.Figure,
    rows: Mapping[str, Mapping[str, Any]],
    units: Sequence[str],
    place: int,
    count: int,
    name: str,
    symbol: str,
    main: bool,
    value: str,
    ink: Ink,
) -> None:
    """One series; its rows lie above one another within a unit's."""
    middle = 0.0 if value == "d" else 0.5
    shown = [
        (y, rows[unit])
        for y, unit in enumerate(units)
        if unit in rows and rows[unit][value] is not None
    ]
    xs = [row[value] for _y, row in shown]
    ys = [y + (place - (count - 1) / 2) * _OFFSET for y, _row in shown]
    intervals = [row[f"{value}_interval"] or (row[value], row[value]) for _y, row in shown]
    colours = [
        (LARGEST if x > middle else SMALLEST)
        if main
        else (ink.text if symbol == "diamond" else ink.muted)
        for x in xs
    ]
    written = [
        _written(row, value, interval) for (_y, row), interval in zip(shown, intervals, strict=True)
    ]
    for x, y, interval, colour in zip(xs, ys, intervals, colours, strict=True):
        figure.add_shape(
            type="line",
            x0=interval[0],
            x1=interval[1],
            y0=y,
            y1=y,
            line={"color": colour, "width": 2 if main else 1.3},
        )
        del x
    figure.add_trace(
        go.Scatter(
            x=xs,
            y=ys,
            mode="markers",
            name=name,
            marker={
                "symbol": symbol,
                "size": 9 if main else 8,
                "color": colours,
                "line": {"width": 1.6},
            },
            customdata=[
                [row["unit"], text] for (_y, row), text in zip(shown, written, strict=True)
            ],
            hovertemplate=f"<b>%{{customdata[0]}}</b> {name}<br>%{{customdata[1]}}<extra></extra>",
        )
    )


def _written(row: Mapping[str, Any], value: str, interval: Sequence[float]) -> str:
    low, high = interval
    if value == "d":
        text = (
            _("d {d}, 95 % interval {low} to {high}").format(
                d=f"{row['d']:+.2f}", low=f"{low:+.2f}", high=f"{high:+.2f}"
            )
            + "<br>"
            + _("change {change} in {count} pictures").format(
                change=f"{row['change']:+.4f}", count=f"{row['n']:,}"
            )
        )
    else:
        text = _("{share} of {count}, 95 % interval {low} to {high}").format(
            share=share_label(row["rising"]),
            count=f"{row['n']:,}",
            low=share_label(low),
            high=share_label(high),
        )
    return text.replace("-", "\N{MINUS SIGN}")


def _frame(figure: go.Figure, units: Sequence[str], ink: Ink, title: str, middle: float) -> None:
    styled(figure, ink, _HEAD + ROW * len(units))
    figure.add_vline(x=middle, line={"color": ink.muted, "width": 1.4}, layer="below")
    for y in range(1, len(units)):
        stage = units[y].split("_")[1] != units[y - 1].split("_")[1]
        figure.add_hline(
            y=y - 0.5,
            line={"color": ink.faint if stage else ink.grid, "width": 1},
            layer="below",
        )
    figure.update_xaxes(title_text=title, showgrid=True, gridcolor=ink.grid)
    figure.update_yaxes(
        tickvals=list(range(len(units))), ticktext=list(units), range=[len(units) - 0.5, -0.5]
    )
    figure.update_layout(
        margin={"l": _LEFT, "r": 12, "t": 52, "b": 40},
        showlegend=True,
        legend={
            "orientation": "h",
            "x": 0,
            "y": 1,
            "yref": "paper",
            "yanchor": "bottom",
            "xanchor": "left",
            "font": {"color": ink.text, "size": 12},
            "itemclick": False,
            "itemdoubleclick": False,
        },
    )
    # Room between legend and plot for the words over the axis.
    figure.layout.legend.y = 1 + 22 / (ROW * len(units))
