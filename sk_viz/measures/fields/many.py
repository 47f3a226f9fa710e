"""The fields of many networks side by side: one table of layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import pandas as pd

from sk_viz.errors import ModelError
from sk_viz.measures.fields.receptive_field import receptive_field
from sk_viz.measures.record import Record
from sk_viz.measures.result import Result
from sk_viz.pictures import PictureLike
from sk_viz.zoo.plain import PlainNetwork

# Five networks of each of four families, from small to large.
FAMILIES: Mapping[str, tuple[str, ...]] = {
    "ResNet": ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152"),
    "RegNetX": ("regnetx_002", "regnetx_004", "regnetx_008", "regnetx_016", "regnetx_032"),
    "EfficientNet": tuple(f"efficientnet_b{n}" for n in range(5)),
    "ConvNeXt": (
        "convnext_atto",
        "convnext_femto",
        "convnext_pico",
        "convnext_nano",
        "convnext_tiny",
    ),
}


@dataclass(frozen=True, eq=False)
class FieldTable(Result):
    """Fields of the last stage of several networks.

    Attributes:
        table: columns family, model, kind (pretrained or untrained), layer, and those of
            ``LayerField.table``.
        record: of every network, under ``networks``.
    """

    MEASURE: ClassVar[str] = "field_table"
    NOUN: ClassVar[str] = "a table of fields"

    table: pd.DataFrame
    record: Record

    def to_json(self) -> dict[str, Any]:
        """``{"record", "table"}`` of plain values."""
        return {"record": dict(self.record), "table": self.table.to_dict("records")}

    def _table(self) -> pd.DataFrame:
        return self.table

    @classmethod
    def _restored(cls, contents: Mapping[str, Any], table: pd.DataFrame | None) -> Self:
        kept = pd.DataFrame(contents["table"]) if table is None else table
        return cls(kept, contents["record"])


def field_table(
    names: Sequence[tuple[str, str]],
    load: Callable[[str], PlainNetwork],
    pictures: Sequence[PictureLike] | None = None,
    *,
    input_sizes: Sequence[int] = (),
    untrained: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> FieldTable:
    """Measure the last stage of several networks at the middle of the picture.

    Args:
        names: family and name of each.
        load: makes a network of a name; one at a time is held.
        pictures: to average over; noise if left out.
        input_sizes: in pixels; each network's own if left out.
        untrained: also measure untrained copies.
        progress: called with (done, total) networks; what it raises ends the work.

    Raises:
        ModelError: no names, or a network that does not tell its stages.
    """
    if not names:
        raise ModelError("There is no network to measure: name at least one.")
    rows, records = [], []
    for done, (family, name) in enumerate(names, start=1):
        network = load(name)
        found = receptive_field(
            network,
            layer=last_stage(network),
            picture=pictures,
            input_sizes=input_sizes,
            untrained=untrained,
        )
        front = {"family": family, "model": network.id, "kind": network.kind, "layer": found.layer}
        rows += [front | row for row in found.table.to_dict("records")]
        records.append(dict(found.record))
        if progress is not None:
            progress(done, len(names))
    first = records[0]
    common = ("sk_viz", "picture", "picture_sha256", "protocol", "scales", "point", "torch", "seed")
    record = {
        **{name: first[name] for name in common},
        "measure": FieldTable.MEASURE,
        "model": f"{len(records)} networks",
        "model_kind": ", ".join(dict.fromkeys(one["model_kind"] for one in records)),
        "model_note": " ".join(dict.fromkeys(one["model_note"] for one in records)),
        "networks": records,
        "notes": list(dict.fromkeys(note for one in records for note in one["notes"])),
    }
    return FieldTable(pd.DataFrame(rows), record)


def last_stage(network: PlainNetwork) -> str:
    """Path of the last stage, which the networks of timm tell themselves.

    Raises:
        ModelError: it does not.
    """
    stages: Any = getattr(network.network, "feature_info", None)
    try:
        return str(stages[-1]["module"])
    except (TypeError, KeyError, IndexError) as error:
        raise ModelError(f"{network.id} does not name its stages: choose a layer of it.") from error
