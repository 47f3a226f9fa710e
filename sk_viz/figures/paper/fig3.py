"""Figure 3 of the paper: the weights of one unit's channels, and the differences, over scales.

Li, Wang, Hu, Yang: Selective Kernel Networks, CVPR 2019, section 4.4.
"""

from __future__ import annotations

import string
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from sk_viz.figures.paper.style import bar_style, new_figure, scale_style, width_inches, words

Array = npt.NDArray[np.float64]

GROUPS = 16
PAPER_UNITS = ("SK_2_3", "SK_3_4", "SK_4_6", "SK_5_3")
PAPER_CURVE_UNIT = "SK_3_4"
_WIDE = 5.0  # inches from which the pictures stand beside the plots


@dataclass(frozen=True, eq=False)
class Fig3Panel:
    """One row of the figure: one picture, or many.

    Attributes:
        title: what it is of.
        channels: by scale, the weight of the largest kernel of each channel (C,).
        differences: by scale and unit, the mean difference.
        sds: the same, standard deviation over pictures; empty for one picture.
        pictures: uint8 (side, side, 3) at each scale; empty for many pictures.
        dashed: values of the paper, drawn as marks without being measured here.
    """

    title: str
    channels: Mapping[float, Array]
    differences: Mapping[float, Mapping[str, float]]
    sds: Mapping[float, Mapping[str, float]] = field(default_factory=dict)
    pictures: Sequence[npt.NDArray[np.uint8]] = ()
    dashed: Mapping[float, Mapping[str, float]] = field(default_factory=dict)


def default_units(units: Sequence[str]) -> tuple[str, ...]:
    """The four units of the paper where a network has them, else the last unit of each stage."""
    if set(PAPER_UNITS) <= set(units):
        return PAPER_UNITS
    last = {unit.split("_")[1]: unit for unit in units}
    return tuple(last.values())


def default_curve_unit(units: Sequence[str]) -> str:
    """SK_3_4 where a network has it, else the last unit of its second stage of units."""
    if PAPER_CURVE_UNIT in units:
        return PAPER_CURVE_UNIT
    last = default_units(units)
    return last[min(1, len(last) - 1)]


def fig3(
    panels: Sequence[Fig3Panel], curve_unit: str, kernel: int, width: str
) -> tuple[Figure, pd.DataFrame]:
    """Draw the figure; inside ``paper_style``.

    Args:
        panels: its rows, from top to bottom, all of the same scales and units.
        curve_unit: whose channels are drawn.
        kernel: extent of its largest kernel.
        width: of the figure.

    Returns:
        The figure, and what is drawn: panel, plot, scale, unit, x, value, sd.
    """
    wide = width_inches(width) >= _WIDE
    pictured = [bool(panel.pictures) for panel in panels]
    heights = [1.45 + (0.0 if wide or not shown else 1.1) for shown in pictured]
    figure = new_figure(width, sum(heights) + 0.22)
    rows = figure.subfigures(len(panels), 1, height_ratios=heights, squeeze=False)[:, 0]
    drawn: list[dict[str, object]] = []
    for number, (row, panel) in enumerate(zip(rows, panels, strict=True)):
        mark = f"({string.ascii_lowercase[number]}) " if len(panels) > 1 else ""
        left, right = _axes(row, panel, mark, wide and any(pictured))
        _curves(left, panel, f"weight of {kernel}x{kernel}")
        left.set_title(words(curve_unit))
        _bars(right, panel)
        right.set_title("mean difference")
        drawn += _drawn(panel, mark.strip() or panel.title, curve_unit)
    handles, labels = left.get_legend_handles_labels()
    extra, paper = right.get_legend_handles_labels()
    handles, labels = [*handles, *extra], [*labels, *paper]
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
    return figure, pd.DataFrame(drawn)


def group_means(channels: Array) -> Array:
    """Means of 16 runs of successive channels, as in the paper; fewer where there are fewer."""
    return np.array([part.mean() for part in np.array_split(channels, min(GROUPS, len(channels)))])


