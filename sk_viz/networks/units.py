"""The units of any network: found by what it computes, not by the names of its modules."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from sk_viz.errors import ModelError
from sk_viz.networks.selective_kernel import SelectiveKernelConv
from sk_viz.networks.sknet import SKNet
from sk_viz.networks.tracing.example import Example, unwrapped
from sk_viz.networks.tracing.kinds import NearMiss
from sk_viz.networks.tracing.layout import Layout, Role
from sk_viz.networks.tracing.recognition import Recognition, recognise, refusal
from sk_viz.networks.unit import Unit

__all__ = ["Recognition", "Unit", "near_misses", "recognition", "units"]

_LAYOUT_AXES: tuple[tuple[Role, ...], ...] = (("picture",), ("branch",), ("channel",))


def units(module: Any, example: Example | None = None) -> tuple[Unit, ...]:
    """The units of a network, in the order in which they run.

    One forward of a private copy is followed operation by operation. What counts is that a softmax
    shares out weights, that each weighs the map of another branch, that these are summed, and that
    the branches' convolutions differ in extent. A unit's stage changes where the number of its
    channels or the name of the part of the network that it lies in changes; without such names
    also where its resolution does. Names of the form ``SK_3_4`` in the network's paths are kept.

    Args:
        module: a loaded model, or any network with one, two or three axes of space.
        example: an input of the network: a tensor, a tuple of arguments, or a dict of arguments by
            name. Without one, noise of several sizes is tried.

    Raises:
        ModelError: the network has no unit, and the message says what it has instead; it cannot be
            copied or run; this is not a network.
    """
    own = getattr(module, "units", None)
    if isinstance(own, tuple) and all(isinstance(unit, Unit) for unit in own):
        return own
    if not isinstance(module, nn.Module):
        raise ModelError(
            f"{type(module).__name__} is not a model: give one of sk_viz.load_model, or a torch "
            "module."
        )
    return found_units(module, recognition(module, example))


def found_units(module: nn.Module, found: Recognition) -> tuple[Unit, ...]:
    """The units of what was recognised.

    Raises:
        ModelError: there is none, and the message says what there is instead.
    """
    if not found.units:
        raise ModelError(refusal(module, found))
    return found.units


def near_misses(module: nn.Module, example: Example | None = None) -> tuple[NearMiss, ...]:
    """What resembles a choice between kernels in a network and is not one, with the reason.

    Args:
        module: any network.
        example: as in :func:`units`.

    Raises:
        ModelError: the network cannot be copied or run.
    """
    return recognition(module, example).near_misses


def recognition(
    module: nn.Module, example: Example | None = None, *, again: bool = True
) -> Recognition:
    """Units and near misses of a network; of this project's networks without running them.

    Args:
        module: any network.
        example: as in :func:`units`.
        again: look again when weights have changed, as in ``recognise``.

    Raises:
        ModelError: the network cannot be copied or run, or selects nothing by its settings.
    """
    network = unwrapped(module)
    if isinstance(network, SKNet):
        return Recognition(_own_units(network), ())
    for path, part in network.named_modules():
        if isinstance(part, SelectiveKernelConv) and not part.selects:
            raise ModelError(f"{path or 'This module'} is not an SK unit: {_SELECTS_NOTHING}")
    return recognise(network, example, again=again)


_SELECTS_NOTHING = "it has one branch or adds its branches, so it selects nothing."


def _own_units(network: SKNet) -> tuple[Unit, ...]:
    found: list[Unit] = []
    for name, block in network.blocks.items():
        unit = block.sk
        assert isinstance(unit, SelectiveKernelConv)
        if not unit.selects:
            raise ModelError(f"blocks.{name}.sk is not an SK unit: {_SELECTS_NOTHING}")
        stage, number = name.split("_")[1:]
        count = len(unit.kernels)
        path = f"blocks.{name}.sk"
        found.append(
            Unit(
                name=name,
                stage=int(stage),
                block=int(number),
                kernels=unit.kernels,
                channels=unit.channels,
                path=f"{path}.softmax",
                split_input=False,
                dead=_is_dead(unit),
                extents=tuple((kernel, kernel) for kernel in unit.kernels),
                composite=(False,) * count,
                convolutions=tuple((f"{path}.branches.{m}.0",) for m in range(count)),
                layout=Layout(
                    _LAYOUT_AXES, ((0,), (count,), (unit.channels,)), tuple(range(count))
                ),
                # An index and a product for each branch, and their sums.
                steps=3 * count - 1,
            )
        )
    return tuple(found)


def _is_dead(unit: SelectiveKernelConv) -> bool:
    """Whether the rows of its last linear map are equal, or its branches one and the same."""
    if len({id(branch) for branch in unit.branches}) == 1:
        return True
    assert unit.select is not None
    rows = [unit.select.weight.detach().flatten(1)]
    if unit.select.bias is not None:
        rows.append(unit.select.bias.detach()[:, None])
    each: Tensor = torch.cat(rows, dim=1).view(len(unit.kernels), unit.channels, -1)
    if each.is_meta:
        return False
    return all(torch.equal(each[0], other) for other in each[1:])
