"""The stages over scale: one panel a stage, the control dashed beneath."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from sk_viz.figures.palette import branch_colour
from sk_viz.figures.screen_map import change_from_first
from sk_viz.figures.screen_style import Ink, kernel_label, scale_label, styled

HEIGHT = 208


def stage_lines(
    differences: pd.DataFrame,
    ink: Ink,
    *,
    kernels: tuple[int, int],
    control: pd.DataFrame | None = None,
    unit: str | None = None,
    scale: float | None = None,
    change: bool = False,
    protocol: str = "zoom",
) -> go.Figure:
    """The mean difference of each stage (thick) and of its units (thin).

    Args:
        differences: scale, unit, stage, block, difference.
        kernels: smallest and largest, for the axis.
        control: the same of the blur alone, drawn dashed.
        unit: one unit to name.
        scale: where to stand the guide.
        change: draw the change from the smallest scale.
        protocol: what the scale is a scale of.
    """
    smallest, largest = (kernel_label(k) for k in kernels)
    title = f"{largest} − {smallest}"
    lines = []
    if control is not None:
        mean = control.groupby(["stage", "scale"], as_index=False)["difference"].mean()
        lines.append((mean.assign(line="blur alone"), ink.muted, 1.8, "dash"))
    mean = differences.groupby(["stage", "scale"], as_index=False)["difference"].mean()
    lines.append((mean.assign(line=protocol), ink.text, 2.4, "solid"))
    thin = differences.assign(line=differences["unit"])[["stage", "scale", "difference", "line"]]

    if change:
        thin = change_from_first(thin, ["line"], "difference")
        lines = [
            (change_from_first(table, ["stage"], "difference"), *look) for table, *look in lines
        ]
        title = f"change of ({title})"

    panels = _Panels(sorted(differences["stage"].unique()), ink)
    for name, rows in thin.groupby("line", sort=False):
        chosen = name == unit
        panels.line(
            rows.rename(columns={"difference": "value"}),
            str(name),
            ink.muted if chosen else ink.faint,
            1.0,
            "solid",
            legend="one unit" if rows["line"].iat[0] == thin["line"].iat[0] else None,
            group="units",
        )
    for table, colour, width, dash in lines:
        panels.line(
            table.rename(columns={"difference": "value"}),
            str(table["line"].iat[0]),
            colour,
            width,
            dash,
            legend=f"{table['line'].iat[0]}, mean of the stage",
        )
    return panels.finish(title, scale, protocol)


def stage_branches(
    stages: pd.DataFrame,
    ink: Ink,
    *,
    control: pd.DataFrame | None = None,
    scale: float | None = None,
    change: bool = False,
    protocol: str = "zoom",
) -> go.Figure:
    """One line a branch, for networks of three branches and more.

    Args:
        stages: scale, stage, branch, kernel, weight (``Sweep.stages``: the mean over channels and
            units).
        control: the same of the blur alone, drawn dashed.
        scale: where to stand the guide.
        change: draw the change from the smallest scale.
        protocol: what the scale is a scale of.
    """
    title = "change of the branch weight" if change else "branch weight, mean"
    panels = _Panels(sorted(stages["stage"].unique()), ink)
    kernels = sorted(stages["kernel"].unique())
    for table, dash, width, suffix in (
        (control, "dash", 1.6, " · blur alone"),
        (stages, "solid", 2.2, ""),
    ):
        if table is None:
            continue
        if change:
            table = change_from_first(table, ["stage", "kernel"], "weight")  # noqa: PLW2901
        for kernel, rows in table.groupby("kernel", sort=True):
            name = kernel_label(int(kernel)) + suffix
            branch = kernels.index(kernel)
            panels.line(
                rows.rename(columns={"weight": "value"}),
                name,
                branch_colour(branch, len(kernels)),
                width,
                dash,
                legend=None if suffix and branch else name if not suffix else "dashed: blur alone",
            )
    return panels.finish(title, scale, protocol)


class _Panels:
    """Panels side by side over one value axis, with one legend above."""

    def __init__(self, stages: list[int], ink: Ink) -> None:
        self.stages = stages
        self.ink = ink
        self.scales: list[float] = []
        self.figure = make_subplots(
            rows=1,
            cols=len(stages),
            shared_yaxes=True,
            horizontal_spacing=0.025,
            subplot_titles=[f"stage {stage}" for stage in stages],
        )

    def line(
        self,
        table: pd.DataFrame,
        name: str,
        colour: str,
        width: float,
        dash: str,
        legend: str | None = None,
        group: str | None = None,
    ) -> None:
        """A line in the panel of each stage that the table has; ``value`` over ``scale``."""
        for stage, rows in table.sort_values("scale").groupby("stage", sort=True):
            column = self.stages.index(int(stage)) + 1
            self.scales = sorted({*self.scales, *(float(s) for s in rows["scale"])})
            self.figure.add_scatter(
                x=rows["scale"],
                y=rows["value"],
                name=legend or name,
                legendgroup=group or name,
                showlegend=legend is not None and bool(stage == table["stage"].min()),
                mode="lines" if len(rows) > 1 else "markers",
                line={"color": colour, "width": width, "dash": dash},
                hovertemplate=f"stage {stage} · {name}<br>%{{x:.3~f}}× %{{y:+.4f}}<extra></extra>",
                row=1,
                col=column,
            )

    def finish(self, title: str, scale: float | None, protocol: str) -> go.Figure:
        """Axes, guide and legend."""
        figure, ink = self.figure, self.ink
        styled(figure, ink, HEIGHT)
        first, last = self.scales[0], self.scales[-1]
        ticks = [first, last] if first < last else [first]
        figure.update_xaxes(
            tickvals=ticks,
            ticktext=[scale_label(s) for s in ticks],
            range=[first - 0.06 * (last - first), last + 0.06 * (last - first)]
            if first < last
            else None,
            ticklen=3,
        )
        figure.update_yaxes(
            zeroline=True, zerolinecolor=ink.faint, zerolinewidth=1, tickformat="+.3~f", nticks=6
        )
        figure.update_yaxes(title={"text": title, "standoff": 8}, col=1)
        if scale is not None and first <= scale <= last:
            figure.add_vline(x=scale, line={"color": ink.faint, "width": 1}, layer="below")
        figure.update_annotations(font={"size": 12, "color": ink.muted}, yshift=-2)
        figure.update_layout(
            margin={"l": 72, "r": 10, "t": 40, "b": 38},
            hovermode="closest",
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
        figure.add_annotation(
            text=f"scale ({protocol})",
            x=0.5,
            xref="paper",
            y=0,
            yref="paper",
            yshift=-34,
            showarrow=False,
            font={"size": 12, "color": ink.muted},
        )
        return figure
