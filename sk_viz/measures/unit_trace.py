"""One unit opened: every number between its input and its output, for one picture.

Paper, section 3.1, equations 1-6. Only the networks of this project show all of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from sk_viz.errors import ModelError
from sk_viz.measures.reading import to_tensor
from sk_viz.networks.selective_kernel import SelectiveKernelConv
from sk_viz.networks.sknet import SKBottleneck, SKNet
from sk_viz.pictures import Stimulus

if TYPE_CHECKING:
    from sk_viz.networks.units import Unit
    from sk_viz.zoo.model import Model

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Convolution:
    """The shape of a branch's convolution.

    Attributes:
        size: entries of the kernel on a side, 3 when it is dilated.
        dilation: pixels from one entry to the next.
        stride: pixels of the input from one place of the output to the next.
        groups: groups G.
    """

    size: int
    dilation: int
    stride: int
    groups: int

    def looks_at(self, row: int, column: int) -> npt.NDArray[np.int64]:
        """The places of the input that one place of the output is made from.

        Returns:
            (size * size, 2) rows and columns; below 0 or beyond the map where padding is read.
        """
        steps = (np.arange(self.size) - self.size // 2) * self.dilation
        rows, columns = np.meshgrid(
            row * self.stride + steps, column * self.stride + steps, indexing="ij"
        )
        return np.stack([rows.ravel(), columns.ravel()], axis=1)


@dataclass(frozen=True, eq=False)
class UnitTrace:
    """What one unit did with one picture. All numbers are exact: those of the forward itself.

    Attributes:
        unit: the unit.
        convolutions: of each branch.
        entering: float32 (C_in, H_in, W_in), what the unit is given.
        branches: (M, C, H, W), at least 0: the outputs of Split, smallest kernel first.
        summed: (C, H, W), their sum U (equation 1).
        pooled: (C,), the mean s over all places of U (equation 2).
        compact: (d,), the compact feature z (equation 3).
        rows: (M, C, d), the rows A_c, B_c, ... of the second linear map.
        logits: (M, C), what goes into the softmax: rows times z, and a bias where there is one.
        weights: (M, C) in [0, 1], summing to 1 over M (equation 5).
        output: (C, H, W), the weighted sum V (equation 6).
    """

    unit: Unit
    convolutions: tuple[Convolution, ...]
    entering: Floats
    branches: Floats
    summed: Floats
    pooled: Floats
    compact: Floats
    rows: Floats
    logits: Floats
    weights: Floats
    output: Floats


@dataclass(frozen=True)
class Parameters:
    """How many numbers a unit has learned.

    Attributes:
        branches: of each branch: convolution and batch norm.
        fuse: of the first linear map and what follows it.
        select: of the second linear map.
    """

    branches: tuple[int, ...]
    fuse: int
    select: int

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.branches) + self.fuse + self.select


def trace_unit(model: Model, stimulus: Stimulus, unit: str) -> UnitTrace:
    """Run a network up to one unit, and that unit with every intermediate kept.

    Nothing is put on the network, so any number of threads may trace it at once.

    Args:
        model: one of this project's networks.
        stimulus: what the network is shown.
        unit: its name.

    Raises:
        ModelError: another network, or no such unit.
    """
    found, selective = _find(model, unit)
    network = model.network
    assert isinstance(network, SKNet)
    with torch.inference_mode():
        x = network.stem(to_tensor([stimulus], model))
        for name, block in network.blocks.items():
            assert isinstance(block, SKBottleneck)
            if name == unit:
                x = block.reduce(x)
                break
            x = block(x)
        seen = selective.trace(x)
        assert selective.select is not None
        rows = selective.select.weight.view(len(found.kernels), found.channels, -1)
    return UnitTrace(
        unit=found,
        convolutions=tuple(map(_convolution, selective.branches)),
        entering=_array(x[0]),
        branches=_array(seen.branches[0]),
        summed=_array(seen.summed[0]),
        pooled=_array(seen.pooled[0]),
        compact=_array(seen.compact[0]),
        rows=_array(rows),
        logits=_array(seen.logits[0]),
        weights=_array(seen.weights[0]),
        output=_array(seen.output[0]),
    )


def pushed_weights(logits: Floats, branch: int, push: float) -> Floats:
    """The branch weights if one branch's logit were higher: equation 5 once more, no forward.

    Args:
        logits: (M,) or (M, C).
        branch: whose logit is pushed, counted from the smallest kernel.
        push: what is added to it.

    Returns:
        The same shape, in [0, 1] and summing to 1 over M.
    """
    moved = logits.astype(np.float64)
    moved[branch] += push
    powers = np.exp(moved - moved.max(axis=0))
    weights: Floats = (powers / powers.sum(axis=0)).astype(np.float32)
    return weights


def count_parameters(model: Model, unit: str) -> tuple[Parameters, Parameters]:
    """The parameters of a unit, and those of the same unit in the plain variant.

    The plain variant is that of the note by pprp this project began with: real k x k kernels in
    place of dilated ones, no batch norm and no ReLU on z, and biases everywhere.

    Raises:
        ModelError: a network that is not one of this project's, or no such unit.
    """
    _, own = _find(model, unit)
    first = own.branches[0][0]  # type: ignore[index]
    assert isinstance(first, nn.Conv2d)
    assert own.fuse is not None
    reduce = own.fuse[0]  # type: ignore[index]
    assert isinstance(reduce, nn.Conv2d)
    with torch.device("meta"):  # shapes without numbers
        plain = SelectiveKernelConv(
            first.in_channels,
            own.channels,
            kernels=own.kernels,
            groups=first.groups,
            reduction=own.channels,
            min_features=reduce.out_channels,
            dense=True,
            fuse="plain",
            bias=True,
        )
    return _count(own), _count(plain)


def _count(unit: SelectiveKernelConv) -> Parameters:
    def number(module: nn.Module | None) -> int:
        return 0 if module is None else sum(p.numel() for p in module.parameters())

    return Parameters(tuple(map(number, unit.branches)), number(unit.fuse), number(unit.select))


def _find(model: Model, unit: str) -> tuple[Unit, SelectiveKernelConv]:
    if not isinstance(model.network, SKNet):
        raise ModelError(
            f"{model.id} is not built by this project, so its units cannot be walked step by "
            "step: choose sknet_tiny or another SKNet."
        )
    for found in model.units:
        if found.name == unit:
            block = model.network.blocks[unit]
            assert isinstance(block, SKBottleneck)
            return found, block.sk
    names = ", ".join(one.name for one in model.units)
    raise ModelError(f"There is no unit {unit!r}: choose one of {names}.")


def _convolution(branch: nn.Module) -> Convolution:
    layer = branch[0]  # type: ignore[index]
    assert isinstance(layer, nn.Conv2d)
    return Convolution(layer.kernel_size[0], layer.dilation[0], layer.stride[0], layer.groups)


def _array(tensor: torch.Tensor) -> Floats:
    array: Floats = tensor.float().cpu().numpy()
    array.flags.writeable = False
    return array
