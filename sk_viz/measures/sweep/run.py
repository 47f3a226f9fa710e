"""A scale sweep: the branch weights of every unit, and the predictions, at each scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from sk_viz.errors import ModelError
from sk_viz.measures.certainty import likely_none
from sk_viz.measures.reading import Floats, Progress, read, softmax
from sk_viz.measures.record import Record, build_record
from sk_viz.measures.sweep.tables import (
    branch_means,
    differences_table,
    predictions_table,
    weights_table,
)
from sk_viz.pictures import CENTRE, Background, Picture, Stimulus, parse_scales, stimuli
from sk_viz.zoo.given import as_loaded

if TYPE_CHECKING:
    from torch import nn

    from sk_viz.measures.held import Choice
    from sk_viz.networks.engine import Dtype
    from sk_viz.zoo.model import Model

SCALES = parse_scales("1:2:11")


@dataclass(frozen=True, eq=False)
class Sweep:
    """What a model did with one picture over S scales.

    Attributes:
        weights: one row a scale, unit, branch and channel: columns scale, unit, stage, block,
            branch, kernel, channel, weight. Empty in a sweep that was loaded from JSON.
        differences: one row a scale and unit: columns scale, unit, stage, block, difference.
        predictions: the five likeliest classes of a scale: columns scale, rank, label, name,
            probability.
        record: all that is needed to make the same numbers again.
        stimuli: what the network was shown, one a scale; empty in a sweep that was loaded.
        probabilities: float32 (S, K), the softmax of the logits; None in a sweep that was loaded.
        likely_none: bool (S,), whether the picture is likely of none of the model's classes, by
            the model's rule; None where it has none, and in a sweep that was loaded.
    """

    weights: pd.DataFrame
    differences: pd.DataFrame
    predictions: pd.DataFrame
    record: Record
    stimuli: tuple[Stimulus, ...] = ()
    probabilities: Floats | None = field(default=None, repr=False)
    likely_none: npt.NDArray[np.bool_] | None = None

    @cached_property
    def scales(self) -> tuple[float, ...]:
        """The S scales, in the order shown."""
        return tuple(float(scale) for scale in self.differences["scale"].unique())

    @cached_property
    def units(self) -> tuple[str, ...]:
        """The names of the units, in the network's order."""
        return tuple(str(unit) for unit in self.differences["unit"].unique())

    @cached_property
    def branches(self) -> pd.DataFrame:
        """Mean weight over channels: columns scale, unit, stage, block, branch, kernel, weight."""
        return branch_means(self.weights)

    @cached_property
    def stages(self) -> pd.DataFrame:
        """Mean over the units of a stage, each unit counted once.

        Columns scale, stage, branch, kernel, weight.
        """
        keys = ["scale", "stage", "branch", "kernel"]
        return self.branches.groupby(keys, sort=False)["weight"].mean().reset_index()

    @cached_property
    def stage_differences(self) -> pd.DataFrame:
        """Mean difference over the units of a stage: columns scale, stage, difference."""
        grouped = self.differences.groupby(["scale", "stage"], sort=False)
        return grouped["difference"].mean().reset_index()

    def unit_weights(self, unit: str) -> Floats:
        """The branch weights of one unit: float32 (S, M, C).

        Raises:
            ModelError: there is no such unit, or the sweep was loaded from JSON.
        """
        if unit not in self.units:
            raise ModelError(f"There is no unit {unit!r}: choose one of {', '.join(self.units)}.")
        if self.weights.empty:
            raise ModelError(
                "This sweep was loaded from JSON, which keeps no weights of single channels: "
                "save it as parquet."
            )
        rows = self.weights[self.weights["unit"] == unit]
        shape = (len(self.scales), rows["branch"].max() + 1, rows["channel"].max() + 1)
        return rows["weight"].to_numpy().reshape(shape)

    def unit_differences(self, unit: str) -> np.ndarray:
        """The difference of one unit at each scale: float64 (S,).

        Raises:
            ModelError: there is no such unit.
        """
        if unit not in self.units:
            raise ModelError(f"There is no unit {unit!r}: choose one of {', '.join(self.units)}.")
        rows = self.differences[self.differences["unit"] == unit]
        return rows["difference"].to_numpy()

    def probability(self, label: int) -> np.ndarray:
        """The probability of one class at each scale: float (S,).

        Args:
            label: the index of the class.

        Returns:
            In a sweep that was loaded, NaN where the class is not among the five likeliest.
        """
        if self.probabilities is not None:
            return self.probabilities[:, label]
        rows = self.predictions[self.predictions["label"] == label]
        kept = dict(zip(rows["scale"], rows["probability"], strict=True))
        return np.array([kept.get(scale, np.nan) for scale in self.scales])

    def to_json(self) -> dict[str, Any]:
        """``{"record", "differences", "predictions"}`` of plain values, for ``json.dumps``."""
        return {
            "record": dict(self.record),
            "differences": self.differences.to_dict("records"),
            "predictions": self.predictions.to_dict("records"),
        }


