"""What an intervention does: which choice mattered, and the answer before and after."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from sk_viz.figures.palette import AGAINST, FOR
from sk_viz.figures.screen.picture import sign_cells
from sk_viz.figures.screen.style import Ink, share_label, styled
from sk_viz.language import gettext as _

ROW = 34  # pixels
MOST_WRITTEN = 16  # units whose cells have their number in them
LONGEST_NAME = 22  # letters


def choice_map(
    table: pd.DataFrame,
    ink: Ink,
    *,
    titles: dict[str, str],
    label: int,
    name: str,
    unit: str | None = None,
    intervention: str | None = None,
) -> go.Figure:
    """The change of the logit by unit and intervention; a click has [unit, intervention].

    Args:
        table: of ``ChoiceMap``: unit, stage, intervention, logit_change, probability_change,
            label, name; units in the network's order.
        ink: of the page.
        titles: of the interventions, by their words in the table.
        label: the class that was named before: a cell that names another one is underlined.
        name: of that class.
        unit: the column to mark.
        intervention: the cell to mark in it.
    """
    units = list(dict.fromkeys(table["unit"]))
    kinds = list(dict.fromkeys(table["intervention"]))
    wide = table.pivot(index="intervention", columns="unit", values="logit_change")
    wide = wide.loc[kinds, units]
    limit = max(float(wide.abs().to_numpy().max()), 1e-3)
    rows = table.to_dict("records")
    cells = {(row["unit"], row["intervention"]): row for row in rows}
    figure = go.Figure(
        go.Heatmap(
            z=wide.to_numpy(),
            x=list(range(len(units))),
            y=list(range(len(kinds))),
            zmin=-limit,
            zmax=limit,
            colorscale=sign_cells(ink),
            hoverinfo="skip",
            # As large as its cell allows, and left out where it does not fit.
            text=[[_cell(cells[unit, kind], label) for unit in units] for kind in kinds],
            texttemplate="%{text}" if len(units) <= MOST_WRITTEN else None,
            xgap=2,
            ygap=2,
            colorbar={
                "thickness": 10,
                "outlinewidth": 0,
                "ticks": "",
                "tickvals": [-0.96 * limit, 0, 0.96 * limit],
                "ticktext": [f"−{limit:.2f}", "0", f"+{limit:.2f}"],
                "tickfont": {"size": 11, "color": ink.muted},
                "xpad": 8,
            },
        )
    )
    figure.add_scatter(
        x=[units.index(row["unit"]) for row in rows],
        y=[kinds.index(row["intervention"]) for row in rows],
        customdata=[[row["unit"], row["intervention"]] for row in rows],
        hovertext=[_hover(row, name, titles) for row in rows],
        hoverinfo="text",
        mode="markers",
        marker={"symbol": "square", "size": 20, "opacity": 0},
        selected={"marker": {"opacity": 0}},
        unselected={"marker": {"opacity": 0}},
    )
    if unit in units and intervention in kinds:
        x, y = units.index(unit), kinds.index(intervention)
        figure.add_shape(
            type="rect",
            x0=x - 0.5,
            x1=x + 0.5,
            y0=y - 0.5,
            y1=y + 0.5,
            line={"color": ink.text, "width": 2},
        )
    styled(figure, ink, ROW * len(kinds) + 44)
    figure.update_xaxes(
        tickvals=list(range(len(units))),
        ticktext=[f"<b>{one}</b>" if one == unit else one for one in units],
        range=[-0.5, len(units) - 0.5],
        automargin=True,
        ticks="",
        showline=False,
    )
    figure.update_yaxes(
        tickvals=list(range(len(kinds))),
        ticktext=[titles[kind] for kind in kinds],
        range=[len(kinds) - 0.5, -0.5],
        ticks="",
        showline=False,
    )
    figure.update_layout(
        margin={"l": 78, "r": 10, "t": 6, "b": 36},
        hoverdistance=-1,
        clickmode="event+select",
    )
    return figure


def answer_bars(
    before: pd.DataFrame,
    after: pd.DataFrame,
    change: npt.NDArray[np.float32],
    ink: Ink,
) -> go.Figure:
    """The likeliest classes before and after, and the change of their logits.

    Args:
        before: rank, label, name, probability of the five likeliest classes.
        after: the same with the weights held; a class in one table alone has one bar alone.
        change: (K,), logit after minus before.
        ink: of the page.
    """
    both = pd.concat([before, after]).drop_duplicates("label").set_index("label")
    labels = [int(label) for label in both.index]
    rows = list(range(len(labels)))
    names = [_short(str(name)) for name in both["name"]]
    changes = [float(change[label]) for label in labels]
    figure = make_subplots(
        rows=1,
        cols=2,
        shared_yaxes=True,
        column_widths=[0.6, 0.4],
        horizontal_spacing=0.05,
    )
    for table, title, colour, shift in (
        (before, _("before"), ink.faint, -0.19),
        (after, _("after"), ink.text, 0.19),
    ):
        shares = table.set_index("label")["probability"].reindex(labels)
        figure.add_bar(
            x=shares,
            y=[row + shift for row in rows],
            width=0.34,
            orientation="h",
            name=title,
            marker={"color": colour, "line": {"width": 0}},
            text=["" if np.isnan(share) else share_label(share) for share in shares],
            textposition="outside",
            textangle=0,
            constraintext="none",
            textfont={"size": 11, "color": ink.muted},
            cliponaxis=False,
            hovertemplate=f"{title} %{{x:.2%}}<extra></extra>",
            row=1,
            col=1,
        )
    figure.add_bar(
        x=changes,
        y=rows,
        width=0.6,
        orientation="h",
        showlegend=False,
        marker={"color": [_css(FOR if value >= 0 else AGAINST) for value in changes]},
        text=[_number(value) for value in changes],
        textposition="outside",
        textfont={"size": 11, "color": ink.muted},
        cliponaxis=False,
        hovertemplate="%{x:+.4f}<extra></extra>",
        row=1,
        col=2,
    )
    styled(figure, ink, 30 * len(rows) + 74)
    most = max(float(before["probability"].max()), float(after["probability"].max()))
    limit = max(*map(abs, changes), 1e-3)
    figure.update_xaxes(
        range=[0, 1.25 * most], tickformat=".0%", nticks=5, title={"text": _("probability")}, col=1
    )
    figure.update_xaxes(
        range=[-1.4 * limit, 1.4 * limit],
        nticks=5,
        title={"text": _("change of the logit")},
        zeroline=True,
        zerolinecolor=ink.faint,
        col=2,
    )
    figure.update_xaxes(ticklen=3, title_standoff=4)
    figure.update_yaxes(
        range=[len(rows) - 0.4, -0.6],
        tickvals=rows,
        ticktext=names,
        automargin=True,
        ticks="",
        showline=False,
    )
    figure.update_layout(
        margin={"l": 60, "r": 14, "t": 26, "b": 42},
        barmode="overlay",
        showlegend=True,
        legend={
            "orientation": "h",
            "x": 0,
            "y": 1.01,
            "yanchor": "bottom",
            "font": {"size": 12, "color": ink.muted},
            "itemclick": False,
            "itemdoubleclick": False,
        },
    )
    return figure


def _cell(row: Mapping[Hashable, Any], label: int) -> str:
    text = _number(row["logit_change"])
    return text if row["label"] == label else f"<u>{text}</u>"


def _number(value: float) -> str:
    text = f"{value:+.2f}".replace("-", "−")
    return "0.00" if text[1:] == "0.00" else text


def _hover(row: Mapping[Hashable, Any], name: str, titles: dict[str, str]) -> str:
    return (
        f"{row['unit']}, {titles[str(row['intervention'])]}<br>{name}: logit "
        f"{row['logit_change']:+.4f}, probability {row['probability_change']:+.2%}<br>"
        f"answer: {row['name']}"
    ).replace("-", "−")


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1].rstrip()}…"


def _css(colour: tuple[int, int, int]) -> str:
    return f"rgb{colour}"
