"""The sizes of a field in words and numbers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pandas as pd

from sk_viz.figures.screen.grid import signed
from sk_viz.figures.screen.style import scale_label
from sk_viz.language import gettext as _
from sk_viz.language import mark

if TYPE_CHECKING:
    from sk_viz.measures.fields.growth import FieldGrowth
    from sk_viz.measures.fields.receptive_field import ReceptiveField

# The sizes of an effective field by their names in the records, in words.
SIZES = {
    "luo": mark("√ of the area above 4.55 % of the peak (Luo)"),
    "share_20": mark("square that holds 20 % of the gradient"),
    "share_30": mark("square that holds 30 % of the gradient"),
    "share_50": mark("square that holds 50 % of the gradient"),
    "share_99": mark("square that holds 99 % of the gradient"),
    "replknet_20": mark("square, 20 % of the log-gradient (RepLKNet)"),
    "replknet_30": mark("square, 30 % of the log-gradient (RepLKNet)"),
    "replknet_50": mark("square, 50 % of the log-gradient (RepLKNet)"),
    "replknet_99": mark("square, 99 % of the log-gradient (RepLKNet)"),
}


def sizes_table(held: ReceptiveField, free: ReceptiveField) -> pd.DataFrame:
    """The sizes of both fields by every named definition, as they stand in the files."""
    return pd.DataFrame(
        [
            {
                "size": title,
                "gate held": round(held.size[name], 1),
                "gate free": round(free.size[name], 1),
                "basis": "measured",
            }
            for name, title in SIZES.items()
        ]
    )


def growth_sentence(found: FieldGrowth, size: str) -> str:
    """How much the field grows to the largest scale, and what each part adds."""
    parts = {float(row["scale"]): row for row in found.parts(size).to_dict("records")}
    last = max(parts)
    if last == 1.0:
        return _("Only one scale was shown: choose a range of scales in the sidebar.")
    first, end = parts[1.0], parts[last]
    gate = end["gate"] - first["gate"]
    before = first["at_one"] + first["gate"]
    total = end["stimulus"] + end["choice"] + gate
    if math.isnan(total):
        return _("The field is zero everywhere at one of the scales, so it has no size there.")
    return _(
        "From 1.0× to {last} the field with a free choice goes from {before} to {after} px "
        "({total}): {picture} px from the picture alone with the weights of 1.0×, {choice} px from "
        "the new weights, {gate} px from what pixels do through the choice. One picture, one "
        "position: measured, without an interval."
    ).format(
        last=scale_label(last),
        before=f"{before:.1f}",
        after=f"{before + total:.1f}",
        total=signed(total, 1),
        picture=signed(end["stimulus"], 1),
        choice=signed(end["choice"], 1),
        gate=signed(gate, 1),
    )
