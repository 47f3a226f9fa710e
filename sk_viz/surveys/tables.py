"""The two tables of a part: one row a picture and condition, and sums for every channel."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sk_viz.surveys.store import RECORD

if TYPE_CHECKING:
    from sk_viz.networks.units import Unit
    from sk_viz.networks.zoo import Model
    from sk_viz.surveys.measure import Prepared
    from sk_viz.surveys.plan import Plan

Floats = npt.NDArray[np.float32]

TOP = 5


@dataclass(frozen=True, eq=False)
class Forward:
    """What a network returned for n stimuli.

    Attributes:
        probabilities: (n, K), the softmax of the logits.
        top: (n, 5) the likeliest classes, best first.
        largest: one (n, C) a unit, the weight of its largest kernel.
        differences: (units, n) mean over channels of largest minus smallest.
        weights: (units, n) mean over channels of the largest.
    """

    probabilities: Floats
    top: npt.NDArray[np.int32]
    largest: list[Floats]
    differences: npt.NDArray[np.float64]
    weights: npt.NDArray[np.float64]

    @classmethod
    def of(cls, logits: Floats, weights: Sequence[Floats], units: Sequence[Unit]) -> Forward:
        """From logits (n, K) and the branch weights (n, M, C) of each unit."""
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities: Floats = exponentials / exponentials.sum(axis=1, keepdims=True)
        pairs = [
            (w[:, int(np.argmax(u.kernels))], w[:, int(np.argmin(u.kernels))])
            for u, w in zip(units, weights, strict=True)
        ]
        return cls(
            probabilities,
            np.argsort(-probabilities, axis=1, kind="stable")[:, :TOP].astype(np.int32),
            [largest for largest, _ in pairs],
            np.stack([(a - b).mean(axis=1, dtype=np.float64) for a, b in pairs]),
            np.stack([a.mean(axis=1, dtype=np.float64) for a, _ in pairs]),
        )


def schema(model: Model, channels: bool) -> pa.Schema:
    """Columns of the results.

    ``position`` counts the survey's pictures from 0. ``difference.SK_2_1`` is in [-1, 1],
    ``weight.SK_2_1`` the mean weight of the largest kernel over channels, in [0, 1], and, where
    channels are kept, ``channels.SK_2_1`` that weight of each channel. ``top_index`` and
    ``top_probability`` are the five likeliest classes; ``label_probability`` is that of the
    label, where the model has its class. An unreadable picture has one row with ``error``.
    """
    top = min(TOP, len(model.classes))
    columns: list[tuple[str, pa.DataType]] = [
        ("position", pa.int64()),
        ("name", pa.string()),
        ("sha256", pa.string()),
        ("label", pa.string()),
        ("class_index", pa.int32()),
        ("box_area", pa.float32()),
        ("error", pa.string()),
        ("protocol", pa.string()),
        ("scale", pa.float64()),
        ("label_probability", pa.float32()),
        ("top_index", pa.list_(pa.int32(), top)),
        ("top_probability", pa.list_(pa.float32(), top)),
    ]
    columns += [(f"difference.{unit.name}", pa.float32()) for unit in model.units]
    columns += [(f"weight.{unit.name}", pa.float32()) for unit in model.units]
    if channels:
        columns += [
            (f"channels.{unit.name}", pa.list_(pa.float32(), unit.channels)) for unit in model.units
        ]
    return pa.schema(columns)


class PartTables:
    """Collects one part.

    Args:
        plan: of the survey.
        model: that is read.
        part: which part.
    """

    def __init__(self, plan: Plan, model: Model, part: int) -> None:
        self._plan = plan
        self._units = model.units
        self._schema = schema(model, plan.channels)
        self._rows: list[dict[str, Any]] = []
        self._position = part * plan.part_size
        shape = (2, len(plan.conditions))
        self._sums = [np.zeros((*shape, unit.channels)) for unit in model.units]
        self._counted = 0

    def add(
        self,
        picture: Prepared,
        class_index: int | None,
        measured: Sequence[tuple[Forward, int]],
    ) -> None:
        """Add the next picture of the part.

        Args:
            picture: readable or not.
            class_index: of its label among the model's classes.
            measured: for each condition the forward and the stimulus in it; empty for an
                unreadable picture.
        """
        entry = picture.entry
        about = {
            "position": self._position,
            "name": entry.name,
            "sha256": picture.sha256,
            "label": entry.label,
            "class_index": class_index,
            "box_area": picture.box_area,
            "error": picture.error,
        }
        self._position += 1
        if picture.error is not None:
            self._rows.append(about)
            return
        self._counted += 1
        for condition, (forward, at) in enumerate(measured):
            protocol, scale = self._plan.conditions[condition]
            probabilities, top = forward.probabilities[at], forward.top[at]
            row = {
                "protocol": protocol,
                "scale": scale,
                "label_probability": None if class_index is None else probabilities[class_index],
                "top_index": top,
                "top_probability": probabilities[top],
            }
            self._rows.append(about | row | self._weights(forward, at, condition))

    def finish(self) -> tuple[pa.Table, pa.Table]:
        """Both tables, with the record in their metadata."""
        record = {RECORD: json.dumps(self._plan.record, ensure_ascii=False).encode()}
        rows = pa.Table.from_pylist(self._rows, schema=self._schema.with_metadata(record))
        return rows, self._channels().replace_schema_metadata(record)

    def _weights(self, forward: Forward, at: int, condition: int) -> dict[str, Any]:
        row: dict[str, Any] = {}
        for number, unit in enumerate(self._units):
            largest = forward.largest[number][at]
            row[f"difference.{unit.name}"] = forward.differences[number, at]
            row[f"weight.{unit.name}"] = forward.weights[number, at]
            if self._plan.channels:
                row[f"channels.{unit.name}"] = largest
            exact = largest.astype(np.float64)
            self._sums[number][0, condition] += exact
            self._sums[number][1, condition] += exact * exact
        return row

    def _channels(self) -> pa.Table:
        """One row a condition, unit and channel: of the weight of the largest kernel."""
        count = len(self._plan.conditions)
        lengths = [unit.channels for unit in self._units]
        names = np.repeat([unit.name for unit in self._units], lengths)
        return pa.table(
            {
                "protocol": np.repeat([p for p, _ in self._plan.conditions], sum(lengths)),
                "scale": np.repeat([s for _, s in self._plan.conditions], sum(lengths)),
                "unit": np.tile(names, count),
                "channel": np.tile(np.concatenate([np.arange(n) for n in lengths]), count),
                "count": np.full(count * sum(lengths), self._counted),
                "total": np.concatenate([s[0] for s in self._sums], axis=1).ravel(),
                "squares": np.concatenate([s[1] for s in self._sums], axis=1).ravel(),
            }
        )
