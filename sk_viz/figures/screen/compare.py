"""Two sweeps side by side on one scale of colours, and what sets them apart."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from sk_viz.figures.screen.style import Ink, scale_label, styled
from sk_viz.language import gettext as _

LINES_HEIGHT = 220  # pixels


def common_reach(*tables: pd.DataFrame) -> float:
    """The largest magnitude in any of several tables of differences."""
    return max(float(table["difference"].abs().max()) for table in tables)


def apart(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """The second table's difference minus the first's, by unit and scale.

    Args:
        first: scale, unit, stage, block, difference.
        second: the same units and scales.

    Returns:
        The first table with the other column ``difference``.
    """
    keys = ["unit", "scale"]
    both = first.merge(second[[*keys, "difference"]], on=keys, suffixes=("", "_second"))
    return both.assign(difference=both["difference_second"] - both["difference"]).drop(
        columns="difference_second"
    )


def side_lines(sides: Sequence[tuple[str, pd.DataFrame]], ink: Ink, *, scale: float) -> go.Figure:
    """The mean difference of each stage on both sides, for networks of other units.

    Args:
        sides: name and table (scale, unit, stage, block, difference), the first one solid.
        ink: of the page.
        scale: where to stand the guide.
    """
    stages = sorted({int(stage) for _name, table in sides for stage in table["stage"].unique()})
    figure = make_subplots(
        rows=1,
        cols=len(stages),
        shared_yaxes=True,
        horizontal_spacing=0.03,
        subplot_titles=[_("stage {stage}").format(stage=stage) for stage in stages],
    )
    looks = ((ink.text, "solid"), (ink.muted, "dash"))
    for (name, table), (colour, dash) in zip(sides, looks, strict=True):
        mean = table.groupby(["stage", "scale"], as_index=False)["difference"].mean()
        first = int(mean["stage"].min())
        for number, rows in mean.groupby("stage", sort=True):
            stage = int(str(number))
            figure.add_scatter(
                x=rows["scale"],
                y=rows["difference"],
                name=name,
                legendgroup=name,
                showlegend=stage == first,
                mode="lines+markers" if len(rows) == 1 else "lines",
                line={"color": colour, "width": 2.2, "dash": dash},
                hovertemplate=f"{name}, "
                + _("stage {stage}").format(stage=stage)
                + "<br>%{x:.3~f}× %{y:+.4f}<extra></extra>",
                row=1,
                col=stages.index(stage) + 1,
            )
    styled(figure, ink, LINES_HEIGHT)
    scales = sorted({float(s) for _name, table in sides for s in table["scale"]})
    ends = sorted({scales[0], scales[-1]})
    figure.update_xaxes(tickvals=ends, ticktext=[scale_label(s) for s in ends], ticklen=3)
    figure.update_yaxes(zeroline=True, zerolinecolor=ink.faint, tickformat="+.3~f", nticks=6)
    figure.update_yaxes(title={"text": _("mean difference"), "standoff": 8}, col=1)
    figure.add_vline(x=scale, line={"color": ink.faint, "width": 1}, layer="below")
    figure.update_annotations(font={"size": 12, "color": ink.muted}, yshift=-2)
    figure.update_layout(
        margin={"l": 72, "r": 10, "t": 44, "b": 30},
        showlegend=True,
        legend={
            "orientation": "h",
            "x": 0,
            "y": 1.14,
            "yanchor": "bottom",
            "font": {"size": 12, "color": ink.muted},
        },
    )
    return figure
