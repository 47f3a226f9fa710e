"""What each position of a map can depend on, from the graph that autograd recorded.

An operation of extent k, stride s and padding p that reads a map of stride j and start b makes a
map of stride s j, whose field starts (p j) earlier and is (k - 1) j wider. Where paths meet, the
shortest, the longest and the hull of all are kept. Araujo, Norris, Sim: Computing Receptive Fields
of Convolutional Neural Networks, Distill 2019.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from torch.autograd.graph import Node

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
    reach = None if nodes[0] is None else walk(nodes[0], {})
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
class Reach:
    """What each position of a map depends on.

    Attributes:
        rows: along the height.
        columns: along the width.
        mixed: some channels may see less than others, so a part of them may see less than all.
    """

    rows: _Line
    columns: _Line
    mixed: bool = False


_INPUT = Reach(_Line(1, (0, 0), (0, 0), (0, 0)), _Line(1, (0, 0), (0, 0), (0, 0)))


def walk(end: Node, reaches: dict[Node, Reach | None]) -> Reach | None:
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


def _reach(node: Node, before: list[Node], reaches: dict[Node, Reach | None]) -> Reach | None:
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
    return Reach(rows, columns, met.mixed and not channels_mix)


def _meet(read: list[Reach]) -> Reach | None:
    """What a sum of maps depends on; None if their positions do not fall together."""
    rows, columns = (_join([r.rows for r in read]), _join([r.columns for r in read]))
    if rows is None or columns is None:
        return None
    return Reach(rows, columns, any(reach.mixed for reach in read))


def _join(paths: list[_Line]) -> _Line | None:
    if len({path.stride for path in paths}) > 1:
        return None
    hull = min(p.hull[0] for p in paths), max(p.hull[1] for p in paths)
    small = min((p.small for p in paths), key=lambda ends: ends[1] - ends[0])
    large = max((p.large for p in paths), key=lambda ends: ends[1] - ends[0])
    return _Line(paths[0].stride, hull, small, large)


def _rearranged(
    kind: str, node: Node, before: list[Node], read: list[Reach], met: Reach
) -> Reach | None:
    sides = {_shape(n)[-2:] for n in (node, *before)}
    if len(sides) > 1 or (kind in _PARTING and met.mixed):
        return None
    unequal = len({(reach.rows.hull, reach.columns.hull) for reach in read}) > 1
    mixed = met.mixed or (kind in _JOINING and unequal)
    return Reach(met.rows, met.columns, mixed and kind != "Sum")


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
