"""The stages over scale: one panel a stage, the control dashed beneath."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from sk_viz.figures.palette import branch_colour
from sk_viz.figures.screen_map import change_from_first
from sk_viz.figures.screen_style import Ink, decimals, kernel_label, scale_label, styled

HEIGHT = 180


def stage_lines(
    differences: pd.DataFrame,
    ink: Ink,
    *,
    kernels: tuple[int, int],
    control: pd.DataFrame | None = None,
    unit: str | None = None,
    scale: float | None = None,
    protocol: str = "zoom",
) -> go.Figure:
    """How far the mean difference of each stage (thick) and of its units (thin) has moved.

    All lines start at zero, so that the control can be held against what it controls.

    Args:
        differences: scale, unit, stage, block, difference.
        kernels: smallest and largest, for the axis.
        control: the same of the blur alone, drawn dashed.
        unit: one unit to name.
        scale: where to stand the guide.
        protocol: what the scale is a scale of.
    """
    smallest, largest = (kernel_label(k) for k in kernels)
    panels = _Panels([int(stage) for stage in sorted(differences["stage"].unique())], ink)
    thin = change_from_first(differences, ["unit"], "difference")
    for place, name in enumerate(dict.fromkeys(str(u) for u in thin["unit"])):
        panels.line(
            thin[thin["unit"] == name].rename(columns={"difference": "value"}),
            name,
            ink.muted if name == unit else ink.faint,
            1.0,
            "solid",
            legend=None if place else "one unit",
            group="units",
        )
    if control is not None:
        panels.line(_stage_changes(control), "blur alone", ink.muted, 1.8, "dash", "blur alone")
    panels.line(_stage_changes(differences), protocol, ink.text, 2.4, "solid", f"stage, {protocol}")
    title = f"change of {largest} − {smallest}"
    return panels.finish(title, scale, protocol)


def stage_branches(
    stages: pd.DataFrame,
    ink: Ink,
    *,
    control: pd.DataFrame | None = None,
    scale: float | None = None,
    protocol: str = "zoom",
) -> go.Figure:
    """How far the branches' mean weights have moved, for networks of three branches and more.

    Args:
        stages: scale, stage, branch, kernel, weight (``Sweep.stages``: the mean over channels and
            units).
        control: the same of the blur alone, drawn dashed.
        scale: where to stand the guide.
        protocol: what the scale is a scale of.
    """
    panels = _Panels([int(stage) for stage in sorted(stages["stage"].unique())], ink)
    kernels = sorted(int(kernel) for kernel in stages["kernel"].unique())
    for table, dash, width, suffix in (
        (control, "dash", 1.6, " · blur alone"),
        (stages, "solid", 2.2, ""),
    ):
        if table is None:
            continue
        moved = change_from_first(table, ["stage", "kernel"], "weight")
        for branch, kernel in enumerate(kernels):
            rows = moved[moved["kernel"] == kernel]
            name = kernel_label(kernel) + suffix
            panels.line(
                rows.rename(columns={"weight": "value"}),
                name,
                branch_colour(branch, len(kernels)),
                width,
                dash,
                legend=None if suffix and branch else name if not suffix else "dashed: blur alone",
            )
    return panels.finish("change of the weight", scale, protocol)


def _stage_changes(differences: pd.DataFrame) -> pd.DataFrame:
    """stage, scale, value: how far the mean of the stage's units has moved."""
    means = differences.groupby(["stage", "scale"])["difference"].mean().reset_index()
    changes = change_from_first(means, ["stage"], "difference")
    return changes.rename(columns={"difference": "value"})


class _Panels:
    """Panels side by side over one value axis, with one legend above."""

    def __init__(self, stages: list[int], ink: Ink) -> None:
        self.stages = stages
        self.ink = ink
        self.scales: list[float] = []
        self.size = 0.0
        self.figure = make_subplots(
            rows=1,
            cols=len(stages),
            shared_yaxes=True,
            horizontal_spacing=0.03,
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
        ordered = table.sort_values("scale")
        for column, stage in enumerate(self.stages, start=1):
            rows = ordered[ordered["stage"] == stage]
            if rows.empty:
                continue
            self.size = max(self.size, float(rows["value"].abs().max()))
            self.scales = sorted({*self.scales, *(float(s) for s in rows["scale"])})
            self.figure.add_scatter(
                x=rows["scale"],
                y=rows["value"],
                name=legend or name,
                legendgroup=group or name,
                showlegend=legend is not None and bool(stage == table["stage"].min()),
                mode="lines" if len(rows) > 1 else "markers",
                line={"color": colour, "width": width, "dash": dash},
                hovertemplate=f"stage {stage} · {name}<br>%{{x:.3~f}}× %{{y:+.3~g}}<extra></extra>",
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
            ticktext=[scale_label(s)[:-1] for s in ticks],
            range=[first - 0.13 * (last - first), last + 0.13 * (last - first)]
            if first < last
            else None,
            ticklen=3,
        )
        figure.update_yaxes(
            zeroline=True,
            zerolinecolor=ink.faint,
            zerolinewidth=1,
            tickformat=f"+.{decimals(self.size, 2)}~f",
            nticks=6,
        )
        figure.update_yaxes(title={"text": title, "standoff": 8}, col=1)
        if scale is not None and first <= scale <= last:
            figure.add_vline(x=scale, line={"color": ink.faint, "width": 1}, layer="below")
        figure.update_annotations(font={"size": 12, "color": ink.muted}, yshift=-2)
        figure.update_layout(
            margin={"l": 72, "r": 10, "t": 40, "b": 36},
            hovermode="closest",
            showlegend=True,
            legend={
                "orientation": "h",
                "x": 0,
                "y": 1.12,
                "yanchor": "bottom",
                "font": {"size": 12, "color": ink.muted},
                "traceorder": "reversed",
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
            yanchor="top",
            yshift=-17,
            showarrow=False,
            font={"size": 12, "color": ink.muted},
        )
        return figure
