"""The two tables of a part: one row per picture and condition, and sums for every channel."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sk_viz.datasets.entries import Entry
from sk_viz.pictures import Box
from sk_viz.surveys.store import RECORD

if TYPE_CHECKING:
    from sk_viz.networks.units import Unit
    from sk_viz.surveys.plan import SurveyPlan
    from sk_viz.zoo.model import Model

Floats = npt.NDArray[np.float32]

TOP = 5
_ABOUT = 11  # columns that say which picture and which condition a row is of


@dataclass(frozen=True, eq=False)
class Prepared:
    """A picture made ready for the network.

    Attributes:
        entry: where it is from.
        sha256: of the bytes of its file, None when unreadable.
        box_area: of the box as a share of the picture, in (0, 1], or None.
        inputs: float32 (3, side, side) each, the different stimuli.
        pools: for each of them the part over which the gates take their mean, None for all.
        shown: for each condition of the plan which of the inputs it shows.
        error: why it cannot be read, None when it can.
        reason: the few words under which unreadable pictures are counted.
    """

    entry: Entry
    sha256: str | None = None
    box_area: float | None = None
    inputs: tuple[Floats, ...] = ()
    pools: tuple[Box | None, ...] = ()
    shown: tuple[int, ...] = ()
    error: str | None = None
    reason: str | None = None


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
    def of(cls, read: Sequence[tuple[Floats, Sequence[Floats]]], units: Sequence[Unit]) -> Forward:
        """From the logits (n, K) and the branch weights (n, M, C) of each unit, of some batches."""
        logits = np.concatenate([batch for batch, _ in read])
        weights = [np.concatenate(unit) for unit in zip(*(w for _, w in read), strict=True)]
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities: Floats = exponentials / exponentials.sum(axis=1, keepdims=True)
        pairs = [(w[:, u.largest], w[:, u.smallest]) for u, w in zip(units, weights, strict=True)]
        return cls(
            probabilities,
            np.argsort(-probabilities, axis=1, kind="stable")[:, :TOP].astype(np.int32),
            [largest for largest, _ in pairs],
            np.stack([(a - b).mean(axis=1, dtype=np.float64) for a, b in pairs]),
            np.stack([a.mean(axis=1, dtype=np.float64) for a, _ in pairs]),
        )


@dataclass(frozen=True, eq=False)
class Measured:
    """Some pictures that follow each other in a part, and what the network returned for them.

    Attributes:
        pictures: readable or not.
        class_indices: of their labels among the model's classes.
        forward: of their n stimuli; None when no picture could be read.
        shown: for each picture, which stimulus it shows in each condition; empty for an
            unreadable one.
    """

    pictures: list[Prepared]
    class_indices: list[int | None]
    forward: Forward | None
    shown: list[npt.NDArray[np.intp]]

    @property
    def errors(self) -> list[str | None]:
        """Why each picture cannot be read, None for one that can."""
        return [picture.error for picture in self.pictures]


def schema(model: Model, channels: bool) -> pa.Schema:
    """Columns of the results.

    ``position`` counts the survey's pictures from 0. ``difference.SK_2_1`` is in [-1, 1],
    ``weight.SK_2_1`` the mean weight of the largest kernel over channels, in [0, 1], and, where
    channels are kept, ``channels.SK_2_1`` that weight of each channel. ``top_index`` and
    ``top_probability`` are the five likeliest classes; ``label_probability`` is that of the
    label, where the model has its class. An unreadable picture has one row with
    ``error``, one sentence, and ``reason``, the words it is counted under.
    """
    top = min(TOP, len(model.classes))
    columns: list[tuple[str, pa.DataType]] = [
        ("position", pa.int64()),
        ("name", pa.string()),
        ("sha256", pa.string()),
        ("label", pa.string()),
        ("split", pa.string()),
        ("class_index", pa.int32()),
        ("box_area", pa.float32()),
        ("error", pa.string()),
        ("reason", pa.string()),
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

    def __init__(self, plan: SurveyPlan, model: Model, part: int) -> None:
        self._plan = plan
        self._units = model.units
        self._schema = schema(model, plan.channels)
        self._tables: list[pa.Table] = []
        self._position = part * plan.part_size
        shape = (2, len(plan.conditions))
        self._sums = [np.zeros((*shape, unit.channels)) for unit in model.units]
        self._counted = 0

    def add(self, group: Measured) -> None:
        """Add the next pictures of the part."""
        rows: dict[str, list[Any]] = {name: [] for name in self._schema.names[:_ABOUT]}
        for picture, class_index in zip(group.pictures, group.class_indices, strict=True):
            about = (
                self._position,
                picture.entry.about.name,
                picture.sha256,
                picture.entry.about.label,
                picture.entry.about.split,
                class_index,
                picture.box_area,
                picture.error,
                picture.reason,
            )
            conditions = [(None, None)] if picture.error else self._plan.conditions
            for condition in conditions:
                for column, value in zip(rows.values(), (*about, *condition), strict=True):
                    column.append(value)
            self._position += 1
        count = len(rows["error"])
        columns = {
            field.name: pa.array(rows.get(field.name, [None] * count), field.type)
            for field in self._schema
        }
        if group.forward is not None:
            readable = [shown for shown in group.shown if len(shown)]
            self._sum(group.forward, np.stack(readable))
            columns |= self._measured(
                group.forward, np.concatenate(readable), rows["class_index"], rows["error"]
            )
        self._tables.append(pa.table(columns, schema=self._schema))

    def finish(self) -> tuple[pa.Table, pa.Table]:
        """Both tables, with the record in their metadata."""
        record = {RECORD: json.dumps(self._plan.record, ensure_ascii=False).encode()}
        rows = pa.concat_tables(self._tables).combine_chunks()
        return rows.replace_schema_metadata(record), self._channels().replace_schema_metadata(
            record
        )

    def _sum(self, forward: Forward, shown: npt.NDArray[np.intp]) -> None:
        """Add to the sums of every channel; ``shown`` (pictures, conditions)."""
        self._counted += len(shown)
        for sums, largest in zip(self._sums, forward.largest, strict=True):
            exact = largest.astype(np.float64)
            for condition, stimuli in enumerate(shown.T):
                chosen = exact[stimuli]
                sums[0, condition] += chosen.sum(axis=0)
                sums[1, condition] += (chosen * chosen).sum(axis=0)

    def _measured(
        self,
        forward: Forward,
        stimuli: npt.NDArray[np.intp],
        labels: list[int | None],
        errors: list[str | None],
    ) -> dict[str, pa.Array]:
        """The columns of what was measured, null in the rows of unreadable pictures.

        Args:
            forward: of n stimuli.
            stimuli: the one of each row of a readable picture.
            labels: class of each row.
            errors: of each row.
        """
        readable = np.array([error is None for error in errors])
        # Where a row finds its values among those of the readable ones.
        places = pa.array(np.cumsum(readable) - 1, mask=~readable)

        def column(values: npt.NDArray[Any], kind: pa.DataType) -> pa.Array:
            found = values[stimuli]
            if found.ndim == 1:
                return pa.array(found, kind).take(places)
            return pa.FixedSizeListArray.from_arrays(found.ravel(), type=kind).take(places)

        known = np.array([-1 if label is None else label for label in labels])
        asked = known[readable]
        of_label = forward.probabilities[stimuli, asked]
        top = np.take_along_axis(forward.probabilities, forward.top, axis=1)
        columns = {
            "label_probability": pa.array(of_label, mask=asked < 0).take(places),
            "top_index": column(forward.top, self._type("top_index")),
            "top_probability": column(top, self._type("top_probability")),
        }
        for unit, difference, weight, largest in zip(
            self._units, forward.differences, forward.weights, forward.largest, strict=True
        ):
            name = unit.name
            columns[f"difference.{name}"] = column(difference.astype(np.float32), pa.float32())
            columns[f"weight.{name}"] = column(weight.astype(np.float32), pa.float32())
            if self._plan.channels:
                columns[f"channels.{name}"] = column(largest, self._type(f"channels.{name}"))
        return columns

    def _type(self, column: str) -> pa.DataType:
        return self._schema.field(column).type

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
