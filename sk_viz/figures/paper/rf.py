"""The receptive field of a unit: its boxes on the picture, and the field that was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from sk_viz.figures.palette import branch_colour
from sk_viz.figures.paper.style import SMALL, new_figure, width_inches, words
from sk_viz.measures.result import map_table


@dataclass(frozen=True, eq=False)
class RfBranch:
    """The theoretical field of one branch.

    Attributes:
        kernel: extent of the branch's kernel.
        size: pixels.
        box: left, top, right, bottom in pixels of the input, not clipped.
        status: exact or upper bound.
    """

    kernel: int
    size: int
    box: tuple[float, float, float, float]
    status: str


def rf(
    unit: str,
    rgb: npt.NDArray[np.uint8],
    branches: Sequence[RfBranch],
    effective: npt.NDArray[np.float32],
    sizes: Mapping[str, float],
    gate: str,
    width: str,
) -> tuple[Figure, pd.DataFrame]:
    """Draw both; inside ``paper_style``.

    Args:
        unit: its name.
        rgb: uint8 (side, side, 3), what the network was shown.
        branches: smallest kernel first.
        effective: (side, side), not negative.
        sizes: of the effective field in pixels, by the name of the definition.
        gate: held or free.
        width: of the figure.

    Returns:
        The figure, and what is drawn: kind, then name, size and status of each ``theoretical``
        and ``effective`` field, and row, column and value of each pixel of the ``map``, as
        measured.
    """
    figure = new_figure(width, width_inches(width) * 0.5 + 0.42)
    left, right = figure.subplots(1, 2)
    left.imshow((255 - (255 - rgb.astype(np.float64)) * 0.75).astype(np.uint8))
    for number, branch in enumerate(branches):
        _box(left, branch, number, len(branches))
    left.set_title(words(f"{unit}, in theory"))
    left.legend(loc="upper center", bbox_to_anchor=(0.5, -0.01), ncols=len(branches), borderpad=0.1)
    positive = effective / max(float(effective.max()), 1e-30)
    right.imshow(np.sqrt(positive), cmap="Greys", vmin=0, vmax=1)
    edge = "grey: root of the share of the peak"
    if np.isfinite(sizes.get("luo", np.nan)):
        right.contour(positive, [0.0455], colors=["black"], linewidths=0.7)
        edge += f"\nline: 4.55 % of the peak, {sizes['luo']:.0f} px"
    right.set_title(f"measured, gate {gate}")
    right.set_xlabel(words(edge), labelpad=3, fontsize=SMALL)
    for axes in (left, right):
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_linewidth(0.4)
        axes.spines[:].set_visible(True)
    drawn = [
        {
            "kind": "theoretical",
            "name": f"{b.kernel}x{b.kernel}",
            "size": b.size,
            "status": b.status,
        }
        for b in branches
    ] + [
        {"kind": "effective", "name": name, "size": size, "status": "measured"}
        for name, size in sizes.items()
    ]
    columns = ["kind", "name", "size", "status", "row", "column", "value"]
    pixels = map_table(effective).assign(kind="map")
    table = pd.concat([pd.DataFrame(drawn), pixels]).reindex(columns=columns)
    return figure, table.astype({"row": "Int64", "column": "Int64"})


def _box(axes: Axes, branch: RfBranch, number: int, count: int) -> None:
    """A field's frame; what lies outside the picture is drawn along its edge."""
    left, top, right, bottom = branch.box
    side_x, side_y = axes.get_xlim()[1], axes.get_ylim()[0]
    left, top = max(left - 0.5, -0.5), max(top - 0.5, -0.5)
    right, bottom = min(right - 0.5, side_x), min(bottom - 0.5, side_y)
    bound = " at most" if branch.status != "exact" else ""
    axes.add_patch(
        Rectangle(
            (left, top),
            right - left,
            bottom - top,
            fill=False,
            edgecolor=branch_colour(number, count),
            linewidth=1.2,
            linestyle=("-", (0, (4, 2)), ":")[number % 3],
            label=f"{branch.kernel}x{branch.kernel}: {branch.size} px{bound}",
            clip_on=False,
        )
    )