def _axes(row: SubFigure, panel: Fig3Panel, mark: str, beside: bool) -> tuple[Axes, Axes]:
    """The two plots of a row, with its pictures before or above them."""
    title = f"{mark}{panel.title}"
    count = max(len(panel.pictures), 3)
    if beside:
        grid = row.add_gridspec(1, count + 2, width_ratios=[*[0.42] * count, 1.2, 1.0])
        spots = [grid[0, n] for n in range(count)]
        plots = grid[0, count], grid[0, count + 1]
        if not panel.pictures:
            _words(row.add_subplot(grid[0, :count]), title)
    elif panel.pictures:
        grid = row.add_gridspec(2, 1, height_ratios=[0.85, 1.45])
        inner, below = grid[0].subgridspec(1, count), grid[1].subgridspec(1, 2)
        spots = [inner[0, n] for n in range(count)]
        plots = below[0], below[1]
    else:
        both = row.add_gridspec(1, 2)
        spots, plots = [], (both[0], both[1])
    for spot, rgb, scale in zip(spots, panel.pictures, panel.differences, strict=False):
        axes = row.add_subplot(spot)
        axes.imshow(rgb, interpolation="antialiased")
        axes.set_axis_off()
        axes.set_title(f"{scale:g}x")
    if panel.pictures or not beside:
        row.suptitle(words(title), x=0.01, ha="left", fontsize="medium")
    return row.add_subplot(plots[0]), row.add_subplot(plots[1])


def _words(axes: Axes, text: str) -> None:
    """A row's title in the place where other rows have their pictures."""
    axes.set_axis_off()
    axes.text(0.0, 0.5, words(textwrap.fill(text, 25)), transform=axes.transAxes, va="center")


def _curves(axes: Axes, panel: Fig3Panel, label: str) -> None:
    for number, (scale, channels) in enumerate(panel.channels.items()):
        values = group_means(channels)
        axes.plot(np.arange(1, len(values) + 1), values, label=f"{scale:g}x", **scale_style(number))
    axes.set_xlabel(f"{len(values)} groups of channels")
    axes.set_ylabel(label)
    axes.set_xticks([1, *range(4, len(values) + 1, 4)])
    axes.axhline(0.5, color="0.6", linewidth=0.5, zorder=0)


def _bars(axes: Axes, panel: Fig3Panel) -> None:
    scales = list(panel.differences)
    units = list(panel.differences[scales[0]])
    thickness = 0.8 / len(scales)
    for number, scale in enumerate(scales):
        x = np.arange(len(units)) + (number - (len(scales) - 1) / 2) * thickness
        values = [panel.differences[scale][unit] for unit in units]
        axes.bar(x, values, thickness * 0.92, **bar_style(number))
        if panel.sds:
            sds = [panel.sds[scale][unit] for unit in units]
            axes.errorbar(x, values, sds, fmt="none", ecolor="0.5", elinewidth=0.6, capsize=1.2)
        marked = panel.dashed.get(scale, {})
        known = [n for n, unit in enumerate(units) if unit in marked]
        if known:
            axes.plot(
                x[known],
                [marked[units[n]] for n in known],
                linestyle="none",
                marker="x",
                color="black",
                markersize=3.5,
                label="paper" if number == 0 else None,
            )
    axes.axhline(0, color="0.25", linewidth=0.6)
    axes.set_xticks(range(len(units)), [words(unit.removeprefix("SK_")) for unit in units])
    axes.set_xlabel("SK unit")
    axes.spines["bottom"].set_visible(False)
    axes.tick_params(axis="x", length=0)


def _drawn(panel: Fig3Panel, name: str, curve_unit: str) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for scale, channels in panel.channels.items():
        rows += [
            {
                "panel": name, "plot": "channels", "scale": scale, "unit": curve_unit,
                "x": n, "value": float(value), "sd": None,
            }
            for n, value in enumerate(group_means(channels), start=1)
        ]  # fmt: skip
    for plot, values in (("difference", panel.differences), ("paper", panel.dashed)):
        for scale, by_unit in values.items():
            sds = panel.sds.get(scale, {}) if plot == "difference" else {}
            rows += [
                {
                    "panel": name, "plot": plot, "scale": scale, "unit": unit,
                    "x": None, "value": float(value), "sd": sds.get(unit),
                }
                for unit, value in by_unit.items()
            ]  # fmt: skip
    return rows
