"""A stored survey as arrays: one row a readable picture, one column a condition."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow.compute as pc

from sk_viz.errors import ModelError, ScaleError
from sk_viz.surveys.store import Store

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SurveyResults:
    """What has been measured so far in a survey's folder.

    Attributes:
        store: the folder.
        header: its ``survey.json``.
    """

    store: Store
    header: dict[str, Any]

    @classmethod
    def open(cls, folder: str | Path) -> SurveyResults:
        """The survey of a folder, finished or not.

        Raises:
            PictureError: there is none, or nothing has been measured yet.
        """
        store = Store(folder)
        results = cls(store, store.header())
        _ = results.pictures
        return results

    @property
    def record(self) -> dict[str, Any]:
        """What was measured, and with what."""
        record: dict[str, Any] = self.header["record"]
        return record

    @property
    def units(self) -> tuple[str, ...]:
        """Names of the units, in the network's order."""
        return tuple(unit["name"] for unit in self.header["units"])

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the model's classes."""
        return tuple(self.header["classes"])

    @property
    def conditions(self) -> tuple[tuple[str, float], ...]:
        """(protocol, scale) of each column."""
        record = self.record
        return tuple((p, s) for p in record["protocols"] for s in record["scales"])

    @cached_property
    def _about(self) -> pd.DataFrame:
        columns = ["position", "name", "sha256", "label", "class_index", "box_area", "error"]
        table = self.store.table([*columns, "protocol", "scale"])
        protocol, scale = self.conditions[0]
        first = pc.and_(pc.equal(table["protocol"], protocol), pc.equal(table["scale"], scale))
        chosen = table.filter(pc.or_kleene(first, pc.is_valid(table["error"])))
        frame: pd.DataFrame = chosen.select(columns).to_pandas()
        return frame

    @cached_property
    def pictures(self) -> pd.DataFrame:
        """The n readable pictures: position, name, sha256, label, class_index, box_area."""
        readable = self._about[self._about["error"].isna()]
        return readable.drop(columns="error").reset_index(drop=True)

    @cached_property
    def unreadable(self) -> pd.DataFrame:
        """The others: name and reason."""
        broken = self._about[self._about["error"].notna()]
        renamed = broken[["name", "error"]].rename(columns={"error": "reason"})
        return renamed.reset_index(drop=True)

    def differences(self, unit: str) -> Array:
        """(n, conditions) difference of a unit, in [-1, 1].

        Raises:
            ModelError: there is no such unit.
        """
        return self._column(f"difference.{self._known(unit)}")

    def weights(self, unit: str) -> Array:
        """(n, conditions) mean weight of the largest kernel of a unit, in [0, 1].

        Raises:
            ModelError: there is no such unit.
        """
        return self._column(f"weight.{self._known(unit)}")

    def label_probabilities(self) -> Array:
        """(n, conditions) probability of the label, NaN where the model does not have it."""
        return self._column("label_probability")

    def hits(self) -> tuple[Array, Array]:
        """Whether the label is first, and among the five first: (n, conditions) of 0, 1, NaN."""
        table = self.store.table(["error", "class_index", "top_index"])
        table = table.filter(pc.is_null(table["error"]))
        label = table["class_index"].to_pandas().to_numpy(np.float64)
        width = table["top_index"].type.list_size
        top = pc.list_flatten(table["top_index"]).to_numpy().reshape(-1, width)
        shape = (-1, len(self.conditions))
        same = np.where(np.isnan(label)[:, None], np.nan, top == label[:, None])
        return same[:, 0].reshape(shape), same.max(axis=1).reshape(shape)

    def channel_means(self, unit: str, protocol: str = "zoom") -> dict[float, Array]:
        """Mean weight of the largest kernel over all pictures, (C,) at each scale.

        Raises:
            ModelError: there is no such unit.
            ScaleError: this protocol was not surveyed.
        """
        self._known(unit)
        if protocol not in self.record["protocols"]:
            raise ScaleError(f"The survey has no {protocol}: run one with --protocol {protocol}.")
        sums = self._channel_sums
        rows = sums[(sums["unit"] == unit) & (sums["protocol"] == protocol)]
        means: dict[float, Array] = {}
        for scale in self.record["scales"]:
            of_scale = rows[rows["scale"] == scale]
            means[scale] = (of_scale["total"] / of_scale["count"]).to_numpy()
        return means

    @cached_property
    def _channel_sums(self) -> pd.DataFrame:
        return self.store.channels()

    def column_of(self, protocol: str, scale: float) -> int | None:
        """Which column a condition is, None where it was not surveyed."""
        condition = (protocol, float(scale))
        return self.conditions.index(condition) if condition in self.conditions else None

    def _column(self, name: str) -> Array:
        table = self.store.table(["error", name])
        column = table.filter(pc.is_null(table["error"]))[name].to_pandas()
        values: Array = column.to_numpy(np.float64)
        return values.reshape(-1, len(self.conditions))

    def _known(self, unit: str) -> str:
        if unit not in self.units:
            raise ModelError(f"There is no unit {unit!r}: choose one of {', '.join(self.units)}.")
        return unit
