"""A private double of a network, to put hooks on while others use the network itself.

A double shares the weights, so it costs a few milliseconds and no memory; its modules are its
own. What is put on it is thrown away with it: nothing needs to be undone, also after an
exception, no lock is needed, and no other thread ever sees it.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from sk_viz.errors import ModelError

if TYPE_CHECKING:
    from sk_viz.networks.units import Unit

_HOOKS = ("_forward_hooks", "_forward_hooks_with_kwargs", "_forward_hooks_always_called")


def double_of(network: nn.Module, *, meta: bool = False) -> nn.Module:
    """A double of a network, in evaluation mode, whose weights ask for no gradient.

    Forward hooks that somebody has on the network at this moment are left behind.

    Args:
        network: any network; it is not changed.
        meta: leave the numbers away too, for a forward that costs nothing and only tells shapes.
    """
    memo: dict[int, object] = {}
    # Tensors made in inference mode could not be differentiated through.
    with torch.inference_mode(False):
        for parameter in network.parameters():
            memo[id(parameter)] = nn.Parameter(_shared(parameter, meta), requires_grad=False)
        for buffer in network.buffers():
            memo[id(buffer)] = _shared(buffer, meta)
    for module in network.modules():
        for name in _HOOKS:
            memo[id(getattr(module, name))] = OrderedDict()
    return copy.deepcopy(network, memo).eval()


def hold_gates(double: nn.Module, units: tuple[Unit, ...]) -> None:
    """Make the branch weights that a double chooses constants of differentiation, in place."""
    for unit in units:
        double.get_submodule(unit.path).register_forward_hook(_as_constant)


def selective_module(network: nn.Module, unit: Unit) -> nn.Module:
    """The module of a unit that holds its branches; its output is their weighted sum V."""
    return network.get_submodule(unit.path.rpartition(".")[0])


def branch_modules(network: nn.Module, unit: Unit) -> tuple[nn.Module, ...]:
    """The branches of a unit, in the order of its kernels.

    Raises:
        ModelError: no part of the unit holds one convolution of each of its kernels.
    """
    for container in selective_module(network, unit).children():
        branches = tuple(container.children())
        if tuple(_extent(branch) for branch in branches) == unit.kernels:
            return branches
    raise ModelError(f"The branches of {unit.name} were not found: its convolutions lie elsewhere.")


def _extent(branch: nn.Module) -> int | None:
    convolutions = [m for m in branch.modules() if isinstance(m, nn.Conv2d)]
    if len(convolutions) != 1:
        return None
    return 1 + int(convolutions[0].dilation[0]) * (int(convolutions[0].kernel_size[0]) - 1)


def _shared(tensor: Tensor, meta: bool) -> Tensor:
    return torch.empty_like(tensor, device="meta") if meta else tensor.detach()


def _as_constant(_module: nn.Module, _inputs: object, output: Tensor) -> Tensor:
    return output.detach()
