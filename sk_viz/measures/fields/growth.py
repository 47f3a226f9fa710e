"""Does the effective field grow when the object is enlarged, and is it the gate's doing?

The paper's claim is that units turn to the larger kernel to see larger objects; it measures the
weights and never the field. Measuring the field three times at each scale takes the claim apart:
with the weights of scale 1 held only the picture changes; with the weights of the scale itself
held their change comes in; with the gate free so does what a pixel does through the choice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pandas as pd
import torch

from sk_viz.errors import ModelError, ScaleError
from sk_viz.measures.fields.effective import RECIPES, FieldProbe, field_sizes
from sk_viz.measures.fields.receptive_field import as_pictures, centre_pixel, find_unit
from sk_viz.measures.fields.theoretical import theoretical_fields
from sk_viz.measures.reading import to_tensor
from sk_viz.measures.record import Record, build_record
from sk_viz.measures.result import Result
from sk_viz.measures.statistics import paired_effect
from sk_viz.pictures import CENTRE, Background, PictureLike, Presentation, check_point
from sk_viz.types import Progress

if TYPE_CHECKING:
    from sk_viz.zoo.model import Model

HELD, AT_ONE, FREE = "held", "held at 1.0x", "free"
PARTS = ("stimulus", "choice", "gate")


@dataclass(frozen=True, eq=False)
class FieldGrowth(Result):
    """The size of the effective field over scales, in three settings of the weights.

    Attributes:
        table: one row per picture, scale, unit and setting: columns picture (from 0), scale, unit,
            stage, block, weights (``held``, ``held at 1.0x``, ``free``), and one column for each
            size that ``field_sizes`` names, in pixels.
        record: all that is needed to make the same numbers again.
    """

    MEASURE: ClassVar[str] = "field_growth"
    NOUN: ClassVar[str] = "a field's growth"

    table: pd.DataFrame
    record: Record

    def to_json(self) -> dict[str, Any]:
        """``{"record", "sizes"}`` of plain values; a size that does not exist is NaN."""
        return {"record": dict(self.record), "sizes": self.table.to_dict("records")}

    def _table(self) -> pd.DataFrame:
        return self.table

    @classmethod
    def _restored(cls, contents: Mapping[str, Any], table: pd.DataFrame | None) -> Self:
        if table is None:
            table = pd.DataFrame(contents["sizes"])
            sizes = list(table.columns[table.columns.get_loc("luo") :])
            table = table.astype(dict.fromkeys(sizes, "float64"))
        return cls(table, contents["record"])

    def parts(self, size: str = "luo") -> pd.DataFrame:
        """Where the size at each scale comes from, for every picture.

        Args:
            size: a definition, such as ``luo`` or ``share_50``.

        Returns:
            Columns picture, scale, unit, at_one (the size at scale 1 with the weights held),
            and what is added to it: stimulus (the same weights, other pixels), choice (the
            weights that the units chose at this scale), gate (what pixels do through the
            choice). The four sum to the size with the gate free.

        Raises:
            ModelError: a definition that was not measured.
        """
        if size not in _sizes(self):
            raise ModelError(f"There is no size {size!r}: choose one of {', '.join(_sizes(self))}.")
        keys = ["picture", "scale", "unit"]
        wide = self.table.pivot_table(
            index=keys, columns="weights", values=size, sort=False, dropna=False
        )
        first = wide.xs(1.0, level="scale")[HELD].rename("at_one")
        found = wide.join(first, on=["picture", "unit"])
        return pd.DataFrame(
            {
                "at_one": found["at_one"],
                "stimulus": found[AT_ONE] - found["at_one"],
                "choice": found[HELD] - found[AT_ONE],
                "gate": found[FREE] - found[HELD],
            }
        ).reset_index()

    def effects(self, size: str = "luo") -> pd.DataFrame:
        """The mean of each part over the pictures, with its interval.

        Args:
            size: a definition, such as ``luo`` or ``share_50``.

        Returns:
            Columns scale, unit, part, n, mean, low, high (95 %, by Student's t over pictures) in
            pixels, and d (Cohen's, paired). With one picture, or where a part is the same for
            all, low, high and d are NaN.

        Raises:
            ModelError: a definition that was not measured.
        """
        rows = []
        for (scale, unit), group in self.parts(size).groupby(["scale", "unit"], sort=False):
            values = group[list(PARTS)].to_numpy(np.float64)
            low_high, d = np.full((2, len(PARTS)), np.nan), np.full(len(PARTS), np.nan)
            if len(values) > 1 and np.isfinite(values).all():
                effect = paired_effect(values)
                low_high, d = effect.mean_interval, effect.d
            rows += [
                {
                    "scale": scale,
                    "unit": unit,
                    "part": part,
                    "n": len(values),
                    "mean": values[:, i].mean(),
                    "low": low_high[0, i],
                    "high": low_high[1, i],
                    "d": d[i],
                }
                for i, part in enumerate(PARTS)
            ]
        return pd.DataFrame(rows)


def field_growth(
    model: Model,
    picture: PictureLike | Sequence[PictureLike],
    units: Sequence[str] | None = None,
    scales: Sequence[float] = (1.0, 1.5, 2.0),
    protocol: str = "zoom",
    point: tuple[float, float] = CENTRE,
    background: Background | None = None,
    *,
    place: tuple[float, float] = (0.5, 0.5),
    progress: Progress | None = None,
) -> FieldGrowth:
    """Measure the effective field of several units over scales, three times each.

    Costs, for each picture and scale, three forwards and three backwards per unit.

    Args:
        model: of ``sk_viz.load_model``; it stays exactly as it is.
        picture: one picture or several.
        units: their names; all units if left out.
        scales: each once, with 1 among them.
        protocol: ``zoom``, ``blur``, ``resolution`` or ``object``.
        point: (x, y) in [0, 1], where to zoom to, or where to draw the object.
        background: of the protocol ``object``: a colour (R, G, B) or a picture.
        place: (x, y) in [0, 1], where in the network's input the fields are measured; ``point``
            is where in the picture the zoom goes.
        progress: called with (done, total) after each stimulus; what it raises ends the work.

    Raises:
        ModelError: a unit that the model does not have.
        ScaleError: scales without 1; scales, protocol, point or place that make no sense.
        PictureError: ``object`` with a picture that has no transparency.
    """
    scales = tuple(scales)
    if 1.0 not in scales:
        raise ScaleError("Growth is measured against scale 1: add it to the scales.")
    names = [unit.name for unit in model.units] if units is None else list(units)
    chosen = tuple(find_unit(model, name) for name in names)
    place, pictures = check_point(place), as_pictures(picture)
    theory = theoretical_fields(model.network, model.units, model.preprocessing.input_size)
    held, free = (FieldProbe(model, chosen, gate, place) for gate in ("held", "free"))
    presentation = Presentation(protocol, point, background)
    rows: list[dict[str, Any]] = []
    for number, one in enumerate(pictures):
        shown = presentation.stimuli(one, scales, model.preprocessing)
        with torch.inference_mode():
            at_one = model.readout(to_tensor([shown[scales.index(1.0)]], model))[1]
        # Cloned outside inference mode, in which nothing can be differentiated.
        first = {u.name: w.clone() for u, w in zip(model.units, at_one, strict=True)}
        for done, stimulus in enumerate(shown, start=number * len(shown) + 1):
            x = to_tensor([stimulus], model)
            measured = {HELD: held.maps(x), AT_ONE: held.maps(x, first), FREE: free.maps(x)}
            for weights, found in measured.items():
                for unit in chosen:
                    maps = found[unit.name]
                    side = x.shape[-1]
                    centre = centre_pixel(theory[unit.name][0], maps.position, side)
                    rows.append(
                        {
                            "picture": number,
                            "scale": stimulus.scale,
                            "unit": unit.name,
                            "stage": unit.stage,
                            "block": unit.block,
                            "weights": weights,
                            **field_sizes(maps.absolute[0], maps.positive[0], centre),
                        }
                    )
            if progress is not None:
                progress(done, len(pictures) * len(shown))
    record = build_record(
        "field_growth",
        model,
        pictures[0],
        presentation=presentation,
        scales=scales,
        units=names,
        place=place,
        recipes=dict(RECIPES),
        pictures=[{"picture": p.name, "sha256": p.sha256} for p in pictures],
    )
    return FieldGrowth(pd.DataFrame(rows), record)


def _sizes(growth: FieldGrowth) -> list[str]:
    columns = [str(column) for column in growth.table]
    return columns[columns.index("luo") :]