def sweep(
    model: Model | nn.Module,
    picture: Picture,
    scales: Sequence[float] = SCALES,
    protocol: str = "zoom",
    point: tuple[float, float] = CENTRE,
    background: Background | None = None,
    *,
    held: Mapping[str, Choice] | None = None,
    dtype: Dtype = "float32",
    progress: Progress | None = None,
) -> Sweep:
    """Show a model one picture at several scales and read every unit's branch weights.

    Args:
        model: of ``sk_viz.load_model``, or any network with SK units (see ``as_loaded``).
        picture: of ``sk_viz.read_picture``; one with transparency for the protocol ``object``.
        scales: S scales, each once; the table keeps their order.
        protocol: ``zoom``, ``blur``, ``resolution`` or ``object``.
        point: (x, y) in [0, 1], where to zoom to, or where to draw the object.
        background: of the protocol ``object``: a colour (R, G, B) or a picture.
        held: what to hold where at every scale, such as ``{"SK_3_4": "largest"}``; see
            ``held_weights``. The tables keep what each unit chose by itself, the held ones too;
            those after a held one choose from what they then see.
        dtype: of the arithmetic: ``float32``; ``bfloat16``, on a CPU that has it or on CUDA,
            faster, on a CPU for networks whose differences kept within 1e-3 on trial pictures;
            ``float16`` on CUDA. Where ``bfloat16`` cannot be had, float32 is used; the record
            says what was.
        progress: called with (done, total) between the scales; what it raises ends the sweep.

    Raises:
        ScaleError: scales, protocol or point that make no sense together.
        PictureError: ``object`` with a picture that has no transparency.
        ModelError: memory too small for one stimulus; no such dtype; units, stages or
            choices in ``held`` that are none.
    """
    from sk_viz.measures.held import describe, held_weights  # which knows sweeps

    model = as_loaded(model)
    holding = held_weights(model.units, held) if held else None
    settings: dict[str, Any] = {}
    if held:
        settings["held"] = {key: describe(choice) for key, choice in held.items()}
    shown = stimuli(
        picture, scales, protocol, model.preprocessing, point=point, background=background
    )
    reading = read(model, shown, held=holding, dtype=dtype, progress=progress)
    scales = tuple(stimulus.scale for stimulus in shown)
    probabilities = softmax(reading.logits)
    probabilities.flags.writeable = False
    rule = model.certainty.unknown if model.certainty else None
    return Sweep(
        weights=weights_table(scales, model.units, reading.weights),
        differences=differences_table(scales, model.units, reading.weights),
        predictions=predictions_table(scales, probabilities, model.classes),
        record=build_record(
            "sweep",
            model,
            picture,
            protocol=protocol,
            scales=scales,
            point=point,
            background=background,
            dtype=reading.dtype,
            batch_size=reading.batch_size,
            engine=reading.engine,
            notes=reading.notes,
            **settings,
        ),
        stimuli=shown,
        probabilities=probabilities,
        likely_none=likely_none(rule, reading.logits) if rule is not None and rule.proven else None,
    )
