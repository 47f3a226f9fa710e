"""The stages over scale: one panel a stage, the control dashed beneath."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from sk_viz.figures.palette import branch_colour
from sk_viz.figures.screen.style import (
    Ink,
    axis,
    decimals,
    kernel_label,
    legend,
    look,
    note,
    scale_label,
    side_by_side,
)
from sk_viz.language import gettext as _
from sk_viz.measures.sweep.changes import change_from_first

HEIGHT = 162


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
    for place, (unit_name, rows) in enumerate(thin.groupby("unit", sort=False)):
        name = str(unit_name)
        panels.line(
            rows,
            "difference",
            name,
            ink.muted if name == unit else ink.faint,
            1.0,
            "solid",
            legend=None if place else _("one unit"),
            group="units",
        )
    if control is not None:
        panels.line(
            _stage_changes(control),
            "difference",
            _("blur only"),
            ink.muted,
            1.8,
            "dash",
            _("blur only"),
        )
    moved = _stage_changes(differences)
    panels.line(
        moved,
        "difference",
        protocol,
        ink.text,
        2.4,
        "solid",
        _("stage, {protocol}").format(protocol=protocol),
    )
    title = _("change of {largest} − {smallest}").format(largest=largest, smallest=smallest)
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
        (control, "dash", 1.6, " · " + _("blur only")),
        (stages, "solid", 2.2, ""),
    ):
        if table is None:
            continue
        moved = change_from_first(table, ["stage", "kernel"], "weight")
        for branch, kernel in enumerate(kernels):
            rows = moved[moved["kernel"] == kernel]
            name = kernel_label(kernel) + suffix
            panels.line(
                rows,
                "weight",
                name,
                branch_colour(branch, len(kernels)),
                width,
                dash,
                legend=None
                if suffix and branch
                else name
                if not suffix
                else _("dashed: blur only"),
            )
    return panels.finish(_("change of the weight"), scale, protocol)


def _stage_changes(differences: pd.DataFrame) -> pd.DataFrame:
    """stage, scale, difference: how far the mean of the stage's units has moved."""
    means = differences.groupby(["stage", "scale"])["difference"].mean().reset_index()
    return change_from_first(means, ["stage"], "difference")


class _Panels:
    """Panels side by side over one value axis, with one legend above."""

    def __init__(self, stages: list[int], ink: Ink) -> None:
        self.stages = stages
        self.ink = ink
        self.scales: list[float] = []
        self.size = 0.0
        self.traces: list[dict[str, Any]] = []

    def line(
        self,
        table: pd.DataFrame,
        column: str,
        name: str,
        colour: str,
        width: float,
        dash: str,
        legend: str | None = None,
        group: str | None = None,
    ) -> None:
        """A line in the panel of each stage that the table has; ``column`` over ``scale``."""
        order = np.argsort(table["scale"].to_numpy(), kind="stable")
        stages, scales, values = (table[n].to_numpy()[order] for n in ("stage", "scale", column))
        self.size = max(self.size, float(np.abs(values).max()))
        self.scales = sorted({*self.scales, *map(float, scales)})
        for number, stage in zip(_numbers(self.stages), self.stages, strict=True):
            here = stages == stage
            if not here.any():
                continue
            self.traces.append(
                {
                    "type": "scatter",
                    "x": scales[here],
                    "y": values[here],
                    "xaxis": f"x{number}",
                    "yaxis": f"y{number}",
                    "name": legend or name,
                    "legendgroup": group or name,
                    "showlegend": legend is not None and bool(stage == stages.min()),
                    "mode": "lines" if here.sum() > 1 else "markers",
                    "line": {"color": colour, "width": width, "dash": dash},
                    "hovertemplate": _("stage {stage}").format(stage=stage)
                    + f" · {name}<br>%{{x:.3~f}}× %{{y:+.3~g}}<extra></extra>",
                }
            )

    def finish(self, title: str, scale: float | None, protocol: str) -> go.Figure:
        """Axes, guide and legend."""
        ink, first, last = self.ink, self.scales[0], self.scales[-1]
        ticks = [first, last] if first < last else [first]
        margin = 0.13 * (last - first)
        axes: dict[str, Any] = {}
        notes, guides = [], []
        domains = side_by_side([1] * len(self.stages), 0.03)
        for stage, number, domain in zip(self.stages, _numbers(self.stages), domains, strict=True):
            axes[f"xaxis{number}"] = axis(ink) | {
                "domain": domain,
                "anchor": f"y{number}",
                "tickvals": ticks,
                "ticktext": [scale_label(s)[:-1] for s in ticks],
                "range": [first - margin, last + margin] if margin else None,
                "ticklen": 3,
            }
            axes[f"yaxis{number}"] = axis(ink, title if not number else None, 8) | {
                "anchor": f"x{number}",
                "zeroline": True,
                "zerolinecolor": ink.faint,
                "zerolinewidth": 1,
                "tickformat": f"+.{decimals(self.size, 2)}~f",
                "nticks": 6,
                "matches": None if not number else "y",
                "showticklabels": not number,
            }
            paper: dict[str, Any] = {"xref": "paper", "yref": "paper", "x": sum(domain) / 2, "y": 1}
            notes.append(
                note(
                    ink,
                    _("stage {stage}").format(stage=stage),
                    **paper,
                    xanchor="center",
                    yanchor="bottom",
                    yshift=-2,
                )
            )
            if scale is not None and first <= scale <= last:
                guides.append(
                    {
                        "type": "line",
                        **{"x0": scale, "x1": scale, "xref": f"x{number}"},
                        **{"y0": 0, "y1": 1, "yref": f"y{number} domain"},
                        "line": {"color": ink.faint, "width": 1},
                        "layer": "below",
                    }
                )
        below: dict[str, Any] = {
            "xref": "paper",
            "yref": "paper",
            "x": 0.5,
            "y": 0,
            "yanchor": "top",
        }
        notes.append(
            note(ink, _("scale ({protocol})").format(protocol=protocol), **below, yshift=-17)
        )
        layout = look(ink, HEIGHT) | {
            **axes,
            "annotations": notes,
            "shapes": guides,
            "margin": {"l": 72, "r": 10, "t": 40, "b": 36},
            "showlegend": True,
            "legend": legend(ink, 1.12) | {"traceorder": "reversed"},
        }
        return go.Figure(self.traces, layout)


def _numbers(stages: list[int]) -> list[str]:
    """What Plotly puts behind x and y to name the axes of each panel."""
    return ["", *(str(number) for number in range(2, len(stages) + 1))]
