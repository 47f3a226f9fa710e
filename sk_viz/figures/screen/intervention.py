"""What an intervention does: which choice mattered, and the answer before and after."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from sk_viz.figures.palette import AGAINST, FOR
from sk_viz.figures.screen.style import Ink, share_label, styled
from sk_viz.language import gettext as _

ROW = 34  # pixels
MOST_WRITTEN = 16  # units whose cells have their number in them
LONGEST_NAME = 22  # letters


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


def _number(value: float) -> str:
    text = f"{value:+.2f}".replace("-", "−")
    return "0.00" if text[1:] == "0.00" else text


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1].rstrip()}…"


def _css(colour: tuple[int, int, int]) -> str:
    return f"rgb{colour}"
