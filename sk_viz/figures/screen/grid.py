"""Maps of coloured cells: unit by scale, and unit by intervention, as plain values.

A grid is drawn by the page's own component, since its cells must answer a tap and the arrow keys.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import pandas as pd

from sk_viz.figures.screen.style import (
    Ink,
    decimals,
    difference_colours,
    kernel_label,
    scale_label,
)
from sk_viz.language import gettext as _
from sk_viz.measures.sweep.changes import change_from_first

MINUS = "\N{MINUS SIGN}"
MOST_COLUMN_LABELS = 14
VISIBLE = 0.1  # share of full colour below which no cell can be told from zero


@dataclass(frozen=True)
class GridRow:
    """One row of a grid.

    Attributes:
        id: what a click on one of its cells returns.
        label: text beside it.
        group: rows of one group stand together, under one label.
    """

    id: str
    label: str
    group: str


@dataclass(frozen=True)
class GridColumn:
    """One column of a grid: what a click returns, and its label ("" where there is no room)."""

    id: str
    label: str


@dataclass(frozen=True)
class Grid:
    """A map of coloured cells.

    Attributes:
        rows: from the top.
        columns: from the left.
        values: one number per cell, row by row.
        texts: what a cell says when it is pointed at, row by row.
        marks: text within a cell, row by row; empty where cells have none.
        limit: the value of full colour; larger ones have full colour as well.
        colours: (position in [0, 1], colour) from ``-limit`` to ``limit``.
        low, high: what the two ends of the colour bar mean.
        corner: what the columns are.
        note: what is hard to see in these colours; "" for nothing.
    """

    rows: tuple[GridRow, ...]
    columns: tuple[GridColumn, ...]
    values: tuple[tuple[float, ...], ...]
    texts: tuple[tuple[str, ...], ...]
    limit: float
    colours: tuple[tuple[float, str], ...]
    low: str
    high: str
    corner: str
    marks: tuple[tuple[str, ...], ...] = ()
    note: str = ""


def difference_grid(
    differences: pd.DataFrame,
    ink: Ink,
    *,
    kernels: tuple[int, int],
    limit: float | None = None,
    change: bool = False,
    dead: Collection[str] = (),
    protocol: str = "zoom",
    ends: tuple[str, str] | None = None,
) -> Grid:
    """The map unit by scale of the difference.

    Args:
        differences: scale, unit, stage, block, difference; units in the network's order.
        ink: of the page.
        kernels: smallest and largest of the network.
        limit: the value of full colour; the largest magnitude in the table if None.
        change: show the change from the smallest scale in place of the difference itself.
        dead: units whose weights never move; their label says so.
        protocol: what the scale is a scale of.
        ends: what the ends of the colours mean, if not the two kernels.
    """
    table = change_from_first(differences, ["unit"], "difference") if change else differences
    wide = table.pivot(index="unit", columns="scale", values="difference")
    wide = wide.loc[list(dict.fromkeys(differences["unit"]))]
    stage_of = dict(zip(differences["unit"], differences["stage"], strict=True))
    scales = [float(scale) for scale in wide.columns]
    largest_value = float(wide.abs().to_numpy().max())
    reach = limit or max(largest_value, 1e-3)
    digits = decimals(min(reach, max(largest_value, 1e-6)), 3)
    smallest, largest = (kernel_label(kernel) for kernel in kernels)
    low, high = ends or (smallest, largest)
    values = tuple(tuple(float(value) for value in row) for row in wide.to_numpy())
    every = -(-len(scales) // MOST_COLUMN_LABELS)
    return Grid(
        rows=tuple(
            GridRow(
                str(unit),
                _("{unit} (dead)").format(unit=unit) if unit in dead else str(unit),
                _("stage {stage}").format(stage=stage_of[unit]),
            )
            for unit in wide.index
        ),
        columns=tuple(
            # Without the sign, so that eleven stand side by side on a phone.
            GridColumn(repr(scale), scale_label(scale)[:-1] if place % every == 0 else "")
            for place, scale in enumerate(scales)
        ),
        values=values,
        texts=tuple(
            tuple(
                _("{unit} at {scale}: {value}").format(
                    unit=unit, scale=scale_label(scale), value=signed(value, digits)
                )
                for scale, value in zip(scales, row, strict=True)
            )
            for unit, row in zip(wide.index, values, strict=True)
        ),
        limit=reach,
        colours=tuple(difference_colours(ink)),
        low=low,
        high=high,
        corner=_("scale ({protocol})").format(protocol=_(protocol)),
        note=_note(largest_value, reach),
    )


def choice_grid(
    table: pd.DataFrame, colours: Sequence[tuple[float, str]], *, titles: dict[str, str], label: int
) -> Grid:
    """The change of a class's logit by unit and intervention.

    Args:
        table: of ``ChoiceMap``: unit, stage, intervention, logit_change, probability_change,
            label, name; units in the network's order.
        colours: from the strongest loss to the strongest gain.
        titles: of the interventions, by their words in the table.
        label: the class that was named before; a cell that names another one is underlined.
    """
    units = list(dict.fromkeys(table["unit"]))
    kinds = list(dict.fromkeys(table["intervention"]))
    cells = {(row["unit"], row["intervention"]): row for row in table.to_dict("records")}
    stage_of = dict(zip(table["unit"], table["stage"], strict=True))
    limit = max(float(table["logit_change"].abs().max()), 1e-3)
    chosen = [[cells[unit, kind] for kind in kinds] for unit in units]
    return Grid(
        rows=tuple(
            GridRow(str(unit), str(unit), _("stage {stage}").format(stage=stage_of[unit]))
            for unit in units
        ),
        columns=tuple(GridColumn(str(kind), titles[kind]) for kind in kinds),
        values=tuple(tuple(float(cell["logit_change"]) for cell in row) for row in chosen),
        texts=tuple(
            tuple(
                _(
                    "{unit}, {title}: logit {change}, probability {points} points, answer {name}"
                ).format(
                    unit=cell["unit"],
                    title=titles[str(cell["intervention"])],
                    change=signed(cell["logit_change"], 3),
                    points=signed(100 * cell["probability_change"], 1),
                    name=cell["name"],
                )
                for cell in row
            )
            for row in chosen
        ),
        marks=tuple(
            tuple(
                signed(cell["logit_change"], 2) + ("" if cell["label"] == label else " ≠")
                for cell in row
            )
            for row in chosen
        ),
        limit=limit,
        colours=tuple(colours),
        low=_("loses"),
        high=_("gains"),
        corner=_("frozen to"),
    )


def signed(value: float, digits: int) -> str:
    """A number with its sign and a real minus; a rounded zero has no sign."""
    text = f"{value:+.{digits}f}".replace("-", MINUS)
    return text[1:] if not text[1:].strip("0.") else text


def _note(largest: float, reach: float) -> str:
    if largest < VISIBLE * reach:
        return _(
            "Every value is below {value}: too small to see in these colours. Free the colour "
            "range to see them."
        ).format(value=f"{largest:.{decimals(largest, 2)}f}")
    if largest > 1.02 * reach:
        return _("Values beyond ±{reach} have full colour; the largest is {value}.").format(
            reach=f"{reach:g}", value=f"{largest:.{decimals(largest, 2)}f}"
        )
    return ""
