"""The receptive field of a layer of any network, also of one without SK units.

The effective field is measured as for units: the gradient of the sum over channels of ReLU(output)
at one place (Luo et al. 2016). In theory it is exact where every operation on the way has a known
reach; elsewhere what is told is the measured support, the pixels whose gradient is not zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, cast

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from sk_viz.errors import ModelError, ScaleError
from sk_viz.measures.fields.effective import RECIPES, Floats, field_sizes
from sk_viz.measures.fields.graph import layer_reach
from sk_viz.measures.fields.layer_gradient import check_layer, gradient_map, untrained_copy
from sk_viz.measures.fields.replknet import high_contribution
from sk_viz.measures.record import Record, build_record
from sk_viz.measures.result import Result, map_of, map_table
from sk_viz.networks.double import double_of
from sk_viz.pictures import Picture, Presentation, normalise
from sk_viz.zoo.plain import PlainNetwork

if TYPE_CHECKING:
    from sk_viz.types import Progress

Status = Literal["exact", "measured support"]


@dataclass(frozen=True)
class LayerExtent:
    """How far one place of a layer sees, in pixels of the input.

    Attributes:
        height: from the first to the last row.
        width: from the first to the last column.
        status: ``"exact"``, derived from the graph and not cut off at the frame; or
            ``"measured support"``, the rows and columns whose gradient is not zero for some
            picture, which cannot be larger than the picture.
    """

    height: int
    width: int
    status: Status


@dataclass(frozen=True, eq=False)
class LayerField(Result):
    """The receptive field of one layer at one place.

    Attributes:
        layer: path of the layer in the network.
        extent: how far the place can see, at the first input size.
        effective: float32 (H, W) at the first input size, |gradient| summed over colours, mean
            over what was shown.
        size: of the effective field in pixels, by definition; see ``field_sizes``.
        position: (row, column) in the layer's map that the place falls on.
        table: one row per input size and weights: columns input_size, weights (``given`` or
            ``untrained copy``), rows, columns (of the layer's map), height, width, status (as
            those of :class:`LayerExtent`), the sizes of ``field_sizes``, and of RepLKNet's recipe
            ``replknet_side_20`` ... and ``replknet_area_20`` ... (NaN where its tool finds none).
        record: all that is needed to make the same numbers again.
    """

    MEASURE: ClassVar[str] = "layer_field"
    NOUN: ClassVar[str] = "a layer's receptive field"

    layer: str
    extent: LayerExtent
    effective: Floats = field(repr=False)
    size: dict[str, float]
    position: tuple[int, int]
    table: pd.DataFrame = field(repr=False)
    record: Record = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        """Everything but the map, as plain values."""
        return {
            "record": dict(self.record),
            "layer": self.layer,
            "extent": vars(self.extent),
            "size": self.size,
            "position": list(self.position),
            "table": self.table.to_dict("records"),
        }

    def _table(self) -> pd.DataFrame:
        return map_table(self.effective)

    def _besides(self, *, table: bool) -> dict[str, Any]:
        return {} if table else {"effective": self.effective.tolist()}

    @classmethod
    def _restored(cls, contents: Mapping[str, Any], table: pd.DataFrame | None) -> Self:
        row, column = contents["position"]
        rows = pd.DataFrame(contents["table"])
        numbers = rows.columns[list(rows.columns).index("status") + 1 :]
        return cls(
            layer=contents["layer"],
            extent=LayerExtent(**contents["extent"]),
            effective=map_of(table, contents.get("effective")),
            size={n: np.nan if side is None else side for n, side in contents["size"].items()},
            position=(row, column),
            table=rows.astype(dict.fromkeys(numbers, "float64")),
            record=contents["record"],
        )


def layer_field(
    network: PlainNetwork,
    layer: str,
    pictures: Sequence[Picture],
    *,
    presentation: Presentation,
    scales: Sequence[float] = (1.0,),
    place: tuple[float, float] = (0.5, 0.5),
    input_sizes: Sequence[int] = (),
    untrained: bool = False,
    seed: int | None = None,
    notes: Sequence[str] = (),
    progress: Progress | None = None,
) -> LayerField:
    """Measure the field of a layer.

    Args:
        network: of ``as_plain``.
        layer: path of a layer whose output is a map (N, C, h, w) or (N, h, w, C), or tokens
            (N, h w, C), such as ``layer3.5``.
        pictures: to average over.
        presentation: how they are shown.
        scales: to average over.
        place: (x, y) in [0, 1] of the input.
        input_sizes: in pixels; the network's own if left out.
        untrained: also measure a copy whose layers were reset to random weights (seed 0).
        seed: of the pictures, where they are noise.
        notes: for the record.
        progress: called with (done, total) after each picture.

    Raises:
        ModelError: no such layer, one that gives no map, or a size that the network refuses.
        ScaleError: sizes that make no sense.
    """
    sizes = tuple(input_sizes) or (network.preprocessing.input_size,)
    if any(not isinstance(one, int) or one < 1 for one in sizes) or len(set(sizes)) < len(sizes):
        raise ScaleError(f"The input sizes {sizes} must be different numbers of pixels above 0.")
    check_layer(network.network, layer)
    copies = {"given": network.network}
    notes = list(notes)
    if untrained:
        copies["untrained copy"], kept = untrained_copy(network.network)
        if kept:
            notes.append(
                f"{kept} of its parameters lie outside layers that can be reset, so the untrained "
                "copy has them as given."
            )
    rows: list[dict[str, Any]] = []
    first: _Measured | None = None
    total = len(sizes) * len(copies) * len(pictures) * len(scales)
    done = 0
    for size in sizes:
        preprocessing = replace(network.preprocessing, input_size=size)
        shown = [
            torch.from_numpy(normalise(one.rgb, preprocessing))[None].to(network.device)
            for picture in pictures
            for one in presentation.stimuli(picture, scales, preprocessing)
        ]
        reach = _reach(network.network, layer, size)
        for weights, copied in copies.items():
            found = _Measured()
            for x in shown:
                found.add(*gradient_map(copied, layer, x, place))
                done += 1
                if progress is not None:
                    progress(done, total)
            if found.count < len(shown):
                notes.append(
                    f"{len(shown) - found.count} of {len(shown)} pictures gave no finite gradient "
                    f"at {size} pixels ({weights}) and are left out."
                )
            first = first or found
            rows.append({"input_size": size, "weights": weights} | found.row(reach))
    assert first is not None
    effective = first.absolute
    effective.flags.writeable = False
    top = rows[0]
    record = build_record(
        "layer_field",
        network,
        pictures[0],
        presentation=presentation,
        scales=scales,
        seed=seed,
        notes=notes,
        layer=layer,
        place=place,
        position=first.position,
        input_sizes=sizes,
        untrained=untrained,
        differentiated="sum over channels of ReLU(output) at the position",
        recipes=dict(RECIPES),
        pictures=[{"picture": one.name, "sha256": one.sha256} for one in pictures],
    )
    return LayerField(
        layer,
        LayerExtent(top["height"], top["width"], top["status"]),
        effective,
        {name: top[name] for name in field_sizes(effective, effective, (0, 0))},
        first.position,
        pd.DataFrame(rows),
        record,
    )


class _Measured:
    """The maps of some pictures, added up."""

    def __init__(self) -> None:
        self.count = 0
        self.position = (0, 0)
        self.grid = (0, 0)
        self._absolute: Any = 0.0
        self._positive: Any = 0.0
        self._support: Any = False

    def add(self, gradient: Tensor, position: tuple[int, int], grid: tuple[int, int]) -> None:
        """One picture's gradient (3, H, W)."""
        self.position, self.grid = position, grid
        if not torch.isfinite(gradient).all():
            return
        self.count += 1
        self._absolute = self._absolute + gradient.abs().sum(dim=0).double().cpu().numpy()
        self._positive = self._positive + gradient.clamp_min(0).sum(dim=0).double().cpu().numpy()
        self._support = self._support | (gradient != 0).any(dim=0).cpu().numpy()

    @property
    def absolute(self) -> Floats:
        """Mean of |gradient|, (H, W)."""
        if not self.count:
            raise ModelError("No picture gave a finite gradient: the network's output is not.")
        mean: Floats = (self._absolute / self.count).astype(np.float32)
        return mean

    def row(self, reach: tuple[int, int] | None) -> dict[str, Any]:
        """The columns of the table but for size and weights."""
        absolute, positive = self.absolute, (self._positive / self.count).astype(np.float32)
        height, width = reach or (_span(self._support.any(1)), _span(self._support.any(0)))
        side = absolute.shape[0]
        centre = tuple(
            min(int((one + 0.5) * side / count), side - 1)
            for one, count in zip(self.position, self.grid, strict=True)
        )
        squares = high_contribution(positive)
        return {
            "rows": self.grid[0],
            "columns": self.grid[1],
            "height": height,
            "width": width,
            "status": "exact" if reach else "measured support",
            **field_sizes(absolute, positive, cast("tuple[int, int]", centre)),
            **{f"replknet_side_{round(100 * s.share)}": _number(s.side) for s in squares},
            **{f"replknet_area_{round(100 * s.share)}": _number(s.area_ratio) for s in squares},
        }


def _reach(network: nn.Module, layer: str, side: int) -> tuple[int, int] | None:
    """Height and width of the field in theory; None where the graph does not tell."""
    try:
        found = layer_reach(double_of(network, meta=True), layer, side)
    except Exception:  # a network that does not run without numbers
        return None
    return None if found is None else (found[0].size, found[1].size)


def _span(used: Any) -> int:
    places = np.flatnonzero(used)
    return 0 if not len(places) else int(places[-1] - places[0] + 1)


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)
