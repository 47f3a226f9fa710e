"""The result of a scale sweep: branch weights and predictions at each scale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from sk_viz.display import display
from sk_viz.errors import ModelError
from sk_viz.files import write_whole
from sk_viz.measures.reading import Floats
from sk_viz.measures.record import Record
from sk_viz.measures.result import Result, as_made, check_page_ending, in_order
from sk_viz.measures.sweep.tables import branch_means
from sk_viz.pictures import Stimulus

_WEIGHTS = ("scale", "unit", "stage", "block", "branch", "kernel", "channel", "weight")


@dataclass(frozen=True, eq=False)
class Sweep(Result):
    """What a model did with one picture over S scales.

    Attributes:
        weights: one row per scale, unit, branch and channel: columns scale, unit, stage, block,
            branch, kernel, channel, weight. Empty in a sweep that was loaded from JSON.
        differences: one row per scale and unit: columns scale, unit, stage, block, difference.
        predictions: the five likeliest classes per scale: columns scale, rank, label, name,
            probability.
        record: all that is needed to make the same numbers again.
        stimuli: what the network was shown, one per scale; empty in a loaded sweep.
        probabilities: float32 (S, K), the softmax of the logits; None in a loaded sweep.
        likely_none: bool (S,), whether the picture is likely of none of the model's classes, by
            the model's rule; None where it has none, and in a sweep that was loaded.
    """

    MEASURE: ClassVar[str] = "sweep"
    NOUN: ClassVar[str] = "a sweep"

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
            In a loaded sweep, NaN where the class is not among the five likeliest.
        """
        if self.probabilities is not None:
            return self.probabilities[:, label]
        rows = self.predictions[self.predictions["label"] == label]
        kept = dict(zip(rows["scale"], rows["probability"], strict=True))
        return np.array([kept.get(scale, np.nan) for scale in self.scales])

    def to_html(self, path: str | Path) -> Path:
        """Write the sweep as one HTML page that works offline.

        The page is at most 3 MB and makes no request. It scrubs through the scales, units and
        channels, and shows on hover the values of the CSV files, digit by digit.

        Args:
            path: ends with ``.html``. The folder must exist.

        Returns:
            The path.

        Raises:
            ModelError: another ending, or a path that cannot be written.
        """
        path = Path(path)
        check_page_ending(path)
        write_whole(path, display().page(self).encode())
        return path

    def to_json(self) -> dict[str, Any]:
        """``{"record", "differences", "predictions"}`` of plain values, for ``json.dumps``."""
        return {
            "record": dict(self.record),
            "differences": self.differences.to_dict("records"),
            "predictions": self.predictions.to_dict("records"),
        }

    def _table(self) -> pd.DataFrame:
        return self.weights

    @classmethod
    def _restored(cls, contents: Mapping[str, Any], table: pd.DataFrame | None) -> Self:
        return cls(
            weights=as_made(pd.DataFrame(columns=list(_WEIGHTS)))
            if table is None
            else in_order(table),
            differences=as_made(contents["differences"]),
            predictions=as_made(contents["predictions"]),
            record=contents["record"],
        )
