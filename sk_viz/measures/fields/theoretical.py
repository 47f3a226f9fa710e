"""The receptive field in theory: which pixels a branch can depend on, derived from the graph.

A forward without numbers (on torch's meta device) records the graph of the operations that really
ran, whatever control flow, splits and shortcuts the network has. Walking it from the input to a
branch composes intervals: an operation of extent k, stride s and padding p that reads a map of
stride j and start b makes a map of stride s j, whose field starts (p j) earlier and is (k - 1) j
wider. Where paths meet, the shortest, the longest and the hull of all are kept. Araujo, Norris,
Sim: Computing Receptive Fields of Convolutional Neural Networks, Distill 2019.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import count
from typing import TYPE_CHECKING, Any, Literal
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from sk_viz.errors import ModelError
from sk_viz.measures.fields.graph import Reach, walk
from sk_viz.networks.double import branch_modules, double_of
from sk_viz.networks.tracing.reading import reading
from sk_viz.pictures import Box

if TYPE_CHECKING:
    from torch.autograd.graph import Node

    from sk_viz.networks.units import Unit

Status = Literal["exact", "upper bound"]


@dataclass(frozen=True)
class Extent:
    """The pixels that one position depends on, along one axis of the input.

    Attributes:
        start: first pixel of the field of position 0; negative where it lies in the padding.
        size: number of pixels from the first to the last.
    """

    start: int
    size: int

    @property
    def centre(self) -> float:
        """Coordinate of its middle, in pixels; the middle of pixel 0 is 0."""
        return self.start + (self.size - 1) / 2


@dataclass(frozen=True)
class BranchField:
    """The theoretical receptive field of one branch of a unit, with all branch weights held.

    Both axes are alike. Position p along an axis depends on the pixels
    ``start + stride * p`` to ``start + stride * p + size - 1`` at most, as far as they lie in the
    picture: every other pixel has a gradient of exactly zero, and the first and the last of them
    can have one. Pixels between may be left out where a dilated kernel is wider than what it
    reads.

    Attributes:
        unit: name of the unit.
        branch: from 0, in the order of the branch weights.
        kernel: extent of the branch's own kernel.
        stride: pixels between the fields of neighbouring positions.
        size: of the hull over all paths, pixels.
        start: of the hull for position 0, pixels; negative where it lies in the padding.
        smallest: the path that sees least: shortcuts, and the smallest kernels before this unit.
        largest: the path that sees most.
        grid: positions along a side at the model's input size.
        input_size: that size, pixels.
        status: ``"exact"``; or ``"upper bound"`` where an operation on the way has no
            known reach: then the whole picture is given.
    """

    unit: str
    branch: int
    kernel: int
    stride: int
    size: int
    start: int
    smallest: Extent
    largest: Extent
    grid: int
    input_size: int
    status: Status

    @property
    def centre(self) -> float:
        """Pixel coordinate of the middle of the field of position 0."""
        return self.start + (self.size - 1) / 2

    def box(self, row: int, column: int) -> Box:
        """The field of one position in the input, not clipped to it; right and bottom excluded."""
        step = 0 if self.status == "upper bound" else self.stride
        left, top = self.start + step * column, self.start + step * row
        return Box(left, top, left + self.size, top + self.size)

    def to_record(self) -> dict[str, Any]:
        """Everything as plain values, the centre included."""
        return {**asdict(self), "centre": self.centre}

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> BranchField:
        """The field whose :meth:`to_record` this is."""
        kept = {name: value for name, value in record.items() if name != "centre"}
        ends = {name: Extent(**kept[name]) for name in ("smallest", "largest")}
        return cls(**{**kept, **ends})


def theoretical_fields(
    network: nn.Module, units: tuple[Unit, ...], input_size: int
) -> dict[str, tuple[BranchField, ...]]:
    """The field of every branch of every unit, in the order of the kernels, by unit name.

    Costs one forward without numbers, once for each network and size; the network itself is not
    run and not changed.

    Args:
        network: any network with SK units.
        units: all of its units.
        input_size: side of its input, pixels.

    Raises:
        ModelError: branches that cannot be found or are never run, or fields that are not square.
    """
    known = _known.setdefault(network, {})
    if (units, input_size) not in known:
        known[units, input_size] = _derived(network, units, input_size)
    return dict(known[units, input_size])


_Fields = dict[str, tuple[BranchField, ...]]
_known: WeakKeyDictionary[nn.Module, dict[tuple[tuple[Unit, ...], int], _Fields]] = (
    WeakKeyDictionary()
)


def _derived(network: nn.Module, units: tuple[Unit, ...], input_size: int) -> _Fields:
    try:
        # Another width, so that an operation that mixes the two axes cannot pass for one that does
        # not.
        return _followed(network, units, input_size, input_size + 32)
    except RuntimeError:  # a network that takes its own input size alone
        return _followed(network, units, input_size, input_size)


def _followed(network: nn.Module, units: tuple[Unit, ...], input_size: int, width: int) -> _Fields:
    double = double_of(network, meta=True)
    outputs: dict[tuple[str, int], tuple[Node | None, torch.Size]] = {}
    hidden: list[str] = []  # units whose branches are not modules
    for unit in units:
        try:
            modules = branch_modules(double, unit)
        except ModelError:
            hidden.append(unit.name)
            continue
        for index, module in enumerate(modules):
            turn = unit.turn(units)
            module.register_forward_hook(_keep(outputs, (unit.name, index), turn))
    with torch.inference_mode(False), torch.enable_grad():
        x = torch.empty(1, 3, input_size, width, device="meta", requires_grad=True)
        with reading(double, units, constant=True, sums=hidden) as read:
            double(x)
    for unit in units:
        if unit.name in hidden:
            shape = read.sums[unit.name].shape
            outputs.update({(unit.name, m): (None, shape) for m in range(len(unit.kernels))})
    reaches: dict[Node, Reach | None] = {}
    return {
        unit.name: tuple(
            _branch_field(unit, index, outputs, reaches, input_size)
            for index in range(len(unit.kernels))
        )
        for unit in units
    }


def _keep(
    outputs: dict[tuple[str, int], tuple[Node | None, torch.Size]], key: tuple[str, int], turn: int
) -> Any:
    runs = count()

    def hook(_module: nn.Module, _inputs: object, output: Tensor) -> None:
        if next(runs) == turn:
            # The node and not the tensor: what follows may change the tensor in place.
            outputs[key] = output.grad_fn, output.shape

    return hook


def _branch_field(
    unit: Unit,
    index: int,
    outputs: dict[tuple[str, int], tuple[Node | None, torch.Size]],
    reaches: dict[Node, Reach | None],
    input_size: int,
) -> BranchField:
    if (unit.name, index) not in outputs:
        raise ModelError(f"Branch {index} of {unit.name} was not run.")
    node, shape = outputs[unit.name, index]
    reach = None if node is None else walk(node, reaches)
    if reach is None:
        stride = round(input_size / shape[-2])
        hull = small = large = Extent(0, input_size)
    elif reach.rows != reach.columns:
        raise ModelError(f"The field of {unit.name} is not square; only square kernels are shown.")
    else:
        line = reach.rows
        stride = line.stride
        hull, small, large = (
            Extent(first, last - first + 1) for first, last in (line.hull, line.small, line.large)
        )
    return BranchField(
        unit=unit.name,
        branch=index,
        kernel=unit.kernels[index],
        stride=stride,
        size=hull.size,
        start=hull.start,
        smallest=small,
        largest=large,
        grid=shape[-2],
        input_size=input_size,
        status="upper bound" if reach is None else "exact",
    )
