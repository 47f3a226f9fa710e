"""The map unit x scale of the difference: one row per unit, in the order the picture meets them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from sk_viz.figures.screen.style import (
    LEFT,
    RIGHT,
    Ink,
    axis,
    decimals,
    difference_colours,
    kernel_label,
    look,
    note,
    scale_label,
)
from sk_viz.measures.sweep.changes import change_from_first

STAGE_GAP = 0.35  # rows
TOP, BOTTOM = 4, 26  # pixels


def difference_map(
    differences: pd.DataFrame,
    ink: Ink,
    *,
    kernels: tuple[int, int],
    unit: str | None = None,
    scale: float | None = None,
    change: bool = False,
    dead: Collection[str] = (),
    protocol: str = "zoom",
) -> go.Figure:
    """Draw the map. Every cell answers a click with ``customdata`` [unit, scale].

    A Plotly heatmap sends no selection, so an unseen marker sits on each cell; the nearest one is
    taken wherever the click lands.

    Args:
        differences: scale, unit, stage, block, difference; units in the network's order.
        kernels: smallest and largest, for the colour bar.
        unit: the row to mark.
        scale: the column to mark.
        change: draw the change from the smallest scale in place of the difference itself.
        dead: units whose weights never move, named as such.
        protocol: what the scale is a scale of, for the axis.

    Returns:
        A figure whose colours are symmetric about zero and reach the largest value drawn.
    """
    table = change_from_first(differences, ["unit"], "difference") if change else differences
    wide = table.pivot(index="unit", columns="scale", values="difference")
    wide = wide.loc[list(dict.fromkeys(differences["unit"]))]
    scales = [float(s) for s in wide.columns]
    stage_of = dict(zip(differences["unit"], differences["stage"], strict=True))
    rows = _rows(wide.index, stage_of)
    limit = max(float(wide.abs().to_numpy().max()), 1e-3)
    smallest, largest = (kernel_label(k) for k in kernels)
    what = f"change of ({largest} − {smallest})" if change else f"{largest} − {smallest}"

    columns, last = len(scales), max(rows.values())
    traces: list[dict[str, Any]] = []
    notes = []
    for stage in dict.fromkeys(stage_of.values()):
        names = [name for name in wide.index if stage_of[name] == stage]
        traces.append(
            {
                "type": "heatmap",
                "z": wide.loc[names].to_numpy(),
                "x": list(range(columns)),
                "y": [rows[name] for name in names],
                "coloraxis": "coloraxis",
                "hoverinfo": "skip",
                **{"xgap": 1, "ygap": 1},
            }
        )
        beside = {"x": 0, "xref": "paper", "xshift": -LEFT + 8, "textangle": -90}
        middle = sum(rows[name] for name in names) / len(names)
        notes.append(note(ink, f"stage {stage}", 11, y=middle, **beside))
    traces.append(
        {
            "type": "scatter",
            "x": [x for _ in wide.index for x in range(columns)],
            "y": [rows[name] for name in wide.index for _ in scales],
            "customdata": [[name, s] for name in wide.index for s in scales],
            "text": [
                f"{value:+.{decimals(limit, 3) + 1}f}" for value in wide.to_numpy().reshape(-1)
            ],
            "mode": "markers",
            "marker": {"symbol": "square", "size": 16, "opacity": 0},
            "selected": {"marker": {"opacity": 0}},
            "unselected": {"marker": {"opacity": 0}},
            "hovertemplate": "%{customdata[0]} at %{customdata[1]:.3~f}×<br>" + what + " %{text}"
            "<extra></extra>",
        }
    )
    corner = {"x": 0, "y": 0, "xref": "paper", "yref": "paper", "xanchor": "right"}
    notes.append(
        note(ink, f"scale ({protocol})", 11, **corner, yanchor="top", xshift=-8, yshift=-3)
    )
    frames = []
    if unit in rows:
        row = (rows[unit] - 0.5, rows[unit] + 0.5)
        frames.append(_frame(ink.text, (-0.5, columns - 0.5), row, 2))
    if scale in scales:
        at = scales.index(scale)
        frames.append(_frame(ink.muted, (at - 0.5, at + 0.5), (-0.5, last + 0.5), 1))
    every = -(-columns // 14)
    y = axis(ink)
    if len(rows) > 20:
        y["tickfont"] = y["tickfont"] | {"size": 10}
    height = round(_row_height(len(rows)) * (last + 1)) + TOP + BOTTOM
    layout = look(ink, height) | {
        "xaxis": axis(ink)
        | {
            "range": [-0.5, columns - 0.5],
            "tickvals": list(range(0, columns, every)),
            # Without the sign, so that eleven stand side by side on a phone.
            "ticktext": [scale_label(s)[:-1] for s in scales[::every]],
            "tickangle": 0,
            "ticklen": 3,
            "showline": False,
        },
        "yaxis": y
        | {
            "range": [last + 0.5, -0.5],
            "tickvals": list(rows.values()),
            "ticktext": [
                f"<b>{name}</b>" if name == unit else f"{name} dead" if name in dead else name
                for name in rows
            ],
            "ticks": "",
            "showline": False,
        },
        "annotations": notes,
        "shapes": frames,
        "margin": {"l": LEFT, "r": RIGHT, "t": TOP, "b": BOTTOM},
        "hoverdistance": -1,
        "clickmode": "event+select",
        "coloraxis": {
            "colorscale": difference_colours(ink),
            "cmin": -limit,
            "cmax": limit,
            "colorbar": _colour_bar(ink, limit, smallest, largest, change),
        },
    }
    return go.Figure(traces, layout)


def _rows(names: Collection[str], stage_of: dict[str, int]) -> dict[str, float]:
    """Where each unit's row lies, with a gap between stages."""
    rows: dict[str, float] = {}
    stages = list(dict.fromkeys(stage_of[name] for name in names))
    for index, name in enumerate(names):
        rows[name] = index + STAGE_GAP * stages.index(stage_of[name])
    return rows


def _row_height(rows: int) -> int:
    return 18 if rows <= 10 else 16 if rows <= 18 else 13


def _frame(
    colour: str, x: tuple[float, float], y: tuple[float, float], width: int
) -> dict[str, Any]:
    line = {"color": colour, "width": width}
    return {"type": "rect", "x0": x[0], "x1": x[1], "y0": y[0], "y1": y[1], "line": line}


def _colour_bar(
    ink: Ink, limit: float, smallest: str, largest: str, change: bool
) -> dict[str, object]:
    digits = decimals(limit, 2)
    shown = 0.98 * limit
    top, bottom = (f"to {largest}", f"to {smallest}") if change else (largest, smallest)
    return {
        "thickness": 10,
        "x": 1.0,
        "xpad": 8,
        "len": 1.0,
        "y": 0.5,
        "outlinewidth": 0,
        "ticks": "",
        "tickvals": [-shown, 0, shown],
        "ticktext": [
            f"{-limit:.{digits}f}<br>{bottom}".replace("-", "−"),
            "0",
            f"{top}<br>+{limit:.{digits}f}",
        ],
        "tickfont": {"size": 11, "color": ink.muted},
    }
