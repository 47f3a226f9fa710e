"""The receptive field in theory: which pixels a branch can depend on, derived from the graph.

A forward without numbers (on torch's meta device) records the graph of the operations that really
ran, whatever control flow, splits and shortcuts the network has. Walking it from the input to a
branch composes intervals: an operation of extent k, stride s and padding p that reads a map of
stride j and start b makes a map of stride s j, whose field starts (p j) earlier and is (k - 1) j
wider. Where paths meet, the shortest, the longest and the hull of all are kept. Araujo, Norris,
Sim: Computing Receptive Fields of Convolutional Neural Networks, Distill 2019.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from sk_viz.errors import ModelError
from sk_viz.networks.double import branch_modules, double_of
from sk_viz.networks.tracing.reading import reading
from sk_viz.pictures import Box

if TYPE_CHECKING:
    from torch.autograd.graph import Node

    from sk_viz.networks.units import Unit

Status = Literal["exact", "upper bound"]

# Elementwise operations: each position depends on itself.
_POINTWISE = frozenset(
    [
        "Relu",
        "LeakyRelu",
        "PreluKernel",
        "Elu",
        "Gelu",
        "Silu",
        "Mish",
        "Softplus",
        "Sigmoid",
        "Tanh",
        "Threshold",
        "Hardtanh",
        "Clamp",
        "Hardswish",
        "Hardsigmoid",
        "Add",
        "Sub",
        "Mul",
        "Div",
        "Neg",
        "Exp",
        "Pow",
        "Sqrt",
        "Abs",
        "NativeBatchNorm",
        "CudnnBatchNorm",
        "MiopenBatchNorm",
        "NativeDropout",
        "Clone",
        "ToCopy",
        "Alias",
    ]
)
# Operations that rearrange or add channels; they count if height and width pass unchanged.
_JOINING = frozenset(("Stack", "Cat"))
_PARTING = frozenset(["Split", "SplitWithSizes", "Unbind", "Select", "Slice"])
_REARRANGING = frozenset(
    [
        "Sum",
        "View",
        "UnsafeView",
        "ReshapeAlias",
        "Squeeze",
        "Unsqueeze",
        "Expand",
        "Permute",
        "Transpose",
    ]
)


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
        status: ``"exact"``; or ``"upper bound"`` where an operation on the way is none whose
            reach is known: then the whole picture is given.
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
    # Another width, so that an operation that mixes the two axes cannot pass for one that does not.
    height, width = input_size, input_size + 32
    double = double_of(network, meta=True)
    outputs: dict[tuple[str, int], tuple[Node | None, torch.Size]] = {}
    for unit in units:
        for index, module in enumerate(branch_modules(double, unit)):
            module.register_forward_hook(_keep(outputs, (unit.name, index)))
    with torch.inference_mode(False), torch.enable_grad():
        x = torch.empty(1, 3, height, width, device="meta", requires_grad=True)
        with reading(double, units, constant=True):
            double(x)
    reaches: dict[Node, _Reach | None] = {}
    return {
        unit.name: tuple(
            _branch_field(unit, index, outputs, reaches, input_size)
            for index in range(len(unit.kernels))
        )
        for unit in units
    }


@dataclass(frozen=True)
class LayerReach:
    """What every position of a layer's output can depend on, along one axis of the input.

    Attributes:
        size: of the hull over all paths, pixels.
        start: of the hull for position 0, pixels; negative where it lies in the padding.
        stride: pixels between the fields of neighbouring positions.
    """

    size: int
    start: int
    stride: int


def layer_reach(double: nn.Module, layer: str, side: int) -> tuple[LayerReach, LayerReach] | None:
    """The reach of a layer of any network along the height and the width, from its graph.

    Costs one forward without numbers.

    Args:
        double: of ``double_of(network, meta=True)``; a hook is put on it.
        layer: path of a layer whose output is (N, C, H, W).
        side: of the input, pixels.

    Returns:
        None where an operation on the way is not one whose reach is known, such as attention or a
        mean over the whole map: then nothing is known but what is measured.
    """
    nodes: list[Node | None] = []

    def keep(_module: nn.Module, _inputs: object, output: Tensor) -> None:
        nodes.append(output.grad_fn)

    double.get_submodule(layer).register_forward_hook(keep)
    with torch.inference_mode(False), torch.enable_grad():
        double(torch.empty(1, 3, side, side, device="meta", requires_grad=True))
    reach = None if nodes[0] is None else _walk(nodes[0], {})
    if reach is None:
        return None
    height, width = (
        LayerReach(line.hull[1] - line.hull[0] + 1, line.hull[0], line.stride)
        for line in (reach.rows, reach.columns)
    )
    return height, width


@dataclass(frozen=True)
class _Line:
    """Along one axis: stride, and first and last pixel of position 0 by three reckonings."""

    stride: int
    hull: tuple[int, int]
    small: tuple[int, int]
    large: tuple[int, int]

    def through(self, extent: int, stride: int, padding: int) -> _Line:
        """Read by an operation that covers ``extent`` positions."""
        first = -padding * self.stride
        last = first + (extent - 1) * self.stride
        ends = ((a + first, b + last) for a, b in (self.hull, self.small, self.large))
        return _Line(self.stride * stride, *ends)


@dataclass(frozen=True)
class _Reach:
    """What each position of a map depends on.

    Attributes:
        rows: along the height.
        columns: along the width.
        mixed: some channels may see less than others, so a part of them may see less than all.
    """

    rows: _Line
    columns: _Line
    mixed: bool = False


_INPUT = _Reach(_Line(1, (0, 0), (0, 0), (0, 0)), _Line(1, (0, 0), (0, 0), (0, 0)))


def _keep(
    outputs: dict[tuple[str, int], tuple[Node | None, torch.Size]], key: tuple[str, int]
) -> Any:
    def hook(_module: nn.Module, _inputs: object, output: Tensor) -> None:
        # The node and not the tensor: what follows may change the tensor in place.
        outputs[key] = output.grad_fn, output.shape

    return hook


def _branch_field(
    unit: Unit,
    index: int,
    outputs: dict[tuple[str, int], tuple[Node | None, torch.Size]],
    reaches: dict[Node, _Reach | None],
    input_size: int,
) -> BranchField:
    node, shape = outputs.get((unit.name, index), (None, torch.Size()))
    if node is None:
        raise ModelError(f"Branch {index} of {unit.name} does not depend on the picture.")
    reach = _walk(node, reaches)
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


def _walk(end: Node, reaches: dict[Node, _Reach | None]) -> _Reach | None:
    """The reach of a node, after those of all that it reads; None is the whole picture."""
    waiting = [end]
    while waiting:
        node = waiting[-1]
        before = [n for n, _ in node.next_functions if n is not None]
        missing = [n for n in before if n not in reaches]
        if missing and node not in reaches:
            waiting += missing
            continue
        waiting.pop()
        if node not in reaches:
            reaches[node] = _reach(node, before, reaches)
    return reaches[end]


def _reach(node: Node, before: list[Node], reaches: dict[Node, _Reach | None]) -> _Reach | None:
    if not before:
        return _INPUT  # the weights ask for no gradient, so the picture is the only leaf
    read = [reach for n in before if (reach := reaches[n]) is not None]
    if len(read) < len(before):
        return None
    kind = re.sub(r"Backward\d*$", "", node.name())
    met = _meet(read)
    if met is None or kind in _POINTWISE:
        return met
    if kind in _JOINING | _PARTING | _REARRANGING:
        return _rearranged(kind, node, before, read, met)
    window = _window(kind, node)
    if window is None:
        return None
    rows, columns = (
        line.through(*along) for line, along in zip((met.rows, met.columns), window, strict=True)
    )
    channels_mix = kind == "Convolution" and _saved(node, "groups") == 1
    return _Reach(rows, columns, met.mixed and not channels_mix)


def _meet(read: list[_Reach]) -> _Reach | None:
    """What a sum of maps depends on; None if their positions do not fall together."""
    rows, columns = (_join([r.rows for r in read]), _join([r.columns for r in read]))
    if rows is None or columns is None:
        return None
    return _Reach(rows, columns, any(reach.mixed for reach in read))


def _join(paths: list[_Line]) -> _Line | None:
    if len({path.stride for path in paths}) > 1:
        return None
    hull = min(p.hull[0] for p in paths), max(p.hull[1] for p in paths)
    small = min((p.small for p in paths), key=lambda ends: ends[1] - ends[0])
    large = max((p.large for p in paths), key=lambda ends: ends[1] - ends[0])
    return _Line(paths[0].stride, hull, small, large)


def _rearranged(
    kind: str, node: Node, before: list[Node], read: list[_Reach], met: _Reach
) -> _Reach | None:
    sides = {_shape(n)[-2:] for n in (node, *before)}
    if len(sides) > 1 or (kind in _PARTING and met.mixed):
        return None
    unequal = len({(reach.rows.hull, reach.columns.hull) for reach in read}) > 1
    mixed = met.mixed or (kind in _JOINING and unequal)
    return _Reach(met.rows, met.columns, mixed and kind != "Sum")


def _window(kind: str, node: Node) -> tuple[tuple[int, int, int], tuple[int, int, int]] | None:
    """Extent, stride and padding along rows and columns; None for an operation not known."""
    if kind == "ConstantPadNd":
        pad = [*_saved(node, "pad"), 0, 0, 0]  # left, right, top, bottom
        return (1, 1, pad[2]), (1, 1, pad[0])
    if kind == "Convolution" and not _saved(node, "transposed"):
        kernel = tuple(_saved(node, "weight").shape[2:])
        dilation = _saved(node, "dilation")
    elif kind in ("MaxPool2DWithIndices", "AvgPool2D"):
        kernel = _saved(node, "kernel_size")
        dilation = _saved(node, "dilation") if kind == "MaxPool2DWithIndices" else (1, 1)
    else:
        return None
    stride, padding = _saved(node, "stride") or kernel, _saved(node, "padding")
    if not len(kernel) == len(dilation) == len(stride) == len(padding) == 2:
        return None
    extents = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    return (extents[0], stride[0], padding[0]), (extents[1], stride[1], padding[1])


def _saved(node: Node, name: str) -> Any:
    """What an operation kept for its backward (torch's ``grad_fn._saved_*``)."""
    return getattr(node, f"_saved_{name}")


def _shape(node: Node) -> tuple[int, ...]:
    """The shape of what an operation made; its first result's, if there were several."""
    return tuple(node._input_metadata[0].shape)
